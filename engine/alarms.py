"""Alarms: besides the task, a mail to those who look after the service (docs/decisions/0006-alarms.md)."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.batch import CLOSE_TASK, OPEN_TASK, OUTBOX, Values, task_key
from engine.board import seats_in_office
from engine.clock import local_day
from engine.context import Context
from engine.rules import Rules
from engine.store import Store, maybe_instant, stored

NOT_RUNNING = "not_running"
SILENCE = timedelta(hours=24)
ADMIN = "admin"
"""The role of a seat that looks after the service, in whatever letters it was entered."""
ITS_OWN = ""
"""No language of its own: the organisation's."""
_LOG = logging.getLogger(__name__)


def addresses(connection: Connection, rules: Rules, now: datetime) -> tuple[str, ...]:
    """Who is told: those the configuration names, else the admins in office, else the organisation."""
    if rules.alarms_to:
        return rules.alarms_to
    seats = seats_in_office(connection, local_day(now, rules.tz))
    admins = dict.fromkeys(seat.email for seat in seats if seat.role.strip().casefold() == ADMIN and seat.email)
    return tuple(admins) or tuple(filter(None, [rules.office]))


def alarm_mails(
    kind: str, occasion: str, told: Mapping[str, object], recipients: tuple[str, ...], now: datetime
) -> list[Values]:
    """Rows of the outbox, for `batch.OUTBOX`: one per recipient, once per occasion."""
    at, context = stored(now), json.dumps(told)
    return [
        (
            *(f"alarm:{kind}:{occasion}:{to}", None, kind, occasion, None, None, to, ITS_OWN),
            *(context, "pending", at, at, 0, ""),
        )
        for to in recipients
    ]


def last_run(store: Store) -> datetime | None:
    """When a run was last good."""
    with store.read() as connection:
        return maybe_instant(connection.exec_driver_sql("SELECT last_run_at FROM watermark").scalar_one_or_none())


def note_silence(context: Context, now: datetime) -> None:
    """Open the task `not_running`, with its mails, when no run was good for a day."""
    last = last_run(context.store)
    if last is None or now - last < SILENCE:
        return
    day = local_day(now, context.rules.tz).isoformat()
    since = last.isoformat(timespec="minutes")
    row = (task_key(NOT_RUNNING, None), NOT_RUNNING, None, "", stored(now), day, f"no good run since {since}")
    with context.store.write() as connection:
        if not connection.exec_driver_sql(OPEN_TASK.sql, row).rowcount:
            return
        mails = alarm_mails(NOT_RUNNING, since, {"since": since}, addresses(connection, context.rules, now), now)
        if mails:
            connection.exec_driver_sql(OUTBOX.sql, mails)
    _LOG.error("not-running", extra={"since": since, "mails": len(mails)})


def end_silence(context: Context, now: datetime) -> None:
    """Close the task: a run was good."""
    key = task_key(NOT_RUNNING, None)
    sql = "SELECT 1 FROM task WHERE dedupe_key = ? AND done_at IS NULL"
    with context.store.read() as connection:
        is_open = connection.exec_driver_sql(sql, (key,)).fetchone() is not None
    if is_open:
        with context.store.write() as connection:
            connection.exec_driver_sql(CLOSE_TASK.sql, (stored(now), "relance", "; it runs again", key))
