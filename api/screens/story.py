"""A journal told day by day: the same thing to many on one day is one line."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.commands.shown import local

if TYPE_CHECKING:
    from engine.replay import Failure
    from engine.results import Entry
    from engine.scenario import Scenario

NAMED = 3
"""So many associations of one line are named."""
LONGEST_TRIGGER = 15


def story(journal: Iterable["Entry"], tz: ZoneInfo, *, everybody: bool = False) -> Iterator[str]:
    """Tell a journal: day, trigger, from and to, the mails that leave, who. `everybody` names each."""
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in journal:
        key = (local(entry.effective_at, tz)[:10], entry.trigger, entry.before, entry.after, entry.mails)
        groups.setdefault(key, []).append(entry)
    day_before = ""
    for (day, *_), entries in groups.items():
        yield f"{day if day != day_before else '':10}  {_line(entries, everybody=everybody)}"
        day_before = day


def _line(entries: Sequence["Entry"], *, everybody: bool) -> str:
    first = entries[0]
    parts = [f"{first.trigger:{LONGEST_TRIGGER}}", who([entry.subject for entry in entries], everybody=everybody)]
    parts.append(move(first.before, first.after))
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


def days(first: date, last: date) -> str:
    """Write from which to which day something goes."""
    return f"{first.isoformat()} … {last.isoformat()}"
