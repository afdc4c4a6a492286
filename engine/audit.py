"""The database against itself: the journal against the states, ballots against their votes, moves against decisions.

Each check returns what does not agree, naming it; nothing is written, nothing is mended.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy import Connection

from engine.calendar import slots_between
from engine.definition import CalendarEvent, On, Workflow
from engine.rules import Rules
from engine.store import instant_of


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not agree: of what (an instance, a ballot), and how."""

    subject: str
    what: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.subject}: {self.what}"


Check: TypeAlias = Callable[[Connection, Workflow], Iterator[Finding]]


def audit(connection: Connection, workflow: Workflow) -> list[Finding]:
    """Run every check of the engine."""
    return [finding for check in CHECKS for finding in check(connection, workflow)]


# What is in the database must be in the code

_KNOWN = """SELECT workflow, version, state, count(*) FROM workflow_instance
    GROUP BY workflow, version, state ORDER BY workflow, version, state"""


def unknown_definitions(connection: Connection, workflows: tuple[Workflow, ...]) -> Iterator[Finding]:
    """Find each (workflow, version, state) that no definition has."""
    known = {(flow.name, flow.version): {str(state) for state in flow.states} for flow in workflows}
    for name, version, state, number in connection.exec_driver_sql(_KNOWN):
        states = known.get((name, version))
        if states is None:
            yield Finding(f"{name} {version}", f"{number} instances of a definition that this program does not have")
        elif state not in states:
            yield Finding(f"{name} {version}", f"{number} instances in {state!r}, a state that the definition lacks")


# The journal replays to the state

_JOURNAL = """SELECT i.id, i.subject, i.state, j.id, j.from_state, j.to_state, j.acted, j.trigger
    FROM workflow_instance i LEFT JOIN journal_entry j ON j.instance_id = i.id
    WHERE i.workflow = ? ORDER BY i.id, j.id"""


