"""What was typed, read: days, instants, choices. A wrong one is refused in one line (Invalid, FutureDate)."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from engine.ballots import Choice

YEARS = range(1900, 2200)
"""Beyond them a year is a slip of the keyboard."""
LONGEST_LINE = 500
"""As in the API."""


def day(text: str, option: str) -> date:
    """Read a day such as 2025-06-30. Raises Invalid."""
    from engine.errors import Invalid

    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise Invalid(reason=f"{option}: {text!r} is not a date such as 2025-06-30")
    try:
        read = date.fromisoformat(text)
    except ValueError:
        raise Invalid(reason=f"{option}: {text} is not a day of the calendar") from None
    if read.year not in YEARS:
        raise Invalid(reason=f"{option}: {text} is too far away")
    return read


def past_day(text: str | None, option: str, today: date) -> date:
    """Read the day something happened; today when none was typed. Raises Invalid, FutureDate."""
    from engine.errors import FutureDate

    if text is None:
        return today
    read = day(text, option)
    if read > today:
        raise FutureDate(day=text)
    return read


def maybe_day(text: str | None, option: str) -> date | None:
    """Read a day that may not have been typed. Raises Invalid."""
    return None if text is None else day(text, option)


def instant(text: str, option: str, tz: ZoneInfo) -> datetime:
    """Read an instant: RFC 3339, or a local time of the organisation; a date alone means noon. Raises Invalid."""
    from engine.clock import noon
    from engine.errors import Invalid

    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return noon(day(text, option), tz)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(reason=f"{option}: {text!r} is not a date or time such as 2025-08-28T18:30") from None
    if read.year not in YEARS:
        raise Invalid(reason=f"{option}: {text} is too far away")
    local = read if read.tzinfo is not None else read.replace(tzinfo=tz)
    return local.astimezone(UTC)


def month(text: str, option: str) -> str:
    """Read the month of a meeting such as 2025-08. Raises Invalid."""
    from engine.errors import Invalid

    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise Invalid(reason=f"{option}: {text!r} is not a month such as 2025-08")
    return text


def choices(words: Iterable[str]) -> "dict[str, Choice]":
    """Read choices written as S1=approve. Raises Invalid for a word that is none, or a seat named twice."""
    from engine.errors import Invalid

    read: dict[str, Choice] = {}
    for word in words:
        seat, _, said = word.partition("=")
        if not seat:
            raise Invalid(reason=f"{word!r} names no seat; write S1=approve")
        if seat in read:
            raise Invalid(reason=f"seat {seat} is named twice")
        read[seat] = choice(said)
    return read


def choice(word: str) -> "Choice":
    """Read approve, reject or abstain. Raises Invalid."""
    from engine.ballots import Choice
    from engine.errors import Invalid

    try:
        return Choice(word)
    except ValueError:
        raise Invalid(reason=f"{word!r} is none of {', '.join(Choice)}") from None


def names(text: str | None) -> Sequence[str]:
    """Read names separated by commas: S1,S2."""
    return tuple(filter(None, (name.strip() for name in (text or "").split(","))))


def maybe_line(text: str | None, option: str) -> str | None:
    """Read one line that may not have been typed, as long as the API takes one. Raises Invalid."""
    from engine.errors import Invalid
    from workflows.membership.register.cells import why_unreadable

    if text is None:
        return None
    why = why_unreadable(text)
    if why is not None:
        raise Invalid(reason=f"{option} {why}: one line is expected")
    if len(text) > LONGEST_LINE:
        raise Invalid(reason=f"{option} is too long: {LONGEST_LINE} characters at most")
    return text.strip()


def said(text: str, option: str) -> str:
    """Read words that must say something. Raises Invalid."""
    from engine.errors import Invalid

    if not text.strip():
        raise Invalid(reason=f"{option} says nothing")
    return text.strip()
