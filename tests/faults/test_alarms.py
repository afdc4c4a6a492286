"""When nothing runs: a task and a mail to the admins, from the server itself where the database takes no write."""

from datetime import UTC, date, timedelta

import pytest

from api.alarms import Alarm
from api.deps import House as ApiHouse
from api.duty import Runner
from api.mailroom import pump_of
from api.settings import settings_from_mapping
from api.wiring import rules_of
from engine.engine import Engine
from engine.faults import DatabaseFault, Fault
from engine.store import Store
from tests.api.counter import Counter
from tests.house import House
from tests.notifications.smtp_server import SmtpServer
from workflows import WORKFLOWS
from workflows.membership.words import State

BROKEN = DatabaseFault(database="relance.db", reason="the disk is full; nothing was changed", kind=Fault.FULL)


@pytest.fixture
def server():
    with SmtpServer() as made:
        yield made


@pytest.fixture
def quiet(tmp_path):
    """A service that last ran on 10 January 2025 at noon."""
    counter = Counter(tmp_path)
    counter.house.tick("2025-01-10")
    with counter.store.write() as connection:
        connection.exec_driver_sql("INSERT INTO switch (name, value) VALUES ('mail_mode', 'live')")
    yield counter
    counter.close()


def house_of(counter, server, at, **config):
    """The service at an instant, whose mail goes to a server on loopback."""
    told = {
        "database.url": f"sqlite:///{counter.path}",
        "mail.mode": "live",
        "mail.port": server.port,
        "mail.host": "127.0.0.1",
        "organisation.name": "Le PIC",
        "organisation.email": "bureau@lepic.example",
    }
    settings = settings_from_mapping(told | config)
    engine = Engine(counter.store, rules_of(settings), WORKFLOWS)
    house = ApiHouse(settings, engine, clock=lambda: house.at)  # type: ignore[attr-defined]
    house.at = House.at(at).astimezone(UTC)  # type: ignore[attr-defined]
    return house


def waiting(counter):
    """Mails of the alarm in the outbox: to whom."""
    sql = "SELECT recipient FROM outbox_message WHERE kind = 'not_running' ORDER BY recipient"
    return [row[0] for row in counter.house.rows(sql)]


def test_a_day_of_silence_is_a_task_and_one_mail(quiet, server):
    house = house_of(quiet, server, "2025-01-11T11:30")
    alarm = Alarm(house)
    alarm.look(house.clock())
    assert waiting(quiet) == []
    house.at += timedelta(hours=1)
    for _ in range(3):
        alarm.look(house.clock())
    assert waiting(quiet) == ["bureau@lepic.example"]
    assert quiet.house.tasks() == ["not_running"]
    with pump_of(house.settings, house.engine) as pump:
        pump.round()
    (taken,) = server.taken
    assert taken.message["Subject"] == "[Le PIC] Alerte : Relance ne tourne pas"
    assert "vendredi 10 janvier 2025 à 12\u00a0h" in taken.text
    assert Runner(house).run()
    assert quiet.house.tasks() == []
    assert len(waiting(quiet)) == 1


def test_the_admins_in_office_are_told_or_whoever_the_configuration_names(quiet, server):
    with quiet.store.write() as connection:
        rows = [("S8", "Ida", "ida@ca.example", "Admin"), ("S9", "Jo", "", "admin")]
        connection.exec_driver_sql("INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)", rows)
    house = house_of(quiet, server, "2025-01-12")
    Alarm(house).look(house.clock())
    assert waiting(quiet) == ["ida@ca.example"]
    assert Runner(house).run()
    named = house_of(quiet, server, "2025-01-14", **{"safety.alarms_to": ["a@lepic.example", "b@lepic.example"]})
    Alarm(named).look(named.clock())
    assert waiting(quiet) == ["a@lepic.example", "b@lepic.example", "ida@ca.example"]


@pytest.fixture
def unwritable(monkeypatch):
    """Break every writing transaction from now on."""

    def begin(counter):
        def write(self):
            raise BROKEN

        monkeypatch.setattr(Store, "write", write)

    return begin


def test_where_the_database_takes_no_write_the_mail_leaves_all_the_same_once_a_day(quiet, server, unwritable):
    house = house_of(quiet, server, "2025-01-10T13:00")
    alarm = Alarm(house)
    unwritable(quiet)
    for _ in range(24 * 3):
        house.at += timedelta(hours=1)
        alarm.look(house.clock())
    assert len(server.taken) == 3
    assert {taken.recipient for taken in server.taken} == {"bureau@lepic.example"}
    assert "(disk-full)" in server.taken[0].text
    assert waiting(quiet) == []


def test_a_mail_that_no_server_takes_is_tried_again_every_hour(quiet, server, unwritable):
    house = house_of(quiet, server, "2025-01-11T12:30")
    alarm = Alarm(house)
    unwritable(quiet)
    server.obey(MAIL="451 not now")
    for _ in range(6):
        alarm.look(house.clock())
        house.at += timedelta(minutes=20)
    assert server.said.count("DATA") == 0
    assert sum(line.startswith("MAIL") for line in server.said) == 2
    server.obey()
    house.at += timedelta(hours=1)
    alarm.look(house.clock())
    assert len(server.taken) == 1


@pytest.mark.parametrize("where", ["configuration", "database"])
def test_nothing_leaves_where_mail_is_kept_for_reading(quiet, server, unwritable, where):
    mode = {"mail.mode": "capture"} if where == "configuration" else {}
    if where == "database":
        with quiet.store.write() as connection:
            connection.exec_driver_sql("UPDATE switch SET value = 'capture'")
    house = house_of(quiet, server, "2025-01-12", **mode)
    alarm = Alarm(house)
    unwritable(quiet)
    alarm.look(house.clock())
    assert server.taken == []


def test_a_clock_that_is_set_right_is_no_silence(quiet, server):
    house = house_of(quiet, server, "2025-01-11T11:00")
    assert Runner(house).run()
    house.at += timedelta(days=365)
    Alarm(house).look(house.clock())
    assert Runner(house).run()
    assert waiting(quiet) == []


def test_an_unconfirmed_date_is_mailed_too_once(quiet, server):
    house = house_of(quiet, server, "2025-08-13T20:00")
    quiet.house.engine = house.engine
    quiet.house.enter("A1", state=State.CALLED, owes=(2025,), since=date(2024, 12, 1), now="2025-01-10")
    quiet.pass_time("2025-06-02", "2025-08-13T20:00", "2025-08-14T20:00")
    sql = "SELECT recipient, occasion FROM outbox_message WHERE kind = 'meeting_unconfirmed'"
    assert quiet.house.rows(sql) == [("bureau@lepic.example", "2025-08")]
