"""Rows of the outbox on their way: claimed by one pump, given back, settled. Only statements, within a transaction.

`pending` → claim → `sending` → `sent`, `pending` again, `failed` or `uncertain`. Every change of a row that is being
sent asks for its claim, so that a pump that was thought dead changes nothing it has lost.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, TypeAlias

from sqlalchemy import Connection

from engine.batch import CLOSE_TASK, OPEN_TASK, task_key
from engine.errors import Invalid, NotAllowed
from engine.models import OutboxStatus
from engine.outbox import mark_sent
from engine.store import instant_of, rows_of, stored
from notifications.enclosures import enclosed
from notifications.mail import Outgoing
from notifications.pages import NO_PAGES, pages_of
from notifications.smtp import Answer, Verdict

UNCERTAIN_MAIL = "uncertain_mail"
"""The task that asks a person whether a mail arrived (INTERFACE § 4)."""
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 60, 120, 240, 360))
"""After the first attempt, the second …; the last one from then on."""
KEEPS_TRYING = timedelta(days=5)
INTERRUPTED = "interrupted while it was being sent"
RELEASABLE = {OutboxStatus.UNCERTAIN, OutboxStatus.FAILED, OutboxStatus.BOUNCED, OutboxStatus.CAPTURED}

ClosesAt: TypeAlias = Callable[[str, int], datetime | None]
"""When the window of a step (event, year) ends: a mail about it is not tried beyond."""
NoLongerRight: TypeAlias = Callable[[Connection, Sequence[int]], Mapping[int, str]]
"""Which of these messages have become wrong before they left, each with the reason."""

# The second condition on the status repeats the partial index's own words: without it SQLite reads the whole table.
_WAITS = "status = 'pending' AND status IN ('pending', 'sending')"
_AT_ONCE = "attempts = 0 AND due_at <= created_at"
_DUE = f"{_WAITS} AND body IS NOT NULL AND ({_AT_ONCE} OR due_at <= ? OR due_at > ?)"
_ANY_DUE = f"SELECT 1 FROM outbox_message WHERE {_DUE} LIMIT 1"  # noqa: S608 constants
_ANY_WAITING = f"SELECT 1 FROM outbox_message WHERE {_WAITS} AND body IS NOT NULL LIMIT 1"  # noqa: S608 constants
_IDS = f"SELECT id FROM outbox_message WHERE {_DUE} ORDER BY due_at, id LIMIT ?"  # noqa: S608 constants
_CLAIM = """WITH given (id) AS {ids} UPDATE outbox_message
    SET status = 'sending', attempts = attempts + 1, claim = ?, due_at = ?, data_at = ?
    WHERE id IN (SELECT id FROM given) AND status = 'pending'
    RETURNING id, dedupe_key, instance_id, kind, event, year, recipient, language, subject, body, created_at, attempts,
    claim, layout"""
_DROP = "UPDATE outbox_message SET status = 'dropped', error = ? WHERE id = ? AND status = 'pending'"
_EXTEND = """UPDATE outbox_message SET due_at = ?
    WHERE claim = ? AND status = 'sending' AND status IN ('pending', 'sending')"""
_REACHED = "UPDATE outbox_message SET data_at = ?, due_at = ? WHERE id = ? AND claim = ? AND status = 'sending'"
_OURS = "claim = ? AND status IN ('sending', 'uncertain')"
_STILL_OURS = f"SELECT id, status FROM outbox_message WHERE id IN {{ids}} AND {_OURS}"  # noqa: S608 constants
_ANSWERED = "UPDATE outbox_message SET answer = ?, error = '' WHERE id = ?"
_AGAIN = f"""UPDATE outbox_message SET status = 'pending', due_at = ?, error = ?, claim = NULL, data_at = NULL
    WHERE id = ? AND {_OURS}"""  # noqa: S608 constants
_UNTRIED = f"""UPDATE outbox_message SET status = 'pending', due_at = ?, attempts = attempts - 1, claim = NULL,
    data_at = NULL WHERE id = ? AND {_OURS}"""  # noqa: S608 constants
_ENDED = f"UPDATE outbox_message SET status = ?, error = ? WHERE id = ? AND {_OURS}"  # noqa: S608 constants
_DEFERRED = f"""SELECT id, dedupe_key, instance_id, kind, event, year, recipient, language, '', '', created_at,
    attempts + 1, '', NULL FROM outbox_message WHERE {_DUE}"""  # noqa: S608 constants
_DEFER = """UPDATE outbox_message SET status = ?, due_at = ?, error = ?, attempts = attempts + 1
    WHERE id = ? AND status = 'pending'"""
_LAPSED = """SELECT id, kind, instance_id, recipient, data_at IS NULL FROM outbox_message
    WHERE status = 'sending' AND status IN ('pending', 'sending') AND (due_at < ? OR due_at > ?)"""
_ANY_LAPSED = f"{_LAPSED} LIMIT 1"
_CAPTURE = f"UPDATE outbox_message SET status = 'captured' WHERE {_WAITS} AND body IS NOT NULL"  # noqa: S608 constants
_ONE = "SELECT status, instance_id, recipient FROM outbox_message WHERE id = ?"
_RELEASE = """UPDATE outbox_message SET status = 'pending', attempts = 0, due_at = ?, error = '', claim = NULL,
    data_at = NULL WHERE id = ?"""


@dataclass(frozen=True, slots=True)
class Settled:
    """One attempt and what became of it."""

    mail: Outgoing
    answer: Answer


# What there is to do: asked every few seconds, without a lock


def any_due(connection: Connection, now: datetime, lease: timedelta) -> bool:
    """Whether some mail may be tried now."""
    return connection.exec_driver_sql(_ANY_DUE, _until(now, lease)).fetchone() is not None


def any_waiting(connection: Connection) -> bool:
    """Whether some mail has its words and waits, due or not."""
    return connection.exec_driver_sql(_ANY_WAITING).fetchone() is not None


def any_lapsed(connection: Connection, now: datetime, lease: timedelta) -> bool:
    """Whether some claim has lapsed."""
    return connection.exec_driver_sql(_ANY_LAPSED, (stored(now), stored(now + 2 * lease))).fetchone() is not None


def _until(now: datetime, lease: timedelta) -> tuple[str, str]:
    """What is due: until now, or later than any delay allows, where the clock was set back."""
    return stored(now), stored(now + max(DELAYS) + lease)


# Claiming


def claim(
    connection: Connection, now: datetime, lease: timedelta, limit: int, no_longer_right: NoLongerRight
) -> tuple[list[Outgoing], int]:
    """Claim the mails that are due, oldest first, at most so many; return them, and how many were dropped.

    A mail that was never tried is due whatever the clock says: it may have been set back. Those of more than one are
    counted as handed over at once: no more is written until they are through.
    """
    dropped = 0
    while limit:
        ids = [row[0] for row in connection.exec_driver_sql(_IDS, (*_until(now, lease), limit))]
        wrong = no_longer_right(connection, ids) if ids else {}
        if wrong:
            connection.exec_driver_sql(_DROP, [(reason, message) for message, reason in wrong.items()])
            dropped += len(wrong)
        ids = [message for message in ids if message not in wrong]
        if ids or not wrong:
            data_at = stored(now) if len(ids) > 1 else None
            claimed = (token_hex(8), stored(now + lease), data_at)
            rows = rows_of(connection, _CLAIM, ids, *claimed) if ids else []
            pages = pages_of(connection, {row[-1] for row in rows})
            mails = {row[0]: _outgoing(row, pages) for row in rows}
            return enclosed(connection, [mails[message] for message in ids if message in mails]), dropped
    return [], dropped


def reach(connection: Connection, mail: Outgoing, now: datetime, lease: timedelta) -> bool:
    """Note that a mail's content is about to go; False when the mail is not ours any more."""
    row = (stored(now), stored(now + lease), mail.id, mail.claim)
    return connection.exec_driver_sql(_REACHED, row).rowcount == 1


