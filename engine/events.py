"""Yearly events over everybody: run when due, wait for the brake, recorded as missed past the window."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.apart import set_aside
from engine.calendar import Slot
from engine.cases import Case, Occasion
from engine.context import Context
from engine.definition import Workflow
from engine.faults import DatabaseFault
from engine.models import OccurrenceStatus
from engine.rules import Mode
from engine.runs import BRAKE
from engine.store import stored
from engine.work import Work, act, review_ballots, slot_occasion, would_act

CHUNK = 5000
MISSED_STEP = "missed_step"
PAUSED = "paused"
NAMED = 20
_MISSED = """SELECT i.subject FROM occurrence o JOIN workflow_instance i ON i.id = o.instance_id
    WHERE o.event = ? AND o.year = ? AND o.status = 'missed' ORDER BY i.subject"""

# The concatenations keep the planner on the primary key: the walk over all chunks then reads each row once.
_CANDIDATES = """SELECT id, state FROM workflow_instance i
    WHERE i.workflow || '' = ? AND i.id > ? AND i.state || '' IN ({states}) AND i.started_at < ?
    AND NOT EXISTS (SELECT 1 FROM occurrence o WHERE o.instance_id = i.id AND o.event = ? AND o.year = ?)
    ORDER BY i.id LIMIT ?"""
_STANDING = "SELECT count(*) FROM workflow_instance WHERE workflow = ? AND state IN ({states})"


def run_slot(context: Context, workflow: Workflow, slot: Slot, at: datetime, moment: datetime) -> None:
    """Ask everybody a yearly step concerns, in chunks of one transaction each.

    1. past its window, or switched off: nothing here; 2. too many: it waits as a whole; 3. else it acts. Whose turn
    it is, is read in the transaction that acts: two processes share the chunks, and a crash resumes at the next.
    """
    if at >= slot.closes or context.rules.mode(slot.event) is Mode.OFF:
        return
    with context.work(workflow, at, moment) as work:
        _brake_if_too_many(work, slot, moment)
    while _ask_some(context, workflow, slot, (at, moment), CHUNK):
        pass


def _brake_if_too_many(work: Work, slot: Slot, moment: datetime) -> None:
    run, event = work.runs.start(slot), work.workflow.event(slot.event)
    done = run.finished_at is not None or run.waiting or run.confirmed_at is not None
    if done or work.paused or not work.runs.braked(event):
        return
    if work.runs.may_touch(slot, event, _stand_ready(work, slot)):
        return
    number = _would_touch(work, slot, moment)
    if not work.runs.may_touch(slot, event, number):
        work.runs.brake(slot, number, work.batch, work.at)


def _ask_some(context: Context, workflow: Workflow, slot: Slot, when: tuple[datetime, datetime], size: int) -> bool:
    """Ask the next chunk; where it fails, its members one by one, so that a bad row stops itself alone.

    False when everybody was asked, or the step waits.
    """
    try:
        return _ask_next_chunk(context, workflow, slot, when, size)
    except DatabaseFault:
        raise
    except Exception as error:  # noqa: BLE001 whatever is wrong with one row must not stop the others
        if size == 1:
            return _skip_next(context, workflow, slot, when, error)
    return all(_ask_some(context, workflow, slot, when, 1) for _ in range(size))


def _skip_next(
    context: Context, workflow: Workflow, slot: Slot, when: tuple[datetime, datetime], error: Exception
) -> bool:
    """Set the next one aside: it could not be asked."""
    with context.work(workflow, *when) as work:
        [(instance_id, _)] = _candidates(work, slot, work.runs.start(slot).after_id, asked=True, size=1)
        work.runs.advance(slot, instance_id)
    set_aside(context, workflow, when, instance_id, f"{slot.event} {slot.year}", error)
    return True


def _ask_next_chunk(
    context: Context, workflow: Workflow, slot: Slot, when: tuple[datetime, datetime], size: int
) -> bool:
    at, moment = when
    with context.work(workflow, at, moment) as work:
        run = work.runs.start(slot)
        if run.finished_at is not None or run.waiting:
            return False
        candidates = _candidates(work, slot, run.after_id, asked=True, size=size)
        if not candidates:
            work.runs.finish(slot, at)
            return False
        _ask_chunk(work, candidates, slot, moment)
        work.runs.advance(slot, candidates[-1][0])
        return True


def close_slot(context: Context, workflow: Workflow, slot: Slot, at: datetime) -> None:
    """The window ended: whom the step would still touch is recorded as missed, with one task naming them."""
    if context.rules.mode(slot.event) is Mode.OFF:
        return
    last = slot.closes - timedelta(seconds=1)
    after: int | None = 0
    while after is not None:
        with context.work(workflow, at, last) as work:
            ids = [candidate[0] for candidate in _candidates(work, slot, after, asked=False)]
            _miss_chunk(work, work.cases(ids), slot, last)
            after = ids[-1] if ids else None
    with context.work(workflow, at, last) as work:
        about = f"{slot.event} {slot.year}"
        work.batch.close_task(BRAKE, None, at, about, note="its last day passed")
        missed = [row[0] for row in work.connection.exec_driver_sql(_MISSED, (slot.event, slot.year))]
        if missed:
            note = f"{about} was not run in its window for {len(missed)}: {', '.join(missed[:NAMED])}"
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


def _ask_chunk(work: Work, candidates: Sequence[tuple[int, str]], slot: Slot, moment: datetime) -> None:
    """Ask each; the facts are loaded of those only whose state the step may move at all."""
    occasion = slot_occasion(work, slot, moment)
    movable = work.workflow.sources(slot.event)
    cases = {case.id: case for case in work.cases([id_ for id_, state in candidates if state in movable])}
    for instance_id, state in candidates:
        case = cases.get(instance_id)
        if work.paused or case is None:
            why = PAUSED if work.paused else f"is {state}"
            work.batch.journal_no(instance_id, state, occasion, slot.event, why)
        elif act(work, case, slot, occasion):
            review_ballots(work, case, moment)
            work.settle(case, moment)
        else:
            _say_no(work, case, slot, occasion, case.why_not or "")


def _say_no(work: Work, case: Case, slot: Slot, occasion: Occasion, why: str) -> None:
    """Journal the « no » as well: it answers « why? », and does not take the occurrence's key."""
    work.batch.journal(case, occasion, slot.event, case.state, acted=False, reason=why)


