"""What comes next: yearly steps, agendas, meetings. Whom they would touch as things stand, and what prevents them.

A dry run: the guards are asked as of the day, on today's facts. Nothing here writes, or starts a run.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain

from sqlalchemy import Connection

from engine.agenda import (
    AGENDA,
    LATEST_PUBLICATION,
    agenda_occasion,
    belongs,
    concerned_before,
    list_settled,
)
from engine.board import seats_in_office
from engine.board_models import LIVE
from engine.calendar import Slot, closings_between, open_slots, slots_between
from engine.cases import Case
from engine.clock import local_day
from engine.definition import BallotRule
from engine.meetings import MeetingFacts, meetings_where
from engine.rules import Mode
from engine.store import maybe_instant, stored
from engine.work import Work, slot_occasion, touches

CHUNK = 2000
MEETING = "meeting"


class Status(StrEnum):
    """How an occurrence stands: to come (or late), run, past its window, waiting for a person."""

    DUE = "due"
    DONE = "done"
    MISSED = "missed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Coming:
    """An occurrence: when, until when it may still run, how it stands, whom it touches, what prevents it."""

    event: str
    year: int
    at: datetime
    until: datetime | None
    status: Status
    touches: int
    names: tuple[str, ...] = ()
    prevents: tuple[str, ...] = ()
    what: str = ""


def outlook(work: Work, start: datetime, end: datetime) -> list[Coming]:
    """Return what is still open at `start` or comes until `end`, in order. `work.at` is now."""
    found = [*yearly_steps(work, start, end), *meetings(work, start, end)]
    return sorted(found, key=lambda coming: (coming.at, coming.event))


# Yearly steps


def yearly_steps(work: Work, start: datetime, end: datetime) -> list[Coming]:
    """Return the yearly steps whose window is open at `start`, and those due until `end`."""
    rules, tz = work.rules.dates_of(work.workflow), work.rules.tz
    slots = [*open_slots(rules, tz, start), *slots_between(rules, tz, start, end)]
    began = began_at(work)
    standing = {slot: _status(work, slot, began) for slot in slots}
    asked = [slot for slot in slots if standing[slot] in {Status.DUE, Status.WAITING}]
    touched = dry_run(work, asked)
    return [_step(work, slot, standing[slot], touched.get(slot)) for slot in slots]


def ended_steps(work: Work, start: datetime, end: datetime) -> list[Coming]:
    """Return the yearly steps whose window ended between two instants: done, or missed by somebody."""
    rules, tz = work.rules.dates_of(work.workflow), work.rules.tz
    began = began_at(work)
    return [_step(work, slot, _status(work, slot, began), None) for slot in closings_between(rules, tz, start, end)]


def began_at(work: Work) -> datetime | None:
    """Return when the first instance was entered: steps due before count as done."""
    sql = "SELECT min(started_at) FROM workflow_instance WHERE workflow = ?"
    return maybe_instant(work.connection.exec_driver_sql(sql, (work.workflow.name,)).scalar_one())


def _status(work: Work, slot: Slot, began: datetime | None) -> Status:
    run = work.runs.get(slot.event, slot.year)
    if run is not None and run.waiting and slot.closes > work.at:
        return Status.WAITING
    if _missed(work, slot):
        return Status.MISSED
    if (run is not None and run.finished_at is not None) or (began is not None and slot.due <= began):
        return Status.DONE
    return Status.DUE if slot.closes > work.at else Status.MISSED


def _missed(work: Work, slot: Slot) -> int:
    """How many the step would still have touched when its window ended."""
    sql = "SELECT count(*) FROM occurrence WHERE event = ? AND year = ? AND status = 'missed'"
    return int(work.connection.exec_driver_sql(sql, (slot.event, slot.year)).scalar_one())


def dry_run(work: Work, slots: Sequence[Slot]) -> dict[Slot, list[str]]:
    """Return whom each of these steps would touch, each asked as of its day: everybody is loaded once."""
    occasions = {slot: slot_occasion(work, slot, max(slot.due, work.at)) for slot in slots}
    found: dict[Slot, list[str]] = {slot: [] for slot in slots}
    if not slots:
        return found
    for case in everybody(work):
        for slot, occasion in occasions.items():
            if touches(work, case, slot, occasion):
                found[slot].append(case.subject)
    return found


def everybody(work: Work) -> Iterator[Case]:
    """Load every instance, in chunks."""
    sql = "SELECT id FROM workflow_instance WHERE workflow || '' = ? AND id > ? ORDER BY id LIMIT ?"
    after = 0
    while ids := [row[0] for row in work.connection.exec_driver_sql(sql, (work.workflow.name, after, CHUNK))]:
        yield from work.cases(ids)
        after = ids[-1]


def _step(work: Work, slot: Slot, status: Status, touched: list[str] | None) -> Coming:
    if touched is None:
        run = work.runs.get(slot.event, slot.year)
        number = _missed(work, slot) if status is Status.MISSED else 0 if run is None else run.touched
        return Coming(slot.event, slot.year, slot.due, slot.closes, status, number)
    prevents = tuple(_prevents(work, slot, len(touched)))
    return Coming(slot.event, slot.year, slot.due, slot.closes, status, len(touched), tuple(touched), prevents)


def _prevents(work: Work, slot: Slot, number: int) -> Iterator[str]:
    """What would keep a step as a whole from acting."""
    mode = work.rules.mode(slot.event)
    if mode is Mode.OFF:
        yield "switched off in the configuration"
    yield from paused(work, max(slot.due, work.at))
    run = work.runs.get(slot.event, slot.year)
    if mode is Mode.OFF or (run is not None and run.confirmed_at is not None):
        return
    if mode is Mode.PROPOSE:
        yield "waits for the treasurer: it is only proposed"
    elif (limit := step_limit(work, slot)) is not None and number > limit:
        yield f"waits for the treasurer: {number} are more than {limit}"


def step_limit(work: Work, slot: Slot) -> int | None:
    """Return how many a step may touch by itself; None without a brake."""
    limit = work.runs.limit(work.workflow.event(slot.event), slot.year)
    return None if limit is None else int(limit)


_PAUSE = "SELECT until, reason FROM pause WHERE at <= ? AND ends_at > ? ORDER BY ends_at DESC LIMIT 1"


def paused(work: Work, moment: datetime) -> list[str]:
    """Say which of today's pauses will be in force at an instant."""
    rows = work.connection.exec_driver_sql(_PAUSE, (stored(max(moment, work.at)), stored(moment))).fetchall()
    return [f"paused until {row[0]}" + (f": {row[1]}" if row[1] else "") for row in rows]


