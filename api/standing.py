"""How the whole stands: how many in each state, the mail mode, the last run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlalchemy import Connection

from api.settings import Settings
from api.settings_sections import MailMode
from api.shapes import maybe_rfc3339
from engine.clock import local_day
from engine.engine import Engine
from engine.listings import switch
from engine.outlook import paused_until
from engine.store import maybe_instant
from workflows.admission.definition import ADMISSION
from workflows.admission.words import State as Applied
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.listings import unreached_by_reminder


@dataclass(frozen=True, slots=True)
class Standing:
    """What `relance status` and `GET /status` tell."""

    states: Mapping[str, int]
    mail_mode: str
    last_tick: datetime | None
    version: str
    tasks: Mapping[str, int]
    upto: datetime | None
    paused_until: str | None = None
    candidates: int = 0
    """Applications that the board has not answered yet."""
    unproven: int = 0
    """Reminders of this year that no server accepted and that mail kept for reading never proves."""

    def as_json(self) -> dict[str, Any]:
        """Return the shape of INTERFACE § 3."""
        return {
            "states": dict(self.states),
            "mail_mode": self.mail_mode,
            "last_tick": maybe_rfc3339(self.last_tick),
            "version": self.version,
            "tasks": sum(self.tasks.values()),
            "paused_until": self.paused_until,
            "unproven_reminders": self.unproven,
            "candidates": self.candidates,
        }


def standing_of(engine: Engine, settings: Settings, now: datetime) -> Standing:
    """Read how a database stands."""
    with engine.store.read() as connection:
        sql = "SELECT state, count(*) FROM workflow_instance WHERE workflow = ? GROUP BY state"
        counts = _counted(connection, sql, MEMBERSHIP.name)
        candidates = _counted(connection, sql, ADMISSION.name).get(Applied.CANDIDATE, 0)
        sql = "SELECT kind, count(*) FROM task WHERE done_at IS NULL GROUP BY kind ORDER BY kind"
        tasks = _counted(connection, sql)
        mark = connection.exec_driver_sql("SELECT upto, last_run_at FROM watermark").fetchone()
        mode = mail_mode(settings, switch(connection, "mail_mode"))
        paused = paused_until(connection, now)
        unproven = unproven_reminders(connection, settings, mode, now)
    return Standing(
        states={str(state): counts.get(state, 0) for state in MEMBERSHIP.states},
        mail_mode=mode,
        last_tick=None if mark is None else maybe_instant(mark[1]),
        version=own_version(),
        tasks=tasks,
        upto=None if mark is None else maybe_instant(mark[0]),
        paused_until=paused,
        candidates=candidates,
        unproven=unproven,
    )


def unproven_reminders(connection: Connection, settings: Settings, mode: str, now: datetime) -> int:
    """Count whom this year's reminder has not reached and, with mail kept for reading, never will."""
    year = local_day(now, settings.organisation.tz).year
    return 0 if mode == MailMode.LIVE else unreached_by_reminder(connection, year)


def unproven_text(number: int) -> str:
    """Say what follows from such reminders."""
    who = "1 association" if number == 1 else f"{number} associations"
    return (
        f"this year's reminder has not reached {who}: mail is kept for reading, which proves nothing, and whoever was "
        "not reached is on no list in August (relance mail live, or relance notice for each)"
    )


def mail_mode(settings: Settings, own: str | None) -> str:
    """Return whether mail leaves: only if the configuration and the database both say so."""
    live = settings.mail.mode is MailMode.LIVE and own == MailMode.LIVE
    return (MailMode.LIVE if live else MailMode.CAPTURE).value


def own_version() -> str:
    """Return the version that is installed."""
    try:
        return version("relance")
    except PackageNotFoundError:
        return "unknown"


def _counted(connection: Connection, sql: str, *values: object) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.exec_driver_sql(sql, values)}
