"""The year, lived by processes that are killed at any moment, one after the other, until one comes to its end."""

import struct
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from mmap import mmap
from random import Random
from time import perf_counter
from typing import Any

from tests.faults.killing import KILLED, done, forked
from tests.faults.life import Position, live
from tests.faults.story import PARIS
from tests.faults.walk import Stand, Walk

_WHERE = struct.Struct("dq")
PER_YEAR = 25
"""About so many processes a year takes."""


@dataclass
class Game:
    """What became of it: how many were killed, in how many years, and what was not as undisturbed."""

    kills: int = 0
    years: int = 0
    wrong: list[str] = field(default_factory=list)


class Roulette(Walk):
    """Years of a walk's database in which processes are killed at moments drawn from a seed."""

    def __init__(self, *given: Any) -> None:
        """Take what a walk takes."""
        super().__init__(*given)
        self._memory = mmap(-1, _WHERE.size)

    def play(self, kills: int, seed: int) -> Game:
        """Live year after year until so many were killed."""
        chance, game, began = Random(seed), Game(), perf_counter()
        self._restore(self.base)
        done(self.program.forget)
        wanted = self._told(done(partial(self._live_from, self.position)))
        longest = 2 * (perf_counter() - began) / PER_YEAR
        while game.kills < kills:
            got = self._year(game, chance, longest)
            game.years += 1
            game.wrong += [f"seed {seed}, year {game.years}: {what}" for what in wanted.wrong_with(got, late=True)]
        return game

    def _year(self, game: Game, chance: Random, longest: float) -> Stand:
        """One year, from its start to its end."""
        self._restore(self.base)
        done(self.program.forget)
        self._reached(self.position)
        code, told, patience = KILLED, None, 1
        while code == KILLED:
            before = self._where()
            code, told = forked(partial(self._live_from, before), chance.uniform(0, longest * patience))
            game.kills += code == KILLED
            # One step may last longer than a life: whoever gets nowhere lives a little longer next time.
            patience = patience + 1 if self._where() == before else 1
        assert code == 0, f"a life ended with {code}"
        return self._told(told)

    def _live_from(self, position: Position) -> Any:
        live(self.program, position, self._reached)
        return self._closed(self._look())

    def _told(self, told: Any) -> Stand:
        return self._stand(told, True)

    # How far a life got, in memory that outlives it

    def _reached(self, position: Position) -> None:
        _WHERE.pack_into(self._memory, 0, position.now.timestamp(), position.deeds)

    def _where(self) -> Position:
        now, deeds = _WHERE.unpack_from(self._memory, 0)
        return Position(datetime.fromtimestamp(now, PARIS), deeds, self.position.blocks)
