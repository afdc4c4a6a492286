"""Amounts, days, hours and years as French and English readers write them. Cached: one run repeats the same few."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency

from notifications.typography import NO_BREAK

FRENCH = "fr"
_LOCALES = {"fr": "fr", "en": "en_GB"}
_AND = {"fr": " et ", "en": " and "}


@lru_cache(maxsize=4096)
def money(cents: int, language: str, currency: str) -> str:
    """Write an amount of integer cents: « 20,00 € » (its spaces do not break), €20.00."""
    return format_currency(Decimal(cents) / 100, currency, locale=_LOCALES[language])


@lru_cache(maxsize=4096)
def day(iso: str, language: str) -> str:
    """Write an ISO day: « 1er décembre 2025 », 1 December 2025."""
    return _dated(date.fromisoformat(iso), "d MMMM y", language)


@lru_cache(maxsize=4096)
def moment(iso: str, language: str, timezone: str) -> str:
    """Write an aware ISO instant in a time zone: « jeudi 28 août 2025 à 18 h 30 », Thursday 28 August 2025 at 18:30."""
    instant = datetime.fromisoformat(iso)
    if instant.tzinfo is None:
        raise ValueError(f"{iso} has no time zone")
    local = instant.astimezone(ZoneInfo(timezone))
    if not (local.hour or local.minute):
        return _midnight(local.date() - timedelta(days=1), language)
    written = _dated(local.date(), "EEEE d MMMM y", language)
    if language != FRENCH:
        return f"{written} at {local:%H:%M}"
    minutes = f"{NO_BREAK}{local:%M}" if local.minute else ""
    return f"{written} à {local.hour}{NO_BREAK}h{minutes}"


def _midnight(ending: date, language: str) -> str:
    """Name midnight by the day that it ends, as one says it: a ballot closes with the meeting's day."""
    written = _dated(ending, "EEEE d MMMM y", language)
    return f"{written} à minuit" if language == FRENCH else f"{written} at midnight"


def years(numbers: Sequence[int], language: str) -> str:
    """List years: « 2023, 2024 et 2025 », 2023, 2024 and 2025."""
    *first, last = [str(number) for number in numbers] or [""]
    return f"{', '.join(first)}{_AND[language]}{last}" if first else last


def _dated(on: date, pattern: str, language: str) -> str:
    written = format_date(on, pattern, locale=_LOCALES[language])
    return written.replace("1 ", "1er ", 1) if language == FRENCH and on.day == 1 else written
