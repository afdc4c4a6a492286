"""The dates that matter of a replayed register: what happened, how many are where, mails, euros."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from api.screens.counts import Column, euros, heading, legend, row
from engine.clock import local_day
from workflows.membership.figures import Money
from workflows.membership.words import Trigger

if TYPE_CHECKING:
    from engine.results import Decided, Entry

SAID = {
    Trigger.CALL: ("call", "call for dues · appel à cotisation"),
    Trigger.CAMPAIGN: ("campaign", "renewal campaign · campagne"),
    Trigger.REMIND: ("reminder", "reminder · relance"),
    Trigger.SUSPEND: ("cut-off", "services interrupted · interruption"),
    Trigger.SUMMON: ("summons", "letters of summons · convocation"),
    Trigger.LAPSE: ("lapse", "persons lapse · fin d’adhésion"),
    "confirm_deletion": ("deletion", "services deleted · suppression"),
}
"""What a step is called, in few letters and in both languages."""
ASKED = {
    Trigger.SUSPEND: ("board: cuts", "board on cut-offs · CA, interruptions"),
    Trigger.PROPOSE_REMOVAL: ("board: list", "board on the list · CA, liste"),
    Trigger.REMOVE: ("hearing", "hearings, decisions · CA, radiations"),
}
LAST = ("the end", "the end · fin")
NARROW, WIDE = 80, 110
MAILS, MONEY = Column("mails", 7), (Column("€ in", 8), Column("€ owed", 8))


@dataclass(frozen=True, slots=True)
class Stop:
    """A date that matters, and what it is called: in few letters, and in both languages."""

    at: datetime
    short: str
    long: str

    @property
    def begins(self) -> bool:
        """Whether a year of dues begins with it."""
        return self.short == SAID[Trigger.CALL][0]


def stops(journal: Iterable["Entry"], decisions: Iterable["Decided"], end: datetime, tz: ZoneInfo) -> list[Stop]:
    """Find the dates that matter: each step's day, and each meeting that decided something."""
    found: dict[tuple[Any, ...], Stop] = {}
    for entry in journal:
        if entry.trigger in SAID:
            found[local_day(entry.at, tz), entry.trigger] = Stop(entry.at, *SAID[entry.trigger])
    for ballot in decisions:
        if ballot.trigger in ASKED and ballot.took_part:
            key = (ballot.closes_at, ballot.trigger)
            found[key] = Stop(ballot.closes_at, *ASKED[Trigger(ballot.trigger)])
    return sorted([*found.values(), Stop(end, *LAST)], key=lambda stop: stop.at)


@dataclass(frozen=True, slots=True)
class Line:
    """What stands at a stop: the states, the mails since the stop before."""

    stop: Stop
    states: Counter[str]
    mails: int


def lines(found: Sequence[Stop], journal: Sequence["Entry"]) -> list[Line]:
    """Stand still at each stop of a whole journal, which begins with the register's take-over."""
    now: dict[str, str] = {}
    made, place = [], 0
    for stop in found:
        mails = 0
        while place < len(journal) and journal[place].at <= stop.at:
            now[journal[place].subject] = journal[place].after
            mails += len(journal[place].mails)
            place += 1
        made.append(Line(stop, Counter(now.values()), mails))
    return made


def show(made: Sequence[Line], money: Sequence[Money], tz: ZoneInfo, width: int) -> None:
    """Print the table, made for this width of terminal."""
    wide = width >= WIDE
    first = Column("", 50 if wide else 22)
    for head in heading(first, (MAILS, *MONEY)):
        typer.secho(head.rstrip(), bold=True)
    for place, (line, figures) in enumerate(zip(made, money, strict=True)):
        day = local_day(line.stop.at - timedelta(microseconds=1), tz)
        if place and line.stop.begins:
            typer.echo()
        name = f"{day.isoformat()} {line.stop.long if wide else line.stop.short}"
        more = (
            (str(line.mails or "·"), MAILS.width),
            (euros(figures.received) if figures.received else "·", 8),
            (euros(figures.owed), 8),
        )
        typer.echo(row(name, first.width, line.states, more))
    for text in legend(width if not wide else WIDE):
        typer.secho(text, dim=True)


def next_steps(demo: Path) -> list[str]:
    """Say what to try next, as it can be typed here."""
    here, relance = Path.cwd(), own_name()
    data = demo.relative_to(here) if demo.is_relative_to(here) else demo
    story = Path("tests/years/never-pays.toml")
    return [
        "",
        typer.style("To try next", bold=True),
        " 1. One association that never pays, told day by day:",
        f"      {relance} replay {story if story.is_file() else data / 'two-years.toml'}",
        " 2. This register in a database of your own:",
        f"      {relance} init try",
        "      export RELANCE_CONFIG=try/relance.toml",
        f"      {relance} import associations \\",
        f"          {data / 'associations.csv'}",
        " 3. One of its members: where it is, why, and what comes next:",
        f"      {relance} show A0004",
    ]


def own_name() -> str:
    """Return how `relance` is typed here: as it was, where that is short."""
    return sys.argv[0] if "/" in sys.argv[0] and not Path(sys.argv[0]).is_absolute() else "relance"
