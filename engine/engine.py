"""The engine: what may be asked of it. Every public action first runs what is due, then is one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from sqlalchemy import Connection

from engine.across import parts_of, write_parts
from engine.agenda import publish
from engine.ballots import Choice
from engine.board_models import BallotStatus
from engine.calendar import Slot, open_slots
from engine.clock import end_of_day
from engine.context import Context, Sink
from engine.definition import Workflow
from engine.errors import Invalid, NotAllowed
from engine.events import run_slot
from engine.machine import SharedMachine
from engine.meetings import MeetingFacts, confirm_meeting, name_place
from engine.moving import move
from engine.rules import Rules
from engine.runs import BRAKE
from engine.sheet import record
from engine.store import Store, stored
from engine.tick import Ran, end_pauses, next_moment, start_clock, tick, ticked, upto
from engine.voting import Cast, cast, close_now
from engine.work import NOBODY, Work


class Engine:
    """One database under one set of rules, running its workflows. `now` is always an argument."""

    def __init__(self, store: Store, rules: Rules, workflows: Sequence[Workflow], sink: Sink | None = None) -> None:
        """Build the shared machines; nothing is read or written yet."""
        machines = {workflow.name: SharedMachine(workflow) for workflow in workflows}
        self.context = Context(store, rules, machines, sink)

    @property
    def rules(self) -> Rules:
        """The organisation's rules."""
        return self.context.rules

    @property
    def store(self) -> Store:
        """The database."""
        return self.context.store

    def start_clock(self, now: datetime) -> None:
        """Begin at an instant: steps due before it count as done. Later calls change nothing."""
        start_clock(self.context, now)

    def upto(self) -> datetime:
        """The instant up to which everything was dealt with; long ago for a database that never ran."""
        return upto(self.context)

    def tick(self, now: datetime) -> Ran:
        """Run everything that is due up to now."""
        return tick(self.context, now)

    @contextmanager
    def acting(self, workflow: Workflow, now: datetime) -> Iterator[Work]:
        """One action at `now`: what is due comes first; all of the block is written, or nothing."""
        with ticked(self.context, workflow, now) as work:
            yield work
        self.context.let_arrive(now)

    def next_moment(self, until: datetime) -> datetime | None:
        """The next instant, up to `until`, at which something is due."""
        return next_moment(self.context, until)

    def look(self, workflow: Workflow, subjects_ids: Sequence[int], now: datetime) -> None:
        """Look again at these instances, whose facts somebody changed."""
        with self.context.work(workflow, now, now) as work:
            work.look(work.cases(subjects_ids), now)

    # Votes

    def cast_votes(self, workflow: Workflow, votes: Sequence[Cast], now: datetime, channel: str) -> None:
        """Record personal votes, all or none. Raises BallotNotOpen, NotASeat."""
        with self.acting(workflow, now) as work:
            cast(work, votes, channel)

    def close_ballots(self, workflow: Workflow, ballot_ids: Sequence[int], now: datetime) -> None:
        """Close ballots during or after their meeting. Raises BallotNotOpen, NotAllowed."""
        with self.acting(workflow, now) as work:
            parts = parts_of(work, ballot_ids)
            for part in parts:
                close_now(part.work, [(part.case, part.ballot)])
            write_parts(parts)

    def record_decision(
        self,
        workflow: Workflow,
        ballot_id: int,
        votes: Mapping[str, Choice],
        now: datetime,
        present: Sequence[str] = (),
    ) -> BallotStatus:
        """Record what the room decided. Raises BallotNotOpen, NotAllowed, NotASeat, GateNotMet."""
        with self.acting(workflow, now) as work:
            part = parts_of(work, [ballot_id])[0]
            said = record(part.work, part.case, part.ballot, votes, present)
            write_parts([part])
            return said

    # Meetings

    def move_meeting(
        self, month: str, held_at: datetime, now: datetime, by: str = NOBODY, place: str | None = None
    ) -> MeetingFacts:
        """Move the meeting planned for a month; its agenda is published at once when that is due.

        Without a `place` it stays where it is.
        """
        with self.acting(self.context.workflows[0], now) as work:
            moved = move(work, month, held_at, by)
            if place is not None:
                name_place(work.connection, moved.id, place)
        if moved.published_at is None and moved.publish_at <= now:
            publish(self.context, moved, now, now)
            self.context.let_arrive(now)
        return moved

    def confirm_meeting(self, month: str, now: datetime, by: str, place: str | None = None) -> MeetingFacts:
        """The secretary confirms the date of the meeting planned for a month, and maybe its place. Raises Invalid."""
        with self.store.write() as connection:
            confirmed = confirm_meeting(connection, month, now, by)
            if place is not None:
                name_place(connection, confirmed.id, place)
            return confirmed

    # The treasurer's brake, and pauses

    def waiting_runs(self) -> list[tuple[str, str, int]]:
        """Yearly steps that wait for the treasurer: (workflow, event, year)."""
        sql = """SELECT workflow, event, year FROM event_run
            WHERE braked_at IS NOT NULL AND confirmed_at IS NULL ORDER BY due"""
        with self.store.read() as connection:
            return [(row[0], row[1], row[2]) for row in connection.exec_driver_sql(sql)]

    def confirm_brake(self, now: datetime, by: str, event: str | None = None) -> list[str]:
        """Let waiting steps go on; their guards are asked again. Returns what was confirmed.

        Confirming is one transaction; then they run, and where that is cut short the next run resumes them.
        """
        self.tick(now)
        confirmed = []
        for workflow in self.context.workflows:
            slots = [slot for slot in self._waiting_slots(workflow, now) if event in {None, slot.event}]
            self._confirm(workflow, slots, now, by)
            confirmed += [f"{slot.event} {slot.year}" for slot in slots]
        return confirmed

    def _waiting_slots(self, workflow: Workflow, now: datetime) -> list[Slot]:
        waiting = {(event, year) for name, event, year in self.waiting_runs() if name == workflow.name}
        slots = open_slots(self.rules.dates_of(workflow), self.rules.tz, now)
        return [slot for slot in slots if (slot.event, slot.year) in waiting]

    def _confirm(self, workflow: Workflow, slots: Sequence[Slot], now: datetime, by: str) -> None:
        with self.context.work(workflow, now, now) as work:
            for slot in slots:
                work.runs.confirm(slot.event, slot.year, now, by)
                work.batch.close_task(BRAKE, None, now, f"{slot.event} {slot.year}", by, "confirmed")
        for slot in slots:
            run_slot(self.context, workflow, slot, now, now)
            self.context.let_arrive(now)

    def pause(self, until: date, reason: str, now: datetime, actor: str) -> None:
        """Let nothing escalate up to and including a day. Raises Invalid for a day that is past."""
        self.tick(now)
        ends = end_of_day(until, self.rules.tz)
        if ends <= now:
            raise Invalid(reason=f"{until.isoformat()} is past")
        with self.store.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO pause (at, until, ends_at, reason, actor) VALUES (?, ?, ?, ?, ?)",
                (stored(now), until.isoformat(), stored(ends), reason, actor),
            )

    def end_pauses(self, now: datetime) -> int:
        """End the pauses in force; what fell due meanwhile waits for the treasurer. Returns how many there were."""
        self.tick(now)
        ended = end_pauses(self.context, now)
        self.context.let_arrive(now)
        return ended

    # Tasks

    def close_task(self, task_id: int, now: datetime, by: str, note: str) -> None:
        """A person did what a task asked for. Raises Invalid when it is not open."""
        with self.store.write() as connection:
            sql = "UPDATE task SET done_at = ?, done_by = ?, note = note || ? WHERE id = ? AND done_at IS NULL"
            kind = connection.exec_driver_sql("SELECT kind FROM task WHERE id = ?", (task_id,)).scalar()
            if kind == BRAKE:
                raise NotAllowed(reason="a step that waits is confirmed, not ticked off: relance confirm brake")
            changed = connection.exec_driver_sql(sql, (stored(now), by, f" {note}".rstrip(), task_id))
            if changed.rowcount == 0:
                raise Invalid(reason=f"there is no open task {task_id}")

    def instance_ids(self, workflow: Workflow, connection: Connection | None = None) -> dict[str, int]:
        """Ids by subject."""
        sql = "SELECT subject, id FROM workflow_instance WHERE workflow = ?"
        if connection is not None:
            return {row[0]: row[1] for row in connection.exec_driver_sql(sql, (workflow.name,))}
        with self.store.read() as reading:
            return {row[0]: row[1] for row in reading.exec_driver_sql(sql, (workflow.name,))}
