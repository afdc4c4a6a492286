"""What goes with a mail: made with its words, once for all who get it, kept, and sent as it was kept."""

import json
from dataclasses import replace

import pytest
from sqlmodel import Session, select

from engine.errors import BadDefinition
from engine.models import OutboxAttachment
from notifications import Letterhead, enclosures, outbox, render_pending
from notifications.enclosures import Enclosures
from notifications.pump import Hooks
from notifications.smtp import Server
from tests.notifications.posting import START, Post
from tests.notifications.smtp_server import SmtpServer
from tests.printed import codes, texts

HEAD = Letterhead(
    name="Le PIC", short_name="PIC", iban="FR7630006000011234567890189", account_holder="Le PIC", city="Ramonville"
)
DUES = {"year": 2026, "owed": [[2025, 2000], [2026, 2000]], "concerned": [], "day": "2025-12-01", "state": "called"}
MEMBER = {
    "number": "A0001",
    "name": "Vélo",
    "kind": "association",
    "contact_name": "Ana",
    "state": "called",
    "language": "fr",
    "address": "1 rue Haute",
    "postcode": "31520",
    "city": "Ramonville",
    "country": "FR",
}
KIND = "call_for_dues"


def lookup(connection, ids, /):
    return {one: MEMBER | {"number": f"A{one:04}"} for one in ids}


@pytest.fixture
def post():
    made = Post()
    yield made
    made.close()


def put(post, instance, *recipients, kind=KIND, context=DUES):
    for number, recipient in enumerate(recipients):
        key = f"{instance}:{kind}:call-2026:{number}"
        given = {"kind": kind, "instance_id": instance, "recipient": recipient, "dedupe_key": key, "subject": None}
        post.put(**given, body=None)
    with post.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET context = ? WHERE body IS NULL", (json.dumps(context),))


def written(post, made=None):
    return render_pending(post.store, HEAD, lookup, enclosures=made or Enclosures(HEAD))


def kept(post):
    with Session(post.store.engine) as session:
        return session.exec(select(OutboxAttachment).order_by("message_id")).all()


class Counting(Enclosures):
    """Counts how often it is asked to make something."""

    asked = 0

    def make(self, *given):
        self.asked += 1
        return super().make(*given)


def test_chair_and_treasurer_get_the_same_file_made_once(post):
    put(post, 1, "chair@a.example", "treasurer@a.example")
    put(post, 2, "chair@b.example")
    counting = Counting(HEAD)
    assert written(post, counting) == 3
    assert counting.asked == 2
    chair, treasurer, other = kept(post)
    assert (chair.name, chair.media_type) == ("appel-2026-A0001.pdf", "application/pdf")
    assert chair.content == treasurer.content != other.content
    assert "A0001" in texts(chair.content)[0]
    assert codes(chair.content)[0].endswith("2025 2026 A0001")


def test_other_mails_have_no_file_and_nothing_is_asked_for_them(post):
    put(post, 1, "chair@a.example", kind="reminder")
    written(post)
    assert kept(post) == []
    with post.store.read() as connection:
        assert enclosures.enclosed(connection, []) == []


def test_what_was_kept_is_what_leaves_byte_for_byte_again_and_again(post):
    put(post, 1, "chair@a.example")
    written(post)
    (file,) = kept(post)
    with SmtpServer(DOT=["451 4.3.0 later", "250 2.0.0 Ok"]) as server:
        post.pump(server).round()
        post.later(minutes=2)
        post.pump(server).round()
    first, again = server.taken
    assert post.statuses() == ["sent"]
    assert first.content == again.content
    words, attached = again.message.iter_parts()
    assert words.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in words.iter_parts()] == ["text/plain", "text/html"]
    assert again.text == post.row().body
    assert attached.get_filename() == file.name
    assert attached.get_payload(decode=True) == file.content


def test_what_is_kept_for_reading_keeps_its_file(post):
    post.switch("capture")
    put(post, 1, "chair@a.example")
    hooks = Hooks(write_words=lambda: written(post))
    post.pump(Server("127.0.0.1", 9), hooks=hooks).round()
    assert post.statuses() == ["captured"]
    assert len(kept(post)) == 1


def test_a_file_that_cannot_be_made_fails_its_mail_alone(post):
    class Broken(Enclosures):
        def make(self, kind, language, values, made_at):
            if values["number"] == "A0001":
                raise BadDefinition(reason="papers.typ: no")
            return super().make(kind, language, values, made_at)

    put(post, 1, "chair@a.example")
    put(post, 2, "chair@b.example")
    assert written(post, Broken(HEAD)) == 1
    assert post.statuses() == ["failed", "pending"]
    assert "papers.typ" in post.rows()[0].error
    assert [file.message_id for file in kept(post)] == [2]


def test_two_that_write_at_once_leave_one_text_with_its_own_file(post):
    put(post, 1, "chair@a.example")

    class Slow(Enclosures):
        def make(self, *given):
            written(post)  # another process is faster
            made = super().make(*given)
            return tuple(type(part)(part.name, part.media_type, b"late") for part in made)

    written(post, Slow(HEAD))
    (file,) = kept(post)
    assert file.content.startswith(b"%PDF")


def test_no_lock_is_held_while_files_are_made(post):
    put(post, 1, "chair@a.example")

    class Watching(Enclosures):
        def make(self, *given):
            with post.store.write() as connection:
                connection.exec_driver_sql("UPDATE outbox_message SET error = 'free' WHERE id = 1")
            return super().make(*given)

    written(post, Watching(HEAD))
    assert post.row().error == "free"


def test_many_are_written_so_many_at_a_time(post, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH", 1)
    put(post, 1, "a@a.example", "b@a.example", "c@a.example")
    assert render_pending(post.store, HEAD, lookup, at_most=2) == 2
    assert render_pending(post.store, HEAD, lookup, at_most=2) == 1


def test_it_is_dated_by_the_mail_not_by_the_hour_it_was_made(post):
    put(post, 1, "chair@a.example")
    written(post)
    assert START.strftime("%Y-%m-%dT%H:%M:%S").encode() in kept(post)[0].content


def test_own_words_for_the_call_are_on_its_paper_and_a_person_is_asked_to_mend_those_that_fail(post, tmp_path):
    folder = tmp_path / "fr" / "papers"
    folder.mkdir(parents=True)
    own, head = folder / "call_for_dues.txt", replace(HEAD, own_words=tmp_path)
    own.write_text("Subject: À payer\n\nVenez à la fête.\n\n[owed]\n\n[payment]\n", encoding="utf-8")
    put(post, 1, "chair@a.example")
    written(post, Enclosures(head))
    own.write_text("Subject: À payer\n\nVenez à la fête.\n", encoding="utf-8")
    put(post, 2, "chair@b.example")
    written(post, Enclosures(head))
    good, bad = kept(post)
    assert "Venez à la fête." in texts(good.content)[0]
    assert "Appel à cotisation 2026" in texts(bad.content)[0]
    with post.store.read() as connection:
        tasks = connection.exec_driver_sql("SELECT kind, about, note FROM task").fetchall()
    (task,) = tasks
    assert tuple(task)[:2] == ("own_template", "fr/papers/call_for_dues.txt")
    assert "it must have [owed], [payment] as a paragraph of its own" in task[2]
