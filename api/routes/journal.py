"""The journal as it grows: read after a line, or as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.deps import Anybody, Office
from api.pagination import BIGGEST, Cursor, Limit, Page, id_key
from api.routes.associations import entries
from api.schemas.members import Entry
from engine.listings import last_entry

router = APIRouter(tags=["journal"])
GLANCE = 0.5
"""Seconds between two looks at the journal."""
SILENCE = 30
"""After so many looks without news a comment keeps the line open."""
PAGE = 100

After = Annotated[int | None, Query(ge=0, lt=BIGGEST, description="Only what came after this line.")]


@router.get("/journal")
def journal(office: Anybody, after: After = None, limit: Limit = 50, cursor: Cursor = None) -> Page[Entry]:
    """Read what was done, oldest first."""
    with office.reading() as connection:
        return entries(connection, None, max(after or 0, id_key(cursor)), limit)


@router.get("/events", response_class=EventSourceResponse)
async def events(
    office: Anybody,
    after: After = None,
    last_event_id: Annotated[str | None, Header(max_length=20, pattern="^[0-9]*$")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow what is done as it is done: an event per line of the journal; its id is where to go on from."""
    mark = await run_in_threadpool(_begin, office, after, last_event_id)
    silent = 0
    while True:
        stopping = office.house.stopping.is_set()
        news = await run_in_threadpool(_news, office, mark)
        for entry in news:
            mark = entry.id
            yield ServerSentEvent(raw_data=entry.model_dump_json(by_alias=True), event="journal", id=str(entry.id))
        if stopping and not news:
            return
        silent = 0 if news else silent + 1
        if silent == SILENCE:
            silent = 0
            yield ServerSentEvent(comment="still here")
        if not news:
            await asyncio.sleep(GLANCE)


def _begin(office: Office, after: int | None, last_event_id: str | None) -> int:
    """Return the line to begin after: the last one told, or the journal's end."""
    if last_event_id:
        return min(int(last_event_id), BIGGEST)
    if after is not None:
        return after
    with office.reading() as connection:
        return last_entry(connection)


def _news(office: Office, mark: int) -> list[Entry]:
    with office.reading() as connection:
        return entries(connection, None, mark, PAGE).items
