"""The floor: the rows that a reference year wrote, written again by set-based SQL to the same kind of file.

The year's own database is attached and read from; every phase is one transaction of INSERT … SELECT and UPDATE …
FROM, with the same keys, indexes and checks, WAL and synchronous = FULL.
"""

import sys
import time
from pathlib import Path

from tests.benchmarks.reference_year import Clock, prepare

INSTANCES = """UPDATE workflow_instance SET state = j.to_state, since = j.effective_at
    FROM (SELECT instance_id, to_state, effective_at FROM year.journal_entry
          WHERE trigger = :trigger AND acted AND from_state <> to_state AND at >= :first AND at < :last) AS j
    WHERE j.instance_id = workflow_instance.id"""
JOURNAL = """INSERT INTO journal_entry SELECT * FROM year.journal_entry
    WHERE at >= :first AND at < :last"""
OUTBOX = """INSERT INTO outbox_message SELECT * FROM year.outbox_message
    WHERE created_at >= :first AND created_at < :last"""
OCCURRENCES = """INSERT INTO occurrence SELECT * FROM year.occurrence WHERE at >= :first AND at < :last"""
DUES = "INSERT INTO due SELECT association_id, year, amount_cents, 0, issued_at, called_at FROM year.due"
PAYMENTS = "INSERT INTO payment SELECT * FROM year.payment WHERE booked_at >= :first AND booked_at < :last"
ENTRIES = "INSERT INTO ledger_entry SELECT * FROM year.ledger_entry WHERE at >= :first AND at < :last"
SETTLED = """UPDATE due SET settled_cents = settled_cents + l.amount_cents
    FROM (SELECT association_id, year, amount_cents FROM year.ledger_entry WHERE at >= :first AND at < :last) AS l
    WHERE l.association_id = due.association_id AND l.year = due.year"""
REMINDED = """UPDATE association SET reminded_at = j.effective_at, concerned = '2025'
    FROM (SELECT instance_id, effective_at FROM year.journal_entry WHERE trigger = :trigger AND acted
          AND at >= :first AND at < :last) AS j
    WHERE j.instance_id = association.instance_id"""
CUT = REMINDED.replace("reminded_at", "cut_at")
FORGOTTEN = """UPDATE association SET cut_at = NULL, concerned = ''
    FROM (SELECT instance_id FROM year.journal_entry WHERE trigger = 'pay' AND details <> ''
          AND at >= :first AND at < :last) AS j
    WHERE j.instance_id = association.instance_id"""
PROVEN = "UPDATE occurrence SET proven_at = :first WHERE event = 'remind'"
SENT = "UPDATE outbox_message SET status = 'sent', sent_at = :first"
BALLOTS = """INSERT INTO ballot SELECT id, instance_id, meeting_id, trigger, year, 'open', opens_at, closes_at,
    electorate, 0, 0, 0, 0, NULL, NULL, '', '' FROM year.ballot WHERE trigger = :trigger"""
VOTES = """INSERT INTO vote SELECT v.* FROM year.vote v JOIN year.ballot b ON b.id = v.ballot_id
    WHERE b.trigger = :trigger"""
CLOSED = """UPDATE ballot SET status = b.status, decided_at = b.decided_at, approve = b.approve, took_part = b.took_part
    FROM year.ballot AS b WHERE b.id = ballot.id AND b.trigger = :trigger"""
APPLIED = """UPDATE ballot SET applied_at = b.applied_at FROM year.ballot AS b
    WHERE b.id = ballot.id AND b.trigger = :trigger AND b.applied_at IS NOT NULL"""
TIMERS = """INSERT INTO timer SELECT '2025-09-01 07:00:00.000000', instance_id FROM year.ballot
    WHERE trigger = 'suspend'"""
RUNG = "DELETE FROM timer"
LETTERS = """INSERT INTO letter SELECT id, association_id, kind, created_at, NULL, tracking, NULL, NULL, search_note
    FROM year.letter WHERE created_at >= :first AND created_at < :last"""
TASKS = "INSERT INTO task SELECT * FROM year.task WHERE opened_at >= :first AND opened_at < :last"

