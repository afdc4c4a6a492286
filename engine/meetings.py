"""The board's meetings: one row per planned month, made ahead, moved by the secretary."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.batch import CLOSE_TASK, task_key
from engine.board_models import BoardMail
from engine.calendar import meetings_between
from engine.clock import at_local, end_of_day, local_day
from engine.errors import Invalid, NotAllowed
from engine.rules import Rules
from engine.store import instant_of, maybe_instant, stored

AHEAD = timedelta(days=400)
MEETING_UNCONFIRMED = "meeting_unconfirmed"
CONFIRM_DAYS = 15
NEWS_DAYS = 10
"""Before the agenda: the seats are asked whether they have heard from those it may list."""
REMINDER_DAYS = (7, 2, 1)
"""Before the meeting: whoever has not voted is reminded."""

_COLUMNS = (
    """id, month, held_at, publish_at, closes_at, published_at, opened_at, closed_at, items, present, confirmed"""
)


@dataclass(frozen=True, slots=True)
class MeetingFacts:
    """A meeting as it stands. `month` is the month it was planned for, as 2025-08."""

    id: int
    month: str
    held_at: datetime
    publish_at: datetime
    closes_at: datetime
    published_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
    items: int
    present: tuple[str, ...]
    confirmed: bool

    @property
    def year(self) -> int:
        """The planned year."""
        return int(self.month[:4])

    @property
    def month_number(self) -> int:
        """The planned month, 1 to 12."""
        return int(self.month[5:7])


def are_planned(connection: Connection, rules: Rules, now: datetime) -> bool:
    """Whether the meetings' rows reach a year ahead."""
    known = _last_planned(connection)
    return known is not None and known >= local_day(now + AHEAD - timedelta(days=60), rules.tz).isoformat()[:7]


def _last_planned(connection: Connection) -> str | None:
    month: str | None = connection.exec_driver_sql("SELECT max(month) FROM meeting").scalar_one_or_none()
    return month


def plan_meetings(connection: Connection, rules: Rules, now: datetime) -> None:
    """Make the rows of all meetings from the start of the year to 400 days ahead; those past are closed."""
    if are_planned(connection, rules, now):
        return
    known, horizon = _last_planned(connection), now + AHEAD
    start = at_local(local_day(now, rules.tz).replace(month=1, day=1), 0, 0, rules.tz)
    for held_at in meetings_between(rules.board.meetings, rules.tz, start, horizon):
        month = local_day(held_at, rules.tz).isoformat()[:7]
        if known is None or month > known:
            insert_meeting(connection, rules, month, held_at, now)


def insert_meeting(connection: Connection, rules: Rules, month: str, held_at: datetime, now: datetime) -> None:
    """Make the row of a meeting and of what the seats are told before it; one that is past is closed."""
    sql = """INSERT INTO meeting (month, held_at, publish_at, confirm_by, closes_at, closed_at, place, confirmed, items,
        present) VALUES (?, ?, ?, ?, ?, ?, '', ?, 0, '') ON CONFLICT DO NOTHING"""
    dates = (days_before(rules, held_at, rules.board.publish_days), days_before(rules, held_at, CONFIRM_DAYS))
    over_text = stored(now) if held_at < now else None
    connection.exec_driver_sql(
        sql,
        (
            *(month, stored(held_at), *(stored(date) for date in dates), stored(closing_of(rules, held_at))),
            *(over_text, rules.dates_confirmed),
        ),
    )
    if over_text is None:
        plan_notices(connection, rules, meeting_of_month(connection, month), now)


def plan_notices(connection: Connection, rules: Rules, planned: MeetingFacts, now: datetime) -> None:
    """What the seats are told before a meeting, from now on: those told already stay told."""
    sql = "DELETE FROM board_notice WHERE meeting_id = ? AND done_at IS NULL"
    connection.exec_driver_sql(sql, (planned.id,))
    news = days_before(rules, planned.publish_at, NEWS_DAYS)
    reminders = [days_before(rules, planned.held_at, days) for days in REMINDER_DAYS]
    rows = [(BoardMail.ANY_NEWS, news), *((BoardMail.VOTE_REMINDER, at) for at in reminders)]
    sql = "INSERT INTO board_notice (meeting_id, kind, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    for kind, at in rows:
        if at > now:
            connection.exec_driver_sql(sql, (planned.id, kind.value, stored(at)))


def days_before(rules: Rules, held_at: datetime, days: int) -> datetime:
    """So many days before the meeting, at the same local hour."""
    local = held_at.astimezone(rules.tz)
    day = local.date() - timedelta(days=days)
    return at_local(day, local.hour, local.minute, rules.tz)


def closing_of(rules: Rules, held_at: datetime) -> datetime:
    """The midnight that ends the meeting's day."""
    return end_of_day(local_day(held_at, rules.tz), rules.tz)


def meeting(connection: Connection, meeting_id: int) -> MeetingFacts:
    """Return one meeting. Raises Invalid when there is none."""
    return _one(connection, "id = ?", meeting_id, f"no meeting {meeting_id}")


