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
from engine.engine import Engine
from engine.store import maybe_instant
from workflows.membership.definition import MEMBERSHIP


@dataclass(frozen=True, slots=True)
class Standing:
    """What `relance status` and `GET /status` tell."""

    states: Mapping[str, int]
    mail_mode: str
    last_tick: datetime | None
    version: str
    tasks: Mapping[str, int]
    upto: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return the shape of INTERFACE § 3."""
        return {
            "states": dict(self.states),
            "mail_mode": self.mail_mode,
            "last_tick": maybe_rfc3339(self.last_tick),
            "version": self.version,
            "tasks": sum(self.tasks.values()),
        }


def standing_of(engine: Engine, settings: Settings) -> Standing:
    """Read how a database stands."""
    with engine.store.read() as connection:
        sql = "SELECT state, count(*) FROM workflow_instance WHERE workflow = ? GROUP BY state"
        counts = _counted(connection, sql, MEMBERSHIP.name)
        sql = "SELECT kind, count(*) FROM task WHERE done_at IS NULL GROUP BY kind ORDER BY kind"
        tasks = _counted(connection, sql)
        mark = connection.exec_driver_sql("SELECT upto, last_run_at FROM watermark").fetchone()
        switch = connection.exec_driver_sql("SELECT value FROM switch WHERE name = 'mail_mode'").scalar_one_or_none()
    return Standing(
        states={str(state): counts.get(state, 0) for state in MEMBERSHIP.states},
        mail_mode=mail_mode(settings, switch),
        last_tick=None if mark is None else maybe_instant(mark[1]),
        version=own_version(),
        tasks=tasks,
        upto=None if mark is None else maybe_instant(mark[0]),
    )


def mail_mode(settings: Settings, switch: str | None) -> str:
    """Return whether mail leaves: only if the configuration and the database both say so."""
    live = settings.mail.mode is MailMode.LIVE and switch == MailMode.LIVE
    return (MailMode.LIVE if live else MailMode.CAPTURE).value


def own_version() -> str:
    """Return the version that is installed."""
    try:
        return version("relance")
    except PackageNotFoundError:
        return "unknown"


def _counted(connection: Connection, sql: str, *values: object) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.exec_driver_sql(sql, values)}
