"""The API over a small hoster in a file, at an hour that the test sets; one token of each role."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from fastapi.testclient import TestClient

from api import auth
from api.app import create_app
from api.deps import House as ApiHouse
from api.settings import settings_from_mapping
from api.tables import Role
from api.wiring import rules_of
from engine.engine import Engine
from engine.store import Store
from tests.house import House
from workflows import WORKFLOWS
from workflows.membership.words import State

V1 = "/api/v1"
START = datetime(2024, 11, 29, 23, 0, tzinfo=UTC)


class Counter:
    """Where one asks: `as_("treasurer").post(…)`. Hours are Paris hours."""

    def __init__(self, folder):
        self.path = Path(folder) / "relance.db"
        url = f"sqlite:///{self.path}"
        self.settings = settings_from_mapping({"database.url": url})
        self.store = Store(url)
        self.store.create_tables()
        self.house = House(Engine(self.store, rules_of(self.settings), WORKFLOWS), START)
        self.now = START
        self.api = ApiHouse(self.settings, self.house.engine, clock=lambda: self.now)
        self.app = create_app(self.settings, house=self.api)
        self.tokens = {role.value: self.token(role) for role in Role}
        for seat in ("S1", "S2", "S3"):
            self.tokens[seat] = self.token(Role.BOARD, seat)
        self.at("2024-11-30")

    def token(self, role, seat=None):
        """Make one more token; returns its secret. A board member without a seat is S1."""
        seat = seat or ("S1" if role is Role.BOARD else None)
        with self.store.write() as connection:
            return auth.create(connection, f"the {seat or role.value}", role, seat, START)[1]

    def at(self, text):
        """Set the clock."""
        self.now = House.at(text).astimezone(UTC)
        return self

    def pass_time(self, *days):
        """Let time pass with a mail server that accepts everything."""
        for day in days:
            self.house.tick(day)
            self.house.accept(day)
            self.at(day)
        return self

    def as_(self, role):
        """A client that holds the token of a role, or of a seat; None: no token."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.tokens[role]}"}
        return Client(TestClient(self.app, headers=headers, raise_server_exceptions=False))

    def close(self):
        """Go home."""
        self.store.close()

    # Where a year gets to

    def called(self):
        """A1 to A3 are called for 2025, on 2 December 2024."""
        self.house.enter("A1", "A2", "A3")
        return self.pass_time("2024-12-02")

    def summer(self):
        """The agenda of August is published: a ballot on each of A1 to A3, on 20 August 2025."""
        self.called()
        return self.pass_time("2025-01-16", "2025-06-02", "2025-08-20")

    def evening(self):
        """The same, at the hour of the meeting."""
        return self.summer().pass_time("2025-08-28T19:00")

    def heard(self):
        """A1 is proposed for removal, with its summons, on 4 October 2026."""
        self.house.enter("A1", state=State.SUSPENDED, owes=(2025,), since=datetime(2025, 9, 1).date(), now="2026-01-10")  # noqa: DTZ001 a day
        self.pass_time("2026-09-15")
        self.house.vote("2026-09-24T19:00", "propose_removal", S1="approve", S2="approve")
        return self.pass_time("2026-09-25", "2026-10-04")


class Client:
    """Asks under /api/v1, and says what came as (status, JSON)."""

    def __init__(self, client):
        self.client = client

    def ask(self, method, path, json=None, **more):
        """One request; the whole response."""
        given = {} if json is None else {"json": json}
        return self.client.request(method, path if path.startswith("/health") else f"{V1}{path}", **given, **more)

    def get(self, path, **params):
        """Read; it must be there."""
        response = self.ask("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path, json=None, key=None):
        """Post; returns (status, JSON)."""
        response = self.ask("POST", path, json, headers={} if key is None else {"Idempotency-Key": key})
        return response.status_code, response.json()

    def put(self, path, json):
        """Put; returns (status, JSON)."""
        response = self.ask("PUT", path, json)
        return response.status_code, response.json()

    def patch(self, path, json):
        """Patch; returns (status, JSON)."""
        response = self.ask("PATCH", path, json)
        return response.status_code, response.json()

    def refused(self, method, path, json=None, **more):
        """A request that is refused with a problem; returns (status, the last part of its type)."""
        response = self.ask(method, path, json, **more)
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json", response.text
        assert problem["status"] == response.status_code
        assert set(problem) <= {"type", "title", "status", "detail", "errors"}
        return response.status_code, problem["type"].rpartition("/")[2]


def together(number, act):
    """Let so many do something at the same time; returns what each got."""
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(act, range(number)))
