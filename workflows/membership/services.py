"""Orders on hosted services: acknowledged by whoever carried them out; deletion only after archiving, confirmed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from engine.errors import Invalid
from engine.store import stored
from engine.work import Work
from workflows.membership import statements as sql
from workflows.membership.facts import Member
from workflows.membership.models import OrderAction, OrderStatus
from workflows.membership.words import FINAL, TaskKind

_ACK = "UPDATE service_order SET status = ?, acked_at = ?, acked_by = ?, note = ? WHERE id = ? AND status <> 'done'"
_DELETE_ARCHIVED = """INSERT INTO service_order (service_id, action, occasion, ordered_at, status, note)
    SELECT service_id, 'delete', occasion, ?, 'pending', '' FROM service_order
    WHERE id IN {ids} AND action = 'archive' AND status = 'done' AND service_id IN (
        SELECT s.id FROM service s JOIN workflow_instance i ON i.id = s.association_id
        WHERE i.state IN ('removed', 'left')) ON CONFLICT DO NOTHING"""
_WITHDRAW = """UPDATE service_order SET status = 'failed', acked_at = ?, acked_by = ?, note = 'withdrawn: corrected'
    WHERE status = 'pending' AND action IN ('archive', 'delete')
    AND service_id IN (SELECT id FROM service WHERE association_id = ?)"""


def confirm_deletion(work: Work, members: Sequence[Member], by: str) -> list[str]:
    """An admin lets the services of these be archived, then deleted. Returns the numbers concerned."""
    confirmed = []
    for member in members:
        if (TaskKind.CONFIRM_DELETION, "") not in member.tasks or member.state not in FINAL:
            continue
        occasion = work.occasion(work.at, "deletion", by, key="deletion")
        work.batch.add(sql.ORDER_SERVICES, OrderAction.ARCHIVE.value, occasion.key, stored(work.at), member.id)
        member.undeleted = 0
        work.batch.close_task(TaskKind.CONFIRM_DELETION, member, work.at, by=by, note="confirmed")
        occasion.reason = "deletion of its services confirmed"
        work.batch.journal(member, occasion, "confirm_deletion", member.state)
        confirmed.append(member.subject)
    return confirmed


def withdraw_deletion(work: Work, member: Member, by: str) -> None:
    """A member that is no longer gone keeps its services: orders to archive or delete that wait are withdrawn."""
    work.connection.exec_driver_sql(_WITHDRAW, (stored(work.at), by, member.id))


def acknowledge(work: Work, order_ids: Sequence[int], *, ok: bool, by: str, note: str = "") -> None:
    """Whoever carried out these orders says so; an archive that is done orders the deletion.

    Raises Invalid for an order that does not wait.
    """
    status = OrderStatus.DONE if ok else OrderStatus.FAILED
    for order_id in order_ids:
        row = (status.value, stored(work.at), by, note, order_id)
        if work.connection.exec_driver_sql(_ACK, row).rowcount == 0:
            raise Invalid(reason=f"no order {order_id} waits for anybody")
    if ok:
        delete = _DELETE_ARCHIVED.replace("{ids}", "(SELECT value FROM json_each(?))")
        work.connection.exec_driver_sql(delete, (stored(work.at), str(list(order_ids))))


def acknowledge_everything(connection: Connection, at: datetime) -> None:
    """Carry out every order at once, as demos and replays do: archives first, then the deletions they allow."""
    sql = "UPDATE service_order SET status = 'done', acked_at = ?, acked_by = 'replay' WHERE status = 'pending'"
    archived = connection.exec_driver_sql(
        "SELECT id FROM service_order WHERE status = 'pending' AND action = 'archive'"
    ).fetchall()
    connection.exec_driver_sql(sql, (stored(at),))
    if archived:
        delete = _DELETE_ARCHIVED.replace("{ids}", "(SELECT value FROM json_each(?))")
        connection.exec_driver_sql(delete, (stored(at), str([row[0] for row in archived])))
        connection.exec_driver_sql(sql, (stored(at),))


def waiting_for_deletion(work: Work) -> list[int]:
    """Ids of the members whose deletion waits for an admin."""
    found = work.connection.exec_driver_sql(
        "SELECT instance_id FROM task WHERE kind = ? AND done_at IS NULL", (TaskKind.CONFIRM_DELETION.value,)
    )
    return [row[0] for row in found if row[0] is not None]
