"""Running: one tick, the outbox, pauses."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.commands.frame import ADMINS, By, Json, add, add_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from api.commands.desk import Desk
    from notifications.mail import Part
    from notifications.webhooks import Hook

Status = Literal["pending", "sending", "sent", "captured", "uncertain", "failed", "dropped", "bounced"]


def tick(
    now: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Run as if it were then: a date (noon), a local time, or RFC 3339."),
    ] = None,
    json: Json = False,
) -> None:
    """Do everything that is due, once, and let what waits in the outbox, and for webhooks, leave.

    Tells what happened. Runs that were missed are made good, in the calendar's order. Mail leaves only where it may:
    relance mail. With --now nothing leaves by itself: mail stays pending until a run without it. For cron, every hour;
    with relance serve it is not needed.
    """
    from api.announcing import announce
    from api.commands import shown
    from api.commands.desk import open_desk
    from api.demo.mark import is_demo
    from engine.alarms import end_silence, note_silence
    from engine.listings import last_task

    with open_desk(now) as desk:
        with desk.reading() as connection:
            _refuse_ahead(connection, desk.now)
            tasks_before = last_task(connection)
        hooks = () if is_demo(desk.engine.store) else announce(desk.settings, desk.engine, desk.now)
        with shown.busy("Running what is due"):
            desk.engine.start_clock(desk.now)
            if now is None:  # else somebody tries something out: no silence is told of
                note_silence(desk.engine.context, desk.now)
            desk.engine.tick(desk.now)
            end_silence(desk.engine.context, desk.now)
            mails = desk.write_mails()
        left = _let_leave(desk, hooks) if now is None else 0
        if json:
            _as_json(desk, tasks_before, mails, left)
        else:
            _in_lines(desk, tasks_before, mails, left)


def _let_leave(desk: "Desk", hooks: "Sequence[Hook]") -> int:
    """Do one round of outbox and webhooks, by the rules of `relance serve`; returns how many mails were accepted."""
    from api.announcing import criers_of
    from api.commands import shown
    from api.mailroom import pump_of
    from engine.faults import DatabaseFault
    from notifications.smtp import Verdict

    try:
        with pump_of(desk.settings, desk.engine) as pump, shown.busy("Sending"):
            left = pump.round()[Verdict.ACCEPTED]
            for crier in criers_of(desk.settings, desk.engine, hooks):
                crier.round()
            return left
    except DatabaseFault as fault:
        # What was due is done: the mails wait for the next round, and nobody must run it again for them.
        typer.echo(f"relance: done, but the mails could not leave yet: {fault}", err=True)
        return 0


def _refuse_ahead(connection: "Connection", now: datetime) -> None:
    """Refuse to run ahead of time where mail leaves: that is for trying out. Raises NotAllowed."""
    from engine.clock import utc_now
    from engine.errors import NotAllowed
    from engine.listings import switch

    if now > utc_now() and switch(connection, "mail_mode") == "live":
        raise NotAllowed(reason="--now is in the future, and this database sends mail: try it out on a copy")


def _in_lines(desk: "Desk", tasks_before: int, mails: int, left: int) -> None:
    from api.commands.telling import tell
    from engine.listings import tasks

    with desk.reading() as connection:
        told = tell(connection, desk.mark, desk.tz)
        new = tasks(connection, after=tasks_before)
    for task in new:
        typer.echo("  ".join(filter(None, (f"Task {task.id}", task.kind, task.association, task.note or task.about))))
    if mails:
        typer.echo(f"{mails} mail{'s' * (mails > 1)} written into the outbox")
    if left:
        typer.echo(f"{left} mail{'s' * (left > 1)} sent")
    if not told and not new:
        typer.echo("Nothing was due.")


def _as_json(desk: "Desk", tasks_before: int, mails: int, left: int) -> None:
    from api.commands import shown
    from api.commands.telling import happening_json
    from engine.listings import happenings, tasks

    with desk.reading() as connection:
        happened = [happening_json(line) for line in happenings(connection, desk.mark)]
        new = tasks(connection, after=tasks_before)
    shown.as_json({"now": desk.now, "happened": happened, "tasks": new, "mails": mails, "left": left})


def outbox(
    ctx: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    json: Json = False,
) -> None:
    """List what leaves; `show` prints one message."""
    if ctx.invoked_subcommand is not None:
        return
    from api.commands import shown
    from api.commands.desk import open_desk
    from engine.listings import messages

    with open_desk() as desk, desk.reading() as connection:
        found = messages(connection, status)
        if json:
            shown.as_json(found)
            return
        headings = ("message", "kind", "number", "to", "status", "due", "subject", "error")
        rows = [
            (
                *(line.id, line.kind, line.association, line.to, line.status, shown.local(line.due_at, desk.tz)),
                *(line.subject, line.error),
            )
            for line in found
        ]
        shown.table(headings, rows, "No message.")


def show(
    message: Annotated[int, typer.Argument(metavar="MESSAGE", help="Its number.", show_default=False)],
    files: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Put its files there.", show_default=False)
    ] = None,
) -> None:
    """Print one message as it leaves; its files are named, and put into a folder on demand."""
    from api.commands.desk import open_desk
    from engine.listings import message_text
    from notifications.enclosures import kept, listed

    with open_desk() as desk, desk.reading() as connection:
        to, subject, body = message_text(connection, message)
        names = [name for name, _, _ in listed(connection, message)]
        parts = [part for name in names if files is not None and (part := kept(connection, message, name)) is not None]
    attached = "".join(f"Attached: {name}\n" for name in names)
    for part in parts:
        _put(part, files or Path())
    typer.echo(f"To: {to}\nSubject: {subject}\n{attached}\n{body}", nl=False)


def _put(part: "Part", folder: Path) -> None:
    """Write a file, over none that is there. Raises Invalid."""
    from engine.errors import Invalid

    path = folder / Path(part.name).name
    try:
        with path.open("xb") as file:
            file.write(part.content)
    except OSError as error:
        raise Invalid(reason=f"{path}: {error.strerror}") from None
    typer.echo(f"Written: {path}", err=True)


def pause(
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Its last day.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End it now.")] = False,
    by: By = None,
    json: Json = False,
) -> None:
    """Let nothing escalate until a day; alone: list.

    Up to and including that day; payments and restorations go on, and nothing bursts afterwards.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.typed import day, said

    if end and (until or reason):
        raise typer.BadParameter("--end goes alone")
    if (until is None) != (reason is None):
        raise typer.BadParameter("a pause needs --until and --reason")
    with open_desk() as desk:
        if until is not None:
            last = day(until, "--until")
            desk.engine.pause(last, said(reason or "", "--reason"), desk.now, actor(by))
            typer.echo(f"Paused until {last.isoformat()}, that day included")
        elif end:
            _end_pauses(desk)
        else:
            _list_pauses(desk, as_json=json)


def _end_pauses(desk: "Desk") -> None:
    ended = desk.engine.end_pauses(desk.now)
    desk.write_mails()
    typer.echo("The pause is over: what fell due meanwhile waits for the treasurer" if ended else "No pause is on.")
    desk.tell()


def _list_pauses(desk: "Desk", *, as_json: bool) -> None:
    from api.commands import shown
    from engine.listings import pauses

    with desk.reading() as connection:
        found = pauses(connection)
    if as_json:
        shown.as_json(found)
        return
    rows = [
        (
            *(shown.local(line.at, desk.tz), line.until, "on" if line.at <= desk.now < line.ends_at else "over"),
            *(line.reason, line.actor),
        )
        for line in found
    ]
    shown.table(("from", "until", "", "reason", "by"), rows, "No pause.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    add(app, tick, ADMINS, "relance tick")
    group = add_group(app, outbox, ADMINS, "relance outbox --status pending")
    group.command("show", epilog="Example: relance outbox show 12")(show)
    add(app, pause, ADMINS, 'relance pause --until 2025-08-31 --reason "checking the register"')
