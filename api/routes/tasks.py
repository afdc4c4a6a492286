"""Tasks: what waits for a person. A brake that is done is confirmed; so is a deletion."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.deps import Anybody, Office, WorkerOnce
from api.pagination import Cursor, Limit, Page, id_key, page_of
from api.problems import Forbidden, NotFound
from api.schemas.kinds import PathId
from api.schemas.running import Done, Task
from api.tables import Role
from engine.errors import NotAllowed
from engine.runs import BRAKE
from engine.store import instant_of, maybe_day, maybe_instant, stored
from engine.work import Work
from workflows.membership.services import confirm_deletion
from workflows.membership.words import TaskKind

router = APIRouter(tags=["tasks"])
_TASKS = """SELECT t.id, t.kind, i.subject, t.about, t.opened_at, t.due, t.done_at, t.done_by, t.note, t.instance_id
    FROM task t LEFT JOIN workflow_instance i ON i.id = t.instance_id"""
_LIST = f"{_TASKS} WHERE t.id > ? AND (t.done_at IS NOT NULL) = ? ORDER BY t.id LIMIT ?"
_ONE = f"{_TASKS} WHERE t.id = ?"
_DONE = "UPDATE task SET done_at = ?, done_by = ?, note = trim(note || ' ' || ?) WHERE id = ? AND done_at IS NULL"
WHO: dict[str, Role] = {BRAKE: Role.TREASURER, TaskKind.CONFIRM_DELETION: Role.ADMIN}
"""Tasks that do something when they are done: only whom they ask may do them."""


@router.get("/tasks")
def list_tasks(
    office: Anybody,
    limit: Limit = 50,
    cursor: Cursor = None,
    *,
    done: Annotated[bool, Query(description="Those that are done, instead of those that wait.")] = False,
) -> Page[Task]:
    """List what waits for a person, oldest first."""
    with office.reading() as connection:
        rows = connection.exec_driver_sql(_LIST, (id_key(cursor), done, limit + 1)).fetchall()
    return page_of(rows, limit, lambda row: row[0], _shape)


@router.get("/tasks/{task_id}")
def get_task(task_id: PathId, office: Anybody) -> Task:
    """Show one task."""
    with office.reading() as connection:
        row = connection.exec_driver_sql(_ONE, (task_id,)).fetchone()
    if row is None:
        raise NotFound
    return _shape(row)


def _shape(row: Any) -> Task:
    return Task(
        id=row[0],
        kind=row[1],
        association=row[2],
        about=row[3],
        opened_at=instant_of(row[4]),
        due=maybe_day(row[5]),
        done_at=maybe_instant(row[6]),
        done_by=row[7],
        note=row[8],
    )


@router.post("/tasks/{task_id}/done", response_model=Task)
def do_task(task_id: PathId, office: WorkerOnce, body: Done | None = None) -> Response:
    """Say that a task is done. Done, a brake lets its step go on, and a deletion is confirmed."""
    note = "" if body is None else body.note
    answer = office.once(body, lambda work: _do(work, office, task_id, note))
    office.follow()
    return answer


def _do(work: Work, office: Office, task_id: int, note: str) -> Task:
    row = work.connection.exec_driver_sql(_ONE, (task_id,)).fetchone()
    if row is None:
        raise NotFound
    if row[6] is not None:
        raise NotAllowed(reason="this task is done already")
    role = WHO.get(row[1])
    if role is not None and office.token.role is not role:
        raise Forbidden(roles=role.value)
    if row[1] == BRAKE:
        event, _, year = row[3].partition(" ")
        work.runs.confirm(event, int(year), work.at, office.actor)
    elif row[1] == TaskKind.CONFIRM_DELETION:
        confirm_deletion(work, work.cases([row[9]]), office.actor)
    work.connection.exec_driver_sql(_DONE, (stored(work.at), office.actor, note, task_id))
    work.write()
    return _shape(work.connection.exec_driver_sql(_ONE, (task_id,)).one())
