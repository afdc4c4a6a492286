"""Two processes on one database: each step once, whoever is first."""

import multiprocessing
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.engine import Engine
from engine.rules import Rules
from engine.store import Store
from tests.benchmarks.reference_year import prepare
from workflows import WORKFLOWS

START, CALL = datetime(2024, 11, 30, tzinfo=UTC), datetime(2024, 12, 1, 12, tzinfo=UTC)
MEMBERS, ROUNDS = 5000, 3


def tick(url, barrier):
    """Tick at the same moment as the other process."""
    store = Store(url)
    engine = Engine(store, Rules(ZoneInfo("Europe/Paris")), WORKFLOWS)
    barrier.wait()
    engine.tick(CALL)
    store.close()


def test_it_acts_once_when_two_processes_run_the_same_step_at_the_same_time(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    for number in range(ROUNDS):
        store = prepare(tmp_path / f"{number}.db", MEMBERS)
        Engine(store, Rules(ZoneInfo("Europe/Paris")), WORKFLOWS).start_clock(START)
        barrier = spawn.Barrier(2)
        processes = [spawn.Process(target=tick, args=(store.url, barrier)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        with store.read() as connection:
            sql = "SELECT count(*) FROM journal_entry WHERE trigger = 'call'"
            assert connection.exec_driver_sql(sql).scalar_one() == MEMBERS
            assert connection.exec_driver_sql("SELECT count(*) FROM outbox_message").scalar_one() == MEMBERS
            sql = "SELECT touched FROM event_run WHERE event = 'call'"
            assert connection.exec_driver_sql(sql).scalar_one() == MEMBERS
        store.close()
