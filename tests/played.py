"""What a replay left behind, in forms that tests compare."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from engine.store import Store

WHO = "CASE i.workflow WHEN 'membership' THEN i.subject ELSE i.workflow || '/' || i.subject END"
"""A number may be that of a member and, before, of a candidate: two instances."""
STEP_MAILS = ("call_for_dues", "renewal_campaign", "reminder", "suspension", "summons")
"""Notices of a year's step: at most one a year."""


@dataclass(frozen=True)
class Entry:
    """One line of the journal, in full."""

    subject: str
    at: str
    effective_at: str
    trigger: str
    before: str | None
    after: str
    acted: int
    cause: str
    actor: str
    reason: str
    mails: str
    details: str


def rows(store: Store, sql: str, *values: object) -> list[Any]:
    """Rows of a SELECT."""
    with store.read() as connection:
        return list(connection.exec_driver_sql(sql, values).fetchall())


def journal_of(store: Store) -> list[Entry]:
    """The whole journal, as written."""
    sql = f"""SELECT {WHO}, j.at, j.effective_at, j.trigger, j.from_state, j.to_state, j.acted, j.cause, j.actor,
        j.reason, j.mails, j.details FROM journal_entry j JOIN workflow_instance i ON i.id = j.instance_id
        ORDER BY j.id"""
    return [Entry(*row) for row in rows(store, sql)]


def states_of(store: Store) -> dict[str, str]:
    """Where everybody is."""
    return {row[0]: row[1] for row in rows(store, f"SELECT {WHO}, i.state FROM workflow_instance i ORDER BY 1")}


def moves_of(store: Store) -> list[tuple[str, ...]]:
    """Every move from one state to another: who, what, from where to where, and when it took effect."""
    sql = f"""SELECT {WHO}, j.trigger, j.from_state, j.to_state, j.effective_at FROM journal_entry j
        JOIN workflow_instance i ON i.id = j.instance_id WHERE j.acted AND j.from_state <> j.to_state
        ORDER BY 1, j.id"""
    return [tuple(row) for row in rows(store, sql)]


def outbox_of(store: Store) -> list[tuple[Any, ...]]:
    """Everything that left, or should have."""
    sql = """SELECT dedupe_key, kind, occasion, year, recipient, language, context, status, created_at, due_at, sent_at
        FROM outbox_message ORDER BY id"""
    return [tuple(row) for row in rows(store, sql)]


def replayed_states(journal: list[Entry]) -> dict[str, str]:
    """Follow the journal from nothing: each line begins where the one before it ended."""
    states: dict[str, str | None] = defaultdict(lambda: None)
    for entry in journal:
        assert entry.before == states[entry.subject], f"{entry} does not begin where {states[entry.subject]} was left"
        states[entry.subject] = entry.after
    return {subject: state for subject, state in states.items() if state is not None}


def repeated_notices(store: Store) -> list[Any]:
    """Notices that left more than once for one occasion: its address twice, or a year's step under two names.

    A decision that was annulled may be taken anew in the same year: then its step is told again.
    """
    by_address = """SELECT instance_id, kind, occasion, recipient FROM outbox_message WHERE instance_id IS NOT NULL
        GROUP BY instance_id, kind, occasion, recipient HAVING count(*) > 1"""
    marks = ", ".join("?" * len(STEP_MAILS))
    by_year = f"""SELECT instance_id, kind, year FROM outbox_message WHERE kind IN ({marks})
        AND instance_id NOT IN (SELECT instance_id FROM ballot WHERE annulled_at IS NOT NULL)
        GROUP BY instance_id, kind, year HAVING count(DISTINCT occasion) > 1"""
    return [*rows(store, by_address), *rows(store, by_year, *STEP_MAILS)]
