"""The calendar: occurrences, how they stand, how many they touch; and how the whole stands."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Anybody
from api.pagination import Cursor, Limit, Page, id_key, page_of
from api.schemas.kinds import Day
from api.schemas.running import Occurrence, Whole
from api.shapes import coming_json
from api.standing import standing_of
from engine.clock import at_local, end_of_day
from engine.errors import Invalid
from engine.outlook import ended_steps, outlook
from workflows.membership.portrait import deletions

router = APIRouter(tags=["calendar"])
LONGEST = timedelta(days=3 * 366)
YEAR = timedelta(days=366)


@router.get("/calendar")
def calendar(
    office: Anybody,
    first: Annotated[Day | None, Query(alias="from")] = None,
    until: Annotated[Day | None, Query()] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Page[Occurrence]:
    """Tell what falls due between two days, both included (default: within a year), as things stand today."""
    begins = office.today if first is None else first
    ends = begins + YEAR if until is None else until
    if ends < begins or ends - begins > LONGEST:
        raise Invalid(reason="from is before until, by three years at most")
    tz = office.tz
    start, end = at_local(begins, 0, 0, tz) - timedelta(microseconds=1), end_of_day(ends, tz)
    with office.studying() as work:
        past = ended_steps(work, start, min(end, office.now)) if start < office.now else []
        known = {(coming.event, coming.year, coming.at) for coming in past}
        ahead = [one for one in outlook(work, start, end) if (one.event, one.year, one.at) not in known]
        later = [one for one in deletions(work) if start < one.at < end]
    found = sorted((*past, *ahead, *later), key=lambda one: (one.at, one.event))
    rows = list(enumerate(found, 1))[id_key(cursor) :]
    return page_of(rows, limit, lambda row: row[0], lambda row: Occurrence(**coming_json(row[1])))


@router.get("/status")
def status(office: Anybody) -> Whole:
    """Count who is where."""
    return Whole(**standing_of(office.engine, office.house.settings, office.now).as_json())
