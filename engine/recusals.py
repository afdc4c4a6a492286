"""Standing aside: a seat does not vote, and does not count, where it is party to the matter; and announced absences."""

from datetime import datetime

from sqlalchemy import Connection

from engine.batch import Statement
from engine.board import seats_in_office
from engine.board_models import BallotStatus
from engine.cases import BallotFacts, Case
from engine.clock import local_day
from engine.errors import BallotNotOpen, Invalid, NotAllowed, NotASeat
from engine.meetings import MeetingFacts
from engine.store import stored
from engine.work import Work

DECLARED = "declared to be a member"
RECUSAL = "recusal"
_AS_DECLARED = Statement(
    """INSERT INTO recusal (ballot_id, seat, reason, actor, at)
    SELECT id, ?, ?, 'relance', ? FROM ballot
    WHERE instance_id = ? AND trigger = ? AND status IN ('scheduled', 'open') ON CONFLICT DO NOTHING""",
    order=4,
)
_NO_LONGER_DECLARED = Statement("DELETE FROM recusal WHERE ballot_id = ? AND reason = ?", order=3)
_RECUSE = """INSERT INTO recusal (ballot_id, seat, reason, actor, at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (ballot_id, seat) DO UPDATE SET reason = excluded.reason, actor = excluded.actor, at = excluded.at"""
_TAKE_BACK = "DELETE FROM recusal WHERE ballot_id = ? AND seat = ?"
_NO_LONGER_SAID = "UPDATE vote SET superseded_at = ? WHERE ballot_id = ? AND seat = ? AND superseded_at IS NULL"
_ABSENT = """INSERT INTO absence (meeting_id, seat, note, actor, at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (meeting_id, seat) DO UPDATE SET note = excluded.note, actor = excluded.actor, at = excluded.at"""
_COMES = "DELETE FROM absence WHERE meeting_id = ? AND seat = ?"


def stand_aside_as_declared(work: Work, case: Case, trigger: str, at: datetime) -> None:
    """On a ballot that begins, the seats in office that have declared to belong to the subject stand aside."""
    for seat in work.standing_aside(case.subject, at):
        work.batch.add(_AS_DECLARED, seat, DECLARED, work.now, case.id, trigger)


def stand_aside_anew(work: Work, case: Case, ballot: BallotFacts, at: datetime) -> None:
    """A hearing opens long after it was put on the agenda: who has declared what is asked again, of those who vote."""
    work.batch.add(_NO_LONGER_DECLARED, ballot.id, DECLARED)
    stand_aside_as_declared(work, case, ballot.trigger, at)


def recuse(work: Work, case: Case, ballot: BallotFacts, seat: str, reason: str, actor: str) -> None:
    """Let a seat stand aside; what it had voted no longer counts, and is kept.

    Raises BallotNotOpen once it is closed, NotASeat, Invalid without a reason.
    """
    _refuse_closed(work, ballot)
    if not reason.strip():
        raise Invalid(reason="standing aside needs a reason")
    _refuse_stranger(work, ballot, seat)
    work.connection.exec_driver_sql(_RECUSE, (ballot.id, seat, reason.strip(), actor, work.now))
    work.connection.exec_driver_sql(_NO_LONGER_SAID, (work.now, ballot.id, seat))
    _journal(work, case, ballot, actor, f"{seat} stands aside: {reason.strip()}")


def take_back(work: Work, case: Case, ballot: BallotFacts, seat: str, actor: str) -> None:
    """A seat does not stand aside after all. Raises BallotNotOpen once it is closed, NotAllowed when it did not."""
    _refuse_closed(work, ballot)
    if work.connection.exec_driver_sql(_TAKE_BACK, (ballot.id, seat)).rowcount == 0:
        raise NotAllowed(reason=f"{seat} does not stand aside on ballot {ballot.id}")
    _journal(work, case, ballot, actor, f"{seat} no longer stands aside")


def _refuse_closed(work: Work, ballot: BallotFacts) -> None:
    if not ballot.live or (ballot.status == BallotStatus.OPEN and work.at >= ballot.closes_at):
        raise BallotNotOpen(ballot=ballot.id)


def _refuse_stranger(work: Work, ballot: BallotFacts, seat: str) -> None:
    """Only a seat of the ballot stands aside; before a hearing opens, one that is in office."""
    sql = "SELECT electorate FROM ballot WHERE id = ?"
    electorate = work.connection.exec_driver_sql(sql, (ballot.id,)).scalar_one() or work.electorate(work.at)
    if seat not in electorate.split("|"):
        raise NotASeat(seat=seat)


def _journal(work: Work, case: Case, ballot: BallotFacts, actor: str, what: str) -> None:
    occasion = work.occasion(work.at, f"ballot:{ballot.id}", actor)
    work.batch.journal(case, occasion, RECUSAL, case.state, acted=False, reason=f"{ballot.trigger}: {what}")


def announce_absence(work: Work, meeting: MeetingFacts, seat: str, note: str, actor: str) -> None:
    """A seat will not be there. It may still vote, and is shown as excused. Raises NotASeat, NotAllowed afterwards."""
    _refuse_past(work, meeting)
    if seat not in {sitting.name for sitting in seats_in_office(work.connection, local_day(work.at, work.rules.tz))}:
        raise NotASeat(seat=seat)
    work.connection.exec_driver_sql(_ABSENT, (meeting.id, seat, note.strip(), actor, stored(work.at)))


def take_back_absence(work: Work, meeting: MeetingFacts, seat: str) -> None:
    """A seat will be there after all. Raises NotAllowed when it had not announced its absence, or afterwards."""
    _refuse_past(work, meeting)
    if work.connection.exec_driver_sql(_COMES, (meeting.id, seat)).rowcount == 0:
        raise NotAllowed(reason=f"{seat} has not announced its absence")


def _refuse_past(work: Work, meeting: MeetingFacts) -> None:
    if meeting.closed_at is not None or work.at >= meeting.closes_at:
        raise NotAllowed(reason="the meeting is over: its record says who was there")


def absences(connection: Connection, meeting_id: int) -> dict[str, str]:
    """Seats that have announced their absence from a meeting, each with its note."""
    sql = "SELECT seat, note FROM absence WHERE meeting_id = ? ORDER BY seat"
    return {row[0]: row[1] for row in connection.exec_driver_sql(sql, (meeting_id,))}
