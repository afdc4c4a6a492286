"""A token for each role, easy to type. What is known to everybody opens only what is fictional."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from api.auth import digest_of
from api.tables import Role
from engine.store import stored

SEATS: Mapping[Role, str] = {Role.CHAIR: "S1", Role.TREASURER: "S2", Role.BOARD: "S3", Role.SECRETARY: "S4"}
_KEEP = """INSERT INTO api_token (name, role, seat, digest, created_at) SELECT ?, ?, ?, ?, ?
    WHERE NOT EXISTS (SELECT 1 FROM api_token WHERE digest = ?)"""


def secret_of(role: Role) -> str:
    """Return the token of a role."""
    return f"demo-{role.value}"


def hand_out(connection: Connection, now: datetime) -> None:
    """Make the token of each role, where it was not made before."""
    for role in Role:
        secret = secret_of(role)
        digest = digest_of(secret)
        connection.exec_driver_sql(_KEEP, (secret, role.value, SEATS.get(role), digest, stored(now), digest))
