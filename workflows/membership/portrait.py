"""One member as it stands: its register, its dues, why it is in its state, what comes next. Reading only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.cases import Occasion
from engine.clock import local_day
from engine.history import Line, history, last_move
from engine.models import OutboxStatus
from engine.outlook import Coming, Status, horizon
from engine.prospects import Kind, Prospect, prospects
from engine.work import CALENDAR, Work
from workflows.membership.facts import Member
from workflows.membership.guards import reached_by_the_reminder
from workflows.membership.members import find
from workflows.membership.money import money_text
from workflows.membership.tasks import deletion_ready_at
from workflows.membership.words import FINAL, State, TaskKind, Trigger

DELETION = "deletion"
_REGISTER = "SELECT * FROM association WHERE instance_id = ?"
_PAYMENTS = """SELECT p.id, p.paid_on, p.method, p.reference, p.reversed_on, l.year, l.amount_cents
    FROM ledger_entry l JOIN payment p ON p.id = l.payment_id
    WHERE l.association_id = ? AND l.kind = 'payment' ORDER BY p.paid_on, p.id, l.id"""
_SERVICES = "SELECT kind, identifier FROM service WHERE association_id = ? ORDER BY kind, identifier"


@dataclass(frozen=True, slots=True)
class Portrait:
    """All that is known of one member."""

    member: Member
    register: Mapping[str, Any]
    services: Sequence[tuple[str, str]]
    lines: Sequence[Line]
    why: str
    ahead: Sequence[Prospect]
    payments: Sequence[str] = ()
    """Each in a few words, oldest first."""


def portrait(work: Work, number: str) -> Portrait:
    """Return the portrait of a member. Raises UnknownAssociation."""
    member = find(work, number)
    register = dict(work.connection.exec_driver_sql(_REGISTER, (member.id,)).mappings().one())
    services = [(row[0], row[1]) for row in work.connection.exec_driver_sql(_SERVICES, (member.id,))]
    lines = history(work.connection, member.id)
    possible = _possible(prospects(work, member, horizon(work.at)))
    ahead = [*(_with_proof(work, member, prospect) for prospect in possible), *_deletion(work, member)]
    paid = _payments(work, member)
    return Portrait(member, register, services, lines, why(work, member, last_move(lines)), ahead, paid)


def _payments(work: Work, member: Member) -> list[str]:
    found: dict[int, list[str]] = {}
    for number, on, method, reference, reversed_on, year, cents in work.connection.exec_driver_sql(
        _PAYMENTS, (member.id,)
    ):
        undone = f", undone on {reversed_on}" if reversed_on else ""
        told = ", ".join(filter(None, (method, reference)))
        parts = found.setdefault(number, [f"{on}{f' ({told})' if told else ''}{undone}:"])
        parts.append(f"{money_text(cents)} {f'for {year}' if year else 'as credit'}")
    return [f"{parts[0]} {', '.join(parts[1:])}" for parts in found.values()]


NEVER = frozenset({"is a person", "is an association"})
"""Reasons that no time and no payment changes."""


def _possible(ahead: Sequence[Prospect]) -> list[Prospect]:
    """Leave out what can never happen to this member."""
    return [prospect for prospect in ahead if NEVER.isdisjoint(prospect.blockers)]


def _with_proof(work: Work, member: Member, prospect: Prospect) -> Prospect:
    """Say of a cut-off that nobody decided whether its reminder is proven: else the board is not asked."""
    if prospect.event != Trigger.SUSPEND or prospect.kind is not Kind.STEP or not prospect.blockers:
        return prospect
    unproven = reached_by_the_reminder(member, _of_year(work, prospect))
    return prospect if unproven is None else replace(prospect, blockers=(*prospect.blockers, unproven))


def _of_year(work: Work, prospect: Prospect) -> Occasion:
    return work.occasion(prospect.at, CALENDAR, year=prospect.year)


# Why it is in its state

SAID: Mapping[str, str] = {
    Trigger.IMPORT: "taken over so",
    Trigger.JOIN: "joined, and was called at once",
    Trigger.CALL: "dues were called",
    Trigger.REMIND: "the reminder left",
    Trigger.SUSPEND: "its services were interrupted",
    Trigger.PROPOSE_REMOVAL: "the board opened the procedure",
    Trigger.SPARE: "the board did not strike it off",
    Trigger.REMOVE: "the board struck it off, having heard it",
    Trigger.REVERSE: "a payment was undone",
    Trigger.LEAVE: "it left",
    Trigger.LAPSE: "its membership lapsed",
    Trigger.CORRECT: "corrected",
}


def why(work: Work, member: Member, move: Line | None) -> str:
    """Say why a member is where it is: « called since 2025-12-01: dues were called; owes 2026 (20.00) »."""
    since = local_day(member.since, work.rules.tz)
    parts = [*_cause(work, member, move), _owes(member), *_concerned(member), *_decided(work, member)]
    return f"{member.state} since {since.isoformat()}: {'; '.join(parts)}"


_REMINDED = """SELECT status FROM outbox_message WHERE instance_id = ? AND event = ? AND year =
    (SELECT max(year) FROM outbox_message WHERE instance_id = ? AND event = ?)"""
_NOT_YET = {OutboxStatus.PENDING, OutboxStatus.SENDING, OutboxStatus.CAPTURED, OutboxStatus.FAILED}


def _reminder_waits(work: Work, member: Member) -> bool:
    """Whether the latest reminder was written, and is still in the outbox."""
    values = (member.id, Trigger.REMIND.value) * 2
    found = {row[0] for row in work.connection.exec_driver_sql(_REMINDED, values)} - {OutboxStatus.DROPPED}
    return bool(found) and found <= _NOT_YET


def _cause(work: Work, member: Member, move: Line | None) -> Iterator[str]:
    if move is None:
        return
    if move.trigger == Trigger.PAY:
        yield "it paid" if move.cause.startswith("payment") else "what it owed was waived"
    elif move.trigger == Trigger.REMIND and _reminder_waits(work, member):
        yield "the reminder was written, and has not left yet"
    elif move.trigger in SAID:
        yield SAID[move.trigger]
    if move.reason:
        yield move.reason


def _owes(member: Member) -> str:
    owed = member.owed()
    return f"owes {', '.join(f'{year} ({money_text(cents)})' for year, cents in owed)}" if owed else "owes nothing"


def _concerned(member: Member) -> Iterator[str]:
    """The years that the present state is about, where they are not simply those owed."""
    if member.concerned and member.concerned != member.owed_years():
        yield f"this concerns {', '.join(map(str, member.concerned))}"


_VOTES = "SELECT approve, reject, abstain FROM ballot WHERE id = ?"
_DECIDED_BY = {
    State.SUSPENDED: Trigger.SUSPEND,
    State.PROPOSED: Trigger.PROPOSE_REMOVAL,
    State.REMOVED: Trigger.REMOVE,
}


def _decided(work: Work, member: Member) -> Iterator[str]:
    """The board's decision behind the state."""
    trigger = _DECIDED_BY.get(State(member.state))
    ballots = [ballot for ballot in member.ballots if ballot.trigger == trigger and ballot.status == "adopted"]
    if ballots:
        counts = work.connection.exec_driver_sql(_VOTES, (ballots[-1].id,)).one()
        day = local_day(ballots[-1].held_at, work.rules.tz)
        yield f"decided by the board on {day.isoformat()} ({counts[0]} for, {counts[1]} against, {counts[2]} abstained)"


