"""Moving cases: fire an arrow with everything it causes, and look again at whatever changed."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from engine.batch import APPLY_BALLOT, SET_BALLOT_STATUS, SET_TIMER, Batch, Beginning, note_taken
from engine.board import seats_in_office
from engine.board_models import BallotStatus
from engine.calendar import Slot, open_slots
from engine.cases import BallotFacts, Case, Occasion, add_engine_facts
from engine.clock import local_day
from engine.definition import Transition, Workflow
from engine.errors import BadDefinition
from engine.machine import SharedMachine
from engine.meetings import next_meeting_after
from engine.models import OccurrenceStatus
from engine.rules import Mode, Rules
from engine.runs import EventRuns
from engine.store import stored, tuples

_ANNULLED = "SELECT instance_id FROM ballot WHERE trigger = ? AND year = ? AND annulled_at IS NOT NULL"
CALENDAR = "calendar"
NOBODY = "relance"
HEARING_POSTPONED = "hearing_postponed"
SHORT_OUTAGE = timedelta(days=2)
"""What came true inside a window is still done by a server that was down over its end, up to two days later."""
DECISION_LASTS = timedelta(days=92)


@dataclass
class Work:
    """One writing transaction over one workflow: what to decide with, and the batch that will be written."""

    connection: Connection
    machine: SharedMachine
    rules: Rules
    at: datetime
    paused: bool = False
    machines: Mapping[str, SharedMachine] = field(default_factory=dict)
    """Of every workflow that runs here: one may start instances of another."""
    batch: Batch = field(default_factory=Batch)
    workflow: Workflow = field(init=False)
    runs: EventRuns = field(init=False)
    now: str = field(init=False)
    """`at` as the database keeps it."""
    # What is the same for every case asked at one instant is derived once.
    _meetings: dict[datetime, datetime | None] = field(default_factory=dict)
    _steps: dict[datetime, Sequence[tuple[Slot, Occasion]]] = field(default_factory=dict)
    _settling: dict[datetime, Occasion] = field(default_factory=dict)
    _seats: dict[date, str] = field(default_factory=dict)
    _interests: dict[date, dict[str, list[str]]] = field(default_factory=dict)
    _annulled: dict[tuple[str, int], frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the record of the yearly events' runs."""
        self.workflow = self.machine.workflow
        self.now = stored(self.at)
        self.runs = EventRuns(self.connection, self.workflow, self.rules)

    @cached_property
    def today(self) -> date:
        """The local day on which this is recorded."""
        return local_day(self.at, self.rules.tz)

    def cases(self, ids: Sequence[int]) -> list[Any]:
        """Load the facts of these instances, the engine's own included."""
        if self.workflow.load is None or not ids:
            return []
        cases = self.workflow.load(self.connection, ids, self.rules)
        add_engine_facts(self.connection, cases, self.today.year - 1)
        return cases

    def ids(self, sql: str, states: Sequence[str], before: tuple[object, ...], after: tuple[object, ...]) -> list[int]:
        """Ids found by a hand-written SELECT: the workflow, `before`, the states (as `{states}`), `after`."""
        return [row[0] for row in self.select(sql, states, before, after)]

    def select(
        self, sql: str, states: Sequence[str], before: tuple[object, ...], after: tuple[object, ...]
    ) -> list[Any]:
        """Rows found by such a SELECT."""
        marked = sql.replace("{states}", ", ".join("?" * len(states)))
        return tuples(self.connection, marked, (self.workflow.name, *before, *states, *after))

    def occasion(self, moment: datetime, cause: str, actor: str = NOBODY, key: str = "", **more: Any) -> Occasion:
        """Describe when and why, for the guards and the journal; the year is the moment's own unless given."""
        if "year" not in more:
            more["year"] = self.today.year if moment is self.at else local_day(moment, self.rules.tz).year
        return Occasion(self.at, moment, self.rules, cause=cause, actor=actor, key=key, **more)

    def fire(self, case: Case, trigger: str, occasion: Occasion) -> Transition | None:
        """Take the arrow that the guards allow, with its deeds, mails and journal entry; None when none is."""
        before = case.state
        kept = self.workflow.memory(case) if self.workflow.memory is not None else ""
        row = self.machine.fire(case, trigger, occasion)
        if row is None:
            return None
        self.batch.details = kept
        note_taken(self.batch, case, row, occasion)
        for deed in row.does:
            deed(case, occasion, self.batch)
        for kind in row.sends:
            self.send(case, kind, occasion)
        self.batch.journal(case, occasion, trigger, before)
        return row

    def send(self, case: Case, kind: str, occasion: Occasion) -> None:
        """Put one mail kind for one case into the outbox."""
        if self.workflow.mails is not None:
            self.workflow.mails(case, kind, occasion.key, occasion, self.batch)

    def look(self, cases: Iterable[Case], moment: datetime) -> None:
        """Something about these cases changed, or time has: do what has become possible or impossible.

        1. ballots that lost their reason are withdrawn; 2. decisions that waited are carried out;
        3. yearly steps still open are tried again; 4. tasks follow the facts.
        """
        together = list(cases)
        for case in together:
            review_ballots(self, case, moment)
            if not self.paused:
                apply_decisions(self, case, moment)
        if not self.paused:
            for slot, occasion in self.open_steps(moment):
                retry(self, together, slot, occasion)
        for case in together:
            self.settle(case, moment)

    def open_steps(self, moment: datetime) -> Sequence[tuple[Slot, Occasion]]:
        """The yearly steps whose window is open at an instant, each with the occasion on which cases are asked."""
        if moment not in self._steps:
            slots = open_slots(self.rules.dates_of(self.workflow), self.rules.tz, moment)
            self._steps[moment] = [(slot, slot_occasion(self, slot, moment)) for slot in slots]
        return self._steps[moment]

    def settle(self, case: Case, moment: datetime) -> None:
        """Let the workflow open and close the tasks that follow from the facts."""
        if self.workflow.settle is not None:
            if moment not in self._settling:
                self._settling[moment] = self.occasion(moment, CALENDAR)
            self.workflow.settle(case, self._settling[moment], self.batch)

    def next_meeting(self, moment: datetime) -> datetime | None:
        """When the board meets next: what a summons invites to, however late it is written."""
        if moment not in self._meetings:
            found = next_meeting_after(self.connection, max(moment, self.at))
            self._meetings[moment] = None if found is None else found.held_at
        return self._meetings[moment]

    def electorate(self, at: datetime) -> str:
        """The seats in office at an instant, as a ballot keeps them."""
        day = self.today if at is self.at else local_day(at, self.rules.tz)
        if day not in self._seats:
            self._seats[day] = "|".join(seat.name for seat in seats_in_office(self.connection, day))
        return self._seats[day]

    @cached_property
    def counting(self) -> str:
        """How the board counts now, as a ballot that opens keeps it."""
        return json.dumps(self.rules.board.counting.as_texts())

    def annulled(self, trigger: str, year: int) -> frozenset[int]:
        """Ids of those about whom a decision of that year was annulled."""
        if (trigger, year) not in self._annulled:
            rows = self.connection.exec_driver_sql(_ANNULLED, (trigger, year))
            self._annulled[trigger, year] = frozenset(row[0] for row in rows)
        return self._annulled[trigger, year]

    def standing_aside(self, subject: str, at: datetime) -> Sequence[str]:
        """Seats in office at an instant that have declared to belong to a subject."""
        day = local_day(at, self.rules.tz)
        if day not in self._interests:
            declared: dict[str, list[str]] = defaultdict(list)
            for seat in seats_in_office(self.connection, day):
                for one in seat.interests:
                    declared[one].append(seat.name)
            self._interests[day] = declared
        return self._interests[day].get(subject, ())

    def write(self) -> None:
        """Write the batch and the runs, then start what was asked of other workflows."""
        self.runs.write()
        self.batch.write(self.connection)
        beginnings, self.batch.beginnings = self.batch.beginnings, []
        for beginning in beginnings:
            self._begin(beginning)

    def of(self, workflow: str) -> "Work":
        """The same transaction, over another workflow; what is decided with it, its own `write` writes."""
        return Work(self.connection, self.machines[workflow], self.rules, self.at, self.paused, self.machines)

    def of_all(self) -> "list[Work]":
        """The same transaction over each workflow that runs here, this one first."""
        return [self, *(self.of(name) for name in self.machines if name != self.workflow.name)]

    def _begin(self, beginning: Beginning) -> None:
        other = self.of(beginning.workflow)
        if other.workflow.begin is None:
            raise BadDefinition(reason=f"{beginning.workflow} is not started by another workflow")
        other.workflow.begin(other, beginning)
        other.write()


