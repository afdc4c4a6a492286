"""A meeting of the board in a month for which none was planned."""

from datetime import datetime

from sqlalchemy import Connection

from engine.clock import local_day
from engine.errors import NotAllowed
from engine.meetings import MeetingFacts, insert_meeting, meeting_of_month, meetings_where, name_place, refuse_move
from engine.rules import Rules


def call_meeting(connection: Connection, rules: Rules, held_at: datetime, place: str, now: datetime) -> MeetingFacts:
    """Plan one more meeting. Its agenda, where that is due, is published by the next run.

    Raises NotAllowed into the past, in a month that has a meeting, or beyond those that are planned.
    """
    month = local_day(held_at, rules.tz).isoformat()[:7]
    planned = meetings_where(connection, "month >= ?", month)
    if not planned:
        raise NotAllowed(reason=f"meetings are not planned as far ahead as {month} yet")
    if any(one.month == month for one in planned):
        raise NotAllowed(reason=f"the board has a meeting in {month} already: move it instead")
    if held_at <= now:
        raise NotAllowed(reason="a meeting cannot be called in the past")
    insert_meeting(connection, rules, month, held_at, now)
    called = meeting_of_month(connection, month)
    refuse_move(connection, rules, called, held_at, now)
    name_place(connection, called.id, place)
    return called
