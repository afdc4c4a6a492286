"""Who schedules, and what surrounds a run: the lease, the silence that is told of, the ping."""

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread

import pytest

from api.deps import House
from api.duty import Runner, Watch
from api.lease import LeaseOn
from api.settings import settings_from_mapping
from tests.api.counter import Counter

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made
    made.close()


@pytest.fixture
def leases(counter):
    return [LeaseOn(counter.store, name, MINUTE) for name in ("one", "two")]


def test_one_holds_the_lease_and_keeps_it_by_renewing(leases):
    one, two = leases
    assert one.take(NOW)
    assert not two.take(NOW)
    assert one.take(NOW + MINUTE / 2)
    assert not two.take(NOW + MINUTE)
    assert two.holder().name == "one"


def test_a_lease_that_lapses_is_taken_and_not_taken_back(leases):
    one, two = leases
    assert one.take(NOW)
    assert two.take(NOW + MINUTE)
    assert not one.take(NOW + MINUTE)
    one.release()
    assert one.holder().name == "two"
    two.release()
    assert one.take(NOW + MINUTE)


def test_a_lease_of_a_clock_that_went_back_is_nobodys(leases):
    one, two = leases
    assert one.take(NOW + timedelta(days=365))
    assert two.take(NOW)
    assert not one.take(NOW)


def runner_of(counter, now, **config):
    """A runner at an instant."""
    settings = settings_from_mapping({"database.url": f"sqlite:///{counter.path}", **config})
    return Runner(House(settings, counter.house.engine, clock=lambda: now))


def tasks(counter):
    """Tasks `not_running`: whether each is open."""
    return [row[0] is None for row in counter.house.rows("SELECT done_at FROM task WHERE kind = 'not_running'")]


def test_a_day_without_a_good_run_is_told_of_and_the_next_good_run_ends_it(counter, monkeypatch):
    counter.house.tick("2025-01-10")
    at = counter.house.at("2025-01-11T11:00").astimezone(UTC)
    with monkeypatch.context() as broken:
        broken.setattr(counter.house.engine, "tick", lambda now: 1 / 0)
        assert not runner_of(counter, at).run()
        assert tasks(counter) == []
        assert not runner_of(counter, at + timedelta(hours=2)).run()
        assert not runner_of(counter, at + timedelta(hours=3)).run()
    assert tasks(counter) == [True]
    assert runner_of(counter, at + timedelta(hours=4)).run()
    assert tasks(counter) == [False]
    assert runner_of(counter, at + timedelta(hours=5)).run()
    assert tasks(counter) == [False]


@pytest.fixture
def switch():
    """A dead man's switch on loopback: its address, and what it heard."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.path)
            self.send_response(500 if "broken" in self.path else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_ping_follows_each_good_run_and_no_other(counter, switch, monkeypatch):
    address, heard = switch
    assert runner_of(counter, NOW, **{"safety.ping_url": f"{address}/alive"}).run()
    assert heard == ["/alive"]
    assert runner_of(counter, NOW, **{"safety.ping_url": f"{address}/broken"}).run()
    assert runner_of(counter, NOW, **{"safety.ping_url": "http://127.0.0.1:1/nobody"}).run()
    assert heard == ["/alive", "/broken"]
    monkeypatch.setattr(counter.house.engine, "tick", lambda now: 1 / 0)
    assert not runner_of(counter, NOW, **{"safety.ping_url": f"{address}/alive"}).run()
    assert heard == ["/alive", "/broken"]


class Silent:
    """A pump that does nothing."""

    def __init__(self):
        self.working = Event()

    def start(self):
        self.working.set()

    def stop(self):
        self.working.clear()

    def alive(self):
        return self.working.is_set()


def test_the_pump_works_while_its_process_is_on_duty(counter):
    pump = Silent()
    house = House(counter.settings, counter.house.engine)
    watch = Watch(house, lambda: pump, MINUTE, "me")
    assert not watch.pump_alive()
    watch.start()
    assert pump.working.wait(10)
    assert watch.on_duty()
    assert watch.holder() == "me"
    other = Watch(house, Silent, MINUTE, "other")
    assert other.pump_alive()
    watch.stop()
    assert not pump.alive()
    assert watch.holder() is None
    assert not other.pump_alive()
