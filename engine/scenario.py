"""Scenario files: a year as a file, read and checked. Pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.clock import at_local, end_of_day, noon
from engine.errors import Invalid

KNOWN = {
    *("title", "from", "until", "seats", "board", "associations", "services", "payments", "config"),
    *("association", "step"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens, or must hold, at an instant. `refused`: True or the problem's type."""

    number: int
    on: datetime
    do: str | None
    fields: Mapping[str, Any]
    expect: Mapping[str, Any] | None = None
    refused: bool | str = False

    @property
    def name(self) -> str:
        """How a failure names it."""
        return f"step {self.number} ({self.on:%Y-%m-%d %H:%M} UTC)"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A file, with instants in UTC. `folder`: where its other files are looked for."""

    title: str
    start: datetime
    end: datetime
    tz: ZoneInfo
    folder: Path
    seats: tuple[str, ...] = ()
    board: str | None = None
    associations: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises Invalid naming the file and what is wrong."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Invalid(reason=f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise Invalid(reason=f"{path}: not UTF-8 (byte {error.start})") from None
    except (ValueError, OSError) as error:  # TOML's own errors, and numbers beyond all measure
        raise Invalid(reason=f"{path}: {error}") from None
    except RecursionError:
        raise Invalid(reason=f"{path}: nested too deeply") from None


def scenario_of(data: Mapping[str, Any], folder: Path, tz: ZoneInfo) -> Scenario:
    """Build a scenario from a file's content. Raises Invalid naming the first thing that is wrong."""
    for key in data.keys() - KNOWN:
        raise Invalid(reason=f"unknown key {key!r}")
    start, end = (_day(data, name) for name in ("from", "until"))
    first, last = at_local(start, 0, 0, tz), end_of_day(end, tz)
    if last <= first:
        raise Invalid(reason="until is before from")
    steps = [_step(number, step, tz) for number, step in enumerate(data.get("step", ()), 1)]
    for step in steps:
        if not first <= step.on <= last:
            raise Invalid(reason=f"{step.name} is outside from … until")
    return Scenario(
        title=str(data.get("title", "")),
        start=first,
        end=last,
        tz=tz,
        folder=folder,
        seats=tuple(str(seat) for seat in data.get("seats", ())),
        board=data.get("board"),
        associations=tuple(data.get("association", ())),
        files={name: data[name] for name in ("associations", "services", "payments") if name in data},
        steps=tuple(sorted(steps, key=lambda step: step.on)),
    )


def _day(data: Mapping[str, Any], name: str) -> date:
    value = data.get(name)
    if isinstance(value, datetime) or not isinstance(value, date):
        raise Invalid(reason=f"{name} must be a date such as 2024-11-30")
    return value


def _step(number: int, step: Mapping[str, Any], tz: ZoneInfo) -> Step:
    if "on" not in step:
        raise Invalid(reason=f"step {number} has no `on`")
    if ("do" in step) == ("expect" in step):
        raise Invalid(reason=f"step {number} needs either `do` or `expect`")
    on = instant_of_toml(step["on"], tz, f"step {number}: on")
    fields = {name: value for name, value in step.items() if name not in {"on", "do", "expect", "refused"}}
    return Step(number, on, step.get("do"), fields, step.get("expect"), step.get("refused", False))


def instant_of_toml(value: object, tz: ZoneInfo, name: str) -> datetime:
    """Read an instant: a date means noon, a local time is the organisation's. Raises Invalid."""
    if isinstance(value, datetime):
        local = value if value.tzinfo is not None else value.replace(tzinfo=tz)
        return local.astimezone(UTC)
    if isinstance(value, date):
        return noon(value, tz)
    raise Invalid(reason=f"{name} must be a date or a local time, not {value!r}")