def paused_until(connection: Connection, now: datetime) -> str | None:
    """Return the last day of the pause in force, if there is one."""
    row = connection.exec_driver_sql(_PAUSE, (stored(now), stored(now))).fetchone()
    return None if row is None else str(row[0])


# Agendas and meetings


@dataclass
class Ahead:
    """What the agendas before have: yearly lists that are settled, and questions that are asked (trigger, subject)."""

    asked: set[tuple[str, str]]
    settled: set[tuple[str, int]] = field(default_factory=set)


def _being_asked(work: Work) -> set[tuple[str, str]]:
    sql = """SELECT b.trigger, i.subject FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id
        WHERE b.status IN (?, ?)"""
    rows = work.connection.exec_driver_sql(sql, tuple(status.value for status in LIVE))
    return {(row[0], row[1]) for row in rows}


def meetings(work: Work, start: datetime, end: datetime) -> Iterator[Coming]:
    """Yield, for each meeting to come, its agenda if that is not published yet, and itself: of all workflows."""
    ahead = Ahead(asked=_being_asked(work))
    works = work.of_all()
    for meeting in meetings_where(work.connection, "closed_at IS NULL AND held_at <= ?", stored(end)):
        if meeting.closes_at <= start:
            continue
        if meeting.published_at is None:
            agenda = _agenda(works, meeting, ahead)
            yield agenda
            what = ", ".join(filter(None, (agenda.what, "" if meeting.confirmed else "date not confirmed")))
            yield _meeting(meeting, agenda.names, _no_seats(work, meeting), what)
        else:
            yield _published(works, meeting)


def _meeting(meeting: MeetingFacts, names: tuple[str, ...], prevents: Iterable[str], what: str) -> Coming:
    at, until = meeting.held_at, meeting.closes_at
    return Coming(MEETING, meeting.year, at, until, Status.DUE, len(names), names, tuple(prevents), what)


def _agenda(works: Sequence[Work], meeting: MeetingFacts, ahead: Ahead) -> Coming:
    """What would be on the agenda, after those before it."""
    work = works[0]
    items = {rule.trigger: _items(one, rule, meeting, ahead) for one in works for rule in one.workflow.ballots}
    names = tuple(dict.fromkeys(chain.from_iterable(items.values())))
    what = ", ".join(f"{trigger} {len(found)}" for trigger, found in items.items() if found)
    number, until = sum(len(found) for found in items.values()), meeting.held_at - LATEST_PUBLICATION
    prevents = tuple(paused(work, max(meeting.publish_at, work.at)))
    return Coming(AGENDA, meeting.year, meeting.publish_at, until, Status.DUE, number, names, prevents, what)


