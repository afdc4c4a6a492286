"""What the board itself is told by mail: each seat in office gets its own, at its address, in the board's language.

What a mail lists is read when its words are written, so that it says how things stand when it leaves.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.batch import OUTBOX
from engine.board import SeatFacts, seats_in_office
from engine.board_models import BoardMail
from engine.clock import local_day
from engine.meetings import MeetingFacts
from engine.models import OutboxStatus
from engine.store import stored
from engine.work import Work

_DECIDED = """SELECT 1 FROM ballot WHERE meeting_id = ? AND status IN ('adopted', 'rejected', 'no_quorum', 'blocked')
    LIMIT 1"""
SITTING = timedelta(minutes=10)
"""What a seat says within it is one sitting."""
_ANEW = """UPDATE outbox_message SET subject = NULL, body = NULL
    WHERE status = 'pending' AND attempts = 0 AND substr(dedupe_key, 1, ?) = ?"""
_TOLD = """SELECT count(DISTINCT occasion), coalesce(sum(status = ? AND body IS NULL), 0) FROM outbox_message
    WHERE kind = ? AND instance_id IS NULL AND (occasion = ? OR occasion LIKE ?)"""


@dataclass(frozen=True, slots=True)
class Telling:
    """A mail to seats: its kind, the occasion that makes it the same mail, and what it tells.

    `wait`: how long it may still be added to before it leaves.
    """

    kind: BoardMail
    occasion: str
    told: Mapping[str, Any] = field(default_factory=dict)
    wait: timedelta = timedelta()


def tell_seats(work: Work, meeting: MeetingFacts, telling: Telling, seats: Iterable[SeatFacts] | None = None) -> None:
    """Write a mail about a meeting to each seat (those in office, unless named) that has an address, once."""
    about = {"meeting": meeting.held_at.isoformat(), "meeting_id": meeting.id, **telling.told}
    kind, occasion = telling.kind.value, telling.occasion
    now, due = stored(work.at), stored(work.at + telling.wait)
    for seat in seats_in_office(work.connection, work.today) if seats is None else seats:
        if seat.email:
            what = (f"seat-{seat.name}:{kind}:{occasion}", None, kind, occasion, None, None)
            context = json.dumps(about | {"seat": seat.name}, ensure_ascii=False)
            work.batch.add(OUTBOX, *what, seat.email, work.rules.language, context, "pending", now, due, 0, "")


@dataclass(frozen=True, slots=True)
class AgendaChange:
    """What the secretary put on an agenda, or took off it: which question, about which instance, and why."""

    instance_id: int
    trigger: str
    reason: str
    added: bool


def tell_change(work: Work, meeting: MeetingFacts, change: AgendaChange) -> None:
    """Tell the seats of a change by hand."""
    how = "on" if change.added else "off"
    occasion = f"meeting-{meeting.id}:{how}-{change.trigger}-{change.instance_id}:{work.now}"
    told = {"instances": [change.instance_id]} | {
        "trigger": change.trigger,
        "added": change.added,
        "reason": change.reason,
    }
    tell_seats(work, meeting, Telling(BoardMail.AGENDA_CHANGED, occasion, told))


def tell_voter(work: Work, meeting: MeetingFacts, seat: str) -> None:
    """Write one receipt for a sitting: what a seat says until it leaves, ten minutes after the first, it will list."""
    prefix = f"seat-{seat}:{BoardMail.VOTE_RECEIPT}:meeting-{meeting.id}:"
    if work.connection.exec_driver_sql(_ANEW, (len(prefix), prefix)).rowcount == 0:
        occasion = f"meeting-{meeting.id}:{work.now}"
        sitting = [one for one in seats_in_office(work.connection, work.today) if one.name == seat]
        tell_seats(work, meeting, Telling(BoardMail.VOTE_RECEIPT, occasion, wait=SITTING), sitting)


def was_told(work: Work, meeting: MeetingFacts) -> bool:
    """Whether the seats were told of a meeting's decisions already."""
    return _times_told(work, meeting)[0] > 0


def _times_told(work: Work, meeting: MeetingFacts) -> tuple[int, int]:
    """How often they were, and how many of these mails have no words yet."""
    key = f"meeting-{meeting.id}"
    values = (OutboxStatus.PENDING.value, BoardMail.DECISIONS.value, key, f"{key}:%")
    times, wordless = work.connection.exec_driver_sql(_TOLD, values).one()
    return times, wordless


def tell_decisions(work: Work, meeting: MeetingFacts) -> None:
    """Tell the seats what the meeting has decided, again when the record adds something. Call it after `work.write`.

    A mail about it that has no words yet will say the new decisions too: no second one is written.
    """
    if work.connection.exec_driver_sql(_DECIDED, (meeting.id,)).fetchone() is None:
        return
    key, (times, wordless) = f"meeting-{meeting.id}", _times_told(work, meeting)
    if not wordless:
        seats = seats_in_office(work.connection, local_day(meeting.held_at, work.rules.tz))
        tell_seats(work, meeting, Telling(BoardMail.DECISIONS, f"{key}:{times}" if times else key), seats)
