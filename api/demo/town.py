"""The fictional town: its rules, its register as it was played up to the first day, and who pays from then on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from api.addressees import letterhead_of, members_of
from api.board_matters import matters_of
from api.demo.mark import is_demo, mark
from api.settings import CONFIG_NAME, Settings, load_settings
from api.wiring import rules_of
from engine.clock import noon
from engine.context import Sink
from engine.engine import Engine
from engine.errors import Invalid, NotAllowed
from engine.migrate import migrate
from engine.replay import Player
from engine.scenario import read_toml, scenario_of
from engine.store import Store
from notifications.outbox import Writer, any_wordless, render_in
from workflows import WORKFLOWS
from workflows.membership.register import PaymentRow, read_payments
from workflows.membership.scenario import SCRIPT, sink

FIRST_DAY = date(2025, 11, 28)
"""The demo begins at noon of this day: the call for dues leaves three days later."""
STORY = "two-years.toml"
PAYERS = "payments-2026.csv"
DATABASE = "relance.db"
LOCK = "demo.lock"
NEVER_LEAVES = {"mail.mode": "capture", "safety.ping_url": ""}


def settings_of(folder: Path, url: str = "") -> Settings:
    """Read a demo's own relance.toml, and nothing of the environment; whatever it says, nothing leaves.

    `url`: where its pages are, for the links in its mails.
    """
    database = {"database.url": f"sqlite:///{(folder / DATABASE).absolute()}"}
    return load_settings(folder / CONFIG_NAME, environ={}, overrides=database | NEVER_LEAVES | {"pages.url": url})


def engine_on(settings: Settings, store: Store) -> Engine:
    """The engine of a demo: what leaves arrives at once in its own letter box; dates of meetings count as confirmed."""
    return Engine(store, rules_of(settings, dates_confirmed=True), WORKFLOWS, _letter_box(settings))


def _letter_box(settings: Settings) -> Sink:
    writer = Writer(letterhead_of(settings), members_of, matters_of(settings))

    def accept(connection: Connection, at: datetime) -> None:
        if any_wordless(connection):
            render_in(connection, writer)
        sink(connection, at)

    return accept


@contextmanager
def moved_in(folder: Path, url: str = "") -> Iterator[tuple[Settings, Engine]]:
    """Open a demo in a folder of its own; where there is none yet, begin one. Raises NotAllowed, DatabaseFault."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as door:
        try:
            flock(door, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise NotAllowed(reason=f"a demo is running in {folder} already") from None
        _settle(folder)
        settings = settings_of(folder, url)
        store = Store(settings.database.url)
        try:
            if not is_demo(store):
                raise NotAllowed(reason=f"{folder} has a database that is no demo's: name another folder")
            migrate(store)
            yield settings, engine_on(settings, store)
        finally:
            store.close()


def _settle(folder: Path) -> None:
    """Write what a new demo needs; what is there stays. The database takes its name once it is whole."""
    place, database = folder / CONFIG_NAME, folder / DATABASE
    if place.exists() and not database.exists():
        raise NotAllowed(reason=f"{place} is there, without a demo's database: name another folder")
    if database.exists():
        return
    own = files("api.demo").joinpath(CONFIG_NAME).read_text(encoding="utf-8")
    with TemporaryDirectory(dir=folder, prefix=".making-") as making:
        (Path(making) / CONFIG_NAME).write_text(own, encoding="utf-8")
        _make(Path(making))
        (Path(making) / DATABASE).replace(database)
        (Path(making) / CONFIG_NAME).replace(place)


def _make(folder: Path) -> None:
    """Make a database, and play the register's story in it up to the first day."""
    (folder / DATABASE).touch(mode=0o600)
    settings = settings_of(folder)
    store = Store(settings.database.url)
    try:
        migrate(store)
        mark(store)
        engine = engine_on(settings, store)
        _play(engine)
        engine.tick(noon(FIRST_DAY, engine.rules.tz))
    finally:
        store.close()


def _play(engine: Engine) -> None:
    """Play the story's steps before the first day. Raises Invalid where one does not come out as it says."""
    data = read_toml(home() / STORY)
    data |= {
        "until": FIRST_DAY - timedelta(days=1),
        "payments": [name for name in data["payments"] if name != PAYERS],
        "step": [step for step in data["step"] if _day(step["on"]) < FIRST_DAY],
    }
    failures = Player(engine, SCRIPT).play(scenario_of(data, home(), engine.rules.tz))
    if failures:
        raise Invalid(reason=f"the fictional register does not play: {failures[0]}")


def _day(on: date) -> date:
    return on.date() if isinstance(on, datetime) else on


def home() -> Path:
    """Return where the register's files are. Raises Invalid where they are not installed."""
    folder = Path(str(files("workflows.membership"))) / "demo"
    if not (folder / STORY).is_file():
        raise Invalid(reason=f"the fictional register is not installed here: {folder / STORY} is missing")
    return folder


@cache
def payers() -> tuple[PaymentRow, ...]:
    """Return who pays when after the first day, in order, if nobody does anything else."""
    return tuple(sorted(read_payments(home() / PAYERS), key=lambda row: (row.paid_on, row.line)))
