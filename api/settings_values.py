"""The kinds of value that relance.toml holds: each check says what was given and what was expected."""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo

FIRST_HOUR = 4
"""Before it, a clock change may skip an hour or run it twice."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FEBRUARY = 2
COMMON_YEAR = 2001
IBAN_LENGTH_OF = {"FR": 27, "MC": 27, "BE": 16, "LU": 20, "DE": 22, "ES": 24}
"""Lengths of the countries next door: the checksum alone lets one wrong length in 97 through."""

_DAY_TEXT = re.compile(r"last|(?:1st|2nd|3rd|4th|last) (?:mon|tue|wed|thu|fri|sat|sun)")
_CRON_PART = re.compile(r"(?:\*|(?P<low>[a-z]+|[0-9]{1,2})(?:-(?P<high>[a-z]+|[0-9]{1,2}))?)(?:/(?P<step>[0-9]{1,2}))?")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Not str.isprintable, which refuses the no-break spaces of French."""
_SHOWN = 40


def shown(value: object) -> str:
    """Write a refused value on one line, cut where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 64:  # noqa: PLR2004 - beyond TOML's own 64 bits
        return "a number that is far too large"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


# --- numbers ---------------------------------------------------------------------------------------------------------


def _no_boolean(value: object) -> object:
    """Refuse true and false, which Python counts as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"got {shown(value)}; expected a whole number")  # noqa: TRY004 - pydantic lets others through
    return value


def _share(value: object) -> float:
    """Accept 0.10 for ten in a hundred; nan compares false with everything, so it is refused too."""
    try:
        share = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"got {shown(value)}; expected a share from 0 to 1 such as 0.10")
    return share


Whole = Annotated[int, BeforeValidator(_no_boolean)]
Days = Annotated[Whole, Field(ge=0, le=366)]
Share = Annotated[float, BeforeValidator(_share)]


def _money(value: object) -> object:
    """Accept "20.00": cents are never left to be guessed, and a number would pass through a float."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,7}\.[0-9]{2}", value):
        raise ValueError(f'got {shown(value)}; expected an amount between quotes with two decimals, such as "20.00"')
    return value


Money = Annotated[str, BeforeValidator(_money)]


def cents(money: str) -> int:
    """Return "20.00" as 2000."""
    return int(money.replace(".", ""))


def _proportion(value: object) -> object:
    """Accept "1/2" (a share) or 5 (so many people); return text."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = re.fullmatch(r"([0-9]{1,4})(?:/([0-9]{1,4}))?", text) if isinstance(text, str) else None
    if found is None or (found[2] is not None and not 0 <= int(found[1]) <= int(found[2]) != 0):
        raise ValueError(f'got {shown(value)}; expected a fraction from 0 to 1 such as "1/2", or a number of people')
    return text


Proportion = Annotated[str, BeforeValidator(_proportion)]


# --- days and hours --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CronField:
    """One field of a cron rule: its unit, its lowest and highest number, its names from the lowest on."""

    unit: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    why: str = field(default="", compare=False)

    def refusal(self, value: object, but: str = "") -> ValueError:
        """Say what was given and which numbers this field takes."""
        return ValueError(f"got {shown(value)}{but}; expected one {self.unit} from {self.low} to {self.high}{self.why}")

    def numbers(self, value: object) -> set[int]:
        """Return what a cron text such as "1-6,8-12" stands for."""
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.refusal(value)
        return set().union(*(self._part(part.strip(), value) for part in str(value).lower().split(",")))

    def single(self, value: object) -> int:
        """Return the one number of a yearly rule: a step is taken once a year."""
        found = self.numbers(value)
        if len(found) != 1:
            raise self.refusal(value, f", which is {len(found)} {self.unit}s")
        return found.pop()

    def _part(self, part: str, value: object) -> set[int]:
        found = _CRON_PART.fullmatch(part)
        if found is None:
            raise self.refusal(value)
        low = self.low if found["low"] is None else self._number(found["low"], value)
        ends_alone = found["high"] is None and found["low"] is not None and found["step"] is None
        high = low if ends_alone else self.high if found["high"] is None else self._number(found["high"], value)
        step = int(found["step"] or 1)
        if not low <= high or step == 0:
            raise self.refusal(value)
        return set(range(low, high + 1, step))

    def _number(self, word: str, value: object) -> int:
        if word in self.names:
            return self.low + self.names.index(word)
        if not word.isdigit() or not self.low <= int(word) <= self.high:
            raise self.refusal(value)
        return int(word)


MONTH = CronField("month", 1, 12, MONTHS)
HOUR = CronField("hour", FIRST_HOUR, 23, why=" (before 04:00 a clock change skips it or runs it twice)")
MINUTE = CronField("minute", 0, 59)
DAY = CronField("day", 1, 31, why=', or a text such as "last", "last thu" or "2nd mon"')


def _months(value: object) -> str:
    """Accept the months of a board's meetings, "1-6,8-12"; return that text, or one that APScheduler reads as meant."""
    numbers, text = MONTH.numbers(value), str(value)
    return text if re.fullmatch(r"[0-9,-]+|\*", text) else ",".join(map(str, sorted(numbers)))


def _day(value: object) -> int | str:
    """Accept a day of the month, or APScheduler's text for one: "last", "last thu", "2nd mon"."""
    text = " ".join(value.lower().split()) if isinstance(value, str) else None
    return text if text is not None and _DAY_TEXT.fullmatch(text) else DAY.single(value)


Month = Annotated[int, BeforeValidator(MONTH.single)]
Months = Annotated[str, BeforeValidator(_months)]
Hour = Annotated[int, BeforeValidator(HOUR.single)]
Minute = Annotated[int, BeforeValidator(MINUTE.single)]
Day = Annotated[int | str, BeforeValidator(_day)]


