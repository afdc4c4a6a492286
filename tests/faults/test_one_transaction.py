"""What a person asks for is done whole or not at all; what must follow it, where it is cut short, the next run does."""

from datetime import date

import pytest

from engine.faults import DatabaseFault, Fault
from tests.api.counter import Counter
from workflows.membership.words import State

FULL = DatabaseFault(database="relance.db", reason="the disk is full; nothing was changed", kind=Fault.FULL)


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made
    made.close()


@pytest.fixture
def cut_short(counter, monkeypatch):
    """Whatever is to follow finds the disk full, until the test says otherwise."""

    def tick(now):
        raise FULL

    monkeypatch.setattr(counter.api.engine, "tick", tick)
    return monkeypatch.undo


def test_a_brake_that_was_confirmed_stays_so_and_its_step_goes_on(counter, request):
    counter.house.enter(*(f"A{number}" for number in range(20)))
    counter.pass_time("2024-12-02", "2025-01-16", "2025-06-02")
    treasurer = counter.as_("treasurer")
    task = next(one for one in treasurer.get("/tasks")["items"] if one["kind"] == "brake")
    over = request.getfixturevalue("cut_short")
    assert treasurer.post(f"/tasks/{task['id']}/done", {}, key="k")[0] == 200
    assert [trouble.name for trouble in counter.api.troubles.now()] == ["disk-full"]
    assert counter.house.state("A7") == "called"
    over()
    counter.house.late_tick("2025-06-02T13:00")
    assert counter.house.state("A7") == "reminded"
    assert counter.house.rows("SELECT count(*) FROM outbox_message WHERE kind = 'reminder'") == [(20,)]


def test_a_meeting_that_was_called_stays_so_and_its_agenda_follows(counter, request):
    counter.house.enter("A1", state=State.CALLED, owes=(2025,), since=date(2024, 12, 1))
    counter.pass_time("2025-06-02", "2025-09-02")
    secretary = counter.as_("secretary")
    later = {"held_at": "2025-12-05T18:30:00+01:00", "place": "Mairie"}
    assert secretary.refused("POST", "/meetings", later) == (409, "not-allowed")  # one is planned in December
    over = request.getfixturevalue("cut_short")
    september = next(one for one in secretary.get("/meetings", limit=100)["items"] if one["month"] == "2025-09")
    moved = {"held_at": "2025-09-10T18:30:00+02:00", "place": "Mairie", "confirmed": True}
    status, told = secretary.patch(f"/meetings/{september['id']}", moved)
    assert (status, told["place"], told["confirmed"], told["published_at"]) == (200, "Mairie", True, None)
    over()
    counter.house.late_tick("2025-09-02T13:00")
    assert secretary.get(f"/meetings/{september['id']}")["published_at"] is not None


def test_a_change_of_a_meeting_that_is_refused_changes_nothing_of_it(counter):
    secretary = counter.called().as_("secretary")
    august = next(one for one in secretary.get("/meetings", limit=100)["items"] if one["month"] == "2025-08")
    wrong = {"held_at": "2025-10-01T18:30:00+02:00", "place": "Mairie", "confirmed": True}
    assert secretary.refused("PATCH", f"/meetings/{august['id']}", wrong) == (409, "not-allowed")
    assert secretary.get(f"/meetings/{august['id']}") == august


def test_a_meeting_whose_answer_cannot_be_kept_is_not_called(counter, monkeypatch):
    secretary = counter.called().as_("secretary")
    new = {"held_at": "2025-07-10T18:30:00+02:00", "place": "Mairie"}
    before = secretary.get("/meetings", limit=100)

    def keep(*_):
        raise FULL

    with monkeypatch.context() as full:
        full.setattr("api.idempotency.Keyed.keep", keep)
        assert secretary.post("/meetings", new, key="k")[0] == 503
    assert secretary.get("/meetings", limit=100) == before
    assert secretary.post("/meetings", new, key="k")[0] == 201
    assert secretary.post("/meetings", new, key="k")[0] == 201
    assert len(secretary.get("/meetings", limit=100)["items"]) == len(before["items"]) + 1
