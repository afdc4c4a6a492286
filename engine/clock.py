"""Instants and local days. The only reader of the wall clock: everywhere else time is an argument.

Instants are aware UTC, days and hours local to the organisation. An hour that a clock change repeats is its first
one; an hour that it skips is as long after the change as it would have been after midnight.
"""

import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from engine.errors import Invalid

NOON = 12
_UPTIME: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def uptime() -> float:
    """Return seconds that nobody sets forward or back; they go on while the machine sleeps."""
    return time.clock_gettime(_UPTIME)


def local_day(instant: datetime, tz: tzinfo) -> date:
    """Return the day that an aware instant falls on. Raises Invalid for a naive one."""
    if instant.tzinfo is None:  # astimezone would take it for this machine's own time
        raise Invalid(reason=f"{instant.isoformat()} has no time zone")
    return instant.astimezone(tz).date()


def at_local(day: date, hour: int, minute: int, tz: tzinfo) -> datetime:
    """Return the instant of a local hour. Raises Invalid at the very ends of the calendar."""
    return _at_local(day, hour, minute, tz)


def noon(day: date, tz: tzinfo) -> datetime:
    """Return the instant of 12:00, the hour of what has only a day."""
    return _at_local(day, NOON, 0, tz)


def end_of_day(day: date, tz: tzinfo) -> datetime:
    """Return the next local midnight, the first instant that is no longer in the day. Raises Invalid in year 9999."""
    return _at_local(days_after(day, 1), 0, 0, tz)


def days_after(day: date, days: int) -> date:
    """Return the day so many days later. Raises Invalid beyond year 9999."""
    try:
        return day + timedelta(days=days)
    except OverflowError as error:
        raise Invalid(reason=f"{day.isoformat()} is too far away") from error


@lru_cache(maxsize=8192)
def _at_local(day: date, hour: int, minute: int, tz: tzinfo) -> datetime:
    try:
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=tz).astimezone(UTC)
    except OverflowError as error:
        raise Invalid(reason=f"{day.isoformat()} is too far away") from error
