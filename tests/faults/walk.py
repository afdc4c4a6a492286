"""The year, walked once undisturbed; and at each step, from where it began, lived again by a process that is killed.

A step is a run of the alarm clock, one request, or a round of the pump. After a kill the program starts again: it
runs what is due, whoever got no answer asks again, and what waits is sent. Then all must be as in the year undisturbed:
what comes after is the same again, so the walk goes on from there; some go on to the year's end all the same.
"""

import gc
import logging
import shutil
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import structlog

from engine import agenda, events
from tests.faults.killing import KILLED, Commits, Side, done, forked
from tests.faults.life import SOON, Position, Step, ahead, live
from tests.faults.program import Program
from tests.faults.story import START
from tests.faults.trace import Trace, differences, trace_of

CHUNK = 7
"""So few are asked in one transaction: a step over everybody has points between them."""


@dataclass(frozen=True)
class Stand:
    """How all stands after a step: the database, what the mail server took, what `relance verify` finds."""

    traces: dict[bool, Trace]
    """By whether another hour of what was done counts as the same."""
    taken: Counter[str]
    findings: list[str]

    def wrong_with(self, other: "Stand", *, late: bool) -> list[str]:
        """What another one has otherwise."""
        found = differences(self.traces[late], other.traces[late]) + other.findings
        found += [
            f"the mail server took {token} {times} times too often"
            for token, times in (other.taken - self.taken).items()
        ]
        return found + [f"the mail server never took {token}" for token in self.taken - other.taken]


@dataclass
class Tally:
    """What a walk came to."""

    steps: int = 0
    kills: int = 0
    to_the_end: int = 0
    wrong: list[str] = field(default_factory=list)


def in_small_chunks() -> None:
    """Let chunks be small in this process and its children, and let them say nothing."""
    logging.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for module in (events, agenda):
        assert vars(module)["CHUNK"] > CHUNK
        vars(module)["CHUNK"] = CHUNK


class Walk:
    """One walk in a folder of its own. `share`: of so many walks that part the kills, which this is."""

    def __init__(self, folder: Path, port: int, blocks: int = 1, share: tuple[int, int] = (0, 1)) -> None:
        """Make the database, as it is at the year's start."""
        folder.mkdir()
        in_small_chunks()
        self.program, self.tally = Program(folder / "relance.db", port), Tally()
        self.base, self.kept = folder / "base.db", list[tuple[Path, Position]]()
        self.position, self.steps = Position(START, 0, blocks), deque[Step]()
        self._share, self._points = share, 0
        self.program.warm_up()
        gc.collect()
        gc.freeze()
        self.program.tokens = done(lambda: self._closed(self.program.at(START).begin(blocks)))
        self.program.path.rename(self.base)

    def go(self, to_the_end: int) -> Tally:
        """Walk through the year; every so many killed ones go on to its end as well."""
        wanted: Stand | None = None
        while (step := self._next()) is not None:
            self._restore(self.base)
            commits, *told = done(partial(self._undisturbed, step))
            wanted = self._stand(told, False, True)
            after = self.program.path.rename(self.base.with_name("after.db"))
            self.tally.steps += 1
            self.tally.wrong += [f"undisturbed, {step}: {finding}" for finding in wanted.findings]
            for commit, side in self._mine(step, commits):
                self._kill(step, commit, side, wanted)
                if self.tally.kills % to_the_end == 0:
                    self._keep(step)
            after.rename(self.base)
        assert wanted is not None
        for path, position in self.kept:
            self._go_on(path, position, wanted)
        return self.tally

    def _next(self) -> Step | None:
        if not self.steps:
            self._restore(self.base)
            self.position, steps = done(partial(ahead, self.program, self.position))
            self.steps.extend(steps)
        return self.steps.popleft() if self.steps else None

    def _mine(self, step: Step, commits: int) -> Iterator[tuple[int, Side]]:
        """The points at which this walk kills.

        Whoever dies before a commit leaves what was left after the one before it: that is another case only where
        something has been sent since, and at a step's first commit.
        """
        for commit, side in product(range(1, commits + 1), Side):
            if side is Side.AFTER or step.sends or commit == 1:
                self._points += 1
                if self._points % self._share[1] == self._share[0]:
                    yield commit, side

    # One step, and one kill

    def _undisturbed(self, step: Step) -> Any:
        self.program.forget()
        commits = Commits(self.program.engine.store)
        step.take(self.program.at(step.at))
        number = commits.number
        return self._closed((number, *self._look()))

    def _kill(self, step: Step, commit: int, side: Side, wanted: Stand) -> None:
        """Kill a process at a commit of a step, start it again, and compare."""
        self.tally.kills += 1
        late = step.sends or (step.ask is None and commit % 2 == 0)
        self._restore(self.base)
        code, _ = forked(partial(self._die, step, commit, side))
        assert code == KILLED, f"{step}: it was to die {side} commit {commit}, and ended with {code}"
        got = self._stand(done(partial(self._recover, step, late=late)), late)
        wrong = wanted.wrong_with(got, late=late)
        self.tally.wrong += [f"killed {side} commit {commit} of {step}: {what}" for what in wrong]

    def _die(self, step: Step, commit: int, side: Side) -> None:
        self.program.forget()
        Commits(self.program.engine.store, commit, side)
        step.take(self.program.at(step.at))

    def _recover(self, step: Step, *, late: bool) -> Any:
        """Start again: what is due is run first, as a server does; then the step is taken once more."""
        self.program.at(step.at + SOON if late else step.at).run()
        step.take(self.program)
        return self._closed(self._look())

    # On to the year's end

    def _keep(self, step: Step) -> None:
        path = self.base.with_name(f"kept-{len(self.kept)}.db")
        self.program.path.rename(path)
        deeds = self.position.deeds - (step.ask is not None)
        self.kept.append((path, Position(step.at, deeds, self.position.blocks)))

    def _go_on(self, path: Path, position: Position, wanted: Stand) -> None:
        self._restore(path)
        got = self._stand(done(partial(self._live_on, position)), True)
        self.tally.to_the_end += 1
        wrong = differences(wanted.traces[True], got.traces[True]) + got.findings
        self.tally.wrong += [f"killed on {position.now}, at the year's end: {what}" for what in wrong]

    def _live_on(self, position: Position) -> Any:
        live(self.program, position)
        return self._closed(self._look())

    # What is compared

    def _look(self) -> tuple[Counter[str], list[str]]:
        return self.program.taken(), self.program.findings()

    def _stand(self, told: Any, *lates: bool) -> Stand:
        return Stand({late: trace_of(self.program.path, late=late) for late in lates}, *told)

    # Files

    def _restore(self, source: Path) -> None:
        for name in ("-wal", "-shm"):
            self.program.path.with_name(self.program.path.name + name).unlink(missing_ok=True)
        shutil.copyfile(source, self.program.path)

    def _closed(self, told: Any) -> Any:
        """Close the database: all of it is in its one file then."""
        self.program.engine.store.close()
        return told