def extend(connection: Connection, claimed: str, until: datetime) -> None:
    """Hold a claim longer."""
    connection.exec_driver_sql(_EXTEND, (stored(until), claimed))


def capture(connection: Connection) -> int:
    """Keep what waits for reading: it will not leave, and proves nothing. Returns how many."""
    return connection.exec_driver_sql(_CAPTURE).rowcount


def _outgoing(row: Sequence[Any], pages: Mapping[str, str] = NO_PAGES) -> Outgoing:
    values = [*row[:10], instant_of(row[10]), *row[11:-1], pages.get(row[-1], "")]
    return Outgoing(*values)


# Settling


def settle(connection: Connection, settled: Iterable[Settled], now: datetime, closes_at: ClosesAt) -> None:
    """Write down what became of attempts, also where the claim had lapsed and the mail was thought uncertain."""
    by_claim: dict[str, list[Settled]] = {}
    for one in settled:
        by_claim.setdefault(one.mail.claim, []).append(one)
    for claimed, group in by_claim.items():
        ours: dict[int, str] = dict(rows_of(connection, _STILL_OURS, [one.mail.id for one in group], claimed))
        mine = [one for one in group if one.mail.id in ours]
        _accept(connection, [one for one in mine if one.answer.verdict is Verdict.ACCEPTED], now)
        for one in mine:
            if one.answer.verdict is not Verdict.ACCEPTED:
                _settle_one(connection, one, now, closes_at)
            if ours[one.mail.id] == OutboxStatus.UNCERTAIN and one.answer.verdict is not Verdict.UNCERTAIN:
                _certain(connection, one.mail.id, one.mail.instance_id, now, note="the server's answer came")


