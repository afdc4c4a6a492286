"""What people do about ballots beside voting: stand aside, be excused, change an agenda by hand, annul a decision."""

from collections.abc import Callable

from fastapi import APIRouter, Response

from api.deps import ChairOnce, Office, SecretaryOnce, SheetOnce
from api.routes.ballots import one
from api.routes.meetings import agenda_of, facts_of
from api.schemas.board import (
    Absence,
    Absences,
    Agenda,
    Annulment,
    Ballot,
    NewItem,
    Reason,
    Recusal,
)
from api.schemas.kinds import PathId, PathSeat
from api.tables import Role
from engine import recusals
from engine.across import Part, parts_of, subject_of, write_parts
from engine.annulment import annul
from engine.by_hand import add_item, take_off
from engine.errors import SeatNotYours
from engine.work import Work
from workflows.membership.errors import UnknownAssociation

router = APIRouter(tags=["ballots"])


def _refuse_others(office: Office, seat: str) -> None:
    """Secretary and chair note it for every seat, anybody else for the token's own. Raises SeatNotYours."""
    if office.token.role not in {Role.SECRETARY, Role.CHAIR} and (office.token.seat is None or office.seat() != seat):
        raise SeatNotYours(seat=seat)


def _on_ballot(ballot_id: int, act: Callable[[Part], object]) -> Callable[[Work], Ballot]:
    """Do something about one ballot, with the work of its own workflow, and show it as it is then."""

    def acted(work: Work) -> Ballot:
        one(work.connection, ballot_id)
        parts = parts_of(work, [ballot_id])
        act(parts[0])
        write_parts(parts)
        return one(work.connection, ballot_id)

    return acted


@router.post("/ballots/{ballot_id}/recusals", status_code=201, response_model=Ballot)
def recuse(ballot_id: PathId, body: Recusal, office: SheetOnce) -> Response:
    """Let a seat stand aside on a ballot: it does not vote there, and does not count."""
    _refuse_others(office, body.seat)

    def act(part: Part) -> None:
        recusals.recuse(part.work, part.case, part.ballot, body.seat, body.reason, office.actor)

    return office.once(body, _on_ballot(ballot_id, act), 201)


@router.delete("/ballots/{ballot_id}/recusals/{seat}", response_model=Ballot)
def take_back_recusal(ballot_id: PathId, seat: PathSeat, office: SheetOnce) -> Response:
    """A seat does not stand aside after all."""
    _refuse_others(office, seat)

    def act(part: Part) -> None:
        recusals.take_back(part.work, part.case, part.ballot, seat, office.actor)

    return office.does(_on_ballot(ballot_id, act))


@router.post("/ballots/{ballot_id}/withdrawal", response_model=Ballot)
def take_off_agenda(ballot_id: PathId, body: Reason, office: SecretaryOnce) -> Response:
    """Take a question off its agenda by hand, with a reason; the seats are told."""

    def act(part: Part) -> None:
        take_off(part.work, part.case, part.ballot, body.reason, office.actor)

    return office.once(body, _on_ballot(ballot_id, act))


@router.post("/ballots/{ballot_id}/annulment", response_model=Ballot)
def annul_decision(ballot_id: PathId, body: Annulment, office: ChairOnce) -> Response:
    """Annul a decision: two people and a reason. What it had moved goes back to the state before."""

    def act(part: Part) -> None:
        annul(part.work, part.case, part.ballot, body.reason, body.by)

    return office.once(body, _on_ballot(ballot_id, act))


def _refuse_unknown(work: Work, subject: str) -> None:
    sql = "SELECT 1 FROM workflow_instance WHERE subject = ?"
    if work.connection.exec_driver_sql(sql, (subject,)).fetchone() is None:
        raise UnknownAssociation(number=subject)


@router.post("/meetings/{meeting_id}/items", status_code=201, response_model=Agenda)
def put_on_agenda(meeting_id: PathId, body: NewItem, office: SecretaryOnce) -> Response:
    """Put a question about one association on a published agenda by hand, with a reason; the seats are told."""

    def act(work: Work) -> Agenda:
        held = facts_of(work.connection, meeting_id)
        _refuse_unknown(work, body.association)
        own, case = subject_of(work, body.association, body.trigger)
        add_item(own, case, held, body.trigger, body.reason, office.actor)
        own.write()
        return agenda_of(work.connection, meeting_id, office.house.settings)

    return office.once(body, act, 201)


@router.post("/meetings/{meeting_id}/absences", status_code=201, response_model=Absences)
def announce_absence(meeting_id: PathId, body: Absence, office: SheetOnce) -> Response:
    """Announce that a seat will not be there: it is shown as excused, and may still vote from elsewhere."""
    _refuse_others(office, body.seat)

    def act(work: Work) -> Absences:
        held = facts_of(work.connection, meeting_id)
        recusals.announce_absence(work, held, body.seat, body.note, office.actor)
        return _absences(work, meeting_id)

    return office.once(body, act, 201)


@router.delete("/meetings/{meeting_id}/absences/{seat}", response_model=Absences)
def take_back_absence(meeting_id: PathId, seat: PathSeat, office: SheetOnce) -> Response:
    """A seat will be there after all."""
    _refuse_others(office, seat)

    def act(work: Work) -> Absences:
        recusals.take_back_absence(work, facts_of(work.connection, meeting_id), seat)
        return _absences(work, meeting_id)

    return office.does(act)


def _absences(work: Work, meeting_id: int) -> Absences:
    announced = recusals.absences(work.connection, meeting_id)
    return Absences(meeting=meeting_id, absences=[Absence(seat=seat, note=note) for seat, note in announced.items()])
