"""The outbox: what leaves, has left, or could not."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response

from api.deps import Admin, AdminOnce
from api.pagination import Cursor, Limit, Page, id_key, page_of
from api.problems import NotFound
from api.schemas.kinds import PathId
from api.schemas.running import Attachment, Message, WholeMessage
from engine.board_models import BoardMail
from engine.models import OutboxStatus
from engine.store import instant_of, maybe_instant
from engine.work import Work
from notifications import enclosures
from notifications.claims import release

router = APIRouter(tags=["outbox"])
FileName = Annotated[str, Path(min_length=1, max_length=200)]
BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": dict.fromkeys((enclosures.PDF, "text/calendar"), BINARY)}
}
_MESSAGES = """SELECT o.id, o.kind, i.subject, o.recipient, o.status, o.due_at, o.sent_at, o.attempts, o.subject,
    o.error, o.body FROM outbox_message o LEFT JOIN workflow_instance i ON i.id = o.instance_id"""
_LIST = f"{_MESSAGES} WHERE o.id > ? AND o.status = coalesce(?, o.status) ORDER BY o.id LIMIT ?"
_ONE = f"{_MESSAGES} WHERE o.id = ?"


def _values(row: Any) -> dict[str, Any]:
    return {
        "id": row[0],
        "kind": row[1],
        "association": row[2],
        "to": row[3],
        "status": row[4],
        "due_at": instant_of(row[5]),
        "sent_at": maybe_instant(row[6]),
        "attempts": row[7],
        "subject": row[8],
        "error": row[9],
    }


@router.get("/outbox")
def list_outbox(
    office: Admin,
    status: Annotated[OutboxStatus | None, Query(description="Only these.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Message]:
    """List messages, oldest first."""
    with office.reading() as connection:
        asked = (id_key(cursor), None if status is None else status.value, limit + 1)
        rows = connection.exec_driver_sql(_LIST, asked).fetchall()
    return page_of(rows, limit, lambda row: row[0], lambda row: Message(**_values(row)))


@router.get("/outbox/{message_id}")
def get_message(message_id: PathId, office: Admin) -> WholeMessage:
    """Show one message with its words; but those of a vote's receipt are its voter's alone."""
    with office.reading() as connection:
        row = connection.exec_driver_sql(_ONE, (message_id,)).fetchone()
        files = enclosures.listed(connection, message_id)
    if row is None:
        raise NotFound
    attachments = [Attachment(name=name, media_type=media, size=size) for name, media, size in files]
    body = None if row[1] == BoardMail.VOTE_RECEIPT else row[10]
    return WholeMessage(**_values(row), body=body, attachments=attachments)


@router.get("/outbox/{message_id}/attachments/{name}", response_class=Response, responses=FILE)
def get_attachment(message_id: PathId, name: FileName, office: Admin) -> Response:
    """Give a file that goes with a message: the very bytes that left, or will leave."""
    with office.reading() as connection:
        part = enclosures.kept(connection, message_id, name)
    if part is None:
        raise NotFound
    headers = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(part.name, safe='')}"}
    return Response(part.content, media_type=part.media_type, headers=headers)


@router.post("/outbox/{message_id}/retry", response_model=Message)
def retry_message(message_id: PathId, office: AdminOnce) -> Response:
    """Let leave what failed, what may or may not have left, or what was kept for reading: a person decides."""

    def act(work: Work) -> Message:
        if work.connection.exec_driver_sql(_ONE, (message_id,)).fetchone() is None:
            raise NotFound
        release(work.connection, message_id, work.at, office.actor)
        return Message(**_values(work.connection.exec_driver_sql(_ONE, (message_id,)).one()))

    return office.once(None, act)
