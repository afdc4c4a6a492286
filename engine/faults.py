"""What the database itself refuses (locked, read-only, full, damaged), said in one line that a person can act on."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import ExceptionContext

from engine.errors import RelanceError


class Fault(StrEnum):
    """What can be wrong, by the name that logs, `/readyz` and problems give it."""

    LOCKED = "database-locked"
    READ_ONLY = "database-read-only"
    FULL = "disk-full"
    FAILING = "disk-failing"
    CLOSED = "database-closed"
    DAMAGED = "database-damaged"
    OTHER = "database-refused"


MEANINGS = {
    "SQLITE_BUSY": (Fault.LOCKED, "another program keeps it locked; nothing was changed"),
    "SQLITE_CANTOPEN": (Fault.CLOSED, "it cannot be opened: is its folder there, and may one write in it?"),
    "SQLITE_READONLY": (Fault.READ_ONLY, "it cannot be written: it, or its folder, is read-only"),
    "SQLITE_PERM": (Fault.CLOSED, "it may not be opened"),
    "SQLITE_FULL": (Fault.FULL, "the disk is full; nothing was changed"),
    "SQLITE_IOERR": (Fault.FAILING, "the disk cannot be read or written"),
    "SQLITE_CORRUPT": (Fault.DAMAGED, "it is damaged: go back to the latest copy"),
    "SQLITE_NOTADB": (Fault.DAMAGED, "it is not a database"),
}
"""By the first two parts of SQLite's own name of the error: SQLITE_READONLY_DIRECTORY is a SQLITE_READONLY."""
REASONS = dict(MEANINGS.values())
MAY_PASS = frozenset({Fault.LOCKED, Fault.READ_ONLY, Fault.FULL, Fault.FAILING, Fault.CLOSED})
"""What a running service waits out."""
OPENED_ANEW = frozenset({Fault.READ_ONLY, Fault.FAILING, Fault.CLOSED, Fault.DAMAGED})
"""After these no open connection is used again: one that was opened on a read-only file stays read-only for ever."""


class DatabaseFault(RelanceError):  # noqa: N818 named for what happened, as one says it
    """{database}: {reason}."""

    @property
    def kind(self) -> Fault:
        """What is wrong, by name."""
        return Fault(str(self.data.get("kind", Fault.OTHER)))

    @property
    def may_pass(self) -> bool:
        """Whether a running service waits until it is over."""
        return self.kind in MAY_PASS


def fault_of(error: BaseException, database: object) -> DatabaseFault | None:
    """Say what an error of SQLite means; None for what is not the database's own fault, such as a broken constraint."""
    name = getattr(error, "sqlite_errorname", None)
    if name is None:  # not from SQLite's library
        return None
    found = MEANINGS.get("_".join(name.split("_")[:2]))
    if found is None:
        return None
    kind, reason = found
    if kind is Fault.FAILING:
        kind = _seen_from_the_disk(Path(str(database)))
        reason = REASONS[kind]
    return DatabaseFault(database=database, reason=reason, kind=kind)


def _seen_from_the_disk(file: Path) -> Fault:
    """Why writing fails: a disk remounted read-only, or full to the last block, SQLite calls an input/output error."""
    try:
        disk = os.statvfs(file.parent)
        unchangeable = file.exists() and not os.access(file, os.W_OK)
    except OSError:
        return Fault.FAILING
    if disk.f_flag & os.ST_RDONLY or unchangeable:
        return Fault.READ_ONLY
    return Fault.FULL if disk.f_bavail == 0 else Fault.FAILING


@contextmanager
def explained(database: object) -> Iterator[None]:
    """Around plain sqlite3: raises DatabaseFault for what the database refuses."""
    try:
        yield
    except sqlite3.Error as error:
        fault = fault_of(error, database)
        if fault is None:
            raise
        raise fault from error


class Explainer:
    """SQLAlchemy's listener for errors (`handle_error`): raises DatabaseFault for what one database refuses."""

    def __init__(self, url: str) -> None:
        """Take the address of the database, to name it."""
        self.database = name_of(url)
        self.in_a_file = file_of(url) is not None

    def __call__(self, context: ExceptionContext) -> None:
        """Explain one error, or let it pass."""
        fault = fault_of(context.original_exception, self.database)
        if fault is None:
            return
        if fault.kind in OPENED_ANEW and self.in_a_file:
            context.is_disconnect = context.invalidate_pool_on_disconnect = True
        raise fault


def file_of(url: str) -> Path | None:
    """Return the file of an SQLite address; None for a database in memory or of another kind."""
    read = make_url(url)
    if read.get_backend_name() != "sqlite" or read.database in {None, "", ":memory:"}:
        return None
    return Path(str(read.database))


def name_of(url: str) -> str:
    """Name a database for a person: its file, or its address without the password."""
    if url in {"sqlite://", "sqlite:///:memory:"}:
        return "the database in memory"
    return str(file_of(url) or make_url(url).render_as_string(hide_password=True))
