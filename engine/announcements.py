"""Announcements: what other programs are told of, noted in the very transaction that causes it; and who is told.

Rows are written by triggers of the database on journal, ballots and tasks, so that no way of writing those can forget
them. The triggers are there only while somebody listens; without one nothing is noted, and nothing costs
(docs/decisions/0012-outgoing-webhooks.md).
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.models import one_of


class Topic(StrEnum):
    """What an announcement is about: a line of the journal, a ballot or a task."""

    TRANSITION = "transition"
    BALLOT = "ballot"
    TASK = "task"


class Announcement(SQLModel, table=True):
    """Something happened. Append-only; `id` is its place in the order of all, `uid` its name in the world.

    `ref` is the row that tells more, by `topic`; `at` is missing where that row does not say when it happened.
    """

    __tablename__ = "announcement"
    __table_args__ = (one_of("topic", Topic),)
    id: int | None = Field(default=None, primary_key=True)
    uid: str
    topic: str
    what: str
    ref: int
    instance_id: int | None = None
    at: datetime | None = None


class DeliveryStatus(StrEnum):
    """Where a delivery is. `captured`: it came while nothing was to leave."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    CAPTURED = "captured"
    FAILED = "failed"


class WebhookHook(SQLModel, table=True):
    """A hook that listens, since when, and up to which announcement it has been given what it wants."""

    __tablename__ = "webhook_hook"
    name: str = Field(primary_key=True)
    after_id: int
    since: datetime


class WebhookDelivery(SQLModel, table=True):
    """One announcement for one hook. While it is `sending`, `claim` says whose, and `due_at` until when that holds."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("hook", "announcement_id"),
        one_of("status", DeliveryStatus),
        Index(
            "ix_webhook_delivery_waiting",
            "hook",
            "due_at",
            sqlite_where=text("status IN ('pending', 'sending')"),
            postgresql_where=text("status IN ('pending', 'sending')"),
        ),
        Index("ix_webhook_delivery_announcement_id", "announcement_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    hook: str
    announcement_id: int = Field(foreign_key="announcement.id")
    type: str
    status: str = DeliveryStatus.PENDING
    created_at: datetime
    due_at: datetime
    until: datetime
    """No attempt is made after it."""
    attempts: int = 0
    delivered_at: datetime | None = None
    response: int | None = None
    """The HTTP status of the last answer."""
    error: str = ""
    claim: str | None = None


_NOTE = """INSERT INTO announcement (uid, topic, what, ref, instance_id, at)
    VALUES (lower(hex(randomblob(16))), '{topic}', {what}, NEW.id, NEW.instance_id, {at})"""
_TRIGGERS = {
    "announce_transition": (
        "INSERT ON journal_entry WHEN NEW.acted",
        _NOTE.format(topic="transition", what="NEW.trigger", at="NEW.at"),
    ),
    "announce_ballot_put": (
        "INSERT ON ballot",
        _NOTE.format(
            topic="ballot", what="NEW.status", at="CASE NEW.status WHEN 'scheduled' THEN NULL ELSE NEW.opens_at END"
        ),
    ),
    "announce_ballot": (
        "UPDATE OF status ON ballot WHEN NEW.status IS NOT OLD.status",
        _NOTE.format(
            topic="ballot",
            what="NEW.status",
            at="CASE NEW.status WHEN 'open' THEN NEW.opens_at ELSE NEW.decided_at END",
        ),
    ),
    "announce_ballot_annulled": (
        "UPDATE OF annulled_at ON ballot WHEN NEW.annulled_at IS NOT NULL AND OLD.annulled_at IS NULL",
        _NOTE.format(topic="ballot", what="'annulled'", at="NEW.annulled_at"),
    ),
    "announce_task_opened": (
        "INSERT ON task",
        _NOTE.format(topic="task", what="'opened'", at="NEW.opened_at"),
    ),
    "announce_task_closed": (
        "UPDATE OF done_at ON task WHEN NEW.done_at IS NOT NULL AND OLD.done_at IS NULL",
        _NOTE.format(topic="task", what="'closed'", at="NEW.done_at"),
    ),
}
_THERE = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'announce_%'"


def is_announcing(connection: Connection) -> bool:
    """Whether what happens is noted."""
    return bool(connection.exec_driver_sql(_THERE).scalar_one())


def start_announcing(connection: Connection) -> None:
    """Note from now on what happens; what was noted before stays."""
    stop_announcing(connection)  # an older version's triggers may have other words
    for name, (on, note) in _TRIGGERS.items():
        connection.exec_driver_sql(f"CREATE TRIGGER {name} AFTER {on} BEGIN {note}; END")


def stop_announcing(connection: Connection) -> None:
    """Note nothing any more."""
    for name in _TRIGGERS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")


def last_announcement(connection: Connection) -> int:
    """Return the place of the last one; 0 when there is none."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM announcement").scalar_one())
