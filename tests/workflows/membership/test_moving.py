"""A hearing that moves again and again while mails about it wait: each hour is told, and no old one leaves."""

import json
from datetime import datetime

import pytest

from tests.house import PARIS
from workflows.membership.relevance import no_longer_right
from workflows.membership.words import State

TOLD = """SELECT m.kind, m.status, m.context FROM outbox_message m
    JOIN workflow_instance i ON i.id = m.instance_id WHERE i.subject = 'A0001' AND m.kind IN ('summons', 'last_call')
    ORDER BY m.id"""
_DROP = "UPDATE outbox_message SET status = 'dropped' WHERE id = ? AND status = 'pending'"


@pytest.fixture
def summoned(house):
    """A0001 is summoned to the meeting of October 2026."""
    house.enter(
        "A0001", state=State.SUSPENDED, owes=(2025, 2026), now="2026-09-01", since=house.at("2025-09-01").date()
    )
    house.tick("2026-09-24T19:00")
    house.vote("2026-09-24T19:00", "propose_removal", S1="approve", S2="approve")
    house.tick("2026-10-04")
    assert house.mails("A0001") == ["summons"]
    return house


def told(house):
    """Kind, status and hour (Paris) of each mail about the hearing."""
    return [(kind, status, _hour(context)) for kind, status, context in house.rows(TOLD)]


def _hour(context):
    return datetime.fromisoformat(json.loads(context)["meeting"]).astimezone(PARIS).isoformat()[:16]


def move(house, when, held):
    house.engine.move_meeting("2026-10", house.at(held), house.at(when))


def drop_the_wrong(house):
    """What a pump does right before mails leave."""
    with house.engine.store.write() as connection:
        ids = [row[0] for row in connection.exec_driver_sql("SELECT id FROM outbox_message WHERE status = 'pending'")]
        for message in no_longer_right(connection, ids):
            connection.exec_driver_sql(_DROP, (message,))


def test_a_third_move_is_told_although_a_change_before_it_was_dropped(summoned):
    summoned.accept("2026-10-04")
    move(summoned, "2026-10-05T10:00", "2026-11-05T18:30")
    move(summoned, "2026-10-05T10:01", "2026-11-06T18:30")
    drop_the_wrong(summoned)
    summoned.accept("2026-10-05T11:00")
    move(summoned, "2026-10-06", "2026-11-07T18:30")
    assert told(summoned) == [
        ("summons", "sent", "2026-10-29T18:30"),
        ("last_call", "dropped", "2026-11-05T18:30"),
        ("last_call", "sent", "2026-11-06T18:30"),
        ("last_call", "pending", "2026-11-07T18:30"),
    ]


def test_moved_there_and_back_within_one_instant(summoned):
    summoned.accept("2026-10-04")
    for held in ("2026-11-05T18:30", "2026-10-29T18:30", "2026-11-05T18:30"):
        move(summoned, "2026-10-05T10:00", held)
        drop_the_wrong(summoned)
    assert [row for row in told(summoned) if row[1] != "dropped"][-1] == ("last_call", "pending", "2026-11-05T18:30")


def test_a_summons_that_still_waits_says_the_new_hour_itself(summoned):
    _give_words(summoned)
    move(summoned, "2026-10-05T10:00", "2026-11-05T18:30")
    assert told(summoned) == [("summons", "pending", "2026-11-05T18:30")]
    assert summoned.rows("SELECT body FROM outbox_message WHERE kind = 'summons'") == [(None,)]
    assert summoned.rows("SELECT * FROM outbox_attachment") == []


def test_where_one_of_two_has_its_summons_both_are_told_the_change(summoned):
    with summoned.engine.store.write() as connection:
        sql = """INSERT INTO outbox_message (dedupe_key, instance_id, kind, occasion, event, year, recipient, language,
            context, status, created_at, due_at, attempts, error)
            SELECT dedupe_key || ':1', instance_id, kind, occasion, event, year, 't@a0001.example', language, context,
            status, created_at, due_at, attempts, error FROM outbox_message WHERE kind = 'summons'"""
        connection.exec_driver_sql(sql)
        connection.exec_driver_sql(
            "UPDATE outbox_message SET status = 'sent' WHERE recipient = 'contact@a0001.example'"
        )
    move(summoned, "2026-10-05T10:00", "2026-11-05T18:30")
    assert told(summoned) == [
        ("summons", "sent", "2026-10-29T18:30"),
        ("summons", "pending", "2026-11-05T18:30"),
        ("last_call", "pending", "2026-11-05T18:30"),
    ]


def _give_words(house):
    """The summons was written, with its file, and a server asked to be tried again later."""
    with house.engine.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET body = 'old', attempts = 1 WHERE kind = 'summons'")
        sql = """INSERT INTO outbox_attachment (message_id, name, media_type, content)
            SELECT id, 'invitation.ics', 'text/calendar', x'00' FROM outbox_message WHERE kind = 'summons'"""
        connection.exec_driver_sql(sql)


def test_a_summons_that_failed_does_not_leave_later_with_the_old_hour(summoned):
    with summoned.engine.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET status = 'failed' WHERE kind = 'summons'")
    move(summoned, "2026-10-05T10:00", "2026-11-05T18:30")
    (summons,) = summoned.rows("SELECT id FROM outbox_message WHERE kind = 'summons'")[0]
    with summoned.engine.store.read() as connection:  # as a pump asks when a person lets it leave again
        assert no_longer_right(connection, [summons]) == {summons: "the hearing has another hour by now"}


def test_a_summons_to_the_meeting_as_it_is_may_leave_when_a_person_says_so(summoned):
    with summoned.engine.store.read() as connection:
        ids = [row[0] for row in connection.exec_driver_sql("SELECT id FROM outbox_message WHERE kind = 'summons'")]
        assert no_longer_right(connection, ids) == {}
