"""A journal told day by day: the same thing to many on one day is one line."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.commands.shown import local

if TYPE_CHECKING:
    from engine.replay import Failure
    from engine.results import Decided, Entry
    from engine.scenario import Scenario

NAMED = 3
"""So many associations of one line are named."""
LONGEST_TRIGGER = 16


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one association: on which day, what caused it, what it did, the mails that left."""

    at: datetime
    cause: str
    subject: str
    did: str
    mails: tuple[str, ...] = ()


def events(journal: Iterable["Entry"], decisions: Iterable["Decided"] = ()) -> list[Event]:
    """Put what the journal says and what the board decided in one order."""
    found = [
        Event(entry.effective_at, entry.trigger, entry.subject, move(entry.before, entry.after), entry.mails)
        for entry in journal
    ]
    found += [Event(ballot.held_at, "board", ballot.subject, said(ballot)) for ballot in decisions]
    return sorted(found, key=lambda event: event.at)


def said(ballot: "Decided") -> str:
    """Write what the board said: the question, the outcome, the counts."""
    counts = f" ({ballot.approve} for, {ballot.reject} against)" if ballot.took_part else ""
    return f"{ballot.trigger} {ballot.status}{counts}" + (f": {ballot.why}" if ballot.why else "")


def story(found: Iterable[Event], tz: ZoneInfo, *, everybody: bool = False) -> Iterator[str]:
    """Tell what happened: day, cause, who, what became of it, the mails. `everybody` names each."""
    groups: dict[tuple[Any, ...], list[Event]] = {}
    for event in found:
        key = (local(event.at, tz)[:10], event.cause, event.did, event.mails)
        groups.setdefault(key, []).append(event)
    day_before = ""
    for (day, *_), same in groups.items():
        yield f"{day if day != day_before else '':10}  {_line(same, everybody=everybody)}"
        day_before = day


def _line(same: Sequence[Event], *, everybody: bool) -> str:
    first = same[0]
    parts = [f"{first.cause:{LONGEST_TRIGGER}}", who([event.subject for event in same], everybody=everybody), first.did]
    if first.mails:
        parts.append(f"[{', '.join(first.mails)}]")
    return "  ".join(parts)


def who(subjects: Sequence[str], *, everybody: bool = False) -> str:
    """Name these; of many, their number and the first few."""
    if everybody or len(subjects) <= NAMED:
        return ", ".join(subjects)
    return f"{len(subjects)}: {', '.join(subjects[:NAMED])} …"


def move(before: str | None, after: str) -> str:
    """Write a move, or that there was none."""
    if before is None:
        return after
    return f"{before} → {after}" if before != after else f"stays {after}"


def expectations(scenario: "Scenario") -> int:
    """Count what a scenario expects: each state, list and figure, and each refusal."""
    count = 0
    for step in scenario.steps:
        count += bool(step.refused)
        count += sum(max(1, len(value)) if isinstance(value, dict) else 1 for value in (step.expect or {}).values())
    return count


def failed(failure: "Failure") -> str:
    """Write one expectation that does not hold."""
    return f"✗ {failure.step}: expected {failure.expected}, got {failure.got}"


def verdict(failures: Sequence["Failure"], number: int, seconds: float) -> str:
    """Write the last line: whether everything held, and how long it took."""
    if failures:
        did = "expectation does" if len(failures) == 1 else "expectations do"
        return f"failed, {len(failures)} {did} not hold, {seconds:.2f} s"
    return f"ok, {number} expectation{'s' if number != 1 else ''} held, {seconds:.2f} s"


def wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines at its spaces."""
    return wrap(text, width, break_long_words=False, break_on_hyphens=False)
