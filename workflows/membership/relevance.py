"""Mails that have become wrong before they left: what they ask for was settled, what they tell is no longer so.

Receipts, and what tells of a payment that bounced, are never wrong: they tell what has happened.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from engine.store import instant_of, rows_of
from workflows.membership.words import ACTIVE, CUT, Mail, State

TELLS: Mapping[str, tuple[State, ...]] = MappingProxyType(
    {
        Mail.CALL_FOR_DUES: ACTIVE,
        Mail.RENEWAL_CAMPAIGN: (State.CALLED, State.REMINDED),
        Mail.REMINDER: (State.REMINDED,),
        Mail.LAST_CALL: (State.REMINDED, State.PROPOSED),
        Mail.SUSPENSION: CUT,
        Mail.SUMMONS: (State.PROPOSED,),
        Mail.SPARED: (State.SUSPENDED,),
        Mail.REMOVAL: (State.REMOVED,),
        Mail.RESTORED: (State.PAID, State.CALLED, State.REMINDED),
        Mail.FAREWELL: (State.LEFT,),
    }
)
"""In which states a mail may still be read; a kind that is not here never becomes wrong."""
TELLS_THE_HOUR = {Mail.SUMMONS, Mail.LAST_CALL}
ASKS_FOR_MONEY = {Mail.CALL_FOR_DUES, Mail.RENEWAL_CAMPAIGN, Mail.REMINDER}

# The workflow is no way to find the rows: without « || '' » SQLite would read all instances of it.
_MESSAGES = """SELECT m.id, m.kind, m.instance_id, m.year, m.occasion, m.context, i.state FROM outbox_message m
    JOIN workflow_instance i ON i.id = m.instance_id WHERE m.id IN {ids} AND i.workflow || '' = 'membership'"""
_UNSETTLED = """SELECT association_id, year FROM due
    WHERE association_id IN {ids} AND called_at IS NOT NULL AND settled_cents < amount_cents"""
_ON_AGENDA = """SELECT instance_id, 'meeting-' || meeting_id FROM ballot
    WHERE instance_id IN {ids} AND status IN ('scheduled', 'open')"""
_HOURS = "SELECT held_at FROM meeting WHERE closed_at IS NULL"


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is so now: years owed by member, what is on an agenda, and the hours of the meetings to come."""

    owed: set[tuple[int, int]]
    listed: set[tuple[int, str]]
    hours: set[str]


def no_longer_right(connection: Connection, messages: Sequence[int]) -> dict[int, str]:
    """Return, by the message's id, why a mail to a member has become wrong; those that are right are left out."""
    rows = [row for row in rows_of(connection, _MESSAGES, messages) if row[1] in TELLS]
    return dict(_wrong(rows, _standing(connection, rows)))


def _standing(connection: Connection, rows: Sequence[Any]) -> _Standing:
    members = sorted({row[2] for row in rows})
    called = [row[2] for row in rows if row[1] == Mail.LAST_CALL]
    return _Standing(
        owed=set(rows_of(connection, _UNSETTLED, members)) if members else set(),
        listed=set(rows_of(connection, _ON_AGENDA, called)) if called else set(),
        hours=_hours(connection) if any(row[1] in TELLS_THE_HOUR for row in rows) else set(),
    )


def _hours(connection: Connection) -> set[str]:
    return {instant_of(row[0]).isoformat() for row in connection.exec_driver_sql(_HOURS)}


def _wrong(rows: Sequence[Any], now: _Standing) -> Iterator[tuple[int, str]]:
    for message, kind, member, year, occasion, context, state in rows:
        if state not in TELLS[kind]:
            yield message, f"is {state} by now"
        elif kind in ASKS_FOR_MONEY and now.owed.isdisjoint((member, due) for due in _years_told(kind, year, context)):
            yield message, "what it asks for was settled meanwhile"
        elif kind in TELLS_THE_HOUR:
            told = json.loads(context)
            if state == State.PROPOSED and told["meeting"] is not None and told["meeting"] not in now.hours:
                yield message, "the hearing has another hour by now"
            elif kind == Mail.LAST_CALL and not told.get("moved") and (member, occasion) not in now.listed:
                yield message, "the board does not look at it any more"


@lru_cache(maxsize=1024)
def _years_told(kind: str, year: int, context: str) -> tuple[int, ...]:
    """Return the years that a mail asks for: a call for its own, the others for all that were owed."""
    if kind == Mail.CALL_FOR_DUES:
        return (year,)
    return tuple(due for due, _ in json.loads(context).get("owed", ()))
