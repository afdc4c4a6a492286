"""Rows of the outbox get their words: all of them, whatever one of them is like."""

import json
from datetime import UTC, datetime

import pytest
from sqlmodel import Session, select

from engine.models import OutboxMessage, WorkflowInstance
from engine.store import Store
from notifications import Letterhead, outbox, render_pending

LETTERHEAD = Letterhead(name="Le PIC", short_name="PIC", email="tresorerie@lepic.example")
NOW = datetime(2025, 12, 1, 8, tzinfo=UTC)
DUES = {"year": 2026, "owed": [[2025, 2000], [2026, 2000]], "concerned": [], "day": "2025-12-01", "meeting": None}


def lookup(connection, ids, /):
    known = {
        1: {"number": "A0001", "name": "Vélo", "kind": "association", "contact_name": "Ana", "state": "called"},
        2: {"number": "P0002", "name": "Léa", "kind": "person", "contact_name": "Léa", "state": "called"},
    }
    return {one: known[one] | {"language": "fr"} for one in ids if one in known}


@pytest.fixture
def store():
    store = Store("sqlite://")
    store.create_tables()
    with Session(store._writer) as session, session.begin():
        for one in (1, 2, 3):
            row = WorkflowInstance(
                id=one, workflow="membership", version=1, subject=str(one), state="called", since=NOW, started_at=NOW
            )
            session.add(row)
    yield store
    store.close()


def put(store, *rows):
    with Session(store._writer) as session, session.begin():
        for number, row in enumerate(rows):
            given = {"instance_id": 1, "kind": "call_for_dues", "language": "fr", "context": DUES, **row}
            given["context"] = given["context"] if isinstance(given["context"], str) else json.dumps(given["context"])
            more = {"occasion": "call-2026", "recipient": "a@b.example", "created_at": NOW, "due_at": NOW}
            session.add(OutboxMessage(dedupe_key=str(number), **more | given))


def messages(store):
    with Session(store.engine) as session:
        return session.exec(select(OutboxMessage).order_by("id")).all()


def test_pending_rows_get_subject_and_body_once(store):
    put(store, {"event": "call"}, {"instance_id": 2, "language": "en"})
    assert render_pending(store, LETTERHEAD, lookup) == 2
    french, english = messages(store)
    assert french.subject == "[PIC] Appel à cotisation 2026 – A0001"
    assert "Association\u00a0: Vélo (A0001)" in french.body
    assert "«\u00a02025 2026 A0001\u00a0»" in french.body
    assert "La suite\u00a0: un message en janvier" in french.body
    assert english.subject == "[PIC] Call for dues 2026 – P0002"
    assert "Hello Léa," in english.body
    assert (french.status, english.status) == ("pending", "pending")
    assert render_pending(store, LETTERHEAD, lookup) == 0


@pytest.mark.parametrize(
    "bad",
    [
        {"context": "not JSON"},
        {"context": "[]"},
        {"context": {"owed": []}},
        {"context": DUES | {"owed": "2025"}},
        {"context": DUES | {"owed": [[2025]]}},
        {"context": DUES | {"year": 0}},
        {"kind": "unheard_of"},
        {"kind": "../en/reminder"},
        {"kind": "receipt"},
        {"kind": "receipt", "context": DUES | {"payment": {"amount": 2000, "paid_on": "yesterday"}}},
        {"kind": "last_call", "context": DUES | {"meeting": "2025-08-28T18:30:00"}},
        {"instance_id": 3},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_written_fails_alone(store, bad):
    put(store, {}, bad, {})
    assert render_pending(store, LETTERHEAD, lookup) == 2
    first, failed, last = messages(store)
    assert failed.status == "failed"
    assert failed.error.startswith("cannot be written: ")
    assert failed.body is None
    assert first.body == last.body is not None
    assert render_pending(store, LETTERHEAD, lookup) == 0


def test_what_does_not_wait_is_left_alone(store):
    states = ("sent", "failed", "dropped", "captured", "sending")
    put(store, *({"status": status} for status in states), {"subject": "s", "body": "b"})
    assert render_pending(store, LETTERHEAD, lookup) == 0
    assert [message.body for message in messages(store)] == [None] * 5 + ["b"]


def test_many_rows_go_batch_by_batch(store, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH", 2)
    put(store, {}, {"context": "bad"}, {}, {}, {"due_at": NOW.replace(year=2024)}, {})
    assert render_pending(store, LETTERHEAD, lookup) == 5
    assert [message.status for message in messages(store)].count("failed") == 1


def test_a_seat_gets_its_agenda_without_being_looked_up(store):
    context = {"meeting": "2025-08-28T16:30:00+00:00", "items": 4, "meeting_id": 8}
    put(store, {"instance_id": None, "kind": "agenda", "context": context})
    assert render_pending(store, LETTERHEAD, lookup) == 1
    (agenda,) = messages(store)
    assert agenda.subject == "[PIC] Ordre du jour du conseil – jeudi 28 août 2025 à 18 h 30"
    assert "Questions à voter\u00a0: 4" in agenda.body


def test_the_context_goes_before_what_the_member_is_by_now(store):
    meeting = {"meeting": "2025-12-18T17:30:00+00:00"}
    put(store, {"kind": "last_call", "context": DUES | meeting | {"state": "proposed_for_removal"}})
    render_pending(store, LETTERHEAD, lookup)
    assert messages(store)[0].subject == "[PIC] Votre audition : nouvelle réunion – A0001"


@pytest.mark.parametrize(
    ("written", "pay_by", "resign_before"),
    [
        (datetime(2025, 12, 1, 8, tzinfo=UTC), "2026-01-31", "2026-01-20"),
        (datetime(2025, 12, 20, 8, tzinfo=UTC), "2026-01-31", "2026-01-20"),
        (datetime(2025, 12, 21, 8, tzinfo=UTC), "2026-01-31", "2026-01-21"),
        (datetime(2026, 1, 31, 8, tzinfo=UTC), None, "2026-03-03"),
        (datetime(2026, 3, 9, 23, 30, tzinfo=UTC), None, "2026-04-10"),
    ],
)
def test_the_last_days_follow_from_the_day_it_was_written(written, pay_by, resign_before):
    text = written.strftime("%Y-%m-%d %H:%M:%S.%f")
    told = outbox._told(json.dumps(DUES), text, "Europe/Paris", "01-31")
    assert (told["pay_by"], told["resign_before"]) == (pay_by, resign_before)


def test_only_a_call_tells_until_when_leaving_cancels_the_due(store):
    put(store, {"kind": "call_for_dues"}, {"kind": "reminder"})
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM outbox_message ORDER BY id").fetchall()
        told = [
            outbox.values_of(row, lookup(connection, [row.instance_id]), LETTERHEAD)["resign_before"] for row in rows
        ]
    assert [day is None for day in told] == [False, True]


def test_what_a_payment_need_not_tell_is_left_out(store):
    put(store, {"kind": "receipt", "context": DUES | {"payment": {"amount": 2000, "paid_on": "2025-03-01"}}})
    assert render_pending(store, LETTERHEAD, lookup) == 1
    body = messages(store)[0].body
    assert "paiement de 20,00\u00a0€, daté du 1er mars 2025" in body
    assert "enregistré ainsi" not in body


def test_waiting_rows_are_found_by_their_index(store):
    with store.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {outbox._WAITING}", ("", 0, 500)).fetchall()
    assert "ix_outbox_message_waiting" in plan[0][3]
    assert len(plan) == 1
