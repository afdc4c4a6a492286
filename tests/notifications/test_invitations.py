"""Invitations with their mails: noted by a summons, moved by a later call, struck out when the procedure ends."""

import json
from datetime import datetime
from email import message_from_bytes, policy

import pytest
from icalendar import Calendar
from sqlmodel import Session

from engine.board_models import Meeting
from notifications import Letterhead, render_pending
from notifications.enclosures import Enclosures
from tests.notifications.posting import Post
from tests.notifications.smtp_server import SmtpServer
from tests.notifications.test_enclosures import MEMBER

HEAD = Letterhead(name="Le PIC", short_name="PIC", email="bureau@pic.example", city="Ramonville")
OCTOBER, NOVEMBER = "2026-10-29T17:30:00+00:00", "2026-11-26T17:30:00+00:00"
_SENT = "UPDATE outbox_message SET status = 'sent' WHERE status = 'pending' AND body IS NOT NULL"
CHAIR, TREASURER = "ana@velo.example", "bilal@velo.example"


@pytest.fixture
def post():
    made = Post()
    yield made
    made.close()


def tell(post, kind, occasion, meeting, *recipients, head=HEAD):
    """Mails of one kind to these, with their words and files, as sent; returns the events they bring, by recipient."""
    owed = {
        "year": 2026,
        "owed": [[2025, 2000]],
        "concerned": [2025],
        "day": "2026-10-03",
        "state": "proposed_for_removal",
    }
    first = len(post.rows())
    for number, recipient in enumerate(recipients):
        given = {"kind": kind, "occasion": occasion, "event": None, "instance_id": 1, "recipient": recipient}
        post.put(**given, dedupe_key=f"1:{kind}:{occasion}:{first}:{number}", subject=None, body=None)
    with post.store.write() as connection:
        context = json.dumps(owed | {"meeting": meeting})
        connection.exec_driver_sql("UPDATE outbox_message SET context = ? WHERE body IS NULL", (context,))
    render_pending(post.store, head, lambda _c, ids, /: dict.fromkeys(ids, MEMBER), enclosures=Enclosures(head))
    sql = """SELECT m.recipient, a.media_type, a.content FROM outbox_attachment a
        JOIN outbox_message m ON m.id = a.message_id WHERE m.id > ?"""
    with post.store.write() as connection:
        connection.exec_driver_sql(_SENT)
        found = connection.exec_driver_sql(sql, (first,)).fetchall()
    return {recipient: event(media_type, content) for recipient, media_type, content in found}


def event(media_type, content):
    """What a calendar is told: method, SEQUENCE, UID, hour, for whom."""
    calendar = Calendar.from_ical(content)
    (only,) = calendar.walk("VEVENT")
    assert media_type.endswith(f"method={calendar['METHOD']}")
    return (
        str(calendar["METHOD"]),
        int(str(only["SEQUENCE"])),
        str(only["UID"]),
        only.decoded("DTSTART").isoformat(),
        str(only["ATTENDEE"]).removeprefix("mailto:"),
    )


def test_it_is_noted_moved_and_struck_out_under_one_name(post):
    noted = tell(post, "summons", "summon-2026", OCTOBER, CHAIR, TREASURER)
    uid = noted[CHAIR][2]
    hour = "2026-10-29T18:30:00+01:00"
    assert noted == {who: ("REQUEST", 0, uid, hour, who) for who in (CHAIR, TREASURER)}
    moved = tell(post, "last_call", "meeting-9", NOVEMBER, CHAIR, TREASURER)
    assert moved[CHAIR] == ("REQUEST", 1, uid, "2026-11-26T18:30:00+01:00", CHAIR)
    struck = tell(post, "restored", "payment-7", None, CHAIR, TREASURER)
    assert struck[TREASURER] == ("CANCEL", 2, uid, "2026-11-26T18:30:00+01:00", TREASURER)
    assert tell(post, "farewell", "leave", None, CHAIR) == {}  # nothing stands there any more


