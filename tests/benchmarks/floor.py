"""The floor: the rows that a reference year wrote, written again by set-based SQL to the same kind of file.

The year's own database is attached and every row is copied or updated from it by INSERT … SELECT and UPDATE … FROM:
nothing is decided and no text is built (save the two statements that accept the mails and the one that posts the
letters, the same on both sides). Same tables, keys, indexes and checks, WAL, synchronous = FULL. A row is written as it
first stood and changed when the year changed it: a mail waits before it is sent, a letter before it is posted, a
hearing's ballot before it is opened. A statement that writes many rows makes SQLite keep what it changes aside, in a
temporary file: that belongs to set-based SQL and stays as SQLite does it by itself.

As many durable commits as the days demand. What becomes known on one day is one transaction: a step of the calendar,
an agenda, the votes, a closing, and each day's payments (nobody can write in January the payments of April). The
engine needs more of them: it writes large steps in chunks, so that nobody waits long for the lock and a crash loses
little. Where each transaction's rows lie is looked up beforehand, untimed.

`compare` proves that the same was written: every column of every row of all tables that hold a row per association
(TABLES) is equal on both sides. Not written here, and not compared: a dozen rows of the engine's own housekeeping
(watermark, event runs, agenda lists).
"""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine import outbox
from tests.benchmarks.reference_year import POSTED, Clock, prepare

TABLES = (
    *("workflow_instance", "association", "due", "payment", "ledger_entry", "letter"),
    *("occurrence", "journal_entry", "outbox_message", "task", "timer", "ballot", "vote"),
)
DATED = {
    "journal_entry": "at",
    "outbox_message": "created_at",
    "payment": "booked_at",
    "ledger_entry": "at",
    "task": "opened_at",
    "letter": "created_at",
}
"""Tables whose ids follow the time: the rows of a transaction are a range of ids."""


def _copy(table: str) -> str:
    return f"INSERT INTO {table} SELECT * FROM year.{table} WHERE id BETWEEN :{table}_first AND :{table}_last"


def _ids(table: str) -> str:
    return f"FROM year.{table} WHERE id BETWEEN :{table}_first AND :{table}_last"


MOVED = f"""UPDATE workflow_instance SET state = j.to_state, since = j.effective_at
    FROM (SELECT instance_id, to_state, effective_at {_ids("journal_entry")}
          AND trigger = :trigger AND acted AND from_state <> to_state) AS j
    WHERE j.instance_id = workflow_instance.id"""
OCCURRED = """INSERT INTO occurrence SELECT instance_id, event, year, status, at, effective_at, NULL
    FROM year.occurrence WHERE at BETWEEN :first AND :last"""
CALLED = "INSERT INTO due SELECT association_id, year, amount_cents, 0, issued_at, called_at FROM year.due"
SETTLED = f"""UPDATE due SET settled_cents = settled_cents + l.amount_cents
    FROM (SELECT association_id, year, amount_cents {_ids("ledger_entry")}) AS l
    WHERE l.association_id = due.association_id AND l.year = due.year"""
REMINDED = f"""UPDATE association SET reminded_at = j.effective_at, concerned = '2025'
    FROM (SELECT instance_id, effective_at {_ids("journal_entry")} AND trigger = :trigger AND acted) AS j
    WHERE j.instance_id = association.instance_id"""
CUT = REMINDED.replace("reminded_at", "cut_at")
FORGOTTEN = f"""UPDATE association SET cut_at = NULL, concerned = ''
    FROM (SELECT instance_id {_ids("journal_entry")} AND trigger = 'pay' AND details <> '') AS j
    WHERE j.instance_id = association.instance_id"""
SENT, PROVEN = (text.replace("?", ":first") for text in (outbox.ACCEPT_ALL, outbox.PROVE_ALL))
"""The mail server's part, by the very same statements on both sides."""
BALLOTS = """INSERT INTO ballot SELECT id, instance_id, meeting_id, trigger, year, :opening, opens_at, closes_at,
    CASE WHEN :opening = 'open' THEN electorate ELSE '' END, 0, 0, 0, 0, NULL, NULL, '', '',
    CASE WHEN :opening = 'open' THEN rule ELSE '' END, NULL, NULL, '', '' FROM year.ballot WHERE trigger = :trigger"""
