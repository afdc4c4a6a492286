"""Money: payments spread over years and members, reversals, waivers. Integer cents, append-only lines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from engine.batch import Batch
from engine.errors import FutureDate, Invalid
from engine.store import instant_of, maybe_day, reserve_ids, rows_of
from engine.work import NOBODY, Work
from workflows.membership import statements as sql
from workflows.membership.deeds import Before, cancel_free_dues
from workflows.membership.errors import NothingOwed, UnknownYear
from workflows.membership.facts import DueFacts, Member
from workflows.membership.models import EntryKind, ReversalReason
from workflows.membership.options import first_year, options_of
from workflows.membership.words import State, TaskKind, Trigger


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a payment: for one member, one year or the oldest owed, in cents."""

    member_id: int
    cents: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class NewPayment:
    """Money that came in. (source, external id) is its identity: booked once, however often it is told."""

    source: str
    external_id: str
    paid_on: date
    shares: tuple[Share, ...]
    method: str = ""
    reference: str = ""

    @property
    def cents(self) -> int:
        """The whole amount."""
        return sum(share.cents for share in self.shares)


@dataclass(slots=True)
class _Booking:
    """One payment being booked: what of it goes where, member by member."""

    payment_id: int
    payment: NewPayment
    years: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    credit: dict[int, int] = field(default_factory=dict)


def default_amount(work: Work, member: Member, year: int | None) -> int:
    """What is unpaid of the year named, called or not; else all that is owed. Raises NothingOwed, UnknownYear."""
    if year is None:
        cents = sum(due.unpaid for due in member.dues.values() if due.called)
    else:
        _check_year(work, member, year)
        due = member.dues.get(year)
        cents = due.unpaid if due is not None else options_of(work.rules).amount_for(member.kind, member.dues_cents)
    if cents == 0:
        raise NothingOwed(number=member.subject)
    return cents


def book(work: Work, payments: Sequence[NewPayment], actor: str = NOBODY) -> list[int]:
    """Book payments and move whom they concern. Returns the ids of those that are new.

    Raises Invalid for an amount that is not positive, FutureDate, UnknownYear; then nothing is booked.
    """
    new = _not_yet_booked(work, payments)
    ids = sorted({share.member_id for payment in new for share in payment.shares})
    members: dict[int, Member] = {member.id: member for member in work.cases(ids)}
    for payment in new:
        _check(work, payment, members)
    first = reserve_ids(work.connection, "payment")
    for payment_id, payment in enumerate(new, first):
        _book_one(work, _Booking(payment_id, payment), members, actor)
    work.look(members.values(), work.at)
    return list(range(first, first + len(new)))


def _not_yet_booked(work: Work, payments: Sequence[NewPayment]) -> list[NewPayment]:
    text = json.dumps([[payment.source, payment.external_id] for payment in payments])
    known = work.connection.exec_driver_sql(
        """SELECT p.source, p.external_id FROM json_each(?) j JOIN payment p
        ON p.source = json_extract(j.value, '$[0]') AND p.external_id = json_extract(j.value, '$[1]')""",
        (text,),
    )
    seen = {(row[0], row[1]) for row in known}
    new = []
    for payment in payments:
        if (payment.source, payment.external_id) not in seen:
            seen.add((payment.source, payment.external_id))
            new.append(payment)
    return new


def _check(work: Work, payment: NewPayment, members: dict[int, Member]) -> None:
    if payment.paid_on > work.today:
        raise FutureDate(day=payment.paid_on.isoformat())
    if not payment.shares or any(share.cents <= 0 for share in payment.shares):
        raise Invalid(reason="a payment is a positive amount")
    for share in payment.shares:
        if share.year is not None:
            _check_year(work, members[share.member_id], share.year)


def _check_year(work: Work, member: Member, year: int) -> None:
    """Payable are the joining year to next year."""
    first, last = first_year(member.joined_on), work.today.year + 1
    if not first <= year <= last:
        raise UnknownYear(number=member.subject, year=year, first=first, last=last)


def _book_one(work: Work, booking: _Booking, members: dict[int, Member], actor: str) -> None:
    payment = booking.payment
    work.batch.add(
        sql.NEW_PAYMENT,
        *(booking.payment_id, payment.source, payment.external_id, payment.cents, payment.paid_on.isoformat()),
        *(payment.method, payment.reference, work.now),
    )
    for share in payment.shares:
        _allocate(work, booking, members[share.member_id], share)
    for member_id in booking.years | booking.credit:
        member = members[member_id]
        _note_sign_of_life(work, member, payment.paid_on)
        occasion = work.occasion(
            work.at,
            f"payment:{booking.payment_id}",
            actor,
            key=f"payment-{booking.payment_id}",
            told=_told(booking, member_id),
        )
        work.fire(member, Trigger.PAY, occasion)


