"""`relance`, the command line: finds each subject's commands, and turns every refusal into one line.

Exit 0: done. 1: refused, one line on standard error, nothing changed. 2: wrong usage.
"""

import errno
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

SUBJECTS = (
    *("setup", "register"),
    *("reading", "explain", "play"),
    *("money", "people", "board", "agenda", "candidates", "meetings", "minutes", "procedure", "paper", "hosting"),
    *("run", "mail", "template", "bounce", "webhooks", "serve", "demo", "token"),
)
"""Modules of api.commands, in the order of the help. Each has `register(app)` and imports little: --help is instant."""
EXAMPLE = "Example: relance status"


class Refusing(TyperGroup):
    """The group of all commands: whatever one of them refuses becomes one line and exit 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises typer.Exit for a refusal; anything unforeseen keeps its traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            line = refusal(error)
            if line is None:
                raise
            for part in line.splitlines():  # a file's refused lines are one each
                typer.echo(f"relance: {part}", err=True)
            raise typer.Exit(1) from error


def refusal(error: Exception) -> str | None:
    """Say in one line what was refused; None for what nobody foresaw."""
    from engine.errors import RelanceError

    if isinstance(error, RelanceError):
        return str(error)
    if isinstance(error, OverflowError):  # of SQLite: a message's, a task's number that no row can have
        return "there is no such number: it is far too large"
    if isinstance(error, OSError):
        return None if error.errno == errno.EPIPE else _of_file(error)
    return _of_database(error)


def _of_file(error: OSError) -> str:
    what = error.strerror or type(error).__name__
    return " ".join(f"{error.filename}: {what}".splitlines()) if error.filename else what


def _of_database(error: Exception) -> str | None:
    """Explain what the database itself refused: locked, read-only, no database at all."""
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import DatabaseError, IntegrityError

    if not isinstance(error, DatabaseError) or isinstance(error, IntegrityError):
        return None
    said = " ".join(str(error.orig).splitlines())
    if said.startswith("no such "):
        return f"this is not a database of this version of relance ({said}): `relance doctor` tells more"
    return f"the database cannot be used: {said}"


main = typer.Typer(
    name="relance",
    cls=Refusing,
    help="Carries the membership dues of an association of associations through the year.",
    epilog=EXAMPLE,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for subject in SUBJECTS:
    import_module(f"api.commands.{subject}").register(main)
