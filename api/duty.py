"""Who schedules: a process that holds the lease rings the alarm clock and sends the outbox; the others wait for it.

Every run is the same idempotent `tick`: two processes that both believe themselves on duty do nothing twice.
"""

import os
import socket
from collections.abc import Callable
from datetime import date, datetime, timedelta
from threading import Event, Lock, Thread
from typing import Any

import httpx2
import structlog

from api.alarms import Alarm, ran_lately
from api.deps import House, Pump
from api.idempotency import forget_old
from api.lease import LeaseOn
from api.links import forget_forms
from api.troubles import During
from engine.alarms import end_silence, note_silence
from engine.clock import local_day, uptime
from engine.faults import OPENED_ANEW, DatabaseFault
from engine.rules import Rules
from engine.scheduler import AlarmClock
from workflows.membership.definition import MEMBERSHIP

LEASE = timedelta(seconds=60)
AHEAD = timedelta(days=400)
PING_PATIENCE = 5.0
BOARD = "board"
AN_HOUR = timedelta(hours=1)
CLOCK_WENT_BACK = "clock-went-back"
log: Any = structlog.get_logger("duty")


def my_name() -> str:
    """Name this process for the others."""
    return f"{socket.gethostname()}:{os.getpid()}"


def alarms_of(rules: Rules) -> dict[str, Any]:
    """One alarm per yearly step, and one for the board's evenings."""
    return {rule.name: rule.cron for rule in rules.dates_of(MEMBERSHIP)} | {BOARD: rules.board.meetings.cron}


class Runner:
    """One run of what is due, with what surrounds it: the silence that is told of, the ping, the next alarm."""

    def __init__(self, house: House) -> None:
        """Take the house; nothing runs yet. `hindered`: the last run failed at the database."""
        self.house = house
        self.failures = 0
        self.hindered = False
        self._tidied: date | None = None

    def run(self) -> bool:
        """Run what is due. False: it failed, which is logged; the next alarm tries again."""
        now = self.house.clock()
        try:
            if not ran_lately(self.house):
                note_silence(self.house.engine.context, now)
            ran = self.house.engine.tick(now)
            end_silence(self.house.engine.context, now)
            self._tidy(now)
        except DatabaseFault as fault:
            self.failures, self.hindered = self.failures + 1, True
            self.house.troubles.meet(During.RUN, fault, now)
            return False
        except Exception:
            self.failures, self.hindered = self.failures + 1, False
            log.exception("run failed", failures=self.failures)
            return False
        self.failures, self.hindered = 0, False
        self.house.ran_at = uptime()
        self.house.troubles.over(During.RUN)
        if ran.moments:
            log.info("run", moments=ran.moments)
        ping(self.house.settings.safety.ping_url)
        return True

    def _tidy(self, now: datetime) -> None:
        """Once a day, forget the answers that nobody asks for again."""
        today = local_day(now, self.house.engine.rules.tz)
        if today != self._tidied:
            with self.house.engine.store.write() as connection:
                forget_old(connection, now)
                forget_forms(connection, now)
            self._tidied = today


def ping(url: str) -> None:
    """Tell the dead man's switch that a run was good; that it cannot be told is only logged."""
    if not url:
        return
    try:
        httpx2.get(url, timeout=PING_PATIENCE).raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        log.warning("ping failed", error=type(error).__name__)


