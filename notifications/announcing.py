"""Announcing: a hook is told of what happened, one message after the other, in a thread of its own.

Nothing is told before its transaction has ended, since only then can it be read; and nothing is lost, since what a
hook was given, and up to where, is written in one transaction too.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from threading import Event, Thread
from typing import Any, TypeAlias

from sqlalchemy import Connection

from engine.announcements import Topic
from engine.clock import utc_now
from engine.faults import DatabaseFault
from engine.store import Store, instant_of, maybe_day, maybe_instant
from notifications import deliveries
from notifications.deliveries import Delivery, News
from notifications.pump import Hindered, log_fault
from notifications.webhooks import Hook, body_of, instant, post

LOG = logging.getLogger("relance.webhooks")
POLL_SECONDS = 2.0
SAID = {"open": "opened"}
"""What happens to a ballot, where that is not called as its status is."""
DECISION = "decision"
DECISIONS = ("ballot.adopted", "ballot.rejected", "ballot.annulled")
BALLOT_EVENTS = ("scheduled", "opened", "adopted", "rejected", "no_quorum", "withdrawn", "blocked", "annulled")
TASK_EVENTS = ("opened", "closed")
TEST = "test"

Triggers: TypeAlias = Mapping[str, Collection[str]]
"""The transitions of each workflow, by its name: other lines of the journal move nothing, and are not told."""
IsLive: TypeAlias = Callable[[Connection], bool]

_TRANSITION = """SELECT i.workflow, i.subject, j.trigger, j.from_state, j.to_state, j.effective_at, j.cause
    FROM journal_entry j JOIN workflow_instance i ON i.id = j.instance_id WHERE j.id = ?"""
_BALLOT = """SELECT i.workflow, i.subject, b.trigger, b.meeting_id, b.opens_at, b.closes_at, b.decided_at
    FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id WHERE b.id = ?"""
_TASK = """SELECT i.workflow, i.subject, t.kind, t.opened_at, t.due, t.done_at
    FROM task t LEFT JOIN workflow_instance i ON i.id = t.instance_id WHERE t.id = ?"""


def known_events(triggers: Triggers) -> set[str]:
    """Every type there is, without those that stand for several."""
    moves = {f"transition.{trigger}" for some in triggers.values() for trigger in some}
    return moves | {f"ballot.{name}" for name in BALLOT_EVENTS} | {f"task.{name}" for name in TASK_EVENTS}


def type_of(news: News, triggers: Triggers, hook: Hook) -> str | None:
    """Return the type under which a hook is told of an announcement; None: it is not."""
    if news.topic == Topic.TRANSITION and news.what not in triggers.get(news.workflow or "", ()):
        return None
    kind = f"{news.topic}.{SAID.get(news.what, news.what)}"
    return kind if hook.wants(kind) else None


# What is told


def told(connection: Connection, delivery: Delivery) -> dict[str, Any]:
    """Return what a message says beside its type: numbers and instants, no names."""
    return _TELL[Topic(delivery.topic)](connection, delivery.ref)


def _of_transition(connection: Connection, ref: int) -> dict[str, Any]:
    workflow, subject, trigger, before, after, effective_at, cause = _row(connection, _TRANSITION, ref)
    origin, _, number = cause.partition(":")
    said = {
        "workflow": workflow,
        "association": subject,
        "trigger": trigger,
        "from": before,
        "to": after,
        "effective_at": instant(instant_of(effective_at)),
        "cause": cause,
        "journal": ref,
    }
    return said | ({"ballot": int(number)} if origin == "ballot" else {})


def _of_ballot(connection: Connection, ref: int) -> dict[str, Any]:
    workflow, subject, trigger, meeting, opens_at, closes_at, decided_at = _row(connection, _BALLOT, ref)
    return {
        "ballot": ref,
        "workflow": workflow,
        "association": subject,
        "trigger": trigger,
        "meeting": meeting,
        "opens_at": instant(instant_of(opens_at)),
        "closes_at": instant(instant_of(closes_at)),
        "decided_at": _maybe(maybe_instant(decided_at)),
    }


def _of_task(connection: Connection, ref: int) -> dict[str, Any]:
    workflow, subject, kind, opened_at, due, done_at = _row(connection, _TASK, ref)
    day: date | None = maybe_day(due)
    return {
        "task": ref,
        "workflow": workflow,
        "association": subject,
        "kind": kind,
        "opened_at": instant(instant_of(opened_at)),
        "due": None if day is None else day.isoformat(),
        "done_at": _maybe(maybe_instant(done_at)),
    }


_TELL: dict[Topic, Callable[[Connection, int], dict[str, Any]]] = {
    Topic.TRANSITION: _of_transition,
    Topic.BALLOT: _of_ballot,
    Topic.TASK: _of_task,
}


def _row(connection: Connection, sql: str, ref: int) -> Any:
    return connection.exec_driver_sql(sql, (ref,)).one()


def _maybe(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def message(connection: Connection, delivery: Delivery) -> bytes:
    """Write the message that a delivery carries."""
    data = told(connection, delivery)
    return body_of(delivery.type, delivery.at or delivery.created_at, data, sequence=delivery.sequence)


# Telling it


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a crier asks the rest of the house. `live`: whether anything may leave, asked before each message."""

    triggers: Triggers
    live: IsLive
    hindered: Hindered = log_fault
    now: Callable[[], datetime] = utc_now


