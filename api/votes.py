"""Votes as they come in: one writer, and all that wait at that moment in one transaction (group commit).

The disk is asked once for many votes. Each is refused or counted for itself; none is acknowledged before it is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from engine.engine import Engine
from engine.errors import RelanceError
from engine.voting import Cast, cast
from engine.work import Work
from workflows.membership.definition import MEMBERSHIP

CHANNEL = "api"
QUIET = timedelta(seconds=10)
"""For so long it is not asked again whether something is due, where nothing was."""


@dataclass(slots=True)
class Slip:
    """One vote on its way: `at` when it was kept, or what refused it."""

    vote: Cast
    at: datetime | None = None
    error: BaseException | None = None


class VoteBox:
    """Where the votes of this process wait for their turn."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        """Begin empty."""
        self._engine, self._clock = engine, clock
        self._waiting: list[Slip] = []
        self._door, self._pen = Lock(), Lock()
        self._quiet: tuple[datetime, datetime] | None = None

    def cast(self, vote: Cast) -> datetime:
        """Keep a vote. Returns when it was kept. Raises BallotNotOpen, NotASeat."""
        slip = Slip(vote)
        with self._door:
            self._waiting.append(slip)
        with self._pen:
            if slip.at is None and slip.error is None:
                self._keep_waiting()
        if slip.error is not None:
            raise slip.error
        return slip.at or self._clock()

    def _keep_waiting(self) -> None:
        """Keep all that wait now, in one transaction; if that fails as a whole, it fails for each."""
        with self._door:
            slips, self._waiting = self._waiting, []
        now = self._clock()
        try:
            self._run_what_is_due(now)
            with self._engine.context.work(MEMBERSHIP, now, now) as work:
                kept = _keep(work, slips)
        except Exception as error:  # noqa: BLE001 it is raised again where each vote was cast
            for slip in slips:
                slip.error = slip.error or error
        else:
            for slip in kept:
                slip.at = now

    def _run_what_is_due(self, now: datetime) -> None:
        if self._quiet is not None and self._quiet[0] <= now < self._quiet[1]:
            return
        moment = self._engine.next_moment(now + QUIET)
        if moment is not None and moment <= now:
            self._engine.tick(now)
            self._quiet = None
        else:
            self._quiet = (now, moment or now + QUIET)


def _keep(work: Work, slips: Sequence[Slip]) -> list[Slip]:
    """Take the votes in their order. What a seat says twice at once is written twice, the second over the first."""
    kept: list[Slip] = []
    while slips:
        now, later = _one_each(slips)
        kept += _take(work, now)
        work.write()
        slips = later
    return kept


def _one_each(slips: Sequence[Slip]) -> tuple[list[Slip], list[Slip]]:
    """Part the slips: the first of each seat on each ballot, and the others."""
    first: dict[tuple[int, str], Slip] = {}
    others = [slip for slip in slips if first.setdefault((slip.vote.ballot_id, slip.vote.seat), slip) is not slip]
    return list(first.values()), others


def _take(work: Work, slips: Sequence[Slip]) -> list[Slip]:
    """Take all at once; where one is refused, each for itself."""
    try:
        cast(work, [slip.vote for slip in slips], CHANNEL)
    except RelanceError:
        work.batch.rows.clear()
        return [slip for slip in slips if _taken(work, slip)]
    return list(slips)


def _taken(work: Work, slip: Slip) -> bool:
    try:
        cast(work, [slip.vote], CHANNEL)
    except RelanceError as error:
        slip.error = error
        return False
    return True
