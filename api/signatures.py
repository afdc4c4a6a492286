"""Signed messages, as the Standard Webhooks specification has them: signed, and verified strictly.

The signature is HMAC-SHA256 over « id.timestamp.body », under a secret written whsec_ and base64. Whatever is not
exactly as it should be is refused in the same words: who forges learns nothing from the answer.
"""

import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from engine.errors import BadConfiguration, SignatureInvalid

PREFIX = "whsec_"
VERSION = "v1"
TOLERANCE = timedelta(minutes=5)
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""
MOST_SIGNATURES = 10
_ID = re.compile(r"[!-\-/-~]{1,200}", re.ASCII)
"""A full stop parts the signed text: an id that holds one could stand for another."""
_TIMESTAMP = re.compile(r"[0-9]{1,11}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Signed:
    """A message as it came: its three headers, each None where it was not there exactly once, and its body."""

    id: str | None
    timestamp: str | None
    signatures: str | None
    body: bytes


def key_of(secret: str) -> bytes:
    """Read a secret. Raises BadConfiguration for one that is not whsec_ and base64 of 24 to 64 bytes."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (NotBase64, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise BadConfiguration(reason=f"a webhook's secret is {PREFIX} and the base64 of {SHORTEST} to {LONGEST} bytes")
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message, as its header has it."""
    return f"{VERSION},{b64encode(_mac(key, message_id, str(timestamp), body)).decode('ascii')}"


def verify(key: bytes, message: Signed, now: datetime) -> None:
    """Refuse a message that was not signed with this key within the last five minutes. Raises SignatureInvalid."""
    if message.id is None or message.timestamp is None or message.signatures is None:
        raise SignatureInvalid
    if not _ID.fullmatch(message.id) or not _TIMESTAMP.fullmatch(message.timestamp):
        raise SignatureInvalid
    if abs(now.timestamp() - int(message.timestamp)) > TOLERANCE.total_seconds():
        raise SignatureInvalid
    expected = _mac(key, message.id, message.timestamp, message.body)
    given = message.signatures.split(" ")
    if len(given) > MOST_SIGNATURES or not any([_same(one, expected) for one in given]):  # noqa: C419 all are compared
        raise SignatureInvalid


def _same(signature: str, expected: bytes) -> bool:
    version, _, text = signature.partition(",")
    try:
        given = b64decode(text.encode("ascii", "replace"), validate=True)
    except (NotBase64, ValueError):
        return False
    return version == VERSION and hmac.compare_digest(given, expected)


def _mac(key: bytes, message_id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, sha256).digest()
