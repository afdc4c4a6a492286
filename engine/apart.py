"""One bad row never stops the others: what fails for a chunk is done one by one, and the bad one set aside."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from engine.context import Context
from engine.definition import Workflow
from engine.faults import DatabaseFault
from engine.work import Work

SET_ASIDE = "missed_step"
_LOG = logging.getLogger(__name__)

Chunk = Callable[[Work, list[Any]], None]


def each_apart(
    context: Context, workflow: Workflow, when: tuple[datetime, datetime], ids: Sequence[int], do: Chunk, about: str
) -> None:
    """Do something for these instances in one transaction; where that fails, for each of them in its own.

    `when`: now, and the moment it takes effect. Whoever fails alone is set aside with a task that says why. A fault
    of the database itself is nobody's row: it is raised.
    """
    try:
        with context.work(workflow, *when) as work:
            do(work, work.cases(ids))
    except DatabaseFault:
        raise
    except Exception as error:  # noqa: BLE001 whatever is wrong with one row must not stop the others
        if len(ids) == 1:
            set_aside(context, workflow, when, ids[0], about, error)
        else:
            for one in ids:
                each_apart(context, workflow, when, [one], do, about)


def set_aside(
    context: Context,
    workflow: Workflow,
    when: tuple[datetime, datetime],
    instance_id: int,
    about: str,
    error: Exception,
) -> None:
    """Ask a person to look at a row that could not be dealt with."""
    _LOG.error("%s: instance %s was set aside", about, instance_id, exc_info=error)
    with context.work(workflow, *when) as work:
        sql = "SELECT subject FROM workflow_instance WHERE id = ?"
        subject = work.connection.exec_driver_sql(sql, (instance_id,)).scalar()
        note = f"{about}: {subject} could not be dealt with ({type(error).__name__}: {error})"
        work.batch.open_task(SET_ASIDE, None, when[0], f"{about} {subject}", None, note)