def _items(work: Work, rule: BallotRule, meeting: MeetingFacts, ahead: Ahead) -> list[str]:
    """Who would be on the list of one question; who is asked about before is not asked about again."""
    carried = carries(work, rule, meeting, ahead.settled)
    if carried is None:
        return []
    before, whole = carried
    occasion = agenda_occasion(work, meeting, max(meeting.publish_at, work.at))
    found = [
        case.subject
        for case in _in_states(work, work.workflow.listed_from(rule))
        if case.started_at < before
        and (rule.trigger, case.subject) not in ahead.asked
        and belongs(case, rule, occasion, whole=whole)
    ]
    ahead.asked |= {(rule.trigger, subject) for subject in found}
    return found


def carries(
    work: Work, rule: BallotRule, meeting: MeetingFacts, settled: set[tuple[str, int]]
) -> tuple[datetime, bool] | None:
    """Whether a meeting to come carries a question: only for whom was there before, and the whole list or its rest."""
    before = concerned_before(work, rule, meeting)
    if before is None:
        return None
    key = (rule.trigger, meeting.year)
    whole = rule.every_meeting or (key not in settled and not list_settled(work, rule, meeting.year))
    if not rule.every_meeting:
        settled.add(key)
    return before, whole


def _in_states(work: Work, states: Sequence[str]) -> Iterator[Case]:
    sql = "SELECT id FROM workflow_instance WHERE workflow = ? AND state IN ({states}) AND id > ? ORDER BY id LIMIT ?"
    after = 0
    while ids := work.ids(sql, states, (), (after, CHUNK)):
        yield from work.cases(ids)
        after = ids[-1]


def _no_seats(work: Work, meeting: MeetingFacts) -> list[str]:
    seats = seats_in_office(work.connection, local_day(meeting.held_at, work.rules.tz))
    return [] if seats else ["nobody is in office"]


_ON_IT = "SELECT DISTINCT instance_id FROM ballot WHERE meeting_id = ? AND status IN (?, ?)"


def _published(works: Sequence[Work], meeting: MeetingFacts) -> Coming:
    """A meeting whose agenda is out: its live ballots, and the hearings that a missing gate would put off."""
    on_it = list(_on_it(works, meeting))
    asked = [
        (case, ballot.trigger)
        for _, case in on_it
        for ballot in case.ballots
        if ballot.meeting_id == meeting.id and ballot.live
    ]
    prevents = [*_no_seats(works[0], meeting)]
    for work, case in on_it:
        missing = missing_gates(work, case, meeting)
        if missing:
            prevents.append(f"{case.subject} cannot be heard: {', '.join(missing)}")
    counted = Counter(trigger for _, trigger in asked)
    what = [f"{trigger} {number}" for trigger, number in counted.items()]
    names = tuple(dict.fromkeys(case.subject for case, _ in asked))
    told = ", ".join(what + ([] if meeting.confirmed else ["date not confirmed"]))
    found = _meeting(meeting, names, prevents, told)
    return Coming(found.event, found.year, found.at, found.until, found.status, len(asked), names, found.prevents, told)


def _on_it(works: Sequence[Work], meeting: MeetingFacts) -> Iterator[tuple[Work, Case]]:
    """Whom the live ballots of a meeting are about, each with the work over its own workflow."""
    rows = works[0].connection.exec_driver_sql(_ON_IT, (meeting.id, *(status.value for status in LIVE)))
    ids = [row[0] for row in rows]
    for work in works:
        for case in work.cases(ids):
            yield work, case


def missing_gates(work: Work, case: Case, meeting: MeetingFacts) -> tuple[str, ...]:
    """Return the gates that a hearing at this meeting still misses."""
    missing: tuple[str, ...] = ()
    for ballot in case.ballots:
        rule = work.workflow.ballot(ballot.trigger)
        if ballot.meeting_id == meeting.id and ballot.live and rule.hearing is not None:
            occasion = work.occasion(meeting.held_at, AGENDA, year=ballot.year, ballot=ballot)
            occasion.meeting_at = meeting.held_at
            missing += rule.hearing(case, occasion)
    return missing


def horizon(now: datetime) -> datetime:
    """Return until when one looks ahead: every yearly step comes once."""
    return now + timedelta(days=366)
