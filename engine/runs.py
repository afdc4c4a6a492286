"""The runs of yearly events over everybody: how many they touched, and the brake that holds them as a whole."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection

from engine.batch import Batch
from engine.calendar import Slot
from engine.definition import CalendarEvent, Lift, Workflow
from engine.rules import Mode, Rules
from engine.store import maybe_instant, stored

BRAKE = "brake"
_START = """INSERT INTO event_run (workflow, event, year, due, after_id, touched, braked_for, confirmed_for)
    VALUES (?, ?, ?, ?, 0, 0, 0, 0)"""


@dataclass(slots=True)
class Run:
    """One event in one year, as far as it got. `fresh`: acted in this transaction, not yet written."""

    after_id: int
    touched: int
    finished_at: datetime | None
    braked_at: datetime | None
    confirmed_at: datetime | None
    braked_for: int = 0
    confirmed_for: int = 0
    fresh: int = 0

    @property
    def waiting(self) -> bool:
        """Whether it waits for the treasurer."""
        return self.braked_at is not None and self.confirmed_at is None


class EventRuns:
    """The runs that one transaction reads and changes."""

    def __init__(self, connection: Connection, workflow: Workflow, rules: Rules) -> None:
        """Read nothing yet: most transactions touch no event."""
        self._connection, self._workflow, self._rules = connection, workflow.name, rules
        self._final = workflow.final
        self._runs: dict[tuple[str, int], Run | None] = {}

    def get(self, event: str, year: int) -> Run | None:
        """Return the run of an event in a year, if it ever started."""
        if (event, year) not in self._runs:
            self._runs[event, year] = self._read(event, year)
        return self._runs[event, year]

    def start(self, slot: Slot) -> Run:
        """Return the run of a slot, starting it when it is new."""
        run = self.get(slot.event, slot.year)
        if run is None:
            row = (self._workflow, slot.event, slot.year, stored(slot.due))
            self._connection.exec_driver_sql(_START, row)
            run = Run(0, 0, None, None, None)
            self._runs[slot.event, slot.year] = run
        return run

    def swept(self, slot: Slot) -> bool:
        """Whether everybody was asked and nothing holds the step: single cases may be tried again."""
        run = self.get(slot.event, slot.year)
        return run is not None and run.finished_at is not None and not run.waiting

    def count(self, slot: Slot) -> None:
        """One more was touched."""
        run = self.get(slot.event, slot.year)
        if run is not None:
            run.fresh += 1

    def braked(self, event: CalendarEvent) -> bool:
        """Whether this event has a brake at all."""
        return event.brake is not Lift.NONE or self._rules.mode(event.name) is Mode.PROPOSE

    def may_touch(self, slot: Slot, event: CalendarEvent, more: int) -> bool:
        """Whether the brake lets this step touch so many more this year.

        What the treasurer confirmed does not count against the limit: above it, the limit begins anew.
        """
        if more == 0:
            return True
        run = self.start(slot)
        proposed = self._rules.mode(event.name) is Mode.PROPOSE
        limit = Fraction(0) if proposed else self.limit(event, slot.year)
        return limit is None or run.touched + run.fresh + more <= run.confirmed_for + limit

    def brake(self, slot: Slot, touches: int, batch: Batch, at: datetime) -> None:
        """Let the step wait as a whole, and ask the treasurer."""
        run = self.start(slot)
        if run.waiting:
            return
        run.braked_at, run.confirmed_at, run.braked_for = at, None, touches
        self._set(slot.event, slot.year, "braked_at = ?, braked_for = ?, confirmed_at = NULL", stored(at), touches)
        note = f"{slot.event} {slot.year} would touch {touches}"
        batch.open_task(BRAKE, None, at, f"{slot.event} {slot.year}", None, note)

    def confirm(self, event: str, year: int, at: datetime, by: str) -> None:
        """The treasurer lets the step go on: everybody is asked again from the start."""
        run = self.get(event, year)
        if run is None:
            return
        run.confirmed_at, run.after_id, run.finished_at = at, 0, None
        run.confirmed_for = run.touched + run.braked_for
        columns = "confirmed_at = ?, confirmed_by = ?, confirmed_for = ?, after_id = 0, finished_at = NULL"
        self._set(event, year, columns, stored(at), by, run.confirmed_for)

    def advance(self, slot: Slot, after_id: int) -> None:
        """Everybody up to this id was asked."""
        self.start(slot).after_id = after_id
        self._set(slot.event, slot.year, "after_id = ?", after_id)

    def finish(self, slot: Slot, at: datetime) -> None:
        """Everybody was asked."""
        self.start(slot).finished_at = at
        self._set(slot.event, slot.year, "finished_at = ?", stored(at))

    def write(self) -> None:
        """Write how many were touched."""
        for (event, year), run in self._runs.items():
            if run is not None and run.fresh:
                self._set(event, year, "touched = touched + ?", run.fresh)
                run.touched, run.fresh = run.touched + run.fresh, 0

    def limit(self, event: CalendarEvent, year: int) -> Fraction | None:
        """How many a step may touch in a year before it waits; None: any number."""
        if event.brake is Lift.SHARE_OF_MEMBERS:
            share = Fraction(str(self._rules.brake.share))
            return max(Fraction(self._rules.brake.least), share * self._members())
        if event.brake is Lift.LAST_YEAR:
            before = self.get(event.name, year - 1)
            last = before.touched if before is not None and before.touched else self._acted(event.name, year - 1)
            if last:
                return max(Fraction(3, 2) * last, Fraction(last + 10))
            return max(Fraction(10), Fraction(self._members(), 2))
        return None

    def _acted(self, event: str, year: int) -> int:
        """How many the event touched in a year by the occurrences themselves: a take-over tells of some."""
        sql = "SELECT count(*) FROM occurrence WHERE event = ? AND year = ? AND status = 'acted'"
        return int(self._connection.exec_driver_sql(sql, (event, year)).scalar_one())

    def _members(self) -> int:
        """How many are members: in no final state."""
        marks = ", ".join("?" * len(self._final))
        sql = f"SELECT count(*) FROM workflow_instance WHERE workflow = ? AND state NOT IN ({marks})"  # noqa: S608 marks only
        return int(self._connection.exec_driver_sql(sql, (self._workflow, *self._final)).scalar_one())

    def _read(self, event: str, year: int) -> Run | None:
        sql = """SELECT after_id, touched, finished_at, braked_at, confirmed_at, braked_for, confirmed_for
            FROM event_run WHERE workflow = ? AND event = ? AND year = ?"""
        row = self._connection.exec_driver_sql(sql, (self._workflow, event, year)).fetchone()
        if row is None:
            return None
        finished_at, braked_at, confirmed_at = (maybe_instant(text) for text in row[2:5])
        return Run(row[0], row[1], finished_at, braked_at, confirmed_at, row[5], row[6])

    def _set(self, event: str, year: int, assignments: str, *values: object) -> None:
        sql = f"UPDATE event_run SET {assignments} WHERE workflow = ? AND event = ? AND year = ?"  # noqa: S608 columns from this file
        self._connection.exec_driver_sql(sql, (*values, self._workflow, event, year))
