"""At the same moment: servers that start, a payment that is sent ten times, seats that vote while the ballot closes."""

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle
from threading import Barrier, Semaphore

import httpx2
import pytest

from api import auth
from api.settings import load_settings
from api.tables import Role
from api.wiring import engine_of
from engine.audit import audit
from engine.clock import utc_now
from engine.migrate import migrate
from engine.store import Store, stored
from tests import played
from tests.house import House
from tests.served import Process, until
from workflows.membership.audit import audit as audit_money
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.words import State

BEFORE = datetime(2024, 11, 29, 23, tzinfo=UTC)
LONG_PAST = datetime(2024, 12, 1, tzinfo=UTC)
MEMBERS = tuple(f"A{number}" for number in range(1, 21))
TIMES = 10
VOTERS = tuple(f"V{number}" for number in range(1, 9))


class Town:
    """A folder with a database that has not run since November 2024, and the servers that are started on it."""

    def __init__(self, folder, start=BEFORE, **stand):
        self.folder, self.processes = folder, []
        (folder / "relance.toml").write_text("[scheduler]\nheartbeat_seconds = 10\n")
        self.store = Store(f"sqlite:///{folder}/relance.db")
        migrate(self.store)
        self.house = House(engine_of(load_settings(folder / "relance.toml", environ={}), self.store), start)
        self.house.enter(*MEMBERS, **stand)
        self.tokens = {role: self.token(role) for role in (Role.TREASURER, Role.SECRETARY)}

    def token(self, role, seat=None):
        with self.store.write() as connection:
            return auth.create(connection, seat or role, role, seat, LONG_PAST)[1]

    def start(self, number=1):
        """So many servers, at once; those that answer."""
        started = [Process(self.folder) for _ in range(number)]
        self.processes += started
        return [process.answers() for process in started]

    def stop(self):
        """Every server that lives stops when told."""
        for process in self.processes:
            if process.popen.poll() is None:
                assert process.stop()[0] == 0, process.said()

    def findings(self):
        """What `relance verify` finds, what was told twice, and whether the journal tells the states."""
        with self.store.read() as connection:
            found = [str(one) for one in (*audit(connection, MEMBERSHIP), *audit_money(connection, MEMBERSHIP))]
        assert played.replayed_states(played.journal_of(self.store)) == played.states_of(self.store)
        return [*found, *played.repeated_notices(self.store)]

    def end(self):
        for process in self.processes:
            process.end()
        self.store.close()


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path)
    yield made
    made.end()


def together(number, act):
    """Let so many do something at the same moment; what each got."""
    barrier = Barrier(number)

    def at_once(one):
        barrier.wait()
        return act(one)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(at_once, range(number)))


def one_schedules(processes):
    """The one that is on duty: never more than one, and all name the same."""
    on_duty = until(lambda: [process for process in processes if process.on_duty()])
    assert len(on_duty) == 1
    assert {process.ready()["scheduler"].rpartition(":")[2] for process in processes} == {str(on_duty[0].popen.pid)}
    return on_duty[0]


def start_and_kill(town, number):
    """Start so many at once; the one that schedules is killed, and another takes over when its lease has lapsed."""
    processes = town.start(number)
    first = one_schedules(processes)
    first.stop(signal.SIGKILL)
    left = [process for process in processes if process is not first]
    until(lambda: any(process.on_duty() for process in left))
    one_schedules(left)
    until(lambda: town.house.rows("SELECT 1 FROM watermark WHERE last_run_at > ?", stored(utc_now() - timedelta(60))))
    town.stop()
    assert town.findings() == []
    calls = "SELECT count(*), count(DISTINCT instance_id) FROM outbox_message WHERE kind = 'call_for_dues'"
    left_out = town.house.rows("SELECT count(*) FROM occurrence WHERE event = 'call' AND year = 2025")
    assert (town.house.rows(calls), left_out) == ([(0, 0)], [(len(MEMBERS),)])


def test_of_three_started_at_once_one_schedules_and_another_takes_over_when_it_is_killed(town):
    start_and_kill(town, 3)


@pytest.mark.torture
@pytest.mark.parametrize("turn", range(50))
def test_of_two_to_four_started_at_once_one_schedules_and_nothing_doubles(town, turn):
    start_and_kill(town, 2 + turn % 3)


