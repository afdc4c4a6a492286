"""A case: the facts of one instance, loaded for many at once, on which guards decide."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection

from engine.board_models import LIVE, BallotStatus
from engine.calendar import clear_days_end
from engine.clock import local_day
from engine.definition import Transition
from engine.models import OccurrenceStatus
from engine.rules import Rules
from engine.store import instant_of, maybe_instant, rows_of

if TYPE_CHECKING:
    from engine.calendar import Slot


@dataclass(slots=True)
class BallotFacts:
    """A ballot as guards see it."""

    id: int
    meeting_id: int
    trigger: str
    year: int
    status: str
    opens_at: datetime
    closes_at: datetime
    held_at: datetime
    decided_at: datetime | None
    applied_at: datetime | None
    reason: str = ""

    @property
    def live(self) -> bool:
        """Whether it is still to be decided."""
        return self.status in LIVE

    def carried_out_from(self, rules: Rules) -> datetime:
        """When the clear days after its decision have passed: 09:00 of the day after them."""
        return clear_days_end(local_day(self.held_at, rules.tz), rules.board.clear_days, rules.tz)


Occurred: TypeAlias = tuple[str, int]
"""A yearly event and the year it was about."""


class Past:
    """What is closed for the cases loaded together, in the last two years: read for all when one is first asked.

    Most work never asks: a run over everybody leaves out in SQL for whom its step is closed.
    """

    def __init__(self, connection: Connection, ids: Sequence[int], since_year: int) -> None:
        """Read nothing yet."""
        self._asked = (connection, ids, since_year)
        self._closed: dict[int, list[tuple[Occurred, bool, bool]]] | None = None

    def of(self, instance_id: int) -> list[tuple[Occurred, bool, bool]]:
        """Closed occurrences of one instance: which, whether it acted, whether a server accepted its mail."""
        if self._closed is None:
            self._closed = self._read()
        return self._closed.get(instance_id, [])

    def _read(self) -> dict[int, list[tuple[Occurred, bool, bool]]]:
        connection, ids, since_year = self._asked
        closed: dict[int, list[tuple[Occurred, bool, bool]]] = defaultdict(list)
        for instance_id, event, year, status, proven_at in rows_of(connection, _OCCURRENCES, ids, since_year):
            closed[instance_id].append(((event, year), status == OccurrenceStatus.ACTED, proven_at is not None))
        return closed


@dataclass(slots=True, eq=False)
class Case:
    """One instance: its state, what is already done for it, its ballots and open tasks."""

    id: int
    subject: str
    state: str
    since: datetime
    started_at: datetime
    past: Past | None = None
    """What was closed before this transaction."""
    closed: tuple[tuple[Occurred, bool], ...] = ()
    """What this transaction closes: which, whether it acted."""
    proven: tuple[Occurred, ...] = ()
    """What this transaction proves."""
    ballots: list[BallotFacts] = field(default_factory=list)
    tasks: list[tuple[str, str]] = field(default_factory=list)
    """Open tasks (kind, matter)."""
    taken: Transition | None = None
    why_not: str | None = None
    moved: bool = False
    """Whether the instance's row must be written."""

    @property
    def done(self) -> list[Occurred]:
        """Closed occurrences, those of the last two years."""
        return [which for which, _, _ in self._occurrences()]

    @property
    def acted(self) -> list[Occurred]:
        """Those of them in which the step acted."""
        return [which for which, acted, _ in self._occurrences() if acted]

    @property
    def unproven(self) -> list[Occurred]:
        """Acted, but no server has accepted the mail yet."""
        waiting = [which for which, acted, proven in self._occurrences() if acted and not proven]
        return [which for which in waiting if which not in self.proven]

    @unproven.setter
    def unproven(self, left: Sequence[Occurred]) -> None:
        self.proven = (*self.proven, *(which for which in self.unproven if which not in left))

    def _occurrences(self) -> list[tuple[Occurred, bool, bool]]:
        before = [] if self.past is None else self.past.of(self.id)
        return [*before, *((which, acted, False) for which, acted in self.closed)]

    def latest(self, trigger: str, year: int | None = None) -> BallotFacts | None:
        """Return the latest ballot on a question (of a year)."""
        for ballot in reversed(self.ballots):
            if ballot.trigger == trigger and year in {None, ballot.year}:
                return ballot
        return None

    def adopted(self, trigger: str, year: int) -> BallotFacts | None:
        """Return the adopted ballot on a question in that year, if there is one."""
        for ballot in reversed(self.ballots):
            if ballot.trigger == trigger and ballot.year == year and ballot.status == BallotStatus.ADOPTED:
                return ballot
        return None


@dataclass(slots=True)
class Occasion:
    """When and why something is asked or done.

    `at`: when it is recorded (now); `moment`: when it took effect, earlier on a late server; `day`: the
    moment's local day; `year`: the year it is about; `key`: what makes a notice of it the same notice.
    """

    at: datetime
    moment: datetime
    rules: Rules
    year: int
    cause: str
    actor: str
    key: str
    reason: str = ""
    slot: "Slot | None" = None
    ballot: BallotFacts | None = None
    meeting_at: datetime | None = None
    data: Any = None
    """What the workflow's own guards want to know of it."""
    told: dict[str, Any] | None = None
    """What the mails will tell of it."""
    _day: date | None = None

    @property
    def day(self) -> date:
        """The moment's local day, derived once: guards and mails ask for it often."""
        if self._day is None:
            self._day = local_day(self.moment, self.rules.tz)
        return self._day


_OCCURRENCES = """SELECT instance_id, event, year, status, proven_at FROM occurrence
    WHERE instance_id IN {ids} AND year >= ?"""
_BALLOTS = """SELECT b.id, b.instance_id, b.meeting_id, b.trigger, b.year, b.status, b.opens_at, b.closes_at,
    m.held_at, b.decided_at, b.applied_at, b.reason
    FROM ballot b JOIN meeting m ON m.id = b.meeting_id WHERE b.instance_id IN {ids} AND b.annulled_at IS NULL
    AND (b.year >= ? OR b.status IN ('scheduled', 'open')
        OR b.decided_at >= (SELECT since FROM workflow_instance WHERE id = b.instance_id)) ORDER BY b.id"""
# A procedure may outlive two new years: what opened it stays known for as long as its state lasts. What was annulled
# decides nothing any more.
_TASKS = "SELECT instance_id, kind, about FROM task WHERE instance_id IN {ids} AND done_at IS NULL"


def add_engine_facts(connection: Connection, cases: Sequence[Case], since_year: int) -> None:
    """Add to the cases what the engine itself remembers of them, from `since_year` on."""
    by_id = {case.id: case for case in cases}
    ids = list(by_id)
    past = Past(connection, ids, since_year)
    for case in cases:
        case.past = past
    for row in rows_of(connection, _BALLOTS, ids, since_year):
        by_id[row[1]].ballots.append(_ballot_of(row))
    for instance_id, kind, about in rows_of(connection, _TASKS, ids):
        by_id[instance_id].tasks.append((kind, about))


def _ballot_of(row: Sequence[Any]) -> BallotFacts:
    return BallotFacts(
        id=row[0],
        meeting_id=row[2],
        trigger=row[3],
        year=row[4],
        status=row[5],
        opens_at=instant_of(row[6]),
        closes_at=instant_of(row[7]),
        held_at=instant_of(row[8]),
        decided_at=maybe_instant(row[9]),
        applied_at=maybe_instant(row[10]),
        reason=row[11],
    )
