"""One run of everything that is due. Normal running, a late server and a replay are this same path.

The instants after the watermark, up to now, are dealt with in order; at one instant, yearly steps come before
publications, hearings, closings and timers. What is recorded carries `at` = now and the instant it took effect.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.agenda import close_meeting, open_hearings, publish, warn_unconfirmed
from engine.apart import each_apart
from engine.calendar import Slot, closings_between, open_slots, slots_between
from engine.context import LONG_AGO, Context, paused_at
from engine.definition import Workflow
from engine.events import close_slot, hold_open_slots, run_slot
from engine.meetings import MeetingFacts, are_planned, meetings_where, plan_meetings
from engine.notices import give_notices
from engine.planning import follow_rule, rule_is_kept
from engine.store import instant_of, stored
from engine.work import Work

CHUNK = 2000

_MEETING_MOMENTS = """SELECT min(t) FROM (
    SELECT min(publish_at) AS t FROM meeting WHERE publish_at > ? AND published_at IS NULL AND closed_at IS NULL
    UNION ALL SELECT min(held_at) FROM meeting
        WHERE held_at > ? AND published_at IS NOT NULL AND opened_at IS NULL AND closed_at IS NULL
    UNION ALL SELECT min(closes_at) FROM meeting WHERE closes_at > ? AND closed_at IS NULL
    UNION ALL SELECT min(confirm_by) FROM meeting WHERE confirm_by > ? AND NOT confirmed AND closed_at IS NULL
    UNION ALL SELECT min(ends_at) FROM pause WHERE ends_at > ?
    UNION ALL SELECT min(at) FROM board_notice WHERE done_at IS NULL
    UNION ALL SELECT min(at) FROM timer)"""


_UNAPPLIED = """SELECT DISTINCT b.instance_id FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id
    WHERE i.workflow = ? AND b.status IN ('adopted', 'rejected') AND b.applied_at IS NULL ORDER BY b.instance_id"""
_RINGING = """SELECT DISTINCT t.instance_id FROM timer t JOIN workflow_instance i ON i.id = t.instance_id
    WHERE i.workflow = ? AND t.at <= ? AND t.instance_id > ? ORDER BY t.instance_id LIMIT ?"""
_UNFINISHED = """SELECT workflow, event, year FROM event_run
    WHERE confirmed_at IS NOT NULL AND finished_at IS NULL AND due <= ?"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did: how many instants it dealt with."""

    moments: int


def start_clock(context: Context, now: datetime) -> None:
    """Begin at an instant: steps due before it count as done."""
    with context.store.write() as connection:
        sql = "INSERT INTO watermark (id, upto, last_run_at) VALUES (1, ?, ?) ON CONFLICT DO NOTHING"
        connection.exec_driver_sql(sql, (stored(now), stored(now)))
        follow_rule(connection, context.rules, now)
        plan_meetings(connection, context.rules, now)


def tick(context: Context, now: datetime) -> Ran:
    """Run everything that is due up to now, in order. A clock that went back runs nothing twice."""
    moments, noted = _catch_up(context, now)
    if not noted:
        with context.store.write() as connection:
            _advance(connection, now, now)
    return Ran(moments)


@contextmanager
def ticked(context: Context, workflow: Workflow, now: datetime) -> Iterator[Work]:
    """One action at `now`, after everything that is due; that the clock got there is noted in the same transaction."""
    _, noted = _catch_up(context, now)
    with context.work(workflow, now, now) as work:
        if not noted:
            _advance(work.connection, now, now)
        yield work


