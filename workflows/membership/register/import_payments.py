"""Importing payments.csv: each payment once, whoever told of it before. What is older than a takeover is history."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import TypeAlias

from engine.clock import local_day
from engine.store import day_of, instant_of
from engine.work import Work
from workflows.membership.ledger import NewPayment, Share, book
from workflows.membership.money import money_text
from workflows.membership.options import first_year
from workflows.membership.register.canonical import Parsed
from workflows.membership.register.changes import ImportPlan
from workflows.membership.register.history import PastPayment, record_history
from workflows.membership.register.payments import CREDIT, OWN_SOURCE, PaymentRow

Identity: TypeAlias = tuple[str, str]
_PAYERS = """SELECT i.subject, i.id, i.started_at, a.joined_on FROM workflow_instance i
    JOIN association a ON a.instance_id = i.id WHERE i.workflow = ?"""
_BOOKED = "SELECT source, external_id, amount_cents, paid_on FROM payment"
_PARTS = """SELECT i.subject, l.year, p.reference, sum(l.amount_cents), p.paid_on
    FROM ledger_entry l JOIN payment p ON p.id = l.payment_id JOIN workflow_instance i ON i.id = l.association_id
    WHERE l.kind = 'payment' AND p.reference <> '' GROUP BY l.payment_id, l.association_id, l.year"""
_UNPAID = """SELECT association_id, year, amount_cents - settled_cents FROM due
    WHERE called_at IS NOT NULL AND settled_cents < amount_cents"""


@dataclass(frozen=True, slots=True)
class Payer:
    """A member that pays: since when it is here, and from which year on it may owe."""

    id: int
    taken_over_on: date
    joined_on: date


@dataclass(frozen=True, slots=True)
class Booked:
    """What is booked already: in cents, and when it was paid."""

    cents: int
    paid_on: date

    def __str__(self) -> str:
        """Write it as a refusal names it."""
        return f"{money_text(self.cents)} of {self.paid_on.isoformat()}"


@dataclass(slots=True)
class PaymentsPlan(ImportPlan):
    """Payments to book: each a group of rows, with its identity."""

    new: dict[Identity, list[PaymentRow]] = field(default_factory=dict)
    payers: Mapping[str, Payer] = field(default_factory=dict)

    def write(self, work: Work, actor: str) -> None:
        """Record what is history, then book the rest as if somebody had entered it today."""
        past, fresh = _parted(work, self)
        if past:
            record_history(work, past, actor)
            work.batch.write(work.connection)
        if fresh:
            book(work, fresh, actor)


def plan_payments(work: Work, parsed: Parsed[PaymentRow]) -> PaymentsPlan:
    """Compare a file of payments with the database."""
    payers = {
        row[0]: Payer(row[1], local_day(instant_of(row[2]), work.rules.tz), day_of(row[3]))
        for row in work.connection.exec_driver_sql(_PAYERS, (work.workflow.name,))
    }
    plan = PaymentsPlan(parsed.file, refused=list(parsed.refused), payers=payers)
    known = _Known.read(work)
    next_year = local_day(work.at, work.rules.tz).year + 1
    for identity, rows in _grouped(plan, parsed.rows).items():
        why = _why_not(rows, payers, next_year) or known.contradiction(identity, rows)
        if why is not None:
            plan.refuse(rows[0].line, why)
        elif known.has(identity, rows):
            plan.unchanged += len(rows)
        else:
            plan.new[identity] = rows
            plan.added += [_described(row) for row in rows]
    return plan


def _described(row: PaymentRow) -> str:
    year = CREDIT if row.credit else str(row.year or "oldest owed")
    return " ".join((row.number, year, money_text(row.cents), row.paid_on.isoformat(), row.reference)).rstrip()


def _grouped(plan: ImportPlan, rows: Sequence[PaymentRow]) -> dict[Identity, list[PaymentRow]]:
    """Rows by the payment they belong to. Refuses what contradicts an earlier line of the same payment."""
    groups: dict[Identity, list[PaymentRow]] = {}
    seen: Counter[str] = Counter()
    for row in rows:
        identity = _identity(row, seen)
        first = groups.setdefault(identity, [row])[0]
        if first is row:
            continue
        if not row.source:
            where = f"of {row.number} for {CREDIT if row.credit else row.year}"
            plan.refuse(row.line, f"reference {row.reference} {where} is already on line {first.line}")
            continue
        groups[identity].append(row)
        if (row.paid_on, row.reference, row.reversed_on) != (first.paid_on, first.reference, first.reversed_on):
            plan.refuse(row.line, f"is part of the payment of line {first.line}, but differs in more than its share")
    return groups


def _identity(row: PaymentRow, seen: Counter[str]) -> Identity:
    """The file's own, else reference, member and year; without a reference, all of it and how many there were."""
    if row.source:
        return row.source, row.external_id
    year = CREDIT if row.credit else str(row.year or "")
    if row.reference:
        return OWN_SOURCE, f"{row.reference}|{row.number}|{year}"
    text = "|".join((row.number, year, str(row.cents), row.paid_on.isoformat(), row.method))
    seen[text] += 1
    return OWN_SOURCE, f"{sha256(text.encode()).hexdigest()[:24]}-{seen[text]}"