def in_every(months: set[int], day: int | str) -> int | str:
    """Return `day` if each of these months has it every year (weekday texts always exist: there is no "5th")."""
    for month in sorted(months):
        last = monthrange(COMMON_YEAR, month)[1]
        if isinstance(day, int) and day > last:
            why = " (29 February comes once in four years)" if (month, day) == (FEBRUARY, 29) else ""
            raise ValueError(f'got {day}; expected 1 to {last} in month {month}, or "last"{why}')
    return day


def _month_day(value: object) -> object:
    """Accept a day of every year, "08-15"."""
    found = re.fullmatch(r"([0-9]{2})-([0-9]{2})", value) if isinstance(value, str) else None
    month, day = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= month <= len(MONTHS) or not 1 <= day <= monthrange(COMMON_YEAR, month)[1]:
        why = " (29 February comes once in four years)" if (month, day) == (FEBRUARY, 29) else ""
        raise ValueError(f'got {shown(value)}; expected a month and a day such as "08-15"{why}')
    return value


MonthDay = Annotated[str, BeforeValidator(_month_day)]


def month_and_day(text: str) -> tuple[int, int]:
    """Return "08-15" as (8, 15)."""
    return int(text[:2]), int(text[3:])


# --- texts -----------------------------------------------------------------------------------------------------------


def _one_line(value: str) -> str:
    """Refuse control characters: this text stands in mail headers and on one line of a letter."""
    if _CONTROL.search(value):
        raise ValueError(f"got {shown(value)}; expected text on one line")
    return value


def _paragraph(value: str) -> str:
    """Refuse control characters but line ends and tabs."""
    if _CONTROL.search(value.replace("\n", " ").replace("\t", " ")):
        raise ValueError(f"got {shown(value)}; expected text without control characters")
    return value


def _checked(check: Callable[[str], str]) -> AfterValidator:
    """Apply `check` to what is not empty: an empty text means « we have none »."""
    return AfterValidator(lambda value: check(value) if value else value)


Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(_one_line)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(_one_line)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000), AfterValidator(_paragraph)]


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f'got {shown(value)}; expected a time zone such as "Europe/Paris"') from error
    return value


def _email(value: str) -> str:
    try:
        found = validate_email(value, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f'got {shown(value)}; expected an e-mail address such as "bureau@asso.example"') from error
    return found.ascii_email or found.normalized


def _url(value: str) -> str:
    if not _is_url(value):
        raise ValueError(f'got {shown(value)}; expected an address such as "https://asso.example/"')
    return value


def _private_url(value: str) -> str:
    """Accept an address that may hold a secret: it is not repeated in a refusal."""
    if not _is_url(value):
        raise ValueError('is no address; expected one such as "https://asso.example/hook"')
    return value


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and " " not in value
    except ValueError:
        return False


def _iban(value: str) -> str:
    """Accept an IBAN, spaces or not, by ISO 13616: moved, read in base 36, 1 modulo 97."""
    iban = "".join(value.split()).upper()
    well_formed = re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban) is not None
    if not well_formed or len(iban) != IBAN_LENGTH_OF.get(iban[:2], len(iban)):
        raise ValueError(f'got {shown(value)}; expected an IBAN such as "FR76 3000 6000 0112 3456 7890 189"')
    if int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 != 1:
        raise ValueError(f"got {shown(value)}; its checksum is wrong: expected the IBAN as the bank prints it")
    return iban


def _bic(value: str) -> str:
    bic = "".join(value.split()).upper()
    if not re.fullmatch(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", bic):
        raise ValueError(f'got {shown(value)}; expected a BIC of 8 or 11 signs such as "AGRIFRPP"')
    return bic


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise ValueError(f'got {shown(value)}; expected a code of three capitals such as "EUR"')
    return value


TimeZoneName = Annotated[Line, AfterValidator(_timezone)]
Email = Annotated[Line, _checked(_email)]
Url = Annotated[Line, _checked(_url)]
PrivateUrl = Annotated[Name, AfterValidator(_private_url)]
Iban = Annotated[Line, _checked(_iban)]
Bic = Annotated[Line, _checked(_bic)]
Currency = Annotated[str, AfterValidator(_currency)]


# --- places on the disk ----------------------------------------------------------------------------------------------


def _folder(info: ValidationInfo) -> Path | None:
    """Return the folder of relance.toml, from which relative places count (none: a scenario's table)."""
    return info.context.get("folder") if isinstance(info.context, dict) else None


def _database_url(value: str, info: ValidationInfo) -> str:
    """Accept SQLite and PostgreSQL. The address is not repeated in a refusal: it may hold a password."""
    if value.startswith("postgresql+psycopg://"):
        return value
    if value != "sqlite://" and not value.startswith("sqlite:///"):
        scheme = value.split(":", maxsplit=1)[0] if ":" in value else value
        raise ValueError(f"got {shown(scheme)}; expected sqlite:///relance.db or postgresql+psycopg://user@host/name")
    place, folder = value.removeprefix("sqlite://").removeprefix("/"), _folder(info)
    if folder is None or not place or place.startswith(("/", ":memory:", "file:")):
        return value
    return f"sqlite:///{folder / place}"


def _beside(value: Path | None, info: ValidationInfo) -> Path | None:
    folder = _folder(info)
    return value if value is None or folder is None else folder / value


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
Folder = Annotated[Path | None, BeforeValidator(lambda value: value or None), AfterValidator(_beside)]
SecretFile = Annotated[Path | None, BeforeValidator(lambda value: value or None), AfterValidator(_beside)]
