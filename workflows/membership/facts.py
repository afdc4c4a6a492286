"""What guards may know of a member: its row, its dues, its letters. Loaded for many at once, decided on as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from engine.cases import Case
from engine.rules import Rules
from engine.store import day_of, instant_of, maybe_day, maybe_instant, rows_of
from workflows.membership.models import LetterKind, LetterOutcome
from workflows.membership.words import CUT, FINAL, State

HEARD = (State.PROPOSED, State.REMOVED)
CUT_OR_REMOVED = (*CUT, State.REMOVED)


@dataclass(slots=True)
class DueFacts:
    """One year's due, in cents. Owed once called."""

    amount: int
    settled: int
    called_at: datetime | None

    @property
    def called(self) -> bool:
        """Whether it was called: only then is it owed."""
        return self.called_at is not None

    @property
    def unpaid(self) -> int:
        """What is missing, in cents."""
        return max(0, self.amount - self.settled)


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """A registered letter as the hearing's gates see it."""

    id: int
    kind: str
    created_at: datetime
    posted_on: date | None
    first_presented_on: date | None
    outcome: str | None
    search_note: str


@dataclass(slots=True, eq=False)
class Member(Case):
    """One member: association or person."""

    kind: str = "association"
    joined_on: date = date.min
    language: str = "fr"
    addresses: tuple[str, ...] = ()
    bounced: tuple[str, ...] = ()
    dues_cents: int | None = None
    hold_until: date | None = None
    unreachable_since: datetime | None = None
    last_contact_on: date | None = None
    last_payment_on: date | None = None
    """Of a payment that was not reversed; loaded for those whose services are interrupted."""
    notified_at: datetime | None = None
    reminded_at: datetime | None = None
    concerned: tuple[int, ...] = ()
    cut_at: datetime | None = None
    credit: int = 0
    dues: dict[int, DueFacts] = field(default_factory=dict)
    letters: tuple[LetterFacts, ...] = ()
    undeleted: int = 0
    """Services not yet ordered to be deleted; loaded for those who are gone."""

    def owed_years(self) -> tuple[int, ...]:
        """Years called and not settled, oldest first."""
        years = [year for year, due in self.dues.items() if due.settled < due.amount and due.called_at]
        years.sort()
        return tuple(years)

    def owed(self) -> tuple[tuple[int, int], ...]:
        """What is owed, (year, cents), oldest first."""
        dues = self.dues
        return tuple([(year, dues[year].unpaid) for year in self.owed_years()])

    def all_posted(self) -> bool:
        """Whether the letter that its state calls for does not wait to be posted: the latest counts."""
        kind = LetterKind.REMOVAL if self.state == State.REMOVED else LetterKind.SUMMONS
        written = [letter for letter in self.letters if letter.kind == kind and letter.created_at >= self.since]
        return not written or written[-1].posted_on is not None

    def letter_came_back(self) -> bool:
        """Whether its latest summons found no address, and neither a search was recorded nor a new letter written."""
        if self.state != State.PROPOSED or not self.letters:
            return False
        latest = self.letters[-1]
        came_back = latest.outcome == LetterOutcome.UNKNOWN_ADDRESS and not latest.search_note
        return came_back and latest.created_at >= self.since

    def last_sign_of_life(self) -> date | None:
        """The latest contact, or payment not reversed."""
        return max(filter(None, (self.last_contact_on, self.last_payment_on)), default=None)


_MEMBERS = """SELECT i.id, i.subject, i.state, i.since, i.started_at, a.kind, a.joined_on, a.language, a.email,
    a.treasurer_email, a.email_bounced_at, a.treasurer_email_bounced_at, a.dues_cents, a.hold_until,
    a.unreachable_since, a.last_contact_on, a.notified_at, a.reminded_at, a.concerned, a.cut_at, a.credit_cents
    FROM workflow_instance i JOIN association a ON a.instance_id = i.id
    WHERE i.id IN {ids} ORDER BY i.id"""