def _accept(connection: Connection, accepted: Sequence[Settled], now: datetime) -> None:
    if accepted:
        connection.exec_driver_sql(_ANSWERED, [(one.answer.text, one.mail.id) for one in accepted])
        mark_sent(connection, [one.mail.id for one in accepted], now)


def _settle_one(connection: Connection, one: Settled, now: datetime, closes_at: ClosesAt) -> None:
    mail, text = one.mail, one.answer.text
    mine = (mail.id, mail.claim)
    match one.answer.verdict:
        case Verdict.UNTRIED:
            connection.exec_driver_sql(_UNTRIED, (stored(now), *mine))
        case Verdict.LATER:
            again = next_try(mail, now, closes_at)
            if again is None:
                connection.exec_driver_sql(_ENDED, (OutboxStatus.FAILED.value, given_up(mail, text), *mine))
            else:
                connection.exec_driver_sql(_AGAIN, (stored(again), text, *mine))
        case Verdict.UNCERTAIN:
            connection.exec_driver_sql(_ENDED, (OutboxStatus.UNCERTAIN.value, text, *mine))
            _ask(connection, (mail.id, mail.kind, mail.instance_id, mail.recipient), now, text)
        case _:
            connection.exec_driver_sql(_ENDED, (OutboxStatus.FAILED.value, text, *mine))


def defer(connection: Connection, text: str, now: datetime, lease: timedelta, closes_at: ClosesAt) -> int:
    """The server cannot be used: every mail that is due has been tried in vain. Returns how many."""
    rows = connection.exec_driver_sql(_DEFERRED, _until(now, lease)).fetchall()
    changes = []
    for mail in map(_outgoing, rows):
        again = next_try(mail, now, closes_at)
        if again is None:
            changes.append((OutboxStatus.FAILED.value, stored(now), given_up(mail, text), mail.id))
        else:
            changes.append((OutboxStatus.PENDING.value, stored(again), text, mail.id))
    if changes:
        connection.exec_driver_sql(_DEFER, changes)
    return len(changes)


