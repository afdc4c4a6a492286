"""Importing board.csv: who is new in a seat follows whoever sat there, whose term ends the day before."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from engine.batch import Statement
from engine.clock import local_day
from engine.store import maybe_day
from engine.work import Work
from workflows.membership.register.board import SeatRow
from workflows.membership.register.canonical import Parsed
from workflows.membership.register.changes import Change, ImportPlan

_TERMS = "SELECT name, person, email, role, from_on, until_on, interests, id FROM seat ORDER BY name, from_on, id"
_NEW = Statement.insert("seat", "name", "person", "email", "role", "from_on", "until_on", "interests")
_CHANGE = Statement.update("seat", ("person", "email", "role", "from_on", "until_on", "interests"))
_ADDRESS_OF = {
    "name": "name",
    "email": "email",
    "role": "role",
    "from": "from_on",
    "until": "until_on",
    "member_of": "member_of",
}


@dataclass(slots=True)
class BoardPlan(ImportPlan):
    """Terms to add, and terms that become others, by id."""

    new: list[SeatRow] = field(default_factory=list)
    updates: dict[int, SeatRow] = field(default_factory=dict)

    def write(self, work: Work, actor: str) -> None:  # noqa: ARG002 a seat has no journal
        """Write the terms: those that end first."""
        changed = [(*_values(row)[1:], seat_id) for seat_id, row in self.updates.items()]
        for statement, rows in ((_CHANGE, changed), (_NEW, [_values(row) for row in self.new])):
            if rows:
                work.connection.exec_driver_sql(statement.sql, rows)


def _values(row: SeatRow) -> tuple[str | None, ...]:
    days = tuple(None if day is None else day.isoformat() for day in (row.from_on, row.until_on))
    return row.seat, row.name, row.email, row.role, *days, "|".join(row.member_of) or None


def plan_board(work: Work, parsed: Parsed[SeatRow]) -> BoardPlan:
    """Compare a file of seats with the database. Seats that are not in the file stay as they are."""
    plan = BoardPlan(parsed.file, refused=list(parsed.refused))
    terms = {
        row[7]: SeatRow(row[0], row[1], row[2], row[3], maybe_day(row[4]), maybe_day(row[5]), _codes(row[6]))
        for row in work.connection.exec_driver_sql(_TERMS)
    }
    today = local_day(work.at, work.rules.tz)
    people = {(row.seat, row.name) for row in parsed.rows}
    for row in parsed.rows:
        _plan_term(plan, _Board(terms, parsed.columns, today, people), row)
    told = {row.seat for row in parsed.rows}
    sitting = {term.seat: term.name for term in terms.values() if _sits(term, today)}
    plan.missing = [f"{seat} {name}" for seat, name in sorted(sitting.items()) if seat not in told]
    return plan


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (text or "").split("|")))


@dataclass(frozen=True, slots=True)
class _Board:
    """The terms on record by id, what the file says, and the day."""

    terms: dict[int, SeatRow]
    columns: frozenset[str]
    today: date
    people: set[tuple[str, str]]


def _sits(term: SeatRow, day: date) -> bool:
    return (term.from_on or date.min) <= day <= (term.until_on or date.max)


def _plan_term(plan: BoardPlan, board: _Board, row: SeatRow) -> None:
    """One row: the same person as on record, or somebody new in the seat."""
    known = next((key for key, term in board.terms.items() if (term.seat, term.name) == (row.seat, row.name)), None)
    start = row.from_on or (board.today if board.terms else None)
    before = _predecessor(board, row, start)
    if known is None and before is not None and board.terms[before].from_on == start:
        known, before = before, None  # named today, and named otherwise since: a mistake put right
    if before is not None and start is not None:
        _end(plan, board, before, start)
    if known is None:
        plan.new.append(replace(row, from_on=start))
        plan.added.append(f"{row.seat} {row.name}")
    else:
        _change(plan, known, board.terms[known], _told(board, row, board.terms[known]))


def _predecessor(board: _Board, row: SeatRow, start: date | None) -> int | None:
    """Whoever else sits there on the day the row's term begins, unless the file has a row for that person too."""
    day = start or board.today
    for key, term in board.terms.items():
        others = term.seat == row.seat and term.name != row.name and (term.seat, term.name) not in board.people
        if others and _sits(term, day):
            return key
    return None


def _end(plan: BoardPlan, board: _Board, key: int, start: date) -> None:
    old = board.terms[key]
    _change(plan, key, old, replace(old, until_on=start - timedelta(days=1)))


def _told(board: _Board, row: SeatRow, term: SeatRow) -> SeatRow:
    """What a term becomes: days that the file does not give stay, but whoever is back begins anew."""
    from_on = row.from_on if "from" in board.columns else term.from_on
    until_on = row.until_on if "until" in board.columns else term.until_on
    if "until" not in board.columns and not _sits(term, board.today):
        from_on, until_on = board.today, None
    member_of = row.member_of if "member_of" in board.columns else term.member_of
    return replace(row, from_on=from_on, until_on=until_on, member_of=member_of)


def _change(plan: BoardPlan, key: int, old: SeatRow, new: SeatRow) -> None:
    changes = _changes(old, new)
    if not changes:
        plan.unchanged += 1
        return
    plan.updates[key] = new
    plan.changed += changes


def _changes(old: SeatRow, new: SeatRow) -> Sequence[Change]:
    def text(row: SeatRow, name: str) -> str:
        value = getattr(row, _ADDRESS_OF[name])
        return "" if value is None else "|".join(value) if isinstance(value, tuple) else str(value)

    return [
        Change(old.seat, name, text(old, name), text(new, name))
        for name in _ADDRESS_OF
        if text(old, name) != text(new, name)
    ]
