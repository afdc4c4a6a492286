"""A clock that goes back a year under the real server, the two clock changes, forty days without a run."""

import shutil
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from freezegun import freeze_time

from api.duty import CLOCK_WENT_BACK, alarms_of
from api.settings import settings_from_mapping
from api.tables import Role
from api.wiring import rules_of
from engine.clock import at_local, utc_now
from engine.engine import Engine
from engine.scheduler import AlarmClock, VirtualScheduler
from engine.store import Store
from tests import played
from tests.faults.served import Served, paid, rows, settle
from tests.house import PARIS, House
from tests.served import until
from workflows import WORKFLOWS
from workflows.membership.scenario import sink
from workflows.membership.words import State

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
YEAR = 365 * 86_400
HOUR = timedelta(hours=1)


@pytest.fixture
def shifted(tmp_path):
    """A server whose clock a test sets forward and back while it runs: libfaketime, as the whole process sees it."""
    if not LIBRARIES:
        pytest.skip("libfaketime is not installed (Debian: faketime)")
    offset = tmp_path / "offset"
    tokens = settle(tmp_path)

    def shift(seconds):
        """Set the clock, at once for whoever reads it."""
        (tmp_path / "next").write_text(f"{seconds:+d}s\n")
        shutil.move(tmp_path / "next", offset)

    shift(0)
    server = Served(
        tmp_path,
        tmp_path,
        LD_PRELOAD=str(LIBRARIES[0]),
        FAKETIME_TIMESTAMP_FILE=str(offset),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    yield server, shift, tokens[Role.TREASURER]
    server.end()


def last_tick(server):
    """When it last ran, as it says."""
    return datetime.fromisoformat(server.get("/readyz").json()["last_tick"])


def test_a_clock_that_goes_back_a_year_is_told_of_and_nothing_is_done_twice(shifted, tmp_path):
    server, shift, token = shifted
    until(lambda: server.logged("run"))
    until(server.ready)
    before = last_tick(server)
    journal = rows(tmp_path, "SELECT count(*) FROM journal_entry")
    shift(-YEAR)
    server.names(CLOCK_WENT_BACK)
    assert server.logged(CLOCK_WENT_BACK) == 1
    until(lambda: last_tick(server) < before - timedelta(days=300))  # the heartbeat goes on
    assert server.post("/associations/A1/payments", token, paid("1"), "1").status_code == 201
    [(at,)] = rows(tmp_path, "SELECT at FROM journal_entry WHERE trigger = 'pay'")
    assert at[:10] == f"{before:%Y-%m-%d}"  # not a year before what was done last
    shift(0)
    until(server.ready)
    until(lambda: last_tick(server) >= before)
    assert [one["after"] for one in server.events() if one["event"] == "recovered"].count(CLOCK_WENT_BACK) == 1
    server.stop_well()
    assert rows(tmp_path, "SELECT count(*) FROM journal_entry WHERE trigger <> 'pay'") == journal
    store = Store(f"sqlite:///{tmp_path}/relance.db")
    assert played.repeated_notices(store) == []
    assert played.replayed_states(played.journal_of(store)) == played.states_of(store)
    store.close()


SPRING, AUTUMN = date(2025, 3, 30), date(2025, 10, 26)
"""Sundays on which Paris sets its clocks, at 02:00 and at 03:00."""


@pytest.mark.parametrize("sunday", [SPRING, AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize("hour", [4, 9, 23])
def test_a_clock_change_neither_skips_nor_doubles_a_step(sunday, hour):
    day = {"month": sunday.month, "day": sunday.day, "hour": hour, "until": "12-15"}
    board = {"meetings": {"day": "last sun", "hour": 18, "minute": 30, "months": f"{sunday.month}"}}
    settings = settings_from_mapping({"calendar": {"remind": day}, "board": board})
    start = at_local(sunday - timedelta(days=2), 0, 30, PARIS)
    with closing(Store("sqlite://")) as store, freeze_time(start) as clock:
        store.create_tables()
        engine = Engine(store, rules_of(settings, dates_confirmed=True), WORKFLOWS, sink)
        house = House(engine, start - timedelta(days=40))
        house.enter("A1", "A2", state=State.CALLED, owes=(2025,), since=date(2024, 12, 1))
        scheduler, rings = VirtualScheduler(UTC), []

        def tick():
            rings.append(utc_now())
            engine.tick(utc_now())

        alarm = AlarmClock(tick, alarms_of(engine.rules), engine.rules.tz, HOUR, scheduler)
        alarm.start()
        end = at_local(sunday + timedelta(days=2), 0, 30, PARIS)
        while (wakes := scheduler.next_wakeup()) is not None and wakes <= end:
            clock.move_to(wakes)
            scheduler.run_due()
        alarm.shutdown()
        assert house.mails("A1") == house.mails("A2") == ["reminder"]
        due = at_local(sunday, hour, 0, PARIS)
        assert house.rows("SELECT DISTINCT at, effective_at FROM occurrence") == [(_as_kept(due), _as_kept(due))]
        [(closed_at,)] = house.rows("SELECT closed_at FROM meeting WHERE month = ?", f"{sunday:%Y-%m}")
        midnight = at_local(sunday + timedelta(days=1), 0, 0, PARIS)
        assert _as_kept(midnight) <= closed_at <= _as_kept(midnight + HOUR)
        gaps = {later - sooner for sooner, later in pairwise(rings)}
        assert max(gaps) <= HOUR


def _as_kept(instant):
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
