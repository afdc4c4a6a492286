"""Tokens of the API: made, listed, revoked."""

from typing import Annotated, Literal

import typer

from api.commands.frame import ADMINS, Json

Roles = Literal["treasurer", "secretary", "chair", "board", "admin", "reader"]


def create(
    role: Annotated[Roles, typer.Option(help="What its holder may do.")],
    name: Annotated[str, typer.Option(help="In whose name it acts, for the journal.")],
    seat: Annotated[str | None, typer.Option(help="The seat whose vote it may cast.")] = None,
    json: Json = False,
) -> None:
    """Make a token, and show it this once.

    Only what proves it is kept: nobody can read it again.
    """
    from api import auth
    from api.commands import shown
    from api.commands.desk import open_desk
    from api.commands.typed import said
    from api.tables import Role

    holder = said(name, "--name")
    with open_desk() as desk:
        with desk.engine.store.write() as connection:
            number, secret = auth.create(connection, holder, Role(role), seat, desk.now)
        if json:
            shown.as_json({"id": number, "name": holder, "role": role, "seat": seat, "token": secret})
            return
        typer.echo(secret)
        typer.echo(f"Token {number} of {holder}, {role}: it is shown this once only", err=True)


def list_tokens(json: Json = False) -> None:
    """List the tokens that were made."""
    from api import auth
    from api.commands import shown
    from api.commands.desk import open_desk

    with open_desk() as desk, desk.reading() as connection:
        found = auth.listed(connection)
        if json:
            shown.as_json(found)
            return
        rows = [
            (
                *(line.id, line.name, line.role, line.seat, shown.local(line.created_at, desk.tz)),
                shown.local(line.revoked_at, desk.tz),
            )
            for line in found
        ]
        shown.table(("token", "name", "role", "seat", "since", "revoked"), rows, "No token.")


def revoke(
    token: Annotated[int, typer.Argument(metavar="TOKEN", help="Its number.", show_default=False)],
) -> None:
    """End a token: it opens nothing any more."""
    from api import auth
    from api.commands.desk import open_desk

    with open_desk() as desk:
        with desk.engine.store.write() as connection:
            auth.revoke(connection, token, desk.now)
        typer.echo(f"Token {token} is revoked")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True, help="The API's tokens.")
    group.command("create", epilog="Example: relance token create --role board --seat S1 --name Ana")(create)
    group.command("list", epilog="Example: relance token list")(list_tokens)
    group.command("revoke", epilog="Example: relance token revoke 3")(revoke)
    app.add_typer(group, name="token", rich_help_panel=ADMINS, epilog="Example: relance token list")
