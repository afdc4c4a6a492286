"""Annulling a decision of the board: two people and a reason; what it had moved goes back to the state before."""

from collections.abc import Sequence

from engine.cases import BallotFacts, Case
from engine.errors import Invalid, NotAllowed
from engine.models import BallotStatus
from engine.work import Work

PEOPLE = 2
DECISIONS = (BallotStatus.ADOPTED, BallotStatus.REJECTED)
_ANNUL = """UPDATE ballot SET annulled_at = ?, annulled_by = ?, annulled_reason = ?
    WHERE id = ? AND annulled_at IS NULL"""
_LAST_MOVE = """SELECT cause, effective_at FROM journal_entry WHERE instance_id = ? AND acted
    AND from_state IS NOT NULL AND from_state <> to_state ORDER BY id DESC LIMIT 1"""
_MOVED_BY = """SELECT 1 FROM journal_entry WHERE instance_id = ? AND acted AND from_state <> to_state
    AND (cause = ? OR (cause = ? AND ? AND effective_at >= ?))"""


def refuse_alone(people: Sequence[str], reason: str) -> str:
    """Return both names as the journal has them. Raises Invalid without two different people, or a reason."""
    names = [name.strip() for name in people if name.strip()]
    if len({name.casefold() for name in names}) < PEOPLE or not reason.strip():
        raise Invalid(reason="a correction takes two different people and a reason")
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
    if work.connection.exec_driver_sql(_ANNUL, (work.now, actor, reason.strip(), ballot.id)).rowcount == 0:
        raise NotAllowed(reason=f"ballot {ballot.id} is annulled already")
    occasion = work.occasion(work.at, f"ballot:{ballot.id}", actor, reason=reason.strip())
    work.batch.journal(case, occasion, "annul", case.state, acted=False, reason=f"{ballot.trigger}: {reason.strip()}")
    work.batch.write(work.connection)
    again = work.cases([case.id])[0]
    if moved and work.workflow.undo is not None:
        work.workflow.undo(work, again, reason, people)
    else:
        work.look([again], work.at)
    return str(again.state)


def _has_moved(work: Work, case: Case, ballot: BallotFacts) -> bool:
    """Whether the decision has moved its subject, by itself or through the yearly step that waited for it."""
    step = next((event.name for event in work.workflow.calendar if event.decided_by == ballot.trigger), "")
    causes = (f"ballot:{ballot.id}", f"calendar:{step}")
    last = work.connection.exec_driver_sql(_LAST_MOVE, (case.id,)).fetchone()
    since = work.connection.exec_driver_sql("SELECT decided_at FROM ballot WHERE id = ?", (ballot.id,)).scalar_one()
    adopted = ballot.status == BallotStatus.ADOPTED
    if last is not None and (last[0] == causes[0] or (last[0] == causes[1] and adopted and last[1] >= since)):
        return True
    if work.connection.exec_driver_sql(_MOVED_BY, (case.id, *causes, adopted, since)).fetchone() is not None:
        raise NotAllowed(reason=f"{case.subject} has moved on since ballot {ballot.id}: correct that first")
    return False
