"""The pump: lets what waits in the outbox leave, one mail after the other, and writes down what became of each.

It runs in a thread of its own, for years. What it is sending it has claimed before, so that several pumps may work on
one database; when one dies, its claims lapse and another takes them over. Mail leaves only where the configuration
and the database's own switch both say so: the switch is read again for each claim.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any, Protocol, Self, TypeAlias

from sqlalchemy import Connection

from engine.clock import utc_now
from engine.errors import RelanceError
from engine.faults import DatabaseFault
from engine.store import Store
from notifications import claims
from notifications.claims import ClosesAt, NoLongerRight, Settled
from notifications.mail import Outgoing
from notifications.smtp import UNFIT, Answer, Postman, Verdict

LOG = logging.getLogger("relance.mail")
LIVE = "live"
AT_ONCE = 0.1
"""Seconds: what leaves within them may be claimed, and written down, together. A pump that dies leaves no more than
that uncertain."""
LARGEST_GROUP = 500
TOO_SLOW = 5 * AT_ONCE
"""Seconds after which the rest of a group is given back."""

AGAIN = 0.1
"""Seconds after which what was to end and did not is told so again."""

_SWITCH = "SELECT value FROM switch WHERE name = 'mail_mode'"

RefusedForGood: TypeAlias = Callable[[int | None, str, datetime], None]
"""Told that no mail will reach an address: of which instance, which address, when."""

Hindered: TypeAlias = Callable[[DatabaseFault | None], None]
"""Told what of the database keeps the pump from its work; None: it works."""


def log_fault(fault: DatabaseFault | None) -> None:
    """Log what hinders."""
    if fault is not None:
        LOG.error(fault.kind.value, extra={"during": "outbox", "detail": str(fault)})


def _never(_event: str, _year: int) -> None:
    return None


def _all_right(_connection: Connection, _messages: object) -> dict[int, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the pump asks the rest of the house. Of themselves: every mail stays right, no window ends."""

    write_words: Callable[[], object] = lambda: None
    """Give words to messages that have none yet."""
    closes_at: ClosesAt = _never
    no_longer_right: NoLongerRight = _all_right
    fill: Callable[[Outgoing], Outgoing] = lambda mail: mail
    """Put in what is kept nowhere, right before a mail leaves: a personal link."""
    refused_for_good: RefusedForGood = lambda _instance, _address, _at: None
    hindered: Hindered = log_fault


@dataclass(frozen=True, slots=True)
class Habits:
    """How a pump works. `live`: whether the configuration lets mail leave; no `max_per_minute`: as fast as it goes."""

    live: bool = False
    max_per_minute: int | None = 30
    lease: timedelta = timedelta(seconds=15)
    poll_seconds: float = 2.0