def _miss_chunk(work: Work, cases: list[Case], slot: Slot, last: datetime) -> None:
    occasion = slot_occasion(work, slot, last)
    for case in cases:
        if would_act(work, case, slot, occasion):
            work.batch.close_occurrence(case, occasion, slot.event, slot.year, OccurrenceStatus.MISSED)
            _say_no(work, case, slot, occasion, "missed: its last day passed")


def _stand_ready(work: Work, slot: Slot) -> int:
    """How many stand where the step may move them: it touches no more, and nobody need be loaded to know it."""
    return int(work.select(_STANDING, work.workflow.sources(slot.event), (), ())[0][0])


def _would_touch(work: Work, slot: Slot, moment: datetime) -> int:
    """How many the step would touch now."""
    occasion = slot_occasion(work, slot, moment)
    count, after = 0, 0
    while candidates := _candidates(work, slot, after, asked=False):
        cases = work.cases([candidate[0] for candidate in candidates])
        count += sum(would_act(work, case, slot, occasion) for case in cases)
        after = candidates[-1][0]
    return count


def _candidates(work: Work, slot: Slot, after: int, *, asked: bool, size: int = CHUNK) -> list[tuple[int, str]]:
    """Ids and states of the next chunk: those the step may move and, when `asked`, those whose « no » is journaled.

    Whoever it does not concern (closed already, or entered after it was due) is left out here.
    """
    event = work.workflow.event(slot.event)
    states = [*work.workflow.sources(slot.event)]
    states += [state for state in event.asks if asked and state not in states]
    return work.select(_CANDIDATES, states, (after,), (stored(slot.due), slot.event, slot.year, size))
