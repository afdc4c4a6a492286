"""Associations and what they tell."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.kinds import Amount, Code, Day, Email, Given, Instant, Line, Money, Paragraph, Said, Told, Word, Year


class AssociationLine(Given):
    """An association in a list."""

    number: str
    name: str
    kind: str
    state: str
    since: Instant
    owed: Money
    credit: Money
    hold_until: Day | None
    unreachable: bool


class ServiceName(Told):
    """Something hosted."""

    kind: Word
    identifier: Said


class DueLine(Given):
    """What is due for one year."""

    year: int
    amount: Money
    settled: Money
    unpaid: Money
    called_at: Instant | None


class Reached(Given):
    """Who speaks for somebody, where it is, and in which language it reads."""

    contact_name: str
    contact_role: str
    email: str
    treasurer_name: str
    treasurer_email: str
    phone: str
    address: str
    postcode: str
    city: str
    region: str
    country: str
    language: str
    themes: list[str]


class Association(AssociationLine, Reached):
    """One association: its register, its dues, why it is in its state."""

    joined_on: Day
    left_on: Day | None
    own_dues: Money | None
    hold_reason: str
    last_contact_on: Day | None
    concerned: list[int]
    cut_at: Instant | None
    dues: list[DueLine]
    services: list[ServiceName]
    tasks: list[str]
    why: str


class Contacts(Told):
    """Who somebody is, and how they are reached."""

    contact_name: Line | None = None
    contact_role: Line | None = None
    email: Email | None = None
    treasurer_name: Line | None = None
    treasurer_email: Email | None = None
    phone: Line | None = None
    address: Line | None = None
    postcode: Line | None = None
    city: Line | None = None
    region: Line | None = None
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] | None = None
    language: Literal["fr", "en"] | None = None
    themes: list[Annotated[Line, Field(pattern=r"^[^|]*$")]] | None = Field(default=None, max_length=50)


class Register(Contacts):
    """The register's fields of an association."""

    dues: Amount | None = Field(default=None, description="Its own yearly amount.")


class NewAssociation(Register):
    """A new member: it owes the year of joining, and is called at once."""

    number: Code
    name: Said
    kind: Literal["association", "person"] = "association"
    services: list[ServiceName] = Field(default=[], max_length=100)


class ChangedAssociation(Register):
    """What changes: fields that are not named stay."""

    name: Said | None = None
    kind: Literal["association", "person"] | None = None
    joined_on: Day | None = None


class Contact(Told):
    """They were heard from, or we reached them."""

    on: Day
    channel: Said
    note: Paragraph = ""


class Hold(Told):
    """A stay up to and including a day."""

    until: Day
    reason: Said


class Waiver(Told):
    """What is unpaid of one year is waived."""

    year: Year
    reason: Said


class Departure(Told):
    """A member leaves."""

    on: Day
    reason: Line = ""


class Entry(Given):
    """A line of the journal. `acted` false: it was asked, and the answer was no."""

    id: int
    at: Instant
    effective_at: Instant
    association: str
    trigger: str
    before: str | None = Field(serialization_alias="from")
    to: str
    acted: bool
    cause: str
    actor: str
    reason: str
    mails: list[str]


class Coming(Given):
    """What comes next for an association, and what would prevent it."""

    kind: str
    event: str
    year: int
    at: Instant
    until: Instant | None
    happens: bool
    to: str | None
    mails: list[str]
    conditions: list[str]
    blockers: list[str]
    what: str
