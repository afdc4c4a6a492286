"""What is printed: tables (drawn on a terminal, plain elsewhere), JSON, a bar while something takes time."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from textwrap import wrap
from threading import Timer
from typing import Any
from zoneinfo import ZoneInfo

import typer

SHORT = 16
"""Cells so long, such as a day with its hour, are never broken."""
GAP = "   "
PATIENCE = 1.0
"""Seconds before a bar appears."""


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows under their headings, or what to say when there are none."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not cells:
        typer.echo(empty)
    elif sys.stdout.isatty():
        _drawn(headings, cells)
    else:
        _plain(headings, cells)


def _drawn(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Draw a table as wide as the terminal: numbers, days and words stay whole, long texts take several lines.

    Where even that is too wide, each row is told below the other, a line for each cell.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    whole = [width <= SHORT for width in widths]
    needed = sum(width if short else SHORT for width, short in zip(widths, whole, strict=True))
    if needed + len(GAP) * len(widths) > console.width:
        _told(headings, cells, console.width)
        return
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, short in zip(headings, whole, strict=True):
        drawn.add_column(heading, overflow="fold", no_wrap=short)
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    console.print(drawn)


def _told(headings: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> None:
    margin = max(map(len, headings)) + len(GAP)
    for row in cells:
        for heading, cell in zip(headings, row, strict=True):
            for place, line in enumerate(wrap(cell, max(SHORT, width - margin))):
                typer.echo(f"{heading if place == 0 else '':{margin}}{line}")
        typer.echo("")


def _plain(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    for row in (headings, *cells):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def as_json(value: Any) -> None:
    """Print JSON: instants in UTC (RFC 3339), days ISO, what is not known left out."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def plain(value: Any) -> Any:
    """Turn dataclasses, instants and days into what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def local(instant: datetime | None, tz: ZoneInfo) -> str:
    """Write an instant as the organisation's local time, to the minute."""
    return "" if instant is None else f"{instant.astimezone(tz):%Y-%m-%d %H:%M}"


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a moving bar, on a terminal, once something has taken a second."""
    with counted(what):
        yield


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], object] | None]:
    """Give what to call with (so many, of so many): the bar appears on a terminal only, after a second."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)
    timer = Timer(PATIENCE, bar.start)
    timer.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def troubles(found: Mapping[str, str]) -> None:
    """Say which of the organisation's own words could not be used, and why."""
    for place, reason in found.items():
        typer.echo(f"relance: {place}: {reason}; the built-in one takes its place", err=True)