OPENED = """UPDATE ballot SET status = 'open', electorate = b.electorate, rule = b.rule FROM year.ballot AS b
    WHERE b.id = ballot.id AND b.trigger = :trigger"""
VOTES = """INSERT INTO vote SELECT v.* FROM year.vote v JOIN year.ballot b ON b.id = v.ballot_id
    WHERE b.trigger = :trigger"""
CLOSED = """UPDATE ballot SET status = b.status, decided_at = b.decided_at, approve = b.approve, took_part = b.took_part
    FROM year.ballot AS b WHERE b.id = ballot.id AND b.trigger = :trigger"""
APPLIED = """UPDATE ballot SET applied_at = b.applied_at FROM year.ballot AS b
    WHERE b.id = ballot.id AND b.trigger = :trigger"""
TIMERS = """INSERT INTO timer SELECT '2025-09-01 07:00:00.000000', instance_id FROM year.ballot
    WHERE trigger = 'suspend'"""
ACCEPTED = "2025-06-01 10:00:00.000000"
RUNG = "DELETE FROM timer"
WRITTEN = f"""INSERT INTO letter SELECT id, association_id, kind, created_at, NULL, tracking, NULL, NULL, search_note
    {_ids("letter")}"""

WAITING = f"""INSERT INTO outbox_message (id, dedupe_key, instance_id, kind, occasion, event, year, recipient, language,
    context, status, created_at, due_at, sent_at, subject, body, layout, attempts, error, claim, data_at, answer)
    SELECT id, dedupe_key, instance_id, kind, occasion, event, year, recipient, language,
    context, 'pending', created_at, due_at, NULL, subject, body, layout, attempts, error, claim, data_at, answer
    {_ids("outbox_message")}"""
"""A mail is written as waiting; the server's part comes later."""

JOURNAL, TASKS = _copy("journal_entry"), _copy("task")
MOVE = (JOURNAL, WAITING, OCCURRED, MOVED, TASKS)
PAID = (_copy("payment"), _copy("ledger_entry"), SETTLED, *MOVE)


@dataclass(frozen=True, slots=True)
class Phase:
    """Statements of one or, by day, of many transactions, for the rows recorded from `first` until before `last`."""

    name: str
    trigger: str
    first: str
    last: str
    statements: tuple[str, ...]
    daily: bool = False
    opening: str = "open"


PHASES = (
    Phase("call", "call", "2024-12-01", "2025-01-01", (CALLED, *MOVE)),
    Phase("pay", "pay", "2025-01-01", "2025-06-01", PAID, daily=True),
    Phase("remind", "remind", "2025-06-01", "2025-06-30", (*MOVE, REMINDED)),
    Phase("accept", "", ACCEPTED, ACCEPTED, (SENT, PROVEN)),
    Phase("publish", "suspend", "2025-08-18", "2025-08-19", (BALLOTS, *MOVE)),
    Phase("vote", "suspend", "2025-08-28", "2025-08-28", (VOTES,)),
    Phase("close", "suspend", "2025-08-29", "2025-08-30", (CLOSED, TIMERS, *MOVE)),
    Phase("suspend", "suspend", "2025-09-01", "2025-09-02", (*MOVE, CUT, RUNG)),
    Phase("pay", "pay", "2025-09-02", "2025-12-31", (*PAID, FORGOTTEN), daily=True),
    Phase("publish", "propose_removal", "2026-01-01", "2026-09-20", (BALLOTS, *MOVE)),
    Phase("vote", "propose_removal", "2026-09-24", "2026-09-24", (VOTES,)),
    Phase("close", "propose_removal", "2026-09-25", "2026-09-30", (CLOSED, APPLIED, *MOVE)),
    Phase("summon", "summon", "2026-10-03", "2026-10-04", (WRITTEN, *MOVE)),
    Phase("letters", "", "2026-10-04", "2026-10-04", (POSTED,)),
    Phase("publish", "remove", "2026-10-04", "2026-10-20", (BALLOTS, *MOVE), opening="scheduled"),
    Phase("open", "remove", "2026-10-29", "2026-10-29", (OPENED,)),
    Phase("vote", "remove", "2026-10-29", "2026-10-29", (VOTES,)),
    Phase("close", "remove", "2026-10-30", "2026-10-31", (WRITTEN, CLOSED, APPLIED, *MOVE)),
)


