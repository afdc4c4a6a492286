"""`create_app`: the one place that puts the API together."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry

from api import docs, health, problems
from api.deps import House
from api.guard import Figures, Guard
from api.pages import vote
from api.routes import (
    associations,
    ballots,
    calendar,
    candidates,
    deliveries,
    journal,
    letters,
    meetings,
    minutes,
    outbox,
    payments,
    people,
    procedure,
    services,
    sheet,
    simulations,
    tasks,
    votes,
    webhooks,
)
from api.settings import Settings
from api.standing import own_version
from api.wiring import engine_of
from engine.engine import Engine

PREFIX = "/api/v1"
BIGGEST_BODY = 1_000_000
THREADS = 11
"""Requests that are worked on at once: fewer than the database has connections, or some would wait in vain."""
LOOKING = 2
"""Looks at its health at once, beside those: requests that wait for a locked database must not hide that it is."""
# A request is held against their paths in this order: first what a whole board asks at once.
SUBJECTS = (
    *(ballots, associations, payments, people, meetings, minutes, votes, procedure, sheet, letters, webhooks),
    candidates,
    *(calendar, tasks, outbox, deliveries, services, simulations, journal),
)
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "A refusal (RFC 9457); `errors` names the fields that do not have the shape they should.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "It stays the same; its last part names it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
REFUSALS = {
    400: "It cannot be read.",
    401: "A token is needed.",
    403: "The token's role, or its seat, does not allow it.",
    404: "There is nothing of that number.",
    409: "Not as things stand.",
    413: "The body is too large.",
    415: "Only application/json is understood.",
    422: "It does not have the shape, or says something that cannot be.",
    503: "The database cannot be used for now.",
}


def create_app(
    settings: Settings, engine: Engine | None = None, house: House | None = None, forms: Collection[str] = ()
) -> FastAPI:
    """Build the API over a database (the configured one, unless an engine or a whole house is given).

    `forms`: paths of pages that a browser sends a form to.
    """
    app = FastAPI(
        title="Relance",
        summary="Membership dues, carried through the year.",
        description="Errors are problem details (RFC 9457); POST honours Idempotency-Key; lists are paged by cursor.",
        version=own_version(),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        generate_unique_id_function=_operation_id,
        lifespan=_lifespan,
    )
    app.state.house = house or House(settings, engine or engine_of(settings))
    app.state.registry = CollectorRegistry()
    app.state.looking = CapacityLimiter(LOOKING)
    app.state.registry.register(health.Standing(app.state.house))
    app.add_middleware(Guard, figures=Figures(app.state.registry), forms=frozenset(forms))
    problems.register(app)
    app.include_router(under_prefix(*(subject.router for subject in SUBJECTS)))
    app.include_router(health.router)
    app.include_router(docs.router)
    app.include_router(vote.router)
    app.webhooks.post("announcement", tags=["webhooks"], dependencies=[Depends(webhooks.announced)])(deliveries.told)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way of extending it
    return app


def under_prefix(*routers: APIRouter) -> APIRouter:
    """Put subjects where all of the API is, with what all of it may refuse."""
    api = APIRouter(prefix=PREFIX, responses=_refusals(), max_body_size=BIGGEST_BODY)
    for router in routers:
        api.include_router(router)
    return api


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = THREADS
    yield


def _operation_id(route: APIRoute) -> str:
    return route.name


def _refusals() -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {problems.MEDIA_TYPE: {"schema": schema}}
    return {status: {"description": text, "content": content} for status, text in REFUSALS.items()}


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI document once, with the shape of problems."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            webhooks=app.webhooks.routes,
        )
        made["components"]["schemas"]["Problem"] = PROBLEM
        app.openapi_schema = made
    return app.openapi_schema
