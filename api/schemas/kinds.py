"""The kinds of value that requests and answers are made of."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from api.pagination import BIGGEST
from api.shapes import rfc3339
from engine.errors import Invalid
from workflows.membership.money import cents_of
from workflows.membership.register.cells import as_code, as_email, as_word, why_unreadable

T = TypeVar("T")
FIRST_YEAR, LAST_YEAR = 1900, 2200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_PARAGRAPH = str.maketrans("\n\r\t", "   ")


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day such as 2025-06-30 is expected")
    return _known_year(_read(date.fromisoformat, value))


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("an instant with its offset is expected, such as 2025-08-28T16:30:00Z")
    return _known_year(_read(datetime.fromisoformat, value.upper()))


def when(value: Any) -> date | datetime:
    """Read a day or an instant. Raises ValueError."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return _day(value)
    if isinstance(value, str) and not _INSTANT.fullmatch(value):
        raise ValueError("a day such as 2025-06-30 is expected, or an instant such as 2025-08-28T16:30:00Z")
    return _instant(value)


def _read(read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError:
        raise ValueError("the calendar has no such day or hour") from None


def _known_year(value: T) -> T:
    if isinstance(value, date) and not FIRST_YEAR < value.year < LAST_YEAR:
        raise ValueError("it is too far away")
    return value


def _line(text: str) -> str:
    if why_unreadable(text) is not None:
        raise ValueError("one line of readable text is expected")
    return text.strip()


def _paragraph(text: str) -> str:
    if why_unreadable(text.translate(_PARAGRAPH)) is not None:
        raise ValueError("readable text is expected")
    return text.strip()


def _said(text: str) -> str:
    if not text:
        raise ValueError("it must say something")
    return text


def _checked(read: Any, why: str) -> Any:
    """Turn what the register refuses into a reason without its input."""

    def check(text: str) -> str:
        try:
            return str(read(text)) if text else text
        except Invalid:
            raise ValueError(why) from None

    return AfterValidator(check)


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Amount = Annotated[str, Field(pattern=r"^[0-9]{1,7}(\.[0-9]{1,2})?$", examples=["20.00"])]
Money = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$", examples=["20.00"])]
Year = Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR, strict=True)]
Id = Annotated[int, Field(ge=1, lt=BIGGEST, strict=True)]
PathId = Annotated[int, Path(ge=1, lt=BIGGEST)]
Line = Annotated[str, Field(max_length=500), AfterValidator(_line)]
Said = Annotated[Line, AfterValidator(_said), Field(min_length=1)]
Paragraph = Annotated[str, Field(max_length=2000), AfterValidator(_paragraph)]
Number = Annotated[str, Path(min_length=1, max_length=40)]
Code = Annotated[str, Field(min_length=1, max_length=40), _checked(as_code, "letters, digits, '-', '_' and '.' only")]
Word = Annotated[str, Field(min_length=1, max_length=40), _checked(as_word, "one plain word such as website")]
Email = Annotated[str, Field(max_length=254), _checked(as_email, "a mail address is expected")]
SeatName = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_line)]
PathSeat = Annotated[str, Path(min_length=1, max_length=40)]


def cents(amount: str) -> int:
    """Read an amount that has the right form."""
    return cents_of(amount)


class Told(BaseModel):
    """What a request says: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """What an answer says."""

    model_config = ConfigDict(populate_by_name=True)
