"""The future of a database, on a copy in memory: time passes, and habits stand for what people would do.

Nothing leaves: the copy has its own sink. What is assumed is written in the copy as it would be in life, so that
every guard, brake and gate is the real one.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import count
from typing import Any, TypeAlias

from engine.ballots import Choice
from engine.board_models import BallotStatus
from engine.clock import days_after, local_day, noon
from engine.context import Sink
from engine.definition import Workflow
from engine.engine import Engine
from engine.errors import Invalid
from engine.results import Entry, journal_after
from engine.store import Store, instant_of, stored
from engine.tallies import voters_on
from engine.voting import Cast

ASSUMED = "assumed"
AFTER_THE_MEETING_BEGAN = timedelta(minutes=30)


class Board(StrEnum):
    """What the board is assumed to do with every question."""

    ADOPTS = "adopts"
    REJECTS = "rejects"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody will do at an instant."""

    at: datetime
    act: Callable[[Engine, datetime], None]


@dataclass(frozen=True, slots=True)
class News:
    """What habits react to: what was done since they last looked. `first`: they look for the first time."""

    now: datetime
    entries: Sequence[Entry]
    first: bool = False


Habit: TypeAlias = Callable[[Engine, News], Iterable[Intent]]


def copy_of(engine: Engine, sink: Sink) -> Engine:
    """Copy a database into memory, with the same rules. Raises Invalid where it cannot be copied so.

    In the copy every meeting's date counts as confirmed: nobody is there to confirm it.
    """
    source = engine.store
    if source.engine.dialect.name != "sqlite":
        raise Invalid(reason="only an SQLite database can be copied into memory for now")
    copy = Store("sqlite://")
    reading, writing = source.engine.raw_connection(), copy.engine.raw_connection()
    try:
        _sqlite(reading).backup(_sqlite(writing))
    finally:
        reading.close()
        writing.close()
    with copy.write() as connection:
        connection.exec_driver_sql("UPDATE meeting SET confirmed = ?", (True,))
    return Engine(copy, replace(engine.rules, dates_confirmed=True), engine.context.workflows, sink)


def _sqlite(connection: Any) -> Any:
    """Return the driver's own connection: the backup API is there."""
    return connection.driver_connection


