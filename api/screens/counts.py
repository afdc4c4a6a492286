"""How many are in each state, row by row: a table that fits 80 columns, in colour on a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import typer

from workflows.membership.definition import LABELS
from workflows.membership.words import State

WIDE = 5
HEADS = {State.PROPOSED: "proposed"}
"""Where the state's own name is too long for a column."""
COLOURS = {
    State.PAID: "green",
    State.CALLED: "cyan",
    State.REMINDED: "yellow",
    State.SUSPENDED: "red",
    State.PROPOSED: "magenta",
    State.REMOVED: "bright_black",
    State.LEFT: "bright_black",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column beside the states."""

    head: str
    width: int


def heading(first: Column, more: Sequence[Column]) -> list[str]:
    """Two lines: the states' names are longer than their columns, so that every second one is a line higher."""
    upper = lower = ""
    for place, state in enumerate(State):
        upper, lower = upper + " " * WIDE, lower + " " * WIDE
        name = HEADS.get(state, state.value)
        if place % 2:
            lower = lower[: len(lower) - len(name)] + name
        else:
            upper = upper[: len(upper) - len(name)] + name
    tail = "".join(f"{column.head:>{column.width}}" for column in more)
    return [" " * first.width + upper, f"{first.head:{first.width}}{lower}{tail}"]


def row(first: str, width: int, states: Mapping[str, int], more: Sequence[tuple[str, int]]) -> str:
    """Write one row: its name, the counts (a dot for none), the other columns as (text, width)."""
    counts = "".join(_count(state, states.get(state, 0)) for state in State)
    return f"{first:{width}}{counts}{''.join(f'{text:>{wide}}' for text, wide in more)}"


def _count(state: State, number: int) -> str:
    text = f"{number or '·':>{WIDE}}"
    return typer.style(text, fg=COLOURS[state] if number else "bright_black")


def legend(width: int) -> list[str]:
    """Name the states in both languages, in lines no longer than `width`."""
    lines = [""]
    for state in State:
        item = f"{HEADS.get(state, state.value)} = {LABELS[state]}"
        joined = f"{lines[-1]} · {item}" if lines[-1] else item
        if len(joined) > width:
            lines.append(item)
        else:
            lines[-1] = joined
    return lines


def euros(cents: int) -> str:
    """Write an amount with a thin gap between thousands: 2 780.00."""
    return f"{cents / 100:,.2f}".replace(",", "\u202f") if cents % 100 else f"{cents // 100:,}".replace(",", "\u202f")
