"""Occurrences between two instants: yearly steps with their windows, the board's meetings, days that must pass. Pure.

Everything asked again and again is kept by year: a replay asks hundreds of thousands of times.
"""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from operator import attrgetter

from engine.clock import at_local, days_after, end_of_day, local_day
from engine.errors import BadConfiguration
from engine.scheduler import CronFields, cron_instants

FIRST_HOUR = 4
"""Before it, a clock change may skip an hour or run it twice."""
LAST_HOUR, LAST_MINUTE, MONTHS = 23, 59, 12
MORNING = 9
"""The hour at which what waits for a day comes true (PRODUCT § 3)."""
LONGEST_WRAP = 183
"""Days that a window may last which ends in the next year: more is a slip, such as a step moved behind its end."""
SAMPLE_YEARS = range(2001, 2012)
"""From a common year on: each weekday begins a year in them, and leap years are among them."""


@dataclass(frozen=True, slots=True)
class YearlyRule:
    """A step's date of every year, with the last day of its window.

    `month` and `day` are APScheduler's cron fields, `until` a "MM-DD". `year_offset` 1: in December it is about the
    next year. Raises BadConfiguration, naming the rule, unless it comes exactly once a year.
    """

    name: str
    month: int | str
    day: int | str
    hour: int = 9
    minute: int = 0
    until: str = "12-31"
    year_offset: int = 0

    def __post_init__(self) -> None:
        """Refuse what does not come exactly once a year. Raises BadConfiguration."""
        where = f"calendar.{self.name}"
        _check_hour(where, self.hour, self.minute)
        _month_and_day(where, self.until)
        _check_once(where, self.month, self.day)

    @property
    def cron(self) -> CronFields:
        """The date as cron fields."""
        return {"month": self.month, "day": self.day, "hour": self.hour, "minute": self.minute}


@dataclass(frozen=True, slots=True)
class MeetingRule:
    """When the board meets: one day of each of these months. Raises BadConfiguration when a month may lack it."""

    day: int | str = "last thu"
    hour: int = 18
    minute: int = 30
    months: int | str = "1-6,8-12"

    def __post_init__(self) -> None:
        """Refuse a day that some month does not have exactly once. Raises BadConfiguration."""
        _check_hour("board.meetings", self.hour, self.minute)
        _check_monthly("board.meetings", self.months, self.day)

    @property
    def cron(self) -> CronFields:
        """The dates as cron fields."""
        return {"month": self.months, "day": self.day, "hour": self.hour, "minute": self.minute}


@dataclass(frozen=True, slots=True)
class Slot:
    """One occurrence of a yearly rule: from `due` on, until before `closes`, the midnight that ends its last day."""

    event: str
    year: int
    due: datetime
    closes: datetime


def slots_between(rules: Sequence[YearlyRule], tz: tzinfo, after: datetime, until: datetime) -> list[Slot]:
    """Return the slots due after `after`, up to and including `until`, in order; at one instant, in the rules'."""
    found = _slots(rules, tz, _year(after, tz), _year(until, tz))
    return [slot for slot in found if after < slot.due <= until]


def open_slots(rules: Sequence[YearlyRule], tz: tzinfo, at: datetime) -> list[Slot]:
    """Return the slots whose window is open at an instant, in the order they were due."""
    year = _year(at, tz)
    return [slot for slot in _slots(rules, tz, year - 1, year) if slot.due <= at < slot.closes]


def closings_between(rules: Sequence[YearlyRule], tz: tzinfo, after: datetime, until: datetime) -> list[Slot]:
    """Return the slots whose window ends after `after`, up to and including `until`, in the order they end."""
    found = _slots(rules, tz, _year(after, tz) - 1, _year(until, tz))
    return sorted((slot for slot in found if after < slot.closes <= until), key=attrgetter("closes"))


def meetings_between(rule: MeetingRule, tz: tzinfo, after: datetime, until: datetime) -> list[datetime]:
    """Return the hours of the meetings after `after`, up to and including `until`."""
    return cron_instants(rule.cron, tz, after, until)


def clear_days_end(day: date, clear_days: int, tz: tzinfo) -> datetime:
    """Return 09:00 of the day after so many full days: from the 28th of August with three, the 1st of September."""
    return at_local(days_after(day, clear_days + 1), MORNING, 0, tz)


