"""What makes a database a demo's, for good: a mark in the file itself, which every copy of it has too.

`serve`, `tick` and `mail live` refuse a marked database. Besides, its own triggers refuse to let it send mail.
"""

from typing import ClassVar

from sqlalchemy import Connection

from engine.errors import NotAllowed
from engine.store import Store

MARK = 0x44454D4F
"""SQLite's application_id: "DEMO". It stands in the file's header: backups and restores keep it, migrations too."""
_NEVER_LIVE = """CREATE TRIGGER demo_never_live_{verb} BEFORE {verb} ON switch
    WHEN NEW.name = 'mail_mode' AND NEW.value = 'live'
    BEGIN SELECT RAISE(ABORT, 'the database of a demo never sends mail'); END"""


class OfADemo(NotAllowed):
    """This database is a demo's: {reason}."""

    type: ClassVar[str] = "not-allowed"


def mark(store: Store) -> None:
    """Make a database a demo's. Nothing takes that back."""
    with store.write() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {MARK}")
        for verb in ("INSERT", "UPDATE"):
            connection.exec_driver_sql(_NEVER_LIVE.format(verb=verb))


def is_demo(store: Store) -> bool:
    """Whether a database is a demo's."""
    with store.read() as connection:
        return has_mark(connection)


def has_mark(connection: Connection) -> bool:
    """Whether the database of a connection is a demo's."""
    if connection.dialect.name != "sqlite":
        return False
    return bool(connection.exec_driver_sql("PRAGMA application_id").scalar_one() == MARK)


def refuse_demo(store: Store, reason: str) -> None:
    """Refuse the database of a demo. Raises OfADemo."""
    if is_demo(store):
        raise OfADemo(reason=reason)
