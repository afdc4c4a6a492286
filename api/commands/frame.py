"""What every command's declaration shares: its panel in the help, its example, common options. Imports only typer."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

SETTING_UP = "Setting up, copies"
SEEING = "Seeing"
TREASURER = "Treasurer"
BOARD = "Board and secretary"
ADMINS = "Admins"

By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does this (default: your login name).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The association's number.", show_default=False)]
On = Annotated[str | None, typer.Option("--on", metavar="DATE", help="The day it happened (default: today).")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the journal.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="What was said or done.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


class Verbless(TyperGroup):
    """A group whose verb may be left out: `relance letter A0042 …` is `relance letter tell A0042 …`."""

    default = "tell"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the verb where none is."""
        spoken = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if spoken else [self.default, *args])


def add(app: typer.Typer, command: Callable[..., Any], panel: str, example: str, **settings: Any) -> None:
    """Register a command under its function's name; its help ends with the example."""
    name = settings.pop("name", command.__name__.replace("_", "-"))
    app.command(name, rich_help_panel=panel, epilog=f"Example: {example}", **settings)(command)


def add_group(app: typer.Typer, listing: Callable[..., Any], panel: str, example: str, **settings: Any) -> typer.Typer:
    """Register a command that lists, and return the group to which its further verbs are added."""
    name = settings.pop("name", listing.__name__.replace("_", "-"))
    group = typer.Typer(add_completion=False, rich_markup_mode="rich")
    group.callback(invoke_without_command=True, epilog=f"Example: {example}", **settings)(listing)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group