def stay_end(day: date, tz: tzinfo) -> datetime:
    """Return 09:00 of the day after a stay's last day."""
    return at_local(days_after(day, 1), MORNING, 0, tz)


def _year(instant: datetime, tz: tzinfo) -> int:
    return local_day(instant, tz).year


def _slots(rules: Sequence[YearlyRule], tz: tzinfo, first: int, last: int) -> tuple[Slot, ...]:
    """Return the slots due in these local years, in order."""
    return _slots_of(tuple(rules), tz, first, last)


@lru_cache(maxsize=4096)
def _slots_of(rules: tuple[YearlyRule, ...], tz: tzinfo, first: int, last: int) -> tuple[Slot, ...]:
    years = range(first, last + 1)
    slots = [_slot(rule, tz, due) for rule in rules for year in years for due in _instants(rule.cron, tz, year)]
    return tuple(sorted(slots, key=attrgetter("due")))


def _slot(rule: YearlyRule, tz: tzinfo, due: datetime) -> Slot:
    due_day = local_day(due, tz)
    month, day = _month_and_day(f"calendar.{rule.name}", rule.until)
    last = date(due_day.year, month, day)
    if last < due_day:
        last = date(due_day.year + 1, month, day)
    return Slot(rule.name, due_day.year + rule.year_offset, due, end_of_day(last, tz))


def _instants(fields: CronFields, tz: tzinfo, year: int) -> list[datetime]:
    first = at_local(date(year, 1, 1), 0, 0, tz)
    return cron_instants(fields, tz, first, end_of_day(date(year, 12, 31), tz))


def _check_hour(where: str, hour: int, minute: int) -> None:
    if not FIRST_HOUR <= hour <= LAST_HOUR:
        why = "before 04:00 a clock change skips it or runs it twice"
        raise BadConfiguration(reason=f"{where}: hour {hour!r} is not one from {FIRST_HOUR} to {LAST_HOUR} ({why})")
    if not 0 <= minute <= LAST_MINUTE:
        raise BadConfiguration(reason=f"{where}: minute {minute!r} is not one from 0 to {LAST_MINUTE}")


def _month_and_day(where: str, text: str) -> tuple[int, int]:
    """Read "08-15", a day that every year has."""
    found = re.fullmatch("([0-9]{2})-([0-9]{2})", text)
    month, day = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= month <= MONTHS or not 1 <= day <= monthrange(SAMPLE_YEARS[0], month)[1]:
        raise BadConfiguration(reason=f"{where}: until {text!r} is not a day that every year has, such as 08-15")
    return month, day


def _check_once(where: str, month: int | str, day: int | str) -> None:
    for year in SAMPLE_YEARS:
        days = _days(where, month, day, year)
        if len(days) != 1:
            times = f"in {year} it comes {len(days)} times"
            raise BadConfiguration(reason=f"{where}: day {day!r} of month {month!r} must come once every year; {times}")


def _check_monthly(where: str, months: int | str, day: int | str) -> None:
    wanted = [first.month for first in _days(where, months, 1, SAMPLE_YEARS[0])]
    for year in SAMPLE_YEARS:
        days = _days(where, months, day, year)
        if [found.month for found in days] != wanted:
            raise BadConfiguration(reason=f"{where}: day {day!r} does not come once in each month of {months!r}")


def ends_too_late(month: int | str, day: int | str, until: tuple[int, int]) -> bool:
    """Whether a window that ends before its own day in the year, hence in the next, would last over half a year."""
    for year in SAMPLE_YEARS:
        due = _days("until", month, day, year)[0]
        if date(year, *until) < due and (date(year + 1, *until) - due).days > LONGEST_WRAP:
            return True
    return False


def _days(where: str, month: int | str, day: int | str, year: int) -> list[date]:
    """Days of a year on which these fields fall."""
    try:
        instants = _instants({"month": month, "day": day, "hour": MORNING, "minute": 0}, UTC, year)
    except BadConfiguration as error:
        raise BadConfiguration(reason=f"{where}: {error}") from error
    return [instant.date() for instant in instants]
