"""One candidate as it stands, and those that wait for the board. Reading only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from engine.history import Line, history
from engine.outlook import horizon
from engine.prospects import Prospect, prospects
from engine.store import day_of, instant_of, maybe_day
from engine.work import Work
from workflows.admission.applications import find, is_member
from workflows.admission.facts import Applicant
from workflows.admission.guards import is_complete
from workflows.admission.words import NAME, State

_LINES = """SELECT i.subject, c.name, c.kind, i.state, i.since, c.applied_on, c.presented_by, c.put_off_until,
    c.conditions FROM workflow_instance i JOIN candidate c ON c.instance_id = i.id
    WHERE i.workflow = ? AND i.state = coalesce(?, i.state) ORDER BY i.subject"""


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """A candidate in a list."""

    number: str
    name: str
    kind: str
    state: str
    since: datetime
    applied_on: date
    presented_by: str
    put_off_until: date | None
    conditions: str


@dataclass(frozen=True, slots=True)
class Portrait:
    """All that is known of one application."""

    candidate: Applicant
    lines: Sequence[Line]
    ahead: Sequence[Prospect]
    member: bool


def candidates(connection: Connection, state: str | None = None) -> list[CandidateLine]:
    """Return the candidates (in one state), by number."""
    return [_line(row) for row in connection.exec_driver_sql(_LINES, (NAME, state))]


def _line(row: Sequence[Any]) -> CandidateLine:
    return CandidateLine(
        *(row[0], row[1], row[2], row[3], instant_of(row[4])),
        *(day_of(row[5]), row[6], maybe_day(row[7]), row[8]),
    )


def portrait(work: Work, number: str) -> Portrait:
    """Return the portrait of a candidate. Raises UnknownCandidate. `work` is over the admissions."""
    candidate = find(work, number)
    ahead = prospects(work, candidate, horizon(work.at))
    return Portrait(candidate, history(work.connection, candidate.id), ahead, is_member(work.connection, number))


def is_only_candidate(connection: Connection, number: str) -> bool:
    """Whether that is the number of a candidate, and of no member."""
    sql = "SELECT workflow FROM workflow_instance WHERE subject = ?"
    return [row[0] for row in connection.exec_driver_sql(sql, (number,))] == [NAME]


def waits_for(work: Work, candidate: Applicant) -> list[str]:
    """Say what keeps a candidate from the next agenda."""
    if candidate.state != State.CANDIDATE:
        return []
    until = candidate.put_off_until
    put_off = [] if until is None or until < work.today else [f"put off until {until.isoformat()}"]
    why = is_complete(candidate, work.occasion(work.at, NAME))
    return [*([] if why is None else [why]), *put_off]
