"""The register's two years as its people live them: `relance tick --now` every day, and `relance serve` that sends.

What happens is that of `tests/years/register-two-years.toml` and its payment files, typed as commands. Mail leaves by
a real `relance serve` beside, whose clock is told the same day (it never runs ahead of the days that are played), and
by the round of the outbox that ends each tick: two pumps on one database.
"""

import csv
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

from engine.scenario import Step, read_toml, scenario_of
from tests.terminal import Terminal

PARIS = ZoneInfo("Europe/Paris")
YEARS = Path(__file__).parent / "years" / "register-two-years.toml"
DEMO = Path(__file__).parents[1] / "workflows" / "membership" / "demo"
BOOTSTRAP = Path(__file__).with_name("told_clock.py")
PATIENCE = 90.0
HOLIDAYS = 7
"""The month without a meeting; in every other the secretary confirms its date on the first."""
MINUTE = timedelta(minutes=1)
NAME = "Le PIC"
SENDER = "tresorerie@lepic.example"
MOVED_ON = date(2025, 4, 2)
"""On that day some members get another address, and some write in another language from then on."""

_WAITING = """SELECT kind, recipient FROM outbox_message WHERE status IN ('pending', 'sending')
    AND status IN ('pending', 'sending') AND kind <> ?"""


class Register:
    """The demo's files in a folder, where every ninth member reads English, and what changes on MOVED_ON."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.payments = [row for year in (2025, 2026) for row in read_csv(DEMO / f"payments-{year}.csv")]
        self.before = read_csv(DEMO / "associations.csv")
        for row in self.before[::9]:
            row["language"] = "en"
        self.after = [dict(row) for row in self.before]
        for row in self.after[3::10]:
            row["email"] = f"bureau@{row['number'].lower()}.example"
        for row in self.after[5::10]:
            row["treasurer_email"] = ""
        for row in self.after[4::9]:
            row["language"] = "en"
        self.board = DEMO / "board.csv"
        self.services = DEMO / "services.csv"
        self.associations = write_csv(folder / "associations.csv", self.before)
        self.moved = write_csv(folder / "moved.csv", self.after)

    def on(self, day: date) -> dict[str, dict[str, str]]:
        """The members as the register had them on a day, by number."""
        return {row["number"]: row for row in (self.before if day < MOVED_ON else self.after)}

    def change(self) -> dict[str, object]:
        """What the scenario file reads instead of its own files."""
        return {"associations": str(self.associations)}


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows into a file; returns its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def toml_of(port: int) -> str:
    """relance.toml: mail leaves to a server on loopback."""
    return f"""[organisation]
name = "{NAME}"
short_name = "PIC"
email = "bureau@lepic.example"
language = "fr"
iban = "FR7630006000011234567890189"

[mail]
mode = "live"
host = "127.0.0.1"
port = {port}
from_address = "{SENDER}"
max_per_minute = 6000

[scheduler]
heartbeat_seconds = 86400
"""


class Sender:
    """`relance serve`, whose clock is told the time."""

    def __init__(self, folder: Path, instant: datetime) -> None:
        self._log = (folder / "serve.log").open("w+")
        words = [sys.executable, "-P", str(BOOTSTRAP), utc(instant), "serve", "--port", "0"]
        self._process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._told = self._process.stdin
        self._said = self._process.stdout
        assert "http://" in self._said.readline(), self.log()

    def at(self, instant: datetime) -> None:
        """Tell it the time."""
        self._told.write(f"{utc(instant)}\n")
        self._told.flush()

    def log(self) -> str:
        """What it wrote."""
        self._log.seek(0)
        return self._log.read()

    def stop(self) -> None:
        """Stop it as a service manager does; it ends well."""
        self._process.terminate()
        code = self._process.wait(PATIENCE)
        self._told.close()
        self._said.close()
        log = self.log()
        self._log.close()
        assert (code, "Traceback" in log, ": accepted " in log) == (0, False, True), log


def utc(instant: datetime) -> str:
    """An instant as it is told to a process."""
    return instant.astimezone(UTC).isoformat()


class InOneProcess:
    """Types commands through the program's own function."""

    def __init__(self, folder: Path, monkeypatch: object) -> None:
        self._terminal = Terminal(folder, monkeypatch)

    def type(self, instant: datetime, *words: object) -> None:
        """Type a command at an instant; it must succeed."""
        self._terminal.at(instant.astimezone(PARIS).replace(tzinfo=None).isoformat("T")).type(*words)


