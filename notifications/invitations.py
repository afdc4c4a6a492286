"""Which mails bring an invitation to be heard, and what a calendar is to do: note the hour, move it, strike it out.

A summons invites. A later call to a meeting moves what stands in the calendar; what ends the procedure strikes it out.
What stands there is read from what was sent to that very address before: each has its own event, kept with its mail.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.store import instant_of, stored
from notifications.calendar_invites import FILE, Host, Invitation, Method, invite, media_type
from notifications.mail import BadAddress, Part
from notifications.render import Letterhead

INVITES = frozenset({"summons"})
MOVES = frozenset({"last_call"})
ENDS = frozenset({"spared", "restored", "farewell"})
INVITING = INVITES | MOVES | ENDS
"""Kinds of mail that may bring one."""
_BEFORE = """SELECT a.media_type, m.occasion, m.context FROM outbox_message m
    JOIN outbox_attachment a ON a.message_id = m.id AND a.name = ?
    WHERE m.instance_id = ? AND m.recipient = ? AND m.id < ? AND m.status NOT IN ('dropped', 'failed') ORDER BY m.id"""
_PLACE = "SELECT place FROM meeting WHERE held_at = ? LIMIT 1"
_MAIL = "SELECT recipient, occasion FROM outbox_message WHERE id = ?"


def place_of(connection: Connection, meeting: str | None) -> str | None:
    """Where the meeting of that instant is held, as known now; None where it is not."""
    if meeting is None:
        return None
    found = connection.exec_driver_sql(_PLACE, (stored(datetime.fromisoformat(meeting)),)).scalar_one_or_none()
    return str(found) if found else None


def invitation_of(connection: Connection, row: Any, values: Mapping[str, Any]) -> Invitation | None:
    """What a mail brings for the calendar of whoever it is for; None: nothing stands there, and nothing is to."""
    recipient, occasion = connection.exec_driver_sql(_MAIL, (row.id,)).one()
    sent = connection.exec_driver_sql(_BEFORE, (FILE, row.instance_id, recipient, row.id)).fetchall()
    standing = _standing(sent)
    if row.kind not in INVITES and not standing:
        return None
    ends = row.kind in ENDS
    held_at = json.loads(standing[-1][2])["meeting"] if ends else values["meeting"]
    if held_at is None:
        return None
    return Invitation(
        number=str(values["number"]),
        procedure=standing[0][1] if standing else occasion,
        recipient=recipient,
        recipient_name=str(values["name"]),
        held_at=datetime.fromisoformat(held_at),
        written_at=instant_of(row.created_at),
        sequence=len(sent),
        place=str(values.get("place") or ""),
        language=row.language,
        method=Method.CANCEL if ends else Method.REQUEST,
    )


def _standing(sent: Any) -> list[Any]:
    """What was sent since the last that struck the event out: empty where none stands in the calendar."""
    standing: list[Any] = []
    for one in sent:
        standing = [] if one[0] == media_type(Method.CANCEL) else [*standing, one]
    return standing


def part_of(letterhead: Letterhead, invitation: Invitation) -> Part | None:
    """Write it; None where the organisation, or who is invited, has no address that a calendar could answer to."""
    if not letterhead.email:
        return None
    host = Host(letterhead.name, letterhead.short_name, letterhead.email, letterhead.timezone)
    try:
        return Part(FILE, media_type(invitation.method), invite(host, invitation))
    except BadAddress:
        return None
