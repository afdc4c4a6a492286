"""The secretary's sheet: who was there, what the room decided or put off; and closing a meeting's ballots."""

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.deps import ChairOnce, Secretary
from api.routes.ballots import ballots_of, close_parts
from api.routes.meetings import facts_of
from api.schemas.board import Recorded, RoomDecision, Sheet
from api.schemas.kinds import PathId
from engine.across import Part, parts_of, write_parts
from engine.ballots import Choice
from engine.board_mail import tell_decisions
from engine.board_models import BallotStatus
from engine.errors import Invalid, NotAllowed
from engine.meetings import MeetingFacts
from engine.sheet import Postponed, attend, postpone, record, record_counts, the_rest, unanimous
from engine.work import Work
from workflows.admission.applications import set_conditions

router = APIRouter(tags=["meetings"])


@router.put("/meetings/{meeting_id}/record", response_model=Recorded)
def record_meeting(meeting_id: PathId, body: Sheet, office: Secretary) -> Response:
    """Record who was there and what the room decided: all of the sheet, or nothing."""
    return office.does(lambda work: _write_down(work, meeting_id, body, office.actor))


def _write_down(work: Work, meeting_id: int, body: Sheet, actor: str) -> Recorded:
    held = facts_of(work.connection, meeting_id)
    attend(work, held, body.present)
    decisions = _all_decisions(work, held, body)
    parts = _parts(work, held, list(decisions))
    for part, decision in zip(parts, decisions.values(), strict=True):
        _record(part, decision, body.present, actor)
    write_parts(parts)
    work.write()
    return _recorded(work.connection, meeting_id)


def _all_decisions(work: Work, held: MeetingFacts, body: Sheet) -> dict[int, RoomDecision]:
    """What the sheet says of each ballot: those named, then « the same for all the rest »."""
    decisions = {decision.ballot: decision for decision in body.decisions}
    if body.the_rest is not None:
        for ballot_id in the_rest(work, held, decisions):
            decisions[ballot_id] = RoomDecision(ballot=ballot_id, unanimous=body.the_rest)
    return decisions


def _parts(work: Work, held: MeetingFacts, ids: list[int]) -> list[Part]:
    """Return the ballots that are decided. Raises NotFound, Invalid for one of another meeting."""
    here = {ballot.id for ballot in ballots_of(work.connection, month=held.month)}
    if not set(ids) <= here:
        raise Invalid(reason="a ballot named is not one of this meeting")
    return parts_of(work, ids)


def _record(part: Part, decision: RoomDecision, present: list[str], actor: str) -> None:
    work, case, ballot = part.work, part.case, part.ballot
    if decision.conditions is not None:
        set_conditions(work, case, decision.conditions, actor)
    if decision.postponed is not None:
        put_off = decision.postponed
        postpone(work, case, ballot, Postponed(put_off.who, put_off.what, put_off.until), actor)
    elif decision.counts is not None:
        counts = (decision.counts.approve, decision.counts.reject, decision.counts.abstain)
        record_counts(work, case, ballot, counts, present)
    elif decision.votes is not None:
        votes = {seat: Choice(choice) for seat, choice in decision.votes.items()}
        record(work, case, ballot, votes, present)
    elif decision.unanimous is not None:
        record(work, case, ballot, unanimous(work, ballot, Choice(decision.unanimous), present), present)


@router.post("/meetings/{meeting_id}/close", response_model=Recorded)
def close_meeting(meeting_id: PathId, office: ChairOnce) -> Response:
    """Close every open ballot of a meeting, during or after it, and count them. The board is told the outcomes."""
    return office.once(None, lambda work: _close(work, meeting_id))


def _close(work: Work, meeting_id: int) -> Recorded:
    held = facts_of(work.connection, meeting_id)
    if work.at < held.held_at:
        raise NotAllowed(reason="ballots are closed during or after their meeting, not before")
    ids = [one.id for one in ballots_of(work.connection, BallotStatus.OPEN.value, held.month)]
    close_parts(parts_of(work, ids))
    if ids:
        tell_decisions(work, held)
    work.write()
    return _recorded(work.connection, meeting_id)


def _recorded(connection: Connection, meeting_id: int) -> Recorded:
    held = facts_of(connection, meeting_id)
    items = ballots_of(connection, month=held.month)
    return Recorded(meeting=meeting_id, present=list(held.present), ballots=items)
