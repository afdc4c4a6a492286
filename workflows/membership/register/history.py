"""Money that came in before a member was taken over: kept as history. No receipt leaves and no state moves.

The register already says where each member stands, and what it still owes; what was paid before only explains it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from engine.batch import Statement
from engine.clock import local_day
from engine.store import reserve_ids, stored
from engine.work import Work
from workflows.membership import statements as sql
from workflows.membership.facts import DueFacts, Member
from workflows.membership.ledger import NewPayment, Share
from workflows.membership.models import EntryKind, ReversalReason
from workflows.membership.money import money_text
from workflows.membership.options import first_year, options_of
from workflows.membership.words import TaskKind, Trigger

_REVERSED = Statement.update("payment", ("reversed_at", "reversed_on", "reversal_reason"))


@dataclass(frozen=True, slots=True)
class PastPayment:
    """A payment that is history. Shares without a year are credit; `reversed_on`: it was undone since."""

    payment: NewPayment
    reversed_on: date | None = None
    reversal_reason: ReversalReason | None = None


@dataclass(slots=True)
class _Books:
    """The members whose history is being written, and what came in for each of their years."""

    work: Work
    members: Mapping[int, Member]
    paid: Counter[tuple[int, int]] = field(default_factory=Counter)

    def due(self, member: Member, year: int) -> DueFacts:
        """The due of a year. That of a past year which nobody called was what was paid for it."""
        if year in member.dues:
            return member.dues[year]
        now = stored(self.work.at)
        called = year <= first_year(local_day(self.work.at, self.work.rules.tz))
        usual = options_of(self.work.rules).amount_for(member.kind, member.dues_cents)
        amount = self.paid[member.id, year] if called else usual
        member.dues[year] = DueFacts(amount, 0, self.work.at if called else None)
        self.work.batch.add(sql.ISSUE_DUE, member.id, year, amount, 0, now, now if called else None)
        return member.dues[year]


def record_history(work: Work, payments: Sequence[PastPayment], actor: str) -> None:
    """Write these payments, their ledger lines and the dues they settled, and one journal entry for each member."""
    ids = sorted({share.member_id for past in payments for share in past.payment.shares})
    books = _Books(work, {member.id: member for member in work.cases(ids)})
    for past in payments:
        for share in past.payment.shares:
            if share.year is not None and past.reversed_on is None:
                books.paid[share.member_id, share.year] += share.cents
    for payment_id, past in enumerate(payments, reserve_ids(work.connection, "payment")):
        _record(books, payment_id, past)
    _journal(books, payments, actor)
    work.look(books.members.values(), work.at)


def _record(books: _Books, payment_id: int, past: PastPayment) -> None:
    work, payment = books.work, past.payment
    work.batch.add(
        sql.NEW_PAYMENT,
        *(payment_id, payment.source, payment.external_id, payment.cents, payment.paid_on.isoformat()),
        *(payment.method, payment.reference, stored(work.at)),
    )
    for share in payment.shares:
        if past.reversed_on is None:
            _settle(books, payment_id, payment, share)
        else:
            _enter(books, payment_id, past, share)
    if past.reversed_on is not None:
        reason = None if past.reversal_reason is None else past.reversal_reason.value
        work.batch.add(_REVERSED, stored(work.at), past.reversed_on.isoformat(), reason, payment_id)


def _settle(books: _Books, payment_id: int, payment: NewPayment, share: Share) -> None:
    """Settle the year named; what is beyond its due, or names none, is credit."""
    member = books.members[share.member_id]
    left = share.cents
    if share.year is not None:
        due = books.due(member, share.year)
        taken = min(left, due.unpaid)
        if taken:
            due.settled += taken
            left -= taken
            books.work.batch.add(sql.SETTLE_DUE, due.settled, member.id, share.year)
            _line(books, payment_id, Share(member.id, taken, share.year), EntryKind.PAYMENT, payment.paid_on)
    if left:
        _line(books, payment_id, Share(member.id, left), EntryKind.PAYMENT, payment.paid_on)
        member.credit += left
        books.work.batch.add(sql.SET_CREDIT, member.credit, member.id)
        books.work.batch.open_task(TaskKind.SURPLUS, member, books.work.at)


def _enter(books: _Books, payment_id: int, past: PastPayment, share: Share) -> None:
    """Lines of what was paid and undone: together they are nothing."""
    undone = Share(share.member_id, -share.cents, share.year)
    _line(books, payment_id, share, EntryKind.PAYMENT, past.payment.paid_on)
    _line(books, payment_id, undone, EntryKind.REVERSAL, past.reversed_on or past.payment.paid_on)


def _line(books: _Books, payment_id: int, share: Share, kind: EntryKind, on: date) -> None:
    row = (share.member_id, share.year, kind.value, share.cents, payment_id, on.isoformat(), stored(books.work.at), "")
    books.work.batch.add(sql.NEW_ENTRY, *row)


def _journal(books: _Books, payments: Sequence[PastPayment], actor: str) -> None:
    """One entry for each member: how many payments, how much."""
    told: dict[int, list[int]] = defaultdict(list)
    for past in payments:
        for share in past.payment.shares:
            told[share.member_id].append(share.cents)
    for member_id, amounts in sorted(told.items()):
        member = books.members[member_id]
        what = f"payments from before the takeover: {len(amounts)}, {money_text(sum(amounts))} in all"
        occasion = books.work.occasion(books.work.at, Trigger.IMPORT, actor, key=Trigger.IMPORT, reason=what)
        books.work.batch.journal(member, occasion, Trigger.IMPORT, member.state)
