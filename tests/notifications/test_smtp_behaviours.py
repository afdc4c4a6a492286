"""What a mail server can do to us: each ends in its stated state, and nothing is sent twice that nobody released.

After each behaviour the same server turns well and a week passes: whatever may still leave has left by then.
"""

import socket
import ssl
from datetime import timedelta

import pytest

from notifications.claims import release
from notifications.pump import Hooks
from notifications.smtp import Server
from tests.notifications.posting import BODY, CALM, QUICK, START, Post
from tests.notifications.smtp_server import DROP, HANG, Cut, Gulp, Late, Slow, SmtpServer

MINUTE = timedelta(minutes=1)


@pytest.fixture
def post():
    made = Post()
    yield made
    made.close()


def a_week_later(post, pump, server):
    """The server is well from now on: let everything leave that still may, and more time pass."""
    server.obey()
    for hours in (1, 24, 24 * 6):
        post.later(hours=hours)
        pump.round()


@pytest.mark.parametrize(
    "script",
    [
        {"CONNECT": "421 4.3.2 busy"},
        {"CONNECT": "554 5.7.1 go away"},
        {"CONNECT": "what?"},
        {"CONNECT": DROP},
        {"CONNECT": HANG},
        {"EHLO": HANG},
        {"EHLO": "421 closing"},
        {"EHLO": "500 unknown", "HELO": "500 unknown"},
        {"MAIL": "421 4.3.2 closing"},
        {"MAIL": "450 4.3.2 not now"},
        {"MAIL": "530 5.7.0 authenticate first"},
        {"MAIL": "999 what?"},
        {"MAIL": "gibberish"},
        {"MAIL": DROP},
        {"MAIL": HANG},
        {"RCPT": "421 4.7.0 closing"},
        {"RCPT": "450 4.2.0 greylisted"},
        {"RCPT": "354 what?"},
        {"RCPT": DROP},
        {"RCPT": HANG},
        {"RCPT": Cut("452 too many")},
        {"DATA": "421 closing"},
        {"DATA": "451 4.3.0 not now"},
        {"DATA": "250 what?"},
        {"DATA": DROP},
        {"DATA": HANG},
        {"DOT": "421 closing"},
        {"DOT": "451 4.3.0 disk full"},
        {"DOT": "452 4.3.1 no room"},
        {"RCPT": "450 later", "RSET": DROP},
        {"RCPT": "450 later", "RSET": HANG},
    ],
    ids=str,
)
def test_it_is_tried_again_and_arrives_once(post, script):
    post.put()
    with SmtpServer(**script) as server:
        pump = post.pump(server, QUICK)
        pump.round()
        row = post.row()
        assert (row.status, row.attempts, post.due_in()) == ("pending", 1, MINUTE)
        assert row.error
        assert (row.claim, row.data_at) == (None, None)
        assert server.accepted == []
        a_week_later(post, pump, server)
        assert post.row().status == "sent"
        assert len(server.accepted) == 1


@pytest.mark.parametrize(
    ("script", "bad_address"),
    [
        ({"MAIL": "550 5.7.1 you may not send"}, False),
        ({"MAIL": "552 5.3.4 too big"}, False),
        ({"RCPT": "550 5.1.1 no such user"}, True),
        ({"RCPT": "550 no such user"}, True),
        ({"RCPT": "550 5.2.1 mailbox disabled"}, True),
        ({"RCPT": "556 5.1.10 takes no mail"}, True),
        ({"RCPT": "554 5.7.1 relay access denied"}, False),
        ({"RCPT": "550 5.7.1 your address is on a list"}, False),
        ({"RCPT": "552 5.2.2 mailbox full"}, False),
        ({"RCPT": "554 no"}, False),
        ({"RCPT": "550 5.1.8 sender's domain unknown"}, False),
        ({"DATA": "554 5.5.1 no valid recipients"}, False),
        ({"DOT": "550 5.7.1 looks like spam"}, False),
        ({"DOT": "550 5.1.1 no such user"}, True),
    ],
    ids=str,
)
def test_it_is_refused_for_good(post, script, bad_address):
    told = []
    post.put()
    with SmtpServer(**script) as server:
        pump = post.pump(server, QUICK, Hooks(refused_for_good=lambda *what: told.append(what)))
        pump.round()
        assert (post.row().status, post.row().error) == ("failed", *script.values())
        assert told == ([(1, "contact@a0000.example", START)] if bad_address else [])
        a_week_later(post, pump, server)
        assert post.row().status == "failed"
        assert server.accepted == []


@pytest.mark.parametrize(
    "script",
    [
        {"DOT": HANG},
        {"DOT": DROP},
        {"DOT": "gibberish"},
        {"DOT": "354 what?"},
        {"DOT": Late("250 2.0.0 Ok, at last")},
        {"DATA": Gulp("354 Go ahead")},
    ],
    ids=lambda script: str(script)[:30],
)
def test_nobody_knows_whether_it_arrived(post, script):
    post.put()
    with SmtpServer(**script) as server:
        pump = post.pump(server, QUICK)
        pump.round()
        assert post.row().status == "uncertain"
        assert post.tasks() == [("uncertain_mail", "message 1")]
        arrived = len(server.taken)
        for act in script.values():
            if isinstance(act, Late):
                act.go.set()
        a_week_later(post, pump, server)
        assert post.row().status == "uncertain"
        assert len(server.taken) == arrived
        with post.store.write() as connection:
            release(connection, 1, post.clocks.at, "Ana")
        pump.round()
        assert post.row().status == "sent"
        assert len(server.taken) == arrived + 1
        assert post.tasks() == []


