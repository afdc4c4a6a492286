"""`relance serve`, as real processes on loopback: one schedules, the others wait, and all stop when told."""

import asyncio
import json
import signal
import socket
from datetime import UTC, datetime

import httpx2
import pytest

from api import auth
from api.serve import listen
from api.tables import Role
from api.wiring import engine_of
from engine.migrate import migrate
from engine.store import Store
from tests import played
from tests.house import House
from tests.served import PATIENCE, Process, until


@pytest.fixture
def folder(tmp_path):
    """A folder with a database that has not run since the end of November 2024, and three members."""
    (tmp_path / "relance.toml").write_text("[scheduler]\nheartbeat_seconds = 10\n")
    store = Store(f"sqlite:///{tmp_path}/relance.db")
    migrate(store)
    from api.settings import load_settings

    engine = engine_of(load_settings(tmp_path / "relance.toml", environ={}), store)
    House(engine, datetime(2024, 11, 29, 23, tzinfo=UTC)).enter("A1", "A2", "A3")
    store.close()
    return tmp_path


@pytest.fixture
def token(folder):
    """A treasurer's token, and an admin's."""
    store = Store(f"sqlite:///{folder}/relance.db")
    with store.write() as connection:
        made = {
            role: auth.create(connection, role, role, None, datetime(2024, 12, 1, tzinfo=UTC))[1]
            for role in (Role.TREASURER, Role.ADMIN)
        }
    store.close()
    return made


@pytest.fixture
def start(folder):
    """Start processes; they end with the test."""
    started = []

    def begin(*more):
        started.append(Process(folder, *more))
        return started[-1]

    yield begin
    for process in started:
        process.end()


def test_of_three_started_at_once_one_schedules_and_nothing_doubles(folder, start):
    processes = [process.answers() for process in [start(), start(), start()]]
    on_duty = until(lambda: [process for process in processes if process.on_duty()])
    assert len(on_duty) == 1
    assert len({process.ready()["scheduler"] for process in processes}) == 1
    for process in processes:
        assert process.stop()[0] == 0, process.said()
    store = Store(f"sqlite:///{folder}/relance.db")
    assert played.repeated_notices(store) == []
    assert played.replayed_states(played.journal_of(store)) == played.states_of(store)
    assert played.rows(store, "SELECT count(*) FROM lease")[0][0] == 0
    store.close()


def test_one_that_stops_hands_over_at_once(start, token):
    first = start().answers()
    until(first.on_duty)
    second = start().answers()
    assert not second.on_duty()
    assert second.ask("GET", "/status", token[Role.TREASURER]).status_code == 200
    code, seconds = first.stop()
    assert (code, seconds < 15) == (0, True), first.said()
    until(second.on_duty)
    assert '"event": "stopped"' in first.said()
    assert "Traceback" not in first.said()


def test_one_that_is_killed_is_followed_when_its_lease_lapses(start):
    first = start().answers()
    until(first.on_duty)
    second = start().answers()
    holder = second.ready()["scheduler"]
    assert holder.endswith(f":{first.popen.pid}")
    first.stop(signal.SIGKILL)
    until(second.on_duty)
    assert second.ready()["scheduler"].endswith(f":{second.popen.pid}")


def test_what_is_done_is_told_as_it_happens_and_whoever_listens_does_not_hold_it_up(start, token):
    server = start().answers()
    until(server.on_duty)
    bearer = {"Authorization": f"Bearer {token[Role.TREASURER]}"}
    with httpx2.stream("GET", f"http://{server.address}/api/v1/events", headers=bearer, timeout=PATIENCE) as events:
        paid = {"amount": "20.00", "paid_on": "2025-01-02"}
        assert server.ask("POST", "/associations/A1/payments", token[Role.TREASURER], json=paid).status_code == 201
        lines = events.iter_lines()
        data = next(line for line in lines if line.startswith("data:"))
        assert json.loads(data.removeprefix("data:"))["trigger"] == "pay"
        server.popen.send_signal(signal.SIGTERM)
        for _ in lines:
            pass
    assert server.popen.wait(PATIENCE) == 0, server.said()


def test_mail_that_is_kept_for_reading_gets_its_words(start, token):
    server = start().answers()
    new = {"number": "A9", "name": "Chorale d'Oc", "email": "contact@chorale.example"}
    assert server.ask("POST", "/associations", token[Role.TREASURER], json=new).status_code == 201
    found = server.ask("GET", "/outbox", token[Role.ADMIN], params={"limit": 200}).json()["items"]
    message = next(one["id"] for one in found if one["association"] == "A9")
    until(lambda: server.ask("GET", f"/outbox/{message}", token[Role.ADMIN]).json()["body"])


def test_an_answer_is_not_held_back_until_40_ms_have_passed():
    """Its head and its body are two segments: the second must not wait until the first is acknowledged."""
    held_back = []

    async def note(_reader, writer):
        held_back.append(not writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def connect(listening):
        async with await asyncio.start_server(note, sock=listening) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            await reader.read()
            writer.close()

    with listen("127.0.0.1", 0) as listening:
        asyncio.run(connect(listening))
    assert held_back == [False]


def test_a_port_that_is_taken_is_one_line(start):
    first = start().answers()
    second = start("--port", first.address.rpartition(":")[2])
    assert second.popen.wait(PATIENCE) == 1
    assert second.said().splitlines()[-1] == "relance: Address already in use"
