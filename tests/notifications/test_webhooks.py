"""One signed message to a real server: what leaves, what is not followed, how long it waits."""

import socket
import ssl
import time
from datetime import UTC, datetime
from functools import partial

import pytest

from api.signatures import key_of, sign
from notifications.webhooks import Hook, body_of, post
from tests.notifications.receiver import Receiver

KEY = key_of("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=")
NOW = datetime(2025, 9, 1, 7, tzinfo=UTC)
BODY = body_of("transition.suspend", NOW, {"association": "Été"})


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def hook_to(url, **more):
    return Hook("there", url, partial(sign, KEY), **({"allow_private": True} | more))


def test_it_arrives_signed_so_that_the_receiver_can_verify_it(receiver):
    reply = post(hook_to(receiver.url + "?a=1"), "abc", BODY, NOW)
    assert reply.taken
    assert reply.text == "answered 204"
    [taken] = receiver.taken
    taken.verify(KEY)
    assert (taken.path, taken.id, taken.headers["webhook-timestamp"]) == ("/hook?a=1", "abc", "1756710000")
    assert taken.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert taken.headers["content-type"] == "application/json"
    assert taken.said == {
        "type": "transition.suspend",
        "timestamp": "2025-09-01T07:00:00Z",
        "data": {"association": "Été"},
    }


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver, status):
    receiver.answers = [(status, {"location": "/elsewhere"})]
    reply = post(hook_to(receiver.url), "abc", BODY, NOW)
    assert not reply.taken
    assert reply.text == f"answered {status} (redirects are not followed: give the address it names)"
    assert [taken.path for taken in receiver.taken] == ["/hook"]


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_it_does_not_wait_longer_than_it_has_patience(receiver, answer):
    receiver.answers = [answer]
    began = time.monotonic()
    reply = post(hook_to(receiver.url), "abc", BODY, NOW, patience=0.3)
    assert (reply.status, reply.text, reply.away) == (None, "no answer within 0.3 s", True)
    assert time.monotonic() - began < 5


def test_what_is_no_http_is_no_answer(receiver):
    receiver.answers = ["junk"]
    reply = post(hook_to(receiver.url), "abc", BODY, NOW)
    assert reply.status is None
    assert reply.away


def test_a_refused_connection_and_a_name_that_nobody_has():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        reply = post(hook_to(f"http://127.0.0.1:{taken.getsockname()[1]}/"), "abc", BODY, NOW)
    assert reply.away
    assert "refused" in reply.text
    reply = post(hook_to("http://nobody.invalid/"), "abc", BODY, NOW)
    assert reply.away
    assert reply.text.startswith("nobody.invalid is not found")


@pytest.fixture
def secured(certificate):
    """A receiver with TLS, whose certificate is for localhost and nobody else vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    made = Receiver(context)
    yield made
    made.close()


def test_a_receiver_that_nobody_vouches_for_is_told_nothing(secured):
    reply = post(hook_to(f"https://localhost:{secured.port}/hook"), "abc", BODY, NOW)
    assert "certificate" in reply.text
    assert reply.away
    assert secured.taken == []


def test_the_certificate_is_for_the_name_not_for_the_address_it_led_to(secured, certificate, monkeypatch):
    trusting = ssl.create_default_context(cafile=certificate[0])
    monkeypatch.setattr("notifications.webhooks._tls", lambda: trusting)
    assert post(hook_to(f"https://localhost:{secured.port}/hook"), "abc", BODY, NOW).taken
    secured.taken[0].verify(KEY)
    for other in ("127.0.0.1", "127.1"):
        reply = post(hook_to(f"https://{other}:{secured.port}/hook"), "abc", BODY, NOW)
        assert "certificate" in reply.text
    assert len(secured.taken) == 1


def test_the_house_itself_is_not_reached_unless_that_is_allowed(receiver):
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f000001"):
        url = f"http://{host}:{receiver.port}/hook"
        reply = post(hook_to(url, allow_private=False), "abc", BODY, NOW)
        assert "is a private or special address; allow_private = true allows it" in reply.text, url
        assert reply.away
    assert receiver.taken == []


def test_a_name_that_changes_after_it_was_looked_at_leads_nowhere_else(receiver, monkeypatch):
    """DNS rebinding: the name is asked once, and the connection goes to the answer that was looked at."""
    asked, really = [], socket.getaddrinfo

    def answer(host, *rest, **more):
        if host == "rebinding.example":
            asked.append(host)
            return really("192.0.2.1" if len(asked) > 1 else "127.0.0.1", *rest, **more)
        return really(host, *rest, **more)

    monkeypatch.setattr("socket.getaddrinfo", answer)
    assert post(hook_to(f"http://rebinding.example:{receiver.port}/hook"), "abc", BODY, NOW, patience=2).taken
    assert len(asked) == 1
    assert receiver.taken[0].headers["host"] == f"rebinding.example:{receiver.port}"


def test_no_proxy_of_the_environment_stands_between(receiver, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1/")
    assert post(hook_to(receiver.url), "abc", BODY, NOW).taken
