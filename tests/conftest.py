"""A house in memory, for tests that need the real engine."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.engine import Engine
from engine.rules import Rules
from engine.store import Store
from tests.house import House
from workflows import WORKFLOWS

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def house():
    """A board of three and no member, on 30 November 2024; mail is captured, so that it proves nothing."""
    store = Store("sqlite://")
    store.create_tables()
    made = House(Engine(store, Rules(PARIS), WORKFLOWS), datetime(2024, 11, 29, 23, 0, tzinfo=UTC))
    yield made
    store.close()
