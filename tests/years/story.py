"""One story of this folder: played as it is, or with the server stopped over two days."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import engine.tick
from api.wiring import Replayed, replay
from engine.clock import at_local, end_of_day, local_day
from engine.context import Context
from engine.scenario import Step, read_toml
from engine.store import Store
from tests import played

DAY = timedelta(days=1)
# What any moment may leave behind; that a meeting without items went by is not among it.
_TRACES = """SELECT (SELECT count(*) FROM journal_entry), (SELECT count(*) FROM outbox_message),
    (SELECT count(*) FROM occurrence), (SELECT count(*) FROM ballot), (SELECT count(decided_at) FROM ballot),
    (SELECT sum(status = 'open') FROM ballot), (SELECT count(*) FROM task), (SELECT count(done_at) FROM task),
    (SELECT count(*) FROM service_order)"""


class Story:
    """A scenario file, with the instants at which the calendar or the board did something when it was played."""

    def __init__(self, path: Path) -> None:
        """Play it."""
        self.path = path
        self.moments: dict[datetime, bool] = {}
        """Every instant that was dealt with, and whether it left a trace."""
        with self._watching():
            self.replayed = replay(path)

    @property
    def store(self) -> Store:
        """The database it left behind."""
        return self.replayed.player.engine.store

    def close(self) -> None:
        """Forget it."""
        self.store.close()

    @contextmanager
    def _watching(self) -> Iterator[None]:
        deal_with = engine.tick._deal_with

        def watched(context: Context, moment: datetime, now: datetime) -> None:
            before = played.rows(context.store, _TRACES)
            deal_with(context, moment, now)
            self.moments[moment] = played.rows(context.store, _TRACES) != before

        with patch("engine.tick._deal_with", watched):
            yield

    def days(self, *, idle: bool) -> list[date]:
        """Days on which the calendar or the board acted (`idle`: or only might have) and no step falls.

        No step falls on the day before either: the server can be stopped over both. What happens at midnight ends
        the day before.
        """
        return [day for day in self._days(idle=idle) if not {day - DAY, day} & self._busy and self._is_up(day)]

    def _days(self, *, idle: bool) -> list[date]:
        tz = self.replayed.scenario.tz
        days = set()
        for moment, acted in self.moments.items():
            if acted or idle:
                day = local_day(moment, tz)
                days |= {day, day - DAY} if moment == at_local(day, 0, 0, tz) else {day}
        return sorted(days)

    @cached_property
    def _busy(self) -> set[date]:
        """Days of its steps, those of its payment files included."""
        scenario = self.replayed.scenario
        paid = played.rows(self.store, "SELECT paid_on FROM payment")
        return {local_day(step.on, scenario.tz) for step in self._steps} | {date.fromisoformat(row[0]) for row in paid}

    @property
    def _steps(self) -> list[Step]:
        return [step for step in self.replayed.scenario.steps if step.do is not None]

    def _is_up(self, day: date) -> bool:
        """Whether the server ran all through this day and the one before it."""
        scenario = self.replayed.scenario
        first, last = at_local(day - DAY, 0, 0, scenario.tz), end_of_day(day, scenario.tz)
        overlaps = any(stopped < last and first < started for stopped, started in self._downtimes)
        return scenario.start <= first and last <= scenario.end and not overlaps

    @cached_property
    def _downtimes(self) -> list[tuple[datetime, datetime]]:
        found, stopped = [], None
        for step in self._steps:
            if step.do == "stop":
                stopped = step.on
            elif step.do == "start" and stopped is not None:
                found.append((stopped, step.on))
                stopped = None
        return [*found, *([] if stopped is None else [(stopped, self.replayed.scenario.end)])]

    def stopped_over(self, day: date) -> Replayed:
        """Play it with the server stopped from the start of the day before until the end of this day."""
        stop = {"on": datetime.combine(day - DAY, time()), "do": "stop"}
        start = {"on": datetime.combine(day + DAY, time()), "do": "start"}
        return replay(self.path, change={"step": [stop, start, *self._doing]})

    @cached_property
    def _doing(self) -> list[dict[str, Any]]:
        """Its steps as the file says them, without what it expects."""
        return [step for step in read_toml(self.path).get("step", ()) if "do" in step]
