"""What can be listed: ballots, meetings, tasks, messages, pauses, and what happened. Reading only."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from engine.board_models import BallotStatus
from engine.definition import Workflow
from engine.errors import BallotNotOpen, Invalid
from engine.store import day_of, instant_of, maybe_day, maybe_instant

EVERYBODY = "*"
CLOSED = (BallotStatus.ADOPTED, BallotStatus.REJECTED, BallotStatus.NO_QUORUM)

_BALLOTS = """SELECT b.id, i.subject, b.trigger, b.status, m.month, m.held_at, b.opens_at, b.closes_at, b.electorate,
    b.took_part, b.approve, b.reject, b.abstain, b.missing, b.reason,
    (SELECT count(*) FROM vote v WHERE v.ballot_id = b.id AND v.superseded_at IS NULL),
    (SELECT group_concat(seat, '|') FROM recusal r WHERE r.ballot_id = b.id), b.rule, b.annulled_at, i.workflow
    FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id JOIN meeting m ON m.id = b.meeting_id
    WHERE b.status = coalesce(?, b.status) AND m.month = coalesce(?, m.month)
    ORDER BY m.held_at, b.id"""
_MEETINGS = """SELECT id, month, held_at, publish_at, closes_at, place, confirmed, published_at, closed_at, items
    FROM meeting WHERE held_at >= ? ORDER BY held_at"""
_TASKS = """SELECT t.id, t.kind, i.subject, t.about, t.opened_at, t.due, t.done_at, t.done_by, t.note
    FROM task t LEFT JOIN workflow_instance i ON i.id = t.instance_id
    WHERE t.id > ? AND (? OR t.done_at IS NULL) ORDER BY t.id"""
_MESSAGES = """SELECT o.id, o.kind, i.subject, o.recipient, o.status, o.due_at, o.sent_at, o.subject, o.error
    FROM outbox_message o LEFT JOIN workflow_instance i ON i.id = o.instance_id
    WHERE o.status = coalesce(?, o.status) ORDER BY o.id"""
_OWN_VOTES = """SELECT count(*) FROM vote WHERE superseded_at IS NULL AND channel <> 'sheet'
    AND ballot_id IN (SELECT value FROM json_each(?)) AND seat IN (SELECT value FROM json_each(?))"""
_PAUSES = "SELECT at, until, ends_at, reason, actor FROM pause ORDER BY at"
_ENTRIES = """SELECT j.id, i.subject, j.effective_at, j.trigger, j.from_state, j.to_state, j.acted, j.reason, j.mails,
    j.cause
    FROM journal_entry j JOIN workflow_instance i ON i.id = j.instance_id WHERE j.id > ? ORDER BY j.id"""


@dataclass(frozen=True, slots=True)
class BallotLine:
    """A ballot as it may be shown: counts only once it is closed."""

    id: int
    association: str
    trigger: str
    question: str
    status: str
    meeting: str
    held_at: datetime
    opens_at: datetime
    closes_at: datetime
    seats: tuple[str, ...]
    took_part: int
    outcome: str | None = None
    approve: int | None = None
    reject: int | None = None
    abstain: int | None = None
    missing: tuple[str, ...] | None = None
    reason: str | None = None
    recused: tuple[str, ...] = ()
    """Seats that stand aside."""
    rule: Mapping[str, Any] | None = None
    """How its votes are counted, once it is open: quorum, quorum_strict, quorum_counts, base, fraction, strict,
    casting_vote."""
    annulled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MeetingLine:
    """A meeting of the board."""

    id: int
    month: str
    held_at: datetime
    publish_at: datetime
    closes_at: datetime
    place: str
    confirmed: bool
    published_at: datetime | None
    closed_at: datetime | None
    items: int


@dataclass(frozen=True, slots=True)
class TaskLine:
    """Something that waits for a person, or did."""

    id: int
    kind: str
    association: str | None
    about: str
    opened_at: datetime
    due: date | None
    done_at: datetime | None
    done_by: str | None
    note: str


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message of the outbox."""

    id: int
    kind: str
    association: str | None
    to: str
    status: str
    due_at: datetime
    sent_at: datetime | None
    subject: str | None
    error: str


@dataclass(frozen=True, slots=True)
class PauseLine:
    """A pause: from when, until which day, when it ends or ended, why, by whom."""

    at: datetime
    until: date
    ends_at: datetime
    reason: str
    actor: str


@dataclass(slots=True)
class Happening:
    """The same thing that happened, at one instant, to `number` instances: the first few of them by name."""

    effective_at: datetime
    trigger: str
    before: str | None
    after: str
    acted: bool
    reason: str
    mails: tuple[str, ...]
    cause: str
    """What kind of thing caused it: calendar, ballot, payment, waiver …"""
    number: int = 0
    subjects: list[str] = field(default_factory=list)


def ballots(
    connection: Connection, workflows: Iterable[Workflow], status: str | None = None, month: str | None = None
) -> list[BallotLine]:
    """Ballots of these workflows (in one status, of one month's meeting), in the order of their meetings."""
    known = {workflow.name: workflow for workflow in workflows}
    rows = connection.exec_driver_sql(_BALLOTS, (status, month))
    return [_ballot_line(known[row[19]], row) for row in rows if row[19] in known]


def _ballot_line(workflow: Workflow, row: Sequence[Any]) -> BallotLine:
    status = row[3]
    closed = status in CLOSED
    approve, reject, abstain = row[10:13] if closed else (None, None, None)
    return BallotLine(
        id=row[0],
        association=row[1],
        trigger=row[2],
        question=workflow.ballot(row[2]).question,
        status=status,
        meeting=row[4],
        held_at=instant_of(row[5]),
        opens_at=instant_of(row[6]),
        closes_at=instant_of(row[7]),
        seats=tuple(filter(None, row[8].split("|"))),
        took_part=row[9] if closed else row[15],
        outcome=status if closed else None,
        approve=approve,
        reject=reject,
        abstain=abstain,
        missing=tuple(row[13].split("|")) if row[13] else None,
        reason=row[14] or None,
        recused=tuple(sorted(filter(None, (row[16] or "").split("|")))),
        rule=json.loads(row[17]) if row[17] else None,
        annulled_at=maybe_instant(row[18]),
    )