class Watch:
    """Keeps the lease; while it holds it, the alarm clock rings and the pump works.

    A fault of the database puts nobody off duty: whoever else could take over meets it too, and every run is
    idempotent. `prepare` is what could not be done at the start because of one; it comes before anything else.
    """

    def __init__(
        self,
        house: House,
        pump: Callable[[], Pump],
        lasts: timedelta = LEASE,
        me: str | None = None,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        """Take a house; nothing begins before `start`."""
        self.house = house
        self.lease = LeaseOn(house.engine.store, me or my_name(), lasts)
        self.runner = Runner(house)
        self._silence = Alarm(house)
        self._prepare = prepare
        self._make_pump = pump
        self._pump: Pump | None = None
        self._alarm: AlarmClock | None = None
        self._ended = Event()
        self._turn = Lock()
        self._thread = Thread(target=self._keep, name="lease", daemon=True)

    def start(self) -> None:
        """Begin to ask for the lease."""
        self._thread.start()

    def stop(self) -> None:
        """End: 1. ask for the lease no more; 2. let the run under way end, and the pump; 3. give the lease back."""
        self._ended.set()
        self._thread.join()
        self._go_off()
        try:
            self.lease.release()
        except DatabaseFault as fault:  # it lapses by itself
            self.house.troubles.meet(During.LEASE, fault, self.house.clock())

    def on_duty(self) -> bool:
        """Whether this process schedules."""
        return self._alarm is not None

    def holder(self) -> str | None:
        """Return who schedules."""
        found = self.lease.holder()
        return None if found is None or found.until <= self.house.clock() else found.name

    def pump_alive(self) -> bool:
        """Whether the outbox is sent: here, or by whoever is on duty."""
        pump = self._pump
        return pump.alive() if pump is not None else self.holder() not in {None, self.lease.me}

    def _keep(self) -> None:
        """Take or renew the lease, three times as often as it lapses."""
        while not self._ended.is_set():
            now = self.house.clock()
            try:
                held = self._hold(now)
                if held and self._alarm is None:
                    self._go_on()
            except DatabaseFault as fault:
                self.house.troubles.meet(During.LEASE, fault, now)
                self._silence.look(now)
                held = self.on_duty()
            except Exception:
                log.exception("the lease cannot be kept")
                held = False
            if not held:
                self._go_off()
            self._ended.wait(self.lease.lasts.total_seconds() / 3)

    def _hold(self, now: datetime) -> bool:
        """Take or renew the lease, after what the start could not do; look at the clock, and for a long silence.

        Where the run failed at the database, it is tried again as soon as the lease could be written.
        """
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        held = self.lease.take(now)
        if any(trouble.name in OPENED_ANEW for trouble in self.house.troubles.now()):
            self.house.engine.store.close()  # some were opened meanwhile to read, and could never write
        self.house.troubles.over(During.START, During.LEASE, During.REQUEST)
        self._look_at_clock(now)
        self._silence.look(now)
        alarm = self._alarm
        if alarm is not None and held:
            alarm.keep_beating(now)
            if self.runner.hindered:
                alarm.ring_at(now)
        return held

    def _look_at_clock(self, now: datetime) -> None:
        """A clock that went back is told of; until it is right again, nothing is dated before what was dealt with."""
        upto = self.house.engine.upto()
        self.house.not_before = upto
        if upto - now <= AN_HOUR:
            self.house.troubles.over(During.CLOCK)
            return
        text = f"the clock is behind: everything up to {upto.isoformat(timespec='minutes')} was dealt with already"
        self.house.troubles.begin(During.CLOCK, CLOCK_WENT_BACK, text, now)

    def _go_on(self) -> None:
        rules = self.house.engine.rules
        heartbeat = timedelta(seconds=self.house.settings.scheduler.heartbeat_seconds)
        alarm = AlarmClock(self._ring, alarms_of(rules), rules.tz, heartbeat)
        pump = self._make_pump()
        with self._turn:
            self._alarm, self._pump = alarm, pump
        log.info("on duty", holder=self.lease.me)
        alarm.start()
        pump.start()
        alarm.ring_at(self.house.clock())

    def _go_off(self) -> None:
        with self._turn:
            alarm, pump = self._alarm, self._pump
            self._alarm, self._pump = None, None
        if alarm is not None:
            alarm.shutdown()
            log.info("off duty", holder=self.lease.me)
        if pump is not None:
            pump.stop()

    def _ring(self) -> None:
        """Run, then set the alarm for the next instant at which something is due."""
        good = self.runner.run()
        alarm = self._alarm
        if alarm is None or not good:
            return
        now = self.house.clock()
        try:
            moment = self.house.engine.next_moment(now + AHEAD)
        except DatabaseFault as fault:  # the heartbeat comes all the same
            self.house.troubles.meet(During.RUN, fault, now)
            return
        if moment is not None:
            alarm.ring_at(moment)
