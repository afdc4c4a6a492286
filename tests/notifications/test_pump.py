"""The pump over months of virtual time, beside other pumps, interrupted, and asked whether a mail is still right."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from time import sleep

import pytest

from engine.clock import utc_now
from engine.errors import Invalid, NotAllowed
from engine.faults import DatabaseFault
from engine.store import Store, stored
from notifications import claims
from notifications.claims import DELAYS
from notifications.mail import Composer
from notifications.pump import Habits, Hooks, Pace, Pump
from notifications.smtp import Postman, Server, Timeouts
from tests.notifications.posting import CALM, SENDER, START, Clocks, Post
from tests.notifications.smtp_server import DROP, HANG, SmtpServer

ROOT = Path(__file__).parents[2]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LEASE = Habits().lease


@pytest.fixture
def post():
    made = Post()
    yield made
    made.close()


@pytest.fixture
def filed(tmp_path):
    made = Post(f"sqlite:///{tmp_path / 'post.db'}")
    yield made
    made.close()


@pytest.fixture
def server():
    with SmtpServer() as made:
        yield made


@pytest.fixture
def nowhere():
    """A server that is not there."""
    return Server("127.0.0.1", 1)


def attempts(post, pump, until=timedelta(days=8)):
    """Let time pass until nothing waits any more; return when the server was tried, since the start."""
    tried = []
    while post.row().status == "pending" and post.clocks.at - START < until:
        post.clocks.at = max(post.clocks.at, post.row().due_at)
        tried.append(post.clocks.at - START)
        pump.round()
    return tried


# When it is tried again


def test_it_is_tried_for_five_days(post, nowhere):
    post.put(event=None, year=None)
    tried = attempts(post, post.pump(nowhere))
    gaps = [later - sooner for sooner, later in pairwise(tried)]
    assert gaps[:7] == [MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR]
    assert set(gaps[7:]) == {6 * HOUR}
    assert timedelta(days=5) - 6 * HOUR < tried[-1] <= timedelta(days=5)
    row = post.row()
    assert row.status == "failed"
    assert row.error.startswith(f"given up after {len(tried)} attempts: Error connecting")


def test_it_is_tried_until_the_window_ends(post, nowhere):
    post.put()
    asked = []

    def closes_at(event, year):
        asked.append((event, year))
        return START + 3 * HOUR

    tried = attempts(post, post.pump(nowhere, hooks=Hooks(closes_at=closes_at)))
    assert [str(at) for at in tried] == ["0:00:00", "0:01:00", "0:06:00", "0:36:00", "1:36:00"]
    assert post.row().status == "failed"
    assert set(asked) == {("remind", 2025)}


def test_every_mail_is_deferred_when_the_server_is_away(post, nowhere):
    post.put(2)
    post.put(1, due_at=START + HOUR, attempts=3, dedupe_key="waits already")
    pump = post.pump(nowhere)
    assert pump.round() == Counter({"later": 1})
    assert [row.attempts for row in post.rows()] == [1, 1, 3]
    pump.round()
    assert [row.attempts for row in post.rows()] == [1, 1, 3]


def test_a_clock_that_was_set_back_keeps_nothing_waiting(post, server):
    post.put(1)
    post.put(1, attempts=2, due_at=START + HOUR, dedupe_key="tried")
    post.put(1, status="sending", claim="gone", due_at=START, dedupe_key="interrupted")
    post.clocks.at = START - timedelta(days=365)
    pump = post.pump(server)
    pump.round()
    assert post.statuses() == ["sent"] * 3


def test_a_first_attempt_is_always_made(post, server):
    post.put()
    post.later(days=30)
    post.pump(server).round()
    assert post.row().status == "sent"


def test_each_attempt_is_the_same_to_the_byte(post):
    post.put()
    with SmtpServer(DOT=["451 later", "451 later", "250 Ok"]) as server:
        attempts(post, post.pump(server))
        contents = {taken.content for taken in server.taken}
        assert len(server.taken) == 3
        assert len(contents) == 1


def test_what_the_server_is_told(post, server):
    post.put()
    post.pump(server).round()
    (taken,) = server.taken
    token = taken.message["Message-ID"][1:].partition("@")[0]
    assert taken.sender == f"MAIL FROM:<tresorerie@lepic.example> SIZE={len(taken.content)} RET=HDRS ENVID={token}"
    assert f"RCPT TO:<{taken.recipient}> NOTIFY=FAILURE,DELAY ORCPT=rfc822;{taken.recipient}" in server.said
    server.obey(EHLO="250 sink")
    post.put(1, dedupe_key="another")
    post.pump(server).round()
    assert server.taken[1].sender == "MAIL FROM:<tresorerie@lepic.example>"


# Whether it leaves


@pytest.mark.parametrize(("configured", "switched"), [(False, "live"), (True, "capture"), (True, None)])
def test_it_leaves_only_when_both_switches_say_so(post, server, configured, switched):
    post.switch(switched or "capture")
    if switched is None:
        with post.store.write() as connection:
            connection.exec_driver_sql("DELETE FROM switch")
    post.put(2)
    post.put(1, body=None, dedupe_key="no words yet")
    pump = post.pump(server, live=configured)
    assert pump.round() == Counter({"captured": 2})
    assert post.statuses() == ["captured", "captured", "pending"]
    assert {row.sent_at for row in post.rows()} == {None}
    assert server.connections == 0


def test_the_switch_stops_it_at_once(post, server):
    post.put(3)
    pump = post.pump(server, max_per_minute=60)
    wait = post.clocks.wait

    def turned_off(seconds, until):
        wait(seconds, until)
        post.switch("capture")

    post.clocks.wait = turned_off
    pump.round()
    assert len(server.taken) == 1
    assert post.statuses() == ["sent", "pending", "pending"]
    pump.round()
    assert post.statuses() == ["sent", "captured", "captured"]


def test_words_come_first(post, server):
    post.put(body=None)

    def write_words():
        with post.store.write() as connection:
            connection.exec_driver_sql("UPDATE outbox_message SET body = 'at last'")

    post.pump(server, hooks=Hooks(write_words=write_words)).round()
    assert server.taken[0].text == "at last\n"


def test_what_is_kept_nowhere_is_put_in_as_it_leaves(post, server):
    post.put(body="vote: ••••")
    post.pump(server, hooks=Hooks(fill=lambda mail: replace(mail, body=mail.body.replace("••••", "secret")))).round()
    assert server.taken[0].text == "vote: secret\n"
    assert post.row().body == "vote: ••••"


def test_what_cannot_be_put_in_now_leaves_later(post, server):
    post.put()
    broken = [DatabaseFault(database="relance.db", reason="full")]

    def fill(mail):
        if broken:
            raise broken.pop()
        return mail

    pump = post.pump(server, hooks=Hooks(fill=fill))
    pump.round()
    assert (post.row().status, len(server.taken)) == ("pending", 0)
    post.later(minutes=1)
    pump.round()
    assert (post.row().status, len(server.taken)) == ("sent", 1)


def test_one_mail_that_nothing_can_be_put_into_does_not_hold_up_the_others(post, server):
    post.put(body="broken")
    post.put(body="whole", dedupe_key="whole")

    def fill(mail):
        if mail.body == "broken":
            raise ValueError(mail.dedupe_key)
        return mail

    post.pump(server, hooks=Hooks(fill=fill)).round()
    assert post.statuses() == ["failed", "sent"]


def test_what_may_still_be_added_to_waits_for_its_time(post, server):
    post.put(due_at=START + 10 * MINUTE)
    pump = post.pump(server)
    pump.round()
    assert post.statuses() == ["pending"]
    post.later(minutes=10)
    pump.round()
    assert post.statuses() == ["sent"]


def test_what_has_become_wrong_is_dropped_with_its_reason(post, server):
    post.put(5)

    def no_longer_right(_connection, ids):
        return {one: f"{one} is paid by now" for one in ids if one in {1, 2, 4}}

    pump = post.pump(server, hooks=Hooks(no_longer_right=no_longer_right))
    assert pump.round() == Counter({"dropped": 3, "accepted": 2})
    assert post.statuses() == ["dropped", "dropped", "sent", "dropped", "sent"]
    assert post.rows()[3].error == "4 is paid by now"


def test_what_is_no_address_is_refused_before_the_server_is_asked(post, server):
    told = []
    post.put(recipient="a:b:c;;")
    post.pump(server, hooks=Hooks(refused_for_good=lambda *what: told.append(what))).round()
    assert post.row().status == "failed"
    assert post.row().error.startswith("'a:b:c;;' is not a mail address: ")
    assert told == [(1, "a:b:c;;", START)]
    assert server.connections == 0


def test_a_step_is_proven_by_the_servers_word(post, server):
    post.put(2, instance_id=1)
    with post.store.write() as connection:
        sql = """INSERT INTO occurrence (instance_id, event, year, status, at, effective_at)
            VALUES (1, 'remind', 2025, 'acted', ?, ?)"""
        connection.exec_driver_sql(sql, (stored(START), stored(START)))
    server.obey(DOT=HANG)
    pump = post.pump(server, Timeouts(5, 5, 0.2, 0.2))
    pump.round()
    proven = "SELECT proven_at FROM occurrence"
    with post.store.read() as connection:
        assert connection.exec_driver_sql(proven).scalar_one() is None
    server.obey()
    with post.store.write() as connection:
        claims.arrived(connection, 1, post.clocks.at, "Ana")
        assert connection.exec_driver_sql(proven).scalar_one() is not None
    assert post.rows()[0].answer == "arrived, says Ana"
    assert post.tasks() == [("uncertain_mail", "message 2")]


# How fast


def test_no_more_than_so_many_a_minute_leave(post, server):
    post.put(61)
    post.pump(server, max_per_minute=30).round()
    assert post.statuses() == ["sent"] * 61
    assert post.clocks.seconds == pytest.approx(61 * 2)
    assert server.connections == 1


def test_a_fast_pace_goes_in_groups(post):
    pace = Pace(6000)
    for _ in range(10):
        pace.went(pace.limit(), 0.0, 0.001, smoothly=True)
    assert pace.limit() == 10
    assert pace.wait(0.05) == pytest.approx(0.05)
    pace.went(10, 0.0, 1.0, smoothly=True)
    assert pace.limit() == 1
    free = Pace(None)
    for _ in range(20):
        free.went(free.limit(), 0.0, 0.0005 * free.limit(), smoothly=True)
    assert free.limit() == 200
    free.went(5, 0.0, 0.1, smoothly=False)
    assert free.limit() == 1


def test_one_connection_carries_them_all(post, server):
    post.put(200)
    post.pump(server).round()
    assert Counter(post.statuses()) == {"sent": 200}
    assert len({taken.recipient for taken in server.taken}) == 200
    assert server.connections == 1


def test_a_connection_that_was_closed_is_opened_again(post):
    post.put(3)
    with SmtpServer(MAIL=["250 Ok", DROP, "250 Ok", "421 too many for one connection", "250 Ok"]) as server:
        post.pump(server).round()
        assert post.statuses() == ["sent"] * 3
        assert len(server.taken) == 3
        assert server.connections == 3


def test_one_that_is_refused_does_not_hold_up_the_others(post):
    post.put(40)
    refusals = ["250 Ok", "550 5.1.1 unknown", "450 later", "250 Ok"]
    with SmtpServer(RCPT=refusals, DOT=["250 Ok", "250 Ok", "554 spam", "451 later", "250 Ok"]) as server:
        post.pump(server).round()
        assert Counter(post.statuses()) == {"sent": 36, "failed": 2, "pending": 2}
        assert len(server.accepted) == 36
        assert server.connections == 1


# Two at a time


def test_two_pumps_share_the_work(filed, server):
    filed.put(300)
    first, second = (filed.pump(server) for _ in range(2))
    threads = [threading.Thread(target=pump.round) for pump in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(filed.statuses()) == {"sent": 300}
    assert len(server.taken) == 300
    assert len({taken.recipient for taken in server.taken}) == 300


def test_a_pump_never_sends_what_it_lost(post):
    """It stood still before the content, another took over: it sees that, and keeps quiet."""
    post.put()
    with SmtpServer() as server:
        slow = post.pump(server)
        quick = post.pump(server)
        may_send = slow._may_send

        def stands_still(mail, *, grouped):
            post.clocks.at += 2 * LEASE
            quick_thread = threading.Thread(target=quick.round)  # another loop, as in another process
            quick_thread.start()
            quick_thread.join()
            return may_send(mail, grouped=grouped)

        slow._may_send = stands_still
        done = slow.round()
        assert done == Counter()
        assert post.row().status == "sent"
        assert len(server.taken) == 1


def test_a_pump_that_was_thought_dead_brings_its_answer(post):
    post.put()
    with SmtpServer() as server:
        pump = post.pump(server)
        exchange = pump._exchange

        def late(limit, done=None):
            if pump._unwritten:
                post.clocks.at += 2 * LEASE
                with post.store.write() as connection:
                    assert claims.recover(connection, post.clocks.at, LEASE) == (0, 1)
                assert post.row().status == "uncertain"
                assert post.tasks() == [("uncertain_mail", "message 1")]
            return exchange(limit, done)

        pump._exchange = late
        pump.round()
        assert post.row().status == "sent"
        assert post.tasks() == []


def test_a_claim_that_lapsed_before_the_content_waits_again(post, server):
    post.put(3, status="sending", claim="gone", due_at=START - MINUTE, attempts=1)
    post.put(1, status="sending", claim="held", due_at=START + LEASE / 2, dedupe_key="somebody else's")
    with post.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET data_at = due_at WHERE id = 2")
    pump = post.pump(server)
    assert pump.round() == Counter({"recovered": 2, "uncertain": 1, "accepted": 2})
    assert post.statuses() == ["sent", "uncertain", "sent", "sending"]
    assert post.rows()[1].error == claims.INTERRUPTED


# Interrupted


KILLED = """
import sys
from notifications.mail import Composer
from notifications.pump import Habits, Hooks, Pump
from notifications.smtp import Postman, Server
from engine.store import Store, stored
from tests.notifications.posting import SENDER
Pump(Store(sys.argv[1]), Postman(Server("127.0.0.1", int(sys.argv[2])), Composer(SENDER)), Hooks(),
     Habits(live=True, max_per_minute=None)).run()
