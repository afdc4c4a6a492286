"""Copies of an SQLite database, made while it is in use, and the way back from one.

A copy is one file, checked before it gets its name. A restored database sends no mail until a person says so.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

from engine.faults import DatabaseFault, explained, file_of, name_of
from engine.revisions import refuse_newer, revision_of, tables_of
from engine.store import Store

Progress = Callable[[int, int], object]
"""Called with the pages copied so far, and all of them."""

PAGES = 256
"""Copied between two calls of the progress: a megabyte."""

NOT_DATA = {"alembic_version", "meeting", "switch", "watermark"}
"""Tables that a database may have rows in, and still be empty: nobody entered anything."""


def backup(store: Store, path: Path, progress: Progress | None = None) -> None:
    """Copy a database into a new file, as it is at one instant, while others write. Raises DatabaseFault."""
    with _new_file(path) as part:
        with explained(name_of(store.url)), store.read() as connection:
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master").fetchall()  # from here on, one snapshot
            source = cast("sqlite3.Connection", connection.connection.driver_connection)
            _copy(source, part, progress)
        with explained(path), closing(_open(part)) as copy:
            _check(copy, name_of(store.url))


def restore(path: Path, url: str, progress: Progress | None = None) -> None:
    """Make a database from a copy, where there is none or an empty one. Raises DatabaseFault, and changes nothing.

    1. the copy is checked; 2. a second one, beside the database, is told to capture mail; 3. that one goes into the
    database in one transaction, under a lock, so that at no instant there is a restored database that could send.
    """
    target = file_of(url)
    if target is None:
        raise DatabaseFault(database=name_of(url), reason="a copy can only be restored into a file")
    if not path.is_file():
        raise DatabaseFault(database=path, reason="there is no such file")
    with _temporary(target) as part:
        with explained(path), closing(_open(path, read_only=True)) as source:
            _check(source, path)
            _refuse_foreign(source, path)
            _copy(source, part, progress)
        with explained(target), closing(_open(part)) as captured:
            _capture(captured)
            _fill(captured, target)
    _sync(target)


def _open(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)


def _copy(source: sqlite3.Connection, part: Path, progress: Progress | None) -> None:
    """Copy all pages; the new file needs no second one beside it (no WAL)."""

    def tell(_status: int, left: int, total: int) -> None:
        if progress is not None:
            progress(total - left, total)

    with closing(_open(part)) as target:
        source.backup(target, pages=PAGES, progress=tell)
        target.execute("PRAGMA journal_mode = DELETE")


def _check(connection: sqlite3.Connection, database: object) -> None:
    """Read every page and every reference. Raises DatabaseFault for the first damage found."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise DatabaseFault(database=database, reason=f"it is damaged ({found})")
    orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    if orphan is not None:
        raise DatabaseFault(database=database, reason=f"it is damaged (a row of {orphan[0]} has lost its {orphan[2]})")


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    revision = revision_of(connection.execute)
    if revision is None:
        raise DatabaseFault(database=path, reason="it is not a copy of a database of relance")
    refuse_newer(revision, path)


def _capture(connection: sqlite3.Connection) -> None:
    """Forget the other database's switches: mail is kept for reading until a person says that it may leave.

    What it knows of its own meetings stays.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM switch WHERE name NOT LIKE 'meeting%'")
    connection.execute("INSERT INTO switch (name, value) VALUES ('mail_mode', 'capture')")
    connection.execute("COMMIT")


def _fill(source: sqlite3.Connection, path: Path) -> None:
    """Copy into a database that is empty and that nobody else has open: its lock is held from the look to the end."""
    made = not path.exists()
    if made:
        path.touch(mode=0o600)  # people's addresses: only the owner reads them
    try:
        with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as target:
            target.execute("PRAGMA locking_mode = EXCLUSIVE")
            target.execute("PRAGMA journal_mode = DELETE")
            target.execute("BEGIN EXCLUSIVE")
            _refuse_filled(target, path)
            target.execute("COMMIT")
            source.backup(target)
    except BaseException:
        if made:
            path.unlink(missing_ok=True)
        raise


def _refuse_filled(connection: sqlite3.Connection, path: Path) -> None:
    for table in tables_of(connection.execute):
        if table not in NOT_DATA and connection.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")').fetchone()[0]:  # noqa: S608 a table's name
            reason = "it is not empty; move it away first, or restore under another name"
            raise DatabaseFault(database=path, reason=reason)


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """Give a file to write, which takes the name at the end of the block, if all went well. Never overwrites."""
    _reserve(path)
    try:
        with _temporary(path) as part:
            yield part
            _sync(part)
            part.replace(path)  # over our own empty file
        _sync(path.parent)
    except BaseException:
        path.unlink()
        raise


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Give an empty file beside another, gone at the end of the block."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    _reserve(part)
    try:
        yield part
    finally:
        for leftover in (part, part.with_name(f"{part.name}-journal")):
            leftover.unlink(missing_ok=True)


def _reserve(path: Path) -> None:
    """Make an empty file that only its owner reads. Raises DatabaseFault when there is one already."""
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise DatabaseFault(database=path, reason="it is there already, and is not overwritten") from None
    except OSError as error:
        raise DatabaseFault(database=path, reason=f"it cannot be written ({error.strerror})") from error


def _sync(path: Path) -> None:
    """Wait until a file, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
