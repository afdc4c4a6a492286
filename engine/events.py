"""Yearly events over everybody: run when due, wait for the brake, recorded as missed past the window."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.calendar import Slot
from engine.cases import Case, Occasion
from engine.context import Context
from engine.definition import Workflow
from engine.models import OccurrenceStatus
from engine.rules import Mode
from engine.store import stored
from engine.work import Work, act, concerns, review_ballots, slot_occasion, touches

CHUNK = 2000
MISSED_STEP = "missed_step"
PAUSED = "paused"

# The concatenation keeps the planner on the primary key: the walk over all chunks then reads each row once.
_CANDIDATES = """SELECT id FROM workflow_instance i
    WHERE i.workflow = ? AND i.id > ? AND i.state || '' IN ({states}) AND i.started_at < ?
    AND NOT EXISTS (SELECT 1 FROM occurrence o WHERE o.instance_id = i.id AND o.event = ? AND o.year = ?)
    ORDER BY i.id LIMIT ?"""


def run_slot(context: Context, workflow: Workflow, slot: Slot, at: datetime, moment: datetime) -> None:
    """Ask everybody a yearly step concerns, in chunks of one transaction each.

    1. past its window, or switched off: nothing here; 2. too many: it waits as a whole; 3. else it acts.
    """
    if at >= slot.closes or context.rules.mode(slot.event) is Mode.OFF:
        return
    with context.work(workflow, at, moment) as work:
        run = work.runs.start(slot)
        if run.finished_at is not None or run.waiting:
            return
        first, event = run.after_id, workflow.event(slot.event)
        counts = not work.paused and run.confirmed_at is None and work.runs.braked(event)
        number = _would_touch(work, slot, moment) if counts else 0
        if not work.runs.may_touch(slot, event, number):
            work.runs.brake(slot, number, work.batch, at)
            return
    for ids in _chunks(context, workflow, slot, asked=True, after=first):
        with context.work(workflow, at, moment) as work:
            _ask_chunk(work, work.cases(ids), slot, moment)
            work.runs.advance(slot, ids[-1])
    with context.work(workflow, at, moment) as work:
        work.runs.finish(slot, at)


def close_slot(context: Context, workflow: Workflow, slot: Slot, at: datetime) -> None:
    """The window ended: whom the step would still touch is recorded as missed, with one task naming them."""
    if context.rules.mode(slot.event) is Mode.OFF:
        return
    last = slot.closes - timedelta(seconds=1)
    missed: list[str] = []
    for ids in _chunks(context, workflow, slot, asked=False):
        with context.work(workflow, at, last) as work:
            missed += _miss_chunk(work, work.cases(ids), slot, last)
    with context.work(workflow, at, last) as work:
        about = f"{slot.event} {slot.year}"
        work.batch.close_task("brake", None, at, about, note="its last day passed")
        if missed:
            note = f"{about} was not run in its window for {len(missed)}: {', '.join(missed[:20])}"
            work.batch.open_task(MISSED_STEP, None, at, about, None, note)


def hold_open_slots(context: Context, workflow: Workflow, slots: list[Slot], at: datetime, moment: datetime) -> None:
    """After a pause nothing bursts: what fell due meanwhile and would touch somebody waits for the treasurer."""
    for slot in slots:
        if context.rules.mode(slot.event) is Mode.OFF:
            continue
        with context.work(workflow, at, moment) as work:
            number = _would_touch(work, slot, moment)
            if number and not work.runs.start(slot).waiting:
                work.runs.brake(slot, number, work.batch, at)


def _ask_chunk(work: Work, cases: list[Case], slot: Slot, moment: datetime) -> None:
    occasion = slot_occasion(work, slot, moment)
    for case in cases:
        if not concerns(case, slot):
            continue
        if work.paused:
            _say_no(work, case, slot, occasion, PAUSED)
        elif act(work, case, slot, occasion):
            review_ballots(work, case, moment)
            work.settle(case, moment)
        else:
            _say_no(work, case, slot, occasion, case.why_not or "")


def _say_no(work: Work, case: Case, slot: Slot, occasion: Occasion, why: str) -> None:
    """Journal the « no » as well: it answers « why? », and does not take the occurrence's key."""
    work.batch.journal(case, occasion, slot.event, case.state, acted=False, reason=why)


def _miss_chunk(work: Work, cases: list[Case], slot: Slot, last: datetime) -> list[str]:
    occasion = slot_occasion(work, slot, last)
    missed = []
    for case in cases:
        if touches(work, case, slot, occasion):
            work.batch.close_occurrence(case, occasion, slot.event, slot.year, OccurrenceStatus.MISSED)
            _say_no(work, case, slot, occasion, "missed: its last day passed")
            missed.append(case.subject)
    return missed


def _would_touch(work: Work, slot: Slot, moment: datetime) -> int:
    """How many the step would touch now."""
    occasion = slot_occasion(work, slot, moment)
    count, after = 0, 0
    while ids := _candidates(work, slot, after, asked=False):
        count += sum(touches(work, case, slot, occasion) for case in work.cases(ids))
        after = ids[-1]
    return count


def _chunks(context: Context, workflow: Workflow, slot: Slot, *, asked: bool, after: int = 0) -> Iterator[list[int]]:
    while True:
        with context.reading(workflow) as work:
            ids = _candidates(work, slot, after, asked=asked)
        if not ids:
            return
        yield ids
        after = ids[-1]


def _candidates(work: Work, slot: Slot, after: int, *, asked: bool) -> list[int]:
    """Ids of the next chunk: those the step may move and, when `asked`, those whose « no » is journaled."""
    event = work.workflow.event(slot.event)
    states = [*work.workflow.sources(slot.event)]
    states += [state for state in event.asks if asked and state not in states]
    return work.ids(_CANDIDATES, states, (after,), (stored(slot.due), slot.event, slot.year, CHUNK))