def next_try(mail: Outgoing, now: datetime, closes_at: ClosesAt) -> datetime | None:
    """When to try again; None when that would be too late: 5 days after creation, or past the step's window."""
    again = now + DELAYS[min(mail.attempts, len(DELAYS)) - 1]
    window = closes_at(mail.event, mail.year) if mail.event is not None and mail.year is not None else None
    last = mail.created_at + KEEPS_TRYING
    return again if again <= (last if window is None else min(last, window)) else None


def given_up(mail: Outgoing, text: str) -> str:
    """Say that no further attempt is made."""
    return f"given up after {mail.attempts} attempt{'s' * (mail.attempts > 1)}: {text}"


def recover(connection: Connection, now: datetime, lease: timedelta) -> tuple[int, int]:
    """Take back the claims that have lapsed: their pump is gone. Returns how many are safe, how many uncertain.

    A mail whose content had not begun to go waits again; of any other nobody knows.
    """
    rows = connection.exec_driver_sql(_LAPSED, (stored(now), stored(now + 2 * lease))).fetchall()
    for message, kind, instance_id, recipient, safe in rows:
        if safe:
            sql = "UPDATE outbox_message SET status = 'pending', due_at = ?, claim = NULL WHERE id = ?"
            connection.exec_driver_sql(sql, (stored(now), message))
        else:
            sql = "UPDATE outbox_message SET status = 'uncertain', error = ? WHERE id = ?"
            connection.exec_driver_sql(sql, (INTERRUPTED, message))
            _ask(connection, (message, kind, instance_id, recipient), now, INTERRUPTED)
    safe_ones = sum(bool(row[4]) for row in rows)
    return safe_ones, len(rows) - safe_ones


# A person decides


def release(connection: Connection, message: int, now: datetime, by: str) -> None:
    """Let one leave again: uncertain, failed, come back, or kept for reading. Raises Invalid, NotAllowed."""
    status, instance_id, recipient = _row(connection, message)
    if status not in RELEASABLE:
        reason = f"message {message} is {status}: only what failed, came back, is uncertain or was kept leaves again"
        raise NotAllowed(reason=reason)
    if not recipient:
        raise NotAllowed(reason=f"message {message} has no address")
    connection.exec_driver_sql(_RELEASE, (stored(now), message))
    _certain(connection, message, instance_id, now, by, "sent again")


def arrived(connection: Connection, message: int, now: datetime, by: str) -> None:
    """A person found out that an uncertain message has arrived: it counts as sent. Raises Invalid, NotAllowed."""
    status, instance_id, _ = _row(connection, message)
    if status != OutboxStatus.UNCERTAIN:
        raise NotAllowed(reason=f"message {message} is {status}, not uncertain")
    connection.exec_driver_sql(_ANSWERED, (f"arrived, says {by}", message))
    mark_sent(connection, [message], now)
    _certain(connection, message, instance_id, now, by, "it has arrived")


def _row(connection: Connection, message: int) -> tuple[str, int | None, str]:
    row = connection.exec_driver_sql(_ONE, (message,)).fetchone()
    if row is None:
        raise Invalid(reason=f"there is no message {message}")
    return row[0], row[1], row[2]


def _ask(connection: Connection, message: tuple[int, str, int | None, str], now: datetime, text: str) -> None:
    """Open the task: did it arrive?"""
    number, kind, instance_id, recipient = message
    about = f"message {number}"
    note = (
        f"{kind} to {recipient}: nobody knows whether the server took it ({text}). "
        f"It has: relance outbox arrived {number}. It has not: relance outbox retry {number}"
    )
    row = (task_key(UNCERTAIN_MAIL, instance_id, about), UNCERTAIN_MAIL, instance_id, about, stored(now), None, note)
    connection.exec_driver_sql(OPEN_TASK.sql, row)


def _certain(
    connection: Connection, message: int, instance_id: int | None, now: datetime, by: str = "", note: str = ""
) -> None:
    key = task_key(UNCERTAIN_MAIL, instance_id, f"message {message}")
    connection.exec_driver_sql(CLOSE_TASK.sql, (stored(now), by, f" {note}", key))
