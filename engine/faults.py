"""What the database itself refuses (locked, read-only, full, damaged), said in one line that a person can act on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import ExceptionContext

from engine.errors import RelanceError

MEANINGS = {
    "SQLITE_BUSY": "another program keeps it locked; nothing was changed",
    "SQLITE_CANTOPEN": "it cannot be opened: is its folder there, and may one write in it?",
    "SQLITE_READONLY": "it cannot be written: it, or its folder, is read-only",
    "SQLITE_PERM": "it may not be opened",
    "SQLITE_FULL": "the disk is full; nothing was changed",
    "SQLITE_IOERR": "the disk cannot be read or written",
    "SQLITE_CORRUPT": "it is damaged: go back to the latest copy",
    "SQLITE_NOTADB": "it is not a database",
}
"""By the first two parts of SQLite's own name of the error: SQLITE_READONLY_DIRECTORY is a SQLITE_READONLY."""


class DatabaseFault(RelanceError):  # noqa: N818 named for what happened, as one says it
    """{database}: {reason}."""


def fault_of(error: BaseException, database: object) -> DatabaseFault | None:
    """Say what an error of SQLite means; None for what is not the database's own fault, such as a broken constraint."""
    name = getattr(error, "sqlite_errorname", None)
    if name is None:  # not from SQLite's library
        return None
    reason = MEANINGS.get("_".join(name.split("_")[:2]))
    return None if reason is None else DatabaseFault(database=database, reason=reason)


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

    def __call__(self, context: ExceptionContext) -> None:
        """Explain one error, or let it pass."""
        fault = fault_of(context.original_exception, self.database)
        if fault is not None:
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
