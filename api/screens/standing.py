"""`relance status`, for people."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from api.commands.shown import local
from api.screens.counts import COLOURS
from api.screens.story import wrapped
from api.standing import unproven_text
from workflows.membership.definition import LABELS
from workflows.membership.words import State

if TYPE_CHECKING:
    from api.standing import Standing

LATE_HOURS = 24
WIDTH = 80


def show(standing: "Standing", now: datetime, tz: ZoneInfo) -> None:
    """Print how many are where, what waits for people, whether mail leaves, and when it last ran."""
    for state in State:
        number = standing.states[state]
        count = typer.style(f"{number or '·':>5}", fg=COLOURS[state] if number else "bright_black")
        typer.echo(f"{count}  {state.value:21} {LABELS[state]}")
    typer.echo(f"{sum(standing.states.values()):>5}  in all")
    if standing.candidates:
        waits = "wait" if standing.candidates > 1 else "waits"
        typer.echo(
            f"{standing.candidates:>5}  candidate{'s' * (standing.candidates > 1)} {waits} for the board's answer"
        )
    typer.echo("")
    kinds = ", ".join(f"{kind} {number}" for kind, number in standing.tasks.items())
    number = sum(standing.tasks.values())
    typer.echo(f"Open tasks: {number}" + (f" ({kinds}): relance tasks" if kinds else ""))
    typer.echo(f"Mail: {'leaves' if standing.mail_mode == 'live' else 'is kept for reading (capture)'}")
    if standing.unproven:
        _warn(unproven_text(standing.unproven))
    if standing.paused_until is not None:
        _warn(f"paused: nothing escalates until {standing.paused_until}, that day included")
    _last_run(standing, now, tz)
    typer.echo(f"Version {standing.version}")


def _warn(text: str) -> None:
    for line in wrapped(f"! {text}", WIDTH):
        typer.secho(line, fg="yellow")


def _last_run(standing: "Standing", now: datetime, tz: ZoneInfo) -> None:
    if standing.last_tick is None:
        typer.secho("It has never run: relance tick", fg="yellow")
        return
    if standing.last_tick > now + timedelta(hours=1):
        ahead = f"Ahead of the clock: run up to {local(standing.last_tick, tz)}; nothing is due before that"
        typer.secho(ahead, fg="yellow")
        return
    if not sum(standing.states.values()):
        typer.echo(f"Set up on {local(standing.last_tick, tz)}; no member yet: relance import associations FILE")
        return
    hours = (now - standing.last_tick).total_seconds() / 3600
    late = f", {age(hours)} ago" if hours > 1 else ""
    text = f"Last run: {local(standing.last_tick, tz)}{late}"
    typer.secho(text, fg="yellow" if hours > LATE_HOURS else None)


def age(hours: float) -> str:
    """Write how long ago: in hours, then in days."""
    return f"{hours:.0f} h" if hours < 2 * LATE_HOURS else f"{hours / LATE_HOURS:.0f} days"
