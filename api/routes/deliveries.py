"""What outgoing webhooks were told: listed, and told again."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.deps import Admin, AdminOnce
from api.pagination import Cursor, Limit, Page, id_key, page_of
from api.problems import NotFound
from api.schemas.kinds import PathId
from api.schemas.running import Announced, Delivery
from engine.announcements import DeliveryStatus
from engine.work import Work
from notifications.deliveries import deliveries, delivery, release

router = APIRouter(tags=["webhooks"])


@router.get("/webhook-deliveries")
def list_deliveries(
    office: Admin,
    status: Annotated[DeliveryStatus | None, Query(description="Only these.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Delivery]:
    """List what webhooks were told, or are to be, oldest first."""
    with office.reading() as connection:
        rows = deliveries(connection, None if status is None else status.value, id_key(cursor), limit + 1)
    return page_of(rows, limit, lambda row: row["id"], lambda row: Delivery(**row))


@router.post("/webhook-deliveries/{delivery_id}/retry", response_model=Delivery)
def retry_delivery(delivery_id: PathId, office: AdminOnce) -> Response:
    """Tell a webhook again what failed, was kept, waits, or got lost at the receiver's: now, under the same id."""

    def act(work: Work) -> Delivery:
        if delivery(work.connection, delivery_id) is None:
            raise NotFound
        release(work.connection, delivery_id, work.at)
        found: Any = delivery(work.connection, delivery_id)
        return Delivery(**found)

    return office.once(None, act)


def told(body: Announced) -> None:
    """Tell another program of a transition, a ballot or a task: what Relance sends, once a webhook is configured.

    Any answer of 2xx within ten seconds takes it; else it is told again, under the same id, for five days.
    """
