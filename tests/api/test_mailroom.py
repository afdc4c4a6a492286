"""The whole way of a mail: a step of the year, its words, the server, and what the server's answer does."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from zoneinfo import ZoneInfo

import pytest

from api.mailroom import Sending, pump_of, windows_of
from api.settings import settings_from_mapping
from api.wiring import engine_of
from engine.store import Store
from tests.house import House
from tests.notifications.smtp_server import HANG, SmtpServer

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2024, 11, 29, 23, 0, tzinfo=UTC)


@pytest.fixture
def server():
    with SmtpServer() as made:
        yield made


@pytest.fixture
def settings(server, tmp_path):
    return settings_from_mapping(
        {
            "database.url": f"sqlite:///{tmp_path / 'dues.db'}",
            "organisation": {"name": "Le PIC", "short_name": "PIC", "email": "bureau@lepic.example"},
            "mail": {
                "mode": "live",
                "host": "127.0.0.1",
                "port": server.port,
                "from_address": "tresorerie@lepic.example",
                "reply_to": "bureau@lepic.example",
                "max_per_minute": 6000,
            },
        }
    )


@pytest.fixture
def house(settings, tmp_path):
    """Three associations and a person who reads English, called for 2025; the database's switch says live."""
    store = Store(f"sqlite:///{tmp_path / 'dues.db'}")
    store.create_tables()
    made = House(engine_of(settings, store), START)
    made.enter("A0001", "A0002")
    made.enter("A0003", treasurer_email="treasurer@a0003.example")
    made.enter("P0004", kind="person", language="en")
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO switch (name, value) VALUES ('mail_mode', 'live')")
    made.tick("2024-12-02")
    yield made
    store.close()


@pytest.fixture
def pump(settings, house):
    with pump_of(settings, house.engine) as made:
        yield made


def test_a_step_leaves_and_is_proven(house, pump, server):
    assert pump.round() == Counter({"accepted": 5})
    subjects = {taken.recipient: taken.message["Subject"] for taken in server.taken}
    assert subjects == {
        "contact@a0001.example": "[PIC] Appel à cotisation 2025 – A0001",
        "contact@a0002.example": "[PIC] Appel à cotisation 2025 – A0002",
        "contact@a0003.example": "[PIC] Appel à cotisation 2025 – A0003",
        "treasurer@a0003.example": "[PIC] Appel à cotisation 2025 – A0003",
        "contact@p0004.example": "[PIC] Call for dues 2025 – P0004",
    }
    heads = {(taken.message["From"], taken.message["Reply-To"]) for taken in server.taken}
    assert heads == {("Le PIC <tresorerie@lepic.example>", "bureau@lepic.example")}
    assert house.rows("SELECT count(*) FROM occurrence WHERE proven_at IS NULL") == [(0,)]
    assert pump.round() == Counter()


def test_without_the_key_of_its_marks_mail_leaves_all_the_same(house, settings, server, tmp_path, caplog):
    (tmp_path / "dues.key").write_bytes(b"short")
    with pump_of(settings, house.engine) as pump:
        assert pump.round() == Counter({"accepted": 5})
    assert "bounces of what leaves now will not be recognised" in caplog.text


def test_what_is_kept_proves_nothing(house, pump, server):
    with house.engine.store.write() as connection:
        connection.exec_driver_sql("UPDATE switch SET value = 'capture'")
    assert pump.round() == Counter({"captured": 5})
    assert server.taken == []
    assert house.rows("SELECT count(*) FROM occurrence WHERE proven_at IS NOT NULL") == [(0,)]


def test_whoever_has_paid_meanwhile_gets_the_receipt_only(house, pump, server):
    house.pay("2024-12-03", ("A0001", 2000, 2025))
    assert pump.round() == Counter({"accepted": 5, "dropped": 1})
    assert [taken.message["Subject"] for taken in server.taken if taken.recipient == "contact@a0001.example"] == [
        "[PIC] Reçu : 20,00 € – A0001"
    ]


def test_a_bad_address_is_a_hard_bounce(house, pump, server):
    server.obey(RCPT=["550 5.1.1 no such user", "250 Ok", "250 Ok", "550 5.1.1 no such user", "250 Ok"])
    pump.round()
    assert house.rows("SELECT recipient FROM outbox_message WHERE status = 'failed' ORDER BY id") == [
        ("contact@a0001.example",),
        ("treasurer@a0003.example",),
    ]
    sql = """SELECT subject FROM association a JOIN workflow_instance i ON i.id = a.instance_id
        WHERE unreachable_since IS NOT NULL"""
    assert house.rows(sql) == [("A0001",)]
    assert house.tasks() == ["unreachable"]
    assert house.rows("SELECT count(*) FROM association WHERE treasurer_email_bounced_at IS NOT NULL") == [(1,)]


def test_windows_end_as_the_calendar_says(house):
    closes_at = windows_of(house.engine)
    assert closes_at("remind", 2025) == datetime(2025, 8, 16, tzinfo=PARIS)
    assert closes_at("call", 2026) == datetime(2026, 3, 1, tzinfo=PARIS)
    assert closes_at("agenda", 2025) is None


def test_it_works_beside_the_service(house, settings, server):
    sending = Sending(pump_of(settings, house.engine))
    sending.start()
    until = monotonic() + 20
    while len(server.taken) < 5 and monotonic() < until:
        sleep(0.01)
    assert sending.alive()
    sending.stop()
    assert not sending.alive()
    assert len(server.taken) == 5
    assert Counter(row[0] for row in house.rows("SELECT status FROM outbox_message")) == {"sent": 5}


def test_stopping_waits_for_no_server_that_has_not_begun(house, settings, server):
    server.obey(MAIL=HANG)
    sending = Sending(pump_of(settings, house.engine))
    sending.start()
    assert server.reached["MAIL"].wait(20)
    start = monotonic()
    sending.stop()
    assert monotonic() - start < timedelta(seconds=5).total_seconds()
    assert Counter(row[0] for row in house.rows("SELECT status FROM outbox_message")) == {"pending": 5}
