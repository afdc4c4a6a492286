"""What a simulation assumes of members and of the post: who pays when, and that letters arrive."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import partial

from sqlalchemy import Connection

from engine.clock import days_after, local_day, noon
from engine.engine import Engine
from engine.errors import RelanceError
from engine.simulation import ASSUMED, Habit, Intent, News, next_noon
from engine.store import day_of
from engine.work import Work
from workflows.membership import ledger, letters
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.facts import Member
from workflows.membership.listings import with_unposted_letters
from workflows.membership.words import FINAL, Mail

PRESENTED_AFTER_DAYS = 6
ASKS_FOR_MONEY = {Mail.CALL_FOR_DUES, Mail.REMINDER}
WITH_A_LETTER = {Mail.SUMMONS, Mail.REMOVAL}


class Assume(StrEnum):
    """What members are assumed to pay."""

    NOBODY_PAYS = "nobody-pays"
    EVERYBODY_PAYS = "everybody-pays"
    AS_LAST_YEAR = "as-last-year"


def member_habits(engine: Engine, assume: Assume, begin: datetime, end: datetime) -> list[Habit]:
    """Return what members and the post are assumed to do between two instants."""
    paying: dict[Assume, list[Habit]] = {
        Assume.NOBODY_PAYS: [],
        Assume.EVERYBODY_PAYS: [everybody_pays],
        Assume.AS_LAST_YEAR: [AsLastYear(engine, begin, end)] if assume is Assume.AS_LAST_YEAR else [],
    }
    return [*paying[assume], letters_arrive]


# Everybody pays


def everybody_pays(engine: Engine, news: News) -> Iterable[Intent]:
    """Whoever owes pays all of it at noon of the day after the beginning, and after each call and reminder."""
    asked = {entry.subject for entry in news.entries if ASKS_FOR_MONEY & set(entry.mails)}
    if news.first:
        with engine.store.read() as connection:
            asked |= {number for _, number in _owing(connection)}
    if asked:
        yield Intent(next_noon(engine, news.now), partial(_pay_all, frozenset(asked)))


_OWING = """SELECT DISTINCT i.id, i.subject FROM workflow_instance i JOIN due d ON d.association_id = i.id
    WHERE d.called_at IS NOT NULL AND d.settled_cents < d.amount_cents AND i.state NOT IN (?, ?) ORDER BY i.id"""


def _owing(connection: Connection) -> list[tuple[int, str]]:
    """Return (id, number) of the members that owe something."""
    return [(row[0], row[1]) for row in connection.exec_driver_sql(_OWING, tuple(FINAL))]


def _pay_all(numbers: frozenset[str], engine: Engine, now: datetime) -> None:
    """Pay all that these members owe."""
    with engine.acting(MEMBERSHIP, now) as work:
        owing: list[Member] = work.cases([found for found, number in _owing(work.connection) if number in numbers])
        _book(work, [(member.id, sum(cents for _, cents in member.owed()), None) for member in owing])


def _book(work: Work, parts: Iterable[tuple[int, int, int | None]]) -> None:
    """Book one payment for each (member, cents, year)."""
    today = local_day(work.at, work.rules.tz)
    payments = [
        ledger.NewPayment(
            ASSUMED, f"{today.isoformat()}:{member_id}:{year}", today, (ledger.Share(member_id, cents, year),)
        )
        for member_id, cents, year in parts
    ]
    if payments:
        ledger.book(work, payments, ASSUMED)


# As last year


_LAST_YEAR = """SELECT l.association_id, l.year, p.paid_on FROM ledger_entry l JOIN payment p ON p.id = l.payment_id
    WHERE l.kind = 'payment' AND l.year IS NOT NULL AND p.reversed_at IS NULL AND p.paid_on > ? AND p.paid_on <= ?
    GROUP BY l.association_id, l.year, p.paid_on ORDER BY p.paid_on, l.association_id"""


class AsLastYear:
    """Whoever paid in the year before the beginning pays on the same day of each year, for the year that follows."""

    def __init__(self, engine: Engine, begin: datetime, end: datetime) -> None:
        """Read last year's payments: the days they come again until the end."""
        tz = engine.rules.tz
        last, until = local_day(begin, tz), local_day(end, tz)
        first = years_later(last, -1)
        with engine.store.read() as connection:
            rows = connection.exec_driver_sql(_LAST_YEAR, (first.isoformat(), last.isoformat())).fetchall()
        self.days: dict[date, list[tuple[int, int]]] = {}
        for later in range(1, until.year - first.year + 1):
            for member_id, year, paid_on in rows:
                day = years_later(day_of(paid_on), later)
                if last < day <= until:
                    self.days.setdefault(day, []).append((member_id, year + later))

    def __call__(self, engine: Engine, news: News) -> Iterable[Intent]:
        """Intend all of them when time begins."""
        if news.first:
            for day, parts in self.days.items():
                yield Intent(noon(day, engine.rules.tz), partial(_pay_years, parts))


def years_later(day: date, years: int) -> date:
    """Return the same day so many years later; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _pay_years(parts: Sequence[tuple[int, int]], engine: Engine, now: datetime) -> None:
    """Pay what is unpaid of these years; who owes nothing of it, or is gone, pays nothing."""
    with engine.acting(MEMBERSHIP, now) as work:
        members = {member.id: member for member in work.cases(sorted({part[0] for part in parts}))}
        amounts = [
            (member_id, _unpaid(work, members[member_id], year), year) for member_id, year in dict.fromkeys(parts)
        ]
        _book(work, [part for part in amounts if part[1]])


def _unpaid(work: Work, member: Member, year: int) -> int:
    if member.state in FINAL:
        return 0
    try:
        return ledger.default_amount(work, member, year)
    except RelanceError:
        return 0


# The post


def letters_arrive(engine: Engine, news: News) -> Iterable[Intent]:
    """Each registered letter is posted five days after it was written, presented the day after, and delivered."""
    if news.first or any(WITH_A_LETTER & set(entry.mails) for entry in news.entries):
        yield Intent(next_noon(engine, news.now, PRESENTED_AFTER_DAYS), _post)


def _post(engine: Engine, now: datetime) -> None:
    """Record what became of every letter that was not posted: it was yesterday, and arrived today."""
    today = local_day(now, engine.rules.tz)
    with engine.acting(MEMBERSHIP, now) as work:
        for member in work.cases(with_unposted_letters(work.connection)):
            letter = letters.latest_letter(member)
            posted = max(local_day(letter.created_at, engine.rules.tz), days_after(today, -1))
            if letter.posted_on is None:
                letters.tell(work, member, letter, letters.PostNews(posted_on=posted, first_presented_on=today))
