"""What came out of a replay or a simulation: who is where, and what happened on the way. Reading only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from engine.board_models import LIVE
from engine.clock import end_of_day
from engine.replay import Failure
from engine.store import instant_of

_FINAL = "SELECT subject, state FROM workflow_instance WHERE workflow = coalesce(?, workflow) ORDER BY subject, id"
_JOURNAL = """SELECT j.at, j.effective_at, i.subject, j.trigger, j.from_state, j.to_state, j.cause, j.actor, j.mails
    FROM journal_entry j JOIN workflow_instance i ON i.id = j.instance_id
    WHERE i.workflow = coalesce(?, i.workflow) AND j.id > ? AND j.acted ORDER BY j.id"""
_DECIDED = """SELECT m.held_at, b.closes_at, i.subject, b.trigger, b.status, b.approve, b.reject, b.took_part,
    b.missing, b.reason FROM ballot b JOIN meeting m ON m.id = b.meeting_id
    JOIN workflow_instance i ON i.id = b.instance_id
    WHERE i.workflow = coalesce(?, i.workflow) AND b.status NOT IN (?, ?) ORDER BY m.held_at, b.id"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: something that was done."""

    at: datetime
    effective_at: datetime
    subject: str
    trigger: str
    before: str | None
    after: str
    cause: str
    actor: str
    mails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """Where everybody is at the end, what was done, and what was expected in vain."""

    final: Mapping[str, str]
    journal: Sequence[Entry]
    failures: Sequence[Failure]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether everything that was expected holds."""
        return not self.failures


def states_of(connection: Connection, workflow: str | None) -> dict[str, str]:
    """Return the state of every subject, by number; of all workflows (None), that of the one begun last."""
    return {row[0]: row[1] for row in connection.exec_driver_sql(_FINAL, (workflow,))}


def journal_after(
    connection: Connection, workflow: str | None, after: int = 0, without: Sequence[str] = ()
) -> list[Entry]:
    """Return what was done in a workflow (None: in all) after a line of the journal; `without` these triggers."""
    rows = connection.exec_driver_sql(_JOURNAL, (workflow, after))
    return [
        Entry(
            *(instant_of(row[0]), instant_of(row[1])),
            *(row[2], row[3], row[4], row[5], row[6], row[7]),
            tuple(filter(None, row[8].split("|"))),
        )
        for row in rows
        if row[3] not in without
    ]


@dataclass(frozen=True, slots=True)
class Decided:
    """A ballot that came to its end: the meeting's hour, the outcome with its counts, why there was none."""

    held_at: datetime
    closes_at: datetime
    subject: str
    trigger: str
    status: str
    approve: int
    reject: int
    took_part: int
    why: str


def decisions_of(connection: Connection, workflow: str | None) -> list[Decided]:
    """Return the ballots of a workflow (None: of all) that are over, in the order of their meetings."""
    rows = connection.exec_driver_sql(_DECIDED, (workflow, *(status.value for status in LIVE)))
    return [
        Decided(
            *(instant_of(row[0]), instant_of(row[1])),
            *(row[2], row[3], row[4], row[5], row[6], row[7]),
            why=row[9] or ", ".join(row[8].split("|")),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Period:
    """What happened up to the end of a day, from the end of the period before: the states then, the mails meanwhile."""

    last_day: date
    states: Mapping[str, int]
    mails: Mapping[str, int]


def periods(
    before: Mapping[str, str], journal: Iterable[Entry], last_days: Sequence[date], tz: ZoneInfo
) -> Iterator[Period]:
    """Cut a journal at the ends of these days. `before`: the states it starts from, by subject."""
    states = dict(before)
    entries = iter(journal)
    entry = next(entries, None)
    for day in last_days:
        mails: Counter[str] = Counter()
        midnight = end_of_day(day, tz)
        while entry is not None and entry.at < midnight:
            states[entry.subject] = entry.after
            mails.update(entry.mails)
            entry = next(entries, None)
        yield Period(day, Counter(states.values()), mails)
