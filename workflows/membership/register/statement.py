"""The statement that the treasurer checks at a take-over: where each member stands, what it owes, what comes next."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from engine.calendar import Slot, meetings_between, slots_between
from engine.cases import Occasion, add_engine_facts
from engine.clock import at_local, local_day
from engine.definition import BallotRule, Guard
from engine.rules import Mode, Rules
from engine.work import NOBODY
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.facts import Member, load_members
from workflows.membership.register.standing import standing_of
from workflows.membership.words import State

LOOK_AHEAD = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next for a member, and on which day: a step of the calendar, or a question to the board."""

    on: date
    trigger: str
    ballot: bool = False


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One member's line. `owed`: (year, cents) for each year owed, oldest first; `state_since`: a local day."""

    number: str
    name: str
    kind: str
    state: State
    state_since: date
    owed: tuple[tuple[int, int], ...]
    reminded_for: int | None
    last_sign_of_life: date | None
    hold_until: date | None
    next: Next | None

    @property
    def owed_cents(self) -> int:
        """All that it owes."""
        return sum(cents for _, cents in self.owed)


@dataclass(frozen=True, slots=True)
class Totals:
    """Members in each state, all states named, and all that is owed, in cents."""

    states: dict[State, int]
    owed_cents: int


def takeover_statement(connection: Connection, rules: Rules, as_of: date) -> list[StatementRow]:
    """Return one row for each member, by number; what comes next is counted from the morning of `as_of`."""
    standing, names, last_paid = standing_of(connection, rules), _names(connection), _last_payments(connection)
    coming = _coming(rules, as_of)
    members = load_members(connection, sorted(names), rules)
    add_engine_facts(connection, members, as_of.year - 1)
    rows = []
    for member in members:
        told = standing[member.subject]["reminded_for"]
        member.last_payment_on = last_paid.get(member.id)
        following = next((step.next for step in coming if step.concerns(member)), None)
        rows.append(_row(member, names[member.id], int(told) if told.isdigit() else None, following, rules))
    return sorted(rows, key=lambda row: row.number)


def totals_of(rows: Iterable[StatementRow]) -> Totals:
    """Add the statement up."""
    found = list(rows)
    counts = Counter(row.state for row in found)
    return Totals({state: counts[state] for state in State}, sum(row.owed_cents for row in found))


def _names(connection: Connection) -> dict[int, str]:
    rows = connection.exec_driver_sql("SELECT instance_id, name FROM association")
    return {row[0]: row[1] for row in rows}


def _last_payments(connection: Connection) -> dict[int, date]:
    rows = connection.exec_driver_sql(
        """SELECT l.association_id, max(p.paid_on) FROM ledger_entry l JOIN payment p ON p.id = l.payment_id
        WHERE p.reversed_at IS NULL GROUP BY l.association_id"""
    )
    return {row[0]: date.fromisoformat(row[1]) for row in rows}


def _row(member: Member, name: str, reminded_for: int | None, following: Next | None, rules: Rules) -> StatementRow:
    return StatementRow(
        number=member.subject,
        name=name,
        kind=member.kind,
        state=State(member.state),
        state_since=local_day(member.since, rules.tz),
        owed=member.owed(),
        reminded_for=reminded_for,
        last_sign_of_life=member.last_sign_of_life(),
        hold_until=member.hold_until,
        next=following,
    )


@dataclass(frozen=True, slots=True)
class _Coming:
    """A step or a question of the coming year, and the conditions of which one must hold, by state."""

    next: Next
    occasion: Occasion
    conditions: Mapping[str, Sequence[tuple[Guard, ...]]]

    def concerns(self, member: Member) -> bool:
        """Whether it is about this member as things stand: by the page's own guards."""
        return self.occasion.moment > member.started_at and any(
            all(guard(member, self.occasion) is None for guard in guards)
            for guards in self.conditions.get(member.state, ())
        )


def _coming(rules: Rules, as_of: date) -> list[_Coming]:
    """Steps and questions from a day on, in order."""
    start = at_local(as_of, 0, 0, rules.tz) - timedelta(seconds=1)
    end = start + LOOK_AHEAD
    steps = [
        _step(rules, slot)
        for slot in slots_between(rules.dates_of(MEMBERSHIP), rules.tz, start, end)
        if rules.mode(slot.event) is not Mode.OFF
    ]
    asked = [
        _question(rules, rule, meeting)
        for meeting in meetings_between(rules.board.meetings, rules.tz, start, end)
        for rule in MEMBERSHIP.ballots
        if rule.every_meeting or local_day(meeting, rules.tz).month == rule.month
    ]
    return sorted([*steps, *asked], key=lambda coming: coming.occasion.moment)


def _step(rules: Rules, slot: Slot) -> _Coming:
    occasion = _occasion(rules, slot.due, slot.year)
    arrows = {
        state: [row.guards for row in MEMBERSHIP.arrows(slot.event, state)] for state in MEMBERSHIP.sources(slot.event)
    }
    return _Coming(Next(occasion.day, slot.event), occasion, arrows)


def _question(rules: Rules, rule: BallotRule, meeting: datetime) -> _Coming:
    occasion = _occasion(rules, meeting, local_day(meeting, rules.tz).year)
    states = MEMBERSHIP.sources(rule.trigger)
    return _Coming(Next(occasion.day, rule.trigger, ballot=True), occasion, {state: [rule.lists] for state in states})


def _occasion(rules: Rules, moment: datetime, year: int) -> Occasion:
    return Occasion(at=moment, moment=moment, rules=rules, year=year, cause="takeover", actor=NOBODY, key="")
