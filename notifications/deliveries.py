"""Deliveries: which announcement goes to which hook, and what became of it. Only statements, within a transaction.

`pending` → claim → `sending` → `delivered`, `pending` again or `failed`. A claim that lapses belonged to a process
that is gone: its delivery waits again, so a receiver may get it twice, under the same id.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row

from engine.announcements import (
    DeliveryStatus,
    is_announcing,
    last_announcement,
    start_announcing,
    stop_announcing,
)
from engine.batch import CLOSE_TASK, OPEN_TASK, task_key
from engine.errors import Invalid, NotAllowed
from engine.store import Store, instant_of, maybe_instant, stored
from notifications.claims import DELAYS, KEEPS_TRYING

WEBHOOK_FAILED = "webhook_failed"
"""The task that tells the admins of a hook that takes nothing any more; one per hook."""
LEASE = timedelta(seconds=60)
"""Longer than any attempt takes: a claim that is older belongs to nobody."""
KEPT = timedelta(days=90)
BATCH = 500
NOT_CONFIGURED = "the hook is no longer configured"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that was claimed, with the announcement it carries."""

    id: int
    claim: str
    type: str
    attempts: int
    created_at: datetime
    until: datetime
    sequence: int
    uid: str
    topic: str
    what: str
    ref: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: an HTTP status, or why none. `away`: nothing can be delivered there now, whatever it is."""

    status: int | None
    text: str
    away: bool = False

    @property
    def taken(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 HTTP

    @property
    def gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.status == 410  # noqa: PLR2004 HTTP


@dataclass(frozen=True, slots=True)
class News:
    """An announcement before it is known who wants it."""

    id: int
    topic: str
    what: str
    workflow: str | None


TypeOf: TypeAlias = Callable[[News], str | None]
"""Under which type a hook is told of an announcement; None: it is not."""

# The second condition on the status repeats the partial index's own words: without it SQLite reads the whole table.
_WAITS = "hook = ? AND status = 'pending' AND status IN ('pending', 'sending')"
_DUE = f"{_WAITS} AND (due_at <= ? OR due_at > ?)"
_ANY_NEWS = "SELECT 1 FROM announcement WHERE id > (SELECT after_id FROM webhook_hook WHERE name = ?) LIMIT 1"
_ANY_DUE = f"SELECT 1 FROM webhook_delivery WHERE {_DUE} LIMIT 1"  # noqa: S608 constants
_ANY_WAITING = f"SELECT 1 FROM webhook_delivery WHERE {_WAITS} LIMIT 1"  # noqa: S608 constants
_NEWS = """SELECT a.id, a.topic, a.what, i.workflow FROM announcement a
    LEFT JOIN workflow_instance i ON i.id = a.instance_id
    WHERE a.id > (SELECT after_id FROM webhook_hook WHERE name = ?) ORDER BY a.id LIMIT ?"""
_PUT = """INSERT INTO webhook_delivery (hook, announcement_id, type, status, created_at, due_at, until, attempts, error)
    VALUES (?, ?, ?, 'pending', ?, ?, ?, 0, '') ON CONFLICT DO NOTHING"""
_CLAIM = f"""UPDATE webhook_delivery SET status = 'sending', attempts = attempts + 1, claim = ?, due_at = ?
    WHERE id = (SELECT id FROM webhook_delivery WHERE {_DUE} ORDER BY due_at, id LIMIT 1)
    RETURNING id, claim, type, attempts, created_at, until, announcement_id"""  # noqa: S608 constants
_ANNOUNCED = "SELECT uid, topic, what, ref, at FROM announcement WHERE id = ?"
_OURS = "id = ? AND claim = ? AND status = 'sending'"
_DELIVERED = f"""UPDATE webhook_delivery SET status = 'delivered', delivered_at = ?, response = ?, error = '',
    claim = NULL WHERE {_OURS}"""  # noqa: S608 constants
_AGAIN = f"""UPDATE webhook_delivery SET status = 'pending', due_at = ?, response = ?, error = ?, claim = NULL
    WHERE {_OURS}"""  # noqa: S608 constants
_FAILED = f"""UPDATE webhook_delivery SET status = 'failed', response = ?, error = ?, claim = NULL
    WHERE {_OURS}"""  # noqa: S608 constants
_DEFERRED = f"SELECT id, attempts + 1, until FROM webhook_delivery WHERE {_DUE}"  # noqa: S608 constants
_DEFER = """UPDATE webhook_delivery SET status = ?, due_at = ?, attempts = ?, response = ?, error = ?
    WHERE id = ? AND status = 'pending'"""
_RECOVER = """UPDATE webhook_delivery SET status = 'pending', due_at = ?, claim = NULL, error = 'interrupted'
    WHERE hook = ? AND status = 'sending' AND status IN ('pending', 'sending') AND (due_at < ? OR due_at > ?)"""
_ANY_LAPSED = """SELECT 1 FROM webhook_delivery WHERE hook = ? AND status = 'sending'
    AND status IN ('pending', 'sending') AND (due_at < ? OR due_at > ?) LIMIT 1"""
_CAPTURE = f"UPDATE webhook_delivery SET status = 'captured' WHERE {_WAITS}"  # noqa: S608 constants
_RELEASE = """UPDATE webhook_delivery SET status = 'pending', attempts = 0, due_at = ?, until = ?, error = '',
    delivered_at = NULL, response = NULL WHERE id = ?"""


# Who listens


def listen(store: Store, names: Collection[str], now: datetime) -> None:
    """Let these hooks be told of what happens from now on, and no others; nothing is written where that is so already.

    A new hook begins with what happens next. What still waits for one that is gone fails.
    """
    with store.read() as connection:
        if _listens(connection, names):
            return
    with store.write() as connection:
        known = _known(connection)
        for name in known - set(names):
            connection.exec_driver_sql("DELETE FROM webhook_hook WHERE name = ?", (name,))
            sql = """UPDATE webhook_delivery SET status = 'failed', error = ?, claim = NULL
                WHERE hook = ? AND status IN ('pending', 'sending')"""
            connection.exec_driver_sql(sql, (NOT_CONFIGURED, name))
            _close_task(connection, name, now, NOT_CONFIGURED)
        begin = last_announcement(connection)
        rows = [(name, begin, stored(now)) for name in names if name not in known]
        if rows:
            connection.exec_driver_sql("INSERT INTO webhook_hook (name, after_id, since) VALUES (?, ?, ?)", rows)
        if names:
            start_announcing(connection)
        else:
            stop_announcing(connection)


def _listens(connection: Connection, names: Collection[str]) -> bool:
    return _known(connection) == set(names) and is_announcing(connection) == bool(names)


def _known(connection: Connection) -> set[str]:
    return {row[0] for row in connection.exec_driver_sql("SELECT name FROM webhook_hook")}


# What there is to do: asked every few seconds, without a lock


def any_news(connection: Connection, hook: str) -> bool:
    """Whether something was announced that a hook has not been given yet."""
    return connection.exec_driver_sql(_ANY_NEWS, (hook,)).fetchone() is not None


def any_due(connection: Connection, hook: str, now: datetime) -> bool:
    """Whether some delivery may be tried now."""
    return connection.exec_driver_sql(_ANY_DUE, (hook, *_until(now))).fetchone() is not None


def any_waiting(connection: Connection, hook: str) -> bool:
    """Whether some delivery waits, due or not."""
    return connection.exec_driver_sql(_ANY_WAITING, (hook,)).fetchone() is not None


def any_lapsed(connection: Connection, hook: str, now: datetime) -> bool:
    """Whether some claim has lapsed."""
    return connection.exec_driver_sql(_ANY_LAPSED, (hook, stored(now), stored(now + 2 * LEASE))).fetchone() is not None


def _until(now: datetime) -> tuple[str, str]:
    """What is due: until now, or later than any delay allows, where the clock was set back."""
    return stored(now), stored(now + max(DELAYS) + LEASE)


# From announcements to deliveries


def take_up(connection: Connection, hook: str, type_of: TypeOf, now: datetime) -> bool:
    """Give a hook what it wants of the next announcements; False when these were the last."""
    news = [News(*row) for row in connection.exec_driver_sql(_NEWS, (hook, BATCH))]
    wanted = [(one.id, kind) for one in news if (kind := type_of(one)) is not None]
    if wanted:
        when = (stored(now), stored(now), stored(now + KEEPS_TRYING))
        connection.exec_driver_sql(_PUT, [(hook, number, kind, *when) for number, kind in wanted])
    if news:
        connection.exec_driver_sql("UPDATE webhook_hook SET after_id = ? WHERE name = ?", (news[-1].id, hook))
    return len(news) == BATCH


def recover(connection: Connection, hook: str, now: datetime) -> int:
    """Take back the claims that have lapsed. Returns how many."""
    row = (stored(now), hook, stored(now), stored(now + 2 * LEASE))
    return connection.exec_driver_sql(_RECOVER, row).rowcount


def capture(connection: Connection, hook: str) -> int:
    """Keep what waits: it will not leave by itself. Returns how many."""
    return connection.exec_driver_sql(_CAPTURE, (hook,)).rowcount


def claim(connection: Connection, hook: str, now: datetime) -> Delivery | None:
    """Claim the delivery that has been due longest; None when there is none."""
    row = connection.exec_driver_sql(_CLAIM, (token_hex(8), stored(now + LEASE), hook, *_until(now))).fetchone()
    if row is None:
        return None
    uid, topic, what, ref, at = connection.exec_driver_sql(_ANNOUNCED, (row[6],)).one()
    number, claimed, kind, attempts, made, until, sequence = row
    when = (instant_of(made), instant_of(until))
    return Delivery(number, claimed, kind, attempts, *when, sequence, uid, topic, what, ref, maybe_instant(at))


def settle(connection: Connection, hook: str, delivery: Delivery, reply: Reply, now: datetime) -> None:
    """Write down what became of an attempt; where the receiver is away, all that is due has been tried in vain."""
    mine = (delivery.id, delivery.claim)
    again = None if reply.gone else _next_try(delivery.attempts, delivery.until, now)
    if reply.taken:
        connection.exec_driver_sql(_DELIVERED, (stored(now), reply.status, *mine))
        _close_task(connection, hook, now, "it takes them again")
    elif again is not None:
        connection.exec_driver_sql(_AGAIN, (stored(again), reply.status, reply.text, *mine))
    elif connection.exec_driver_sql(_FAILED, (reply.status, _given_up(delivery.attempts, reply), *mine)).rowcount:
        _ask(connection, hook, reply, now)
    if reply.away:
        _defer(connection, hook, reply, now)


def _defer(connection: Connection, hook: str, reply: Reply, now: datetime) -> None:
    changes = []
    for number, attempts, until in connection.exec_driver_sql(_DEFERRED, (hook, *_until(now))).fetchall():
        again = _next_try(attempts, instant_of(until), now)
        status = DeliveryStatus.FAILED if again is None else DeliveryStatus.PENDING
        said = _given_up(attempts, reply) if again is None else reply.text
        changes.append((status.value, stored(again or now), attempts, reply.status, said, number))
    if changes:
        connection.exec_driver_sql(_DEFER, changes)
    if any(change[0] == DeliveryStatus.FAILED.value for change in changes):
        _ask(connection, hook, reply, now)


def _next_try(attempts: int, until: datetime, now: datetime) -> datetime | None:
    again = now + DELAYS[min(attempts, len(DELAYS)) - 1]
    return again if again <= until else None


def _given_up(attempts: int, reply: Reply) -> str:
    return f"given up after {attempts} attempt{'s' * (attempts > 1)}: {reply.text}"


def _ask(connection: Connection, hook: str, reply: Reply, now: datetime) -> None:
    note = f"webhook {hook} does not take what it is told ({reply.text}): relance webhooks --status failed"
    row = (task_key(WEBHOOK_FAILED, None, hook), WEBHOOK_FAILED, None, hook, stored(now), None, note)
    connection.exec_driver_sql(OPEN_TASK.sql, row)


def _close_task(connection: Connection, hook: str, now: datetime, note: str) -> None:
    key = task_key(WEBHOOK_FAILED, None, hook)
    connection.exec_driver_sql(CLOSE_TASK.sql, (stored(now), "relance", f"; {note}", key))


def forget_old(connection: Connection, now: datetime) -> None:
    """Forget what was settled three months ago, and announcements that nobody wanted or that nobody keeps any more."""
    sql = "DELETE FROM webhook_delivery WHERE status NOT IN ('pending', 'sending') AND created_at < ?"
    connection.exec_driver_sql(sql, (stored(now - KEPT),))
    connection.exec_driver_sql(
        """DELETE FROM announcement WHERE id < (SELECT min(after_id) FROM webhook_hook)
            AND NOT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.announcement_id = announcement.id)"""
    )


# A person looks, and decides


_LIST = """SELECT d.id, d.hook, d.type, a.uid AS message, d.announcement_id AS sequence, d.status, d.attempts,
    d.created_at, d.due_at, d.delivered_at, d.response, d.error
    FROM webhook_delivery d JOIN announcement a ON a.id = d.announcement_id"""


def deliveries(
    connection: Connection, status: str | None = None, after: int = 0, limit: int = -1
) -> list[Mapping[str, Any]]:
    """List deliveries, oldest first."""
    sql = f"{_LIST} WHERE d.id > ? AND d.status = coalesce(?, d.status) ORDER BY d.id LIMIT ?"
    return [_listed(row) for row in connection.exec_driver_sql(sql, (after, status, limit))]


def delivery(connection: Connection, number: int) -> Mapping[str, Any] | None:
    """Return one delivery; None when there is none of that number."""
    row = connection.exec_driver_sql(f"{_LIST} WHERE d.id = ?", (number,)).fetchone()
    return None if row is None else _listed(row)


def _listed(row: Row[Any]) -> Mapping[str, Any]:
    listed = row._asdict()
    return listed | {name: maybe_instant(listed[name]) for name in ("created_at", "due_at", "delivered_at")}


def release(connection: Connection, number: int, now: datetime) -> None:
    """Let a delivery leave now, or again, under the same id, for five days. Raises Invalid, NotAllowed."""
    found = delivery(connection, number)
    if found is None:
        raise Invalid(reason=f"there is no delivery {number}")
    if found["status"] == DeliveryStatus.SENDING:
        raise NotAllowed(reason=f"delivery {number} is sending: it leaves just now")
    if found["hook"] not in _known(connection):
        raise NotAllowed(reason=f"delivery {number} is for {found['hook']}: {NOT_CONFIGURED}")
    connection.exec_driver_sql(_RELEASE, (stored(now), stored(now + KEEPS_TRYING), number))
