"""What is wrong for now, by what met it: each trouble is logged once when it begins, once when it is over.

`/readyz` names it meanwhile. Whoever meets a fault of the database notes it; whoever succeeds again ends it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import Any

import structlog

from engine.faults import DatabaseFault

log: Any = structlog.get_logger("troubles")


class During(StrEnum):
    """What may meet a fault."""

    START = "start"
    LEASE = "lease"
    RUN = "run"
    OUTBOX = "outbox"
    WEBHOOKS = "webhooks"
    REQUEST = "request"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What lasts: its name, in words, since when."""

    name: str
    text: str
    since: datetime


class Troubles:
    """The troubles of one process, told from several threads."""

    def __init__(self) -> None:
        """All is well."""
        self._met: dict[During, Trouble] = {}
        self._lock = Lock()

    def meet(self, during: During, fault: DatabaseFault, now: datetime) -> None:
        """Note what the database refuses."""
        self.begin(during, fault.kind.value, str(fault.reason), now)

    def begin(self, during: During, name: str, text: str, now: datetime) -> None:
        """Note a trouble; a new one is logged, under its own name."""
        with self._lock:
            known = self._met.get(during)
            if known is not None and known.name == name:
                return
            self._met[during] = Trouble(name, text, now)
        log.error(name, during=during.value, detail=text)

    def over(self, *during: During) -> None:
        """What was done succeeded."""
        if not self._met:
            return
        with self._lock:
            ended = [(one, self._met.pop(one)) for one in during if one in self._met]
        for one, trouble in ended:
            log.info("recovered", during=one.value, after=trouble.name, since=trouble.since.isoformat())

    def now(self) -> list[Trouble]:
        """What is wrong, each name once."""
        with self._lock:
            return list({trouble.name: trouble for trouble in self._met.values()}.values())
