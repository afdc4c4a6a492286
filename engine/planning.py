"""Planned meetings follow the configuration: where its rule changed, those that nobody touched yet are planned anew."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from engine.calendar import MeetingRule, meetings_between
from engine.clock import at_local, local_day
from engine.meetings import (
    AHEAD,
    CONFIRM_DAYS,
    MeetingFacts,
    closing_of,
    days_before,
    end_alarm,
    insert_meeting,
    meeting,
    meetings_where,
    plan_notices,
)
from engine.rules import Rules
from engine.store import stored

RULE, REPLANNED = "meeting_rule", "meetings_replanned"
"""Switches: the rule by which meetings were planned, and what its last change did."""

_KEEP = "INSERT INTO switch (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_FREE = """published_at IS NULL AND closed_at IS NULL AND held_at > ?
    AND NOT EXISTS (SELECT 1 FROM ballot b WHERE b.meeting_id = meeting.id)
    AND NOT EXISTS (SELECT 1 FROM absence a WHERE a.meeting_id = meeting.id)"""
_MOVE = "UPDATE meeting SET held_at = ?, publish_at = ?, confirm_by = ?, closes_at = ? WHERE id = ?"


def rule_is_kept(connection: Connection, rules: Rules) -> bool:
    """Whether the meetings were planned by the present rule."""
    return _kept(connection) == _text(rules)


def follow_rule(connection: Connection, rules: Rules, now: datetime) -> None:
    """Let planned meetings follow the configuration, and note what changed.

    Only those to come whose agenda is not published, and which no person moved, called or confirmed: they stand where
    the rule before put them. Dates that fell out vanish, new ones appear; what would lie in the past, or beyond a
    meeting that stays, is left as it is.
    """
    kept = _kept(connection)
    if kept == _text(rules):
        return
    before = None if kept is None else _planned_by(kept)
    if before is not None:
        changes = _replan(connection, rules, before, now)
        if changes:
            day = local_day(now, rules.tz).isoformat()
            connection.exec_driver_sql(_KEEP, (REPLANNED, f"{day}: {'; '.join(changes)}"))
    connection.exec_driver_sql(_KEEP, (RULE, _text(rules)))


def _kept(connection: Connection) -> str | None:
    text: str | None = connection.exec_driver_sql(
        "SELECT value FROM switch WHERE name = ?", (RULE,)
    ).scalar_one_or_none()
    return text


def _text(rules: Rules) -> str:
    """Write down the rule that meetings are planned by."""
    rule = rules.board.meetings
    fields = {"day": rule.day, "hour": rule.hour, "minute": rule.minute, "months": rule.months}
    return json.dumps({**fields, "publish_days": rules.board.publish_days, "tz": rules.tz.key})


@dataclass(frozen=True, slots=True)
class _OldRule:
    """A rule that meetings were planned by."""

    meetings: MeetingRule
    publish_days: int
    tz: ZoneInfo

    def put(self, planned: MeetingFacts, rules: Rules) -> bool:
        """Whether it put a meeting exactly where it is."""
        year = at_local(local_day(planned.held_at, self.tz).replace(month=1, day=1), 0, 0, self.tz)
        publish_at = days_before(replace(rules, tz=self.tz), planned.held_at, self.publish_days)
        dates = meetings_between(self.meetings, self.tz, year, planned.held_at)
        months = {local_day(held_at, self.tz).isoformat()[:7]: held_at for held_at in dates}
        return months.get(planned.month) == planned.held_at and planned.publish_at == publish_at


def _planned_by(text: str) -> _OldRule | None:
    """Read what `_text` wrote; None when somebody overwrote it: then it cannot be told what a person moved."""
    try:
        kept: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    rule = MeetingRule(kept["day"], kept["hour"], kept["minute"], kept["months"])
    return _OldRule(rule, kept["publish_days"], ZoneInfo(kept["tz"]))


def _replan(connection: Connection, rules: Rules, old: _OldRule, now: datetime) -> list[str]:
    """Carry out a change of the rule. Returns what it did, a few words for each meeting."""
    to_come = meetings_where(connection, _FREE, stored(now))
    follows = [one for one in to_come if old.put(one, rules) and (rules.dates_confirmed or not one.confirmed)]
    others = [one for one in meetings_where(connection, "1 = 1") if one not in follows]
    wanted = _wanted(rules, now, others)
    changes = [said for one in follows if (said := _follow(connection, rules, one, wanted, now))]
    known = {one.month for one in (*follows, *others)}
    for month, held_at in wanted.items():
        if month not in known and month < max(known, default=""):
            insert_meeting(connection, rules, month, held_at, now)
            changes.append(f"{month} is new, on {local_day(held_at, rules.tz).isoformat()}")
    return changes


def _wanted(rules: Rules, now: datetime, others: list[MeetingFacts]) -> dict[str, datetime]:
    """By month, when the rule wants the board to meet: to come, and not beyond a meeting that stays where it is."""
    found = {}
    for held_at in meetings_between(rules.board.meetings, rules.tz, now, now + AHEAD):
        day = local_day(held_at, rules.tz)
        month = day.isoformat()[:7]
        before = [local_day(other.held_at, rules.tz) for other in others if other.month < month]
        after = [local_day(other.held_at, rules.tz) for other in others if other.month > month]
        if all(other < day for other in before) and all(day < other for other in after):
            found[month] = held_at
    return found


def _follow(
    connection: Connection, rules: Rules, planned: MeetingFacts, wanted: dict[str, datetime], now: datetime
) -> str:
    """Move a planned meeting to where the rule wants it, or take it away. Returns what was done, if anything."""
    held_at = wanted.get(planned.month)
    if held_at is None:
        if _is_met_in(rules, planned.month):
            return ""  # its new day is past, or taken: this once it stays where it was
        connection.exec_driver_sql("DELETE FROM board_notice WHERE meeting_id = ?", (planned.id,))
        connection.exec_driver_sql("DELETE FROM meeting WHERE id = ?", (planned.id,))
        end_alarm(connection, planned.month, now)
        return f"{planned.month} is no longer planned"
    dates = [days_before(rules, held_at, days) for days in (rules.board.publish_days, CONFIRM_DAYS)]
    if (held_at, dates[0]) == (planned.held_at, planned.publish_at):
        return ""
    row = (held_at, *dates, closing_of(rules, held_at))
    connection.exec_driver_sql(_MOVE, (*map(stored, row), planned.id))
    plan_notices(connection, rules, meeting(connection, planned.id), now)
    end_alarm(connection, planned.month, now)
    published = local_day(dates[0], rules.tz).isoformat()
    return f"{planned.month} is on {local_day(held_at, rules.tz).isoformat()}, its agenda published on {published}"


def _is_met_in(rules: Rules, month: str) -> bool:
    """Whether the rule has a meeting in a month, whatever its day."""
    first = at_local(datetime.fromisoformat(f"{month}-01").date(), 0, 0, rules.tz)
    found = meetings_between(rules.board.meetings, rules.tz, first, first + AHEAD)
    return any(local_day(held_at, rules.tz).isoformat()[:7] == month for held_at in found)