def _note_sign_of_life(work: Work, member: Member, paid_on: date) -> None:
    """Whoever pays gives a sign of life, and is no longer unreachable."""
    if member.last_payment_on is None or member.last_payment_on < paid_on:
        member.last_payment_on = paid_on
    if member.unreachable_since is not None:
        member.unreachable_since = None
        work.batch.add(sql.SET_UNREACHABLE, None, member.id)


def _allocate(work: Work, booking: _Booking, member: Member, share: Share) -> None:
    """Settle the year named, or the oldest owed first; what is left over is kept as credit."""
    left = share.cents
    for year in [share.year] if share.year is not None else member.owed_years():
        due = member.dues.get(year) or _issue_uncalled(work, member, year)
        taken = min(left, due.unpaid)
        if taken:
            due.settled += taken
            left -= taken
            work.batch.add(sql.SETTLE_DUE, due.settled, member.id, year)
            _call_what_is_settled(work, member, year)
            _enter(work, booking, member, year, taken)
            booking.years.setdefault(member.id, []).append((year, taken))
    if left:
        _enter(work, booking, member, None, left)
        booking.credit[member.id] = booking.credit.get(member.id, 0) + left
        _set_credit(work.batch, member, member.credit + left)
        work.batch.open_task(TaskKind.SURPLUS, member, work.at)


def _call_what_is_settled(work: Work, member: Member, year: int) -> None:
    """A year whose call is past and that is settled now was owed: if its payment is undone, it is owed again."""
    due = member.dues[year]
    if due.called_at is None and due.unpaid == 0 and year <= first_year(work.today):
        due.called_at = work.at
        work.batch.add(sql.CALL_DUE, work.now, member.id, year)


def _issue_uncalled(work: Work, member: Member, year: int) -> DueFacts:
    """Issue a due before it is called: something is paid or waived in advance."""
    due = DueFacts(options_of(work.rules).amount_for(member.kind, member.dues_cents), 0, None)
    member.dues[year] = due
    work.batch.add(sql.ISSUE_DUE, member.id, year, due.amount, 0, work.now, None)
    return due


def _enter(work: Work, booking: _Booking, member: Member, year: int | None, cents: int) -> None:
    work.batch.add(
        sql.NEW_ENTRY,
        member.id,
        year,
        EntryKind.PAYMENT.value,
        cents,
        booking.payment_id,
        *(booking.payment.paid_on.isoformat(), work.now, ""),
    )


def _set_credit(batch: Batch, member: Member, cents: int) -> None:
    member.credit = cents
    batch.add(sql.SET_CREDIT, cents, member.id)


def _told(booking: _Booking, member_id: int) -> dict[str, Any]:
    """What the receipt says."""
    years, credit = booking.years.get(member_id, []), booking.credit.get(member_id, 0)
    amount = sum(cents for _, cents in years) + credit
    paid_on = booking.payment.paid_on.isoformat()
    return {
        "amount": amount,
        "paid_on": paid_on,
        "years": years,
        "credit": credit,
        "reference": booking.payment.reference,
    }


def waive(work: Work, member: Member, year: int, reason: str, actor: str = NOBODY) -> None:
    """Cancel what is unpaid of one year, called or not. Raises NothingOwed, UnknownYear."""
    cents = default_amount(work, member, year)
    due = member.dues.get(year) or _issue_uncalled(work, member, year)
    due.settled = due.amount
    work.batch.add(sql.SETTLE_DUE, due.settled, member.id, year)
    day = work.today.isoformat()
    work.batch.add(sql.NEW_ENTRY, member.id, year, EntryKind.WAIVER.value, cents, None, day, work.now, reason)
    occasion = work.occasion(work.at, "waiver", actor, key=f"waiver-{year}", reason=reason)
    work.fire(member, Trigger.PAY, occasion)
    work.look([member], work.at)


@dataclass(frozen=True, slots=True)
class Reversal:
    """One payment undone: since which day, why, by whom."""

    payment_id: int
    on: date
    reason: ReversalReason
    actor: str = NOBODY


