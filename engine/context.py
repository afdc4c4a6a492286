"""What the engine's rooms share: the store, the rules, the machines, and transactions over one workflow."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from sqlalchemy import Connection

from engine.definition import Workflow
from engine.machine import SharedMachine
from engine.rules import Rules
from engine.store import Store, stored
from engine.work import Work

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""Stands for « now » where only reading is done and no hour matters."""
Sink: TypeAlias = Callable[[Connection, datetime], None]


@dataclass(frozen=True)
class Context:
    """A database, the organisation's rules and the definitions that run on it."""

    store: Store
    rules: Rules
    machines: Mapping[str, SharedMachine]
    sink: Sink | None = None
    """Where a demo or a replay lets everything that leaves arrive at once; None: the outbox is sent elsewhere."""

    @property
    def workflows(self) -> tuple[Workflow, ...]:
        """The definitions, in the order they were given."""
        return tuple(machine.workflow for machine in self.machines.values())

    @contextmanager
    def work(self, workflow: Workflow, at: datetime, moment: datetime) -> Iterator[Work]:
        """One writing transaction; what was decided is written when the block ends without an error."""
        with self.store.write() as connection:
            work = self._work(connection, workflow, at, moment)
            yield work
            work.write()

    @contextmanager
    def reading(self, workflow: Workflow, at: datetime | None = None) -> Iterator[Work]:
        """One reading transaction: nothing that is decided in it is written."""
        with self.store.read() as connection:
            yield self._work(connection, workflow, at, at)

    def is_paused(self, moment: datetime) -> bool:
        """Whether a pause was in force at an instant."""
        with self.store.read() as connection:
            return paused_at(connection, moment)

    def let_arrive(self, at: datetime) -> None:
        """Let what waits to leave arrive, where there is a sink."""
        if self.sink is not None:
            with self.store.write() as connection:
                self.sink(connection, at)

    def _work(self, connection: Connection, workflow: Workflow, at: datetime | None, moment: datetime | None) -> Work:
        when = at or LONG_AGO
        paused = moment is not None and paused_at(connection, moment)
        return Work(connection, self.machines[workflow.name], self.rules, when, paused, self.machines)


def paused_at(connection: Connection, moment: datetime) -> bool:
    """Whether a pause was in force at that instant."""
    sql = "SELECT 1 FROM pause WHERE at <= ? AND ends_at > ? LIMIT 1"
    return connection.exec_driver_sql(sql, (stored(moment), stored(moment))).fetchone() is not None
