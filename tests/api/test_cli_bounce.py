"""`relance bounce`, as a mail server's pipe runs it: its end is what the mail server goes by."""

import sqlite3

import pytest

from api.links import key_of
from api.settings import load_settings
from tests.notifications.returned import recipient, report

ANA = "contact@a0001.example"


def pipe(desk, raw, code=0):
    """Hand a message over; returns what was said."""
    from api.cli import main

    result = desk._runner.invoke(main, ["bounce"], input=raw)
    assert result.exit_code == code, result.stderr
    lines = (result.stdout + result.stderr).splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def told(called):
    """The call for dues was taken by a server."""
    called.type("tick")
    called.damage("UPDATE outbox_message SET status = 'sent', sent_at = created_at")
    return called


def number_of(desk, address):
    return desk.rows("SELECT id FROM outbox_message WHERE recipient = ?", address)[0][0]


def bounce_of(desk, address, **said):
    key = desk.rows("SELECT dedupe_key FROM outbox_message WHERE recipient = ?", address)[0][0]
    return report(recipient(address, **said), token=key_of(load_settings()).token(key))


def test_a_bounce_is_read_from_the_pipe(told):
    mail = f"message {number_of(told, ANA)}, call_for_dues to {ANA}"
    said = pipe(told, bounce_of(told, ANA))
    assert said == f"{mail}: hard bounce: A0001 is unreachable (550 5.1.1 no such user)"
    assert [task["kind"] for task in told.json("tasks")] == ["unreachable"]
    assert [message["status"] for message in told.json("outbox", "--status", "bounced")] == ["bounced"]
    assert told.say("verify")
    assert pipe(told, bounce_of(told, ANA)) == f"{mail}: known already"


def test_a_mail_refused_for_policy_leaves_again_when_a_person_says_so(told):
    pipe(told, bounce_of(told, ANA, status="5.7.1", said="550 5.7.1 spam"))
    assert told.say("verify")
    assert told.say("outbox", "retry", number_of(told, ANA)) == ["1 message will be kept for reading"]
    assert told.rows("SELECT status, error FROM outbox_message WHERE recipient = ?", ANA) == [("pending", "")]


@pytest.mark.parametrize("raw", [b"", b"From: ana@velo.example\n\nMerci !", b"\xff\x00" * 3_000_000])
def test_what_is_no_bounce_is_no_error(told, raw):
    before = told.dump()
    assert pipe(told, raw) == "not a bounce: nothing done"
    assert told.dump() == before


def test_what_cannot_be_done_now_is_tried_again(told, monkeypatch):
    raw = bounce_of(told, ANA)
    monkeypatch.setitem(__import__("engine.store").store.PRAGMAS, "busy_timeout", "50")
    holder = sqlite3.connect(told.folder / "relance.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "another program keeps it locked; nothing was changed; to be tried again" in pipe(told, raw, code=75)
    holder.execute("ROLLBACK")
    holder.close()
    (told.folder / "relance.toml").write_text("[nonsense]\n")
    assert "nonsense" in pipe(told, raw, code=75)
    (told.folder / "relance.toml").write_text("")
    assert "A0001 is unreachable" in pipe(told, raw)


def test_an_error_that_nobody_foresaw_loses_nothing(told, monkeypatch):
    def stumble(*_):
        raise KeyError("x")

    monkeypatch.setattr("api.bounced.read_bounce", stumble)
    assert pipe(told, b"x", code=75) == "relance: KeyError: 'x'; to be tried again"