MOVE = (JOURNAL, OUTBOX, OCCURRENCES, INSTANCES, TASKS)
PHASES = (
    ("call", "call", "2024-12-01", "2024-12-02", (DUES, *MOVE)),
    ("pay", "pay", "2025-01-01", "2025-05-31", (PAYMENTS, ENTRIES, SETTLED, *MOVE)),
    ("remind", "remind", "2025-06-01", "2025-06-02", (*MOVE, REMINDED)),
    ("accept", "", "2025-06-01", "2025-06-02", (SENT, PROVEN)),
    ("publish", "suspend", "2025-08-18", "2025-08-19", (BALLOTS, *MOVE)),
    ("vote", "suspend", "2025-08-28", "2025-08-29", (VOTES,)),
    ("close", "suspend", "2025-08-29", "2025-08-30", (CLOSED, TIMERS, *MOVE)),
    ("suspend", "suspend", "2025-09-01", "2025-09-02", (*MOVE, CUT, RUNG)),
    ("pay again", "pay", "2025-09-02", "2025-12-31", (PAYMENTS, ENTRIES, SETTLED, FORGOTTEN, *MOVE)),
    ("publish", "propose_removal", "2026-09-01", "2026-09-20", (BALLOTS, *MOVE)),
    ("vote", "propose_removal", "2026-09-24", "2026-09-25", (VOTES,)),
    ("close", "propose_removal", "2026-09-25", "2026-09-30", (CLOSED, APPLIED, *MOVE)),
    ("summon", "summon", "2026-10-03", "2026-10-04", (LETTERS, *MOVE)),
    ("publish", "remove", "2026-10-19", "2026-10-20", (BALLOTS, *MOVE)),
    ("vote", "remove", "2026-10-29", "2026-10-29 22", (VOTES,)),
    ("close", "remove", "2026-10-29 22", "2026-10-31", (LETTERS, CLOSED, APPLIED, *MOVE)),
)


def write(folder: Path, members: int) -> Clock:
    """Write the year of `folder`/engine.db again and return the seconds of each phase."""
    path = folder / "floor.db"
    store = prepare(path, members)
    with store.read() as connection:
        seats = connection.exec_driver_sql("SELECT count(*) FROM seat").scalar_one()
    if not seats:
        raise RuntimeError("the floor's database was not prepared")
    raw = store.engine.raw_connection()
    raw.execute("ATTACH DATABASE ? AS year", (str(folder / "engine.db"),))  # type: ignore[attr-defined]
    raw.execute("INSERT INTO meeting SELECT * FROM year.meeting")  # type: ignore[attr-defined]
    clock = Clock()
    for name, trigger, first, last, statements in PHASES:
        values = {"trigger": trigger, "first": first, "last": last}
        with clock.phase(name):
            raw.execute("BEGIN IMMEDIATE")  # type: ignore[attr-defined]
            for statement in statements:
                used = {key: value for key, value in values.items() if f":{key}" in statement}
                raw.execute(statement, used)  # type: ignore[attr-defined]
            raw.execute("COMMIT")  # type: ignore[attr-defined]
    raw.close()
    store.close()
    return clock


def compare(folder: Path) -> list[str]:
    """Tables whose number of rows, or whose states, differ between the year and its floor."""
    import sqlite3

    connection = sqlite3.connect(folder / "engine.db")
    connection.execute("ATTACH DATABASE ? AS floor", (str(folder / "floor.db"),))
    different = []
    for table in ("journal_entry", "outbox_message", "occurrence", "due", "payment", "ledger_entry", "ballot", "vote", "letter", "task"):
        counts = [connection.execute(f"SELECT count(*) FROM {schema}.{table}").fetchone()[0] for schema in ("main", "floor")]
        if counts[0] != counts[1]:
            different.append(f"{table}: {counts[0]} against {counts[1]}")
    sql = """SELECT count(*) FROM main.workflow_instance a JOIN floor.workflow_instance b ON a.id = b.id
        WHERE a.state <> b.state OR a.since <> b.since"""
    states = connection.execute(sql).fetchone()[0]
    if states:
        different.append(f"{states} instances stand elsewhere")
    return different


def _print(clock: Clock) -> None:
    for name, seconds in clock.seconds.items():
        sys.stdout.write(f"{name:26} {seconds:8.2f} s\n")
    sys.stdout.write(f"{'total':26} {clock.total:8.2f} s\n")


if __name__ == "__main__":
    started = time.perf_counter()
    _print(write(Path(sys.argv[2]), int(sys.argv[1])))
    print(compare(Path(sys.argv[2])))
