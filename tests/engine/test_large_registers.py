"""A register of any size is walked once, however many chunks that takes: the year's cost stays in proportion."""

from engine import agenda, events
from engine.engine import Engine
from engine.rules import Rules
from tests.benchmarks.reference_year import TZ, at, prepare
from workflows import WORKFLOWS

MEMBERS, EVERY = 600, 100
START, CALL, REMIND = at(2024, 11, 30), at(2024, 12, 1), at(2025, 6, 1)
AGENDA, CLOSED = at(2025, 8, 18, 19), at(2025, 8, 29, 4)


def work_until_the_ballots(folder, chunk, monkeypatch):
    """How much the database works, in hundreds of its machine's steps, from the call to the closing of the ballots."""
    monkeypatch.setattr(events, "CHUNK", chunk)
    monkeypatch.setattr(agenda, "CHUNK", chunk)
    store = prepare(folder / f"{chunk}.db", MEMBERS)
    worked = []
    pooled = store.engine.raw_connection()
    assert pooled.driver_connection is not None
    pooled.driver_connection.set_progress_handler(lambda: worked.append(1), EVERY)
    pooled.close()
    engine = Engine(store, Rules(TZ), WORKFLOWS)
    engine.start_clock(START)
    engine.tick(CALL)
    engine.tick(REMIND)
    engine.confirm_brake(REMIND, "treasurer")
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE occurrence SET proven_at = at")
    engine.tick(AGENDA)
    engine.tick(CLOSED)
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ballot").scalar_one() == MEMBERS
    store.close()
    return len(worked)


def test_it_works_hardly_more_for_many_chunks_than_for_one(tmp_path, monkeypatch):
    together, by_chunks = (work_until_the_ballots(tmp_path, chunk, monkeypatch) for chunk in (MEMBERS, MEMBERS // 30))
    assert by_chunks < 1.2 * together
