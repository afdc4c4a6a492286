"""What comes next for one instance: each step and ballot ahead, whether it would move it, and what prevents it.

Guards are asked as of the day, on today's facts. Reading only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.agenda import agenda_occasion, belongs
from engine.calendar import Slot, open_slots, slots_between
from engine.cases import BallotFacts, Case, Occasion
from engine.definition import BallotRule, Guard, On, Transition
from engine.meetings import meetings_where
from engine.outlook import carries, paused
from engine.rules import Mode
from engine.store import instant_of, stored
from engine.work import Work, concerns, slot_occasion


class Kind(StrEnum):
    """What kind of thing comes: a yearly step, being put on an agenda, a ballot's meeting, or the workflow's own."""

    STEP = "step"
    AGENDA = "agenda"
    BALLOT = "ballot"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Prospect:
    """Something that comes: whether it would happen as things stand, where it leads, on what it depends.

    `to`: the state it leads to, None where it stays. `conditions`: what must go on holding. `blockers`: what
    prevents it as things stand.
    """

    kind: Kind
    event: str
    year: int
    at: datetime
    until: datetime | None
    happens: bool
    to: str | None = None
    mails: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()
    what: str = ""


def prospects(work: Work, case: Case, end: datetime) -> list[Prospect]:
    """Return what comes for a case until `end`, in order. `work.at` is now."""
    found = [*_steps(work, case, end), *_ballots(work, case), *_agendas(work, case, end)]
    return sorted(found, key=lambda prospect: prospect.at)


# Yearly steps


def _steps(work: Work, case: Case, end: datetime) -> Iterator[Prospect]:
    """Yield the next occurrence of each step that has an arrow from the case's state."""
    rules, tz = work.rules.dates_of(work.workflow), work.rules.tz
    seen: set[str] = set()
    for slot in (*open_slots(rules, tz, work.at), *slots_between(rules, tz, work.at, end)):
        arrows = [row for row in work.workflow.arrows(slot.event, case.state) if row.closes]
        if arrows and slot.event not in seen and concerns(case, slot):
            seen.add(slot.event)
            yield _step(work, case, slot, arrows)


def _step(work: Work, case: Case, slot: Slot, arrows: Sequence[Transition]) -> Prospect:
    """Ask at the step's own instant, then whenever something about the case comes true before its window ends."""
    moments = [max(slot.due, work.at), *_timers(work, case, slot)]
    asked = [(moment, *nearest(arrows, case, slot_occasion(work, slot, moment))) for moment in moments]
    moment, row, blockers = next((found for found in asked if not found[2]), asked[0])
    return _stepping(slot, moment, row, (*blockers, *_held(work, slot)))


def _stepping(slot: Slot, at: datetime, row: Transition, blockers: tuple[str, ...]) -> Prospect:
    return Prospect(
        kind=Kind.STEP,
        event=slot.event,
        year=slot.year,
        at=at,
        until=slot.closes,
        happens=not blockers,
        to=row.dest,
        mails=tuple(row.sends),
        conditions=conditions(row.guards),
        blockers=blockers,
    )


def _timers(work: Work, case: Case, slot: Slot) -> list[datetime]:
    """Instants in the step's window at which this case is looked at again: a stay ends, clear days have passed."""
    sql = "SELECT at FROM timer WHERE instance_id = ? AND at > ? AND at < ? ORDER BY at"
    after = stored(max(slot.due, work.at))
    rows = work.connection.exec_driver_sql(sql, (case.id, after, stored(slot.closes)))
    return [instant_of(row[0]) for row in rows]


def _held(work: Work, slot: Slot) -> tuple[str, ...]:
    """What keeps the step as a whole from acting."""
    run = work.runs.get(slot.event, slot.year)
    held = [] if work.rules.mode(slot.event) is not Mode.OFF else ["the step is switched off in the configuration"]
    if run is not None and run.waiting:
        held.append("the step waits for the treasurer")
    return (*held, *paused(work, max(slot.due, work.at)))