def _catch_up(context: Context, now: datetime) -> tuple[int, bool]:
    """Deal with what is due; return how many instants that were, and whether it is noted that the clock got to now."""
    with context.store.read() as connection:
        begun, ran_at = _watermark(connection, now)
        planned = are_planned(connection, context.rules, now) and rule_is_kept(connection, context.rules)
    if not planned:
        with context.store.write() as connection:
            follow_rule(connection, context.rules, now)
            plan_meetings(connection, context.rules, now)
    _resume(context, begun, now)
    dues, moments, done = _calendar(context, begun, now), 0, begun
    while (moment := _next_moment(context, dues, done, now)) is not None:
        _deal_with(context, moment, now)
        context.let_arrive(now)
        done = moment
        moments += 1
        with context.store.write() as connection:
            _advance(connection, moment, now)
    _publish_agendas(context, now, now)
    return moments, done >= now and ran_at == now


def _resume(context: Context, upto: datetime, now: datetime) -> None:
    """Go on with steps that were confirmed, and cut short by a crash before everybody was asked."""
    with context.store.read() as connection:
        rows = connection.exec_driver_sql(_UNFINISHED, (stored(upto),)).fetchall()
    unfinished = {(row[0], row[1], row[2]) for row in rows}
    for workflow in context.workflows if unfinished else ():
        for slot in open_slots(context.rules.dates_of(workflow), context.rules.tz, now):
            if (workflow.name, slot.event, slot.year) in unfinished:
                run_slot(context, workflow, slot, now, now)
                context.let_arrive(now)


def next_moment(context: Context, until: datetime) -> datetime | None:
    """The next instant, up to `until`, at which something is due; nothing is run."""
    with context.store.read() as connection:
        begun, _ = _watermark(connection, until)
    return _next_moment(context, _calendar(context, begun, until), begun, until)


def upto(context: Context) -> datetime:
    """The instant up to which everything was dealt with; long ago for a database that never ran."""
    with context.store.read() as connection:
        return _watermark(connection, LONG_AGO)[0]


def _watermark(connection: Connection, now: datetime) -> tuple[datetime, datetime | None]:
    """Up to when everything was dealt with, and when that was last run; `now` for a database that never ran."""
    row = connection.exec_driver_sql("SELECT upto, last_run_at FROM watermark").fetchone()
    return (now, None) if row is None else (instant_of(row[0]), instant_of(row[1]))


def _advance(connection: Connection, upto: datetime, now: datetime) -> None:
    sql = "UPDATE watermark SET upto = max(upto, ?), last_run_at = ?"
    connection.exec_driver_sql(sql, (stored(upto), stored(now)))


def _calendar(context: Context, upto: datetime, now: datetime) -> list[datetime]:
    """Instants at which a yearly step is due, or its window ends."""
    instants = set()
    for workflow in context.workflows:
        rules = context.rules.dates_of(workflow)
        instants |= {slot.due for slot in slots_between(rules, context.rules.tz, upto, now)}
        instants |= {slot.closes for slot in closings_between(rules, context.rules.tz, upto, now)}
    return sorted(instants)


def _next_moment(context: Context, dues: Sequence[datetime], upto: datetime, now: datetime) -> datetime | None:
    with context.store.read() as connection:
        mark = stored(upto)
        found = connection.exec_driver_sql(_MEETING_MOMENTS, (mark,) * 5).scalar_one_or_none()
    candidates = [due for due in dues if due > upto][:1]
    if found is not None:
        candidates.append(instant_of(found))
    moment = min(candidates, default=None)
    return moment if moment is not None and moment <= now else None


def _deal_with(context: Context, moment: datetime, now: datetime) -> None:
    """Everything of one instant, in the fixed order; done again after a crash, it changes nothing twice."""
    _close_meetings(context, moment, now)
    for workflow in context.workflows:
        for slot in _closing_at(context, workflow, moment):
            close_slot(context, workflow, slot, now)
        for slot in _due_at(context, workflow, moment):
            run_slot(context, workflow, slot, now, moment)
    _end_pause(context, moment, now)
    for meeting in _meetings(context, "confirm_by = ? AND NOT confirmed AND closed_at IS NULL", moment):
        warn_unconfirmed(context, meeting, now, moment)
    give_notices(context, now, moment)
    _publish_agendas(context, moment, now)
    for meeting in _meetings(context, "held_at = ? AND published_at IS NOT NULL AND opened_at IS NULL", moment):
        open_hearings(context, meeting, now, moment)
    _ring_timers(context, moment, now)


