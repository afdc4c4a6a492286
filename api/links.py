"""Personal links: one seat's door to one meeting's ballots, in its mails, without a password.

A link's token is derived from a key that is kept in a file beside the database and in no backup; the database keeps
only the token's SHA-256. So neither a copy of the database nor the kept text of a mail can vote.
"""

import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Connection

from api.settings import Settings
from engine.board import seats_in_office
from engine.errors import BadConfiguration, RelanceError, SeatNotYours
from engine.faults import file_of
from engine.store import stored
from notifications.mail import token_of

HIDDEN = "••••••••"
"""Stands for the token wherever a mail is kept or shown: only what leaves has it."""
KEY_BYTES = 32
FORM_IS_GOOD = timedelta(hours=24)
_NEW = """INSERT INTO personal_link (digest, meeting_id, seat, person, made_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING"""
_FIND = "SELECT meeting_id, seat, person, digest FROM personal_link WHERE digest = ? AND revoked_at IS NULL"
_REVOKED = """SELECT count(*) FROM personal_link
    WHERE meeting_id = ? AND seat = ? AND person = ? AND revoked_at IS NOT NULL"""
_REVOKE = "UPDATE personal_link SET revoked_at = ? WHERE seat = ? AND revoked_at IS NULL"
_USE = "INSERT INTO used_form (digest, at) VALUES (?, ?) ON CONFLICT DO NOTHING"


class UnknownLink(RelanceError):  # noqa: N818 named for what happened, as one says it
    """This link is not known, or no longer: ask the secretary for another."""

    type: ClassVar[str] = "unknown-link"


@dataclass(frozen=True, slots=True)
class Link:
    """Whose door it is: a seat, held by a person, at one meeting. `digest` stands for its token."""

    meeting_id: int
    seat: str
    person: str
    digest: str


class LinkKey:
    """The key that tokens and forms are derived from."""

    def __init__(self, key: bytes) -> None:
        """Take 32 bytes."""
        self._key = key

    def make(self, connection: Connection, meeting_id: int, seat: str, person: str, now: datetime) -> str:
        """Return the token of a seat's link to a meeting, the same until it is revoked, and remember its digest."""
        revoked = connection.exec_driver_sql(_REVOKED, (meeting_id, seat, person)).scalar_one()
        token = self._derive("link", meeting_id, seat, person, revoked)
        connection.exec_driver_sql(_NEW, (_digest(token), meeting_id, seat, person, stored(now)))
        return token

    def form(self, link: Link, now: datetime) -> str:
        """Return a form's number: good once, for a day, behind this link alone."""
        stamp, lot = f"{now.timestamp():.0f}", secrets.token_urlsafe(12)
        return f"{stamp}.{lot}.{self._derive('form', link.digest, stamp, lot)}"

    def token(self, dedupe_key: str) -> str:
        """Return what stands for a mail in its Message-ID and in a bounce: nobody can guess it."""
        return token_of(dedupe_key, self._key)

    def use(self, connection: Connection, link: Link, form: str, now: datetime) -> bool:
        """Use a form's number; False for one that was used already. Raises UnknownLink for one that is not ours."""
        stamp, _, rest = form.partition(".")
        lot, _, proof = rest.partition(".")
        expected = self._derive("form", link.digest, stamp, lot)
        if not hmac.compare_digest(proof.encode(errors="replace"), expected.encode()):
            raise UnknownLink
        if now.timestamp() - int(stamp) > FORM_IS_GOOD.total_seconds():
            raise UnknownLink
        return connection.exec_driver_sql(_USE, (_digest(form), stored(now))).rowcount == 1

    def _derive(self, *parts: object) -> str:
        text = "\n".join(str(part) for part in parts)
        return urlsafe_b64encode(hmac.new(self._key, text.encode(), sha256).digest()[:24]).decode("ascii")


def key_of(settings: Settings) -> LinkKey:
    """Read the key's file; the first time, make it, readable by its owner alone. Raises BadConfiguration."""
    path = settings.pages.key_file or _beside_database(settings)
    if path is None:
        return _PASSING
    try:
        return LinkKey(_read(path) or _make(path))
    except OSError as error:
        raise BadConfiguration(reason=f"pages.key_file: {path}: {error.strerror or error}") from error


_PASSING = LinkKey(secrets.token_bytes(KEY_BYTES))
"""Of a database in memory, which lasts no longer."""


def _beside_database(settings: Settings) -> Path | None:
    path = file_of(settings.database.url)
    return None if path is None else path.with_name(f"{path.stem}.key")


def _read(path: Path) -> bytes | None:
    if not path.exists():
        return None
    key = path.read_bytes()
    if len(key) < KEY_BYTES:
        raise BadConfiguration(reason=f"pages.key_file: {path} holds less than {KEY_BYTES} bytes")
    return key


def _make(path: Path) -> bytes:
    """Write a new key whole, under another name first: two processes may come here at once, and the first wins."""
    key, part = secrets.token_bytes(KEY_BYTES), path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        return path.read_bytes()
    finally:
        part.unlink()
    return key


def open_link(connection: Connection, token: str) -> Link:
    """Find whose link this is. Raises UnknownLink."""
    digest = _digest(token)
    row = connection.exec_driver_sql(_FIND, (digest,)).fetchone()
    if row is None or not hmac.compare_digest(row[3], digest):
        raise UnknownLink
    return Link(*row)


def refuse_successor(connection: Connection, link: Link, today: date) -> None:
    """A link is its person's: whoever follows in the seat gets another. Raises SeatNotYours."""
    for seat in seats_in_office(connection, today):
        if (seat.name, seat.person) == (link.seat, link.person):
            return
    raise SeatNotYours(seat=link.seat)


def revoke(connection: Connection, seat: str, now: datetime) -> int:
    """End every link of a seat; its next mails bring new ones. Returns how many there were."""
    return int(connection.exec_driver_sql(_REVOKE, (stored(now), seat)).rowcount)


def forget_forms(connection: Connection, now: datetime) -> None:
    """Forget the forms that are too old to be used again."""
    connection.exec_driver_sql("DELETE FROM used_form WHERE at < ?", (stored(now - 2 * FORM_IS_GOOD),))


def _digest(token: str) -> str:
    return sha256(token.encode(errors="surrogatepass")).hexdigest()
