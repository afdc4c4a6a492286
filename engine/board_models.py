"""The board's tables: seats, meetings, ballots, votes. Instants are aware UTC; enumerations are stored by value."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, PrimaryKeyConstraint, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.models import one_of


class BallotStatus(StrEnum):
    """The life of a ballot; the last five are final."""

    SCHEDULED = "scheduled"
    OPEN = "open"
    ADOPTED = "adopted"
    REJECTED = "rejected"
    NO_QUORUM = "no_quorum"
    WITHDRAWN = "withdrawn"
    BLOCKED = "blocked"


LIVE = (BallotStatus.SCHEDULED, BallotStatus.OPEN)


class BoardMail(StrEnum):
    """What the board itself is told by mail."""

    AGENDA = "agenda"
    AGENDA_CHANGED = "agenda_changed"
    ANY_NEWS = "any_news"
    VOTE_REMINDER = "vote_reminder"
    VOTE_RECEIPT = "vote_receipt"
    DECISIONS = "decisions"


class Meeting(SQLModel, table=True):
    """A meeting of the board: `month` as 2025-08 names it, wherever it was moved."""

    __tablename__ = "meeting"
    __table_args__ = (UniqueConstraint("month"),)
    id: int | None = Field(default=None, primary_key=True)
    month: str
    held_at: datetime = Field(index=True)
    publish_at: datetime = Field(index=True)
    confirm_by: datetime
    """When an unconfirmed date becomes an alarm."""
    closes_at: datetime
    place: str = ""
    confirmed: bool = False
    published_at: datetime | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    items: int = 0
    present: str = ""
    """Seats present, separated by |."""


class Seat(SQLModel, table=True):
    """One seat of the board and who holds it, from a day to a day (both included)."""

    __tablename__ = "seat"
    __table_args__ = (UniqueConstraint("name", "person", "from_on"),)
    id: int | None = Field(default=None, primary_key=True)
    name: str
    person: str
    email: str = ""
    role: str = "member"
    from_on: date | None = None
    until_on: date | None = None
    interests: str | None = None
    """Subjects it has declared to belong to, separated by |: it stands aside where they are voted on."""


class Ballot(SQLModel, table=True):
    """A pending transition put to the vote at one meeting. Counts are frozen when it closes."""

    __tablename__ = "ballot"
    __table_args__ = (
        one_of("status", BallotStatus),
        Index(
            "uq_ballot_live",
            "instance_id",
            "trigger",
            unique=True,
            sqlite_where=text("status IN ('scheduled', 'open')"),
            postgresql_where=text("status IN ('scheduled', 'open')"),
        ),
        Index("ix_ballot_meeting_id", "meeting_id"),
        Index("ix_ballot_instance_id", "instance_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    instance_id: int = Field(foreign_key="workflow_instance.id")
    meeting_id: int = Field(foreign_key="meeting.id")
    trigger: str
    year: int
    status: str
    opens_at: datetime
    closes_at: datetime
    electorate: str = ""
    """Seats in office when it opened, separated by |."""
    approve: int = 0
    reject: int = 0
    abstain: int = 0
    took_part: int = 0
    decided_at: datetime | None = None
    applied_at: datetime | None = None
    missing: str = ""
    """Gates not met, separated by |."""
    reason: str = ""
    rule: str = ""
    """How its votes are counted, JSON: the board's rule when it opened."""
    hands: str | None = None
    """Hands counted in the room beside the votes, as 3/1/0: for, against, abstaining."""
    annulled_at: datetime | None = None
    annulled_by: str = ""
    """The two people who annulled its decision, which then causes nothing any more."""
    annulled_reason: str = ""


class Recusal(SQLModel, table=True):
    """A seat stands aside on one ballot: it does not vote, and does not count."""

    __tablename__ = "recusal"
    __table_args__ = (PrimaryKeyConstraint("ballot_id", "seat"), {"sqlite_with_rowid": False})
    ballot_id: int = Field(foreign_key="ballot.id")
    seat: str
    reason: str
    actor: str
    at: datetime


class Absence(SQLModel, table=True):
    """A seat has announced that it will not be at a meeting; it may still vote from elsewhere."""

    __tablename__ = "absence"
    __table_args__ = (PrimaryKeyConstraint("meeting_id", "seat"), {"sqlite_with_rowid": False})
    meeting_id: int = Field(foreign_key="meeting.id")
    seat: str
    note: str = ""
    actor: str
    at: datetime


class BoardNotice(SQLModel, table=True):
    """What the seats are to be told before a meeting, and when; `done_at`: told, or no longer worth telling."""

    __tablename__ = "board_notice"
    __table_args__ = (
        PrimaryKeyConstraint("meeting_id", "kind", "at"),
        Index(
            "ix_board_notice_waiting",
            "at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        {"sqlite_with_rowid": False},
    )
    meeting_id: int = Field(foreign_key="meeting.id")
    kind: str
    at: datetime
    done_at: datetime | None = None


class Vote(SQLModel, table=True):
    """One seat's choice on one ballot. A changed vote is superseded, never overwritten."""

    __tablename__ = "vote"
    __table_args__ = (
        Index(
            "uq_vote_current",
            "ballot_id",
            "seat",
            unique=True,
            sqlite_where=text("superseded_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    ballot_id: int = Field(foreign_key="ballot.id")
    seat: str
    choice: str
    comment: str = ""
    channel: str
    at: datetime
    superseded_at: datetime | None = None


class AgendaList(SQLModel, table=True):
    """The list of one question in one year was settled by the agenda of this meeting."""

    __tablename__ = "agenda_list"
    __table_args__ = (PrimaryKeyConstraint("workflow", "trigger", "year"),)
    workflow: str
    trigger: str
    year: int
    meeting_id: int = Field(foreign_key="meeting.id")
