"""Outgoing webhooks: webhooks, webhooks retry, webhooks test."""

from typing import Annotated, Literal

import typer

from api.commands.frame import ADMINS, Json, add_group

Status = Literal["pending", "sending", "delivered", "captured", "failed"]


def webhooks(
    ctx: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    json: Json = False,
) -> None:
    r"""List what other programs were told, or are to be; `retry` tells it again, `test` tries a webhook out.

    Webhooks are off until relance.toml has [\[webhooks.out]]. They leave where mail leaves: relance mail.
    """
    if ctx.invoked_subcommand is not None:
        return
    from api.commands import shown
    from api.commands.desk import open_desk
    from notifications.deliveries import deliveries

    with open_desk() as desk, desk.reading() as connection:
        found = deliveries(connection, status)
    if json:
        shown.as_json(found)
        return
    names = ("delivery", "hook", "type", "status", "attempts", "when", "answer")
    rows = [
        (
            *(one["id"], one["hook"], one["type"], one["status"], one["attempts"]),
            *(shown.local(one["delivered_at"] or one["due_at"], desk.tz), one["error"] or one["response"]),
        )
        for one in found
    ]
    shown.table(names, rows, "Nothing was told to any webhook.")


def retry(
    ids: Annotated[list[int], typer.Argument(metavar="DELIVERY…", help="Their numbers.", show_default=False)],
) -> None:
    """Tell a webhook again what failed, was kept, or got lost at the receiver's: under the same id.

    All of them, or none. What waits for its next attempt becomes due now.
    """
    from api.commands.desk import open_desk
    from notifications.deliveries import release

    wanted = list(dict.fromkeys(ids))
    with open_desk() as desk, desk.engine.store.write() as connection:
        for number in wanted:
            release(connection, number, desk.now)
    typer.echo(f"{len(wanted)} deliver{'ies' if len(wanted) > 1 else 'y'} will leave again")


def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its address's host.", show_default=False)],
) -> None:
    """Send a webhook the signed message `test` at once, also while nothing else leaves."""
    from secrets import token_hex

    from api.announcing import try_out
    from api.commands.desk import open_desk
    from api.demo.mark import refuse_demo
    from engine.clock import utc_now
    from engine.errors import NotAllowed

    with open_desk() as desk:
        refuse_demo(desk.engine.store, "nothing leaves it")
        reply = try_out(desk.settings, name, token_hex(16), utc_now())
    if not reply.taken:
        raise NotAllowed(reason=f"webhook {name} did not take the test: {reply.text}")
    typer.echo(f"{name} took the test: {reply.text}")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, webhooks, ADMINS, "relance webhooks --status failed")
    group.command("retry", epilog="Example: relance webhooks retry 12")(retry)
    group.command("test", epilog="Example: relance webhooks test asso.example")(test)
