"""`relance serve` as a real process in a folder of its own, in surroundings that a test spoils."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from api import auth
from api.settings import load_settings
from api.tables import Role
from api.wiring import engine_of
from engine.migrate import migrate
from engine.store import Store
from tests.house import House
from tests.served import PATIENCE, Process, until

RELANCE = """
import engine.store
engine.store.PRAGMAS["busy_timeout"] = "1000"  # instead of half a minute
from api.cli import main
main()
"""
HEARTBEAT = 10
LONG_AGO = datetime(2024, 12, 1, tzinfo=UTC)


def settle(folder, toml=""):
    """Make a database that has not run since the end of November 2024, with three members; returns its tokens."""
    (folder / "relance.toml").write_text(f"[scheduler]\nheartbeat_seconds = {HEARTBEAT}\n{toml}")
    store = Store(f"sqlite:///{folder}/relance.db")
    migrate(store)
    engine = engine_of(load_settings(folder / "relance.toml", environ={}), store)
    House(engine, datetime(2024, 11, 29, 23, tzinfo=UTC)).enter("A1", "A2", "A3")
    with store.write() as connection:
        tokens = {role: auth.create(connection, role, role, None, LONG_AGO)[1] for role in (Role.TREASURER, Role.ADMIN)}
    store.close()
    return tokens


class Served(Process):
    """One process that waits a second for a locked database, not half a minute."""

    program = RELANCE

    def __init__(self, folder, logs, before=(), **environment):
        """Start it, and wait until it says where it answers."""
        super().__init__(folder, before=before, logs=logs, environment=environment)
        self.folder = Path(folder)
        self.listens()

    def get(self, path):
        """Ask without a token; the whole response."""
        return httpx2.get(f"http://{self.address}{path}", timeout=PATIENCE)

    def post(self, path, token, body, key):
        """Post under /api/v1, under a key; the whole response."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        return httpx2.post(f"http://{self.address}/api/v1{path}", headers=headers, json=body, timeout=PATIENCE)

    def names(self, reason):
        """Wait until it names why it is not ready. It lives all the same."""

        def named():
            response = self.get("/readyz")
            return response.status_code == 503 and reason in response.json()["reasons"]

        until(named)
        assert self.get("/healthz").status_code == 200

    def events(self):
        """What it logged, by the names of the events."""
        self.log.seek(0)
        lines = [line for line in self.log.read().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    def logged(self, event):
        """How often it logged that."""
        return sum(one["event"] == event for one in self.events())

    def stop_well(self):
        """Tell it to stop; it does so in good order, and nothing unforeseen was in its log."""
        assert self.stop()[0] == 0, self.said()
        assert "Traceback" not in self.said(), self.said()


def paid(external_id):
    """A payment of one cent, with the number that makes it one."""
    return {"amount": "0.01", "paid_on": "2025-01-02", "source": "bank", "external_id": f"{external_id}"}


def rows(folder, sql):
    """Rows of a SELECT, from outside."""
    connection = sqlite3.connect(f"file:{folder}/relance.db?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def refusal(response):
    """What a problem says: status, name, whether it says when to come back."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["type"].rpartition("/")[2], response.headers.get("retry-after")
