"""Lists in pages: `?limit=&cursor=` gives {"items", "next"}; a cursor names the last item, whatever comes meanwhile."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from engine.errors import Invalid

T = TypeVar("T")
R = TypeVar("R")
MOST = 1000
BIGGEST = 2**53

Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many items.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """A page of a list; `next` is the cursor of the page after, null on the last one."""

    items: list[T]
    next: str | None = Field(default=None)


def cursor_of(key: str | int) -> str:
    """Write a cursor."""
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def text_key(cursor: str | None) -> str:
    """Read a cursor that names a number; empty: from the beginning. Raises Invalid."""
    if not cursor:
        return ""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise Invalid(reason="this is no cursor of a list") from None


def id_key(cursor: str | None) -> int:
    """Read a cursor that names an id; 0: from the beginning. Raises Invalid."""
    text = text_key(cursor) or "0"
    if not (text.isascii() and text.isdecimal() and int(text) < BIGGEST):
        raise Invalid(reason="this is no cursor of a list")
    return int(text)


def page_of(rows: Sequence[R], limit: int, key: Callable[[R], str | int], shape: Callable[[R], T]) -> Page[T]:
    """Make a page of one row more than the limit (or of all that are left)."""
    more = len(rows) > limit
    shown = rows[:limit]
    return Page(items=[shape(row) for row in shown], next=cursor_of(key(shown[-1])) if more else None)
