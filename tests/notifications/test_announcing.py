"""From a year's happenings to a receiver: each is told once, after its transaction, and again where that fails."""

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from api.announcing import triggers_of
from api.settings import settings_from_mapping
from api.signatures import sign
from api.wiring import rules_of
from engine.announcements import is_announcing
from engine.board_models import BallotStatus
from engine.engine import Engine
from engine.faults import DatabaseFault
from engine.store import Store
from notifications import announcing, deliveries, webhooks
from notifications.announcing import BALLOT_EVENTS, SAID, Crier, Surroundings
from notifications.deliveries import WEBHOOK_FAILED, listen, release
from notifications.webhooks import Hook
from tests.house import House
from tests.notifications.receiver import Receiver
from tests.notifications.test_webhooks import KEY
from workflows import WORKFLOWS
from workflows.membership.words import Trigger

START = datetime(2024, 11, 29, 23, 0, tzinfo=UTC)
NAME = "there"
KINDS = "SELECT type, status, attempts FROM webhook_delivery ORDER BY id"


class Town:
    """A small hoster, a receiver, and a hook between them. The clock stands where the test sets it."""

    def __init__(self, path):
        self.path = path
        self.store = Store(f"sqlite:///{path}")
        self.store.create_tables()
        self.house = House(Engine(self.store, rules_of(settings_from_mapping({})), WORKFLOWS), START)
        self.receiver = Receiver()
        self.now = START
        self.live = True
        self.house.enter("A1", "A2", "A3")

    def at(self, text):
        self.now = self.house.at(text).astimezone(UTC)
        return self

    def later(self, **delta):
        self.now += timedelta(**delta)
        return self

    def listen(self, *names):
        listen(self.store, names or [NAME], self.now)
        return self

    def crier(self, *events, name=NAME, url=None):
        hook = Hook(name, url or self.receiver.url, partial(sign, KEY), events, allow_private=True)
        return Crier(self.store, hook, Surroundings(triggers_of(), lambda _: self.live, now=lambda: self.now))

    def task(self):
        """Open one more task: something that is told."""
        with self.store.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO task (dedupe_key, kind, about, opened_at, note) VALUES (?, 'brake', '', ?, 'Ana owes')",
                (f"brake:{self.count('task')}", "2025-01-01 00:00:00.000000"),
            )
        return self

    def count(self, table):
        return self.house.rows(f"SELECT count(*) FROM {table}")[0][0]

    def rows(self, sql=KINDS):
        return self.house.rows(sql)

    def close(self):
        self.receiver.close()
        self.store.close()


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path / "relance.db")
    yield made
    made.close()


def a_year(town):
    """A call, a reminder, three cuts that the board votes, one payment."""
    house = town.house
    house.tick("2025-06-01")
    house.accept("2025-06-01T13:00")
    house.tick("2025-08-27")
    house.vote("2025-08-28", Trigger.SUSPEND, S1="approve", S2="approve", S3="abstain")
    house.tick("2025-09-05")
    house.pay("2025-09-06", ("A3", 2000))
    town.at("2025-09-07")


def test_every_transition_ballot_and_task_is_told_once_in_order(town):
    town.listen()
    a_year(town)
    town.crier().round()
    expected = [
        f"transition.{row[0]}"
        for row in town.rows("SELECT trigger FROM journal_entry WHERE acted AND id > 3 ORDER BY id")
        if row[0] in triggers_of()["membership"]
    ]
    told = town.receiver.types()
    assert len(expected) >= 12
    assert [kind for kind in told if kind.startswith("transition.")] == expected
    assert [kind for kind in told if kind.startswith("ballot.")] == ["ballot.opened"] * 3 + ["ballot.adopted"] * 3
    opened = town.rows("SELECT count(*), count(done_at) FROM task")[0]
    assert (told.count("task.opened"), told.count("task.closed")) == opened
    assert opened[0] > 0
    sequence = [taken.said["sequence"] for taken in town.receiver.taken]
    assert sequence == sorted(set(sequence))
    assert len({taken.id for taken in town.receiver.taken}) == len(told)
    for taken in town.receiver.taken:
        taken.verify(KEY)
    town.crier().round()
    assert town.receiver.types() == told


def test_every_status_of_a_ballot_has_its_type():
    assert {SAID.get(status, status) for status in BallotStatus} | {"annulled"} == set(BALLOT_EVENTS)


def test_a_message_says_what_moved_and_names_nobody(town):
    town.listen()
    a_year(town)
    town.crier("transition.suspend", "ballot.adopted", "task").round()
    first = {one.said["type"]: one.said for one in reversed(town.receiver.taken)}
    suspended = first["transition.suspend"]
    assert suspended["data"] == {
        "workflow": "membership",
        "association": "A1",
        "trigger": "suspend",
        "from": "reminded",
        "to": "suspended",
        "effective_at": "2025-09-01T07:00:00Z",
        "cause": "calendar:suspend",
        "journal": suspended["data"]["journal"],
    }
    adopted = first["ballot.adopted"]
    assert adopted["timestamp"] == adopted["data"].pop("decided_at")
    assert adopted["data"] == {
        "ballot": 1,
        "workflow": "membership",
        "association": "A1",
        "trigger": "suspend",
        "meeting": adopted["data"]["meeting"],
        "opens_at": "2025-08-18T16:30:00Z",
        "closes_at": "2025-08-28T22:00:00Z",
    }
    assert set(first["task.opened"]["data"]) == {
        *("task", "workflow", "association", "kind", "opened_at", "due", "done_at"),
    }
    assert not any(b"@" in one.body for one in town.receiver.taken)