class Crier:
    """Tells one hook. All its methods but `stop` and `alive` belong to one thread."""

    def __init__(self, store: Store, hook: Hook, around: Surroundings) -> None:
        """Nothing is told yet."""
        self.store, self.hook, self.around = store, hook, around
        self._type_of = partial(type_of, triggers=around.triggers, hook=hook)
        self._tidied: date | None = None
        self._stopping = Event()
        self._thread = Thread(target=self.run, name=f"webhook {hook.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; what is on its way may still be answered. What is not is told again."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def run(self) -> None:
        """Tell whatever comes, until `stop`."""
        while not self._stopping.is_set():
            try:
                self.round()
            except DatabaseFault as fault:
                self.around.hindered(fault)
            except Exception:  # it must go on for years
                LOG.exception("webhook %s was interrupted; it goes on in %s s", self.hook.name, POLL_SECONDS)
            else:
                self.around.hindered(None)
            self._stopping.wait(POLL_SECONDS)

    def round(self) -> Counter[str]:
        """Do what there is to do now; return how many deliveries came to what: delivered, later, captured."""
        done: Counter[str] = Counter()
        now, name = self.around.now(), self.hook.name
        with self.store.read() as connection:
            news = deliveries.any_news(connection, name)
            lapsed = deliveries.any_lapsed(connection, name, now)
        if news or lapsed:
            self._take_up(now)
        with self.store.read() as connection:
            live = self.around.live(connection)
            due = deliveries.any_due(connection, name, now) if live else False
            kept = deliveries.any_waiting(connection, name) if not live else False
        if due:
            self._tell_all(done)
        if kept:
            with self.store.write() as connection:
                done["captured"] += deliveries.capture(connection, name)
        self._tidy(now)
        return done

    def _take_up(self, now: datetime) -> None:
        """Take what lapsed claims held, and what was announced meanwhile."""
        more = True
        while more:
            with self.store.write() as connection:
                deliveries.recover(connection, self.hook.name, now)
                more = deliveries.take_up(connection, self.hook.name, self._type_of, now)

    def _tell_all(self, done: Counter[str]) -> None:
        while not self._stopping.is_set():
            now = self.around.now()
            with self.store.write() as connection:
                live = self.around.live(connection)
                claimed = deliveries.claim(connection, self.hook.name, now) if live else None
                body = message(connection, claimed) if claimed is not None else b""
            if claimed is None:
                return
            reply = post(self.hook, claimed.uid, body, now)
            with self.store.write() as connection:
                deliveries.settle(connection, self.hook.name, claimed, reply, self.around.now())
            done["delivered" if reply.taken else "later"] += 1
            level = logging.INFO if reply.taken else logging.WARNING
            LOG.log(level, "webhook %s, %s %s: %s", self.hook.name, claimed.type, claimed.uid, reply.text)

    def _tidy(self, now: datetime) -> None:
        """Once a day, forget what is old."""
        if now.date() != self._tidied:
            with self.store.write() as connection:
                deliveries.forget_old(connection, now)
            self._tidied = now.date()
