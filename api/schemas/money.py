"""Payments and the ledger."""

from typing import Literal

from pydantic import Field, model_validator

from api.deps import HasStatus
from api.schemas.kinds import Amount, Code, Day, Given, Id, Instant, Line, Money, Said, Told, Year, cents


class PaymentDetails(Told):
    """How money came in. (source, external_id) is its identity: told again, it is not booked again."""

    amount: Amount
    paid_on: Day
    method: Line = ""
    reference: Line = ""
    source: Said | None = None
    external_id: Said | None = None


class NewPayment(PaymentDetails):
    """A payment of one association; without `year` it goes to the oldest owed."""

    year: Year | None = None


class Allocation(Told):
    """A part of a payment."""

    association: Code
    year: Year | None = None
    amount: Amount


class SpreadPayment(PaymentDetails):
    """One transfer for several: the parts add up to its amount."""

    allocations: list[Allocation] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _adds_up(self) -> "SpreadPayment":
        if sum(cents(part.amount) for part in self.allocations) != cents(self.amount):
            raise ValueError("the parts do not add up to the amount")
        return self


class Part(Given):
    """Where a part of a payment went; no year: kept as credit."""

    association: str
    year: int | None
    amount: Money


class Standing(Given):
    """How an association stands."""

    association: str
    state: str
    owed: Money
    credit: Money


class Booked(Given, HasStatus):
    """A payment that is booked: 201 the first time, 200 when it was known."""

    payment: int
    state: str
    owed: Money
    credit: Money
    allocations: list[Part]
    known: bool = Field(default=False, exclude=True)

    def status_code(self) -> int:
        """Return the status."""
        return 200 if self.known else 201


class SpreadBooked(Given, HasStatus):
    """A payment spread over several."""

    payment: int
    allocations: list[Part]
    associations: list[Standing]
    known: bool = Field(default=False, exclude=True)

    def status_code(self) -> int:
        """Return the status."""
        return 200 if self.known else 201


class Reversal(Told):
    """A payment bounced, or was entered wrongly."""

    on: Day
    reason: Literal["bounced", "entered_wrongly"]


class Reversed(Given):
    """A payment that was undone, and how those concerned stand now."""

    payment: int
    associations: list[Standing]


class LedgerLine(Given):
    """A line of the ledger: what settles is positive, what undoes negative; no year: credit."""

    id: Id
    year: int | None
    kind: str
    amount: Money
    payment: int | None
    on: Day
    at: Instant
    reason: str
    method: str | None
    reference: str | None
