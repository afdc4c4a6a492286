"""The reference year: N associations through the real engine, against the same rows by set-based SQL.

All are called, 80 % pay on scattered days, the rest are reminded, balloted with 7 votes each and cut; half of them
pay, the rest are listed the year after, voted and removed. Both sides write the same kind of file: WAL,
synchronous = FULL, the same tables and indexes. Only the engine is timed: bank files and votes are prepared beforehand.
It is called as the server calls it: `tick` for the calendar, `acting` for each bank file, `cast_votes` for the board.
"""

import gc
import random
import resource
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from engine import outbox
from engine.ballots import Choice
from engine.board_models import BallotStatus
from engine.engine import Engine
from engine.rules import Mode, Rules
from engine.store import Store, stored
from engine.voting import Cast
from workflows.membership import ledger
from workflows.membership.definition import MEMBERSHIP

TZ = ZoneInfo("Europe/Paris")
SEATS = tuple(f"S{number}" for number in range(1, 8))
CHUNK = 5000


@dataclass
class Clock:
    """Seconds by phase: of wall time, and of this process's own work (user and system)."""

    seconds: dict[str, float] = field(default_factory=dict)
    worked: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block."""
        start, working = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.worked[name] = self.worked.get(name, 0.0) + time.process_time() - working

    @property
    def total(self) -> float:
        """Seconds of wall time of all phases."""
        return sum(self.seconds.values())

    @property
    def work(self) -> float:
        """Seconds that this process worked in all phases."""
        return sum(self.worked.values())

    def show(self) -> None:
        """Print the phases."""
        for name, seconds in self.seconds.items():
            print(f"{name:26} {seconds:8.2f} s {self.worked[name]:8.2f} s of work")
        print(f"{'total':26} {self.total:8.2f} s {self.work:8.2f} s of work")


def at(year: int, month: int, day: int, hour: int = 12) -> datetime:
    """An instant given in Paris time."""
    return datetime(year, month, day, hour, tzinfo=TZ).astimezone(UTC)


def prepare(path: Path, members: int) -> Store:
    """A database with N associations that are up to date: not timed, the same on both sides."""
    store = Store(f"sqlite:///{path}")
    store.create_tables()
    start = stored(at(2024, 11, 30))
    with store.write() as connection:
        connection.exec_driver_sql(
            """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO workflow_instance (id, workflow, version, subject, state, since, started_at)
            SELECT i, 'membership', 1, printf('A%07d', i), 'paid', ?, ? FROM n""",
            (members, start, start),
        )
        connection.exec_driver_sql(
            """INSERT INTO association (instance_id, name, kind, joined_on, contact_name, contact_role, email,
            treasurer_name, treasurer_email, phone, address, postcode, city, region, country, language, themes,
            hold_reason, concerned, credit_cents)
            SELECT id, 'Association ' || subject, 'association', '2010-01-01', 'Anne Vidal', 'chair',
            'contact@' || subject || '.example', '', '', '', '1 rue des Arts', '31000', 'Toulouse', '', 'FR', 'fr', '',
            '', '', 0 FROM workflow_instance"""
        )
        rows = [(seat, seat, "", "member") for seat in SEATS]
        connection.exec_driver_sql("INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)", rows)
    return store


class ReferenceYear:
    """The engine's side."""

    def __init__(self, store: Store, members: int) -> None:
        """Get ready."""
        self.store, self.members = store, members
        self.clock = Clock()
        self.engine = Engine(store, Rules(TZ), (MEMBERSHIP,))
        off = dict.fromkeys(("call", "campaign", "remind", "suspend"), Mode.OFF)
        self.second = Engine(store, Rules(TZ, modes=off), (MEMBERSHIP,))
        self.random = random.Random(2025)

    def run(self) -> Clock:
        """Live the year."""
        self.engine.start_clock(at(2024, 11, 30))
        with self.clock.phase("call"):
            self.engine.tick(at(2024, 12, 1))
        payers = self._shuffled("called")[: self.members * 8 // 10]
        self._pay(payers, date(2025, 1, 3), 2025)
        with self.clock.phase("remind"):
            self.engine.tick(at(2025, 6, 1))
        self._accept()
        self._board("suspend", at(2025, 8, 18, 19), at(2025, 8, 28, 19), at(2025, 8, 29, 4))
        with self.clock.phase("suspend"):
            self.engine.tick(at(2025, 9, 1))
            self.engine.confirm_brake(at(2025, 9, 1), "bench")
        self._pay(self._shuffled("suspended")[: self.members // 10], date(2025, 9, 3), 2025)
        self._strike_off()
        return self.clock

    def _strike_off(self) -> None:
        self.engine = self.second
        self._board("propose_removal", at(2026, 9, 14, 19), at(2026, 9, 24, 19), at(2026, 9, 25, 4))
        with self.clock.phase("summon"):
            self.engine.tick(at(2026, 10, 3))
        with self.clock.phase("letters"), self.store.write() as connection:
            connection.exec_driver_sql(POSTED)
        self._board("remove", at(2026, 10, 19, 19), at(2026, 10, 29, 19), at(2026, 10, 30, 4))

    def _shuffled(self, state: str) -> "array[int]":
        with self.store.read() as connection:
            rows = connection.exec_driver_sql("SELECT id FROM workflow_instance WHERE state = ?", (state,))
            ids = array("i", (row[0] for row in rows))
        self.random.shuffle(ids)
        return ids

    def _pay(self, payers: "array[int]", first: date, year: int) -> None:
        """On scattered days: each day's bank file is booked at once."""
        days = 100 if year == 2025 and first.month == 1 else 20
        for number in range(days):
            day = first + timedelta(days=number)
            now = at(day.year, day.month, day.day, 18)
            bank_file = [
                ledger.NewPayment("bank", f"{year}-{payer}-{day}", day, (ledger.Share(payer, 2000, year),), "transfer")
                for payer in payers[number::days]
            ]
            for start in range(0, len(bank_file), CHUNK):
                with self.clock.phase("pay"), self.engine.acting(MEMBERSHIP, now) as work:
                    ledger.book(work, bank_file[start : start + CHUNK])

    def _accept(self) -> None:
        """A server accepted the reminders: two set-based statements, on both sides."""
        with self.clock.phase("accept"), self.store.write() as connection:
            connection.exec_driver_sql(outbox.ACCEPT_ALL, (stored(at(2025, 6, 1)),))
            connection.exec_driver_sql(outbox.PROVE_ALL, (stored(at(2025, 6, 1)),) * 2)

    def _board(self, trigger: str, published: datetime, held: datetime, closed: datetime) -> None:
        with self.clock.phase(f"publish {trigger}"):
            self.engine.tick(published)
        with self.clock.phase(f"open {trigger}"):
            self.engine.tick(held)
        with self.store.read() as connection:
            sql = "SELECT id FROM ballot WHERE trigger = ? AND status = ? ORDER BY id"
            ballots = array("i", (row[0] for row in connection.exec_driver_sql(sql, (trigger, BallotStatus.OPEN))))
        for seat in SEATS:
            for start in range(0, len(ballots), CHUNK):
                votes = [Cast(ballot, seat, Choice.APPROVE) for ballot in ballots[start : start + CHUNK]]
                with self.clock.phase(f"vote {trigger}"):
                    self.engine.cast_votes(MEMBERSHIP, votes, held, "bench")
        with self.clock.phase(f"close {trigger}"):
            self.engine.tick(closed)


POSTED = """UPDATE letter SET posted_on = '2026-10-04', first_presented_on = '2026-10-06', outcome = 'delivered'"""


def peak_megabytes() -> float:
    """Peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def live(members: int, folder: Path) -> Clock:
    """Live the year once, in `folder`/engine.db. Raises RuntimeError when the members do not end where they should."""
    gc.freeze()
    store = prepare(folder / "engine.db", members)
    clock = ReferenceYear(store, members).run()
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT state, count(*) FROM workflow_instance GROUP BY state").fetchall()
    store.close()
    paid, removed = members * 9 // 10, members // 10
    if {row[0]: row[1] for row in rows} != {"paid": paid, "removed": removed}:
        raise RuntimeError(f"the members ended elsewhere: {rows}")
    return clock


def main(members: int, folder: Path) -> None:
    """Live it once in this process and print the phases."""
    clock = live(members, folder)
    clock.show()
    print(f"peak {peak_megabytes():.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
