"""Tokens: 256 random bits, shown once; the database keeps their SHA-256."""

import hmac
import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from api.tables import Role
from engine.board import seats
from engine.errors import Invalid
from engine.store import instant_of, maybe_instant, stored, tuples

PREFIX = "relance_"
_TOKENS = """SELECT t.id, t.name, t.role, t.seat, t.digest, EXISTS (
        SELECT 1 FROM seat was JOIN seat now ON now.name = was.name AND now.person <> was.person
        WHERE was.name = t.seat AND coalesce(was.from_on, '') <= substr(t.created_at, 1, 10)
        AND substr(t.created_at, 1, 10) <= coalesce(was.until_on, '9999')
        AND coalesce(now.from_on, '') <= ? AND ? <= coalesce(now.until_on, '9999'))
    FROM api_token t WHERE t.revoked_at IS NULL"""
_FIND = f"{_TOKENS} AND t.digest = ?"
_IN_FORCE = f"{_TOKENS} AND t.digest IN (SELECT value FROM json_each(?))"  # noqa: S608 no value is in it
_INSERT = "INSERT INTO api_token (name, role, seat, digest, created_at) VALUES (?, ?, ?, ?, ?)"
_LIST = "SELECT id, name, role, seat, created_at, revoked_at FROM api_token ORDER BY id"
_REVOKE = "UPDATE api_token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"


@dataclass(frozen=True, slots=True)
class Token:
    """Who asks: in whose name, in which role, for which seat; `digest`: what is kept of its secret.

    `succeeded`: somebody else has the seat now than when the token was made; it speaks for the seat no longer.
    """

    id: int
    name: str
    role: Role
    seat: str | None
    digest: str = field(repr=False)
    succeeded: bool = False


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token as it is listed: its secret is not known any more."""

    id: int
    name: str
    role: str
    seat: str | None
    created_at: datetime
    revoked_at: datetime | None


def digest_of(secret: str) -> str:
    """Return what is kept of a token."""
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()


def create(connection: Connection, name: str, role: Role, seat: str | None, now: datetime) -> tuple[int, str]:
    """Make a token. Returns its number and its secret, which nobody can read again. Raises Invalid."""
    if seat is not None and seat not in {known.name for known in seats(connection)}:
        raise Invalid(reason=f"there is no seat {seat}")
    if seat is None and role is Role.BOARD:
        raise Invalid(reason="a token of the role board votes for a seat: name it")
    secret = PREFIX + secrets.token_urlsafe(32)
    made = connection.exec_driver_sql(_INSERT, (name, role.value, seat, digest_of(secret), stored(now)))
    return int(made.lastrowid), secret


def find(connection: Connection, secret: str, today: date) -> Token | None:
    """Return whose token this is; None for one that is unknown or revoked."""
    digest = digest_of(secret)
    row = connection.exec_driver_sql(_FIND, (today.isoformat(), today.isoformat(), digest)).fetchone()
    if row is None or not hmac.compare_digest(row[4], digest):
        return None
    return _token(row)


def in_force(connection: Connection, tokens: Collection[Token], today: date) -> dict[str, Token]:
    """Return these tokens as they are now, by digest, without those that were revoked."""
    digests = json.dumps([token.digest for token in tokens])
    rows = tuples(connection, _IN_FORCE, (today.isoformat(), today.isoformat(), digests))
    return {token.digest: token for token in map(_token, rows)}


def _token(row: Sequence[Any]) -> Token:
    return Token(row[0], row[1], Role(row[2]), row[3], row[4], bool(row[5]))


def listed(connection: Connection) -> list[TokenLine]:
    """Every token that was made, the revoked ones too."""
    return [
        TokenLine(row[0], row[1], row[2], row[3], instant_of(row[4]), maybe_instant(row[5]))
        for row in connection.exec_driver_sql(_LIST)
    ]


def revoke(connection: Connection, token_id: int, now: datetime) -> None:
    """End a token. Raises Invalid when there is none of that number in force."""
    if connection.exec_driver_sql(_REVOKE, (stored(now), token_id)).rowcount == 0:
        raise Invalid(reason=f"there is no token {token_id} in force")
