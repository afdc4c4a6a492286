"""Candidates: the list, one of them, applying, what changes meanwhile, withdrawing. The board answers by ballot."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response

from api.deps import Anybody, Desk, DeskOnce
from api.pagination import Cursor, Limit, Page, id_key, page_of, text_key
from api.routes.associations import No, entries
from api.schemas.candidates import (
    Application,
    BoardAnswer,
    Candidate,
    CandidateLine,
    ChangedCandidate,
    NewCandidate,
    Withdrawal,
)
from api.schemas.kinds import Number
from api.schemas.members import Entry, ServiceName
from engine.store import day_of, instant_of, maybe_day
from engine.work import Work
from workflows.admission import applications
from workflows.admission.facts import services_text
from workflows.admission.portrait import waits_for
from workflows.admission.words import NAME, State
from workflows.membership.models import Kind

router = APIRouter(tags=["candidates"])

_LINES = """SELECT i.subject, c.name, c.kind, i.state, i.since, c.applied_on, c.presented_by, c.put_off_until
    FROM workflow_instance i JOIN candidate c ON c.instance_id = i.id
    WHERE i.workflow = ? AND i.subject > ? AND i.state = coalesce(?, i.state) ORDER BY i.subject LIMIT ?"""
SAME = (
    *("name", "kind", "contact_name", "contact_role", "email", "treasurer_name", "treasurer_email", "phone"),
    *("address", "postcode", "city", "region", "country", "language", "presented_by", "note", "conditions"),
)


@router.get("/candidates")
def list_candidates(
    office: Anybody, limit: Limit = 50, cursor: Cursor = None, state: State | None = None
) -> Page[CandidateLine]:
    """List candidates by number, those that were answered too."""
    with office.reading() as connection:
        asked = (NAME, text_key(cursor), None if state is None else state.value, limit + 1)
        rows = connection.exec_driver_sql(_LINES, asked).fetchall()
    return page_of(rows, limit, lambda row: row[0], _line)


def _line(row: Sequence[Any]) -> CandidateLine:
    return CandidateLine(
        number=row[0],
        name=row[1],
        kind=row[2],
        state=row[3],
        since=instant_of(row[4]),
        applied_on=day_of(row[5]),
        presented_by=row[6],
        put_off_until=maybe_day(row[7]),
    )


@router.post("/candidates", response_model=Candidate, status_code=201)
def apply(body: NewCandidate, office: DeskOnce) -> Response:
    """Enter a candidate: it is told, and the agenda of the next meeting carries it."""

    def act(work: Work) -> Candidate:
        own = work.of(NAME)
        language = {"language": office.house.settings.organisation.language.value}
        found = applications.apply(own, body.number, language | _fields(body), office.actor)
        own.write()
        return one(work, found.subject)

    return office.once(body, act, 201)


@router.get("/candidates/{number}")
def get_candidate(number: Number, office: Anybody) -> Candidate:
    """Show one candidate: what it asks for, where it stands, what the board answered."""
    with office.studying() as work:
        return one(work, number)


def one(work: Work, number: str) -> Candidate:
    """Return one candidate as it stands. Raises UnknownCandidate."""
    own = work.of(NAME)
    candidate = applications.find(own, number)
    row = candidate.row
    return Candidate(
        **{name: row[name] for name in SAME},
        number=number,
        state=candidate.state,
        since=candidate.since,
        applied_on=day_of(row["applied_on"]),
        put_off_until=candidate.put_off_until,
        themes=[theme for theme in row["themes"].split("|") if theme],
        services=[ServiceName.model_construct(kind=kind, identifier=name) for kind, name in candidate.services],
        ballots=[
            BoardAnswer(ballot=ballot.id, held_at=ballot.held_at, status=ballot.status) for ballot in candidate.ballots
        ],
        tasks=sorted({kind for kind, _ in candidate.tasks}),
        waits_for=waits_for(own, candidate),
        member=applications.is_member(own.connection, number),
    )


@router.patch("/candidates/{number}", response_model=Candidate)
def change_candidate(number: Number, body: ChangedCandidate, office: Desk) -> Response:
    """Change fields of an application that is not answered yet; those that are not named stay."""

    def act(work: Work) -> Candidate:
        own = work.of(NAME)
        applications.change(own, applications.find(own, number), _fields(body), office.actor)
        own.write()
        return one(work, number)

    return office.does(act)


@router.post("/candidates/{number}/withdrawal", response_model=Candidate, status_code=201)
def withdraw(number: Number, body: Withdrawal, office: DeskOnce) -> Response:
    """A candidate withdraws: the board is no longer asked."""

    def act(work: Work) -> Candidate:
        own = work.of(NAME)
        applications.withdraw(own, applications.find(own, number), body.on, body.reason, office.actor)
        own.write()
        return one(work, number)

    return office.once(body, act, 201)


@router.get("/candidates/{number}/journal")
def candidate_journal(
    number: Number, office: Anybody, limit: Limit = 50, cursor: Cursor = None, *, no: No = False
) -> Page[Entry]:
    """Read what happened to an application, oldest first."""
    with office.studying() as work:
        candidate = applications.find(work.of(NAME), number)
        return entries(work.connection, candidate.id, id_key(cursor), limit, no=no)


def _fields(body: Application) -> dict[str, object]:
    """Return the fields that were named, as the database keeps them."""
    given = body.model_dump(mode="json", include=body.model_fields_set - {"number"})
    new = isinstance(body, NewCandidate)
    named = {name: value for name, value in given.items() if value is not None or not new}
    fields: dict[str, object] = {name: value or "" for name, value in named.items()}
    if "themes" in named:
        fields["themes"] = "|".join(theme for theme in named["themes"] or [] if theme)
    if "services" in named:
        fields["services"] = services_text([(one["kind"], one["identifier"]) for one in named["services"] or []])
    return {"kind": Kind.ASSOCIATION.value, **fields} if new else fields
