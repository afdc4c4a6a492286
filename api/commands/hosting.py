"""Orders on hosted services: who has to do what."""

from typing import Annotated

import typer

from api.commands.frame import ADMINS, By, Json, Note, add_group


def orders(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are done too.")] = False,
    json: Json = False,
) -> None:
    """List the service orders that wait; `ack` says done."""
    if ctx.invoked_subcommand is not None:
        return
    from api.commands import shown
    from api.commands.desk import open_desk
    from workflows.membership import listings

    with open_desk() as desk, desk.reading() as connection:
        found = listings.orders(connection, done=everything)
        if json:
            shown.as_json(found)
            return
        headings = ("order", "number", "name", "do", "service", "identifier", "status", "since", "note")
        rows = [
            (
                *(line.id, line.association, line.name, line.action, line.service, line.identifier, line.status),
                *(shown.local(line.ordered_at, desk.tz), line.note),
            )
            for line in found
        ]
        shown.table(headings, rows, "No order waits.")


def ack(
    ids: Annotated[list[int], typer.Argument(metavar="ORDER…", help="Their numbers.", show_default=False)],
    failed: Annotated[bool, typer.Option("--failed", help="They could not be carried out.")] = False,
    note: Note = "",
    by: By = None,
) -> None:
    """Say that service orders were carried out.

    All of them, or none. An archive that is done orders the deletion.
    """
    from api.commands.desk import actor, open_desk
    from workflows.membership import services

    with open_desk() as desk:
        wanted = list(dict.fromkeys(ids))
        with desk.acting() as work:
            services.acknowledge(work, wanted, ok=not failed, by=actor(by), note=note)
        typer.echo(f"{len(wanted)} order{'s' * (len(wanted) > 1)}: {'failed' if failed else 'done'}")
        desk.tell()


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, orders, ADMINS, "relance orders")
    group.command("ack", epilog='Example: relance orders ack 12 13 --note "done on the cloud"')(ack)