def journal_against_states(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """Follow each journal from its first line: every move starts where the one before ended, along an arrow."""
    arrows = _moves(workflow)
    last: tuple[int, str, str] | None = None
    now: str | None = None
    for instance, subject, state, entry, before, after, acted, trigger in connection.exec_driver_sql(
        _JOURNAL, (workflow.name,)
    ):
        if last is not None and last[0] != instance:
            yield from _ends(last, now)
        if last is None or last[0] != instance:
            last, now = (instance, subject, state), None
        if entry is None:
            yield Finding(subject, "has no journal")
            now = state
            continue
        line = f"journal line {entry}: {trigger}"
        if before is not None and before != now:
            yield Finding(subject, f"{line} starts from {before}, but it was {now}")
        elif before is None and now is not None:
            yield Finding(subject, f"{line} begins a journal that has begun")
        if before is not None and before != after and (not acted or (trigger, before, after) not in arrows):
            yield Finding(subject, f"{line} has no arrow from {before} to {after}")
        now = after
    if last is not None:
        yield from _ends(last, now)


def _ends(last: tuple[int, str, str], now: str | None) -> Iterator[Finding]:
    _, subject, state = last
    if now != state:
        yield Finding(subject, f"is {state}, but its journal ends in {now}")


def _moves(workflow: Workflow) -> set[tuple[str, str, str]]:
    return {
        (str(row.trigger), str(state), str(row.dest))
        for row in workflow.transitions
        if row.dest is not None
        for state in row.source
    }


# Votes and counts

_TWICE = """SELECT i.subject, b.trigger, v.seat, count(*) FROM vote v JOIN ballot b ON b.id = v.ballot_id
    JOIN workflow_instance i ON i.id = b.instance_id
    WHERE i.workflow = ? AND v.superseded_at IS NULL GROUP BY v.ballot_id, v.seat HAVING count(*) > 1"""
_STRANGERS = """SELECT i.subject, b.trigger, v.seat FROM vote v JOIN ballot b ON b.id = v.ballot_id
    JOIN workflow_instance i ON i.id = b.instance_id
    WHERE i.workflow = ? AND v.superseded_at IS NULL AND instr('|' || b.electorate || '|', '|' || v.seat || '|') = 0"""
_COUNTS = """SELECT i.subject, b.trigger, b.year, b.approve, b.reject, b.abstain, b.took_part,
    sum(v.choice = 'approve'), sum(v.choice = 'reject'), sum(v.choice = 'abstain'), count(v.id), b.hands
    FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id
    LEFT JOIN vote v ON v.ballot_id = b.id AND v.superseded_at IS NULL
    WHERE i.workflow = ? AND b.status IN ('adopted', 'rejected', 'no_quorum') GROUP BY b.id ORDER BY b.id"""


def votes_of_seats(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """One seat has one current vote on a ballot, and only the seats of the ballot have one."""
    for subject, trigger, seat, number in connection.exec_driver_sql(_TWICE, (workflow.name,)):
        yield Finding(subject, f"seat {seat} has {number} votes on {trigger}")
    for subject, trigger, seat in connection.exec_driver_sql(_STRANGERS, (workflow.name,)):
        yield Finding(subject, f"{seat} voted on {trigger}, but is no seat of that ballot")


def frozen_counts(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """The counts of a closed ballot are those of its votes and of hands in the room; present may be more than voted."""
    for row in connection.exec_driver_sql(_COUNTS, (workflow.name,)):
        subject, trigger, year, *numbers, hands = row
        counted = map(int, (hands or "0/0/0").split("/"))
        frozen = tuple(numbers[:3])
        voted = tuple((number or 0) + more for number, more in zip(numbers[4:7], counted, strict=True))
        if frozen != voted:
            yield Finding(subject, f"ballot {trigger} {year} is counted {_said(frozen)}, its votes are {_said(voted)}")
        if numbers[3] < numbers[7]:
            yield Finding(subject, f"ballot {trigger} {year}: {numbers[3]} took part, but {numbers[7]} voted")


def _said(counts: tuple[int, ...]) -> str:
    return "/".join(str(count) for count in counts)


# No decision without its ballot

_DECIDED = """SELECT i.subject, j.id, j.effective_at, b.id FROM journal_entry j
    JOIN workflow_instance i ON i.id = j.instance_id
    LEFT JOIN ballot b ON b.instance_id = i.id AND b.trigger = ? AND b.status = ? AND b.decided_at <= j.at
        AND ({condition})
    WHERE i.workflow = ? AND j.trigger = ? AND j.acted AND j.from_state <> j.to_state AND j.cause LIKE ?
    GROUP BY j.id HAVING b.id IS NULL ORDER BY j.id"""
_ITS_OWN = "j.cause = 'ballot:' || b.id"
_OF_THE_YEAR = "CAST(substr(j.effective_at, 1, 4) AS INTEGER) = b.year"


def moves_without_ballot(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """Find each move that the board decides and has no adopted (or rejected) ballot of its own before it."""
    for rule in workflow.ballots:
        if _causes(workflow, rule.trigger) & {On.ADOPTED}:
            yield from _undecided(connection, workflow, (rule.trigger, rule.trigger, "adopted"), _ITS_OWN)
        if rule.on_rejected is not None:
            yield from _undecided(connection, workflow, (rule.on_rejected, rule.trigger, "rejected"), _ITS_OWN)
    for event in workflow.calendar:
        if event.decided_by is not None:
            yield from _undecided(connection, workflow, (event.name, event.decided_by, "adopted"), _OF_THE_YEAR)


def _causes(workflow: Workflow, trigger: str) -> set[On]:
    return {row.on for row in workflow.transitions if row.trigger == trigger and row.dest is not None}


def _undecided(
    connection: Connection, workflow: Workflow, asked: tuple[str, str, str], condition: str
) -> Iterator[Finding]:
    """Find moves by a trigger without a ballot on a question with an outcome (trigger, question, outcome).

    A trigger that people may cause as well needs its ballot only where a ballot is named as the cause.
    """
    trigger, question, outcome = asked
    cause = "ballot:%" if On.EVENT in _causes(workflow, trigger) else "%"
    sql = _DECIDED.replace("{condition}", condition)
    for subject, entry, at, _ in connection.exec_driver_sql(sql, (question, outcome, workflow.name, trigger, cause)):
        day = at[:10]
        yield Finding(subject, f"journal line {entry}: {trigger} on {day} without a ballot {outcome} on {question}")


# Occurrences and what left

_UNTOLD = """SELECT i.subject, o.event, o.year FROM occurrence o JOIN workflow_instance i ON i.id = o.instance_id
    WHERE i.workflow = ? AND o.status = 'acted' AND o.effective_at > i.started_at AND NOT EXISTS (
        SELECT 1 FROM journal_entry j WHERE j.instance_id = o.instance_id AND j.trigger = o.event AND j.acted
        AND j.at = o.at) ORDER BY i.id"""
_TOLD_TWICE = """SELECT i.subject, m.kind, m.occasion, m.recipient, count(*) FROM outbox_message m
    JOIN workflow_instance i ON i.id = m.instance_id WHERE i.workflow = ?
    GROUP BY m.instance_id, m.kind, m.occasion, m.recipient HAVING count(*) > 1 ORDER BY i.id"""


def steps_in_the_journal(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """Every step that acted has its line in the journal."""
    for subject, event, year in connection.exec_driver_sql(_UNTOLD, (workflow.name,)):
        yield Finding(subject, f"{event} {year} acted, but the journal does not say so")


def mails_once(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """A notice is told once per occasion and recipient."""
    for subject, kind, occasion, recipient, number in connection.exec_driver_sql(_TOLD_TWICE, (workflow.name,)):
        yield Finding(subject, f"{kind} of {occasion} is there {number} times for {recipient or 'no address'}")


CHECKS: tuple[Check, ...] = (
    journal_against_states,
    votes_of_seats,
    frozen_counts,
    moves_without_ballot,
    steps_in_the_journal,
    mails_once,
)
"""What `audit` runs: true of every database, whatever was configured when."""


# Only under the rules that were in force all along

_ACTED = """SELECT i.subject, o.event, o.year, o.effective_at FROM occurrence o
    JOIN workflow_instance i ON i.id = o.instance_id
    WHERE i.workflow = ? AND o.event = ? AND o.status = 'acted' AND o.effective_at > i.started_at ORDER BY i.id"""


def steps_outside_their_window(connection: Connection, workflow: Workflow, rules: Rules) -> Iterator[Finding]:
    """Find steps that acted before their day or after their last one, by today's rules."""
    for event in workflow.calendar:
        for subject, name, year, at in connection.exec_driver_sql(_ACTED, (workflow.name, event.name)):
            if not _in_window(event, year, instant_of(at), workflow, rules):
                yield Finding(subject, f"{name} {year} took effect on {at[:10]}, outside of its window")


def _in_window(event: CalendarEvent, year: int, at: datetime, workflow: Workflow, rules: Rules) -> bool:
    dates = [rule for rule in rules.dates_of(workflow) if rule.name == event.name]
    around = timedelta(days=400)
    slots = slots_between(dates, rules.tz, at - around, at + around)
    return any(slot.year == year and slot.due <= at < slot.closes for slot in slots)