class Time(Protocol):
    """The clocks of a pump; tests bring their own."""

    def now(self) -> datetime:
        """Return the present instant."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def wait(self, seconds: float, until: Event) -> None:
        """Wait so long, or until something is set."""


class RealTime:
    """The clocks of this machine."""

    now = staticmethod(utc_now)
    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def wait(seconds: float, until: Event) -> None:
        """Wait so long, or until something is set."""
        until.wait(seconds)


@dataclass(slots=True)
class Pace:
    """How fast mails may leave, and how many are claimed together: what goes within AT_ONCE, and one when in doubt."""

    max_per_minute: int | None
    size: int = 1
    free_at: float = field(default=float("-inf"))

    def wait(self, now: float) -> float:
        """Seconds until the next mail may leave."""
        return max(0.0, self.free_at - now)

    def limit(self) -> int:
        """How many may be claimed together."""
        if self.max_per_minute is None:
            return self.size
        return max(1, min(self.size, int(self.max_per_minute / 60 * AT_ONCE)))

    def went(self, number: int, began: float, ended: float, *, smoothly: bool) -> None:
        """So many were sent, in that time."""
        if self.max_per_minute is not None:
            self.free_at = began + number * 60 / self.max_per_minute
        if not smoothly:
            self.size = 1
        elif number:
            fits = int(number * AT_ONCE / max(ended - began, 1e-6))
            self.size = max(1, min(2 * self.size, fits, LARGEST_GROUP))


class Pump:
    """One pump. All its methods but `stop` belong to one thread."""

    def __init__(
        self, store: Store, postman: Postman, hooks: Hooks, habits: Habits, clocks: Time | None = None
    ) -> None:
        self.store, self.postman, self.hooks, self.habits = store, postman, hooks, habits
        self._time: Time = clocks or RealTime()
        self._alive = self._time.monotonic()
        self._pace = Pace(habits.max_per_minute)
        self._unwritten: list[Settled] = []
        self._stopping = Event()
        self._runner: asyncio.Runner | None = None
        self._sending: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def run(self) -> None:
        """Let leave whatever comes, until `stop`."""
        while not self._stopping.is_set():
            self._unhindered(self.round)
            self._time.wait(self.habits.poll_seconds, self._stopping)
        self._unhindered(self.close)
        if self._unwritten:
            mails = [one.mail.id for one in self._unwritten]
            LOG.error("the outcome of mails %s could not be written: see above; they will be uncertain", mails)

    def _unhindered(self, act: Callable[[], object]) -> None:
        """Do something, and outlive a locked database, a full disk, and what nobody foresaw."""
        try:
            act()
        except DatabaseFault as fault:
            self.hooks.hindered(fault)
        except Exception:  # it must go on for years
            LOG.exception("the outbox was interrupted; it goes on in %s s", self.habits.poll_seconds)
        else:
            self.hooks.hindered(None)

    def stop(self) -> None:
        """End soon, from any thread: a content that is on its way still gets its answer, all else waits."""
        self._stopping.set()
        runner, task = self._runner, self._sending
        if runner is not None and task is not None:
            with suppress(RuntimeError):  # the loop has closed meanwhile
                runner.get_loop().call_soon_threadsafe(self._interrupt)

    def silent_for(self) -> float:
        """Seconds since it last did something: a few where it is well, while it waits for a server too."""
        return self._time.monotonic() - self._alive

    def close(self) -> None:
        """Take leave of the server and write down what is known."""
        if self._runner is not None:
            self._runner.run(self.postman.close())
            self._runner.close()
            self._runner = None
        if self._unwritten:
            self._exchange(0)

    def round(self) -> Counter[str]:
        """Do what there is to do now; return how many mails came to what: accepted, captured, dropped and so on."""
        done: Counter[str] = Counter()
        if self._unwritten:  # first of all: what is known to have left must not be thought uncertain
            self._exchange(0)
        self._recover(done)
        self.hooks.write_words()
        with self.store.read() as connection:
            live = self._is_live(connection)
            due = claims.any_due(connection, self._time.now(), self.habits.lease) if live else False
            kept = claims.any_waiting(connection) if not live else False
        if due:
            self._send_all(done)
        if kept:
            with self.store.write() as connection:
                done["captured"] += claims.capture(connection)
        self._tell_alive()
        return done

    # One round

    def _recover(self, done: Counter[str]) -> None:
        """Take over from pumps that are gone."""
        now, lease = self._time.now(), self.habits.lease
        with self.store.read() as connection:
            if not claims.any_lapsed(connection, now, lease):
                return
        with self.store.write() as connection:
            safe, uncertain = claims.recover(connection, now, lease)
        done["recovered"] += safe
        done[Verdict.UNCERTAIN] += uncertain
        LOG.warning("interrupted mails: %s wait again, %s are uncertain", safe, uncertain)

    def _send_all(self, done: Counter[str]) -> None:
        """Send until nothing is due any more; the connection is used again, and closed at the end.

        What became of one group is written down with the claim of the next, so that it costs one transaction.
        """
        try:
            while not self._stopping.is_set():
                wait = self._pace.wait(self._time.monotonic())
                group = self._exchange(0 if wait else self._pace.limit(), done)
                if wait:
                    self._time.wait(min(wait, self.habits.poll_seconds), self._stopping)
                elif group:
                    self._send(group, done)
                else:
                    return
        finally:
            if self._unwritten:
                self._exchange(0)
            self._run_async(self.postman.close())

    def _exchange(self, limit: int, done: Counter[str] | None = None) -> list[Outgoing]:
        """Write down what became of the last group and claim the next one, in one transaction."""
        now, hooks = self._time.now(), self.hooks
        if not self._unwritten and not limit:
            return []
        self._tell_refusals(now)
        with self.store.write() as connection:
            claims.settle(connection, self._unwritten, now, hooks.closes_at)
            for one in self._unwritten:
                if one.answer.for_all:
                    claims.defer(connection, one.answer.text, now, self.habits.lease, hooks.closes_at)
            group: list[Outgoing] = []
            dropped = 0
            if limit and self._is_live(connection):
                group, dropped = claims.claim(connection, now, self.habits.lease, limit, hooks.no_longer_right)
        self._unwritten = []
        self._tell_alive()
        if done is not None and dropped:
            done["dropped"] += dropped
        return group

    def _tell_refusals(self, now: datetime) -> None:
        """Tell of addresses that take no mail, before it is written down: rather twice than never."""
        for one in self._unwritten:
            if one.answer.bad_address:
                try:
                    self.hooks.refused_for_good(one.mail.instance_id, one.mail.recipient, now)
                except DatabaseFault:
                    raise  # the whole is tried again
                except Exception:  # nothing that is wrong with one member may hold up the mail of all others
                    LOG.exception("mail %s: that its address is bad could not be noted", one.mail.id)

    def _send(self, group: list[Outgoing], done: Counter[str]) -> None:
        began, mark = self._time.monotonic(), len(self._unwritten)
        try:
            self._run_async(self._send_group(group))
        except asyncio.CancelledError:
            LOG.info("stopped while sending")
        settled = self._unwritten[mark:]
        tried = [one for one in settled if one.answer.verdict is not Verdict.UNTRIED]
        smoothly = all(one.answer.verdict is Verdict.ACCEPTED for one in settled)
        self._pace.went(len(tried), began, self._time.monotonic(), smoothly=smoothly)
        done.update(one.answer.verdict.value for one in tried)
        for one in tried:
            level = logging.INFO if one.answer.verdict is Verdict.ACCEPTED else logging.WARNING
            LOG.log(level, "mail %s (%s): %s %s", one.mail.id, one.mail.kind, one.answer.verdict, one.answer.text)

    def _is_live(self, connection: Connection) -> bool:
        return self.habits.live and connection.exec_driver_sql(_SWITCH).scalar_one_or_none() == LIVE

    def _tell_alive(self) -> None:
        self._alive = self._time.monotonic()

    # The asynchronous part: talking to the server

    def _run_async(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the pump's own loop, which stands still between two of them."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._runner.run(coroutine)

    async def _send_group(self, group: list[Outgoing]) -> None:
        """Hand over the mails of one claim. Whatever ends it, each gets its line in what is still to be written."""
        grouped = len(group) > 1
        waiting, began = list(group), self._time.monotonic()
        self._sending = asyncio.current_task()
        holding = asyncio.create_task(self._hold(group[0].claim))
        try:
            while waiting and not self._stopping.is_set():
                answer = await self._deliver(waiting[0], partial(self._may_send, waiting[0], grouped=grouped))
                self._unwritten.append(Settled(waiting.pop(0), answer))
                if answer.for_all or self._time.monotonic() - began > TOO_SLOW:
                    break
        except BaseException:
            if self.postman.handing_over:
                self._unwritten.append(Settled(waiting.pop(0), Answer(Verdict.UNCERTAIN, claims.INTERRUPTED)))
            self.postman.hang_up()
            raise
        finally:
            self._sending = None
            self._unwritten += [Settled(mail, Answer(Verdict.UNTRIED)) for mail in waiting]
            holding.cancel()

    async def _deliver(self, mail: Outgoing, may_send: Callable[[], bool]) -> Answer:
        """Hand over a mail with what is kept nowhere put in; where that cannot be made now, it is tried again later."""
        try:
            filled = self.hooks.fill(mail)
        except RelanceError as error:
            return Answer(Verdict.LATER, str(error))
        except UNFIT as error:
            return Answer(Verdict.REFUSED, f"cannot be filled in: {type(error).__name__}: {error}")
        return await self.postman.deliver(filled, may_send)

    def _may_send(self, mail: Outgoing, *, grouped: bool) -> bool:
        """Whether a mail is still ours, right before its content goes. Those of a group were counted as gone before."""
        if grouped:
            return True
        with self.store.write() as connection:
            return claims.reach(connection, mail, self._time.now(), self.habits.lease)

    async def _hold(self, claimed: str) -> None:
        """Hold a claim as long as its mails are being sent, however slow the server is."""
        lease = self.habits.lease
        while True:
            await asyncio.sleep(lease.total_seconds() / 3)
            try:
                with self.store.write() as connection:
                    claims.extend(connection, claimed, self._time.now() + lease)
                self._tell_alive()
            except RelanceError as error:
                LOG.warning("the claim could not be extended: %s", error)

    def _interrupt(self) -> None:
        """On the loop: cancel what can be cancelled without leaving a mail uncertain, until it has ended.

        Once may not be enough: `asyncio.wait_for` of Python 3.11 forgets it where what it waits for is just done.
        """
        if self._sending is not None and not self.postman.handing_over:
            self._sending.cancel()
            self._sending.get_loop().call_later(AGAIN, self._interrupt)