def _due_at(context: Context, workflow: Workflow, moment: datetime) -> Iterable[Slot]:
    slots = open_slots(context.rules.dates_of(workflow), context.rules.tz, moment)
    return [slot for slot in slots if slot.due == moment]


def _closing_at(context: Context, workflow: Workflow, moment: datetime) -> Iterable[Slot]:
    before = moment - timedelta(microseconds=1)
    return closings_between(context.rules.dates_of(workflow), context.rules.tz, before, moment)


def _meetings(context: Context, condition: str, moment: datetime) -> list[MeetingFacts]:
    with context.store.read() as connection:
        return meetings_where(connection, condition, stored(moment))


def _close_meetings(context: Context, moment: datetime, now: datetime) -> None:
    for meeting in _meetings(context, "closes_at = ? AND closed_at IS NULL", moment):
        close_meeting(context, meeting, now, moment)


def _publish_agendas(context: Context, moment: datetime, now: datetime) -> None:
    """Publish what is due now, and what a pause kept back."""
    with context.store.read() as connection:
        if paused_at(connection, moment):
            return
    condition = "publish_at <= ? AND published_at IS NULL AND closed_at IS NULL"
    for meeting in _meetings(context, condition, moment):
        publish(context, meeting, now, moment)


def _end_pause(context: Context, moment: datetime, now: datetime) -> None:
    with context.store.read() as connection:
        sql = "SELECT 1 FROM pause WHERE ends_at = ?"
        ended = connection.exec_driver_sql(sql, (stored(moment),)).fetchone() and not paused_at(connection, moment)
    if ended:
        _take_up_again(context, moment, now)


def end_pauses(context: Context, now: datetime) -> int:
    """A person ends the pauses in force, just after `now`. Returns how many there were.

    Their end is a moment like any other: what must follow it does, even where a crash comes between.
    """
    end = now + timedelta(microseconds=1)
    with context.store.write() as connection:
        sql = "UPDATE pause SET ends_at = ? WHERE at <= ? AND ends_at > ?"
        ended = connection.exec_driver_sql(sql, (stored(end), stored(now), stored(now))).rowcount
    if ended:
        tick(context, end)
    return ended


def _take_up_again(context: Context, moment: datetime, now: datetime) -> None:
    """After a pause: what fell due waits for the treasurer; what the board decided is carried out."""
    for workflow in context.workflows:
        slots = open_slots(context.rules.dates_of(workflow), context.rules.tz, moment)
        hold_open_slots(context, workflow, slots, now, moment)
        with context.store.read() as connection:
            waiting = [row[0] for row in connection.exec_driver_sql(_UNAPPLIED, (workflow.name,))]
        for start in range(0, len(waiting), CHUNK):
            ids = waiting[start : start + CHUNK]
            each_apart(context, workflow, (now, moment), ids, lambda work, cases: work.look(cases, moment), "pause")


def _ring_timers(context: Context, moment: datetime, now: datetime) -> None:
    """Look again at those whose stay ended or whose clear days have passed, chunk by chunk."""
    for workflow in context.workflows:
        after = 0
        while ids := _ringing(context, workflow, moment, after):
            after = ids[-1]
            each_apart(context, workflow, (now, moment), ids, lambda work, cases: work.look(cases, moment), "timer")
            with context.store.write() as connection:
                sql = "DELETE FROM timer WHERE at <= ? AND instance_id IN (SELECT value FROM json_each(?))"
                connection.exec_driver_sql(sql, (stored(moment), json.dumps(ids)))


def _ringing(context: Context, workflow: Workflow, moment: datetime, after: int) -> list[int]:
    with context.store.read() as connection:
        rows = connection.exec_driver_sql(_RINGING, (workflow.name, stored(moment), after, CHUNK))
        return [row[0] for row in rows]
