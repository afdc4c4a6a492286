"""One signed message to one hook: a POST that follows nothing, waits for nobody long, and reads no more than a status.

Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import json
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

import httpcore2

from notifications.deliveries import Reply
from notifications.outside import RefusedAddress, resolve

PATIENCE = 10.0
"""Seconds for all of one attempt but asking for the name's addresses: the specification has 15 to 30, and a hook has
its turns one after the other."""
AWAY = {429, 502, 503, 504}
"""Answers that would be the same to any message."""
LONGEST_ERROR = 200

Sign: TypeAlias = Callable[[str, int, bytes], str]
"""The signature of a message: its id, its seconds since 1970, its body."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where something is told, and which types of it (each stands for all that begin with it; none: all)."""

    name: str
    url: str
    sign: Sign = field(repr=False)
    events: tuple[str, ...] = ()
    allow_private: bool = False
    agent: str = "Relance"

    def wants(self, kind: str) -> bool:
        """Whether it is told of a type."""
        return not self.events or any(kind == wanted or kind.startswith(f"{wanted}.") for wanted in self.events)


class Attempt:
    """The seconds that one attempt has left."""

    def __init__(self, patience: float) -> None:
        self._end = time.monotonic() + patience

    def left(self, asked: float | None = None) -> float:
        """Return how long may be waited. Raises httpcore2.ReadTimeout when it is over."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("no answer in time")
        return left if asked is None else min(asked, left)


class _Stream(httpcore2.NetworkStream):
    """A connection on which no wait goes beyond the attempt's end: a byte now and then does not hold it open."""

    def __init__(self, stream: httpcore2.NetworkStream, attempt: Attempt) -> None:
        self._stream, self._attempt = stream, attempt

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._attempt.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._attempt.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._attempt.left(timeout))
        return _Stream(secured, self._attempt)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore2.SyncBackend):
    """Connects to what a hook may reach; TLS and the Host header still have the name from the address."""

    def __init__(self, attempt: Attempt, *, allow_private: bool) -> None:
        self._attempt, self._allow_private = attempt, allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in _addresses(host, port, allow_private=self._allow_private):
            try:
                left = self._attempt.left(timeout)
                stream = super().connect_tcp(address, port, left, local_address, socket_options or ())
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self._attempt)
        raise failure


def _addresses(host: str, port: int, *, allow_private: bool) -> list[str]:
    try:
        return resolve(host, port, allow_private=allow_private)
    except RefusedAddress:
        raise
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"{host} is not found: {error}") from error


def body_of(kind: str, at: datetime, data: Mapping[str, Any], **more: Any) -> bytes:
    """Write a message as it is signed and sent."""
    said = {"type": kind, "timestamp": instant(at), **more, "data": data}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def instant(at: datetime) -> str:
    """Write an instant as the API does."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def post(hook: Hook, message_id: str, body: bytes, now: datetime, patience: float = PATIENCE) -> Reply:
    """Send one message, once. Whatever happens is a reply."""
    stamp = int(now.timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": hook.agent,
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": hook.sign(message_id, stamp, body),
    }
    try:
        return _reply(_status(hook, headers, body, Attempt(patience)))
    except RefusedAddress as error:
        return Reply(None, str(error), away=True)
    except httpcore2.TimeoutException:
        return Reply(None, f"no answer within {patience:g} s", away=True)
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, ssl.SSLError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        return Reply(None, said[:LONGEST_ERROR], away=True)


def _status(hook: Hook, headers: Mapping[str, str], body: bytes, attempt: Attempt) -> int:
    """Send it over a connection of its own, and read the status: nothing else that comes back matters."""
    network = _Network(attempt, allow_private=hook.allow_private)
    with (
        httpcore2.ConnectionPool(_tls(), network_backend=network) as pool,
        pool.stream("POST", hook.url, headers=list(headers.items()), content=body) as response,
    ):
        return response.status


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Trust whom this machine trusts; reading their list takes a while."""
    return httpcore2.default_ssl_context()


def _reply(status: int) -> Reply:
    moved = " (redirects are not followed: give the address it names)" if 300 <= status < 400 else ""  # noqa: PLR2004 HTTP
    return Reply(status, f"answered {status}{moved}", away=status in AWAY)
