"""The register and the money: what an association is, owes, paid, said, and what is hosted for it.

Amounts are integer cents. Days are local to the organisation. An association's row has the id of its
workflow instance, so that one key serves both.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, PrimaryKeyConstraint, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.models import one_of


class Kind(StrEnum):
    """Who a member is."""

    ASSOCIATION = "association"
    PERSON = "person"


class EntryKind(StrEnum):
    """A line of the ledger. Signed: what settles a due is positive, what undoes it negative."""

    PAYMENT = "payment"
    REVERSAL = "reversal"
    WAIVER = "waiver"
    CANCELLATION = "cancellation"


class ReversalReason(StrEnum):
    """Why a payment is undone."""

    BOUNCED = "bounced"
    ENTERED_WRONGLY = "entered_wrongly"


class ContactKind(StrEnum):
    """A contact: they were heard from. A notice: we reached them otherwise than by mail."""

    CONTACT = "contact"
    NOTICE = "notice"


class LetterKind(StrEnum):
    """The two registered letters."""

    SUMMONS = "summons"
    REMOVAL = "removal"


class LetterOutcome(StrEnum):
    """What the post said of a registered letter."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    UNCLAIMED = "unclaimed"
    UNKNOWN_ADDRESS = "unknown_address"


class OrderAction(StrEnum):
    """What is to be done to a hosted service."""

    SUSPEND = "suspend"
    RESTORE = "restore"
    ARCHIVE = "archive"
    DELETE = "delete"


class OrderStatus(StrEnum):
    """Where a service order is."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Reached(SQLModel):
    """Who speaks for somebody in the register, where it is, and in which language it reads; `themes` separated by |."""

    contact_name: str = ""
    contact_role: str = ""
    email: str = ""
    treasurer_name: str = ""
    treasurer_email: str = ""
    phone: str = ""
    address: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    language: str = "fr"
    themes: str = ""


class Association(Reached, table=True):
    """A member of the hoster, association or person, with what its membership must remember.

    `concerned`: the years that the present reminder or cut-off is about, separated by |.
    `cut_at`: since when its services are interrupted. `credit_cents`: paid beyond what was owed.
    """

    __tablename__ = "association"
    __table_args__ = (one_of("kind", Kind),)
    instance_id: int = Field(primary_key=True, foreign_key="workflow_instance.id")
    name: str
    kind: str = Kind.ASSOCIATION
    joined_on: date
    email_bounced_at: datetime | None = None
    treasurer_email_bounced_at: datetime | None = None
    dues_cents: int | None = None
    hold_until: date | None = None
    hold_reason: str = ""
    unreachable_since: datetime | None = None
    last_contact_on: date | None = None
    notified_at: datetime | None = None
    reminded_at: datetime | None = None
    concerned: str = ""
    cut_at: datetime | None = None
    left_on: date | None = None
    credit_cents: int = 0


class Due(SQLModel, table=True):
    """What one association owes for one year. Owed once called; settled by payments, waivers, cancellation."""

    __tablename__ = "due"
    __table_args__ = (PrimaryKeyConstraint("association_id", "year"), {"sqlite_with_rowid": False})
    association_id: int = Field(foreign_key="association.instance_id")
    year: int
    amount_cents: int
    settled_cents: int = 0
    issued_at: datetime
    called_at: datetime | None = None


class Payment(SQLModel, table=True):
    """Money that came in, once: (source, external id) is its identity."""

    __tablename__ = "payment"
    __table_args__ = (UniqueConstraint("source", "external_id"),)
    id: int | None = Field(default=None, primary_key=True)
    source: str
    external_id: str
    amount_cents: int
    paid_on: date
    method: str = ""
    reference: str = ""
    booked_at: datetime
    reversed_at: datetime | None = None
    reversed_on: date | None = None
    reversal_reason: str | None = None


class LedgerEntry(SQLModel, table=True):
    """One append-only line: an allocation of a payment, its reversal, a waiver. `year` None: kept as credit."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        one_of("kind", EntryKind),
        Index("ix_ledger_entry_association_id", "association_id"),
        Index(
            "ix_ledger_entry_payment_id",
            "payment_id",
            sqlite_where=text("payment_id IS NOT NULL"),
            postgresql_where=text("payment_id IS NOT NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    association_id: int = Field(foreign_key="association.instance_id")
    year: int | None = None
    kind: str
    amount_cents: int
    payment_id: int | None = Field(default=None, foreign_key="payment.id")
    on_day: date
    at: datetime
    reason: str = ""


class Contact(SQLModel, table=True):
    """A contact or a notice, recorded by hand."""

    __tablename__ = "contact"
    __table_args__ = (one_of("kind", ContactKind), Index("ix_contact_association_id", "association_id"))
    id: int | None = Field(default=None, primary_key=True)
    association_id: int = Field(foreign_key="association.instance_id")
    kind: str
    on_day: date
    channel: str
    note: str = ""
    at: datetime
    actor: str


class Letter(SQLModel, table=True):
    """A registered letter and what the post did with it."""

    __tablename__ = "letter"
    __table_args__ = (one_of("kind", LetterKind), Index("ix_letter_association_id", "association_id"))
    id: int | None = Field(default=None, primary_key=True)
    association_id: int = Field(foreign_key="association.instance_id")
    kind: str
    created_at: datetime
    posted_on: date | None = None
    tracking: str = ""
    first_presented_on: date | None = None
    outcome: str | None = None
    search_note: str = ""


class LetterPrint(SQLModel, table=True):
    """A registered letter as it was printed last before it was posted: from then on, what was sent."""

    __tablename__ = "letter_print"
    letter_id: int = Field(primary_key=True, foreign_key="letter.id")
    content: bytes


class Service(SQLModel, table=True):
    """Something hosted for an association."""

    __tablename__ = "service"
    __table_args__ = (UniqueConstraint("association_id", "kind", "identifier"),)
    id: int | None = Field(default=None, primary_key=True)
    association_id: int = Field(foreign_key="association.instance_id")
    kind: str
    identifier: str


class ServiceOrder(SQLModel, table=True):
    """What is to be done to a service; never twice for one occasion."""

    __tablename__ = "service_order"
    __table_args__ = (
        one_of("action", OrderAction),
        one_of("status", OrderStatus),
        UniqueConstraint("service_id", "action", "occasion"),
        Index("ix_service_order_status", "status"),
    )
    id: int | None = Field(default=None, primary_key=True)
    service_id: int = Field(foreign_key="service.id")
    action: str
    occasion: str
    ordered_at: datetime
    status: str = OrderStatus.PENDING
    acked_at: datetime | None = None
    acked_by: str | None = None
    note: str = ""
