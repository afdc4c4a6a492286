"""Simulations of the configured database: what is assumed, what came of it, month by month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

from engine.clock import at_local, end_of_day, local_day
from engine.engine import Engine
from engine.errors import Invalid
from engine.results import Period, Result, journal_after, periods, states_of
from engine.simulation import Board, Habit, Simulation, TreasurerConfirms, board_habits, copy_of, seal, watermark
from engine.store import Store
from workflows.membership.assumptions import AsLastYear, Assume, member_habits
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.figures import Money, money_at
from workflows.membership.scenario import sink
from workflows.membership.words import Trigger

LONGEST = timedelta(days=366 * 20)


@dataclass(frozen=True, slots=True)
class Question:
    """Which days (both included), and what is assumed of members and of the board."""

    first: date
    last: date
    assume: Assume = Assume.NOBODY_PAYS
    board: Board = Board.ADOPTS


@dataclass(frozen=True, slots=True)
class Future:
    """What came of it: the result of a scenario, its months, the tasks it would leave, what to know of it."""

    result: Result
    question: Question
    tz: ZoneInfo
    months: Sequence[tuple[Period, Money]]
    tasks: Sequence[tuple[str, int]]
    notes: Sequence[str]


def play_future(engine: Engine, now: datetime, question: Question) -> Future:
    """Play the future of a database on a copy. Raises Invalid for days that end before they begin, or are past."""
    began = perf_counter()
    tz, notes = engine.rules.tz, []
    begin, end = at_local(question.first, 0, 0, tz), end_of_day(question.last, tz)
    upto = watermark(engine) or begin
    _refuse(begin, end, upto)
    if begin < upto:
        notes.append(f"what is before {local_day(upto, tz).isoformat()} has happened: the future begins there")
    copy = copy_of(engine, sink)
    try:
        first = max(upto, min(begin, now))
        played = _played(copy, first, begin, end, question)
        notes += _warnings(copy, played, question)
        return _future(copy, played, question, notes, perf_counter() - began)
    finally:
        copy.store.close()


def _refuse(begin: datetime, end: datetime, upto: datetime) -> None:
    if end <= begin:
        raise Invalid(reason="--until is before --from")
    if end <= upto:
        raise Invalid(
            reason="--until is past: the future of this database begins after it; `relance replay` a scenario"
        )
    if end - begin > LONGEST:
        raise Invalid(reason="at most twenty years are simulated")


@dataclass(frozen=True, slots=True)
class _Played:
    """A simulation that came to its end, with what stood when the days asked about began."""

    simulation: Simulation
    begin: datetime
    mark: int
    states: dict[str, str]


def _played(copy: Engine, first: datetime, begin: datetime, end: datetime, question: Question) -> _Played:
    """Run what is late, then up to the beginning, then to the end."""
    seal(copy, first)
    habits: list[Habit] = [
        TreasurerConfirms(),
        *member_habits(copy, question.assume, first, end),
        *board_habits(copy, MEMBERSHIP, question.board),
    ]
    simulation = Simulation(copy, MEMBERSHIP, habits, first)
    simulation.begin()
    if simulation.now < begin:
        simulation.run_until(begin - timedelta(microseconds=1))
    mark = simulation.last_entry()
    with copy.store.read() as connection:
        states = states_of(connection, MEMBERSHIP.name)
    simulation.run_until(end - timedelta(microseconds=1))
    return _Played(simulation, max(first, begin), mark, states)


def _future(copy: Engine, played: _Played, question: Question, notes: list[str], seconds: float) -> Future:
    tz = copy.rules.tz
    last_days = month_ends(local_day(played.begin, tz), question.last)
    instants = [played.begin, *(end_of_day(day, tz) - timedelta(microseconds=1) for day in last_days)]
    with copy.store.read() as connection:
        journal = journal_after(connection, MEMBERSHIP.name, played.mark, without=(Trigger.IMPORT,))
        money = money_at(connection, instants)[1:]
        sql = "SELECT kind, count(*) FROM task WHERE done_at IS NULL GROUP BY kind ORDER BY kind"
        tasks = [(row[0], row[1]) for row in connection.exec_driver_sql(sql)]
        final = states_of(connection, MEMBERSHIP.name)
    found = list(zip(periods(played.states, journal, last_days, tz), money, strict=True))
    return Future(Result(final, journal, (), seconds), question, tz, found, tasks, notes)


def month_ends(first: date, last: date) -> list[date]:
    """Return the last day of each month from one day to another; the other day itself comes last."""
    ends = []
    day = first
    while day <= last:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        ends.append(min(following - timedelta(days=1), last))
        day = following
    return ends


def _warnings(copy: Engine, played: _Played, question: Question) -> list[str]:
    warnings = []
    if not played.states:
        warnings.append("there is no association in this database yet: `relance import associations FILE`")
    if question.board is not Board.ABSENT and _made_up_a_seat(copy.store):
        warnings.append("no seat of the board is known: one was made up; `relance import board FILE`")
    if any(isinstance(habit, AsLastYear) and not habit.days for habit in played.simulation.habits):
        warnings.append("no payment is known of the year before: as-last-year is the same as nobody-pays")
    return warnings


def _made_up_a_seat(store: Store) -> bool:
    with store.read() as connection:
        sql = "SELECT count(*) FROM seat WHERE person = 'assumed'"
        return bool(connection.exec_driver_sql(sql).scalar_one())
