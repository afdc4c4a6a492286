"""Associations: the list, one of them, joining, the register's fields; its journal, its ledger, what comes next."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.deps import Anybody, Treasurer, TreasurerOnce
from api.pagination import Cursor, Limit, Page, id_key, page_of, text_key
from api.schemas.kinds import Number, cents
from api.schemas.members import (
    Association,
    AssociationLine,
    ChangedAssociation,
    Coming,
    DueLine,
    Entry,
    NewAssociation,
    Register,
    ServiceName,
)
from api.schemas.money import LedgerLine
from api.shapes import prospect_json
from engine.errors import Invalid
from engine.history import history, last_move
from engine.store import day_of, instant_of, maybe_day
from engine.work import Work
from workflows.membership import members
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.facts import Member
from workflows.membership.models import Kind
from workflows.membership.money import money_text
from workflows.membership.portrait import portrait, why
from workflows.membership.register.associations import PERSONS_ARE_NEVER
from workflows.membership.register.import_associations import AssociationsPlan
from workflows.membership.words import State

router = APIRouter(tags=["associations"])

_OWED = """(SELECT coalesce(sum(max(d.amount_cents - d.settled_cents, 0)), 0) FROM due d
    WHERE d.association_id = i.id AND d.called_at IS NOT NULL)"""
_LINES = f"""SELECT i.subject, a.name, a.kind, i.state, i.since, {_OWED}, a.credit_cents, a.hold_until,
    a.unreachable_since FROM workflow_instance i JOIN association a ON a.instance_id = i.id
    WHERE i.workflow = ? AND i.subject > ? AND i.state = coalesce(?, i.state) ORDER BY i.subject LIMIT ?"""  # noqa: S608 columns from here
_REGISTER = "SELECT * FROM association WHERE instance_id = ?"
_SERVICES = "SELECT kind, identifier FROM service WHERE association_id = ? ORDER BY kind, identifier"
_JOURNAL = """SELECT j.id, j.at, j.effective_at, i.subject, j.trigger, j.from_state, j.to_state, j.acted, j.cause,
    j.actor, j.reason, j.mails FROM journal_entry j JOIN workflow_instance i ON i.id = j.instance_id
    WHERE i.id = coalesce(?, i.id) AND j.id > ? AND (j.acted OR ?) ORDER BY j.id LIMIT ?"""
_LEDGER = """SELECT l.id, l.year, l.kind, l.amount_cents, l.payment_id, l.on_day, l.at, l.reason, p.method, p.reference
    FROM ledger_entry l LEFT JOIN payment p ON p.id = l.payment_id
    WHERE l.association_id = ? AND l.id > ? ORDER BY l.id LIMIT ?"""
TEXTS = ("contact_name", "contact_role", "treasurer_name", "phone", "address", "postcode", "city", "region")
NEVER_EMPTY = ("name", "kind", "joined_on", "language")
No = Annotated[bool, Query(alias="all", description="Also what was asked and answered with no.")]


@router.get("/associations")
def list_associations(
    office: Anybody, limit: Limit = 50, cursor: Cursor = None, state: State | None = None
) -> Page[AssociationLine]:
    """List associations by number."""
    with office.reading() as connection:
        asked = (MEMBERSHIP.name, text_key(cursor), None if state is None else state.value, limit + 1)
        rows = connection.exec_driver_sql(_LINES, asked).fetchall()
    return page_of(rows, limit, lambda row: row[0], _line)


def _line(row: Any) -> AssociationLine:
    return AssociationLine(
        number=row[0],
        name=row[1],
        kind=row[2],
        state=row[3],
        since=instant_of(row[4]),
        owed=money_text(row[5]),
        credit=money_text(row[6]),
        hold_until=maybe_day(row[7]),
        unreachable=row[8] is not None,
    )


@router.post("/associations", response_model=Association, status_code=201)
def join(body: NewAssociation, office: TreasurerOnce) -> Response:
    """Enter a new member: it owes the year of joining (from 1 December the next) and is called at once."""

    def act(work: Work) -> Association:
        fields = {"name": body.name, "kind": body.kind, "language": office.house.settings.organisation.language.value}
        hosted = [(service.kind, service.identifier) for service in body.services]
        if len(set(hosted)) < len(hosted):
            raise Invalid(reason="a service is named twice")
        members.join(work, body.number, fields | _fields(body), hosted, office.actor)
        work.write()
        return one(work, body.number)

    return office.once(body, act, 201)


@router.get("/associations/{number}")
def get_association(number: Number, office: Anybody) -> Association:
    """Show one association: where it stands and why, its register, its dues."""
    with office.studying() as work:
        return one(work, number)


def one(work: Work, number: str) -> Association:
    """Return one association as it stands. Raises UnknownAssociation."""
    member = members.find(work, number)
    register = work.connection.exec_driver_sql(_REGISTER, (member.id,)).mappings().one()
    services = work.connection.exec_driver_sql(_SERVICES, (member.id,)).fetchall()
    return Association(
        **_as_registered(dict(register)),
        number=number,
        state=member.state,
        since=member.since,
        owed=money_text(sum(cents for _, cents in member.owed())),
        credit=money_text(member.credit),
        hold_until=member.hold_until,
        unreachable=member.unreachable_since is not None,
        last_contact_on=member.last_contact_on,
        concerned=list(member.concerned),
        cut_at=member.cut_at,
        dues=_dues(member),
        services=[ServiceName.model_construct(kind=row[0], identifier=row[1]) for row in services],
        tasks=sorted({kind for kind, _ in member.tasks}),
        why=why(work, member, last_move(history(work.connection, member.id))),
    )


def _as_registered(register: Mapping[str, Any]) -> dict[str, Any]:
    names = (*TEXTS, "name", "kind", "email", "treasurer_email", "country", "language", "hold_reason")
    return {name: register[name] for name in names} | {
        "joined_on": day_of(register["joined_on"]),
        "left_on": maybe_day(register["left_on"]),
        "themes": [theme for theme in register["themes"].split("|") if theme],
        "own_dues": None if register["dues_cents"] is None else money_text(register["dues_cents"]),
    }


def _dues(member: Member) -> list[DueLine]:
    return [
        DueLine(
            year=year,
            amount=money_text(due.amount),
            settled=money_text(due.settled),
            unpaid=money_text(due.unpaid),
            called_at=due.called_at,
        )
        for year, due in sorted(member.dues.items())
    ]


@router.patch("/associations/{number}", response_model=Association)
def change_association(number: Number, body: ChangedAssociation, office: Treasurer) -> Response:
    """Change fields of the register; those that are not named stay."""

    def act(work: Work) -> Association:
        member = members.find(work, number)
        changed = _fields(body)
        _refuse_change(work, member, changed)
        if changed:
            AssociationsPlan("the API", updates={member.id: changed}).write(work, office.actor)
            work.write()
        return one(work, number)

    return office.does(act)


def _refuse_change(work: Work, member: Member, changed: Mapping[str, object]) -> None:
    for name in NEVER_EMPTY:
        if name in changed and not changed[name]:
            raise Invalid(reason=f"{name} cannot be empty")
    joined = changed.get("joined_on")
    if isinstance(joined, str) and day_of(joined) > work.today:
        raise Invalid(reason="joined_on is in the future")
    if changed.get("kind") == Kind.PERSON and member.state in PERSONS_ARE_NEVER:
        raise Invalid(reason=f"it is {member.state}, which a person never is")


def _fields(body: Register) -> dict[str, Any]:
    """Return the fields that were named, as the database keeps them."""
    named = {name: value for name, value in body.model_dump(mode="json").items() if name in body.model_fields_set}
    fields: dict[str, Any] = {}
    for name, value in named.items():
        if name == "dues":
            fields["dues_cents"] = None if value is None else cents(value)
        elif name == "themes":
            fields["themes"] = "|".join(theme for theme in value or [] if theme)
        elif name not in {"number", "services"}:
            fields[name] = value or ""
    return fields


@router.get("/associations/{number}/journal")
def association_journal(
    number: Number, office: Anybody, limit: Limit = 50, cursor: Cursor = None, *, no: No = False
) -> Page[Entry]:
    """Read what happened to an association, oldest first."""
    with office.studying() as work:
        member = members.find(work, number)
        return entries(work.connection, member.id, id_key(cursor), limit, no=no)


def entries(
    connection: Connection, instance_id: int | None, after: int, limit: int, *, no: bool = False
) -> Page[Entry]:
    """Return a page of the journal (of one instance) after a line; with `no` what was answered with no, too."""
    rows = connection.exec_driver_sql(_JOURNAL, (instance_id, after, no, limit + 1)).fetchall()
    return page_of(rows, limit, lambda row: row[0], _entry)


def _entry(row: Any) -> Entry:
    return Entry(
        id=row[0],
        at=instant_of(row[1]),
        effective_at=instant_of(row[2]),
        association=row[3],
        trigger=row[4],
        before=row[5],
        to=row[6],
        acted=bool(row[7]),
        cause=row[8],
        actor=row[9],
        reason=row[10],
        mails=[kind for kind in row[11].split("|") if kind],
    )


@router.get("/associations/{number}/next")
def association_next(number: Number, office: Anybody) -> Page[Coming]:
    """Tell what comes next for an association within a year, when, and what blocks it."""
    with office.studying() as work:
        ahead = portrait(work, number).ahead
    return Page(items=[Coming(**prospect_json(prospect)) for prospect in ahead])


@router.get("/associations/{number}/ledger")
def association_ledger(number: Number, office: Anybody, limit: Limit = 50, cursor: Cursor = None) -> Page[LedgerLine]:
    """Read an association's ledger, oldest first."""
    with office.studying() as work:
        member = members.find(work, number)
        rows = work.connection.exec_driver_sql(_LEDGER, (member.id, id_key(cursor), limit + 1)).fetchall()
    return page_of(rows, limit, lambda row: row[0], _ledger_line)


def _ledger_line(row: Any) -> LedgerLine:
    return LedgerLine(
        id=row[0],
        year=row[1],
        kind=row[2],
        amount=money_text(row[3]),
        payment=row[4],
        on=day_of(row[5]),
        at=instant_of(row[6]),
        reason=row[7],
        method=row[8],
        reference=row[9],
    )
