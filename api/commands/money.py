"""Money: pay, reverse, waive."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from api.commands.frame import TREASURER, By, Json, Number, On, Reason, add

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.commands.desk import Desk
    from api.payments import Entry, Piece

NEGATIVE = re.compile(r"^-(?=[0-9.,]|nan|inf)", re.IGNORECASE)


class WithAmounts(TyperCommand):
    """A command that takes -5.00 for an amount (a refused one), not for options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, a real minus sign before negative amounts."""
        after_option = [False, *(arg.startswith("--") and "=" not in arg for arg in args)]
        pairs = zip(args, after_option, strict=False)
        return super().parse_args(ctx, [arg if after else NEGATIVE.sub("−", arg) for arg, after in pairs])


def pay(
    number: Annotated[str | None, typer.Argument(metavar="NUMBER", help="Who pays.", show_default=False)] = None,
    amount: Annotated[
        str | None, typer.Argument(metavar="AMOUNT", help="Default: what is unpaid.", show_default=False)
    ] = None,
    year: Annotated[int | None, typer.Option(help="The year it is for (default: the oldest owed first).")] = None,
    on: On = None,
    method: Annotated[str, typer.Option(help="How: transfer, cheque, card, cash …")] = "",
    reference: Annotated[str, typer.Option(help="The bank's reference: the same one is not booked twice.")] = "",
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER:YEAR:AMOUNT", help="One transfer for several: repeat instead of NUMBER AMOUNT."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Book it although the reference came before.")] = False,
    by: By = None,
    json: Json = False,
) -> None:
    """Book a payment.

    Prints what it settled, the new state and what is still owed.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.typed import past_day
    from api.payments import Entry, enter

    pieces = _pieces(number, amount, year, split or [])
    with open_desk() as desk:
        entry = Entry(pieces, past_day(on, "--on", desk.today), method, reference, again)
        with desk.acting() as work:
            payment = enter(work, entry, actor(by))
        with desk.reading() as connection:
            _show_payment(connection, desk, payment, entry, as_json=json)


def _pieces(number: str | None, amount: str | None, year: int | None, split: list[str]) -> "tuple[Piece, ...]":
    """Read who pays what. Raises BadParameter (wrong usage) or Invalid (a wrong amount)."""
    from api.payments import Piece, piece_of
    from workflows.membership.money import cents_of

    if (number is None) == (not split):
        raise typer.BadParameter("name either NUMBER, or one or several --split")
    if number is not None:
        return (Piece(number, year, None if amount is None else cents_of(amount)),)
    if year is not None:
        raise typer.BadParameter("with --split each part names its own year")
    return tuple(piece_of(text) for text in split)


def _show_payment(connection: "Connection", desk: "Desk", payment: int, entry: "Entry", *, as_json: bool) -> None:
    from api.commands import shown
    from workflows.membership.listings import parts_of, standings
    from workflows.membership.money import money_text

    parts = parts_of(connection, payment)
    ids = desk.ids(connection, [piece.number for piece in entry.pieces])
    after = standings(connection, ids)
    if as_json:
        told = [{"association": part.number, "year": part.year, "amount": money_text(part.cents)} for part in parts]
        single = {"state": after[0].state, "owed": money_text(after[0].owed)} if len(after) == 1 else {}
        shown.as_json({"payment": payment, **single, "allocations": told})
        return
    total = money_text(sum(part.cents for part in parts))
    typer.echo(f"Payment {payment}: {total} on {entry.paid_on.isoformat()}")
    for part in parts:
        what = "kept as credit: a person decides (task surplus)" if part.year is None else f"for {part.year}"
        typer.echo(f"  {part.number}  {money_text(part.cents)}  {what}")
    desk.tell()
    desk.show_standings(connection, ids)


def reverse(
    number: Number,
    year: Annotated[int | None, typer.Option(help="The latest payment that touches this year.")] = None,
    reason: Annotated[
        Literal["bounced", "entered_wrongly"] | None, typer.Option(help="Default: bounced. Only a bounce is told.")
    ] = None,
    on: On = None,
    by: By = None,
) -> None:
    """Undo the latest payment of an association.

    It is undone on every year and member it was spread over. A payment entered wrongly is undone without a mail.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.typed import past_day
    from workflows.membership import ledger, members
    from workflows.membership.models import ReversalReason

    with open_desk() as desk:
        day = past_day(on, "--on", desk.today)
        why = ReversalReason(reason or ReversalReason.BOUNCED)
        with desk.acting() as work:
            payment = ledger.latest_payment(work, members.find(work, number), year)
            ids = ledger.reverse(work, ledger.Reversal(payment, day, why, actor(by)))
        typer.echo(f"Payment {payment} is reversed ({why.value.replace('_', ' ')})")
        if reason is None:
            typer.echo("  No --reason was given: it counts as bounced, and the association is told so by mail.")
        with desk.reading() as connection:
            _show_parts(connection, payment)
        desk.conclude(ids)


def _show_parts(connection: "Connection", payment: int) -> None:
    """Print what a payment that is undone no longer settles."""
    from workflows.membership.listings import parts_of
    from workflows.membership.money import money_text

    for part in parts_of(connection, payment):
        what = "no longer a credit" if part.year is None else f"no longer paid for {part.year}"
        typer.echo(f"  {part.number}  {money_text(part.cents)}  {what}")


def waive(
    number: Number,
    reason: Reason,
    which: Annotated[
        int | None, typer.Argument(metavar="YEAR", help="The year that need not be paid.", show_default=False)
    ] = None,
    year: Annotated[int | None, typer.Option(help="The same, as an option.", show_default=False)] = None,
    by: By = None,
) -> None:
    """Waive what is unpaid of one year, called or not."""
    from api.commands.desk import actor, open_desk
    from api.commands.typed import said
    from workflows.membership import ledger, members

    if (which is None) == (year is None):
        raise typer.BadParameter("name one YEAR")
    waived = which if which is not None else year or 0
    with open_desk() as desk:
        why = said(reason, "--reason")
        with desk.acting() as work:
            member = members.find(work, number)
            ledger.waive(work, member, waived, why, actor(by))
        typer.echo(f"{number}: what was unpaid of {waived} is waived")
        desk.conclude([member.id])


def register(app: typer.Typer) -> None:
    """Add these commands."""
    add(app, pay, TREASURER, "relance pay A0042 20.00 --year 2025 --on 2025-03-01", cls=WithAmounts)
    add(app, reverse, TREASURER, "relance reverse A0042 --reason entered_wrongly")
    add(app, waive, TREASURER, 'relance waive A0042 2025 --reason "flooded in May"')
