"""What can be listed of members: how they stand, their payments, letters and service orders. Reading only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from engine.store import day_of, instant_of, maybe_day, rows_of
from workflows.membership.models import OrderStatus
from workflows.membership.words import State, Trigger

_STANDINGS = """SELECT i.id, i.subject, a.name, i.state, a.credit_cents,
    (SELECT coalesce(sum(max(d.amount_cents - d.settled_cents, 0)), 0) FROM due d
        WHERE d.association_id = i.id AND d.called_at IS NOT NULL)
    FROM workflow_instance i JOIN association a ON a.instance_id = i.id WHERE i.id IN {ids} ORDER BY i.subject"""
_PARTS = """SELECT i.subject, l.year, l.amount_cents FROM ledger_entry l
    JOIN workflow_instance i ON i.id = l.association_id WHERE l.payment_id = ? AND l.kind = 'payment' ORDER BY l.id"""
_SAME_REFERENCE = """SELECT p.id, p.paid_on, p.amount_cents, i.subject FROM payment p
    JOIN ledger_entry l ON l.payment_id = p.id JOIN workflow_instance i ON i.id = l.association_id
    WHERE l.association_id IN {ids} AND p.reference = ? AND p.reversed_at IS NULL ORDER BY p.id LIMIT 1"""
_LETTERS = """SELECT l.id, i.subject, a.name, l.kind, l.created_at, l.posted_on, l.tracking, l.first_presented_on,
    l.outcome, l.search_note FROM letter l JOIN workflow_instance i ON i.id = l.association_id
    JOIN association a ON a.instance_id = l.association_id
    WHERE i.subject = coalesce(?, i.subject) ORDER BY l.id"""
_UNPOSTED = """SELECT DISTINCT l.association_id FROM letter l JOIN workflow_instance i ON i.id = l.association_id
    WHERE l.posted_on IS NULL AND i.state IN (?, ?) ORDER BY 1"""
_UNREACHED = """SELECT count(*) FROM occurrence o JOIN workflow_instance i ON i.id = o.instance_id
    JOIN association a ON a.instance_id = o.instance_id
    WHERE o.event = ? AND o.year = ? AND o.status = 'acted' AND o.proven_at IS NULL AND i.state = 'reminded'
    AND a.kind = 'association' AND (a.notified_at IS NULL OR a.notified_at < a.reminded_at)"""
_ORDERS = """SELECT o.id, i.subject, a.name, o.action, s.kind, s.identifier, o.status, o.ordered_at, o.note
    FROM service_order o JOIN service s ON s.id = o.service_id JOIN association a ON a.instance_id = s.association_id
    JOIN workflow_instance i ON i.id = s.association_id
    WHERE ? OR o.status <> ? ORDER BY i.subject, o.id"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a member stands: its state, what it owes and what is kept as its credit, in cents."""

    id: int
    number: str
    name: str
    state: str
    credit: int
    owed: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a payment: what of it went to a member's year, in cents; no year: kept as credit."""

    number: str
    year: int | None
    cents: int


@dataclass(frozen=True, slots=True)
class EarlierPayment:
    """A payment that was booked already."""

    id: int
    paid_on: date
    cents: int
    number: str


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A registered letter."""

    id: int
    association: str
    name: str
    kind: str
    created_at: datetime
    posted_on: date | None
    tracking: str
    first_presented_on: date | None
    outcome: str | None
    search_note: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A service order."""

    id: int
    association: str
    name: str
    action: str
    service: str
    identifier: str
    status: str
    ordered_at: datetime
    note: str


def standings(connection: Connection, ids: Sequence[int]) -> list[Standing]:
    """How these members stand, by number."""
    return [Standing(*row) for row in rows_of(connection, _STANDINGS, ids)]


def parts_of(connection: Connection, payment_id: int) -> list[Part]:
    """What a payment was spread over."""
    return [Part(*row) for row in connection.exec_driver_sql(_PARTS, (payment_id,))]


def same_reference(connection: Connection, ids: Sequence[int], reference: str) -> EarlierPayment | None:
    """The first payment of one of these members with that reference, if it was not reversed."""
    for row in rows_of(connection, _SAME_REFERENCE, ids, reference):
        return EarlierPayment(row[0], day_of(row[1]), row[2], row[3])
    return None


def letters(connection: Connection, number: str | None = None) -> list[LetterLine]:
    """Registered letters (of one member), oldest first."""
    return [
        LetterLine(
            *(row[0], row[1], row[2], row[3], instant_of(row[4])),
            *(maybe_day(row[5]), row[6], maybe_day(row[7]), row[8], row[9]),
        )
        for row in connection.exec_driver_sql(_LETTERS, (number,))
    ]


def unreached_by_reminder(connection: Connection, year: int) -> int:
    """Count the associations whose reminder of a year no server accepted, and that no notice reached since."""
    return int(connection.exec_driver_sql(_UNREACHED, (Trigger.REMIND.value, year)).scalar_one())


def with_unposted_letters(connection: Connection) -> list[int]:
    """Ids of the members in the procedure, or struck off, with a letter that was not posted."""
    rows = connection.exec_driver_sql(_UNPOSTED, (State.PROPOSED.value, State.REMOVED.value))
    return [row[0] for row in rows]


def orders(connection: Connection, *, done: bool = False) -> list[OrderLine]:
    """Service orders that wait or failed, by member; with `done` the others too."""
    rows = connection.exec_driver_sql(_ORDERS, (done, OrderStatus.DONE.value))
    return [
        OrderLine(row[0], row[1], row[2], row[3], row[4], row[5], row[6], instant_of(row[7]), row[8]) for row in rows
    ]
