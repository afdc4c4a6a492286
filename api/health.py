"""Whether it lives, whether it is ready, its figures: outside /api/v1, without a token, without names."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from api.deps import Here, House
from api.standing import own_version
from engine.alarms import last_run
from engine.errors import RelanceError
from engine.faults import DatabaseFault
from engine.store import maybe_instant
from workflows.membership.definition import MEMBERSHIP

router = APIRouter(tags=["health"])
_LAST = "SELECT last_run_at FROM watermark"
_COUNTS = (
    (
        "relance_associations",
        "Associations by state.",
        "state",
        "SELECT state, count(*) FROM workflow_instance WHERE workflow = 'membership' GROUP BY 1",
    ),
    (
        "relance_tasks_open",
        "Open tasks by kind.",
        "kind",
        "SELECT kind, count(*) FROM task WHERE done_at IS NULL GROUP BY 1",
    ),
    ("relance_outbox", "Messages by status.", "status", "SELECT status, count(*) FROM outbox_message GROUP BY 1"),
    ("relance_ballots", "Ballots by status.", "status", "SELECT status, count(*) FROM ballot GROUP BY 1"),
)


class Health(BaseModel):
    """It lives."""

    status: str
    version: str


class Readiness(BaseModel):
    """Whether it is ready: `reasons` names why not, `problems` says it in words. `scheduler`: who schedules."""

    ready: bool
    database: bool
    last_tick: str | None
    pump: bool
    scheduler: str | None
    on_duty: bool
    reasons: list[str]
    problems: list[str]


@router.get("/healthz")
async def healthz() -> Health:
    """Answer, whatever else waits: no thread is asked for."""
    return Health(status="ok", version=own_version())


@router.get(
    "/readyz",
    responses={503: {"model": Readiness, "description": "It is not ready."}},
)
async def readyz(house: Here, request: Request, response: Response) -> Readiness:
    """Tell whether the database answers, the last run is younger than two heartbeats, the outbox is sent."""
    found = await run_sync(readiness_of, house, limiter=request.app.state.looking)
    if not found.ready:
        response.status_code = 503
    return found


class _Reasons:
    """Why it is not ready: names, and words."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def add(self, name: str, text: str) -> None:
        """One more; the first of a name stays."""
        self.found.setdefault(name, text)


def readiness_of(house: House) -> Readiness:
    """Look at everything that must be well."""
    why = _Reasons()
    for trouble in house.troubles.now():
        why.add(trouble.name, trouble.text)
    database, last = _last_run(house, why)
    limit = timedelta(seconds=2 * house.settings.scheduler.heartbeat_seconds)
    if database and (last is None or house.clock() - last > limit):
        why.add("no-recent-run", "no run of the scheduler within two heartbeats")
    duty = house.duty
    pump = duty is not None and (database or duty.on_duty()) and duty.pump_alive()
    if duty is None:
        why.add("nobody-schedules", "nobody schedules here")
    elif not pump:
        why.add("outbox-stopped", "the outbox is not being sent")
    return Readiness(
        ready=not why.found,
        database=database,
        last_tick=None if last is None else last.isoformat().replace("+00:00", "Z"),
        pump=pump,
        scheduler=duty.holder() if duty is not None and database else None,
        on_duty=duty is not None and duty.on_duty(),
        reasons=list(why.found),
        problems=list(why.found.values()),
    )


def _last_run(house: House, why: _Reasons) -> tuple[bool, datetime | None]:
    try:
        return True, last_run(house.engine.store)
    except DatabaseFault as fault:
        why.add(fault.kind.value, f"the database cannot be read: {fault.reason}")
    except (SQLAlchemyError, RelanceError) as error:
        why.add("database-refused", f"the database cannot be read ({type(error).__name__})")
    return False, None


class Standing:
    """The figures that are read from the database when they are asked for."""

    def __init__(self, house: House) -> None:
        """Read nothing yet."""
        self.house = house

    def describe(self) -> list[Any]:
        """Name no figure before it is asked for."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Count."""
        ready = readiness_of(self.house)
        yield _gauge("relance_ready", "Whether it is ready.", float(ready.ready))
        yield _gauge("relance_on_duty", "Whether this process schedules.", float(ready.on_duty))
        if not ready.database:
            return
        with self.house.engine.store.read() as connection:
            for name, what, label, sql in _COUNTS:
                family = GaugeMetricFamily(name, what, labels=[label])
                counts = {row[0]: row[1] for row in connection.exec_driver_sql(sql)}
                known = {str(state): 0 for state in MEMBERSHIP.states} if label == "state" else {}
                for value, count in (known | counts).items():
                    family.add_metric([value], count)
                yield family
            last = maybe_instant(connection.exec_driver_sql(_LAST).scalar_one_or_none())
        if last is not None:
            yield _gauge("relance_last_tick_seconds", "When the scheduler last ran, as Unix time.", last.timestamp())


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what)
    family.add_metric([], value)
    return family


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
def metrics(request: Request) -> Response:
    """Give the figures, for Prometheus."""
    registry: CollectorRegistry = request.app.state.registry
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
