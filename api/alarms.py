"""The alarm `not_running`: a day without a good run is a task and a mail (docs/decisions/0006-alarms.md).

Whoever comes by notices: a process that starts, `relance tick`, one that waits for its turn, and the one on duty whose
runs fail. Where the database cannot be written, the mail leaves from here, at most once a day.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog

from api.deps import House
from api.mailroom import ALARM_PATIENCE, is_live, send_at_once
from engine.alarms import NOT_RUNNING, SILENCE, addresses, last_run, note_silence
from engine.clock import local_day, uptime
from engine.errors import RelanceError
from engine.faults import DatabaseFault
from notifications.smtp import Verdict

ONCE = timedelta(hours=24)
"""Between two mails that leave from here."""
AGAIN = timedelta(hours=1)
"""After one that no server took."""
log: Any = structlog.get_logger("alarms")


def ran_lately(house: House) -> bool:
    """Whether a run was good here within a day, whatever the clock says: it may just have been set right."""
    return house.ran_at is not None and uptime() - house.ran_at < SILENCE.total_seconds()


class Alarm:
    """Watches over one process's database; what it must know while that cannot be read, it remembers."""

    def __init__(self, house: House) -> None:
        """Know nothing yet: until something was read nothing leaves, and the silence begins now."""
        self.house = house
        self._last = house.clock()
        self._live = False
        self._to: tuple[str, ...] = ()
        self._not_before: datetime | None = None

    def look(self, now: datetime) -> None:
        """Notice a silence, and tell of it: in the database, or where that cannot be written, from here."""
        try:
            self._remember(now)
            if ran_lately(self.house):
                return
            note_silence(self.house.engine.context, now)
        except DatabaseFault as fault:
            waits = self._not_before is not None and self._not_before - ONCE <= now < self._not_before
            if now - self._last >= SILENCE and not waits and not ran_lately(self.house):
                self._tell(fault, now)

    def _remember(self, now: datetime) -> None:
        engine = self.house.engine
        last = last_run(engine.store)
        with engine.store.read() as connection:
            self._live = is_live(connection, self.house.settings)
            self._to = addresses(connection, engine.rules, now)
        if last is not None:
            self._last = last

    def _tell(self, fault: DatabaseFault, now: datetime) -> None:
        """Send the mail to each. Of two processes both do, with the same Message-ID."""
        since, told = self._last.isoformat(timespec="minutes"), []
        log.error("not-running", since=since, after=fault.kind.value, detail=str(fault), live=self._live)
        for to in self._to if self._live else ():
            values = {"since": since, "fault": fault.kind.value}
            key = f"alarm:{NOT_RUNNING}:{since}:{local_day(now, self.house.engine.rules.tz)}"
            told.append(self._send(key, to, values, now))
        self._not_before = now + (ONCE if all(told) else AGAIN)

    def _send(self, key: str, to: str, values: dict[str, Any], now: datetime) -> bool:
        """Send one mail; whether it is not to be tried again."""
        try:
            answer = asyncio.run(send_at_once(self.house.settings, (NOT_RUNNING, key, to), values, now, ALARM_PATIENCE))
        except RelanceError as error:
            log.warning("alarm", to=to, verdict="unsendable", detail=str(error))
            return True
        log.warning("alarm", to=to, verdict=answer.verdict.value, detail=answer.text)
        return answer.verdict is not Verdict.LATER