def reverse(work: Work, reversal: Reversal) -> list[int]:
    """Undo one payment on every year and member it was spread over. Returns the members' ids.

    Raises Invalid for a payment that does not exist or is already reversed, FutureDate.
    """
    if reversal.on > work.today:
        raise FutureDate(day=reversal.on.isoformat())
    row = (work.now, reversal.on.isoformat(), reversal.reason.value, reversal.payment_id)
    if work.connection.exec_driver_sql(_MARK_REVERSED, row).rowcount == 0:
        raise Invalid(reason=f"there is no payment {reversal.payment_id} that could be reversed")
    lines = list(work.connection.exec_driver_sql(_LINES, (reversal.payment_id,)).fetchall())
    members: dict[int, Member] = {member.id: member for member in work.cases(sorted({line[0] for line in lines}))}
    for member_id, year, cents in lines:
        _undo_line(work, members[member_id], year, cents, reversal)
    for member in members.values():
        _fire_reversal(work, member, reversal, [line for line in lines if line[0] == member.id])
    work.look(members.values(), work.at)
    return list(members)


_MARK_REVERSED = """UPDATE payment SET reversed_at = ?, reversed_on = ?, reversal_reason = ?
    WHERE id = ? AND reversed_at IS NULL"""
_LINES = "SELECT association_id, year, amount_cents FROM ledger_entry WHERE payment_id = ? AND kind = 'payment'"


def _undo_line(work: Work, member: Member, year: int | None, cents: int, reversal: Reversal) -> None:
    if year is None:
        _set_credit(work.batch, member, max(0, member.credit - cents))
    else:
        due = member.dues[year]
        due.settled -= cents
        work.batch.add(sql.SETTLE_DUE, due.settled, member.id, year)
    work.batch.add(
        sql.NEW_ENTRY,
        *(member.id, year, EntryKind.REVERSAL.value, -cents, reversal.payment_id, reversal.on.isoformat()),
        *(work.now, reversal.reason.value),
    )


def _fire_reversal(work: Work, member: Member, reversal: Reversal, lines: Sequence[Any]) -> None:
    cause = f"reversal:{reversal.payment_id}"
    occasion = work.occasion(work.at, cause, reversal.actor, key=f"reversal-{reversal.payment_id}")
    occasion.reason = reversal.reason.value
    undone = {line[1] for line in lines if line[1] is not None}
    reopened = bool(undone & set(member.owed_years()))
    occasion.data = replace(before_payment(work, member, reversal.payment_id), reopened=reopened)
    paid_on = work.connection.exec_driver_sql(
        "SELECT paid_on FROM payment WHERE id = ?", (reversal.payment_id,)
    ).scalar()
    occasion.told = {
        "amount": sum(line[2] for line in lines),
        "paid_on": paid_on,
        "reversed_on": reversal.on.isoformat(),
        "years": [(line[1], line[2]) for line in lines if line[1] is not None],
        "reason": reversal.reason.value,
    }
    work.fire(member, Trigger.REVERSE, occasion)
    if member.state == State.LEFT:
        _cancel_again(work, member)


def _cancel_again(work: Work, member: Member) -> None:
    """Whoever left in time owes nothing of that year, even where its payment in advance bounces afterwards."""
    left_on = work.connection.exec_driver_sql("SELECT left_on FROM association WHERE instance_id = ?", (member.id,))
    day = maybe_day(left_on.scalar())
    if day is not None:
        occasion = work.occasion(work.at, "departure")
        occasion.data = day
        cancel_free_dues(member, occasion, work.batch)


def before_payment(work: Work, member: Member, payment_id: int) -> Before:
    """The state, the years concerned and the cut before a payment moved a member, from the journal."""
    row = work.connection.exec_driver_sql(
        """SELECT from_state, details FROM journal_entry
        WHERE instance_id = ? AND cause = ? AND acted ORDER BY id LIMIT 1""",
        (member.id, f"payment:{payment_id}"),
    ).fetchone()
    return Before(member.state) if row is None else undo_of(row[0], row[1])


def undo_of(state: str, details: str) -> Before:
    """Read what a journal entry kept for its undo."""
    if not details:
        return Before(state)
    kept = json.loads(details)
    cut_at = None if kept["cut_at"] is None else instant_of(kept["cut_at"])
    return Before(state, instant_of(kept["since"]), tuple(kept["concerned"]), cut_at)


def latest_payment(work: Work, member: Member, year: int | None = None) -> int:
    """Id of the latest payment touching a member (and year) that was not reversed. Raises Invalid when none."""
    rows = rows_of(
        work.connection,
        """SELECT p.id, l.year FROM ledger_entry l JOIN payment p ON p.id = l.payment_id
        WHERE l.association_id IN {ids} AND l.kind = 'payment' AND p.reversed_at IS NULL ORDER BY p.id DESC""",
        [member.id],
    )
    for payment_id, paid_year in rows:
        if year is None or paid_year == year:
            return int(payment_id)
    raise Invalid(reason=f"{member.subject} has no payment that could be reversed")
