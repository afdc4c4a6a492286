"""The board's meetings: listed, moved, confirmed; their agenda, the secretary's sheet, closing."""

from hashlib import sha256

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.deps import Anybody, ChairOnce, Secretary, SecretaryOnce
from api.pagination import Cursor, Limit, Page, id_key, page_of
from api.problems import NotFound
from api.routes.ballots import ballots_of
from api.schemas.board import Agenda, Ballot, ChangedMeeting, Meeting, NewMeeting, Recorded, RoomDecision, Sheet
from api.schemas.kinds import PathId
from engine import extraordinary, listings
from engine.ballots import Choice
from engine.board import seats_in_office
from engine.cases import BallotFacts, Case
from engine.clock import local_day
from engine.errors import Invalid, NotAllowed, NotASeat
from engine.listings import MeetingLine
from engine.meetings import MeetingFacts, meetings_where
from engine.models import BallotStatus
from engine.sheet import record, record_counts
from engine.voting import close_now
from engine.work import Work

router = APIRouter(tags=["meetings"])
ON_THE_LIST = ("scheduled", "open", "adopted", "rejected", "no_quorum", "blocked")


def _shape(line: MeetingLine) -> Meeting:
    return Meeting(
        id=line.id,
        month=line.month,
        held_at=line.held_at,
        publish_at=line.publish_at,
        closes_at=line.closes_at,
        place=line.place,
        confirmed=line.confirmed,
        published_at=line.published_at,
        closed_at=line.closed_at,
        items=line.items,
    )


def _one(connection: Connection, meeting_id: int) -> Meeting:
    for line in listings.meetings(connection, ""):
        if line.id == meeting_id:
            return _shape(line)
    raise NotFound


def _facts(connection: Connection, meeting_id: int) -> MeetingFacts:
    found = meetings_where(connection, "id = ?", meeting_id)
    if not found:
        raise NotFound
    return found[0]


@router.get("/meetings")
def list_meetings(office: Anybody, limit: Limit = 50, cursor: Cursor = None) -> Page[Meeting]:
    """List the board's meetings, past and planned."""
    after = id_key(cursor)
    with office.reading() as connection:
        found = sorted(listings.meetings(connection, ""), key=lambda line: line.id)
    return page_of([line for line in found if line.id > after], limit, lambda line: line.id, _shape)


@router.post("/meetings", status_code=201, response_model=Meeting)
def call_meeting(body: NewMeeting, office: SecretaryOnce) -> Response:
    """Call a meeting in a month for which none was planned."""
    earlier = office.answered(body)
    if earlier is not None:
        return earlier
    called = extraordinary.call_meeting(office.engine, body.held_at, body.place, office.now)
    return office.once(body, lambda work: _one(work.connection, called.id), 201)


@router.get("/meetings/{meeting_id}")
def get_meeting(meeting_id: PathId, office: Anybody) -> Meeting:
    """Show one meeting."""
    with office.reading() as connection:
        return _one(connection, meeting_id)


@router.patch("/meetings/{meeting_id}")
def change_meeting(meeting_id: PathId, body: ChangedMeeting, office: Secretary) -> Meeting:
    """Move a meeting, name its place, confirm its date. Its agenda moves too, unless it is published."""
    with office.reading() as connection:
        planned = _facts(connection, meeting_id)
    if body.held_at is not None and body.held_at != planned.held_at:
        office.engine.move_meeting(planned.month, body.held_at, office.now)
    if body.confirmed:
        office.engine.confirm_meeting(planned.month, office.now, office.actor)
    with office.engine.store.write() as connection:
        if body.place is not None:
            connection.exec_driver_sql("UPDATE meeting SET place = ? WHERE id = ?", (body.place, meeting_id))
        if body.confirmed is False:
            connection.exec_driver_sql("UPDATE meeting SET confirmed = ? WHERE id = ?", (False, meeting_id))
        return _one(connection, meeting_id)


