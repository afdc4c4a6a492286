"""payments.csv: money that came in, one row for each member and year it was for."""

from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from engine.errors import Invalid
from workflows.membership.models import ReversalReason
from workflows.membership.money import cents_of
from workflows.membership.register.canonical import Cells, Layout, Parsed, parse_file
from workflows.membership.register.cells import as_code, as_text, as_year, day_up_to, one_word_of

PAYMENTS = Layout(
    ("number", "year", "amount", "paid_on", "method", "reference"),
    ("source", "external_id", "reversed_on", "reversal_reason"),
)
CREDIT = "credit"
"""Stands for the year of what was paid beyond what was owed, and is kept."""
OWN_SOURCE = "csv"


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment, or its part for one member and year. `year` None: the oldest owed; `credit`: kept as credit.

    (`source`, `external_id`): its identity where the file gives it; rows that share one are one payment.
    """

    number: str
    year: int | None
    cents: int
    paid_on: date
    method: str
    reference: str
    line: int
    credit: bool = False
    source: str = ""
    external_id: str = ""
    reversed_on: date | None = None
    reversal_reason: ReversalReason | None = None


def read_payments(path: Path, today: date | None = None) -> list[PaymentRow]:
    """Read payments. With `today`, days to come are refused. Raises RegisterRefused."""
    return parse_payments(path, today).all_rows()


def parse_payments(path: Path, today: date | None = None) -> Parsed[PaymentRow]:
    """Read payments and what is refused of them."""
    return parse_file(path, PAYMENTS, partial(_payment, today))


def _payment(today: date | None, cells: Cells) -> PaymentRow:
    credit = cells.cells["year"] == CREDIT
    if cells.has("source") != cells.has("external_id"):
        cells.refuse("source and external_id go together")
    reversed_on = cells.get("reversed_on", day_up_to(today), None)
    reason = cells.get("reversal_reason", one_word_of(ReversalReason), None)
    if (reversed_on is None) != (reason is None):
        cells.refuse("reversed_on and reversal_reason go together")
    return PaymentRow(
        number=cells.need("number", as_code, "?"),
        year=None if credit else cells.get("year", as_year, None),
        cents=cells.need("amount", as_payment, 1),
        paid_on=cells.need("paid_on", day_up_to(today), date.min),
        method=cells.get("method", as_text, ""),
        reference=cells.get("reference", as_text, ""),
        line=cells.line,
        credit=credit,
        source=cells.get("source", as_text, ""),
        external_id=cells.get("external_id", as_text, ""),
        reversed_on=reversed_on,
        reversal_reason=reason,
    )


def as_payment(text: str) -> int:
    """Read a positive amount."""
    cents = cents_of(text)
    if cents == 0:
        raise Invalid(reason="a payment is more than nothing")
    return cents
