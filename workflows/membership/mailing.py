"""Outbox rows of the mails to members: one per recipient, with what the text will need, frozen now."""

import json
from datetime import date, datetime
from functools import lru_cache

from engine.batch import OUTBOX, Batch
from engine.cases import Occasion
from engine.moving import MOVED
from engine.store import stored
from workflows.membership.facts import Member
from workflows.membership.words import Mail

NO_ADDRESS = "no address"
_encode = json.JSONEncoder(ensure_ascii=False).encode


def put_in_outbox(member: Member, kind: str, key: str, occasion: Occasion, batch: Batch) -> None:
    """Write the rows of one mail kind to one member: chair and treasurer each get theirs.

    Without any address one failed row stays: what should have left is never forgotten. A waiver has no receipt,
    and a payment entered wrongly is undone without a mail.
    """
    if kind == Mail.RECEIPT and not occasion.cause.startswith("payment"):
        return
    if kind == Mail.PAYMENT_REVERSED and occasion.reason != "bounced":
        return
    name = str(kind)  # the driver takes its long way round for a member of an enumeration
    batch.mails.append(name)
    event = occasion.slot.event if occasion.slot is not None else None
    context = context_of(member, occasion)
    now = stored(occasion.at)
    rows, about = batch.rows[OUTBOX], (member.id, name, key, event, occasion.year)
    for number, address in enumerate(member.addresses or ("",)):
        status, error = ("pending", "") if address else ("failed", NO_ADDRESS)
        what = (f"{member.id}:{name}:{key}:{number}", *about, address, member.language, context)
        rows.append((*what, status, now, now, 0, error))


def context_of(member: Member, occasion: Occasion) -> str:
    """JSON of what the text will need: `payment` for a receipt or a bounce, `moved` when a hearing has a new hour."""
    cached = _cached_context(
        occasion.year, member.owed(), member.concerned, occasion.day, occasion.meeting_at, member.state
    )
    if occasion.cause == MOVED:
        return f'{cached[:-1]}, "moved": true}}'
    if occasion.told is None:
        return cached
    return f'{cached[:-1]}, "payment": {_encode(occasion.told)}}}'


@lru_cache(maxsize=4096)
def _cached_context(
    year: int,
    owed: tuple[tuple[int, int], ...],
    concerned: tuple[int, ...],
    day: date,
    meeting: datetime | None,
    state: str,
) -> str:
    """Most members of one run owe the same: their context is written once."""
    at = None if meeting is None else meeting.isoformat()
    return json.dumps(
        {"year": year, "owed": owed, "concerned": concerned, "day": day.isoformat(), "meeting": at, "state": state}
    )