@dataclass(frozen=True, slots=True)
class Decision:
    """When a ballot got its status, why, and which gates were missing."""

    at: datetime
    reason: str = ""
    missing: tuple[str, ...] = ()
    actor: str = NOBODY


def slot_occasion(work: Work, slot: Slot, moment: datetime) -> Occasion:
    """The occasion of a yearly step, asked at a moment of its window."""
    occasion = work.occasion(
        moment, f"calendar:{slot.event}", key=f"{slot.event}-{slot.year}", year=slot.year, slot=slot
    )
    occasion.meeting_at = work.next_meeting(moment)
    return occasion


def concerns(case: Case, slot: Slot) -> bool:
    """Whether a yearly step is still open for a case: not closed, and due after it joined."""
    return (slot.event, slot.year) not in case.done and slot.due > case.started_at


def act(work: Work, case: Case, slot: Slot, occasion: Occasion) -> bool:
    """Run a yearly step on one case; True when it acted, which closes the occurrence as a rule."""
    row = work.fire(case, slot.event, _anew(work, case, slot, occasion))
    if row is None:
        return False
    if row.closes:
        work.batch.close_occurrence(case, occasion, slot.event, slot.year, OccurrenceStatus.ACTED)
        work.runs.count(slot)
    return True


def _anew(work: Work, case: Case, slot: Slot, occasion: Occasion) -> Occasion:
    """Where an earlier decision of the year was annulled, the step is another occasion: its notice is told again."""
    trigger = work.workflow.event(slot.event).decided_by
    if trigger is None or case.id not in work.annulled(trigger, slot.year):
        return occasion
    ballot = case.latest(trigger)
    return replace(occasion, key=f"{occasion.key}-ballot-{ballot.id if ballot is not None else 0}")


