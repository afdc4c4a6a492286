"""Whether mail leaves, and what becomes of a message that did not: mail, outbox retry, outbox arrived."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.frame import ADMINS, By, add_group

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from api.commands.desk import Desk

SHOWN = 20
OUTBOX = "outbox"
Messages = Annotated[list[int], typer.Argument(metavar="MESSAGE…", help="Their numbers.", show_default=False)]
ADDRESSES = """SELECT m.id, m.recipient, a.email, a.treasurer_email FROM outbox_message m
    JOIN association a ON a.instance_id = m.instance_id WHERE m.id IN {ids} ORDER BY m.id"""
SWITCH = "INSERT INTO switch (name, value) VALUES ('mail_mode', ?) ON CONFLICT (name) DO UPDATE SET value = ?"


def mail(ctx: typer.Context) -> None:
    """Tell whether mail leaves; `live` and `capture` change it."""
    if ctx.invoked_subcommand is not None:
        return
    from api.commands.desk import open_desk
    from api.standing import standing_of

    with open_desk() as desk:
        mode = standing_of(desk.engine, desk.settings, desk.now).mail_mode
        typer.echo("Mail leaves (live)" if mode == "live" else "Mail is kept for reading (capture)")
        typer.echo(f"relance.toml: {desk.settings.mail.mode.value}  database: {_switched(desk)}")


def capture() -> None:
    """Keep mail for reading: from now on nothing leaves.

    What is kept so proves nothing: no step counts as told.
    """
    from api.commands.desk import open_desk

    with open_desk() as desk:
        _switch(desk, "capture")
    typer.echo("Mail is kept for reading from now on")


def live(
    to: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Who gets the test mail (default: mail.reply_to, else organisation.email, else mail.from_address).",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The organisation's name, where nobody can be asked for it.")
    ] = None,
) -> None:
    """Let mail leave.

    First shows what would leave next, sends a test mail, and asks for your organisation's name.
    """
    from api.commands.desk import open_desk
    from api.demo.mark import refuse_demo
    from api.settings_sections import MailMode
    from engine.errors import NotAllowed

    with open_desk() as desk:
        refuse_demo(desk.engine.store, "its mail never leaves")
        if desk.settings.mail.mode is not MailMode.LIVE:
            raise NotAllowed(reason='relance.toml keeps mail for reading: it must say mode = "live" under [mail] first')
        if name is None and not sys.stdin.isatty():
            raise NotAllowed(reason="not confirmed: add --name when nobody can be asked")
        _show_next(desk)
        _test(desk, to)
        _refuse_other(desk, typer.prompt("To let mail leave, type your organisation's name") if name is None else name)
        _switch(desk, "live")
    typer.echo("Mail leaves from now on; `relance mail capture` stops it")


def _show_next(desk: "Desk") -> None:
    """Print what waits, which would leave at once, and the next step with the names it would touch."""
    from api.commands import shown
    from engine.listings import messages
    from workflows.relevance import no_longer_right

    desk.write_mails()
    with desk.reading() as connection:
        waiting = messages(connection, "pending")
        wrong = no_longer_right(connection, [line.id for line in waiting])
    leaving = [line for line in waiting if line.id not in wrong]
    typer.echo(f"Waiting, and leaving at once: {len(leaving)}")
    if leaving:
        rows = [(line.id, line.kind, line.association, line.to, line.subject) for line in leaving[:SHOWN]]
        shown.table(("message", "kind", "number", "to", "subject"), rows, "")
    if len(leaving) > SHOWN:
        typer.echo(f"… and {len(leaving) - SHOWN} more: relance outbox --status pending")
    _show_next_step(desk)


def _show_next_step(desk: "Desk") -> None:
    from api.screens.outlook import show
    from engine.outlook import Status, horizon, outlook
    from workflows.membership.definition import MEMBERSHIP

    with desk.engine.context.reading(MEMBERSHIP, desk.now) as work:
        coming = outlook(work, desk.now, horizon(desk.now))
    found = [step for step in coming if step.touches and step.status in {Status.DUE, Status.WAITING}]
    if found:
        typer.echo("Next, as things stand:")
        show(found[:1], desk.now, desk.tz, names=True)


def _test(desk: "Desk", to: str | None) -> None:
    """Send the test mail. Raises NotAllowed when the server does not take it."""
    import asyncio

    from api.mailroom import send_test
    from engine.errors import NotAllowed
    from notifications.smtp import Verdict

    settings = desk.settings
    address = to or settings.mail.reply_to or settings.organisation.email or settings.sender
    answer = asyncio.run(send_test(settings, address, desk.now))
    if answer.verdict is not Verdict.ACCEPTED:
        raise NotAllowed(reason=f"the test mail to {address} did not leave: {answer.text}")
    typer.echo(f"A test mail was sent to {address}: look whether it arrived")


def _refuse_other(desk: "Desk", typed: str) -> None:
    from engine.errors import NotAllowed

    wanted = desk.settings.organisation.name
    if " ".join(typed.split()).casefold() != " ".join(wanted.split()).casefold():
        raise NotAllowed(reason=f"{typed!r} is not the organisation's name: mail is kept for reading as before")


def _switched(desk: "Desk") -> str:
    with desk.reading() as connection:
        found = connection.exec_driver_sql("SELECT value FROM switch WHERE name = 'mail_mode'").scalar_one_or_none()
    return str(found or "capture")


def _switch(desk: "Desk", mode: str) -> None:
    with desk.engine.store.write() as connection:
        connection.exec_driver_sql(SWITCH, (mode, mode))


def retry(ids: Messages, by: By = None) -> None:
    """Let messages leave again: those that are uncertain, failed, came back, or were kept for reading.

    All of them, or none. What nobody releases is never sent twice.
    """
    from notifications.claims import release

    number = _decide(ids, by, release)
    becomes, elsewhere = _becomes_of_them(ids)
    typer.echo(f"{number} message{'s' * (number > 1)} will {becomes}")
    for message, address in elsewhere:
        typer.echo(f"Message {message} goes to {address} (that is not its address any more)")


def _becomes_of_them(ids: list[int]) -> tuple[str, list[tuple[int, str]]]:
    """What becomes of messages that wait again, and which of them are to an address that was replaced."""
    from api.commands.desk import open_desk
    from api.standing import mail_mode
    from engine.listings import switch

    with open_desk() as desk, desk.reading() as connection:
        live = mail_mode(desk.settings, switch(connection, "mail_mode")) == "live"
        return "leave again" if live else "be kept for reading", _to_old_addresses(connection, ids)


def _to_old_addresses(connection: "Connection", ids: list[int]) -> list[tuple[int, str]]:
    from api.bounced import same_mailbox
    from engine.store import rows_of

    found = []
    for message, recipient, *addresses in rows_of(connection, ADDRESSES, ids):
        if not any(same_mailbox(recipient, address) for address in addresses):
            found.append((message, recipient))
    return found


def arrived(ids: Messages, by: By = None) -> None:
    """Say that uncertain messages have arrived: they count as sent.

    Somebody received them, or the mail server's own log says so.
    """
    from notifications.claims import arrived as settle

    number = _decide(ids, by, settle)
    typer.echo(f"{number} message{'s' * (number > 1)} counted as sent")


def _decide(ids: list[int], by: str | None, decide: "Callable[[Connection, int, datetime, str], None]") -> int:
    from api.commands.desk import actor, open_desk

    wanted = list(dict.fromkeys(ids))
    with open_desk() as desk, desk.engine.store.write() as connection:
        for message in wanted:
            decide(connection, message, desk.now, actor(by))
    return len(wanted)


def register(app: typer.Typer) -> None:
    """Add these commands; those on messages join the outbox's own."""
    group = add_group(app, mail, ADMINS, "relance mail")
    group.command("capture", epilog="Example: relance mail capture")(capture)
    group.command("live", epilog="Example: relance mail live --to me@lepic.example")(live)
    outbox = next(info.typer_instance for info in app.registered_groups if info.name == OUTBOX)
    if outbox is not None:
        outbox.command("retry", epilog="Example: relance outbox retry 12")(retry)
        outbox.command("arrived", epilog="Example: relance outbox arrived 12")(arrived)
