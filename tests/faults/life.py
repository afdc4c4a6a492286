"""A life of the program: through the year, deed after deed, and what falls due between them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.faults.program import Program
from tests.faults.story import END, YEAR, Ask

SOON = timedelta(minutes=1)


@dataclass(frozen=True)
class Step:
    """What is done at an instant: a request, a round of the pump (`sends`), or a run of what is due."""

    at: datetime
    ask: Ask | None = None
    sends: bool = False

    def take(self, program: Program) -> None:
        """Do it."""
        if self.ask is not None:
            program.ask(self.ask)
        elif self.sends:
            program.post()
        else:
            program.run()


@dataclass(frozen=True)
class Position:
    """How far a year of so many twenties got: its hour, and how many deeds were done."""

    now: datetime
    deeds: int
    blocks: int


def ahead(program: Program, position: Position) -> tuple[Position, list[Step]]:
    """The next steps: what falls due before the next deed, or the deed; then what it sends. None at the year's end."""
    deed = YEAR[position.deeds] if position.deeds < len(YEAR) else None
    moment = program.engine.next_moment(END if deed is None else deed.at)
    if moment is not None:
        at = max(moment, position.now)
        return replace(position, now=at), [Step(at), Step(at + SOON, sends=True)]
    if deed is None:
        return position, []
    asks = [Step(deed.at, ask) for ask in deed.asks(program.rows, position.blocks)]
    return Position(deed.at, position.deeds + 1, position.blocks), [*asks, Step(deed.at + SOON, sends=True)]


def live(program: Program, position: Position, reached: Callable[[Position], object] = lambda _position: None) -> None:
    """Begin, or go on after a kill, and live to the year's end; `reached` hears how far it got."""
    program.at(position.now).run()
    program.post()
    while True:
        after, steps = ahead(program, position)
        if not steps:
            return
        reached(replace(position, now=after.now))
        for step in steps:
            step.take(program.at(step.at))
        reached(after)
        position = after
