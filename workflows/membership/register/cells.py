"""Cells: what a spreadsheet would take for a formula, and how days, years and addresses are read. Pure."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import TypeVar

from email_validator import EmailNotValidError, validate_email

from engine.errors import Invalid

T = TypeVar("T")

LONGEST = 2000
FIRST_YEAR, LAST_YEAR = 1900, 2200
LINE_BREAK = "contains a line break"
UNREADABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories that no cell may hold: control characters, halves of pairs, line and paragraph ends."""
NONE = "none"
"""Said where an empty cell would mean the default: it owes nothing, it was not reminded."""
# Blanks and invisible signs do not keep a spreadsheet from seeing a formula behind them.
_FORMULA = re.compile("[\\s'\u200b-\u200f\u2060\ufeff]*[=+\\-@＝＋－＠]")  # noqa: RUF001 full-width signs are meant
_NEGATIVE = re.compile(r"-[0-9]+(\.[0-9]+)?", re.ASCII)
_CODE = re.compile(r"\w[\w.\-]{0,39}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_WORD = re.compile(r"[a-z0-9][a-z0-9_\-]{0,39}", re.ASCII)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might calculate it. A plain negative number is only a number."""
    return _FORMULA.match(text) is not None and _NEGATIVE.fullmatch(text) is None


def protect(text: str) -> str:
    """Put an apostrophe before what a spreadsheet might calculate; `unprotect` takes exactly that one away."""
    return f"'{text}" if is_formula(text) else text


def unprotect(cell: str) -> str:
    """Take away the apostrophe of `protect`, and no other."""
    return cell[1:] if cell.startswith("'") and is_formula(cell[1:]) else cell


def why_unreadable(text: str) -> str | None:
    """Say what no cell may hold: newlines, control characters, a whole book."""
    for sign in "" if text.isprintable() else text:
        if unicodedata.category(sign) in UNREADABLE:
            line_break = sign in "\r\n\u2028\u2029"
            return LINE_BREAK if line_break else f"contains a control character (U+{ord(sign):04X})"
    return f"is longer than {LONGEST} characters" if len(text) > LONGEST else None


def as_text(text: str) -> str:
    """Take it as it is."""
    return text


def as_code(text: str) -> str:
    """Read the name of a member or a seat: it stands in addresses of pages, so no blanks, strokes or bars."""
    if _CODE.fullmatch(text) is None:
        raise Invalid(reason=f"{_short(text)!r} is not made of letters, digits, '-', '_' and '.' (40 at most)")
    return text


def as_codes(text: str) -> tuple[str, ...]:
    """Read several names of members: A0001|A0007."""
    return tuple(dict.fromkeys(as_code(code.strip()) for code in text.split("|")))


def as_word(text: str) -> str:
    """Read a kind of service: one plain word."""
    if _WORD.fullmatch(text) is None:
        raise Invalid(reason=f"{_short(text)!r} is no plain word such as website")
    return text


def as_day(text: str) -> date:
    """Read 2025-01-31."""
    if _DAY.fullmatch(text) is None:
        raise Invalid(reason=f"{_short(text)!r} is no date such as 2025-01-31")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid(reason=f"{text} is not a day of the calendar") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Invalid(reason=f"{text} is not a day between {FIRST_YEAR} and {LAST_YEAR}")
    return day


def day_up_to(today: date | None) -> Callable[[str], date]:
    """Read a day that is not in the future; without `today` any day is taken."""

    def read(text: str) -> date:
        day = as_day(text)
        if today is not None and day > today:
            raise Invalid(reason=f"{text} is in the future")
        return day

    return read


def as_year(text: str) -> int:
    """Read 2025."""
    if _YEAR.fullmatch(text) is None or not FIRST_YEAR <= int(text) <= LAST_YEAR:
        raise Invalid(reason=f"{_short(text)!r} is no year such as 2025")
    return int(text)


def as_years(text: str) -> tuple[int, ...]:
    """Read 2025|2026, or "none"."""
    if text == NONE:
        return ()
    years = [as_year(year.strip()) for year in text.split("|")]
    if len(set(years)) < len(years):
        raise Invalid(reason=f"{text!r} names a year twice")
    return tuple(sorted(years))


def one_word_of(known: type[T]) -> Callable[[str], T]:
    """Read one of a closed set."""

    def read(text: str) -> T:
        try:
            return known(text)  # type: ignore[call-arg]  # an enumeration is called with its value
        except ValueError:
            words = ", ".join(str(getattr(word, "value", word)) for word in known)  # type: ignore[attr-defined]
            raise Invalid(reason=f"{_short(text)!r} is unknown: it is one of {words}") from None

    return read


def as_country(text: str) -> str:
    """Read FR."""
    if _COUNTRY.fullmatch(text.upper()) is None:
        raise Invalid(reason=f"{_short(text)!r} is no country code of two letters such as FR")
    return text.upper()


@lru_cache(maxsize=4096)
def as_email(text: str) -> str:
    """Read one mail address, without asking the network. Domains kept for tests are fine, as is .example."""
    try:
        found = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        why = str(error).rstrip(".")
        raise Invalid(reason=f"{_short(text)!r} is no mail address ({why})") from None
    return found.ascii_email or found.normalized


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
