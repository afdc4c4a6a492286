"""Whether mail leaves, typed at a terminal; and what becomes of messages that did not."""

import sqlite3

import pytest

from tests.notifications.smtp_server import SmtpServer

ADDRESSES = """
[organisation]
name = "Les Hébergeurs associés"
short_name = "LHA"
email = "bureau@lha.example"
language = "fr"
"""


@pytest.fixture
def server():
    with SmtpServer() as made:
        yield made


def configure(desk, server=None, mode="live"):
    """Write relance.toml: mail goes to a server on loopback."""
    port = 1 if server is None else server.port
    mail = f'[mail]\nmode = "{mode}"\nhost = "127.0.0.1"\nport = {port}\nfrom_address = "tresorerie@lha.example"\n'
    desk.write("relance.toml", ADDRESSES + mail)


def switch(desk):
    return desk.rows("SELECT value FROM switch WHERE name = 'mail_mode'")[0][0]


def test_it_is_kept_until_both_say_live(desk, server):
    configure(desk, server, mode="capture")
    assert desk.say("mail") == ["Mail is kept for reading (capture)", "relance.toml: capture  database: capture"]
    assert desk.refused("mail", "live", "--name", "Les Hébergeurs associés") == (
        'relance.toml keeps mail for reading: it must say mode = "live" under [mail] first'
    )
    configure(desk, server)
    assert desk.say("mail") == ["Mail is kept for reading (capture)", "relance.toml: live  database: capture"]


def test_going_live_shows_what_leaves_and_sends_a_test(desk, server):
    configure(desk, server)
    desk.enter(("A0021", "Vingt-et-un", "called", "2024-12-01", "2025"), more="state since owes")
    desk.at("2025-01-15").type("tick", "--now", "2025-01-15")
    said = desk.say("mail", "live", "--name", "les hébergeurs  associés")
    assert said[0] == "Waiting, and leaving at once: 1"
    assert any("renewal_campaign" in line and "contact@a0021.example" in line for line in said)
    assert any(line.startswith("2025-06-01 09:00") and "remind 2025" in line for line in said)
    assert any("A0021" in line for line in said[3:])
    assert said[-2:] == [
        "A test mail was sent to bureau@lha.example: look whether it arrived",
        "Mail leaves from now on; `relance mail capture` stops it",
    ]
    (taken,) = server.taken
    assert taken.recipient == "bureau@lha.example"
    assert taken.message["Subject"] == "[LHA] Essai d’envoi"
    assert "Personne d’autre ne l’a reçu." in taken.text
    assert taken.message["From"] == "Les Hébergeurs associés <tresorerie@lha.example>"
    assert switch(desk) == "live"
    assert desk.say("mail")[0] == "Mail leaves (live)"
    assert desk.say("mail", "capture") == ["Mail is kept for reading from now on"]
    assert switch(desk) == "capture"


def test_the_help_says_once_who_gets_the_test_mail(desk, server):
    said = " ".join(desk.type("mail", "live", "--help").stdout.replace("│", " ").split())
    assert "(default: mail.reply_to, else organisation.email, else mail.from_address)" in said
    assert "own address" not in said
    configure(desk, server)
    path = desk.folder / "relance.toml"
    path.write_text(path.read_text(encoding="utf-8") + 'reply_to = "answers@lha.example"\n', encoding="utf-8")
    desk.say("mail", "live", "--name", "Les Hébergeurs associés")
    assert server.taken[0].recipient == "answers@lha.example"


def test_a_mail_that_has_become_wrong_is_not_announced(desk, server):
    configure(desk, server)
    desk.enter(("A0021", "Vingt-et-un", "called", "2024-12-01", "2025"), more="state since owes")
    desk.at("2025-01-15").type("tick")
    desk.type("pay", "A0021", "--year", "2025")
    said = desk.say("mail", "live", "--name", "Les Hébergeurs associés", "--to", "me@lha.example")
    assert said[0] == "Waiting, and leaving at once: 1"
    assert "receipt" in said[2]
    assert server.taken[0].recipient == "me@lha.example"


