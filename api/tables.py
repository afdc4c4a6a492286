"""The API's own tables: who may ask, what was answered under a key, who schedules."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.models import one_of


class Role(StrEnum):
    """What the holder of a token may do; everybody may read."""

    TREASURER = "treasurer"
    SECRETARY = "secretary"
    CHAIR = "chair"
    BOARD = "board"
    ADMIN = "admin"
    READER = "reader"


class ApiToken(SQLModel, table=True):
    """A bearer token: only its SHA-256 is kept. `seat`: whose vote it may cast."""

    __tablename__ = "api_token"
    __table_args__ = (one_of("role", Role), UniqueConstraint("digest"))
    id: int | None = Field(default=None, primary_key=True)
    name: str
    role: str
    seat: str | None = None
    digest: str
    created_at: datetime
    revoked_at: datetime | None = None


class IdempotentAnswer(SQLModel, table=True):
    """What a request under an Idempotency-Key was answered, kept with what it did."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (PrimaryKeyConstraint("token_id", "key"), {"sqlite_with_rowid": False})
    token_id: int = Field(foreign_key="api_token.id")
    key: str
    fingerprint: str
    status: int
    body: str
    at: datetime


class WebhookReceipt(SQLModel, table=True):
    """A signed message that had its effect: the same one never has it again."""

    __tablename__ = "webhook_receipt"
    __table_args__ = (PrimaryKeyConstraint("source", "message_id"), {"sqlite_with_rowid": False})
    source: str
    message_id: str
    at: datetime


class PersonalLink(SQLModel, table=True):
    """One seat's door to one meeting's ballots: only the SHA-256 of its token is kept. It is its person's alone."""

    __tablename__ = "personal_link"
    __table_args__ = {"sqlite_with_rowid": False}
    digest: str = Field(primary_key=True)
    meeting_id: int = Field(foreign_key="meeting.id")
    seat: str
    person: str
    made_at: datetime
    revoked_at: datetime | None = None


class UsedForm(SQLModel, table=True):
    """A form of the voting page that was handed in: it is not taken twice."""

    __tablename__ = "used_form"
    __table_args__ = {"sqlite_with_rowid": False}
    digest: str = Field(primary_key=True)
    at: datetime


class Lease(SQLModel, table=True):
    """Who does something alone, until when unless it renews."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    holder: str
    renewed_at: datetime
    until: datetime