@pytest.mark.parametrize(
    "script",
    [
        {},
        {"DOT": Slow("250 2.0.0 Ok")},
        {verb: Slow(text) for verb, text in {"CONNECT": "220 slow", "EHLO": "250 slow", "MAIL": "250 Ok"}.items()},
        {"EHLO": "500 unknown", "HELO": "250 old"},
        {"RCPT": "251 will forward"},
        {"DOT": "250-2.0.0 Ok\r\n250 queued"},
        {"QUIT": HANG},
        {"QUIT": DROP},
    ],
    ids=lambda script: str(script)[:30],
)
def test_it_is_taken(post, script):
    post.put()
    with SmtpServer(**script) as server:
        pump = post.pump(server, CALM if "QUIT" not in script else QUICK)
        pump.round()
        row = post.row()
        assert (row.status, row.sent_at, row.error) == ("sent", START, "")
        assert row.answer.startswith("250 ")
        (taken,) = server.taken
        assert taken.recipient == "contact@a0000.example"
        assert taken.text == BODY
        a_week_later(post, pump, server)
        assert len(server.taken) == 1


def test_a_late_250_in_time_is_enough(post):
    late = Late("250 2.0.0 Ok, at last")
    post.put()
    with SmtpServer(DOT=late) as server:
        pump = post.pump(server, lease=timedelta(seconds=0.03))  # so that the claim is held on to many times
        server.reached["DOT"].clear()
        seen = []
        original = pump._hold

        async def hold(claimed):
            beat = original(claimed)
            seen.append(claimed)
            await beat

        pump._hold = hold
        pump._tell_alive = lambda: late.go.set() if server.reached["DOT"].is_set() else None
        pump.round()
        assert post.row().status == "sent"
        assert len(server.taken) == 1
        assert seen


def test_the_connection_is_refused(post):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    post.put(3)
    pump = post.pump(Server("127.0.0.1", port))
    pump.round()
    assert post.statuses() == ["pending"] * 3
    assert {row.due_at - post.clocks.at for row in post.rows()} == {MINUTE}
    assert "Connect call failed" in post.rows()[2].error


def test_greylisting(post):
    post.put()
    with SmtpServer(RCPT=["450 4.2.0 greylisted, come back in 5 minutes"] * 2 + ["250 Ok"]) as server:
        pump = post.pump(server)
        pump.round()
        post.later(minutes=1)
        pump.round()
        assert (post.row().status, post.due_in()) == ("pending", 5 * MINUTE)
        assert server.taken == []
        post.later(minutes=5)
        pump.round()
        assert (post.row().status, post.row().attempts) == ("sent", 3)
        assert len(server.taken) == 1


# TLS


@pytest.fixture
def offering_tls(certificate):
    """A server that offers STARTTLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with SmtpServer(context, EHLO="250-sink\r\n250 STARTTLS", STARTTLS="220 go") as server:
        yield server


def test_a_server_that_nobody_vouches_for_gets_nothing(post, offering_tls):
    post.put(2)
    pump = post.pump(Server("localhost", offering_tls.port, "starttls"))
    pump.round()
    assert post.statuses() == ["pending"] * 2
    assert "certificate" in post.rows()[0].error
    assert [line for line in offering_tls.said if line.startswith("MAIL")] == []


def test_a_server_that_is_trusted_gets_it_encrypted(post, offering_tls, certificate):
    post.put(2)
    trusting = ssl.create_default_context(cafile=certificate[0])
    pump = post.pump(Server("localhost", offering_tls.port, "starttls", tls_context=trusting))
    pump.round()
    assert post.statuses() == ["sent"] * 2
    assert offering_tls.connections == 1


@pytest.mark.parametrize(
    ("tls", "script"),
    [
        ("starttls", {}),
        ("starttls", {"EHLO": "250-sink\r\n250 STARTTLS", "STARTTLS": "454 4.7.0 no TLS now"}),
        ("starttls", {"EHLO": "250-sink\r\n250 STARTTLS", "STARTTLS": DROP}),
        ("starttls", {"EHLO": "250-sink\r\n250 STARTTLS", "STARTTLS": HANG}),
        ("implicit", {}),
        ("implicit", {"CONNECT": HANG}),
    ],
    ids=str,
)
def test_tls_fails(post, tls, script):
    post.put()
    with SmtpServer(**script) as server:
        pump = post.pump(Server("127.0.0.1", server.port, tls), QUICK)
        pump.round()
        assert (post.row().status, post.due_in()) == ("pending", MINUTE)
        assert post.row().error
        assert server.taken == []


@pytest.mark.parametrize(
    "script", [{}, {"EHLO": "250-sink\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 wrong password"}], ids=str
)
def test_our_account_is_refused(post, script):
    post.put(2)
    with SmtpServer(**script) as server:
        pump = post.pump(Server("127.0.0.1", server.port, username="relance", password=lambda: "secret"))
        pump.round()
        assert post.statuses() == ["pending"] * 2
        assert server.connections == 1
        assert "secret" not in post.rows()[0].error
        server.obey(EHLO="250-sink\r\n250 AUTH PLAIN")
        post.later(minutes=1)
        pump.round()
        assert post.statuses() == ["sent"] * 2
