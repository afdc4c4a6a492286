"""What a database tells of its year, in a form that is the same whenever it was killed on the way."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

Trace: TypeAlias = Mapping[str, Counter[tuple[Any, ...]]]

IGNORED = {"api_token", "switch", "watermark", "lease", "idempotent_answer", "alembic_version"}
"""Nothing of these is of the year itself."""
WHEN: Mapping[str, set[str]] = {
    "ballot": {"opens_at", "applied_at"},
    "board_notice": {"done_at"},
    "due": {"issued_at", "called_at"},
    "event_run": {"finished_at", "braked_at", "confirmed_at"},
    "journal_entry": {"at"},
    "ledger_entry": {"at"},
    "letter": {"created_at"},
    "meeting": {"published_at", "opened_at", "closed_at"},
    "occurrence": {"at", "proven_at"},
    "outbox_message": {"created_at", "due_at", "sent_at"},
    "payment": {"at"},
    "service_order": {"ordered_at", "acked_at"},
    "task": {"opened_at", "done_at"},
    "vote": {"at"},
}
"""Columns that say when it was done: later, where a server was killed. That it was done, they say all the same."""
OF_ONE_LIFE: Mapping[str, set[str]] = {
    "outbox_message": {"id", "claim", "data_at", "attempts", "answer", "error"},
    "payment": {"external_id"},
    "task": {"id"},
    "vote": {"id", "superseded_at"},
}
"""Columns that tell how often something was tried, or are drawn by lot."""
ONLY = {
    "task": "kind NOT IN ('uncertain_mail', 'not_running')",
    "vote": "superseded_at IS NULL",
}
"""What a kill may add: the question whether a mail arrived, the silence, the same vote once more."""


def trace_of(path: Path, *, late: bool) -> Trace:
    """Every row of every table, as it may be compared. `late`: with another hour of what was done."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {table: _table(database, table, late=late) for (table,) in found if table not in IGNORED}


def _table(database: sqlite3.Connection, table: str, *, late: bool) -> Counter[tuple[Any, ...]]:
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    when = WHEN.get(table, set()) if late else set()
    kept = [column for column in columns if column not in OF_ONE_LIFE.get(table, set())]
    asked = [f"{column} IS NULL" if column in when else column for column in kept]
    return Counter(database.execute(f"SELECT {', '.join(asked)} FROM {table} WHERE {ONLY.get(table, 'true')}"))


def differences(wanted: Trace, got: Trace) -> list[str]:
    """Rows that only one of them has."""
    found = []
    for table in wanted:
        found += [f"{table} lacks {row}" for row in (wanted[table] - got[table]).elements()]
        found += [f"{table} has {row}" for row in (got[table] - wanted[table]).elements()]
    return found
