"""What comes back: one message on standard input, from the mail server's pipe."""

import sys
from typing import NoReturn

import typer

from api.commands.frame import ADMINS, add

EX_TEMPFAIL = 75
"""Of sysexits.h: the mail server keeps the message and tries again later."""
CHUNK = 2**16


def bounce() -> None:
    """Read one bounce from standard input, as a mail server's pipe hands it over.

    Finds the mail that came back and whoever it was for. What is no bounce changes nothing and is no error: exit 0
    with a line that says so. Where it cannot be dealt with now (the database is locked), exit 75: the mail server
    keeps it and tries again.
    """
    try:
        said = _taken(_message())
    except Exception as error:  # noqa: BLE001 whatever it is, a bounce must not be lost: the mail server keeps it
        _later(error)
    typer.echo(said)


def _message() -> bytes:
    """Read everything, so that whoever writes is not cut off; keep only what will be looked at."""
    from notifications.bounces import LONGEST

    kept = sys.stdin.buffer.read(LONGEST)
    while sys.stdin.buffer.read(CHUNK):
        pass
    return kept


def _taken(raw: bytes) -> str:
    from api.bounced import take_bounce
    from api.commands.desk import open_desk

    with open_desk() as desk:
        said = take_bounce(desk.settings, desk.engine, raw, desk.now)
        desk.write_mails()
    return said


def _later(error: Exception) -> NoReturn:
    from api.cli import refusal

    typer.echo(f"relance: {refusal(error) or f'{type(error).__name__}: {error}'}; to be tried again", err=True)
    raise typer.Exit(EX_TEMPFAIL) from error


def register(app: typer.Typer) -> None:
    """Add this command."""
    add(app, bounce, ADMINS, "relance bounce < message")
