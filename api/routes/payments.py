"""Payments: of one association, spread over several, undone."""

from collections.abc import Sequence
from uuid import uuid4

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.deps import TreasurerOnce
from api.problems import NotFound
from api.schemas.kinds import Number, PathId, cents
from api.schemas.money import (
    Booked,
    NewPayment,
    Part,
    PaymentDetails,
    Reversal,
    Reversed,
    SpreadBooked,
    SpreadPayment,
    Standing,
)
from engine.errors import Invalid, NotAllowed
from engine.work import Work
from workflows.membership import ledger, listings, members
from workflows.membership.models import ReversalReason
from workflows.membership.money import money_text

router = APIRouter(tags=["payments"])
SOURCE = "api"
_KNOWN = "SELECT id, amount_cents FROM payment WHERE source = ? AND external_id = ?"
_WHOSE = "SELECT DISTINCT association_id FROM ledger_entry WHERE payment_id = ?"
_REVERSED = "SELECT reversed_at FROM payment WHERE id = ?"


@router.post(
    "/associations/{number}/payments",
    response_model=Booked,
    status_code=201,
    responses={200: {"model": Booked, "description": "It was booked before."}},
)
def pay(number: Number, body: NewPayment, office: TreasurerOnce) -> Response:
    """Book a payment; without a year it goes to the oldest owed first."""

    def act(work: Work) -> Booked:
        share = ledger.Share(members.find(work, number).id, cents(body.amount), body.year)
        payment_id, known = _book(work, body, (share,), office.actor)
        stands = standings(work.connection, [share.member_id])[0]
        return Booked(
            payment=payment_id,
            state=stands.state,
            owed=stands.owed,
            credit=stands.credit,
            allocations=_parts(work.connection, payment_id),
            known=known,
        )

    return office.once(body, act, 201)


@router.post(
    "/payments",
    response_model=SpreadBooked,
    status_code=201,
    responses={200: {"model": SpreadBooked, "description": "It was booked before."}},
)
def pay_for_several(body: SpreadPayment, office: TreasurerOnce) -> Response:
    """Book one transfer for several associations and years: all of it, or nothing."""

    def act(work: Work) -> SpreadBooked:
        shares = tuple(
            ledger.Share(members.find(work, part.association).id, cents(part.amount), part.year)
            for part in body.allocations
        )
        payment_id, known = _book(work, body, shares, office.actor)
        return SpreadBooked(
            payment=payment_id,
            allocations=_parts(work.connection, payment_id),
            associations=standings(work.connection, sorted({share.member_id for share in shares})),
            known=known,
        )

    return office.once(body, act, 201)


def _book(work: Work, body: PaymentDetails, shares: tuple[ledger.Share, ...], actor: str) -> tuple[int, bool]:
    """Book what is not booked yet. Returns the payment's id, and whether it was known."""
    source, identity = body.source or SOURCE, body.external_id or uuid4().hex
    row = work.connection.exec_driver_sql(_KNOWN, (source, identity)).fetchone()
    if row is not None:
        _refuse_other(work, row[0], row[1], shares)
        return int(row[0]), True
    payment = ledger.NewPayment(source, identity, body.paid_on, shares, body.method, body.reference)
    payment_id = ledger.book(work, [payment], actor)[0]
    work.write()
    return payment_id, False


def _refuse_other(work: Work, payment_id: int, amount: int, shares: tuple[ledger.Share, ...]) -> None:
    """Refuse another payment under an identity that is taken."""
    whose = {row[0] for row in work.connection.exec_driver_sql(_WHOSE, (payment_id,))}
    if amount != sum(share.cents for share in shares) or whose != {share.member_id for share in shares}:
        raise Invalid(reason="this source and external_id belong to another payment")


def standings(connection: Connection, ids: Sequence[int]) -> list[Standing]:
    """Return how these members stand."""
    return [
        Standing(association=line.number, state=line.state, owed=money_text(line.owed), credit=money_text(line.credit))
        for line in listings.standings(connection, ids)
    ]


def _parts(connection: Connection, payment_id: int) -> list[Part]:
    return [
        Part(association=part.number, year=part.year, amount=money_text(part.cents))
        for part in listings.parts_of(connection, payment_id)
    ]


@router.post("/payments/{payment_id}/reversal", response_model=Reversed)
def reverse(payment_id: PathId, body: Reversal, office: TreasurerOnce) -> Response:
    """Undo a payment on every year and association it was spread over."""

    def act(work: Work) -> Reversed:
        row = work.connection.exec_driver_sql(_REVERSED, (payment_id,)).fetchone()
        if row is None:
            raise NotFound
        if row[0] is not None:
            raise NotAllowed(reason="this payment is reversed already")
        ids = ledger.reverse(work, ledger.Reversal(payment_id, body.on, ReversalReason(body.reason), office.actor))
        work.write()
        return Reversed(payment=payment_id, associations=standings(work.connection, ids))

    return office.once(body, act)