def _why_not(rows: Sequence[PaymentRow], payers: Mapping[str, Payer], next_year: int) -> str | None:
    """Why these rows cannot be booked, whatever is booked already."""
    for row in rows:
        payer = payers.get(row.number)
        if payer is None:
            return f"there is no association {row.number}"
        first = payer.joined_on.year if _is_past(row, payer) else first_year(payer.joined_on)
        if row.year is not None and not first <= row.year <= next_year:
            return f"{row.year} is not a year that {row.number} can pay: those are {first} to {next_year}"
    return None


def _is_past(row: PaymentRow, payer: Payer) -> bool:
    """Whether it was paid before its member was taken over. An export of that very day is older than the takeover."""
    return row.paid_on < payer.taken_over_on or bool(row.source and row.paid_on == payer.taken_over_on)


@dataclass(slots=True)
class _Known:
    """What is booked: whole payments by identity, and their parts by reference, member and year."""

    payments: dict[Identity, Booked]
    parts: dict[tuple[str, str, int | None], list[Booked]]

    @classmethod
    def read(cls, work: Work) -> "_Known":
        """Read what is booked."""
        payments = {
            (row[0], row[1]): Booked(row[2], day_of(row[3])) for row in work.connection.exec_driver_sql(_BOOKED)
        }
        parts: dict[tuple[str, str, int | None], list[Booked]] = {}
        for number, year, reference, cents, paid_on in work.connection.exec_driver_sql(_PARTS):
            parts.setdefault((reference, number, year), []).append(Booked(cents, day_of(paid_on)))
        return cls(payments, parts)

    def has(self, identity: Identity, rows: Sequence[PaymentRow]) -> bool:
        """Whether this payment is booked, by a file or otherwise."""
        return identity in self.payments or _sum(rows) in self._similar(rows)

    def contradiction(self, identity: Identity, rows: Sequence[PaymentRow]) -> str | None:
        """Say what is booked under the same name with another amount or day."""
        told, booked = _sum(rows), self.payments.get(identity)
        others = [booked] if booked is not None else self._similar(rows)
        if not others or told in others:
            return None
        name = f"reference {rows[0].reference}" if rows[0].reference else f"payment {identity[1]}"
        return f"{name} of {rows[0].number} is booked already with {others[0]}, not {told}: use relance reverse"

    def _similar(self, rows: Sequence[PaymentRow]) -> list[Booked]:
        """Parts booked by others under the same reference, for the same member and year."""
        row = rows[0]
        if row.source or not row.reference or (row.year is None and not row.credit):
            return []
        return self.parts.get((row.reference, row.number, row.year), [])


def _sum(rows: Iterable[PaymentRow]) -> Booked:
    found = list(rows)
    return Booked(sum(row.cents for row in found), found[0].paid_on)


def _parted(work: Work, plan: PaymentsPlan) -> tuple[list[PastPayment], list[NewPayment]]:
    """What is history, and what is to be booked as news: also the old payments that settle what is said to be owed."""
    quiet = {key: rows for key, rows in plan.new.items() if all(_is_quiet(row, plan.payers) for row in rows)}
    settled = _settled_years(work, plan, (row for rows in quiet.values() for row in rows))
    past, fresh = [], []
    for identity, rows in plan.new.items():
        payment = _payment(identity, rows, plan.payers)
        moves = any((share.member_id, share.year) in settled for share in payment.shares)
        if identity in quiet and not moves:
            past.append(PastPayment(payment, rows[0].reversed_on, rows[0].reversal_reason))
        else:
            fresh.append(payment)
    return past, fresh


def _settled_years(work: Work, plan: PaymentsPlan, rows: Iterable[PaymentRow]) -> set[tuple[int, int | None]]:
    """Years said to be owed (member id, year) that these rows settle whole."""
    unpaid: dict[tuple[int, int | None], int] = {
        (row[0], row[1]): row[2] for row in work.connection.exec_driver_sql(_UNPAID)
    }
    came: Counter[tuple[int, int | None]] = Counter()
    for row in rows:
        if row.reversed_on is None:
            came[plan.payers[row.number].id, row.year] += row.cents
    return {key for key, cents in came.items() if key in unpaid and cents >= unpaid[key]}


def _is_quiet(row: PaymentRow, payers: Mapping[str, Payer]) -> bool:
    return row.reversed_on is not None or (_is_past(row, payers[row.number]) and (row.credit or row.year is not None))


def _payment(identity: Identity, rows: Sequence[PaymentRow], payers: Mapping[str, Payer]) -> NewPayment:
    shares = tuple(Share(payers[row.number].id, row.cents, row.year) for row in rows)
    return NewPayment(*identity, rows[0].paid_on, shares, rows[0].method, rows[0].reference)