def test_going_live_is_refused(desk, server):
    configure(desk, server)
    assert desk.refused("mail", "live") == "not confirmed: add --name when nobody can be asked"
    assert server.taken == []
    result = desk.type("mail", "live", "--name", "Les Autres", code=1)
    assert result.stderr == "relance: 'Les Autres' is not the organisation's name: mail is kept for reading as before\n"
    assert switch(desk) == "capture"
    server.obey(RCPT="550 5.7.1 relay access denied")
    result = desk.type("mail", "live", "--name", "Les Hébergeurs associés", code=1)
    assert "the test mail to bureau@lha.example did not leave: 550 5.7.1 relay access denied" in result.stderr
    configure(desk)
    result = desk.type("mail", "live", "--name", "Les Hébergeurs associés", code=1)
    assert "did not leave: Error connecting to 127.0.0.1 on port 1" in result.stderr
    result = desk.type("mail", "live", "--name", "Les Hébergeurs associés", "--to", "a:b:c;;", code=1)
    assert "'a:b:c;;' is not a mail address" in result.stderr
    assert switch(desk) == "capture"


@pytest.fixture
def stuck(desk):
    """Three receipts: one is uncertain, one failed, one was kept."""
    for number in ("A0001", "A0002", "A0003"):
        desk.type("pay", number, "5.00", "--year", "2025")
    with sqlite3.connect(desk.folder / "relance.db") as connection:
        for message, status in enumerate(("uncertain", "failed", "captured"), 1):
            connection.execute("UPDATE outbox_message SET status = ? WHERE id = ?", (status, message))
        connection.execute(
            """INSERT INTO task (dedupe_key, kind, instance_id, about, opened_at, note)
            VALUES ('uncertain_mail:1:message 1', 'uncertain_mail', 1, 'message 1', '2024-12-02 11:00:00', '?')"""
        )
    connection.close()
    return desk


def test_messages_leave_again_when_a_person_says_so(stuck):
    configure(stuck)
    stuck.rows("UPDATE switch SET value = 'live'")
    assert stuck.say("outbox", "retry", 1, 2, 3) == ["3 messages will leave again"]
    assert [message["status"] for message in stuck.json("outbox")] == ["pending"] * 3
    assert stuck.json("tasks") == []
    assert stuck.rows("SELECT done_by, note FROM task") == [("treasurer", "? sent again")]
    assert stuck.refused("outbox", "retry", 1).startswith("message 1 is pending: only what failed")


def test_while_mail_is_kept_for_reading_they_will_be_kept_again(stuck):
    assert stuck.say("outbox", "retry", 2) == ["1 message will be kept for reading"]


def test_a_message_to_an_address_that_was_replaced_is_named(stuck):
    stuck.damage("UPDATE association SET email = 'new@a0002.example' WHERE name = 'Chorale d''Oc'")
    stuck.damage("UPDATE association SET email = 'CONTACT@a0003.example' WHERE name = 'Les Amis du Pic'")
    assert stuck.say("outbox", "retry", 2, 3) == [
        "2 messages will be kept for reading",
        "Message 2 goes to contact@a0002.example (that is not its address any more)",
    ]
    assert [message["status"] for message in stuck.json("outbox")][1:] == ["pending", "pending"]


def test_all_or_none_of_them(stuck):
    assert stuck.refused("outbox", "retry", 2, 99) == "there is no message 99"
    assert stuck.refused("outbox", "arrived", 1, 2) == "message 2 is failed, not uncertain"


def test_messages_that_have_arrived_count_as_sent(stuck):
    assert stuck.say("outbox", "arrived", 1, "--by", "Ana") == ["1 message counted as sent"]
    assert [message["status"] for message in stuck.json("outbox")] == ["sent", "failed", "captured"]
    assert stuck.rows("SELECT done_by, note FROM task") == [("Ana", "? it has arrived")]


@pytest.mark.parametrize(
    "words", [("outbox", "retry"), ("outbox", "arrived"), ("outbox", "show"), ("webhooks", "retry")]
)
def test_a_number_that_no_row_can_have_is_refused_in_one_line(desk, words):
    assert desk.refused(*words, 10**20) == "there is no such number: it is far too large"
