"""The board's meetings: list, move, confirm."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from api.commands.frame import BOARD, By, Json, add_group

if TYPE_CHECKING:
    from engine.listings import MeetingLine
    from engine.meetings import MeetingFacts

Month = Annotated[
    str, typer.Argument(metavar="MONTH", help="The month it was planned for, such as 2025-08.", show_default=False)
]
Place = Annotated[str | None, typer.Option("--place", metavar="TEXT", help="Where it is held: one line.")]


def meeting(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those of earlier years too.")] = False,
    json: Json = False,
) -> None:
    """List the board's meetings; `move` and `confirm` change one."""
    if ctx.invoked_subcommand is not None:
        return
    from api.commands import shown
    from api.commands.desk import open_desk
    from engine.clock import at_local
    from engine.listings import meetings
    from engine.store import stored

    with open_desk() as desk, desk.reading() as connection:
        since = "" if everything else stored(at_local(desk.today.replace(month=1, day=1), 0, 0, desk.tz))
        found = meetings(connection, since)
        if json:
            shown.as_json(found)
            return
        rows = [
            (
                *(line.month, shown.local(line.held_at, desk.tz), line.place),
                _confirmed(line),
                _published(line.published_at, line.publish_at, desk.tz, over=line.closed_at is not None),
                line.items or "",
            )
            for line in found
        ]
        shown.table(("month", "held", "place", "date", "agenda", "items"), rows, "No meeting.")


def _confirmed(line: "MeetingLine") -> str:
    if line.confirmed:
        return "confirmed"
    return "" if line.closed_at is not None else "not confirmed"


def _published(published: datetime | None, planned: datetime, tz: ZoneInfo, *, over: bool) -> str:
    from api.commands.shown import local

    if published is not None:
        return f"published {local(published, tz)}"
    return "" if over else f"due {local(planned, tz)}"


def move(
    month: Month,
    held: Annotated[str, typer.Option(metavar="TIME", help="Its new day or hour; a day alone keeps the hour.")],
    place: Place = None,
) -> None:
    """Move a meeting.

    Its agenda moves too, unless it was published.
    """
    from api.commands.desk import open_desk
    from api.commands.typed import maybe_line
    from api.commands.typed import month as month_of
    from engine.meetings import meeting_of_month

    with open_desk() as desk:
        planned, where = month_of(month, "MONTH"), maybe_line(place, "--place")
        with desk.reading() as connection:
            at = _new_hour(meeting_of_month(connection, planned), held, desk.tz)
        moved = desk.engine.move_meeting(planned, at, desk.now, place=where)
        desk.write_mails()
        _show(moved, desk.tz, where)
        desk.tell()


def _new_hour(planned: "MeetingFacts", held: str, tz: ZoneInfo) -> datetime:
    """Read the new hour; a day alone keeps the meeting's own."""
    from api.commands.typed import day, instant
    from engine.clock import at_local

    if not re.fullmatch(r"[0-9-]{8,10}", held):
        return instant(held, "--held", tz)
    hour = planned.held_at.astimezone(tz)
    return at_local(day(held, "--held"), hour.hour, hour.minute, tz)


def confirm(month: Month, place: Place = None, by: By = None) -> None:
    """Confirm a meeting's date, and say where it is held.

    It no longer raises the alarm.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.typed import maybe_line
    from api.commands.typed import month as month_of

    with open_desk() as desk:
        where = maybe_line(place, "--place")
        confirmed = desk.engine.confirm_meeting(month_of(month, "MONTH"), desk.now, actor(by), where)
        _show(confirmed, desk.tz, where)


def _show(facts: "MeetingFacts", tz: ZoneInfo, place: str | None) -> None:
    from api.commands.shown import local

    agenda = "its agenda is published" if facts.published_at else f"its agenda leaves on {local(facts.publish_at, tz)}"
    where = f", {place}" if place else ""
    typer.echo(f"Meeting {facts.month}: held on {local(facts.held_at, tz)}{where}; {agenda}")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, meeting, BOARD, "relance meeting move 2025-08 --held 2025-08-29T18:30")
    group.command("move", epilog="Example: relance meeting move 2025-08 --held 2025-08-29T18:30")(move)
    group.command("confirm", epilog='Example: relance meeting confirm 2025-08 --place "Mairie"')(confirm)