def test_the_same_payment_sent_ten_times_at_once_counts_once(town):
    servers = town.start(2)
    paid = {"amount": "20.00", "paid_on": "2025-01-02"}

    def send(number, path, body, **more):
        server, headers = servers[number % 2], {"Authorization": f"Bearer {town.tokens[Role.TREASURER]}"}
        return httpx2.post(f"http://{server.address}/api/v1{path}", headers=headers | more, json=body, timeout=60)

    told = paid | {"source": "bank", "external_id": "T-1"}
    known = together(TIMES, lambda number: send(number, "/associations/A1/payments", told))
    assert sorted(answer.status_code for answer in known) == [200] * (TIMES - 1) + [201]
    key = {"Idempotency-Key": "T-2"}
    keyed = together(TIMES, lambda number: send(number, "/associations/A2/payments", paid, **key))
    assert {answer.status_code for answer in keyed} == {201}
    assert len({answer.json()["payment"] for answer in known}) == len({answer.text for answer in keyed}) == 1
    assert town.house.rows("SELECT count(*), sum(amount_cents) FROM payment") == [(2, 4000)]
    assert town.house.rows("SELECT sum(amount_cents) FROM ledger_entry WHERE payment_id IS NOT NULL") == [(4000,)]
    receipts = "SELECT count(*) FROM outbox_message WHERE kind = 'receipt'"
    assert town.house.rows(receipts) == [(2,)]
    town.stop()
    assert town.findings() == []


def open_ballots(town, closes_in):
    """A meeting that has begun, with an open ballot on each member for eight seats; returns its id."""
    now = utc_now()
    began, closes, month = stored(now - timedelta(hours=1)), stored(now + closes_in), f"{now.year}-07"
    with town.store.write() as connection:
        seats = [(seat, seat, f"{seat}@ca.example", "member") for seat in VOTERS]
        connection.exec_driver_sql("INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)", seats)
        sql = """INSERT INTO meeting (month, held_at, publish_at, confirm_by, closes_at, place, confirmed, published_at,
            opened_at, items, present) VALUES (?, ?, ?, ?, ?, '', 1, ?, ?, ?, '')"""
        row = (month, began, began, began, closes, began, began, len(MEMBERS))
        meeting = connection.exec_driver_sql(sql, row).lastrowid
        sql = """INSERT INTO ballot (instance_id, meeting_id, trigger, year, status, opens_at, closes_at, electorate,
            approve, reject, abstain, took_part, missing, reason, rule, annulled_by, annulled_reason)
            SELECT id, ?, 'suspend', ?, 'open', ?, ?, ?, 0, 0, 0, 0, '', '', ?, '', '' FROM workflow_instance"""
        rule = json.dumps(town.house.engine.rules.board.counting.as_texts())
        connection.exec_driver_sql(sql, (meeting, now.year, began, closes, "|".join(VOTERS), rule))
    return meeting


@pytest.mark.parametrize("closes_in", [timedelta(hours=1), timedelta(seconds=6)], ids=["by hand", "at its hour"])
def test_every_vote_acknowledged_while_the_ballots_close_is_counted_and_none_after(tmp_path, closes_in):
    now = utc_now()
    town = Town(tmp_path, now - timedelta(hours=2), state=State.REMINDED, owes=(now.year,))
    try:
        servers = town.start(2)
        meeting = open_ballots(town, closes_in)
        vote_until_refused(town, servers, meeting, by_hand=closes_in > timedelta(minutes=1))
    finally:
        town.end()


def vote_until_refused(town, servers, meeting, *, by_hand):
    """All seats vote and change their votes, on two servers, until they are refused."""
    ballots = [row[0] for row in town.house.rows("SELECT id FROM ballot ORDER BY id")]
    tokens = [town.token(Role.BOARD, seat) for seat in VOTERS]
    busy = Semaphore(0)

    def vote(number):
        kept: dict[tuple[int, str], str] = {}
        for choice, ballot in zip(cycle(("approve", "reject", "abstain")), cycle(ballots), strict=False):
            answer = servers[number % 2].ask("PUT", f"/ballots/{ballot}/vote", tokens[number], json={"choice": choice})
            if answer.status_code != 200:
                busy.release(4 * len(VOTERS))  # whoever waits to close waits no longer
                return kept, answer.status_code
            kept[ballot, VOTERS[number]] = choice
            busy.release()
        raise AssertionError("a cycle does not end")

    def close(_number):
        for _ in range(4 * len(VOTERS)):
            busy.acquire()
        closed = servers[0].ask("POST", f"/meetings/{meeting}/close", town.tokens[Role.SECRETARY])
        assert closed.status_code == 200, closed.text

    said = together(len(VOTERS) + by_hand, lambda number: vote(number) if number < len(VOTERS) else close(number))
    votes = said[: len(VOTERS)]
    assert {status for _, status in votes} == {409}
    until(lambda: not town.house.rows("SELECT 1 FROM ballot WHERE status = 'open'"))
    counted = {
        (ballot, seat): choice
        for ballot, seat, choice in town.house.rows(
            "SELECT ballot_id, seat, choice FROM vote WHERE superseded_at IS NULL"
        )
    }
    assert counted == {which: choice for kept, _ in votes for which, choice in kept.items()}
    frozen = town.house.rows("SELECT sum(approve + reject + abstain) FROM ballot")
    assert frozen == [(len(counted),)]
    town.stop()
    assert town.findings() == []
