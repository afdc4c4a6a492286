"""The calendar of the house: its dates in French time, its windows, the board's meetings, and what it refuses."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import (
    MeetingRule,
    Slot,
    YearlyRule,
    clear_days_end,
    closings_between,
    meetings_between,
    open_slots,
    slots_between,
    stay_end,
)
from engine.clock import at_local, end_of_day, local_day
from engine.errors import BadConfiguration

PARIS = ZoneInfo("Europe/Paris")
CALL = YearlyRule("call", month=12, day=1, until="02-28", year_offset=1)
CAMPAIGN = YearlyRule("campaign", month=1, day=15, until="03-31")
REMIND = YearlyRule("remind", month=6, day=1, until="08-15")
SUSPEND = YearlyRule("suspend", month=9, day=1, until="11-30")
SUMMON = YearlyRule("summon", month=10, day=3, until="12-31")
LAPSE = YearlyRule("lapse", month=11, day=30, until="12-31")
HOUSE = (CALL, CAMPAIGN, REMIND, SUSPEND, SUMMON, LAPSE)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def names(slots: list[Slot]) -> list[str]:
    return [f"{slot.event} {slot.year}" for slot in slots]


# --- yearly steps ----------------------------------------------------------------------------------------------------


def test_it_has_the_year_of_the_house():
    slots = slots_between(HOUSE, PARIS, local("2024-11-30"), local("2025-12-01 09:00"))
    assert [(f"{slot.due.astimezone(PARIS):%Y-%m-%d %H:%M}", slot.event, slot.year) for slot in slots] == [
        ("2024-11-30 09:00", "lapse", 2024),
        ("2024-12-01 09:00", "call", 2025),
        ("2025-01-15 09:00", "campaign", 2025),
        ("2025-06-01 09:00", "remind", 2025),
        ("2025-09-01 09:00", "suspend", 2025),
        ("2025-10-03 09:00", "summon", 2025),
        ("2025-11-30 09:00", "lapse", 2025),
        ("2025-12-01 09:00", "call", 2026),
    ]


def test_it_excludes_the_instant_it_starts_from_and_includes_the_one_it_goes_to():
    due = local("2025-06-01 09:00")
    assert slots_between(HOUSE, PARIS, due, due + timedelta(days=1)) == []
    assert names(slots_between(HOUSE, PARIS, due - timedelta(microseconds=1), due)) == ["remind 2025"]


def test_it_keeps_the_order_of_the_page_at_one_instant():
    rules = [YearlyRule("second", 6, 1), YearlyRule("first", 6, 1)]
    slots = slots_between(rules, PARIS, local("2025-01-01"), local("2025-12-31"))
    assert names(slots) == ["second 2025", "first 2025"]


def test_it_keeps_a_window_open_from_its_hour_to_the_midnight_that_ends_its_last_day():
    opened = {
        at: names(open_slots([REMIND], PARIS, local(at)))
        for at in ("2025-06-01 08:59", "2025-06-01 09:00", "2025-08-15 23:59", "2025-08-16 00:00")
    }
    assert opened == {
        "2025-06-01 08:59": [],
        "2025-06-01 09:00": ["remind 2025"],
        "2025-08-15 23:59": ["remind 2025"],
        "2025-08-16 00:00": [],
    }


def test_it_carries_a_window_over_the_new_year():
    assert names(open_slots(HOUSE, PARIS, local("2025-02-28 23:59"))) == ["call 2025", "campaign 2025"]
    assert names(open_slots(HOUSE, PARIS, local("2025-03-01 00:00"))) == ["campaign 2025"]


def test_it_closes_on_the_day_itself_when_that_is_the_last_one():
    rule = YearlyRule("once", 6, 1, until="06-01")
    (slot,) = slots_between([rule], PARIS, local("2025-01-01"), local("2025-12-31"))
    assert slot.closes == local("2025-06-02")


def test_it_finds_the_windows_that_end():
    found = closings_between(HOUSE, PARIS, local("2024-12-01"), local("2025-04-01"))
    assert names(found) == ["summon 2024", "lapse 2024", "call 2025", "campaign 2025"]
    midnight = local("2025-08-16")
    assert names(closings_between(HOUSE, PARIS, midnight - timedelta(seconds=1), midnight)) == ["remind 2025"]
    assert closings_between(HOUSE, PARIS, midnight, midnight + timedelta(days=1)) == []


def test_it_orders_the_windows_by_their_end():
    long, short = YearlyRule("long", 6, 1, until="06-30"), YearlyRule("short", 6, 2, until="06-03")
    assert names(closings_between([long, short], PARIS, local("2025-06-01"), local("2025-07-02"))) == [
        "short 2025",
        "long 2025",
    ]


def test_it_reads_the_cron_fields_of_apscheduler():
    rule = YearlyRule("settle", month="aug", day="last thu", hour=18, minute=30, until="09-30")
    slots = slots_between([rule], PARIS, local("2025-01-01"), local("2027-01-01"))
    assert [slot.due for slot in slots] == [local("2025-08-28 18:30"), local("2026-08-27 18:30")]


def test_it_keeps_two_windows_of_one_rule_that_overlap():
    rule = YearlyRule("moving", month=8, day="last thu", until="08-27")
    assert names(open_slots([rule], PARIS, local("2026-08-27 10:00"))) == ["moving 2025", "moving 2026"]


def test_it_finds_the_same_hour_on_both_sides_of_a_clock_change():
    for day in ("03-29", "03-30", "10-25", "10-26"):
        month, number = (int(part) for part in day.split("-"))
        rule = YearlyRule("change", month, number, hour=4)
        (slot,) = slots_between([rule], PARIS, local("2026-01-01"), local("2026-12-31"))
        assert slot.due == local(f"2026-{day} 04:00")


@given(start=INSTANTS, days=st.lists(st.integers(0, 400), min_size=1, max_size=6))
def test_it_finds_the_same_occurrences_in_one_run_or_in_several(start, days):
    stops = [start]
    for more in days:
        stops.append(stops[-1] + timedelta(days=more))
    for between in (slots_between, closings_between):
        pieces = [slot for a, b in pairwise(stops) for slot in between(HOUSE, PARIS, a, b)]
        assert pieces == between(HOUSE, PARIS, stops[0], stops[-1])


@given(at=INSTANTS)
def test_it_has_open_what_came_due_and_has_not_ended(at):
    past = at - timedelta(days=800)
    due, ended = (between(HOUSE, PARIS, past, at) for between in (slots_between, closings_between))
    assert open_slots(HOUSE, PARIS, at) == [slot for slot in due if slot not in ended]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"month": 2, "day": 29}, "day 29 of month 2 must come once every year; in 2001 it comes 0 times"),
        ({"month": "2", "day": "29"}, "must come once every year"),
        ({"month": 4, "day": 31}, "must come once every year"),
        ({"month": "*"}, "it comes 12 times"),
        ({"month": "6,7"}, "it comes 2 times"),
        ({"day": "1-3"}, "it comes 3 times"),
        ({"day": "5th thu"}, "must come once every year"),
        ({"day": "first"}, 'Unrecognized expression "first"'),
        ({"month": "jun 5"}, 'Unrecognized expression "jun 5"'),
        ({"day": "lastly"}, 'Unrecognized expression "lastly"'),
        ({"month": 13}, "13"),
        ({"day": 0}, "0"),
        ({"hour": 2}, "hour 2 is not one from 4 to 23 (before 04:00 a clock change skips it or runs it twice)"),
        ({"hour": 24}, "hour 24"),
        ({"minute": 60}, "minute 60"),
        ({"until": "02-29"}, "until '02-29' is not a day that every year has"),
        ({"until": "04-31"}, "until '04-31'"),
        ({"until": "00-10"}, "until '00-10'"),
        ({"until": "soon"}, "until 'soon'"),
        ({"until": "6-1"}, "until '6-1'"),
    ],
)
def test_it_refuses_a_rule_that_does_not_come_once_a_year_and_names_it(wrong, reason):
    with pytest.raises(BadConfiguration) as caught:
        YearlyRule(**{"name": "remind", "month": 6, "day": 1, "until": "08-15"} | wrong)
    assert str(caught.value).startswith("calendar.remind: ")
    assert reason in str(caught.value)


def test_it_takes_the_last_day_of_february():
    rule = YearlyRule("end", 2, "last", until="03-15")
    slots = slots_between([rule], PARIS, local("2024-01-01"), local("2026-01-01"))
    assert [local_day(slot.due, PARIS) for slot in slots] == [date(2024, 2, 29), date(2025, 2, 28)]


# --- meetings --------------------------------------------------------------------------------------------------------


def test_it_meets_on_the_last_thursday_of_every_month_but_july():
    meetings = meetings_between(MeetingRule(), PARIS, local("2025-01-01"), local("2025-12-31"))
    assert [f"{at.astimezone(PARIS):%m-%d %H:%M}" for at in meetings] == [
        "01-30 18:30",
        "02-27 18:30",
        "03-27 18:30",
        "04-24 18:30",
        "05-29 18:30",
        "06-26 18:30",
        "08-28 18:30",
        "09-25 18:30",
        "10-30 18:30",
        "11-27 18:30",
        "12-25 18:30",
    ]
    assert all(at.tzinfo is UTC for at in meetings)


def test_it_meets_on_a_fixed_day_too():
    rule = MeetingRule(day=15, hour=20, minute=0, months="mar,9")
    assert meetings_between(rule, PARIS, local("2025-01-01"), local("2026-01-01")) == [
        local("2025-03-15 20:00"),
        local("2025-09-15 20:00"),
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"day": 31}, "day 31 does not come once in each month of '1-6,8-12'"),
        ({"day": 29, "months": "2"}, "day 29 does not come once"),
        ({"day": "5th thu"}, "day '5th thu' does not come once"),
        ({"day": "1,2"}, "day '1,2' does not come once"),
        ({"months": "1-13"}, "13"),
        ({"months": ""}, "Unrecognized"),
        ({"hour": 3}, "hour 3"),
        ({"minute": -1}, "minute -1"),
    ],
)
def test_it_refuses_meetings_that_some_month_would_lack(wrong, reason):
    with pytest.raises(BadConfiguration) as caught:
        MeetingRule(**wrong)
    assert str(caught.value).startswith("board.meetings: ")
    assert reason in str(caught.value)


# --- days that must pass ---------------------------------------------------------------------------------------------


def test_it_counts_clear_days_between_the_meeting_and_nine_in_the_morning():
    assert clear_days_end(date(2025, 8, 28), 3, PARIS) == local("2025-09-01 09:00")
    assert clear_days_end(date(2025, 8, 28), 0, PARIS) == local("2025-08-29 09:00")


def test_it_counts_clear_days_over_a_clock_change():
    assert clear_days_end(date(2025, 10, 24), 3, PARIS) == local("2025-10-28 09:00")


def test_it_ends_a_stay_at_nine_the_day_after():
    assert stay_end(date(2025, 10, 25), PARIS) == local("2025-10-26 09:00")
    assert stay_end(date(2025, 12, 31), PARIS) == local("2026-01-01 09:00")


@given(day=st.dates(date(2000, 1, 1), date(2040, 1, 1)), clear=st.integers(0, 30))
def test_it_has_so_many_full_days_before_the_clear_days_end(day, clear):
    end = clear_days_end(day, clear, PARIS)
    midnights = [end_of_day(day + timedelta(days=n), PARIS) for n in range(clear + 1)]
    assert midnights[-1] < end < end_of_day(day + timedelta(days=clear + 1), PARIS)
    assert end == at_local(local_day(midnights[-1], PARIS), 9, 0, PARIS)
