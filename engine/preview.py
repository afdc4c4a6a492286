"""Whom a yearly step that waits for the treasurer would touch, asked without moving anybody."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engine.calendar import Slot, open_slots
from engine.cases import Case
from engine.context import Context
from engine.definition import Workflow
from engine.store import stored
from engine.work import Work, slot_occasion, touches

CHUNK = 2000

_IN_THESE_STATES = """SELECT id FROM workflow_instance i
    WHERE i.workflow || '' = ? AND i.id > ? AND i.state || '' IN ({states}) AND i.started_at < ?
    ORDER BY i.id LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Touched:
    """One instance that a step would touch: where it is, where it would go, and what would leave."""

    id: int
    subject: str
    before: str
    after: str
    mails: tuple[str, ...]


def waiting_slots(context: Context, now: datetime) -> list[tuple[Workflow, Slot]]:
    """Yearly steps that wait for the treasurer and whose window is still open, in the order they were due."""
    sql = """SELECT workflow, event, year FROM event_run WHERE braked_at IS NOT NULL AND confirmed_at IS NULL"""
    with context.store.read() as connection:
        waiting = {tuple(row) for row in connection.exec_driver_sql(sql)}
    return [
        (workflow, slot)
        for workflow in context.workflows
        for slot in open_slots(context.rules.dates_of(workflow), context.rules.tz, now)
        if (workflow.name, slot.event, slot.year) in waiting
    ]


def would_touch(context: Context, workflow: Workflow, slot: Slot, now: datetime) -> list[Touched]:
    """Whom a step would touch now, in the order they were entered."""
    with context.reading(workflow, now) as work:
        occasion = slot_occasion(work, slot, now)
        return [
            _touched(work, case, slot)
            for cases in _chunks(work, slot)
            for case in cases
            if touches(work, case, slot, occasion)
        ]


def _chunks(work: Work, slot: Slot) -> Iterator[list[Case]]:
    after = 0
    while ids := work.ids(_IN_THESE_STATES, work.workflow.sources(slot.event), (after,), (stored(slot.due), CHUNK)):
        yield work.cases(ids)
        after = ids[-1]


def _touched(work: Work, case: Case, slot: Slot) -> Touched:
    row = work.workflow.arrows(slot.event, case.state)[0]
    return Touched(case.id, case.subject, str(case.state), str(row.dest or case.state), tuple(map(str, row.sends)))
