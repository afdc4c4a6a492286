"""Mails to the board that have become wrong before they left: the meeting is over, or the seat has voted meanwhile."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from engine.board_models import BoardMail
from engine.notices import votes_awaited
from engine.store import rows_of

BEFORE_THE_MEETING = (BoardMail.AGENDA, BoardMail.AGENDA_CHANGED, BoardMail.ANY_NEWS, BoardMail.VOTE_REMINDER)
_MESSAGES = """SELECT o.id, o.kind, m.id, json_extract(o.context, '$.seat'), m.closed_at IS NOT NULL
    FROM outbox_message o JOIN meeting m ON m.id = json_extract(o.context, '$.meeting_id')
    WHERE o.id IN {ids} AND o.instance_id IS NULL"""


def no_longer_right(connection: Connection, messages: Sequence[int]) -> dict[int, str]:
    """Return, by the message's id, why a mail to a seat has become wrong; those that are right are left out."""
    return dict(_wrong(connection, messages))


def _wrong(connection: Connection, messages: Sequence[int]) -> Iterator[tuple[int, str]]:
    for message, kind, meeting_id, seat, over in rows_of(connection, _MESSAGES, messages):
        if over and kind in BEFORE_THE_MEETING:
            yield message, "the meeting is over"
        elif kind == BoardMail.VOTE_REMINDER and not votes_awaited(connection, meeting_id)[seat]:
            yield message, "this seat has voted meanwhile"
