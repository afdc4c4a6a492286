"""Votes as they come in: one writer, and all that wait at that moment in one transaction (group commit).

The disk is asked once for many votes, and no thread waits with each of them: requests await the writer's answer. Each
vote is refused or counted for itself; none is acknowledged before it is kept.
"""

from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from api import auth
from api.auth import Token
from api.problems import Unauthenticated
from engine.engine import Engine
from engine.errors import RelanceError, SeatNotYours
from engine.voting import Cast, cast
from engine.work import Work
from workflows.membership.definition import MEMBERSHIP

CHANNEL = "api"
QUIET = timedelta(seconds=10)
"""For so long it is not asked again whether something is due, where nothing was."""


@dataclass(slots=True, eq=False)
class Slip:
    """One vote on its way: by whose token, and what its request awaits; `at` when it was kept, or what refused it."""

    vote: Cast
    token: Token
    answer: "Future[datetime]"
    at: datetime | None = None
    error: BaseException | None = None

    def tell(self) -> None:
        """Answer the request, on its own loop; one that was given up asks for nothing any more."""
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        elif self.at is not None:
            self.answer.set_result(self.at)


class VoteBox:
    """Where the votes of this process wait for their turn."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        """Begin empty."""
        self._engine, self._clock = engine, clock
        self._waiting: list[Slip] = []
        self._door = Lock()
        self._writing = False
        self._writer = ThreadPoolExecutor(1, "votes")
        self._quiet: tuple[datetime, datetime] | None = None

    async def cast(self, vote: Cast, token: Token) -> datetime:
        """Keep a vote. Returns when it was kept.

        Raises BallotNotOpen, NotASeat, Recused, Unauthenticated, SeatNotYours where somebody has followed in the seat.
        That the token still holds is asked in the vote's own transaction: once revoked it casts nothing.
        """
        loop = get_running_loop()
        slip = Slip(vote, token, loop.create_future())
        with self._door:
            self._waiting.append(slip)
            idle, self._writing = not self._writing, True
        if idle:  # after the other requests that the loop has at hand: they go with it
            loop.call_soon(self._writer.submit, self._keep_all)
        return await slip.answer

    def _keep_all(self) -> None:
        """Keep what waits, and what comes meanwhile, until nothing waits."""
        while True:
            with self._door:
                slips, self._waiting = self._waiting, []
                self._writing = bool(slips)
            if not slips:
                return
            self._keep_these(slips)
            for loop in {slip.answer.get_loop() for slip in slips}:
                with suppress(RuntimeError):  # a loop that was closed meanwhile has nobody waiting
                    loop.call_soon_threadsafe(_tell, loop, slips)

    def _keep_these(self, slips: Sequence[Slip]) -> None:
        """Keep them in one transaction; if that fails as a whole, it fails for each."""
        try:
            now = self._clock()
            self._run_what_is_due(now)
            with self._engine.context.work(MEMBERSHIP, now, now) as work:
                kept = _keep(work, _admitted(work, slips))
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


def _tell(loop: AbstractEventLoop, slips: Sequence[Slip]) -> None:
    for slip in slips:
        if slip.answer.get_loop() is loop:
            slip.tell()


def _admitted(work: Work, slips: Sequence[Slip]) -> list[Slip]:
    """Those whose tokens still are what they were when the requests came."""
    known = auth.in_force(work.connection, {slip.token for slip in slips}, work.today)
    for slip in slips:
        slip.error = _refusal(slip.token, known.get(slip.token.digest))
    return [slip for slip in slips if slip.error is None]


def _refusal(token: Token, now: Token | None) -> RelanceError | None:
    """Why a token casts no vote: it was revoked or changed since, or somebody else has followed in its seat."""
    if now is not None and now.succeeded:
        return SeatNotYours(seat=str(now.seat))
    return None if now == token else Unauthenticated()


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