@dataclass
class Simulation:
    """One future of one workflow, played on `engine`'s database, which must be a copy."""

    engine: Engine
    workflow: Workflow
    habits: Sequence[Habit]
    now: datetime
    seen: int = 0
    _waiting: list[tuple[datetime, int, Intent]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def begin(self) -> None:
        """Run at `now` whatever is late, as a server would; then let the habits look around."""
        self.engine.start_clock(self.now)
        self.seen = self.last_entry()
        self.engine.tick(self.now)
        self._look(first=True)

    def run_until(self, end: datetime) -> None:
        """Let time pass: what falls due is run when it does, what was intended is done; the engine comes first."""
        while True:
            intended = self._waiting[0][0] if self._waiting else None
            horizon = end if intended is None or intended > end else intended
            moment = self.engine.next_moment(horizon)
            if moment is not None:
                self.now = max(moment, self.now)
                self.engine.tick(self.now)
            elif intended is not None and intended <= end:
                self._do_next()
            else:
                self.now = end
                return
            self._look(first=False)

    def _do_next(self) -> None:
        at, _, intent = heapq.heappop(self._waiting)
        self.now = max(at, self.now)
        intent.act(self.engine, self.now)

    def _look(self, *, first: bool) -> None:
        with self.engine.store.read() as connection:
            entries = journal_after(connection, self.workflow.name, self.seen)
        self.seen = self.last_entry()
        news = News(self.now, entries, first)
        for habit in self.habits:
            for intent in habit(self.engine, news):
                heapq.heappush(self._waiting, (intent.at, next(self._numbers), intent))

    def last_entry(self) -> int:
        """Id of the journal's last line."""
        with self.engine.store.read() as connection:
            return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM journal_entry").scalar_one())


def next_noon(engine: Engine, now: datetime, days: int = 1) -> datetime:
    """Return 12:00, local, so many days later."""
    tz = engine.rules.tz
    return noon(days_after(local_day(now, tz), days), tz)


class TreasurerConfirms:
    """Steps that wait for the treasurer are let go on at noon of the next day."""

    def __init__(self) -> None:
        self._asked: set[tuple[str, str, int]] = set()

    def __call__(self, engine: Engine, news: News) -> Iterable[Intent]:
        """Intend a confirmation for each step that began to wait."""
        waiting = set(engine.waiting_runs())
        self._asked &= waiting
        new = waiting - self._asked
        self._asked |= new
        if new:
            yield Intent(next_noon(engine, news.now), self._confirm)

    @staticmethod
    def _confirm(engine: Engine, now: datetime) -> None:
        engine.confirm_brake(now, ASSUMED)


_TO_DECIDE = """SELECT DISTINCT m.id, m.held_at FROM ballot b JOIN meeting m ON m.id = b.meeting_id
    WHERE b.status IN ('scheduled', 'open')"""
_OPEN = "SELECT id, electorate FROM ballot WHERE meeting_id = ? AND status = ?"
_SEALED = "DELETE FROM vote WHERE ballot_id IN (SELECT id FROM ballot WHERE status = 'open' AND closes_at > ?)"


class BoardVotes:
    """Every seat says the same on every question, half an hour after the meeting began."""

    def __init__(self, workflow: Workflow, choice: Choice) -> None:
        self.workflow, self.choice = workflow, choice
        self._planned: set[int] = set()

    def __call__(self, engine: Engine, news: News) -> Iterable[Intent]:
        """Intend the votes of each meeting that has something to decide."""
        with engine.store.read() as connection:
            meetings = [(row[0], instant_of(row[1])) for row in connection.exec_driver_sql(_TO_DECIDE)]
        for meeting_id, held_at in meetings:
            if meeting_id not in self._planned:
                self._planned.add(meeting_id)
                at = max(held_at + AFTER_THE_MEETING_BEGAN, news.now)
                yield Intent(at, partial(self._vote, meeting_id))

    def _vote(self, meeting_id: int, engine: Engine, now: datetime) -> None:
        with engine.store.read() as connection:
            rows = connection.exec_driver_sql(_OPEN, (meeting_id, BallotStatus.OPEN.value)).fetchall()
            voters = voters_on(connection, [(row[0], row[1]) for row in rows])
        votes = [Cast(ballot, seat, self.choice) for ballot, seats in voters.items() for seat in seats]
        if votes:
            engine.cast_votes(self.workflow, votes, now, ASSUMED)


def seal(engine: Engine, now: datetime) -> None:
    """Leave out of a copy what was voted on ballots that are open: nobody learns before the closing where it leads."""
    with engine.store.write() as connection:
        connection.exec_driver_sql(_SEALED, (stored(now),))


def board_habits(engine: Engine, workflow: Workflow, board: Board) -> list[Habit]:
    """Return how the board is assumed to vote; where no seat is known, one is made up."""
    if board is Board.ABSENT:
        return []
    with engine.store.write() as connection:
        if connection.exec_driver_sql("SELECT count(*) FROM seat").scalar_one() == 0:
            sql = "INSERT INTO seat (name, person, email, role) VALUES ('S1', ?, '', 'chair')"
            connection.exec_driver_sql(sql, (ASSUMED,))
    return [BoardVotes(workflow, Choice.APPROVE if board is Board.ADOPTS else Choice.REJECT)]


def watermark(engine: Engine) -> datetime | None:
    """Return the instant up to which the database was run; None before its first run."""
    with engine.store.read() as connection:
        row = connection.exec_driver_sql("SELECT upto FROM watermark").fetchone()
    return None if row is None else instant_of(row[0])
