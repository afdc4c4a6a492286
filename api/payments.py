"""Payments that a person enters: who pays what, their identity, and the double entry that is refused."""
# ruff: noqa: N818 - named for what happened, as one says it

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count

from engine.errors import Invalid, RelanceError
from engine.work import Work
from workflows.membership.facts import Member
from workflows.membership.ledger import NewPayment, Share, book, default_amount
from workflows.membership.listings import same_reference
from workflows.membership.members import find
from workflows.membership.money import cents_of, money_text

SOURCE = "cli"


class AlreadyBooked(RelanceError):
    """{number}: reference {reference} was already booked (payment {payment}, {amount} on {paid_on})."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One member's share as it was entered; no year: the oldest owed; no cents: what is unpaid."""

    number: str
    year: int | None = None
    cents: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A payment as it was entered. `again`: the same reference really came twice."""

    pieces: tuple[Piece, ...]
    paid_on: date
    method: str = ""
    reference: str = ""
    again: bool = False


def piece_of(text: str) -> Piece:
    """Read NUMBER:YEAR:AMOUNT. Raises Invalid."""
    parts = text.split(":")
    if len(parts) != 3 or not parts[0] or not (parts[1].isascii() and parts[1].isdigit()):  # noqa: PLR2004 its three parts
        raise Invalid(reason=f"{text!r} is not NUMBER:YEAR:AMOUNT, such as A0001:2025:20.00")
    return Piece(parts[0], int(parts[1]), cents_of(parts[2]))


def enter(work: Work, entry: Entry, actor: str) -> int:
    """Book a payment. Returns its id.

    Raises UnknownAssociation, NothingOwed, UnknownYear, FutureDate, Invalid, AlreadyBooked; then nothing is booked.
    """
    members = [find(work, piece.number) for piece in entry.pieces]
    if entry.reference and not entry.again:
        _refuse_double(work, members, entry.reference)
    shares = tuple(_share(work, member, piece) for member, piece in zip(members, entry.pieces, strict=True))
    identity = _identity(work, entry)
    payment = NewPayment(SOURCE, identity, entry.paid_on, shares, entry.method, entry.reference)
    return book(work, [payment], actor)[0]


def _share(work: Work, member: Member, piece: Piece) -> Share:
    cents = default_amount(work, member, piece.year) if piece.cents is None else piece.cents
    return Share(member.id, cents, piece.year)


def _refuse_double(work: Work, members: Sequence[Member], reference: str) -> None:
    earlier = same_reference(work.connection, [member.id for member in members], reference)
    if earlier is not None:
        raise AlreadyBooked(
            number=earlier.number,
            reference=reference,
            payment=earlier.id,
            amount=money_text(earlier.cents),
            paid_on=earlier.paid_on.isoformat(),
        )


def _identity(work: Work, entry: Entry) -> str:
    """What makes it this payment: its reference and whom it is for, numbered where that came before."""
    numbers = "+".join(dict.fromkeys(piece.number for piece in entry.pieces))
    base = f"{entry.reference}/{numbers}" if entry.reference else numbers
    sql = "SELECT 1 FROM payment WHERE source = ? AND external_id = ?"
    for number in count(1):
        identity = f"{base}#{number}"
        if work.connection.exec_driver_sql(sql, (SOURCE, identity)).fetchone() is None:
            return identity
    raise AssertionError("numbers do not end")