def test_the_mail_and_the_calendar_say_where_the_board_meets(post):
    held_at = datetime.fromisoformat(OCTOBER)
    with Session(post.store.engine) as session, session.begin():
        session.add(
            Meeting(
                month="2026-10",
                held_at=held_at,
                publish_at=held_at,
                confirm_by=held_at,
                closes_at=held_at,
                place="Mairie ; salle 2",
            )
        )
    tell(post, "summons", "summon-2026", OCTOBER, CHAIR)
    tell(post, "last_call", "meeting-9", NOVEMBER, CHAIR)  # of whose place nothing is known
    with post.store.read() as connection:
        bodies = connection.exec_driver_sql("SELECT body FROM outbox_message ORDER BY id").scalars().all()
        files = connection.exec_driver_sql("SELECT content FROM outbox_attachment ORDER BY message_id").scalars().all()
    assert ["\nLieu\u00a0: Mairie\u202f; salle 2\n" in body for body in bodies] == [True, False]
    events = [Calendar.from_ical(content).walk("VEVENT")[0] for content in files]
    assert [event.get("LOCATION") for event in events] == ["Mairie ; salle 2", None]


def test_what_follows_no_summons_brings_none(post):
    assert tell(post, "last_call", "meeting-8", OCTOBER, CHAIR) == {}  # the board looks at a cut-off: no hearing
    assert tell(post, "restored", "payment-1", None, CHAIR) == {}
    assert tell(post, "reminder", "remind-2026", None, CHAIR) == {}


def test_an_address_that_came_later_is_told_of_no_change(post):
    tell(post, "summons", "summon-2026", OCTOBER, CHAIR)
    assert tell(post, "spared", "ballot-3", None, TREASURER) == {}


def test_a_new_procedure_is_another_event(post):
    first = tell(post, "summons", "summon-2026", OCTOBER, CHAIR)[CHAIR]
    tell(post, "spared", "ballot-3", None, CHAIR)
    second = tell(post, "summons", "summon-2027", "2027-10-28T16:30:00+00:00", CHAIR)[CHAIR]
    assert (second[0], second[2] != first[2]) == ("REQUEST", True)


def test_without_a_meeting_or_an_address_that_invites_there_is_only_the_mail(post):
    assert tell(post, "summons", "summon-2026", None, CHAIR) == {}
    assert tell(post, "summons", "summon-2027", OCTOBER, CHAIR, head=Letterhead(name="Le PIC")) == {}
    assert tell(post, "summons", "summon-2028", OCTOBER, "a:b:c;;") == {}
    assert post.statuses() == ["sent"] * 3


def test_it_leaves_with_its_mail_as_what_a_calendar_reads(post):
    tell(post, "summons", "summon-2026", OCTOBER, CHAIR)
    with post.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET status = 'pending'")
    with SmtpServer() as server:
        post.pump(server).round()
        (taken,) = server.taken
    message = message_from_bytes(taken.content, policy=policy.default)
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert (part.get_param("method"), part.get_filename()) == ("REQUEST", "invitation.ics")
    assert event("method=REQUEST", part.get_payload(decode=True))[4] == CHAIR


def test_a_summons_and_its_change_that_are_written_together_are_noted_and_moved(post):
    context = json.dumps(
        {"year": 2026, "owed": [], "concerned": [], "day": "2026-10-03", "state": "proposed_for_removal"}
    )
    for kind, occasion, hour in (("summons", "summon-2026", OCTOBER), ("last_call", "meeting-9-moved-1", NOVEMBER)):
        given = {"kind": kind, "occasion": occasion, "event": None, "instance_id": 1, "recipient": CHAIR}
        post.put(**given, dedupe_key=f"1:{kind}:{occasion}:0", subject=None, body=None)
        told = json.dumps(json.loads(context) | {"meeting": hour})
        with post.store.write() as connection:
            connection.exec_driver_sql("UPDATE outbox_message SET context = ? WHERE kind = ?", (told, kind))
    render_pending(post.store, HEAD, lambda _c, ids, /: dict.fromkeys(ids, MEMBER), enclosures=Enclosures(HEAD))
    with post.store.read() as connection:
        found = connection.exec_driver_sql("SELECT media_type, content FROM outbox_attachment ORDER BY message_id")
        noted, moved = (event(*row) for row in found)
    assert (noted[:2], moved[:2]) == (("REQUEST", 0), ("REQUEST", 1))
    assert (noted[2], moved[3]) == (moved[2], "2026-11-26T18:30:00+01:00")
