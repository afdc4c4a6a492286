"""Annulling a decision of the board: two people and a reason; what it had moved goes back to the state before.

The yearly step that had carried it out is open again: the board may decide anew, and that is carried out and told.
"""

from collections.abc import Sequence

from engine.board_mail import tell_decisions
from engine.board_models import BallotStatus
from engine.cases import BallotFacts, Case
from engine.errors import Invalid, NotAllowed
from engine.meetings import meeting
from engine.work import Work

PEOPLE = 2
DECISIONS = (BallotStatus.ADOPTED, BallotStatus.REJECTED)
_ANNUL = """UPDATE ballot SET annulled_at = ?, annulled_by = ?, annulled_reason = ?
    WHERE id = ? AND annulled_at IS NULL"""
_MOVES = """SELECT cause, effective_at FROM journal_entry WHERE instance_id = ? AND acted
    AND from_state IS NOT NULL AND from_state <> to_state ORDER BY id"""
CORRECTION = "correction"
_OPEN_AGAIN = "DELETE FROM occurrence WHERE instance_id = ? AND event = ? AND year = ?"


def refuse_alone(people: Sequence[str], reason: str) -> str:
    """Return both names as the journal has them. Raises Invalid without two different people, or a reason."""
    names = [name.strip() for name in people if name.strip()]
    if len({name.casefold() for name in names}) < PEOPLE or not reason.strip():
        raise Invalid(reason="this takes two different people and a reason")
    return " + ".join(names)


def annul(work: Work, case: Case, ballot: BallotFacts, reason: str, people: Sequence[str]) -> str:
    """Annul the outcome of a closed ballot; the ballot and its votes stay on record. Returns the state after it.

    Raises Invalid without two people or a reason, NotAllowed where there is no decision, or where something else has
    moved the subject since: that is corrected first.
    """
    actor = refuse_alone(people, reason)
    if ballot.status not in DECISIONS:
        raise NotAllowed(reason=f"ballot {ballot.id} has decided nothing that could be annulled")
    moved = _has_moved(work, case, ballot)
    if moved and work.workflow.undo is None:
        raise NotAllowed(reason=f"what ballot {ballot.id} decided about {case.subject} cannot be taken back")
    if work.connection.exec_driver_sql(_ANNUL, (work.now, actor, reason.strip(), ballot.id)).rowcount == 0:
        raise NotAllowed(reason=f"ballot {ballot.id} is annulled already")
    occasion = work.occasion(work.at, f"ballot:{ballot.id}", actor, reason=reason.strip())
    work.batch.journal(case, occasion, "annul", case.state, acted=False, reason=f"{ballot.trigger}: {reason.strip()}")
    work.batch.write(work.connection)
    again = work.cases([case.id])[0]
    if moved and work.workflow.undo is not None:
        work.connection.exec_driver_sql(_OPEN_AGAIN, (case.id, _step(work, ballot), ballot.year))
        work.workflow.undo(work, again, reason, people)
    else:
        work.look([again], work.at)
    tell_decisions(work, meeting(work.connection, ballot.meeting_id))
    return str(again.state)


def _step(work: Work, ballot: BallotFacts) -> str:
    """Return the yearly step that carries out such a decision, where it does not move by itself."""
    return next((event.name for event in work.workflow.calendar if event.decided_by == ballot.trigger), "")


def _has_moved(work: Work, case: Case, ballot: BallotFacts) -> bool:
    """Whether what the decision moved still stands. Raises NotAllowed where something else has moved it since."""
    sql = "SELECT decided_at FROM ballot WHERE id = ?"
    decided_at = work.connection.exec_driver_sql(sql, (ballot.id,)).scalar_one()
    step = _step(work, ballot)

    def ours(cause: str, effective_at: str) -> bool:
        waited = cause == f"calendar:{step}" and ballot.status == BallotStatus.ADOPTED and effective_at >= decided_at
        return cause == f"ballot:{ballot.id}" or waited

    standing = [ours(*move) for move in _standing_moves(work, case)]
    if any(standing[:-1]):
        raise NotAllowed(reason=f"{case.subject} has moved on since ballot {ballot.id}: correct that first")
    return bool(standing) and standing[-1]


def _standing_moves(work: Work, case: Case) -> list[tuple[str, str]]:
    """The moves of a case that stand: a correction takes back the one before it, or that which a correction undid."""
    standing: list[tuple[str, str]] = []
    undone: tuple[str, str] | None = None
    for cause, effective_at in work.connection.exec_driver_sql(_MOVES, (case.id,)):
        if cause != CORRECTION:
            standing.append((cause, effective_at))
            undone = None
        elif undone is not None:
            standing.append(undone)
            undone = None
        elif standing:
            undone = standing.pop()
    return standing
