"""Which revision a database is at, and which the code knows: read without alembic, which takes 0.2 s to import."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.faults import DatabaseFault

SCRIPTS = Path(__file__).parent / "migrations"
"""Alembic's folder: env.py, script.py.mako, versions/0001_initial.py and so on."""


def known_revisions(scripts: Path = SCRIPTS) -> list[str]:
    """List the revisions of the code, in order: the four digits that begin each migration's file name."""
    return sorted(path.name[:4] for path in (scripts / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def revision_of(execute: Callable[[str], Any]) -> str | None:
    """Read the revision of an SQLite database; None when it has none. `execute` runs one statement."""
    if not execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall():
        return None
    rows = execute("SELECT version_num FROM alembic_version").fetchall()
    return str(rows[0][0]) if rows else None


def tables_of(execute: Callable[[str], Any]) -> list[str]:
    """List the tables of an SQLite database, SQLite's own left out. `execute` runs one statement."""
    rows = execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall()
    return [str(row[0]) for row in rows]


def refuse_newer(revision: str, database: object, scripts: Path = SCRIPTS) -> None:
    """Refuse a database of a revision that the code does not know. Raises DatabaseFault."""
    known = known_revisions(scripts)
    if revision not in known:
        last = known[-1] if known else "none"
        reason = f"it is of a newer version of relance (revision {revision}; this one knows {last}): install that one"
        raise DatabaseFault(database=database, reason=reason)
