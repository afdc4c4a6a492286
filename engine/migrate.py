"""Migrations: numbered steps that bring a database to what the code expects. Forward only; the way back is the copy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import SQLAlchemyError

from engine.announcements import is_announcing, start_announcing, stop_announcing
from engine.backup import backup
from engine.clock import utc_now
from engine.faults import DatabaseFault, file_of, name_of
from engine.revisions import SCRIPTS, known_revisions, refuse_newer, revision_of, tables_of
from engine.store import WRITE, Store

if TYPE_CHECKING:
    import sqlite3

    from alembic.config import Config

FIRST = "0001"
"""It only creates; later ones rebuild tables, which alembic calls batch mode."""


def current_revision(store: Store) -> str | None:
    """Return the revision a database is at, such as 0001; None when it is empty or does not exist (it is not made)."""
    path = file_of(store.url)
    if path is not None and not path.exists():
        return None
    with store.read() as connection:
        return revision_of(connection.exec_driver_sql)


def migrate(store: Store, scripts: Path = SCRIPTS) -> None:
    """Bring a database to the code's revision, or create it. Raises DatabaseFault when that is refused.

    1. Up to date: nothing is done, alembic is not even imported. 2. The writer's lock: of two programs that start at
    once, one waits and then finds it done. 3. An existing database is first copied, beside its file. 4. All steps in
    one transaction, foreign keys off (with them on, rebuilding a table could delete its children), then checked.
    """
    if _is_current(current_revision(store), store, scripts):
        return
    with _without_foreign_keys(store) as connection:
        copy = None
        try:
            with connection.begin():
                found = revision_of(connection.exec_driver_sql)
                if _is_current(found, store, scripts):
                    return
                _refuse_foreign(connection, found, store)
                copy = _copy_of(store, found, scripts)
                _upgrade(connection, scripts)
                _refuse_orphans(connection, store)
        except BaseException as error:
            if copy is not None:
                copy.unlink()  # all was undone: the database itself is what the copy is
            if isinstance(error, SQLAlchemyError):
                raise DatabaseFault(database=name_of(store.url), reason=_undone(error)) from error
            raise


def draft(message: str, metadata: MetaData, scripts: Path = SCRIPTS) -> Path:
    """Write the next migration: what the models have and the migrations lack. To be read before it is committed."""
    from alembic import command  # noqa: PLC0415 alembic takes 0.2 s

    store = Store("sqlite://")
    migrate(store, scripts)
    number = f"{len(known_revisions(scripts)) + 1:04}"
    with store.read() as connection:
        config = _config(connection, scripts)
        config.attributes |= {"metadata": metadata, "batch": number != FIRST}
        made: Any = command.revision(config, message, autogenerate=True, rev_id=number)
    return Path(made.path)


def _is_current(revision: str | None, store: Store, scripts: Path) -> bool:
    if revision is not None:
        refuse_newer(revision, name_of(store.url), scripts)
    known = known_revisions(scripts)
    return revision == (known[-1] if known else None)


@contextmanager
def _without_foreign_keys(store: Store) -> Iterator[Connection]:
    """A writer's connection outside any transaction (inside one the pragma is ignored), put right afterwards."""
    with store.engine.connect().execution_options(**{WRITE: True}) as connection:
        raw = cast("sqlite3.Connection", connection.connection.driver_connection)
        raw.execute("PRAGMA foreign_keys = OFF")
        try:
            yield connection
        finally:
            raw.execute("PRAGMA foreign_keys = ON")


def _refuse_foreign(connection: Connection, revision: str | None, store: Store) -> None:
    if revision is None and tables_of(connection.exec_driver_sql):
        reason = "it has tables but no revision: it was not made by relance"
        raise DatabaseFault(database=name_of(store.url), reason=reason)


def _copy_of(store: Store, revision: str | None, scripts: Path) -> Path | None:
    """Copy an existing database beside its file: `dues.before-0002.2025-06-15T083000Z.db`."""
    path = file_of(store.url)
    if path is None or revision is None:
        return None
    copy = path.with_name(
        f"{path.stem}.before-{known_revisions(scripts)[-1]}.{utc_now():%Y-%m-%dT%H%M%SZ}{path.suffix}"
    )
    backup(store, copy)
    return copy


def _upgrade(connection: Connection, scripts: Path) -> None:
    """Take all steps; triggers are put aside meanwhile: a table that is rebuilt would lose its own, or be refused."""
    from alembic import command  # noqa: PLC0415 alembic takes 0.2 s

    announcing = is_announcing(connection)
    stop_announcing(connection)
    command.upgrade(_config(connection, scripts), "head")
    if announcing:
        start_announcing(connection)


def _config(connection: Connection, scripts: Path) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 alembic takes 0.2 s

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def _refuse_orphans(connection: Connection, store: Store) -> None:
    orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if orphan is not None:
        reason = f"the migration left a row of {orphan[0]} without its {orphan[2]}; nothing was changed"
        raise DatabaseFault(database=name_of(store.url), reason=reason)


def _undone(error: SQLAlchemyError) -> str:
    return f"the migration failed, nothing was changed: {getattr(error, 'orig', None) or error}"
