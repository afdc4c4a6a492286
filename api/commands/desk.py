"""The desk a command works at: the settings, the engine on its database, the present instant, who acts.

Imports nothing heavy until a command sits down.
"""

import getpass
import select
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.settings import Settings
    from engine.engine import Engine
    from engine.work import Work

NO_NAME = "terminal"


@dataclass
class Desk:
    """An open database with what is needed to act on it. `mark`: the journal's last line when it was opened."""

    settings: "Settings"
    engine: "Engine"
    now: datetime
    mark: int = 0

    @property
    def tz(self) -> ZoneInfo:
        """The organisation's time zone."""
        return self.engine.rules.tz

    @property
    def today(self) -> date:
        """The organisation's present day."""
        from engine.clock import local_day

        return local_day(self.now, self.tz)

    @contextmanager
    def acting(self) -> Iterator["Work"]:
        """One transaction on the memberships, after what was due; then the mails it caused get their words."""
        from workflows.membership.definition import MEMBERSHIP

        with self.engine.acting(MEMBERSHIP, self.now) as work:
            yield work
        self.write_mails()

    @contextmanager
    def reading(self) -> Iterator["Connection"]:
        """One consistent view of the database."""
        with self.engine.store.read() as connection:
            yield connection

    def write_mails(self) -> int:
        """Give words to the mails that wait without; returns how many."""
        from api.addressees import letterhead_of, members_of
        from api.board_matters import matters_of
        from engine.faults import DatabaseFault
        from engine.listings import wordless_mails
        from notifications.enclosures import Enclosures
        from notifications.outbox import render_pending

        with self.reading() as connection:
            if not wordless_mails(connection):
                return 0
        try:
            letterhead = letterhead_of(self.settings)
            return render_pending(
                self.engine.store, letterhead, members_of, matters_of(self.settings), Enclosures(letterhead)
            )
        except DatabaseFault as fault:
            # What was done is done: the words are written at the next run, and nobody must do it twice.
            typer.echo(f"relance: done, but the mails could not be written yet: {fault}", err=True)
            return 0

    def ids(self, connection: "Connection", numbers: Iterable[str]) -> list[int]:
        """Ids of these members."""
        from workflows.membership.definition import MEMBERSHIP

        known = self.engine.instance_ids(MEMBERSHIP, connection)
        return [known[number] for number in dict.fromkeys(numbers)]

    def show_standings(self, connection: "Connection", ids: Sequence[int]) -> None:
        """Print how these members stand now."""
        from workflows.membership.listings import standings
        from workflows.membership.money import money_text

        for member in standings(connection, ids):
            owes = f"owes {money_text(member.owed)}" if member.owed else "owes nothing"
            credit = f", has a credit of {money_text(member.credit)}" if member.credit else ""
            typer.echo(f"{member.number} {member.name}: {member.state}, {owes}{credit}")

    def conclude(self, ids: Sequence[int]) -> None:
        """Print what happened, and how these members stand now."""
        self.tell()
        with self.reading() as connection:
            self.show_standings(connection, ids)

    def tell(self) -> None:
        """Print what happened since the desk was opened."""
        from api.commands.telling import tell

        with self.reading() as connection:
            tell(connection, self.mark, self.tz)


@contextmanager
def open_desk(now: str | None = None) -> Iterator[Desk]:
    """Sit down at the configured database, at the present instant or another. Raises Invalid when there is none.

    The database of a demo has a present of its own, and a letter box that nothing leaves.
    """
    from api.commands.typed import instant
    from api.demo.mark import OfADemo, is_demo
    from api.settings import load_settings
    from api.wiring import engine_of
    from engine.clock import utc_now
    from engine.errors import Invalid
    from engine.faults import name_of
    from engine.listings import last_entry
    from engine.migrate import current_revision, migrate

    settings = load_settings()
    given = None if now is None else instant(now, "--now", settings.organisation.tz)
    refuse_missing(settings.database.url)
    engine = engine_of(settings)
    try:
        if current_revision(engine.store) is None:
            raise Invalid(reason=f"no database: {name_of(settings.database.url)} is not of relance")
        migrate(engine.store)
        if is_demo(engine.store):
            if now is not None:
                raise OfADemo(reason="its clock is moved by `relance demo move`")
            engine = _of_demo(settings, engine)
            given = engine.upto()
        # Nothing happens before what was dealt with already, even where `tick --now` ran ahead of the clock.
        at = given or max(utc_now(), engine.upto())
        with engine.store.read() as connection:
            mark = last_entry(connection)
        yield Desk(settings, engine, at, mark)
    finally:
        engine.store.close()


def _of_demo(settings: "Settings", engine: "Engine") -> "Engine":
    """Return the engine that a demo runs on its database."""
    from api.demo.town import engine_on

    return engine_on(settings, engine.store)


def refuse_missing(url: str) -> None:
    """Refuse a file that is not there, which SQLite would create, or that is empty. Raises Invalid."""
    from engine.errors import Invalid
    from engine.faults import file_of

    path = file_of(url)
    if path is not None and (not path.is_file() or not path.stat().st_size):
        raise Invalid(reason=f"no database: {path} is {'empty' if path.is_file() else 'missing'}; run `relance init`")


def actor(by: str | None) -> str:
    """Who acts: the name given, else the login name."""
    if by is not None and by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return NO_NAME


def agreed(question: str, *, yes: bool) -> bool:
    """Ask on a terminal, or hear what was piped in. A script that says nothing has answered by running the command."""
    return yes or not _somebody_answers() or typer.confirm(question)


def _somebody_answers() -> bool:
    if sys.stdin.isatty():
        return True
    try:
        return bool(select.select([sys.stdin], [], [], 0)[0]) and bool(getattr(sys.stdin.buffer, "peek")(1))  # noqa: B009 a pipe's reader has it
    except (OSError, ValueError):  # not a real input: nobody is there
        return False
