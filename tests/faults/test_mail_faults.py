"""The pump while the database takes no write: what a server accepted is sent once, or uncertain, never again."""

import sqlite3
import threading
from contextlib import contextmanager

import pytest

from engine import store
from engine.faults import DatabaseFault, Fault
from notifications.pump import Hooks, RealTime
from tests.notifications.posting import Post
from tests.notifications.smtp_server import GOOD, Late, SmtpServer
from tests.served import until


@pytest.fixture
def post(tmp_path, monkeypatch):
    """An outbox in a file with one mail, whose locks are waited for no longer than a test can wait."""
    monkeypatch.setitem(store.PRAGMAS, "busy_timeout", "100")
    made = Post(f"sqlite:///{tmp_path / 'post.db'}")
    made.put()
    yield made
    made.close()


@contextmanager
def locked(post):
    """Another program holds the database."""
    other = sqlite3.connect(post.store.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("COMMIT")
        other.close()


class Heard:
    """What the pump told of."""

    def __init__(self):
        self.kinds = []

    def __call__(self, fault):
        self.kinds.append(None if fault is None else fault.kind)


@contextmanager
def accepted_but_not_written(post, server, answer, heard):
    """A pump at work whose mail was accepted at a moment when nothing could be written down."""
    pump = post.pump(server, hooks=Hooks(hindered=heard), poll_seconds=0.05)
    pump._time = RealTime()
    thread = threading.Thread(target=pump.run)
    thread.start()
    assert server.reached["DOT"].wait(20)
    with locked(post):
        answer.go.set()
        until(lambda: Fault.LOCKED in heard.kinds)
        assert post.statuses() == ["sending"]
        yield pump, thread
    pump.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_a_mail_that_was_accepted_is_written_down_as_soon_as_it_can_be(post):
    answer, heard = Late(str(GOOD["DOT"])), Heard()
    with SmtpServer(DOT=answer) as server:
        with accepted_but_not_written(post, server, answer, heard) as (_, thread):
            assert thread.is_alive()
        assert post.statuses() == ["sent"]
        assert post.tasks() == []
        assert len(server.taken) == 1
    assert heard.kinds[-1] is None


def test_a_pump_that_has_to_stop_meanwhile_leaves_it_uncertain_and_nobody_sends_it_again(post):
    answer, heard = Late(str(GOOD["DOT"])), Heard()
    with SmtpServer(DOT=answer) as server:
        with accepted_but_not_written(post, server, answer, heard) as (pump, thread):
            pump.stop()
            thread.join(20)
            assert not thread.is_alive()
        post.later(days=1)
        next_one = post.pump(server)
        next_one._time = RealTime()
        post.clocks.at = next_one._time.now()
        with post.store.write() as connection:  # its claim has lapsed
            connection.exec_driver_sql("UPDATE outbox_message SET due_at = '2020-01-01 00:00:00.000000'")
        next_one.round()
        next_one.round()
        assert post.statuses() == ["uncertain"]
        assert [kind for kind, _ in post.tasks()] == ["uncertain_mail"]
        assert len(server.taken) == 1


def test_what_is_known_is_written_before_a_lapsed_claim_is_thought_uncertain(post, monkeypatch):
    with SmtpServer() as server:
        pump = post.pump(server)
        exchange = pump._exchange

        def full(limit, done=None):
            if pump._unwritten:
                raise DatabaseFault(database="post.db", reason="the disk is full; nothing was changed", kind=Fault.FULL)
            return exchange(limit, done)

        monkeypatch.setattr(pump, "_exchange", full)
        with pytest.raises(DatabaseFault):
            pump.round()
        monkeypatch.undo()
        post.later(hours=1)
        assert pump.round()["uncertain"] == 0
        assert post.statuses() == ["sent"]
        with post.session() as session:
            assert session.connection().exec_driver_sql("SELECT count(*) FROM task").scalar_one() == 0
        assert len(server.taken) == 1