def test_what_is_undone_is_not_told(town):
    town.listen()
    with suppress(ZeroDivisionError), town.store.write() as connection:
        connection.exec_driver_sql("UPDATE task SET note = note")
        connection.exec_driver_sql(
            "INSERT INTO task (dedupe_key, kind, about, opened_at, note) VALUES ('x', 'brake', '', '2025-01-01', '')"
        )
        assert connection.exec_driver_sql("SELECT count(*) FROM announcement").scalar_one() == 1
        raise ZeroDivisionError
    town.crier().round()
    assert town.receiver.taken == []


def test_nothing_is_noted_while_nobody_listens(town):
    a_year(town)
    assert town.count("announcement") == 0
    town.listen()
    town.task().crier().round()
    assert town.receiver.types() == ["task.opened"]
    listen(town.store, [], town.now)
    town.task()
    assert town.count("announcement") == 1
    with town.store.read() as connection:
        assert not is_announcing(connection)


def test_a_second_hook_begins_with_what_happens_next(town):
    town.listen().task()
    town.listen(NAME, "new").task()
    town.crier(name="new").round()
    assert town.receiver.types() == ["task.opened"]
    town.crier().round()
    assert len(town.receiver.taken) == 3


def test_a_hook_that_is_no_longer_configured_gets_nothing_any_more(town):
    town.listen().task()
    town.receiver.answers = [500]
    town.crier().round()
    town.listen("other")
    assert town.rows("SELECT status, error FROM webhook_delivery") == [("failed", deliveries.NOT_CONFIGURED)]
    with town.store.write() as connection, pytest.raises(Exception, match="no longer configured"):
        release(connection, 1, town.now)


@pytest.mark.parametrize("answer", [500, 404, 301, 503, "junk"])
def test_it_is_told_again_until_it_is_taken_under_the_same_id(town, answer):
    town.listen().task()
    town.receiver.answers = [answer, answer]
    crier = town.crier()
    crier.round()
    assert town.rows() == [("task.opened", "pending", 1)]
    town.later(seconds=59)
    crier.round()
    assert len(town.receiver.taken) == 1
    town.later(seconds=1)
    crier.round()
    assert len(town.receiver.taken) == 2
    town.later(minutes=5)
    crier.round()
    assert town.rows() == [("task.opened", "delivered", 3)]
    assert len({taken.id for taken in town.receiver.taken}) == 1
    assert len({taken.body for taken in town.receiver.taken}) == 1
    stamps = [int(taken.headers["webhook-timestamp"]) for taken in town.receiver.taken]
    assert [two - one for one, two in pairwise(stamps)] == [60, 300]


def test_while_the_receiver_is_away_one_attempt_speaks_for_all(town):
    town.listen().task().task().task()
    town.receiver.answers = [503]
    crier = town.crier()
    crier.round()
    assert len(town.receiver.taken) == 1
    assert town.rows() == [("task.opened", "pending", 1)] * 3
    town.later(minutes=1)
    crier.round()
    assert town.rows() == [("task.opened", "delivered", 2)] * 3


def test_one_message_that_is_not_taken_does_not_hold_up_the_others(town):
    town.listen().task().task()
    town.receiver.answers = [400]
    town.crier().round()
    assert town.rows() == [("task.opened", "pending", 1), ("task.opened", "delivered", 1)]


def test_after_five_days_it_is_given_up_and_the_admins_are_told_until_it_works(town):
    town.listen().task()
    crier = town.crier("task.opened")
    began, attempts = town.now, 0
    while town.rows() in ([], [("task.opened", "pending", attempts)]):
        town.receiver.answers = [500]
        crier.round()
        attempts += 1
        town.later(hours=6)
        assert town.now - began < timedelta(days=6)
    assert town.rows() == [("task.opened", "failed", attempts)]
    assert town.now - began >= timedelta(days=5)
    error = town.rows("SELECT error, response FROM webhook_delivery")[0]
    assert error == (f"given up after {attempts} attempts: answered 500", 500)
    open_ones = f"SELECT about FROM task WHERE kind = '{WEBHOOK_FAILED}' AND done_at IS NULL"
    assert town.rows(open_ones) == [(NAME,)]
    with town.store.write() as connection:
        release(connection, 1, town.now)
    crier.round()
    assert town.rows()[0] == ("task.opened", "delivered", 1)
    assert town.rows(open_ones) == []