def meeting_of_month(connection: Connection, month: str) -> MeetingFacts:
    """Return the meeting planned for a month such as 2025-08. Raises Invalid when there is none."""
    return _one(connection, "month = ?", month, f"the board has no meeting in {month}")


def _one(connection: Connection, condition: str, value: object, missing: str) -> MeetingFacts:
    found = meetings_where(connection, condition, value)
    if not found:
        raise Invalid(reason=missing)
    return found[0]


def meetings_where(connection: Connection, condition: str, *values: object) -> list[MeetingFacts]:
    """Meetings that a condition from the code selects, in the order they are held."""
    sql = f"SELECT {_COLUMNS} FROM meeting WHERE {condition} ORDER BY held_at"  # noqa: S608 conditions come from the code
    return [_facts(row) for row in connection.exec_driver_sql(sql, values).fetchall()]


def _facts(row: Any) -> MeetingFacts:
    return MeetingFacts(
        id=row[0],
        month=row[1],
        held_at=instant_of(row[2]),
        publish_at=instant_of(row[3]),
        closes_at=instant_of(row[4]),
        published_at=maybe_instant(row[5]),
        opened_at=maybe_instant(row[6]),
        closed_at=maybe_instant(row[7]),
        items=row[8],
        present=tuple(filter(None, row[9].split("|"))),
        confirmed=bool(row[10]),
    )


def move_meeting(connection: Connection, rules: Rules, month: str, held_at: datetime, now: datetime) -> MeetingFacts:
    """Move a meeting, its closing, and its agenda if that is not published yet.

    Raises NotAllowed into the past, onto or beyond a neighbour, or once it was held.
    """
    planned = meeting_of_month(connection, month)
    refuse_move(connection, rules, planned, held_at, now)
    publish = planned.publish_at if planned.published_at else days_before(rules, held_at, rules.board.publish_days)
    confirm_by = days_before(rules, held_at, CONFIRM_DAYS)
    connection.exec_driver_sql(
        "UPDATE meeting SET held_at = ?, publish_at = ?, confirm_by = ?, closes_at = ? WHERE id = ?",
        (stored(held_at), stored(publish), stored(confirm_by), stored(closing_of(rules, held_at)), planned.id),
    )
    connection.exec_driver_sql(
        "UPDATE ballot SET closes_at = ? WHERE meeting_id = ? AND status IN ('scheduled', 'open')",
        (stored(closing_of(rules, held_at)), planned.id),
    )
    connection.exec_driver_sql(
        "UPDATE ballot SET opens_at = ? WHERE meeting_id = ? AND status = 'scheduled'", (stored(held_at), planned.id)
    )
    moved = meeting(connection, planned.id)
    plan_notices(connection, rules, moved, now)
    end_alarm(connection, month, now)
    return moved


def end_alarm(connection: Connection, month: str, now: datetime) -> None:
    """The date that a person was asked to confirm is no more."""
    key = task_key(MEETING_UNCONFIRMED, None, month)
    connection.exec_driver_sql(CLOSE_TASK.sql, (stored(now), "relance", " (planned anew)", key))


def refuse_move(connection: Connection, rules: Rules, planned: MeetingFacts, held_at: datetime, now: datetime) -> None:
    """Raise NotAllowed for a meeting that was held, into the past, and onto or beyond a neighbour."""
    if planned.held_at <= now or planned.closed_at is not None:
        raise NotAllowed(reason=f"the meeting of {planned.month} was already held")
    if held_at <= now:
        raise NotAllowed(reason="a meeting cannot be moved into the past")
    day = local_day(held_at, rules.tz)
    for other in meetings_where(connection, "month <> ?", planned.month):
        other_day = local_day(other.held_at, rules.tz)
        before, after = other.month < planned.month, other.month > planned.month
        if (before and day <= other_day) or (after and day >= other_day):
            raise NotAllowed(reason=f"a meeting cannot be moved onto or beyond the one of {other.month}")


def confirm_meeting(connection: Connection, month: str, now: datetime, by: str) -> MeetingFacts:
    """The secretary confirms a meeting's date; the alarm about it ends. Raises Invalid."""
    planned = meeting_of_month(connection, month)
    connection.exec_driver_sql("UPDATE meeting SET confirmed = ? WHERE id = ?", (True, planned.id))
    connection.exec_driver_sql(
        CLOSE_TASK.sql, (stored(now), by, "confirmed", task_key(MEETING_UNCONFIRMED, None, planned.month))
    )
    return meeting(connection, planned.id)


def name_place(connection: Connection, meeting_id: int, place: str) -> None:
    """Write down where a meeting is held."""
    connection.exec_driver_sql("UPDATE meeting SET place = ? WHERE id = ?", (place, meeting_id))


def next_meeting_after(connection: Connection, instant: datetime) -> MeetingFacts | None:
    """Return the next meeting to be held after an instant."""
    found = meetings_where(connection, "held_at > ? AND closed_at IS NULL", stored(instant))
    return found[0] if found else None