@dataclass
class Dates:
    """Where the rows of each recorded instant lie: by table, the first and the last id of each instant."""

    ranges: dict[str, list[tuple[str, int, int]]] = field(default_factory=dict)

    def read(self, raw: sqlite3.Connection) -> None:
        """Look it up once. Raises AssertionError where ids do not follow the time."""
        for table, column in DATED.items():
            sql = f"SELECT {column}, min(id), max(id), count(*) FROM year.{table} GROUP BY {column} ORDER BY {column}"
            rows = raw.execute(sql).fetchall()
            assert all(last - first + 1 == count for _, first, last, count in rows), table
            self.ranges[table] = [(row[0], row[1], row[2]) for row in rows]

    def values(self, first: str, last: str) -> dict[str, object]:
        """The ranges of ids recorded between two instants, both included; tables without rows are left out."""
        found: dict[str, object] = {"first": first, "last": last}
        for table, rows in self.ranges.items():
            inside = [row for row in rows if first <= row[0] <= last]
            if inside:
                found |= {f"{table}_first": inside[0][1], f"{table}_last": inside[-1][2]}
        return found

    def instants(self, first: str, last: str) -> list[str]:
        """Every instant in a phase at which something was recorded."""
        return sorted({row[0] for rows in self.ranges.values() for row in rows if first <= row[0] < last})


def _transactions(raw: sqlite3.Connection, dates: Dates) -> Iterator[tuple[str, list[tuple[str, dict[str, object]]]]]:
    """Each transaction: its phase, its statements that have anything to do, and their values."""
    occurred = {row[0] for row in raw.execute("SELECT DISTINCT at FROM year.occurrence")}
    for phase in PHASES:
        windows = [(phase.first, phase.last)]
        if phase.daily:
            windows = [(instant, instant) for instant in dates.instants(phase.first, phase.last)]
        for first, last in windows:
            values = dates.values(first, last) | {"trigger": phase.trigger, "opening": phase.opening}
            statements = [text for text in phase.statements if _marks(text) <= values.keys()]
            if not any(first <= at <= last for at in occurred):
                statements = [text for text in statements if text is not OCCURRED]
            yield phase.name, [(text, {mark: values[mark] for mark in _marks(text)}) for text in statements]


def _marks(statement: str) -> set[str]:
    """Names of the values that a statement takes."""
    words = statement.replace(",", " ").replace(")", " ").split()
    return {word[1:] for word in words if word.startswith(":")}


def write(folder: Path, members: int) -> Clock:
    """Write the year of `folder`/engine.db again and return the seconds of each phase."""
    store = prepare(folder / "floor.db", members)
    pooled = store.engine.raw_connection()
    raw = pooled.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("ATTACH DATABASE ? AS year", (str(folder / "engine.db"),))
    raw.execute("INSERT INTO meeting SELECT * FROM year.meeting")
    dates, clock = Dates(), Clock()
    dates.read(raw)
    for name, statements in list(_transactions(raw, dates)):
        with clock.phase(name):
            raw.execute("BEGIN IMMEDIATE")
            for statement, values in statements:
                raw.execute(statement, values)
            raw.execute("COMMIT")
    pooled.close()
    store.close()
    return clock


def compare(folder: Path) -> list[str]:
    """What differs between the year and its floor: every column of every row of TABLES is compared."""
    connection = sqlite3.connect(folder / "engine.db")
    connection.execute("ATTACH DATABASE ? AS floor", (str(folder / "floor.db"),))
    different = []
    for table in TABLES:
        counts = [_count(connection, f"SELECT * FROM {schema}.{table}") for schema in ("main", "floor")]
        lacking = _count(connection, f"SELECT * FROM main.{table} EXCEPT SELECT * FROM floor.{table}")
        if counts[0] != counts[1] or lacking:
            different.append(f"{table}: {counts[0]} rows against {counts[1]}, {lacking} are different")
    connection.close()
    return different


def _count(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM ({sql})").fetchone()[0])


def main(arguments: Sequence[str]) -> None:
    """Write the floor of a folder's year, say how long each phase took, and what differs."""
    clock = write(Path(arguments[1]), int(arguments[0]))
    clock.show()
    different = compare(Path(arguments[1]))
    print("\n".join(different) or "every row is equal")
    if different:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