def touches(work: Work, case: Case, slot: Slot, occasion: Occasion) -> bool:
    """Whether a yearly step that concerns a case would act on it now, and be done with it.

    Asked in this order because what is closed is read only for those whom the step would move.
    """
    return would_act(work, case, slot, occasion) and concerns(case, slot)


def would_act(work: Work, case: Case, slot: Slot, occasion: Occasion) -> bool:
    """Whether a yearly step would act on a case whom it concerns, and be done with it."""
    row = work.machine.would(case, slot.event, occasion)
    return row is not None and row.closes


def retry(work: Work, cases: Sequence[Case], slot: Slot, occasion: Occasion) -> None:
    """Try a yearly step again on cases whose facts changed; too many for the brake wait together."""
    off = work.paused or work.rules.mode(slot.event) is Mode.OFF
    if off or work.at >= slot.closes + SHORT_OUTAGE or not work.runs.swept(slot):
        return
    ready = [case for case in cases if touches(work, case, slot, occasion)]
    if not work.runs.may_touch(slot, work.workflow.event(slot.event), len(ready)):
        work.runs.brake(slot, len(ready), work.batch, work.at)
        return
    for case in ready:
        act(work, case, slot, occasion)


def review_ballots(work: Work, case: Case, moment: datetime) -> None:
    """Withdraw the ballots that lost their reason; block a hearing whose gate has closed meanwhile."""
    for ballot in case.ballots:
        if not ballot.live:
            continue
        rule = work.workflow.ballot(ballot.trigger)
        occasion = work.occasion(moment, "ballot", key=f"meeting-{ballot.meeting_id}", year=ballot.year, ballot=ballot)
        occasion.meeting_at = ballot.held_at
        why = _first_refusal(rule.drops_out, case, occasion)
        if case.state not in work.workflow.sources(ballot.trigger):
            why = why or f"is {case.state}"
        if why is not None:
            set_ballot(work, case, ballot, BallotStatus.WITHDRAWN, Decision(moment, reason=why))
        elif ballot.status == BallotStatus.OPEN and rule.hearing is not None:
            missing = rule.hearing(case, occasion)
            if missing:
                block(work, case, ballot, missing, moment)


