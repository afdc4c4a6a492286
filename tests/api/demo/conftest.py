"""Demos to try: one that was begun, copied for each test; its pages and API asked without a process."""

import shutil

import pytest
from fastapi.testclient import TestClient

from api.demo.run import Always, app_of
from api.demo.tokens import hand_out
from api.demo.town import moved_in
from api.deps import House


@pytest.fixture(scope="session")
def begun(tmp_path_factory):
    """The folder of a demo on its first day."""
    folder = tmp_path_factory.mktemp("begun")
    with moved_in(folder):
        pass
    return folder


@pytest.fixture
def folder(begun, tmp_path):
    """A copy of it."""
    return shutil.copytree(begun, tmp_path / "demo")


@pytest.fixture
def house(folder):
    """The demo in it, open."""
    with moved_in(folder) as (settings, engine):
        house = House(settings, engine, clock=engine.upto, duty=Always())
        with engine.store.write() as connection:
            hand_out(connection, house.clock())
        yield house


@pytest.fixture
def browser(house):
    """A browser before it, which follows no redirect by itself."""
    return TestClient(app_of(house), raise_server_exceptions=False, follow_redirects=False)
