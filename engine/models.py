"""The engine's tables but the board's. Instants are aware UTC; enumerations are stored by value, and checked there."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, MetaData, PrimaryKeyConstraint, UniqueConstraint, text
from sqlmodel import Field, SQLModel

# Every constraint has a name, or alembic's batch mode could not change it later.
SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Constrain a text column to the values of a closed set."""
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class OccurrenceStatus(StrEnum):
    """How an occurrence was closed."""

    ACTED = "acted"
    MISSED = "missed"


class OutboxStatus(StrEnum):
    """Where a message is. `captured`: kept for reading, it proves nothing."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    CAPTURED = "captured"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    DROPPED = "dropped"
    BOUNCED = "bounced"


class WorkflowInstance(SQLModel, table=True):
    """One running workflow: one association's membership. `since` is the instant its state took effect."""

    __tablename__ = "workflow_instance"
    __table_args__ = (
        UniqueConstraint("workflow", "subject"),
        Index("ix_workflow_instance_state", "workflow", "state"),
    )
    id: int | None = Field(default=None, primary_key=True)
    workflow: str
    version: int
    subject: str
    state: str
    since: datetime
    started_at: datetime


class Occurrence(SQLModel, table=True):
    """A yearly event that is closed for one instance: « already done » is this row's key."""

    __tablename__ = "occurrence"
    __table_args__ = (
        PrimaryKeyConstraint("instance_id", "event", "year"),
        one_of("status", OccurrenceStatus),
        {"sqlite_with_rowid": False},
    )
    instance_id: int = Field(foreign_key="workflow_instance.id")
    event: str
    year: int
    status: str
    at: datetime
    effective_at: datetime
    proven_at: datetime | None = None


class EventRun(SQLModel, table=True):
    """The run of one yearly event over everybody: how far it got, how many it touched, and its brake."""

    __tablename__ = "event_run"
    __table_args__ = (PrimaryKeyConstraint("workflow", "event", "year"),)
    workflow: str
    event: str
    year: int
    due: datetime
    after_id: int = 0
    touched: int = 0
    finished_at: datetime | None = None
    braked_at: datetime | None = None
    braked_for: int = 0
    confirmed_at: datetime | None = None
    confirmed_by: str | None = None
    confirmed_for: int = 0
    """How many the treasurer has agreed to: above that, the brake counts anew."""


class JournalEntry(SQLModel, table=True):
    """What happened, when, why and on whose decision. Append-only; `acted` false is a « no » that was asked."""

    __tablename__ = "journal_entry"
    __table_args__ = (Index("ix_journal_entry_instance_id", "instance_id"),)
    id: int | None = Field(default=None, primary_key=True)
    instance_id: int = Field(foreign_key="workflow_instance.id")
    at: datetime
    effective_at: datetime
    trigger: str
    from_state: str | None = None
    to_state: str
    acted: bool = True
    cause: str
    actor: str
    reason: str = ""
    mails: str = ""
    """Mail kinds that left with it, separated by |."""
    details: str = ""
    """The workflow's own note, JSON: what an undo needs."""


class OutboxMessage(SQLModel, table=True):
    """One mail to one recipient. `occasion` says of what (a year, an agenda); `dedupe_key` makes it once.

    While it is `sending`, `claim` says whose it is, `due_at` until when that holds, and `data_at` since when its
    content may have begun to go. `answer` is what the server said when it took it.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        UniqueConstraint("dedupe_key"),
        one_of("status", OutboxStatus),
        Index(
            "ix_outbox_message_waiting",
            "due_at",
            sqlite_where=text("status IN ('pending', 'sending')"),
            postgresql_where=text("status IN ('pending', 'sending')"),
        ),
        Index("ix_outbox_message_instance_id", "instance_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    dedupe_key: str
    instance_id: int | None = Field(default=None, foreign_key="workflow_instance.id")
    kind: str
    occasion: str
    event: str | None = None
    year: int | None = None
    recipient: str
    language: str
    context: str = "{}"
    status: str = OutboxStatus.PENDING
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None = None
    subject: str | None = None
    body: str | None = None
    layout: str | None = None
    attempts: int = 0
    error: str = ""
    claim: str | None = None
    data_at: datetime | None = None
    answer: str | None = None


class MailPage(SQLModel, table=True):
    """A page that mails' words were put into, by its digest: `outbox_message.layout` names it."""

    __tablename__ = "mail_page"
    digest: str = Field(primary_key=True)
    page: str


class OutboxAttachment(SQLModel, table=True):
    """A file that goes with a message: rendered with its words, kept as it left."""

    __tablename__ = "outbox_attachment"
    __table_args__ = (PrimaryKeyConstraint("message_id", "name"),)
    message_id: int = Field(foreign_key="outbox_message.id")
    name: str
    media_type: str
    content: bytes


class Task(SQLModel, table=True):
    """Something that waits for a person. One open task per kind and association (and matter)."""

    __tablename__ = "task"
    __table_args__ = (
        Index(
            "uq_task_open",
            "dedupe_key",
            unique=True,
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        Index("ix_task_instance_id", "instance_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    dedupe_key: str
    kind: str
    instance_id: int | None = Field(default=None, foreign_key="workflow_instance.id")
    about: str = ""
    opened_at: datetime
    due: date | None = None
    done_at: datetime | None = None
    done_by: str | None = None
    note: str = ""


class Timer(SQLModel, table=True):
    """Look again at this instance at this instant: a stay ends, clear days have passed."""

    __tablename__ = "timer"
    __table_args__ = (PrimaryKeyConstraint("at", "instance_id"), {"sqlite_with_rowid": False})
    at: datetime
    instance_id: int = Field(foreign_key="workflow_instance.id")


class Pause(SQLModel, table=True):
    """Nothing escalates from `at` until the end of the day `until`, or until a person ends it."""

    __tablename__ = "pause"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    until: date
    ends_at: datetime
    reason: str
    actor: str


class Watermark(SQLModel, table=True):
    """One row: every instant up to `upto` has been dealt with; `last_run_at` is the last good run."""

    __tablename__ = "watermark"
    id: int = Field(default=1, primary_key=True)
    upto: datetime
    last_run_at: datetime


class Switch(SQLModel, table=True):
    """The database's own switches, such as the mail mode: never copied along by a restore."""

    __tablename__ = "switch"
    name: str = Field(primary_key=True)
    value: str
