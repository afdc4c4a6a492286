"""Undoing what people did wrong: two of them, a reason; and cutting again whom an undone payment had restored."""

from collections.abc import Sequence

from engine.annulment import refuse_alone
from engine.clock import local_day
from engine.errors import NotAllowed
from engine.store import stored
from engine.work import NOBODY, Work
from workflows.membership import statements as sql
from workflows.membership.facts import Member
from workflows.membership.ledger import undo_of
from workflows.membership.models import EntryKind
from workflows.membership.services import withdraw_deletion
from workflows.membership.words import FINAL, State, TaskKind, Trigger


def _owe_again(work: Work, member: Member, kind: EntryKind) -> None:
    """What a departure cancelled, or a waiver settled, in error is owed again; of waivers, the latest."""
    text = """SELECT year, sum(amount_cents) FROM ledger_entry WHERE association_id = ? AND kind = ?
        GROUP BY year HAVING sum(amount_cents) > 0 ORDER BY max(id) DESC"""
    day = local_day(work.at, work.rules.tz).isoformat()
    lines = work.connection.exec_driver_sql(text, (member.id, kind.value)).fetchall()
    for year, cents in lines[:1] if kind is EntryKind.WAIVER else lines:
        row = (member.id, year, kind.value, -cents, None, day, stored(work.at), "corrected")
        work.batch.add(sql.NEW_ENTRY, *row)
        due = member.dues[year]
        due.settled -= cents
        work.batch.add(sql.SETTLE_DUE, due.settled, member.id, year)
    if kind is EntryKind.CANCELLATION:
        work.batch.add(sql.SET_LEFT, None, member.id)


def suspend_again(work: Work, member: Member, actor: str = NOBODY) -> None:
    """Cut again whom a payment had restored that is undone now, under the ballot of this year, once more asked.

    Raises NotAllowed when the task does not stand, or the decision of this year does not allow it.
    """
    if (TaskKind.RE_SUSPENSION, "") not in member.tasks:
        raise NotAllowed(reason=f"{member.subject} has no task {TaskKind.RE_SUSPENSION.value}")
    occasion = work.occasion(work.at, "re-suspension", actor, key=f"again-{stored(work.at)}")
    if work.fire(member, Trigger.SUSPEND, occasion) is None:
        raise NotAllowed(reason=f"{member.subject} cannot be suspended again: {member.why_not}")
    work.look([member], work.at)


def correct(work: Work, member: Member, reason: str, people: Sequence[str]) -> State:
    """Go back to the state before the last move: two people, a reason. Returns the state gone back to.

    Raises Invalid without two different people or a reason, NotAllowed when nothing was moved.
    """
    by = refuse_alone(people, reason)
    row = work.connection.exec_driver_sql(
        """SELECT from_state, details, cause FROM journal_entry WHERE instance_id = ? AND acted
        AND from_state IS NOT NULL AND from_state <> to_state ORDER BY id DESC LIMIT 1""",
        (member.id,),
    ).fetchone()
    if row is None:
        raise NotAllowed(reason=f"nothing moved {member.subject} that could be corrected")
    occasion = work.occasion(
        work.at,
        "correction",
        by,
        key=f"correct-{stored(work.at)}",
        reason=reason,
        data=undo_of(row[0], row[1]),
    )
    if member.state == State.LEFT:
        _owe_again(work, member, EntryKind.CANCELLATION)
    if row[2] == "waiver":
        _owe_again(work, member, EntryKind.WAIVER)
    if member.state in FINAL:
        withdraw_deletion(work, member, by)
    if work.fire(member, Trigger.CORRECT, occasion) is None:
        raise NotAllowed(reason=f"{member.subject} cannot be {row[0]} with what it owes now: undo the payment instead")
    work.batch.write(work.connection)
    work.look(work.cases([member.id]), work.at)
    return State(member.state)
