"""The minutes of a meeting, printed or written to a file."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from api.commands.frame import BOARD, add
from api.commands.meetings import Month

EXAMPLE = "relance minutes 2025-08 --format pdf --version signed --output pv-2025-08.pdf"


def minutes(
    month: Month,
    form: Annotated[Literal["md", "html", "pdf", "json"], typer.Option("--format", help="As what.")] = "md",
    version: Annotated[
        Literal["public", "signed"],
        typer.Option(help="signed: with names by vote, amounts, reasons, and lines to sign."),
    ] = "public",
    language: Annotated[
        Literal["fr", "en"] | None, typer.Option(help="Default: the organisation's.", show_default=False)
    ] = None,
    comments: Annotated[bool, typer.Option("--comments", help="With the comments of votes (signed only).")] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write it (default: the output itself).", show_default=False),
    ] = None,
) -> None:
    """Write the minutes of a meeting: who took part, each question, counts, numbered decisions."""
    from api.commands.desk import open_desk
    from api.commands.typed import month as month_of
    from api.minutes import Format, read_minutes
    from engine.errors import Invalid
    from engine.meetings import meeting_of_month
    from notifications.minutes import Style, Version

    planned = month_of(month, "MONTH")
    if form == "pdf" and output is None and sys.stdout.isatty():
        raise Invalid(reason="a PDF is not for a terminal: name a file with --output")
    with open_desk() as desk:
        style = Style(language or desk.settings.organisation.language.value, Version(version), comments)
        with desk.reading() as connection:
            held = meeting_of_month(connection, planned)
            found = read_minutes(connection, desk.settings, held.id, desk.now)
    written = found.written(Format(form), style)
    if output is None:
        typer.echo(written, nl=form == "json")
        return
    output.write_bytes(written)
    typer.echo(f"Written: {output}")


def register(app: typer.Typer) -> None:
    """Add this command."""
    add(app, minutes, BOARD, EXAMPLE)
