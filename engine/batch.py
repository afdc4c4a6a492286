"""What one transaction will write, collected row by row and written at once, table by table.

Deciders append; only `Batch.write` touches the database. Statements are text with `?` marks, built once:
building one per call costs nine times more.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection

from engine.cases import Case, Occasion
from engine.definition import Transition
from engine.models import OccurrenceStatus
from engine.store import stored

Values: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """SQL text run with many rows, known by identity. `order`: parents are written before what points at them."""

    sql: str
    order: int = 5

    @classmethod
    def insert(cls, table: str, *columns: str, order: int = 5, once: bool = False) -> "Statement":
        """Build an INSERT of these columns; with `once`, a row whose key exists is left alone."""
        marks = ", ".join("?" * len(columns))
        tail = " ON CONFLICT DO NOTHING" if once else ""
        return cls(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}){tail}", order)  # noqa: S608 names from code

    @classmethod
    def update(
        cls, table: str, columns: tuple[str, ...], where: tuple[str, ...] = ("id",), order: int = 4
    ) -> "Statement":
        """Build an UPDATE: first the new values, then the key."""
        sets = ", ".join(f"{column} = ?" for column in columns)
        keys = " AND ".join(f"{column} = ?" for column in where)
        return cls(f"UPDATE {table} SET {sets} WHERE {keys}", order)  # noqa: S608 names from code


MOVE = Statement.update("workflow_instance", ("state", "since"))
CLOSE_OCCURRENCE = Statement.insert(
    "occurrence", "instance_id", "event", "year", "status", "at", "effective_at", once=True
)
JOURNAL = Statement.insert(
    "journal_entry",
    *("instance_id", "at", "effective_at", "trigger", "from_state", "to_state"),
    *("acted", "cause", "actor", "reason", "mails", "details"),
)
OUTBOX = Statement.insert(
    "outbox_message",
    *("dedupe_key", "instance_id", "kind", "occasion", "event", "year", "recipient", "language"),
    *("context", "status", "created_at", "due_at", "attempts", "error"),
    once=True,
)
OPEN_TASK = Statement.insert(
    "task", "dedupe_key", "kind", "instance_id", "about", "opened_at", "due", "note", once=True
)
CLOSE_TASK = Statement(
    "UPDATE task SET done_at = ?, done_by = ?, note = ltrim(note || ?) WHERE dedupe_key = ? AND done_at IS NULL"
)
SET_TIMER = Statement.insert("timer", "at", "instance_id", once=True)
NEW_BALLOT = Statement.insert(
    "ballot",
    *("instance_id", "meeting_id", "trigger", "year", "status", "opens_at", "closes_at", "electorate", "reason"),
    *("approve", "reject", "abstain", "took_part", "missing", "rule", "annulled_by", "annulled_reason"),
    order=3,
)
SET_BALLOT_STATUS = Statement.update("ballot", ("status", "decided_at", "missing", "reason"))
APPLY_BALLOT = Statement.update("ballot", ("applied_at",))


def task_key(kind: str, instance_id: int | None, about: str = "") -> str:
    """What makes an open task the same task."""
    return f"{kind}:{'' if instance_id is None else instance_id}:{about}"


@dataclass(frozen=True, slots=True)
class Beginning:
    """An instance of another workflow that this one starts: of which, for whom, since when, with what it is told."""

    workflow: str
    subject: str
    since: datetime
    actor: str
    told: Mapping[str, Any]


class Batch:
    """Rows to write, by statement, with the mails and the undo note of the arrow being fired."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[Statement, list[Values]] = defaultdict(list)
        self.mails: list[str] = []
        self.details = ""
        self.changed: dict[int, Case] = {}
        self.beginnings: list[Beginning] = []

    def begin(self, beginning: Beginning) -> None:
        """Start an instance of another workflow, in the same transaction."""
        self.beginnings.append(beginning)

    def add(self, statement: Statement, *values: object) -> None:
        """Add one row."""
        self.rows[statement].append(values)

    def journal(
        self, case: Case, occasion: Occasion, trigger: str, before: str | None, *, acted: bool = True, reason: str = ""
    ) -> None:
        """Note what happened to a case, or that it was asked and why not."""
        told = (occasion.cause, occasion.actor, reason or occasion.reason, "|".join(self.mails), self.details)
        when = (stored(occasion.at), stored(occasion.moment))
        self.rows[JOURNAL].append((case.id, *when, trigger, before, case.state, 1 if acted else 0, *told))
        self.mails, self.details = [], ""

    def journal_no(self, instance_id: int, state: str, occasion: Occasion, trigger: str, reason: str) -> None:
        """Note that somebody was asked, and why not: for that no more than the state need be known."""
        told = (occasion.cause, occasion.actor, reason, "", "")
        when = (stored(occasion.at), stored(occasion.moment))
        self.rows[JOURNAL].append((instance_id, *when, trigger, state, state, 0, *told))

    def close_occurrence(self, case: Case, occasion: Occasion, event: str, year: int, status: OccurrenceStatus) -> None:
        """Take the key of (instance, event, year): it can never act again."""
        case.closed = (*case.closed, ((event, year), status is OccurrenceStatus.ACTED))
        self.rows[CLOSE_OCCURRENCE].append(
            (case.id, event, year, status.value, stored(occasion.at), stored(occasion.moment))
        )

    def open_task(
        self, kind: str, case: Case | None, at: datetime, about: str = "", due: date | None = None, note: str = ""
    ) -> None:
        """Ask a person for something; the same open task is not asked twice."""
        instance_id = None if case is None else case.id
        if case is not None:
            if (kind, about) in case.tasks:
                return
            case.tasks.append((kind, about))
        day = None if due is None else due.isoformat()
        self.add(OPEN_TASK, task_key(kind, instance_id, about), kind, instance_id, about, stored(at), day, note)

    def close_task(
        self, kind: str, case: Case | None, at: datetime, about: str = "", by: str = "", note: str = ""
    ) -> None:
        """Close a task whose reason ended, if it is open."""
        instance_id = None if case is None else case.id
        if case is not None:
            if (kind, about) not in case.tasks:
                return
            case.tasks.remove((kind, about))
        why = f" ({note})" if note else ""
        self.add(CLOSE_TASK, stored(at), by, why, task_key(kind, instance_id, about))

    def write(self, connection: Connection) -> None:
        """Write everything, parents first, and start anew."""
        for case in self.changed.values():
            self.rows[MOVE].append((case.state, stored(case.since), case.id))
        for statement in sorted(self.rows, key=lambda statement: statement.order):
            rows = self.rows[statement]
            if rows:
                connection.exec_driver_sql(statement.sql, rows)
        self.rows.clear()
        self.changed.clear()


def note_taken(batch: Batch, case: Case, row: Transition, occasion: Occasion) -> None:
    """Remember that a case took an arrow, so that its row is written."""
    if row.dest is not None:
        case.since = occasion.moment
        batch.changed[case.id] = case
