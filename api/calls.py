"""Calls for dues on paper: those of a year that are still owed, as one file for printing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from api.addressees import letterhead_of, members_of
from api.minutes import owed_at
from api.settings import Settings
from engine.clock import at_local, local_day
from engine.errors import Invalid
from engine.store import instant_of, stored
from notifications.outbox import last_days, values_of
from notifications.papers import CALL, Post, Typesetter
from notifications.postal import postal_lines
from workflows.membership.words import FINAL

_CALLED = """SELECT i.id, d.called_at, (a.email <> '' AND a.email_bounced_at IS NULL)
        OR (a.treasurer_email <> '' AND a.treasurer_email_bounced_at IS NULL), a.concerned
    FROM due d JOIN association a ON a.instance_id = d.association_id
    JOIN workflow_instance i ON i.id = d.association_id
    WHERE d.year = ? AND d.called_at IS NOT NULL AND d.settled_cents < d.amount_cents AND i.state NOT IN (?, ?)
    ORDER BY 3, i.subject"""

_ANY_CALLED = "SELECT 1 FROM due WHERE year = ? AND called_at IS NOT NULL LIMIT 1"


@dataclass(frozen=True, slots=True)
class Printed:
    """Calls as one PDF: how many, and what of the organisation's own words could not be used, and why."""

    content: bytes
    number: int
    troubles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Due:
    """A due that was called and is still owed. `concerned`: what its cut-off is about, separated by |."""

    instance: int
    called_at: datetime
    concerned: str

    @property
    def years(self) -> list[int]:
        """The years that its cut-off is about."""
        return [int(year) for year in self.concerned.split("|") if year]


@dataclass(frozen=True, slots=True)
class _Call:
    """A call as the outbox would have it, if it were written today."""

    instance_id: int
    context: str
    created_at: str
    event: str = ""
    kind: str = CALL


def _why_none(connection: Connection, year: int, *, some: bool) -> str:
    """Say why there is no call to print. `some`: there is one, but a mail reaches whom it is for."""
    if some:
        return f"no call for {year} is to be printed: see --all"
    if connection.exec_driver_sql(_ANY_CALLED, (year,)).fetchone() is None:
        shows = "relance template preview papers/call_for_dues --pdf FILE shows one"
        return f"the dues of {year} have not been called yet: {shows}"
    return f"no call for {year} is to be printed"


def calls_as_one_file(
    connection: Connection, settings: Settings, year: int, now: datetime, *, everybody: bool = False
) -> Printed:
    """Print the calls of a year that are still owed, those without a mail address first.

    Without `everybody` only those that no mail reaches. Each says what is owed now. Raises Invalid when there is none.
    """
    letterhead, tz = letterhead_of(settings), settings.organisation.tz
    rows = connection.exec_driver_sql(_CALLED, (year, *(state.value for state in FINAL))).fetchall()
    wanted = [_Due(row[0], instant_of(row[1]), row[3]) for row in rows if everybody or not row[2]]
    if not wanted:
        raise Invalid(reason=_why_none(connection, year, some=bool(rows)))
    ids, today = [due.instance for due in wanted], local_day(now, tz)
    owed, members = owed_at(connection, ids, now), members_of(connection, ids)
    typesetter = Typesetter(letterhead)
    papers = []
    for due in wanted:
        context = {"year": year, "owed": owed.get(due.instance, ()), "concerned": due.years}
        values = values_of(_Call(due.instance, json.dumps(context), stored(now)), members, letterhead)
        until = last_days(year, local_day(due.called_at, tz), letterhead.due_on)["resign_before"]
        values["resign_before"] = until if until is not None and until > today.isoformat() else None
        language = str(values["language"])
        papers.append(typesetter.paper(CALL, language, values, Post(postal_lines(values, language))))
    made = typesetter.print(papers, at_local(today, 0, 0, tz), title=f"{letterhead.name} – {year}")
    return Printed(made, len(papers), typesetter.troubles)
