"""Planned meetings follow the configuration, except where the board or a person already relies on them."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from engine.calendar import MeetingRule
from engine.engine import Engine
from engine.extraordinary import call_meeting
from engine.rules import BoardRules, Rules
from workflows import WORKFLOWS

PARIS = ZoneInfo("Europe/Paris")
SECOND_TUESDAY = MeetingRule(day="2nd tue", hour=19, minute=0, months="1-7,9-12")


def under(house, **board):
    """The same database under other rules of the board."""
    return Engine(house.engine.store, replace(house.engine.rules, board=BoardRules(**board)), WORKFLOWS)


def days(house, column="held_at"):
    """When the meetings planned are held, by month, from February 2025 on."""
    sql = f"SELECT month, {column} FROM meeting WHERE month BETWEEN '2025-02' AND '2025-09' ORDER BY month"
    return {month: str(instant)[:10] for month, instant in house.rows(sql)}


@pytest.fixture
def planned(house):
    house.tick("2025-02-20")  # the agenda of 27 February is published
    return house


def test_it_follows_a_new_rule_for_meetings_that_nobody_touched(planned):
    under(planned, meetings=SECOND_TUESDAY).tick(planned.at("2025-02-21"))
    assert days(planned) == {
        "2025-02": "2025-02-27",  # published
        "2025-03": "2025-03-11",
        "2025-04": "2025-04-08",
        "2025-05": "2025-05-13",
        "2025-06": "2025-06-10",
        "2025-07": "2025-07-08",
        "2025-09": "2025-09-09",  # July is new, August fell out
    }


def test_it_publishes_the_agenda_by_the_new_number_of_days(planned):
    under(planned, publish_days=20).tick(planned.at("2025-02-21"))
    assert days(planned, "publish_at")["2025-03"] == "2025-03-07"
    assert days(planned, "publish_at")["2025-02"] == "2025-02-17"


def test_it_leaves_what_a_person_moved_called_or_confirmed(planned):
    planned.engine.move_meeting("2025-04", planned.at("2025-04-22T18:00"), planned.at("2025-02-20"))
    planned.engine.confirm_meeting("2025-08", planned.at("2025-02-20"), "Ana")
    with planned.engine.store.write() as connection:
        called = planned.at("2025-07-03T20:00")
        call_meeting(connection, planned.engine.rules, called, "", planned.at("2025-02-20"))
    under(planned, meetings=SECOND_TUESDAY).tick(planned.at("2025-02-21"))
    kept = days(planned)
    assert (kept["2025-04"], kept["2025-07"], kept["2025-08"]) == ("2025-04-22", "2025-07-03", "2025-08-28")
    assert kept["2025-05"] == "2025-05-13"


def test_it_leaves_this_months_meeting_where_its_new_day_is_past(planned):
    under(planned, meetings=SECOND_TUESDAY).tick(planned.at("2025-03-12"))
    assert days(planned)["2025-03"] == "2025-03-27"


def test_it_says_what_changed_and_changes_nothing_twice(planned):
    other = under(planned, meetings=SECOND_TUESDAY)
    other.tick(planned.at("2025-02-21"))
    sql = "SELECT value FROM switch WHERE name = 'meetings_replanned'"
    [(said,)] = planned.rows(sql)
    assert said.startswith("2025-02-21: 2025-03 is on 2025-03-11, its agenda published on 2025-03-01; ")
    assert "2025-08 is no longer planned" in said
    assert "2025-07 is new, on 2025-07-08" in said
    other.tick(planned.at("2025-02-22"))
    assert planned.rows(sql) == [(said,)]


def test_it_goes_back_with_the_rule(planned):
    before = days(planned)
    under(planned, meetings=SECOND_TUESDAY).tick(planned.at("2025-02-21"))
    Engine(planned.engine.store, Rules(PARIS), WORKFLOWS).tick(planned.at("2025-02-21"))
    assert days(planned) == before


def test_it_asks_no_more_about_a_date_that_is_no_more(house):
    house.tick("2025-08-14T19:00")
    with house.engine.store.write() as connection:
        connection.exec_driver_sql(
            """INSERT INTO task (dedupe_key, kind, about, opened_at, note)
            VALUES ('meeting_unconfirmed::2025-09', 'meeting_unconfirmed', '2025-09', '2025-08-14 17:00:00', '')"""
        )
    under(house, meetings=SECOND_TUESDAY).tick(house.at("2025-08-14T20:00"))
    assert house.tasks() == []
