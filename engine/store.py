"""Databases: how SQLite is opened safely, transactions, bulk statements. PostgreSQL gets its recipe here too."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from time import sleep
from typing import Any

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event
from sqlmodel import SQLModel

from engine.errors import Invalid
from engine.faults import Explainer

WRITE = "relance_write"
SPARE = 15
"""Connections beside SQLAlchemy's usual five: the API's threads, those who look at its health, the service's own."""
PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "2",  # FULL: NORMAL loses acknowledged commits in a power cut
    "foreign_keys": "1",
    "busy_timeout": "30000",
    "cache_size": "-49152",
    "wal_autocheckpoint": "20000",
}


class Store:
    """One database. Readers and writers are transactions; a writer holds the lock from its first statement."""

    def __init__(self, url: str) -> None:
        """Open (not create) the database at a SQLAlchemy URL. Raises Invalid for what is not SQLite."""
        if not url.startswith("sqlite:"):
            reason = (
                "PostgreSQL comes with a later version; this one keeps its data in SQLite, url = sqlite:///relance.db"
            )
            raise Invalid(reason=f"database.url: {reason}")
        self.url = url
        self.in_memory = url in {"sqlite://", "sqlite:///:memory:"}
        options: dict[str, Any] = {"poolclass": StaticPool} if self.in_memory else {"max_overflow": SPARE}
        self.engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 30}, **options)
        event.listen(self.engine, "handle_error", Explainer(url))
        event.listen(self.engine, "connect", self._on_connect)
        event.listen(self.engine, "begin", _on_begin)
        self._writer: Engine = self.engine.execution_options(**{WRITE: True})

    def _on_connect(self, connection: Any, _record: object) -> None:
        """Set the pragmas and read them back: a database that ignores one is refused."""
        connection.isolation_level = None
        _turn_to_wal(connection)
        for name, wanted in PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {wanted}")
            got = str(connection.execute(f"PRAGMA {name}").fetchone()[0])
            if got != wanted and not (self.in_memory and name == "journal_mode"):
                raise Invalid(reason=f"the database does not keep {name} = {wanted} (it says {got})")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One writing transaction: all or nothing."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One reading transaction: a consistent view."""
        with self.engine.begin() as connection:
            yield connection

    def create_tables(self) -> None:
        """Create every table at once: for databases in memory; a file is migrated instead."""
        SQLModel.metadata.create_all(self._writer)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _turn_to_wal(connection: Any) -> None:
    """Turn a new file to WAL. SQLite fails at once, without waiting, while another program has it: try for 30 s."""
    connection.execute("PRAGMA busy_timeout = 100")
    for left in reversed(range(300)):
        try:
            connection.execute("PRAGMA journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
            sleep(0.02)
        else:
            return


def _on_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@lru_cache(maxsize=65536)
def stored(instant: datetime) -> str:
    """Write an instant as the database keeps it, for statements that bypass the type system."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


@lru_cache(maxsize=65536)
def instant_of(text: str) -> datetime:
    """Read an instant as the database keeps it."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@lru_cache(maxsize=65536)
def day_of(text: str) -> date:
    """Read a day as the database keeps it."""
    return date.fromisoformat(text)


def maybe_instant(text: str | None) -> datetime | None:
    """Read an instant that may be missing."""
    return None if text is None else instant_of(text)


def maybe_day(text: str | None) -> date | None:
    """Read a day that may be missing."""
    return None if text is None else day_of(text)


def rows_of(connection: Connection, sql: str, ids: Sequence[int] | Sequence[str], *more: object) -> list[Any]:
    """Rows of a hand-written SELECT whose `{ids}` stands for a set of ids, before any other parameter."""
    statement = sql.replace("{ids}", "(SELECT value FROM json_each(?))")
    return tuples(connection, statement, (json.dumps(list(ids)), *more))


def tuples(connection: Connection, sql: str, values: tuple[object, ...]) -> list[Any]:
    """Rows of a SELECT as the driver gives them: of hundreds of thousands, SQLAlchemy's own cost too much."""
    with connection.exec_driver_sql(sql, values) as result:
        return list(result.cursor.fetchall())


def reserve_ids(connection: Connection, table: str) -> int:
    """Return the first free id of a table: the writer's lock keeps the ids after it ours."""
    return int(connection.exec_driver_sql(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").scalar_one())  # noqa: S608 a table's name