# What comes, beside the engine's own


def _deletion(work: Work, member: Member) -> list[Prospect]:
    """When the services of whoever is gone may be deleted."""
    if member.state not in FINAL or not member.undeleted:
        return []
    ready = deletion_ready_at(member, work.occasion(work.at, CALENDAR))
    waiting = (TaskKind.CONFIRM_DELETION.value, "") in member.tasks
    blockers = ("an admin has to confirm it",) if ready is not None else ("the removal letter is not posted yet",)
    what = "its services are archived, then deleted" + (" (the task is open)" if waiting else "")
    at = max(ready, work.at) if ready is not None else work.at
    year = local_day(at, work.rules.tz).year
    return [Prospect(Kind.OTHER, DELETION, year, at, None, happens=False, blockers=blockers, what=what)]


_GONE = """SELECT i.id FROM workflow_instance i WHERE i.workflow = ? AND i.state IN ({states})
    AND EXISTS (SELECT 1 FROM service s WHERE s.association_id = i.id)"""


def deletions(work: Work) -> list[Coming]:
    """Return the deletions to come, by day: they wait for an admin once the day is there."""
    by_day: dict[datetime, list[str]] = {}
    occasion = work.occasion(work.at, CALENDAR)
    for member in work.cases(work.ids(_GONE, FINAL, (), ())):
        ready = deletion_ready_at(member, occasion) if member.undeleted else None
        if ready is not None:
            by_day.setdefault(ready, []).append(member.subject)
    return [_deleting(work, at, names) for at, names in sorted(by_day.items())]


def _deleting(work: Work, at: datetime, names: list[str]) -> Coming:
    status = Status.WAITING if at <= work.at else Status.DUE
    prevents = ("an admin has to confirm it",)
    year = local_day(at, work.rules.tz).year
    return Coming(DELETION, year, at, None, status, len(names), tuple(names), prevents)
