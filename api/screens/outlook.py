"""`relance next`, for people: what comes, whom it would touch, what would prevent it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from api.commands.shown import local
from api.screens.story import wrapped
from api.standing import unproven_text
from engine.agenda import AGENDA
from engine.outlook import MEETING, Status

if TYPE_CHECKING:
    from engine.outlook import Coming

MOMENT = timedelta(seconds=1)
"""Before midnight, so that the last day itself is named."""
INDENT = 4
WIDTH = 80
STATUS_COLOURS = {Status.WAITING: "yellow", Status.MISSED: "red", Status.DONE: "bright_black"}
BOARD = {AGENDA, MEETING}


def show(found: Sequence["Coming"], now: datetime, tz: ZoneInfo, *, names: bool, unproven: int = 0) -> None:
    """Print what comes; meetings that would have nothing to decide are only counted."""
    quiet = 0
    if unproven:
        _warned(unproven_text(unproven))
    for coming in found:
        if coming.event in BOARD and not coming.touches:
            quiet += coming.event == MEETING
            continue
        if coming.status is Status.DONE and not coming.touches:
            continue
        _head(coming, now, tz)
        _detail(coming, names=names)
    if quiet:
        typer.secho(f"And {quiet} meetings with nothing to decide, as things stand.", dim=True)
    if not found:
        typer.echo("Nothing comes within a year.")


def _head(coming: "Coming", now: datetime, tz: ZoneInfo) -> None:
    until = f"until {local(coming.until - MOMENT, tz)[:10]}" if coming.until and coming.event not in BOARD else ""
    state = _state(coming, now)
    touched = f"{'touched' if coming.status is Status.DONE else 'touches'} {coming.touches}"
    event = coming.event if coming.event in BOARD else f"{coming.event} {coming.year}"
    parts = [f"{local(coming.at, tz):16}  {event:15} {touched:12}", state, coming.what, until]
    text = "  ".join(part for part in parts if part)
    typer.secho(text, fg=STATUS_COLOURS.get(coming.status), bold=coming.status is Status.DUE and coming.touches > 0)


def _state(coming: "Coming", now: datetime) -> str:
    if coming.status is not Status.DUE:
        return coming.status.value
    return "late" if coming.at < now else ""


def _detail(coming: "Coming", *, names: bool) -> None:
    for why in coming.prevents:
        _warned(why, INDENT)
    if names:
        listed(coming.names)


def _warned(text: str, indent: int = 0) -> None:
    for line in wrapped(f"! {text}", WIDTH - indent):
        typer.secho(" " * indent + line, fg="yellow")


def listed(names: Iterable[str]) -> None:
    """Print numbers, as many in a line as fit."""
    for line in wrapped(", ".join(names), WIDTH - INDENT):
        typer.echo(" " * INDENT + line)
