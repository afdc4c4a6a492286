"""Votes that another program brings, signed: it speaks for the seats it was given, and each message counts once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from pydantic import ValidationError
from sqlalchemy import Connection

from api.deps import Here, House
from api.schemas.board import SignedVote, VoteReceived
from api.settings_sections import IncomingWebhook
from api.signatures import Signed, key_of, verify
from engine.ballots import Choice
from engine.errors import Invalid, SeatNotYours, SignatureInvalid
from engine.store import stored
from engine.voting import Cast, cast
from workflows.membership.definition import MEMBERSHIP

router = APIRouter(tags=["webhooks"])
_SEEN = "SELECT 1 FROM webhook_receipt WHERE source = ? AND message_id = ?"
_KEEP = "INSERT INTO webhook_receipt (source, message_id, at) VALUES (?, ?, ?)"
_SIGNED = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SignedVote.model_json_schema()}},
    }
}


async def signed_message(request: Request) -> Signed:
    """Return what came, byte for byte; a header that is there twice counts as missing."""

    def once(name: str) -> str | None:
        found = request.headers.getlist(name)
        return found[0] if len(found) == 1 else None

    return Signed(once("webhook-id"), once("webhook-timestamp"), once("webhook-signature"), await request.body())


def announced(
    webhook_id: Annotated[str | None, Header(description="Names the message: sent again, it has no effect.")] = None,
    webhook_timestamp: Annotated[str | None, Header(description="Seconds since 1970, within five minutes.")] = None,
    webhook_signature: Annotated[str | None, Header(description="v1, and the base64 of the signature.")] = None,
) -> None:
    """Describe the headers of a signed message in the API's documentation; they are read as they came."""


@router.post("/webhooks/votes", openapi_extra=_SIGNED, dependencies=[Depends(announced)])
def receive_vote(house: Here, message: Annotated[Signed, Depends(signed_message)]) -> VoteReceived:
    """Count a vote brought by a signed message. Sent again, it is answered again and has no effect, for ever."""
    sources = _signers(house.settings.webhooks.incoming, message, house.clock())
    vote = _vote_in(message.body)
    source = next((name for name, known in sources.items() if vote.seat in known.seats), None)
    if source is None:
        raise SeatNotYours(seat="This source's")
    counted = _count(house, source, str(message.id), vote, house.now())
    return VoteReceived(ballot=vote.ballot, seat=vote.seat, counted=counted)


def _signers(known: Mapping[str, IncomingWebhook], message: Signed, now: datetime) -> dict[str, IncomingWebhook]:
    """Which sources signed a message. Raises SignatureInvalid when none did."""
    signers = {name: source for name, source in known.items() if _has_signed(source, message, now)}
    if not signers:
        raise SignatureInvalid
    return signers


def _has_signed(source: IncomingWebhook, message: Signed, now: datetime) -> bool:
    try:
        verify(key_of(source.verifying_secret()), message, now)
    except SignatureInvalid:
        return False
    return True


def _vote_in(body: bytes) -> SignedVote:
    """Read a vote. Raises Invalid; what was sent is not repeated."""
    try:
        return SignedVote.model_validate_json(body)
    except ValidationError as error:
        fields = sorted({str(one["loc"][0]) for one in error.errors() if one["loc"]} & SignedVote.model_fields.keys())
        raise Invalid(reason=f"the message is not a vote: {', '.join(fields) or 'its shape'}") from None


def _count(house: House, source: str, message_id: str, vote: SignedVote, now: datetime) -> bool:
    """Count a vote and remember its message, in one transaction; False for a message that was seen before."""
    with house.engine.acting(MEMBERSHIP, now) as work:
        if _was_seen(work.connection, source, message_id):
            return False
        cast(work, [Cast(vote.ballot, vote.seat, Choice(vote.choice), vote.comment)], f"webhook:{source}")
        work.connection.exec_driver_sql(_KEEP, (source, message_id, stored(now)))
    return True


def _was_seen(connection: Connection, source: str, message_id: str) -> bool:
    return connection.exec_driver_sql(_SEEN, (source, message_id)).fetchone() is not None
