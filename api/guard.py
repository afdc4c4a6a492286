"""Around every request: its media type, the answer's headers, one line in the log, two figures in the metrics."""

import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MEDIA_TYPE, problem

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
WITH_BODY = {"POST", "PUT", "PATCH"}
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
TOO_LARGE = 413
DOOR = "/vote/"
UNWATCHED = ("/healthz", "/readyz", "/metrics")


class Figures:
    """What the metrics know of requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self.requests = Counter("relance_http_requests", "Requests.", ("method", "status"), registry=registry)
        self.seconds = Histogram("relance_http_seconds", "Seconds to an answer.", ("method",), registry=registry)


class _Answer:
    """What is sent: with our headers; « too large » in Starlette's words is kept back, to be said in ours."""

    def __init__(self, send: Send) -> None:
        self.send, self.status, self.too_large = send, 500, False

    async def __call__(self, message: Message) -> None:
        """Pass one message on."""
        if message["type"] == "http.response.start":
            given = dict(message["headers"])
            self.status = message["status"]
            self.too_large = self.status == TOO_LARGE and given.get(b"content-type") != MEDIA_TYPE.encode()
            message["headers"] = [*message["headers"], *(pair for pair in HEADERS if pair[0] not in given)]
        if not self.too_large:
            await self.send(message)


class Guard:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, figures: Figures, forms: frozenset[str] = frozenset()) -> None:
        """Stand before an application. `forms`: paths that take a form of a page of our own, and no other body."""
        self.app = app
        self.figures = figures
        self.forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, answer = time.perf_counter(), _Answer(send)
        try:
            if _foreign(scope, FORM if self._takes_forms(scope["path"]) else JSON):
                await problem("unsupported-media-type", 415)(scope, receive, answer)
            else:
                await self.app(scope, receive, answer)
            if answer.too_large:
                await problem("too-large", TOO_LARGE)(scope, receive, answer)
        finally:
            self._note(scope, answer.status, time.perf_counter() - began)

    def _takes_forms(self, path: str) -> bool:
        return path in self.forms or path.startswith(DOOR)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in {*WITH_BODY, "GET", "HEAD", "DELETE", "OPTIONS"} else "other"
        self.figures.requests.labels(method, str(status)).inc()
        self.figures.seconds.labels(method).observe(seconds)
        if scope["path"] not in UNWATCHED:
            structlog.get_logger("api").info(
                "request",
                method=method,
                path=_without_secret(scope["path"]),
                status=status,
                ms=round(seconds * 1000, 1),
            )


def _without_secret(path: str) -> str:
    """Return a path as it may be logged: a personal link's token votes, also where a path before it went wrong."""
    before, door, _ = path.partition(DOOR)
    return f"{before}{door}…" if door else path


def _foreign(scope: Scope, expected: bytes) -> bool:
    """Whether a request brings a body of another kind than is expected there."""
    if scope["method"] not in WITH_BODY:
        return False
    headers: dict[bytes, bytes] = dict(scope["headers"])
    empty = headers.get(b"content-length", b"0").strip() in {b"", b"0"} and b"transfer-encoding" not in headers
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    return not empty and kind != expected