def block(work: Work, case: Case, ballot: BallotFacts, missing: tuple[str, ...], moment: datetime) -> None:
    """A hearing cannot be held now: its ballot names the gates that are missing, and a person is told."""
    set_ballot(work, case, ballot, BallotStatus.BLOCKED, Decision(moment, missing=missing))
    work.batch.open_task(HEARING_POSTPONED, case, work.at, note=", ".join(missing))


def _first_refusal(guards: Iterable[Any], case: Case, occasion: Occasion) -> str | None:
    for guard in guards:
        why = guard(case, occasion)
        if why is not None:
            return str(why)
    return None


def set_ballot(work: Work, case: Case, ballot: BallotFacts, status: BallotStatus, decision: Decision) -> None:
    """Give a ballot its status, in the facts and in the batch, and journal it."""
    ballot.status, ballot.decided_at = status, decision.at
    ballot.reason = decision.reason or ballot.reason
    missing = "|".join(decision.missing)
    work.batch.add(SET_BALLOT_STATUS, status.value, stored(decision.at), missing, ballot.reason, ballot.id)
    occasion = work.occasion(decision.at, f"ballot:{ballot.id}", decision.actor)
    said = decision.reason or ", ".join(decision.missing)
    why = f"ballot {status.value}" + (f": {said}" if said else "")
    work.batch.journal(case, occasion, ballot.trigger, case.state, acted=False, reason=why)


def apply_decisions(work: Work, case: Case, moment: datetime) -> None:
    """Carry out what the board adopted or rejected, once, as soon as its guards hold.

    A decision that could not be carried out for three months has lapsed: the board is asked anew.
    """
    for ballot in case.ballots:
        if ballot.applied_at is not None or ballot.decided_at is None or moment - ballot.decided_at > DECISION_LASTS:
            continue
        trigger = _decided_trigger(work, ballot)
        if trigger is None:
            continue
        occasion = work.occasion(
            ballot.decided_at, f"ballot:{ballot.id}", key=f"ballot-{ballot.id}", year=ballot.year, ballot=ballot
        )
        if work.fire(case, trigger, occasion) is not None:
            ballot.applied_at = moment
            work.batch.add(APPLY_BALLOT, stored(work.at), ballot.id)


def _decided_trigger(work: Work, ballot: BallotFacts) -> str | None:
    """Which transition a decided ballot causes by itself: none where the calendar still has to come."""
    if ballot.status == BallotStatus.REJECTED:
        return work.workflow.ballot(ballot.trigger).on_rejected
    if ballot.status == BallotStatus.ADOPTED and ballot.trigger in work.machine.moved_by_adoption:
        return ballot.trigger
    return None


def decided(work: Work, case: Case, ballot: BallotFacts, outcome: BallotStatus, decided_at: datetime) -> None:
    """Close one ballot with its outcome and carry out what can be now; the rest waits for its day.

    A decision recorded after the clear days had passed takes effect when they had, as on a late server.
    """
    set_ballot(work, case, ballot, outcome, Decision(decided_at))
    if outcome == BallotStatus.NO_QUORUM:
        return
    if not work.paused:
        apply_decisions(work, case, work.at)
    if outcome == BallotStatus.ADOPTED and ballot.trigger not in work.machine.moved_by_adoption:
        ready = ballot.carried_out_from(work.rules)
        if ready > work.at:
            work.batch.add(SET_TIMER, stored(ready), case.id)
        else:
            for slot in open_slots(work.rules.dates_of(work.workflow), work.rules.tz, work.at):
                moment = max(ready, slot.due, case.since)
                retry(work, [case], slot, slot_occasion(work, slot, moment))
    work.look([case], work.at)


def set_timer(batch: Batch, case: Case, at: datetime, now: datetime) -> None:
    """Look again at this case at that instant, if it is still to come."""
    if at > now:
        batch.add(SET_TIMER, stored(at), case.id)