def nearest(rows: Sequence[Transition], case: Case, occasion: Occasion) -> tuple[Transition, tuple[str, ...]]:
    """Return the first arrow that is free, or the one that the fewest guards prevent, with their reasons."""
    asked = [(row, refusals(row.guards, case, occasion)) for row in rows]
    return min(asked, key=lambda pair: len(pair[1]))


def refusals(guards: Iterable[Guard], case: Case, occasion: Occasion) -> tuple[str, ...]:
    """Return every reason why not."""
    return tuple(why for guard in guards if (why := guard(case, occasion)) is not None)


def conditions(guards: Iterable[Guard]) -> tuple[str, ...]:
    """Return what these guards want: the first words of their own sentences."""
    sentences = ((guard.__doc__ or guard.__name__).partition("\n")[0] for guard in guards)
    return tuple(sentence.partition(";")[0].removesuffix(".") for sentence in sentences)


# What the board decides


def _ballots(work: Work, case: Case) -> Iterator[Prospect]:
    """Yield the ballots that are still to be decided."""
    for ballot in case.ballots:
        if ballot.live:
            yield _ballot(work, case, ballot)


def _ballot(work: Work, case: Case, ballot: BallotFacts) -> Prospect:
    rule = work.workflow.ballot(ballot.trigger)
    occasion = work.occasion(max(ballot.held_at, work.at), "ballot", year=ballot.year, ballot=ballot)
    occasion.meeting_at = ballot.held_at
    missing = rule.hearing(case, occasion) if rule.hearing is not None else ()
    blockers = (*missing, *refusals(rule.drops_out, case, occasion))
    return Prospect(
        kind=Kind.BALLOT,
        event=ballot.trigger,
        year=ballot.year,
        at=ballot.held_at,
        until=ballot.closes_at,
        happens=not blockers,
        to=_dest(work, case, rule),
        mails=_mails(work, case, rule),
        conditions=conditions(rule.drops_out),
        blockers=blockers,
        what=rule.question,
    )


def _dest(work: Work, case: Case, rule: BallotRule) -> str | None:
    """The state that an adopted ballot leads to; None where a step of the calendar has still to come."""
    rows = work.workflow.arrows(rule.trigger, case.state)
    return next((row.dest for row in rows if row.on is On.ADOPTED), None)


def _mails(work: Work, case: Case, rule: BallotRule) -> tuple[str, ...]:
    rows = work.workflow.arrows(rule.trigger, case.state)
    return next((tuple(row.sends) for row in rows if row.on is On.ADOPTED), ())


def _may_ask(work: Work, case: Case, rule: BallotRule) -> bool:
    """Whether the board's word could move a case from where it is."""
    return any(row.on is not On.EVENT for row in work.workflow.arrows(rule.trigger, case.state))


def _agendas(work: Work, case: Case, end: datetime) -> Iterator[Prospect]:
    """Yield, for each question that may be asked about the case, the next agenda that would carry it."""
    rules = [rule for rule in work.workflow.ballots if _may_ask(work, case, rule)]
    condition = "closed_at IS NULL AND published_at IS NULL AND held_at > ? AND held_at <= ?"
    ahead = meetings_where(work.connection, condition, stored(work.at), stored(end))
    for rule in rules:
        if any(ballot.live and ballot.trigger == rule.trigger for ballot in case.ballots):
            continue
        settled: set[tuple[str, int]] = set()
        for meeting in ahead:
            carried = carries(work, rule, meeting, settled)
            if carried is None or not (carried[1] and case.started_at < carried[0]):
                continue
            occasion = agenda_occasion(work, meeting, max(meeting.publish_at, work.at))
            happens = belongs(case, rule, occasion, whole=True)
            why = refusals(rule.lists, case, occasion)
            yield Prospect(
                kind=Kind.AGENDA,
                event=rule.trigger,
                year=meeting.year,
                at=max(meeting.publish_at, work.at),
                until=meeting.held_at,
                happens=happens,
                mails=tuple(rule.sends),
                conditions=conditions(rule.lists),
                blockers=why or (() if happens else ("it was asked already",)),
                what=rule.question,
            )
            break
