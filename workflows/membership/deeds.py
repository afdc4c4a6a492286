"""What an arrow does beside moving the state: dues, years concerned, orders, letters. Collected, not written."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from engine.batch import Batch
from engine.cases import Occasion
from engine.clock import at_local, local_day
from engine.definition import Deed
from engine.store import stored
from engine.work import set_timer
from workflows.membership import statements as sql
from workflows.membership.facts import DueFacts, LetterFacts, Member, years_text
from workflows.membership.models import EntryKind, LetterKind, OrderAction
from workflows.membership.options import options_of
from workflows.membership.words import CUT, TaskKind

DELETION_WAIT_DAYS = 10
FREE_DEPARTURE = (1, 20)
FREE_DAYS_AFTER_CALL = 30


@dataclass(frozen=True, slots=True)
class Before:
    """What an undo goes back to."""

    before: str
    since: datetime | None = None
    concerned: tuple[int, ...] = ()
    cut_at: datetime | None = None
    reopened: bool = True
    """Whether something called is owed again because of it."""


def memory_of(member: Member) -> str:
    """What undoing a move away from the present state needs: its date, the years concerned, the cut."""
    if not member.concerned and member.cut_at is None:
        return ""
    cut_at = None if member.cut_at is None else stored(member.cut_at)
    return json.dumps({"since": stored(member.since), "concerned": member.concerned, "cut_at": cut_at})


def issue_due(member: Member, occasion: Occasion, batch: Batch) -> None:
    """Issue the due of the occasion's year, if it is not, and call it."""
    now = stored(occasion.at)
    due = member.dues.get(occasion.year)
    if due is None:
        amount = options_of(occasion.rules).amount_for(member.kind, member.dues_cents)
        member.dues[occasion.year] = DueFacts(amount, 0, occasion.at)
        batch.add(sql.ISSUE_DUE, member.id, occasion.year, amount, 0, now, now)
    elif not due.called:
        due.called_at = occasion.at
        batch.add(sql.CALL_DUE, now, member.id, occasion.year)


def remember_reminder(member: Member, occasion: Occasion, batch: Batch) -> None:
    """The reminder concerns the years owed at this moment."""
    member.concerned, member.reminded_at = member.owed_years(), occasion.moment
    batch.add(sql.SET_REMINDED, stored(occasion.moment), years_text(member.concerned), member.id)


def remember_cut(member: Member, occasion: Occasion, batch: Batch) -> None:
    """The interruption concerns the years owed at this moment, and dates from it."""
    member.concerned, member.cut_at = member.owed_years(), occasion.moment
    batch.add(sql.SET_CUT, stored(occasion.moment), years_text(member.concerned), member.id)


def keep_cut(member: Member, _occasion: Occasion, _batch: Batch) -> None:
    """Spared: the interruption keeps its own date."""
    if member.cut_at is not None:
        member.since = member.cut_at


def forget_years(member: Member, _occasion: Occasion, batch: Batch) -> None:
    """Nothing is reminded or cut any more; the journal keeps what an undo needs."""
    if not member.concerned and member.cut_at is None:
        return
    member.concerned, member.cut_at = (), None
    batch.add(sql.SET_CUT, None, "", member.id)


def order(action: OrderAction) -> Deed:
    """Build the deed that orders something for every hosted service."""

    def deed(member: Member, occasion: Occasion, batch: Batch) -> None:
        batch.add(sql.ORDER_SERVICES, action.value, occasion.key, stored(occasion.at), member.id)

    deed.__name__ = f"order_{action.value}"
    return deed


def write_letter(kind: LetterKind) -> Deed:
    """Build the deed that starts a registered letter and asks for its posting."""

    def deed(member: Member, occasion: Occasion, batch: Batch) -> None:
        start_letter(member, kind, occasion.at, batch)
        batch.open_task(TaskKind.POST_LETTER, member, occasion.at, note=kind.value)

    deed.__name__ = f"write_{kind.value}_letter"
    return deed


def start_letter(member: Member, kind: LetterKind, written_at: datetime, batch: Batch) -> None:
    """Write down that there is a letter, of which nothing else is known yet."""
    batch.add(sql.NEW_LETTER, member.id, kind.value, stored(written_at), "", "")
    member.letters = (*member.letters, LetterFacts(0, kind.value, written_at, None, None, None, ""))


def go_back(member: Member, occasion: Occasion, batch: Batch) -> None:
    """Take up again the years, and the cut, of the state gone back to."""
    undone: Before = occasion.data
    served_again = member.cut_at is not None and member.state not in CUT
    cut_again = member.cut_at is None and member.state in CUT
    member.concerned = undone.concerned
    member.cut_at = undone.cut_at if member.state in CUT else None
    if undone.since is not None and member.state in CUT:
        member.since = undone.since
    if served_again:
        order(OrderAction.RESTORE)(member, occasion, batch)
    if cut_again:
        order(OrderAction.SUSPEND)(member, occasion, batch)
    cut_at = None if member.cut_at is None else stored(member.cut_at)
    batch.add(sql.SET_CUT, cut_at, years_text(member.concerned), member.id)


def ask_to_cut_again(member: Member, occasion: Occasion, batch: Batch) -> None:
    """Services were restored for a payment that is undone: a person decides."""
    batch.open_task(TaskKind.RE_SUSPENSION, member, occasion.at)


def ask_about_payment(member: Member, occasion: Occasion, batch: Batch) -> None:
    """Somebody who is gone has paid: a person decides."""
    if occasion.cause.startswith("payment"):
        batch.open_task(TaskKind.PAYMENT_AFTER_REMOVAL, member, occasion.at)


def cancel_free_dues(member: Member, occasion: Occasion, batch: Batch) -> None:
    """Leaving before 20 January, or within 30 days of the call, cancels what is unpaid of that year's due."""
    left_on: date = occasion.data or occasion.day
    batch.add(sql.SET_LEFT, left_on.isoformat(), member.id)
    for year, due in sorted(member.dues.items()):
        if due.unpaid and left_on < _owed_from(member, occasion, year):
            batch.add(
                sql.NEW_ENTRY,
                member.id,
                year,
                EntryKind.CANCELLATION.value,
                due.unpaid,
                None,
                *(left_on.isoformat(), stored(occasion.at), "left in time"),
            )
            due.settled = due.amount
            batch.add(sql.SETTLE_DUE, due.settled, member.id, year)


def _owed_from(member: Member, occasion: Occasion, year: int) -> date:
    """From this day on, a departure no longer cancels the due of a year."""
    day = date(year, *FREE_DEPARTURE)
    called_at = member.dues[year].called_at
    if called_at is not None:
        day = max(day, local_day(called_at, occasion.rules.tz) + timedelta(days=FREE_DAYS_AFTER_CALL + 1))
    return day


def wait_for_deletion(member: Member, occasion: Occasion, batch: Batch) -> None:
    """Look again when the services of whoever left may be deleted."""
    set_timer(batch, member, deletion_day_after(occasion.day, occasion), occasion.moment)


def deletion_day_after(day: date, occasion: Occasion) -> datetime:
    """09:00, ten days after a day."""
    return at_local(day + timedelta(days=DELETION_WAIT_DAYS), 9, 0, occasion.rules.tz)