_DUES = "SELECT association_id, year, amount_cents, settled_cents, called_at FROM due WHERE association_id IN {ids}"
_LETTERS = """SELECT association_id, id, kind, created_at, posted_on, first_presented_on, outcome, search_note
    FROM letter WHERE association_id IN {ids} ORDER BY id"""
_PAYMENTS = """SELECT l.association_id, max(p.paid_on) FROM ledger_entry l JOIN payment p ON p.id = l.payment_id
    WHERE l.association_id IN {ids} AND p.reversed_at IS NULL GROUP BY l.association_id"""
_UNDELETED = """SELECT s.association_id, count(*) FROM service s WHERE s.association_id IN {ids}
    AND NOT EXISTS (SELECT 1 FROM service_order o WHERE o.service_id = s.id AND o.action IN ('archive', 'delete'))
    GROUP BY s.association_id"""


def load_members(connection: Connection, ids: Sequence[int], _rules: Rules) -> list[Member]:
    """Load the facts of these members, in the order of their ids."""
    members = [_member_of(row) for row in rows_of(connection, _MEMBERS, ids)]
    by_id = {member.id: member for member in members}
    for member_id, year, amount, settled, called_at in rows_of(connection, _DUES, ids):
        by_id[member_id].dues[year] = DueFacts(amount, settled, called_at and instant_of(called_at))
    _add_procedure(connection, by_id)
    return members


def _add_procedure(connection: Connection, by_id: dict[int, Member]) -> None:
    """Add what only the few in the procedure, or gone, have."""
    heard = [member.id for member in by_id.values() if member.state in HEARD]
    if heard:
        for row in rows_of(connection, _LETTERS, heard):
            member = by_id[row[0]]
            member.letters = (*member.letters, _letter_of(row))
    cut = [member.id for member in by_id.values() if member.state in CUT_OR_REMOVED]
    if cut:
        for member_id, paid_on in rows_of(connection, _PAYMENTS, cut):
            by_id[member_id].last_payment_on = day_of(paid_on)
    gone = [member.id for member in by_id.values() if member.state in FINAL]
    if gone:
        for member_id, count in rows_of(connection, _UNDELETED, gone):
            by_id[member_id].undeleted = count


def _member_of(row: Sequence[Any]) -> Member:
    return Member(
        id=row[0],
        subject=row[1],
        state=row[2],
        since=instant_of(row[3]),
        started_at=instant_of(row[4]),
        kind=row[5],
        joined_on=day_of(row[6]),
        language=row[7],
        addresses=_addresses(row[8], row[9]),
        bounced=_addresses(row[8] if row[10] else "", row[9] if row[11] else ""),
        dues_cents=row[12],
        hold_until=maybe_day(row[13]),
        unreachable_since=maybe_instant(row[14]),
        last_contact_on=maybe_day(row[15]),
        notified_at=maybe_instant(row[16]),
        reminded_at=maybe_instant(row[17]),
        concerned=years_of(row[18]),
        cut_at=maybe_instant(row[19]),
        credit=row[20],
    )


def _addresses(chair: str | None, treasurer: str | None) -> tuple[str, ...]:
    """Those that are there, each once."""
    if chair and treasurer and chair != treasurer:
        return (chair, treasurer)
    only = chair or treasurer
    return (only,) if only else ()


def _letter_of(row: Sequence[Any]) -> LetterFacts:
    return LetterFacts(row[1], row[2], instant_of(row[3]), maybe_day(row[4]), maybe_day(row[5]), row[6], row[7])


@lru_cache(maxsize=4096)
def years_of(text: str) -> tuple[int, ...]:
    """Read years written as 2025|2026."""
    return tuple(int(year) for year in text.split("|") if year)


@lru_cache(maxsize=4096)
def years_text(years: tuple[int, ...]) -> str:
    """Write years as 2025|2026."""
    return "|".join(str(year) for year in years)
