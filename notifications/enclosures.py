"""What goes with a mail as a file: made with its words, kept beside them, sent as it was kept.

A kind that is not in `ENCLOSING` costs nothing: nothing is asked, nothing is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.store import rows_of
from notifications.invitations import INVITING, part_of
from notifications.mail import Outgoing, Part
from notifications.papers import CALL, Post, Typesetter
from notifications.postal import postal_lines
from notifications.render import Letterhead

PDF = "application/pdf"
ENCLOSING = frozenset({CALL}) | INVITING
_NAMES = {"fr": "appel", "en": "call"}

_KEEP = """INSERT INTO outbox_attachment (message_id, name, media_type, content)
    SELECT id, ?, ?, ? FROM outbox_message WHERE id = ? AND status = 'pending' AND body IS NULL
    ON CONFLICT DO NOTHING"""
_OF = "SELECT message_id, name, media_type, content FROM outbox_attachment WHERE message_id IN {ids} ORDER BY 1, 2"
_ONE = "SELECT name, media_type, content FROM outbox_attachment WHERE message_id = ? AND name = ?"
_LISTED = "SELECT name, media_type, length(content) FROM outbox_attachment WHERE message_id = ? ORDER BY name"


class Enclosures:
    """Makes the files that go with the mails of one organisation."""

    def __init__(self, letterhead: Letterhead) -> None:
        self.letterhead = letterhead
        self._typesetter = Typesetter(letterhead)

    @property
    def troubles(self) -> Mapping[str, str]:
        """What of the organisation's own texts could not be used, by file and line, and why."""
        return self._typesetter.troubles

    def make(self, kind: str, language: str, values: Mapping[str, Any], made_at: datetime) -> tuple[Part, ...]:
        """Make what goes with one mail. Raises a jinja2.TemplateError, BadDefinition."""
        if kind in INVITING:
            return self._invitation(values)
        if kind not in ENCLOSING:
            return ()
        paper = self._typesetter.paper(kind, language, values, Post(postal_lines(values, language)))
        name = f"{_NAMES[str(paper['language'])]}-{values['year']}-{values['number']}.pdf"
        return (Part(name, PDF, self._typesetter.print([paper], made_at)),)

    def _invitation(self, values: Mapping[str, Any]) -> tuple[Part, ...]:
        invitation = values.get("invitation")
        part = None if invitation is None else part_of(self.letterhead, invitation)
        return () if part is None else (part,)


def keep(connection: Connection, parts: Iterable[tuple[int, Part]]) -> None:
    """Keep the files of messages that have no words yet: before their words are written, in that transaction."""
    rows = [(part.name, part.media_type, part.content, message) for message, part in parts]
    if rows:
        connection.exec_driver_sql(_KEEP, rows)


def enclosed(connection: Connection, mails: Sequence[Outgoing]) -> list[Outgoing]:
    """Put into mails that are to leave the files that were kept for them."""
    ids = [mail.id for mail in mails if mail.kind in ENCLOSING]
    if not ids:
        return list(mails)
    found: dict[int, tuple[Part, ...]] = {}
    for message, *part in rows_of(connection, _OF, ids):
        found[message] = (*found.get(message, ()), Part(*part))
    return [replace(mail, parts=found[mail.id]) if mail.id in found else mail for mail in mails]


def kept(connection: Connection, message: int, name: str) -> Part | None:
    """Return one file of a message, as it left or will leave."""
    row = connection.exec_driver_sql(_ONE, (message, name)).fetchone()
    return None if row is None else Part(*row)


def listed(connection: Connection, message: int) -> list[tuple[str, str, int]]:
    """List the files of a message: name, media type, bytes."""
    return [(row[0], row[1], row[2]) for row in connection.exec_driver_sql(_LISTED, (message,))]