def test_what_is_given_up_because_another_found_nobody_is_told_to_the_admins_too(town):
    town.listen().task().task()
    crier = town.crier("task.opened")
    town.receiver.answers = [503, 503]
    crier.round()
    with town.store.write() as connection:  # the second one is asked first, and has time left
        connection.exec_driver_sql("UPDATE webhook_delivery SET due_at = created_at, until = '2099-01-01' WHERE id = 2")
    town.later(days=6)
    crier.round()
    failed = "SELECT count(*) FROM webhook_delivery WHERE status = 'failed'"
    open_ones = f"SELECT about FROM task WHERE kind = '{WEBHOOK_FAILED}' AND done_at IS NULL"
    assert (town.rows(failed), town.rows(open_ones)) == ([(1,)], [(NAME,)])


def test_what_hinders_it_is_told_and_so_is_its_end(town, monkeypatch):
    told, faults = [], [DatabaseFault(database="relance.db", reason="full")]

    def hindered(fault):
        told.append(fault)
        if fault is None:
            crier.stop()

    def round_(_crier):
        if faults:
            raise faults.pop()

    around = Surroundings(triggers_of(), lambda _: True, hindered=hindered)
    crier = Crier(town.store, Hook(NAME, town.receiver.url, partial(sign, KEY), (), allow_private=True), around)
    monkeypatch.setattr(Crier, "round", round_)
    monkeypatch.setattr(announcing, "POLL_SECONDS", 0.01)
    crier.run()
    assert [fault is None for fault in told] == [False, True]


def test_who_is_gone_is_not_asked_again(town):
    town.listen().task()
    town.receiver.answers = [410]
    town.crier("task.opened").round()
    assert town.rows()[0] == ("task.opened", "failed", 1)


def test_what_was_told_can_be_told_again(town):
    town.listen().task()
    crier = town.crier()
    crier.round()
    with town.store.write() as connection:
        release(connection, 1, town.now)
    assert town.rows("SELECT status, delivered_at, response FROM webhook_delivery") == [("pending", None, None)]
    crier.round()
    one, two = town.receiver.taken
    assert (one.id, one.body) == (two.id, two.body)


def test_while_mail_is_kept_for_reading_nothing_leaves_and_later_neither(town):
    town.listen().task()
    town.live = False
    crier = town.crier()
    crier.round()
    assert town.rows() == [("task.opened", "captured", 0)]
    town.live = True
    crier.round()
    assert town.receiver.taken == []
    with town.store.write() as connection:
        release(connection, 1, town.now)
    crier.round()
    assert town.receiver.types() == ["task.opened"]


def test_a_hook_gets_what_it_asked_for(town):
    town.listen()
    a_year(town)
    town.crier("transition.suspend", "ballot").round()
    assert set(town.receiver.types()) == {"transition.suspend", "ballot.opened", "ballot.adopted"}


def test_two_criers_tell_it_once(town, monkeypatch):
    """The second one begins while the first is talking."""
    town.listen().task().task()
    waiting = [town.crier()]

    def talk(*arguments):
        while waiting:
            waiting.pop().round()
        return webhooks.post(*arguments)

    monkeypatch.setattr("notifications.announcing.post", talk)
    town.crier().round()
    assert town.receiver.types() == ["task.opened"] * 2
    assert len({taken.id for taken in town.receiver.taken}) == 2


KILLED = """
import sys
from datetime import datetime
from functools import partial
from api.announcing import triggers_of
from api.signatures import sign
from engine.store import Store
from notifications.announcing import BALLOT_EVENTS, SAID, Crier, Surroundings
from notifications.webhooks import Hook
from tests.notifications.test_webhooks import KEY
database, url, now = sys.argv[1:]
hook = Hook("there", url, partial(sign, KEY), allow_private=True)
around = Surroundings(triggers_of(), lambda _: True, now=lambda: datetime.fromisoformat(now))
Crier(Store(f"sqlite:///{database}"), hook, around).round()
"""


def test_killed_in_the_middle_it_is_told_again_under_the_same_id(town):
    town.listen().task()
    town.receiver.answers = ["hang"]
    arguments = [str(town.path), town.receiver.url, town.now.isoformat()]
    with subprocess.Popen([sys.executable, "-c", KILLED, *arguments]) as process:
        assert town.receiver.arrived.wait(60)
        process.kill()
    assert town.rows() == [("task.opened", "sending", 1)]
    crier = town.crier()
    crier.round()
    assert len(town.receiver.taken) == 1  # whoever has it may still be at it
    town.later(minutes=1, seconds=1)
    crier.round()
    assert town.rows() == [("task.opened", "delivered", 2)]
    one, two = town.receiver.taken
    assert one.id == two.id


def test_it_forgets_what_is_old_and_what_nobody_wanted(town):
    town.listen().task()
    a_year(town)
    town.crier("task").round()
    before = town.count("webhook_delivery")
    assert town.count("announcement") > before > 0
    town.later(days=1)
    crier = town.crier("task")
    crier.round()
    assert town.count("announcement") <= before + 1
    town.later(days=91)
    town.crier("task").round()
    assert town.count("webhook_delivery") == 0
    town.task()
    crier.round()
    assert town.receiver.types()[-1] == "task.opened"
    assert town.count("webhook_delivery") == 1