@router.get("/meetings/{meeting_id}/agenda")
def agenda(meeting_id: PathId, office: Anybody) -> Agenda:
    """Show a meeting's list; before it is published there is nothing on it."""
    with office.reading() as connection:
        meeting = _one(connection, meeting_id)
        items = [one for one in ballots_of(connection, month=meeting.month) if one.status in ON_THE_LIST]
    return Agenda(meeting=meeting, digest=digest_of(items), items=items)


def digest_of(items: list[Ballot]) -> str:
    """Return what stands for a list: another list has another."""
    return sha256("|".join(f"{ballot.id}" for ballot in items).encode()).hexdigest()[:32]


@router.put("/meetings/{meeting_id}/record", response_model=Recorded)
def record_meeting(meeting_id: PathId, body: Sheet, office: Secretary) -> Response:
    """Record who was there and what the room decided: all of the sheet, or nothing."""

    def act(work: Work) -> Recorded:
        meeting = _facts(work.connection, meeting_id)
        pairs = dict(zip((one.ballot for one in body.decisions), _pairs(work, meeting, body), strict=True))
        for decision in body.decisions:
            _record(work, *pairs[decision.ballot], decision, body.present)
        if not body.decisions:
            _attend(work, meeting, body.present)
        work.write()
        after = _facts(work.connection, meeting_id)
        items = ballots_of(work.connection, month=meeting.month)
        return Recorded(meeting=meeting_id, present=list(after.present), ballots=items)

    return office.does(act)


def _pairs(work: Work, meeting: MeetingFacts, sheet: Sheet) -> list[tuple[Case, BallotFacts]]:
    """Return the ballots that are decided. Raises NotFound, Invalid for one of another meeting."""
    ids = [decision.ballot for decision in sheet.decisions]
    here = {ballot.id for ballot in ballots_of(work.connection, month=meeting.month)}
    if not set(ids) <= here:
        raise Invalid(reason="a ballot named is not one of this meeting")
    return listings.pairs_of(work, ids)


def _record(work: Work, case: Case, ballot: BallotFacts, decision: RoomDecision, present: list[str]) -> BallotStatus:
    if decision.counts is not None:
        counts = (decision.counts.approve, decision.counts.reject, decision.counts.abstain)
        return record_counts(work, case, ballot, counts, present)
    if decision.votes is not None:
        votes = {seat: Choice(choice) for seat, choice in decision.votes.items()}
    elif present:
        votes = dict.fromkeys(present, Choice(decision.unanimous or Choice.ABSTAIN))
    else:
        raise Invalid(reason="a unanimous decision needs to say who was present")
    return record(work, case, ballot, votes, present)


def _attend(work: Work, meeting: MeetingFacts, present: list[str]) -> None:
    """Record who was there, before anything is decided."""
    if work.at < meeting.held_at:
        raise NotAllowed(reason="who was there is recorded during or after the meeting, not before")
    known = {seat.name for seat in seats_in_office(work.connection, local_day(meeting.held_at, work.rules.tz))}
    for seat in present:
        if seat not in known:
            raise NotASeat(seat="Somebody present")
    everyone = dict.fromkeys((*meeting.present, *present))
    work.connection.exec_driver_sql("UPDATE meeting SET present = ? WHERE id = ?", ("|".join(everyone), meeting.id))


@router.post("/meetings/{meeting_id}/close", response_model=Recorded)
def close_meeting(meeting_id: PathId, office: ChairOnce) -> Response:
    """Close every open ballot of a meeting, during or after it, and count them."""
    return office.once(None, lambda work: _close(work, meeting_id))


def _close(work: Work, meeting_id: int) -> Recorded:
    meeting = _facts(work.connection, meeting_id)
    if work.at < meeting.held_at:
        raise NotAllowed(reason="ballots are closed during or after their meeting, not before")
    ids = [one.id for one in ballots_of(work.connection, BallotStatus.OPEN.value, meeting.month)]
    close_now(work, listings.pairs_of(work, ids))
    work.write()
    return Recorded(
        meeting=meeting_id, present=list(meeting.present), ballots=ballots_of(work.connection, month=meeting.month)
    )
