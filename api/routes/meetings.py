"""The board's meetings: listed, moved, confirmed; their agenda."""

from hashlib import sha256

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.clauses import missing_clauses
from api.deps import Anybody, Secretary, SecretaryOnce
from api.pagination import Cursor, Limit, Page, id_key, page_of
from api.problems import NotFound
from api.routes.ballots import ballots_of
from api.schemas.board import Agenda, Ballot, ChangedMeeting, Meeting, NewMeeting
from api.schemas.kinds import PathId
from api.settings import Settings
from engine import listings
from engine.extraordinary import call_meeting as call_extraordinary
from engine.listings import MeetingLine
from engine.meetings import MeetingFacts, confirm_meeting, meetings_where, name_place
from engine.moving import move
from engine.recusals import absences
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


def facts_of(connection: Connection, meeting_id: int) -> MeetingFacts:
    """Return a meeting's facts. Raises NotFound."""
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
    """Call a meeting in a month for which none was planned. Its agenda, where that is due, follows."""

    def act(work: Work) -> Meeting:
        called = call_extraordinary(work.connection, work.rules, body.held_at, body.place, work.at)
        return _one(work.connection, called.id)

    answer = office.once(body, act, 201)
    office.follow()
    return answer


@router.get("/meetings/{meeting_id}")
def get_meeting(meeting_id: PathId, office: Anybody) -> Meeting:
    """Show one meeting."""
    with office.reading() as connection:
        return _one(connection, meeting_id)


@router.patch("/meetings/{meeting_id}")
def change_meeting(meeting_id: PathId, body: ChangedMeeting, office: Secretary) -> Meeting:
    """Move a meeting, name its place, confirm its date. Its agenda moves too, unless it is published."""
    with office.acting() as work:
        _change(work, facts_of(work.connection, meeting_id), body, office.actor)
    office.follow()
    with office.reading() as connection:
        return _one(connection, meeting_id)


def _change(work: Work, planned: MeetingFacts, body: ChangedMeeting, actor: str) -> None:
    connection = work.connection
    if body.held_at is not None and body.held_at != planned.held_at:
        move(work, planned.month, body.held_at, actor)
    if body.confirmed:
        confirm_meeting(connection, planned.month, work.at, actor)
    if body.place is not None:
        name_place(connection, planned.id, body.place)
    if body.confirmed is False:
        connection.exec_driver_sql("UPDATE meeting SET confirmed = ? WHERE id = ?", (False, planned.id))


@router.get("/meetings/{meeting_id}/agenda")
def agenda(meeting_id: PathId, office: Anybody) -> Agenda:
    """Show a meeting's list; before it is published there is nothing on it."""
    with office.reading() as connection:
        return agenda_of(connection, meeting_id, office.house.settings)


def agenda_of(connection: Connection, meeting_id: int, settings: Settings) -> Agenda:
    """Return a meeting's list. Raises NotFound."""
    meeting = _one(connection, meeting_id)
    items = [one for one in ballots_of(connection, month=meeting.month) if one.status in ON_THE_LIST]
    warnings = missing_clauses(settings, {item.trigger for item in items})
    excused = list(absences(connection, meeting_id))
    return Agenda(meeting=meeting, excused=excused, warnings=warnings, digest=digest_of(items), items=items)


def digest_of(items: list[Ballot]) -> str:
    """Return what stands for a list: another list has another."""
    return sha256("|".join(f"{ballot.id}" for ballot in items).encode()).hexdigest()[:32]