class InProcesses:
    """Types each command as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def type(self, instant: datetime, *words: object) -> None:
        """Type a command at an instant; it must succeed."""
        command = [sys.executable, "-P", str(BOOTSTRAP), utc(instant), *map(str, words)]
        subprocess.run(command, cwd=self._folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class TwoYears:
    """Everything that people do, day by day."""

    def __init__(self, folder: Path, typist: InOneProcess | InProcesses, register: Register, port: int) -> None:
        self.folder, self.typist, self.register = folder, typist, register
        data = read_toml(YEARS)
        self.scenario = scenario_of(data | register.change(), YEARS.parent, PARIS)
        self.port, self.days = port, 0
        self._expected: dict[date, list[Step]] = defaultdict(list)
        for step in self.scenario.steps:
            if step.expect is not None:
                self._expected[local(step.on)].append(step)

    def live(self) -> None:
        """Live them."""
        start = self.scenario.start
        self.typist.type(start, "init")
        (self.folder / "relance.toml").write_text(toml_of(self.port), encoding="utf-8")
        for words in (
            ("import", "associations", self.register.associations),
            ("import", "services", self.register.services),
            ("import", "board", self.register.board),
            ("mail", "live", "--name", NAME),
        ):
            self.typist.type(start, *words)
        with closing(Outbox(self.folder)) as outbox, serving(self.folder, start) as sender:
            for day, happenings in self._by_day():
                self._live(day, happenings, sender, outbox)
            outbox.drain(sender)

    def _live(self, day: date, happenings: list[tuple[object, ...]], sender: Sender, outbox: "Outbox") -> None:
        noon = noon_of(day)
        for step in self._expected.get(day, ()):
            found, wanted = outbox.counts(), (step.expect or {})["counts"]
            assert {state: found.get(state, 0) for state in wanted} == wanted, step.name
        sender.at(noon - MINUTE)  # as clocks of two processes differ; it never sees a whole day without a run
        self.typist.type(noon, "tick", "--now", day.isoformat())
        self.days += 1
        outbox.drain(sender, but="receipt")
        for instant, *words in happenings:
            assert isinstance(instant, datetime)
            if words[0] == "vote" and not outbox.asks(words[1]):
                continue  # a replay passes over it, a terminal refuses it
            sender.at(instant)
            self.typist.type(instant, *words)
            outbox.drain(sender, but="receipt")

    def _by_day(self) -> Iterator[tuple[date, list[tuple[object, ...]]]]:
        """Every day, with what is typed on it: payments come first, as in a replay."""
        happenings: dict[date, list[tuple[object, ...]]] = defaultdict(list)
        happenings[MOVED_ON].append((noon_of(MOVED_ON), "import", "associations", self.register.moved))
        for row in sorted(self.register.payments, key=lambda row: row["paid_on"]):
            day = date.fromisoformat(row["paid_on"])
            words = ("pay", row["number"], row["amount"], "--year", row["year"], "--on", row["paid_on"])
            happenings[day].append((noon_of(day), *words, "--reference", row["reference"]))
        for step in self.scenario.steps:
            if step.do is not None:
                happenings[local(step.on)].append((step.on, *words_of(step)))
        day = local(self.scenario.start)
        while noon_of(day) <= self.scenario.end:
            if day.day == 1 and day.month != HOLIDAYS:
                happenings[day].append((noon_of(day), "meeting", "confirm", f"{day:%Y-%m}"))
            yield day, happenings[day]
            day += timedelta(days=1)


def noon_of(day: date) -> datetime:
    """The hour of what has only a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=PARIS)


def local(instant: datetime) -> date:
    """The day in Paris."""
    return instant.astimezone(PARIS).date()


def words_of(step: Step) -> tuple[object, ...]:
    """A step of the scenario as it is typed."""
    given = step.fields
    if step.do == "vote":
        return (
            "vote",
            given["trigger"],
            given["association"],
            *(f"{seat}={said}" for seat, said in given["votes"].items()),
        )
    if step.do == "letter":
        dates = ((f"--{name}", given[name]) for name in ("posted", "presented") if name in given)
        return "letter", given["association"], *(word for pair in dates for word in pair)
    assert step.do == "confirm"
    return "confirm", given["what"], "--yes"


@contextmanager
def serving(folder: Path, instant: datetime) -> Iterator[Sender]:
    """`relance serve` as long as the block lasts."""
    sender = Sender(folder, instant)
    try:
        yield sender
    finally:
        sender.stop()


class Outbox:
    """What still waits to leave."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "relance.db", isolation_level=None)

    def drain(self, sender: Sender, but: str = "") -> None:
        """Wait until everything has left; what can never become wrong (`but`) may follow later."""
        end = time.monotonic() + PATIENCE
        while waiting := self._connection.execute(_WAITING, (but,)).fetchall():
            assert time.monotonic() < end, f"{waiting[:3]} …\n{sender.log()}"
            Event().wait(0.01)

    def asks(self, trigger: object) -> bool:
        """Whether a ballot on a question is open, or opens with the meeting."""
        sql = "SELECT 1 FROM ballot WHERE trigger = ? AND status IN ('open', 'scheduled')"
        return self._connection.execute(sql, (trigger,)).fetchone() is not None

    def counts(self) -> dict[str, int]:
        """How many are where."""
        return dict(self._connection.execute("SELECT state, count(*) FROM workflow_instance GROUP BY state"))

    def close(self) -> None:
        """Look no more."""
        self._connection.close()
