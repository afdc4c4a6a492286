"""What every route is given: the house it stands in, who asks, and one way to read and to act."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Event
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

from fastapi import Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy import Connection

from api import auth
from api.auth import Token
from api.idempotency import Answer, Keyed, fingerprint_of
from api.problems import Forbidden, Unauthenticated
from api.settings import Settings
from api.tables import Role
from api.troubles import During, Troubles
from api.votes import VoteBox
from engine import clock
from engine.clock import local_day
from engine.context import LONG_AGO
from engine.engine import Engine
from engine.errors import NotASeat, SeatNotYours
from engine.faults import DatabaseFault
from engine.work import Work
from workflows.membership.definition import MEMBERSHIP

JSON = "application/json"
VOTERS = (Role.BOARD, Role.CHAIR, Role.TREASURER, Role.SECRETARY)
"""Who may have a seat."""


class Pump(Protocol):
    """What sends the outbox, beside the API."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """Finish what is under way, and end."""

    def alive(self) -> bool:
        """Whether it works."""


class Duty(Protocol):
    """What tells who schedules."""

    def on_duty(self) -> bool:
        """Whether this process schedules."""

    def holder(self) -> str | None:
        """Who does."""

    def pump_alive(self) -> bool:
        """Whether the outbox is sent here; true where another process does it."""


@dataclass
class House:
    """The running service. `clock`: what it takes for now. `stopping`: set when it is to end.

    `not_before`: up to when everything was dealt with; where the clock went back behind it, people act at that instant.
    `ran_at`: when a run was last good here, by a clock that nobody sets (`engine.clock.uptime`).
    """

    settings: Settings
    engine: Engine
    clock: Callable[[], datetime] = field(default=lambda: clock.utc_now())  # noqa: PLW0108 found when it is called: tests set it
    duty: Duty | None = None
    troubles: Troubles = field(default_factory=Troubles)
    not_before: datetime = LONG_AGO
    ran_at: float | None = None
    stopping: Event = field(default_factory=Event)
    votes: VoteBox = field(init=False)
    voters: dict[str, Token] = field(default_factory=dict)
    """Tokens that have voted, by digest."""

    def __post_init__(self) -> None:
        """Put up the box for votes."""
        self.votes = VoteBox(self.engine, self.now)

    def now(self) -> datetime:
        """Return the instant at which people act."""
        return max(self.clock(), self.not_before)


async def house_of(request: Request) -> House:
    """Return the house a request came to. What waits for nothing is async: a thread would cost more than it does."""
    house: House = request.app.state.house
    return house


Here = Annotated[House, Depends(house_of)]
_bearer = HTTPBearer(auto_error=False, description="A token made by `relance token create`.")


Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def who(house: Here, credentials: Shown) -> Token:
    """Return who asks. Raises Unauthenticated."""
    if credentials is None:
        raise Unauthenticated
    today = local_day(house.now(), house.engine.rules.tz)
    with house.engine.store.read() as connection:
        token = auth.find(connection, credentials.credentials, today)
    if token is None:
        raise Unauthenticated
    return token


@dataclass
class Office:
    """One request by somebody who may make it, at one instant."""

    house: House
    token: Token
    now: datetime
    request: Request
    key: str | None = None

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.house.engine

    @property
    def tz(self) -> ZoneInfo:
        """The organisation's time zone."""
        return self.engine.rules.tz

    @property
    def today(self) -> date:
        """The organisation's present day."""
        return local_day(self.now, self.tz)

    @property
    def actor(self) -> str:
        """Who acts, for the journal."""
        return self.token.name

    def seat(self) -> str:
        """Return the seat that the token speaks for. Raises NotASeat, SeatNotYours where it has another holder now."""
        if self.token.seat is None:
            raise NotASeat(seat="This token")
        if self.token.succeeded:
            raise SeatNotYours(seat=self.token.seat)
        return self.token.seat

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the database."""
        with self.engine.store.read() as connection:
            yield connection

    @contextmanager
    def studying(self) -> Iterator[Work]:
        """The same, with what guards are asked with."""
        with self.engine.context.reading(MEMBERSHIP, self.now) as work:
            yield work

    @contextmanager
    def acting(self) -> Iterator[Work]:
        """One transaction, after what was due: all of it is written, or nothing."""
        if self.engine.next_moment(self.now) is not None:
            self.engine.tick(self.now)
        with self.engine.context.work(MEMBERSHIP, self.now, self.now) as work:
            yield work
        self.engine.context.let_arrive(self.now)

    def follow(self) -> None:
        """Run what was done just now makes due: an agenda, a confirmed step. If it fails, the next run does it."""
        try:
            self.engine.tick(self.now)
            self.engine.context.let_arrive(self.now)
        except DatabaseFault as fault:
            self.house.troubles.meet(During.REQUEST, fault, self.now)

    def does(self, act: Callable[[Work], BaseModel], status: int = 200) -> Response:
        """Act, and answer with what came of it."""
        with self.acting() as work:
            answer = _answer(act(work), status)
        return _response(answer)

    def once(self, body: BaseModel | None, act: Callable[[Work], BaseModel], status: int = 200) -> Response:
        """Act once under the request's idempotency key, if it has one. Raises IdempotencyKeyReused.

        `act` writes (`work.write()`) before it reads what came of it.
        """
        keyed = self._keyed(body)
        with self.acting() as work:
            answer = None if keyed is None else keyed.earlier(work.connection)
            if answer is None:
                answer = _answer(act(work), status)
                if keyed is not None:
                    keyed.keep(work.connection, answer, self.now)
        return _response(answer)

    def answered(self, body: BaseModel | None) -> Response | None:
        """Return what this request was answered before, where doing it takes long and changes nothing."""
        keyed = self._keyed(body)
        if keyed is None:
            return None
        with self.reading() as connection:
            answer = keyed.earlier(connection)
        return None if answer is None else _response(answer)

    def _keyed(self, body: BaseModel | None) -> Keyed | None:
        if self.key is None:
            return None
        asked = "" if body is None else body.model_dump_json()
        return Keyed(self.token.id, self.key, fingerprint_of(self.request.method, self.request.url.path, asked))


def _answer(model: BaseModel, status: int) -> Answer:
    if isinstance(model, HasStatus):
        status = model.status_code()
    return Answer(status, model.model_dump_json(by_alias=True))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=JSON)


class HasStatus:
    """An answer that knows its own status."""

    def status_code(self) -> int:
        """Return the status."""
        raise NotImplementedError


def _refuse_role(token: Token, roles: tuple[Role, ...]) -> None:
    if roles and token.role not in roles:
        raise Forbidden(roles=" or ".join(roles))


def reading(*roles: Role) -> Callable[..., Awaitable[Office]]:
    """Give an office to whoever has one of these roles (none named: any)."""

    async def opened(request: Request, house: Here, token: Annotated[Token, Depends(who)]) -> Office:
        _refuse_role(token, roles)
        return Office(house, token, house.now(), request)

    return opened


async def voting(request: Request, house: Here, credentials: Shown) -> Office:
    """Give an office to whoever may vote: a token that has voted is not looked up again.

    It is good for voting only: the vote's own transaction asks whether the token still holds.
    """
    token = None if credentials is None else house.voters.get(auth.digest_of(credentials.credentials))
    if token is None:
        token = await run_in_threadpool(who, house, credentials)
        _refuse_role(token, VOTERS)
        if token.seat is not None:
            house.voters[token.digest] = token
    return Office(house, token, house.clock(), request)


IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=200, pattern=r"^[!-~]+$", description="The same key: done once, answered again."),
]


def posting(*roles: Role) -> Callable[..., Awaitable[Office]]:
    """Give an office that acts once per idempotency key."""

    async def opened(
        request: Request, house: Here, token: Annotated[Token, Depends(who)], idempotency_key: IdempotencyKey = None
    ) -> Office:
        _refuse_role(token, roles)
        return Office(house, token, house.now(), request, idempotency_key)

    return opened


Anybody = Annotated[Office, Depends(reading())]
Treasurer = Annotated[Office, Depends(reading(Role.TREASURER))]
Secretary = Annotated[Office, Depends(reading(Role.SECRETARY))]
Desk = Annotated[Office, Depends(reading(Role.TREASURER, Role.SECRETARY))]
Admin = Annotated[Office, Depends(reading(Role.ADMIN))]
Voter = Annotated[Office, Depends(voting)]
AnybodyOnce = Annotated[Office, Depends(posting())]
TreasurerOnce = Annotated[Office, Depends(posting(Role.TREASURER))]
DeskOnce = Annotated[Office, Depends(posting(Role.TREASURER, Role.SECRETARY))]
SecretaryOnce = Annotated[Office, Depends(posting(Role.SECRETARY))]
VoterOnce = Annotated[Office, Depends(posting(*VOTERS))]
SheetOnce = Annotated[Office, Depends(posting(Role.SECRETARY, Role.CHAIR, Role.BOARD, Role.TREASURER))]
ChairOnce = Annotated[Office, Depends(posting(Role.SECRETARY, Role.CHAIR))]
AdminOnce = Annotated[Office, Depends(posting(Role.ADMIN))]
WorkerOnce = Annotated[Office, Depends(posting(Role.TREASURER, Role.SECRETARY, Role.CHAIR, Role.ADMIN))]
