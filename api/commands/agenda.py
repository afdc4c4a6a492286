"""The board's agenda: seen, changed by hand with a reason; seats that stand aside or will not be there; annulling."""

from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.frame import BOARD, By, Json, Note, add, add_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.commands.desk import Desk
    from engine.across import Part

Month = Annotated[str, typer.Argument(metavar="MONTH", help="The meeting's: 2025-08.", show_default=False)]
Trigger = Annotated[str, typer.Argument(metavar="TRIGGER", help="The question: suspend, remove …", show_default=False)]
Subject = Annotated[str, typer.Argument(metavar="NUMBER", help="Whom it is about.", show_default=False)]
Seat = Annotated[str, typer.Argument(metavar="SEAT", help="The seat, such as S2.", show_default=False)]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: the journal and the seats are told.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take it back.")]
TwoNames = Annotated[list[str], typer.Option("--by", metavar="NAME", help="Who annuls: two people, so twice.")]


def agenda(
    ctx: typer.Context,
    month: Annotated[str | None, typer.Option("--meeting", metavar="MONTH", help="Such as 2025-08.")] = None,
    json: Json = False,
) -> None:
    """Show the next meeting's agenda, or another's; `add` and `remove` change it by hand."""
    if ctx.invoked_subcommand is not None:
        return
    from api.commands import shown
    from api.commands.desk import open_desk
    from api.routes.meetings import agenda_of

    with open_desk() as desk, desk.reading() as connection:
        found = agenda_of(connection, _meeting_id(desk, month), desk.settings)
        if json:
            typer.echo(found.model_dump_json(by_alias=True, indent=2))
            return
        held = shown.local(found.meeting.held_at, desk.tz)
        place = f", {found.meeting.place}" if found.meeting.place else ""
        typer.echo(f"Meeting {found.meeting.month}: {held}{place}")
        if found.excused:
            typer.echo(f"Excused: {', '.join(found.excused)}")
        rows = [
            (one.id, one.trigger, one.association, one.status, f"{one.took_part} of {len(one.seats)}", _aside(one))
            for one in found.items
        ]
        shown.table(("ballot", "trigger", "number", "status", "took part", ""), rows, "Nothing is on it.")
        for trigger, warnings in found.warnings.items():
            typer.echo(f"Warning ({trigger}): {'; '.join(warnings)}")


def _aside(item: object) -> str:
    recused = getattr(item, "recused", ())
    return f"aside: {', '.join(recused)}" if recused else ""


def _meeting_id(desk: "Desk", month: str | None) -> int:
    """Find the meeting of a month; without one, the next that is to be held, or the last. Raises Invalid."""
    from api.commands.typed import month as month_of
    from engine.errors import Invalid
    from engine.meetings import meeting_of_month, meetings_where
    from engine.store import stored

    with desk.engine.store.read() as connection:
        if month is not None:
            return meeting_of_month(connection, month_of(month, "--meeting")).id
        coming = meetings_where(connection, "closes_at > ?", stored(desk.now))
        if not coming:
            raise Invalid(reason="no meeting is planned")
        return coming[0].id


def add_item(month: Month, trigger: Trigger, number: Subject, reason: Why, by: By = None) -> None:
    """Put a question on a published agenda, up to one day before the meeting.

    Whoever is added meets the conditions of the list. The seats are told.
    """
    from api.commands.desk import actor, open_desk
    from engine import by_hand
    from engine.across import subject_of
    from engine.meetings import meeting

    with open_desk() as desk:
        with desk.acting() as work:
            own, case = subject_of(work, number, trigger)
            held = meeting(work.connection, _meeting_id(desk, month))
            by_hand.add_item(own, case, held, trigger, reason, actor(by))
            own.write()
        desk.tell()


def remove_item(trigger: Trigger, number: Subject, reason: Why, by: By = None) -> None:
    """Take a question off its agenda.

    The seats are told. The other questions stay as they are.
    """
    from api.commands.desk import actor
    from engine.by_hand import take_off

    _on_ballot(trigger, number, lambda part: take_off(part.work, part.case, part.ballot, reason, actor(by)))


def recuse(trigger: Trigger, number: Subject, seat: Seat, reason: Why = "", undo: Undo = False, by: By = None) -> None:
    """Let a seat stand aside on a ballot.

    It does not vote there, and does not count. What it had voted is kept, and no longer counts.
    """
    from api.commands.desk import actor
    from engine import recusals

    def act(part: "Part") -> None:
        if undo:
            recusals.take_back(part.work, part.case, part.ballot, seat, actor(by))
        else:
            recusals.recuse(part.work, part.case, part.ballot, seat, reason, actor(by))

    _on_ballot(trigger, number, act)


def annul(trigger: Trigger, number: Subject, reason: Why, by: TwoNames) -> None:
    """Annul a decision of the board.

    Two people and a reason. What it had moved goes back to the state before.
    """
    from engine import annulment

    _on_ballot(trigger, number, lambda part: annulment.annul(part.work, part.case, part.ballot, reason, by))


def absent(month: Month, seat: Seat, note: Note = "", undo: Undo = False, by: By = None) -> None:
    """Note that a seat will not be at a meeting.

    It is shown as excused, and may still vote from elsewhere.
    """
    from api.commands.desk import actor, open_desk
    from engine import recusals
    from engine.meetings import meeting

    with open_desk() as desk:
        with desk.acting() as work:
            held = meeting(work.connection, _meeting_id(desk, month))
            if undo:
                recusals.take_back_absence(work, held, seat)
            else:
                recusals.announce_absence(work, held, seat, note, actor(by))
        typer.echo(f"{seat} will {'' if undo else 'not '}be at the meeting of {held.month}")


def end_links(seat: Seat) -> None:
    """End the personal links of a seat.

    Its next mails bring new ones. For whoever says « it was not me », or whose mailbox is read by somebody else.
    """
    from api import links
    from api.commands.desk import open_desk

    with open_desk() as desk:
        with desk.engine.store.write() as connection:
            ended = links.revoke(connection, seat, desk.now)
        typer.echo(f"{ended} personal link{'s' * (ended != 1)} of {seat} ended; the next mail to it brings a new one")


def _on_ballot(trigger: str, number: str, act: "Callable[[Part], object]") -> None:
    """Do something about the latest ballot on a question about somebody. Raises Invalid, BallotNotOpen."""
    from api.commands.desk import open_desk
    from engine.across import latest_ballot, write_parts

    with open_desk() as desk:
        with desk.acting() as work:
            part = latest_ballot(work, number, trigger)
            act(part)
            write_parts([part])
        desk.tell()


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, agenda, BOARD, "relance agenda --meeting 2025-08")
    reason = '--reason "forgotten: reminded by telephone"'
    group.command("add", epilog=f"Example: relance agenda add 2025-08 suspend A0042 {reason}")(add_item)
    group.command("remove", epilog=f"Example: relance agenda remove suspend A0042 {reason}")(remove_item)
    add(app, recuse, BOARD, 'relance recuse suspend A0042 S2 --reason "treasurer of A0042"')
    add(app, end_links, BOARD, "relance end-links S2")
    add(app, absent, BOARD, 'relance absent 2025-08 S2 --note "away"')
    example = 'relance annul suspend A0042 --reason "wrong list" --by "Ana Puech" --by "Bilal Khelif"'
    add(app, annul, BOARD, example)
