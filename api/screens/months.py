"""A simulation, month by month: how many are where, what came in, what is owed, what leaves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from api.screens.counts import Column, euros, heading, legend, row
from api.screens.story import wrapped

if TYPE_CHECKING:
    from api.futures import Future

MONTH = Column("until", 12)
MONEY = (Column("came in", 10), Column("owed", 10))
LEGEND = 80


def months(future: "Future") -> None:
    """Print the table, what is assumed, and the tasks that people would have."""
    question = future.question
    said = (
        f"{question.assume.value}, the board {question.board.value if question.board != 'absent' else 'does not vote'}"
    )
    typer.secho(f"From {question.first} to {question.last}, if: {said}", bold=True)
    for line in heading(MONTH, MONEY):
        typer.secho(line, bold=True)
    for period, money in future.months:
        figures = ((euros(money.received), MONEY[0].width), (euros(money.owed), MONEY[1].width))
        typer.echo(row(period.last_day.isoformat(), MONTH.width, period.states, figures))
        for line in wrapped(leaving(period.mails), LEGEND - 4):
            typer.secho(f"    {line}", dim=True)
    for line in legend(LEGEND):
        typer.secho(line, dim=True)
    if future.tasks:
        open_tasks = ", ".join(f"{kind} {number}" for kind, number in future.tasks)
        typer.echo(f"Tasks open at the end: {open_tasks}")


def leaving(mails: Mapping[str, int]) -> str:
    """Write what leaves: each kind of mail and how often."""
    return ", ".join(f"{kind} {number}" for kind, number in sorted(mails.items(), key=lambda kind: (-kind[1], kind[0])))
