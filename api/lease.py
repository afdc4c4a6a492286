"""A lease: of several processes on one database, one schedules; it renews, or another takes over.

Taken by one conditional UPDATE. Losing it costs nothing but time: every run is idempotent.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.store import Store, instant_of, stored

SCHEDULER = "scheduler"
# A lease renewed later than it could have been is of a clock that went back: it is no longer anybody's.
_TAKE = """INSERT INTO lease (name, holder, renewed_at, until) VALUES (?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, renewed_at = excluded.renewed_at, until = excluded.until
    WHERE lease.holder = excluded.holder OR lease.until <= ? OR lease.renewed_at > ?"""
_RELEASE = "DELETE FROM lease WHERE name = ? AND holder = ?"
_HOLDER = "SELECT holder, until FROM lease WHERE name = ?"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, and until when unless it renews."""

    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class LeaseOn:
    """One process's claim to a lease of a database."""

    store: Store
    me: str
    lasts: timedelta
    name: str = SCHEDULER

    def take(self, now: datetime) -> bool:
        """Take the lease, or renew it. False: another holds it."""
        times = (stored(now), stored(now + self.lasts), stored(now), stored(now + self.lasts))
        with self.store.write() as connection:
            return connection.exec_driver_sql(_TAKE, (self.name, self.me, *times)).rowcount == 1

    def release(self) -> None:
        """Give it back, if it is mine."""
        with self.store.write() as connection:
            connection.exec_driver_sql(_RELEASE, (self.name, self.me))

    def holder(self) -> Holder | None:
        """Return who holds it."""
        with self.store.read() as connection:
            row = connection.exec_driver_sql(_HOLDER, (self.name,)).fetchone()
        return None if row is None else Holder(row[0], instant_of(row[1]))
