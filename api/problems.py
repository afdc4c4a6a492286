"""Refusals as RFC 9457 problem details: one table says which status each kind of error has.

What was sent is not sent back: a problem names the field and what is expected there.
"""
# ruff: noqa: N818 - named for what happened, as one says it

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.troubles import During
from engine.errors import NotAllowed, RelanceError
from engine.faults import DatabaseFault

BASE = "https://relance.example/problems/"
"""A name, not an address: it stays the same wherever the service runs."""
MEDIA_TYPE = "application/problem+json"
UNAVAILABLE = "database-unavailable"
RETRY_AFTER = "30"
"""Seconds: a locked database, a full disk do not pass at once."""


class NotFound(RelanceError):
    """There is nothing of that number here."""

    type: ClassVar[str] = "not-found"


class NotAcceptable(RelanceError):
    """It can be had as {offered} only."""

    type: ClassVar[str] = "not-acceptable"


class Unauthenticated(RelanceError):
    """A token is needed: Authorization: Bearer …."""

    type: ClassVar[str] = "unauthenticated"


class Forbidden(NotAllowed):
    """This takes the role {roles}."""


STATUS: Mapping[str, int] = {
    "unknown-association": 404,
    "unknown-candidate": 404,
    "not-found": 404,
    "not-acceptable": 406,
    "unknown-link": 404,
    "unauthenticated": 401,
    "signature-invalid": 401,
    "not-a-seat": 403,
    "seat-not-yours": 403,
    "not-allowed": 409,
    "ballot-not-open": 409,
    "recused": 409,
    "gate-not-met": 409,
    "nothing-owed": 409,
    "server-down": 409,
    "unknown-year": 422,
    "list-changed": 422,
    "future-date": 422,
    "invalid": 422,
    "idempotency-key-reused": 422,
    UNAVAILABLE: 503,
}
TITLES: Mapping[str, str] = {
    "unknown-association": "Unknown association",
    "unknown-candidate": "Unknown candidate",
    "not-found": "Not found",
    "not-acceptable": "Not to be had in that form",
    "unknown-link": "Unknown link",
    "unauthenticated": "A token is needed",
    "signature-invalid": "The signature is not valid",
    "not-a-seat": "Not a seat of this ballot",
    "seat-not-yours": "Not your seat",
    "not-allowed": "Not allowed",
    "ballot-not-open": "The ballot is not open",
    "recused": "Recused on this ballot",
    "gate-not-met": "A condition is not met",
    "nothing-owed": "Nothing is owed",
    "server-down": "The server is stopped",
    "unknown-year": "Not a year that can be owed",
    "list-changed": "The list has changed",
    "future-date": "The day is in the future",
    "invalid": "Invalid",
    "idempotency-key-reused": "The idempotency key was used for another request",
    UNAVAILABLE: "The database cannot be used for now",
    "method-not-allowed": "Method not allowed",
    "too-large": "The body is too large",
    "unsupported-media-type": "Only application/json is understood",
    "internal": "Something unforeseen went wrong",
}
UNTOLD = {
    "unknown-association": "There is no association of that number.",
    "unknown-candidate": "There is no candidate of that number.",
}
"""What is said instead of the error's own words, which repeat what was asked."""
BY_STATUS = {
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    400: "invalid",
}
_NAME = re.compile(r"[a-z_]{1,40}", re.ASCII)


def problem(
    kind: str, status: int, detail: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Build the answer of a refusal. ASCII only: half a surrogate pair can be written."""
    body = {"type": f"{BASE}{kind}", "title": TITLES[kind], "status": status}
    if detail:
        body["detail"] = detail
    return Response(json.dumps(body | more), status, dict(headers or {}), MEDIA_TYPE)


def of_error(error: RelanceError) -> Response:
    """Answer what the house refuses."""
    if isinstance(error, DatabaseFault):
        return unavailable(str(error.reason))
    kind = error.type
    status = 403 if isinstance(error, Forbidden) else STATUS.get(kind, 422)
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return problem(kind, status, UNTOLD.get(kind, f"{error}."), headers)


def unavailable(reason: str = "") -> Response:
    """Answer that the database cannot be used: nothing was done, and it may be asked again."""
    detail = f"{reason[:1].upper()}{reason[1:]}." if reason else ""
    return problem(UNAVAILABLE, STATUS[UNAVAILABLE], detail, {"Retry-After": RETRY_AFTER})


def of_http(error: HTTPException) -> Response:
    """Answer what the framework refuses."""
    kind = BY_STATUS.get(error.status_code, "invalid")
    return problem(kind, error.status_code, headers=error.headers)


def of_validation(error: RequestValidationError) -> Response:
    """Answer a request that does not have the shape it should: which fields, and why."""
    return problem("invalid", 422, "The request does not have the shape it should.", errors=_fields(error.errors()))


def _fields(errors: Sequence[Any]) -> list[dict[str, str]]:
    return [{"field": _path(one), "reason": _reason(one)} for one in errors[:20]]


def _path(error: Mapping[str, Any]) -> str:
    """Name the field; a name that only the sender knows is left out."""
    steps = [str(step) for step in error["loc"]]
    if error["type"] == "extra_forbidden":
        steps = steps[:-1]
    return ".".join(step for step in steps if step.isdecimal() or _NAME.fullmatch(step))


def _reason(error: Mapping[str, Any]) -> str:
    return "is not JSON" if error["type"] == "json_invalid" else str(error["msg"])


def of_database(error: Exception) -> Response:
    """Answer what the database itself refuses."""
    if isinstance(error, IntegrityError):
        return problem("invalid", 409, "It contradicts what is there already.")
    structlog.get_logger("api").error("database-refused", detail=f"{type(error).__name__}: {error}")
    return unavailable()


def register(app: FastAPI) -> None:
    """Let the application answer every refusal so."""

    def handle(answer: Any) -> Any:
        def handler(request: Request, error: Exception) -> Response:
            if isinstance(error, DatabaseFault):
                house = request.app.state.house
                house.troubles.meet(During.REQUEST, error, house.clock())
            answered: Response = answer(error)
            return answered

        return handler

    app.add_exception_handler(RelanceError, handle(of_error))
    app.add_exception_handler(HTTPException, handle(of_http))
    app.add_exception_handler(RequestValidationError, handle(of_validation))
    app.add_exception_handler(DBAPIError, handle(of_database))
    app.add_exception_handler(PoolTimeout, handle(of_database))
    app.add_exception_handler(Exception, handle(lambda _error: problem("internal", 500)))
