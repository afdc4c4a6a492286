"""Hosted services and their orders."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.deps import Admin, AdminOnce
from api.pagination import Cursor, Limit, Page, id_key, page_of
from api.problems import NotFound
from api.schemas.kinds import PathId
from api.schemas.running import Ack, ChangedService, Confirmation, Confirmed, Order, Service
from engine.errors import NotAllowed
from engine.store import instant_of, maybe_instant, rows_of
from engine.work import Work
from workflows.membership import members, services
from workflows.membership.facts import Member
from workflows.membership.words import TaskKind

router = APIRouter(tags=["services"])
_SERVICES = """SELECT s.id, i.subject, s.kind, s.identifier FROM service s
    JOIN workflow_instance i ON i.id = s.association_id"""
_LIST = f"{_SERVICES} WHERE s.id > ? AND i.subject = coalesce(?, i.subject) ORDER BY s.id LIMIT ?"
_ONE = f"{_SERVICES} WHERE s.id = ?"
_ORDERS = """SELECT service_id, id, action, status, ordered_at, acked_at, acked_by, note FROM service_order
    WHERE service_id IN {ids} ORDER BY id DESC"""
_ORDER = "SELECT id, action, status, ordered_at, acked_at, acked_by, note FROM service_order WHERE id = ?"
_CHANGE = "UPDATE service SET kind = coalesce(?, kind), identifier = coalesce(?, identifier) WHERE id = ?"
_ASKED = "SELECT instance_id FROM task WHERE id = ? AND kind = ?"


def _order(row: Any) -> Order:
    return Order(
        id=row[0],
        action=row[1],
        status=row[2],
        ordered_at=instant_of(row[3]),
        acked_at=maybe_instant(row[4]),
        acked_by=row[5],
        note=row[6],
    )


def _shapes(connection: Connection, rows: Sequence[Any]) -> list[Service]:
    orders: dict[int, list[Order]] = {row[0]: [] for row in rows}
    for service_id, *row in rows_of(connection, _ORDERS, list(orders)):
        orders[service_id].append(_order(row))
    return [
        Service(id=row[0], association=row[1], kind=row[2], identifier=row[3], orders=orders[row[0]]) for row in rows
    ]


@router.get("/services")
def list_services(
    office: Admin,
    association: Annotated[str | None, Query(max_length=40)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Service]:
    """List hosted services (of one association) with their orders."""
    with office.reading() as connection:
        rows = connection.exec_driver_sql(_LIST, (id_key(cursor), association, limit + 1)).fetchall()
        found = _shapes(connection, rows)
    return page_of(found, limit, lambda service: service.id, lambda service: service)


@router.patch("/services/{service_id}", response_model=Service)
def change_service(service_id: PathId, body: ChangedService, office: Admin) -> Response:
    """Change what a hosted service is called."""

    def act(work: Work) -> Service:
        changed = work.connection.exec_driver_sql(_CHANGE, (body.kind, body.identifier, service_id))
        if changed.rowcount == 0:
            raise NotFound
        return _shapes(work.connection, [work.connection.exec_driver_sql(_ONE, (service_id,)).one()])[0]

    return office.does(act)


@router.post("/service-orders/{order_id}/ack", response_model=Order)
def acknowledge(order_id: PathId, body: Ack, office: AdminOnce) -> Response:
    """Say whether an order was carried out; an archive that is done orders the deletion."""

    def act(work: Work) -> Order:
        row = work.connection.exec_driver_sql(_ORDER, (order_id,)).fetchone()
        if row is None:
            raise NotFound
        if row[2] == "done":
            raise NotAllowed(reason="this order is carried out already")
        services.acknowledge(work, [order_id], ok=body.ok, by=office.actor, note=body.note)
        return _order(work.connection.exec_driver_sql(_ORDER, (order_id,)).one())

    return office.once(body, act)


@router.post("/service-orders/confirm", response_model=Confirmed)
def confirm(body: Confirmation, office: AdminOnce) -> Response:
    """Confirm that services of these are archived, then deleted; where nothing waits, nothing happens."""

    def act(work: Work) -> Confirmed:
        found: dict[int, Member] = {}
        for named in body.orders:
            for member in _meant(work, named):
                found[member.id] = member
        return Confirmed(confirmed=services.confirm_deletion(work, list(found.values()), office.actor))

    return office.once(body, act)


def _meant(work: Work, named: int | str) -> list[Member]:
    """Return whom a task's id, or a number, is about. Raises NotFound, UnknownAssociation."""
    if isinstance(named, str):
        return [members.find(work, named)]
    row = work.connection.exec_driver_sql(_ASKED, (named, TaskKind.CONFIRM_DELETION.value)).fetchone()
    if row is None:
        raise NotFound
    found: list[Member] = work.cases([row[0]])
    return found
