"""Whether all is well: configuration, database, definitions, texts, board, mail, disk. Nothing is written or mended."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection

from api.addressees import letterhead_of
from api.announcing import hooks_of
from api.demo.mark import has_mark
from api.mailroom import TEST_MAIL
from api.settings import Settings
from api.settings_sections import MailMode
from api.standing import mail_mode, unproven_reminders, unproven_text
from engine.alarms import NOT_RUNNING, SILENCE
from engine.audit import unknown_definitions
from engine.board import seats_in_office
from engine.board_models import BoardMail
from engine.clock import local_day
from engine.errors import RelanceError
from engine.faults import file_of, name_of
from engine.listings import switch
from engine.meetings import MEETING_UNCONFIRMED, meetings_where
from engine.migrate import current_revision
from engine.outlook import paused_until
from engine.planning import REPLANNED
from engine.revisions import known_revisions, refuse_newer
from engine.store import Store, instant_of, stored
from notifications.checking import faults, own_files
from notifications.render import check_templates
from workflows import WORKFLOWS

ALARM_MAILS = (NOT_RUNNING, MEETING_UNCONFIRMED)
"""Mail kinds to the admins."""
LOW_DISK, NO_DISK = 200 * 2**20, 20 * 2**20
SOON = timedelta(days=45)
"""Unconfirmed dates are named so long before the meeting."""


class Level(StrEnum):
    """How much something matters: broken things make the doctor exit 1."""

    GOOD = "good"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Sign:
    """What was looked at, how it is, in one line."""

    name: str
    level: Level
    text: str


def good(name: str, text: str) -> Sign:
    """All is well."""
    return Sign(name, Level.GOOD, text)


def warning(name: str, text: str) -> Sign:
    """Somebody should look at it."""
    return Sign(name, Level.WARNING, text)


def broken(name: str, text: str) -> Sign:
    """It cannot work so."""
    return Sign(name, Level.BROKEN, text)


def examine(settings: Settings, now: datetime) -> Iterator[Sign]:
    """Look at everything; what the database refuses is told, and then the rest is left out."""
    yield good("configuration", "readable")
    yield from _texts()
    yield from _own_texts(settings)
    yield from _clauses(settings)
    yield from _hooks(settings)
    yield from _disk(settings)
    store: Store | None = None
    try:
        yield from _missing(settings)
        store = Store(settings.database.url)
        yield from _revision(store)
        with store.read() as connection:
            for look in LOOKS:
                yield from look(connection, settings, now)
    except _Stop as stop:
        yield stop.sign
    except RelanceError as error:
        yield broken("database", str(error))
    finally:
        if store is not None:
            store.close()


class _Stop(Exception):  # noqa: N818 it ends the examination, it is no error
    """Nothing more can be looked at."""

    def __init__(self, sign: Sign) -> None:
        super().__init__(sign.text)
        self.sign = sign


# Without the database


def _texts() -> Iterator[Sign]:
    kinds = (*(kind for flow in WORKFLOWS for kind in flow.mail_kinds), *BoardMail, *ALARM_MAILS, TEST_MAIL)
    try:
        check_templates(kinds)
    except RelanceError as error:
        yield broken("templates", str(error))
    else:
        yield good("templates", f"{len(kinds)} kinds of mail, in French and English")


def _own_texts(settings: Settings) -> Iterator[Sign]:
    letterhead = letterhead_of(settings)
    own, wrong = own_files(letterhead), False
    for fault in faults(letterhead):
        wrong = True
        yield broken("own templates", f"{fault.place}: {fault.reason}; the built-in words are used")
    if own and not wrong:
        yield good("own templates", f"{len(own)}, in {settings.mail.templates}")


def _clauses(settings: Settings) -> Iterator[Sign]:
    allows = {"suspension": "the board to interrupt services", "removal": "the board to strike off"}
    if settings.board.remote_votes:
        allows["remote_votes"] = "votes from outside the room"
    for name, what in allows.items():
        if not getattr(settings.legal, name):
            yield warning(f"legal.{name}", f"missing: quote the clause that allows {what}")
    if not settings.organisation.iban:
        yield warning("organisation.iban", "missing: the call for dues cannot say where to pay")


def _hooks(settings: Settings) -> Iterator[Sign]:
    try:
        hooks = hooks_of(settings)
    except RelanceError as error:
        yield broken("webhooks", str(error))
        return
    if hooks:
        yield good("webhooks", f"{', '.join(hook.name for hook in hooks)}: try them with relance webhooks test NAME")


def _disk(settings: Settings) -> Iterator[Sign]:
    path = file_of(settings.database.url)
    folder = Path.cwd() if path is None else path.parent
    if not folder.is_dir():
        return
    free = shutil.disk_usage(folder).free
    make = broken if free < NO_DISK else warning if free < LOW_DISK else good
    yield make("disk", f"{free / 2**30:.1f} GB free in {folder}")


# The database


def _missing(settings: Settings) -> Iterator[Sign]:
    path = file_of(settings.database.url)
    if path is None:
        return
    if not path.is_file() or not path.stat().st_size:
        there = "empty" if path.is_file() else "missing"
        raise _Stop(broken("database", f"{path} is {there}: relance init"))
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        yield broken("database", f"{path}, or its folder, cannot be written")


def _revision(store: Store) -> Iterator[Sign]:
    found, known = current_revision(store), known_revisions()
    name = name_of(store.url)
    if found is None:
        raise _Stop(broken("database", f"{name} is not of relance"))
    refuse_newer(found, name)
    if known and found != known[-1]:
        raise _Stop(warning("database", f"revision {found}: the next command brings it to {known[-1]}, after a copy"))
    yield good("database", f"{name}, revision {found}, safe settings kept")


def _definitions(connection: Connection, _settings: Settings, _now: datetime) -> Iterator[Sign]:
    found = list(unknown_definitions(connection, WORKFLOWS))
    for finding in found:
        yield broken("definitions", str(finding))
    if not found:
        names = ", ".join(f"{flow.name} {flow.version}" for flow in WORKFLOWS)
        number = connection.exec_driver_sql("SELECT count(*) FROM workflow_instance").scalar_one()
        yield good("definitions", f"{names}: {number} instances, every state known")


def _board(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sign]:
    tz = settings.organisation.tz
    seats = seats_in_office(connection, local_day(now, tz))
    if not seats:
        yield warning("board", "nobody is in office: no ballot can find its quorum (relance import board FILE)")
    else:
        yield good("board", f"{len(seats)} seats in office")
    for seat in seats:
        if not seat.email:
            yield warning("board", f"seat {seat.name} has no address: it gets no agenda")
    condition = "closed_at IS NULL AND NOT confirmed AND held_at > ? AND held_at <= ?"
    for meeting in meetings_where(connection, condition, stored(now), stored(now + SOON)):
        day = local_day(meeting.held_at, tz)
        yield warning("meetings", f"{day} is not confirmed: relance meeting --help")
    replanned = switch(connection, REPLANNED)
    if replanned is not None:
        yield good("meetings", f"planned anew when [board] changed, on {replanned}")


def _mail(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sign]:
    own = switch(connection, "mail_mode")
    said = f"configuration {settings.mail.mode.value}, database {own or MailMode.CAPTURE.value}"
    if mail_mode(settings, own) == MailMode.LIVE:
        yield good("mail", f"leaves ({said})")
    elif own == MailMode.LIVE or settings.mail.mode is MailMode.LIVE:
        yield warning("mail", f"is kept for reading, since both have to say live ({said})")
    else:
        yield good("mail", "is kept for reading (capture)")
    unproven = unproven_reminders(connection, settings, mail_mode(settings, own), now)
    if unproven:
        yield warning("mail", unproven_text(unproven))
    sql = "SELECT count(*) FROM outbox_message WHERE status = ?"
    for status in ("failed", "uncertain"):
        number = connection.exec_driver_sql(sql, (status,)).scalar_one()
        if number:
            yield warning("mail", f"{number} {status}: relance outbox --status {status}")
    sql = "SELECT count(*) FROM webhook_delivery WHERE status = 'failed'"
    failed = connection.exec_driver_sql(sql).scalar_one()
    if failed:
        yield warning("webhooks", f"{failed} failed: relance webhooks --status failed")


AN_HOUR = timedelta(hours=1)


def _running(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sign]:
    row = connection.exec_driver_sql("SELECT last_run_at FROM watermark").fetchone()
    if row is None:
        yield warning("last run", "never: relance tick, every hour")
        return
    if has_mark(connection):
        yield good("last run", f"a demo: its date, {instant_of(row[0]):%Y-%m-%d}, stands still until it is moved")
        return
    ago = now - instant_of(row[0])
    if ago < -AN_HOUR:
        yield warning("last run", f"ahead of the clock: run up to {instant_of(row[0]):%Y-%m-%d}, nothing is due before")
        return
    if not connection.exec_driver_sql("SELECT count(*) FROM workflow_instance").scalar_one():
        day = local_day(instant_of(row[0]), settings.organisation.tz)
        yield good("last run", f"set up on {day}, no member yet: relance import associations FILE")
        return
    text = f"{max(0.0, ago.total_seconds() / 3600):.0f} h ago"
    yield good("last run", text) if ago <= SILENCE else warning("last run", f"{text}: relance tick, every hour")
    until = paused_until(connection, now)
    if until is not None:
        yield warning("pause", f"nothing escalates until {until}")


LOOKS: tuple[Callable[[Connection, Settings, datetime], Iterator[Sign]], ...] = (_definitions, _board, _mail, _running)
"""What is looked at in a database that can be read, in order."""