def ballot_ids(
    connection: Connection, workflows: Iterable[Workflow], trigger: str, subject: str, statuses: Sequence[BallotStatus]
) -> list[int]:
    """Ids of the latest ballot of each instance (or of one) on a question, in one of these statuses.

    Raises Invalid for an unknown question, BallotNotOpen when there is none.
    """
    owners = {str(rule.trigger): flow.name for flow in workflows for rule in flow.ballots}
    if trigger not in owners:
        raise Invalid(reason=f"there is no question {trigger!r}; the board answers {', '.join(owners)}")
    marks = ", ".join("?" * len(statuses))
    sql = f"""SELECT max(b.id) FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id
        WHERE i.workflow = ? AND b.trigger = ? AND (? = '*' OR i.subject = ?)
        GROUP BY b.instance_id HAVING max(b.id) IN (SELECT id FROM ballot WHERE status IN ({marks})) ORDER BY 1"""  # noqa: S608 marks only
    rows = connection.exec_driver_sql(sql, (owners[trigger], trigger, subject, subject, *statuses))
    found = [row[0] for row in rows]
    if not found:
        raise BallotNotOpen(ballot=f"{trigger}/{subject}")
    return found


def own_votes(connection: Connection, ids: Sequence[int], seats: Iterable[str]) -> int:
    """Count the votes that these seats cast themselves on these ballots, and that stand."""
    found = connection.exec_driver_sql(_OWN_VOTES, (json.dumps(list(ids)), json.dumps(list(seats))))
    return int(found.scalar_one())


def meetings(connection: Connection, since: str) -> list[MeetingLine]:
    """Meetings held from an instant on, as the database keeps it."""
    return [
        MeetingLine(
            *(row[0], row[1], instant_of(row[2]), instant_of(row[3]), instant_of(row[4]), row[5], bool(row[6])),
            *(maybe_instant(row[7]), maybe_instant(row[8]), row[9]),
        )
        for row in connection.exec_driver_sql(_MEETINGS, (since,))
    ]


def tasks(connection: Connection, *, done: bool = False, after: int = 0) -> list[TaskLine]:
    """Open tasks, oldest first; with `done` the closed ones too. `after`: only those with a later id."""
    return [
        TaskLine(
            *(row[0], row[1], row[2], row[3], instant_of(row[4])),
            *(maybe_day(row[5]), maybe_instant(row[6]), row[7], row[8]),
        )
        for row in connection.exec_driver_sql(_TASKS, (after, done))
    ]


def messages(connection: Connection, status: str | None = None) -> list[MessageLine]:
    """Messages of the outbox (in one status), oldest first."""
    return [
        MessageLine(row[0], row[1], row[2], row[3], row[4], instant_of(row[5]), maybe_instant(row[6]), row[7], row[8])
        for row in connection.exec_driver_sql(_MESSAGES, (status,))
    ]


def message_text(connection: Connection, message_id: int) -> tuple[str, str, str]:
    """Recipient, subject and body of a message. Raises Invalid when there is none, or it has no words yet."""
    sql = "SELECT recipient, subject, body FROM outbox_message WHERE id = ?"
    row = connection.exec_driver_sql(sql, (message_id,)).fetchone()
    if row is None:
        raise Invalid(reason=f"there is no message {message_id}")
    if row[2] is None:
        raise Invalid(reason=f"message {message_id} has no words")
    return row[0], row[1], row[2]


def wordless_mails(connection: Connection) -> bool:
    """Whether some message that waits has no words yet."""
    sql = """SELECT 1 FROM outbox_message
        WHERE status = 'pending' AND status IN ('pending', 'sending') AND body IS NULL LIMIT 1"""
    return connection.exec_driver_sql(sql).fetchone() is not None


def pauses(connection: Connection) -> list[PauseLine]:
    """Every pause, past and present, in order."""
    rows = connection.exec_driver_sql(_PAUSES)
    return [PauseLine(instant_of(row[0]), day_of(row[1]), instant_of(row[2]), row[3], row[4]) for row in rows]


def switch(connection: Connection, name: str) -> str | None:
    """The position of one of the database's own switches; None when it was never set."""
    value = connection.exec_driver_sql("SELECT value FROM switch WHERE name = ?", (name,)).scalar_one_or_none()
    return None if value is None else str(value)


def last_entry(connection: Connection) -> int:
    """Id of the journal's last line; 0 when it is empty."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM journal_entry").scalar_one())


def last_task(connection: Connection) -> int:
    """Id of the last task; 0 when there was none."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM task").scalar_one())


def happenings(connection: Connection, after: int, names: int = 8) -> list[Happening]:
    """What the journal says since a line, the same things taken together, in order; `names` of each are named."""
    found: dict[tuple[Any, ...], Happening] = {}
    for _, subject, *same in connection.exec_driver_sql(_ENTRIES, (after,)):
        at, trigger, before, to, acted, reason, mails, whole_cause = same
        cause = whole_cause.partition(":")[0]
        key = (*same[:-1], cause)
        if key not in found:
            told = tuple(filter(None, mails.split("|")))
            found[key] = Happening(instant_of(at), trigger, before, to, bool(acted), reason, told, cause)
        found[key].number += 1
        if len(found[key].subjects) < names:
            found[key].subjects.append(subject)
    return list(found.values())