"""


@pytest.mark.parametrize(
    ("verb", "then"),
    [("CONNECT", "sent"), ("MAIL", "sent"), ("RCPT", "sent"), ("DATA", "uncertain"), ("DOT", "uncertain")],
)
def test_a_pump_is_killed(filed, verb, then):
    """Before DATA it is safe to send again; from then on a person decides."""
    filed.put(2, event=None, year=None)
    with SmtpServer(**{verb: HANG}) as server:
        with subprocess.Popen([sys.executable, "-c", KILLED, filed.store.url, str(server.port)], cwd=ROOT) as process:
            assert server.reached[verb].wait(20)
            process.kill()
        assert process.returncode == -9
        assert filed.statuses() == ["sending", "pending"]
        taken = len(server.taken)
        server.obey()
        filed.clocks.at = filed.rows()[0].due_at + timedelta(seconds=1)
        pump = filed.pump(server)
        for _ in range(100):
            pump.round()
            filed.later(hours=2)
        assert filed.statuses() == [then, "sent"]
        assert len(server.taken) == taken + (2 if then == "sent" else 1)
        assert filed.tasks() == ([("uncertain_mail", "message 1")] if then == "uncertain" else [])


def test_a_pump_is_killed_at_full_speed(filed, server):
    filed.put(600, event=None, year=None)
    command = [sys.executable, "-c", KILLED, filed.store.url, str(server.port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        while len(server.taken) < 150 and process.poll() is None:
            sleep(0.001)
        process.kill()
    filed.clocks.at = utc_now() + timedelta(minutes=1)
    filed.pump(server).round()
    assert set(filed.statuses()) == {"sent", "uncertain"}
    taken = Counter(taken.recipient for taken in server.taken)
    assert set(taken.values()) == {1}
    assert {row.recipient for row in filed.rows() if row.status == "sent"} <= set(taken)
    assert len(filed.tasks()) == filed.statuses().count("uncertain")


@pytest.mark.parametrize(("verb", "then"), [("CONNECT", "pending"), ("RCPT", "pending"), ("DATA", "pending")])
def test_it_stops_at_once_before_the_content(filed, verb, then):
    filed.put(3)
    with SmtpServer(**{verb: HANG}) as server:
        pump = Pump(
            filed.store,
            Postman(Server("127.0.0.1", server.port), Composer(SENDER), CALM),
            Hooks(),
            Habits(live=True, max_per_minute=None),
        )
        thread = threading.Thread(target=pump.run)
        thread.start()
        assert server.reached[verb].wait(20)
        pump.stop()
        thread.join(10)
        assert not thread.is_alive()
        assert filed.statuses() == [then] * 3
        assert [row.attempts for row in filed.rows()] == [0] * 3


def test_it_stops_though_the_first_word_to_stop_is_lost(filed):
    filed.put(1)
    begun = threading.Event()

    class Deaf(Postman):
        async def deliver(self, _mail, _may_send):
            begun.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            await asyncio.sleep(60)

    postman = Deaf(Server("127.0.0.1", 1), Composer(SENDER), CALM)
    pump = Pump(filed.store, postman, Hooks(), Habits(live=True, max_per_minute=None))
    thread = threading.Thread(target=pump.run)
    thread.start()
    assert begun.wait(20)
    pump.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert filed.statuses() == ["pending"]


def test_it_waits_for_the_answer_to_a_content(filed):
    filed.put(3)
    with SmtpServer(DOT=HANG) as server:
        pump = filed.pump(server, Timeouts(5, 5, 0.5, 0.2))
        thread = threading.Thread(target=pump.run)
        thread.start()
        assert server.reached["DOT"].wait(20)
        pump.stop()
        thread.join(10)
        assert filed.statuses() == ["uncertain", "pending", "pending"]


def test_it_outlives_what_the_database_refuses(post, server, monkeypatch, caplog):
    post.put(2)
    pump = post.pump(server)
    settle = claims.settle

    def full(*_args):
        raise DatabaseFault(database="dues.db", reason="the disk is full; nothing was changed")

    monkeypatch.setattr(claims, "settle", full)
    with caplog.at_level(logging.CRITICAL), pytest.raises(DatabaseFault):
        pump.round()
    assert server.taken == []
    monkeypatch.setattr(claims, "settle", lambda connection, settled, *rest: full() if settled else None)
    with pytest.raises(DatabaseFault):
        pump.round()
    assert len(server.taken) == 1
    assert post.statuses() == ["sending", "pending"]
    monkeypatch.setattr(claims, "settle", settle)
    pump.round()
    assert post.statuses() == ["sent", "sent"]
    assert len(server.taken) == 2


def test_it_runs_until_it_is_stopped(post, server, monkeypatch, caplog):
    post.put()
    pump = post.pump(server)
    waits = []

    def wait(seconds, until):
        waits.append(seconds)
        post.clocks.seconds += seconds
        if len(waits) == 1:
            monkeypatch.setattr(pump, "_recover", lambda _done: 1 / 0)
        if len(waits) == 3:
            pump.stop()

    post.clocks.wait = wait
    with caplog.at_level(logging.ERROR):
        pump.run()
    assert waits == [2.0] * 3
    assert post.row().status == "sent"
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2
    assert pump.silent_for() == 6.0


# A person decides


def test_what_may_be_released(post):
    for status in ("pending", "sending", "sent", "dropped", "bounced", "failed", "uncertain", "captured"):
        post.put(1, status=status, dedupe_key=status)
    post.put(1, status="failed", recipient="", dedupe_key="nobody")
    for number in (*range(1, 5), 9):
        with post.store.write() as connection, pytest.raises(NotAllowed):
            claims.release(connection, number, START, "Ana")
    for number in (5, 6, 7, 8):
        with post.store.write() as connection:
            claims.release(connection, number, START, "Ana")
    assert post.statuses()[4:8] == ["pending"] * 4
    for number in (5, 8):
        with post.store.write() as connection, pytest.raises(NotAllowed):
            claims.arrived(connection, number, START, "Ana")
    with post.store.write() as connection, pytest.raises(Invalid):
        claims.release(connection, 99, START, "Ana")


def test_due_rows_are_found_by_their_index(post):
    of_rows = (claims._IDS, claims._LAPSED, claims._DEFERRED, claims._CAPTURE, claims._EXTEND)
    for sql in (*of_rows, claims._ANY_DUE, claims._ANY_WAITING):
        with post.store.read() as connection:
            marks = [""] * sql.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", tuple(marks)).fetchall()
        assert "ix_outbox_message_waiting" in plan[0][3]


def test_delays_are_those_promised():
    assert [delay.total_seconds() / 60 for delay in DELAYS] == [1, 5, 30, 60, 120, 240, 360]


def test_nothing_is_opened_for_an_empty_outbox(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'empty.db'}")
    store.create_tables()
    with Pump(store, Postman(Server("127.0.0.1", 1), Composer(SENDER)), Hooks(), Habits(live=True), Clocks()) as pump:
        assert pump.round() == Counter()
    store.close()
