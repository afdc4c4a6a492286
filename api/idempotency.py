"""Idempotency-Key: a request that is sent again is answered again, and nothing is done twice.

The answer is kept in the transaction that did it. A refusal did nothing: sent again, it is tried again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection

from engine.errors import IdempotencyKeyReused
from engine.store import stored

KEPT = timedelta(days=30)
_FIND = "SELECT fingerprint, status, body FROM idempotent_answer WHERE token_id = ? AND key = ?"
_KEEP = "INSERT INTO idempotent_answer (token_id, key, fingerprint, status, body, at) VALUES (?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: its status, its JSON."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request under a key: whose, which, and what it asked."""

    token_id: int
    key: str
    fingerprint: str

    def earlier(self, connection: Connection) -> Answer | None:
        """Return what it was answered before. Raises IdempotencyKeyReused when the key stood for something else."""
        row = connection.exec_driver_sql(_FIND, (self.token_id, self.key)).fetchone()
        if row is None:
            return None
        if row[0] != self.fingerprint:
            raise IdempotencyKeyReused(key="of this request")
        return Answer(row[1], row[2])

    def keep(self, connection: Connection, answer: Answer, now: datetime) -> None:
        """Keep what it is answered."""
        row = (self.token_id, self.key, self.fingerprint, answer.status, answer.body, stored(now))
        connection.exec_driver_sql(_KEEP, row)


def fingerprint_of(method: str, path: str, body: str) -> str:
    """Return what makes two requests the same."""
    return sha256(f"{method} {path}\n{body}".encode()).hexdigest()


def forget_old(connection: Connection, now: datetime) -> None:
    """Forget the answers that nobody asks for again."""
    connection.exec_driver_sql("DELETE FROM idempotent_answer WHERE at < ?", (stored(now - KEPT),))
