"""What is put on paper: registered letters, the sheet for posting them, calls for dues as one file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.frame import TREASURER, add

if TYPE_CHECKING:
    from api.commands.desk import Desk
    from api.letter_press import LetterPress

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Where to write the PDF (default: the output itself, for a pipe).",
        show_default=False,
    ),
]
Whose = Annotated[
    str, typer.Argument(metavar="[NUMBER]", help="Whose latest letter; '*': every letter not yet posted.")
]


def letters() -> None:
    """List the registered letters, tell what the post did with one, print them.

    Without a verb it is `tell`: relance letter A0042 --posted 2025-10-03
    """


def print_letters(number: Whose = "*", output: Output = None) -> None:
    """Print letters, one file for all, their addresses in the window of the envelope.

    Until a letter is posted it says how things stand today. From then on it stays as it was printed last.
    """
    from api.commands import shown
    from api.commands.desk import open_desk
    from api.letter_press import LetterPress, keep

    _refuse_terminal(output)
    with open_desk() as desk:
        with desk.reading() as connection:
            press = LetterPress(connection, desk.settings, desk.engine.rules, desk.now)
            made = press.batch(_which(desk, press, number))
        with desk.engine.store.write() as connection:
            keep(connection, press)
    shown.troubles(press.typesetter.troubles)
    _put(made, output, len(press.printed) or 1)


def sheet(output: Output = None) -> None:
    """Print the list of letters not yet posted: addresses, places for the post's labels, the last useful day."""
    from api.commands.desk import open_desk
    from api.letter_press import LetterPress

    _refuse_terminal(output)
    with open_desk() as desk, desk.reading() as connection:
        press = LetterPress(connection, desk.settings, desk.engine.rules, desk.now)
        made = press.sheet(_which(desk, press, "*"))
    _put(made, output, 1)


def _which(desk: "Desk", press: "LetterPress", number: str) -> list[int]:
    """Ids of the letters that are meant. Raises UnknownAssociation, or Invalid when there is none."""
    from api.letter_press import latest_letters, letters_to_post
    from engine.errors import Invalid
    from engine.listings import EVERYBODY
    from workflows.membership.definition import MEMBERSHIP
    from workflows.membership.errors import UnknownAssociation

    if number == EVERYBODY:
        found, none = letters_to_post(press.connection), "no letter waits to be posted"
    else:
        if number not in desk.engine.instance_ids(MEMBERSHIP, press.connection):
            raise UnknownAssociation(number=number)
        found, none = latest_letters(press.connection, number), f"{number} has no letter"
    if not found:
        raise Invalid(reason=none)
    return found


def calls(
    year: Annotated[int, typer.Option(metavar="YEAR", help="Dues of which year.", show_default=False)],
    everybody: Annotated[bool, typer.Option("--all", help="Also those that a mail reaches, after the others.")] = False,
    output: Output = None,
) -> None:
    """Print the calls for dues of a year as one file: of those without a mail address that works.

    Each says what is owed today, with the bank details and a code for bank apps. Who has settled it is left out.
    """
    from api.calls import calls_as_one_file
    from api.commands import shown
    from api.commands.desk import open_desk
    from engine.store import stored
    from notifications.outbox import ask_to_mend

    _refuse_terminal(output)
    with open_desk() as desk:
        with desk.reading() as connection:
            printed = calls_as_one_file(connection, desk.settings, year, desk.now, everybody=everybody)
        if printed.troubles:
            with desk.engine.store.write() as connection:
                ask_to_mend(connection, printed.troubles, stored(desk.now))
    shown.troubles(printed.troubles)
    _put(printed.content, output, printed.number)


def _refuse_terminal(output: Path | None) -> None:
    from engine.errors import Invalid

    if output is None and sys.stdout.isatty():
        raise Invalid(reason="a PDF is not for a terminal: name a file with --output")


def _put(made: bytes, output: Path | None, number: int) -> None:
    if output is None:
        typer.echo(made, nl=False)
        return
    output.write_bytes(made)
    typer.echo(f"Written: {output} ({number})")


def register_letters(group: typer.Typer) -> None:
    """Add the verbs of the letters' group."""
    group.command("print", epilog="Example: relance letter print --output lettres.pdf")(print_letters)
    group.command("sheet", epilog="Example: relance letter sheet --output bordereau.pdf")(sheet)


def register(app: typer.Typer) -> None:
    """Add this command."""
    add(app, calls, TREASURER, "relance calls --year 2026 --output appels-2026.pdf")
