"""Instants and local days, across both clock changes of France and in zones with odd midnights."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import at_local, days_after, end_of_day, local_day, noon, utc_now
from engine.errors import Invalid

PARIS = ZoneInfo("Europe/Paris")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
ZONES = st.sampled_from([ZoneInfo(key) for key in ("Europe/Paris", "Atlantic/Azores", "Africa/Cairo", "Asia/Beirut")])


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]  # a tuple of unknown length


def test_it_reads_an_aware_instant_in_utc():
    with freeze_time("2025-08-28 18:30:00"):
        assert utc_now() == utc(2025, 8, 28, 18, 30)
        assert utc_now().tzinfo is UTC


def test_it_knows_the_local_day_around_midnight():
    assert local_day(utc(2025, 8, 31, 21, 59), PARIS) == date(2025, 8, 31)
    assert local_day(utc(2025, 8, 31, 22, 0), PARIS) == date(2025, 9, 1)
    assert local_day(utc(2025, 12, 31, 23, 0), PARIS) == date(2026, 1, 1)


def test_it_refuses_an_instant_without_a_zone():
    with pytest.raises(Invalid, match="no time zone"):
        local_day(datetime(2025, 8, 31, 22, 0), PARIS)  # noqa: DTZ001 - what is refused


def test_it_places_an_hour_in_winter_and_in_summer():
    assert at_local(date(2026, 1, 15), 9, 0, PARIS) == utc(2026, 1, 15, 8, 0)
    assert at_local(date(2026, 6, 1), 9, 0, PARIS) == utc(2026, 6, 1, 7, 0)
    assert noon(date(2026, 6, 1), PARIS) == utc(2026, 6, 1, 10, 0)


def test_it_counts_23_and_25_hours_in_the_days_of_the_clock_changes():
    for day, hours in ((SPRING, 23), (AUTUMN, 25), (date(2026, 5, 1), 24)):
        assert end_of_day(day, PARIS) - at_local(day, 0, 0, PARIS) == timedelta(hours=hours)


def test_it_takes_a_skipped_hour_after_the_change_and_a_repeated_one_the_first_time():
    assert at_local(SPRING, 2, 30, PARIS) == utc(2026, 3, 29, 1, 30)
    assert at_local(AUTUMN, 2, 30, PARIS) == utc(2026, 10, 25, 0, 30)


def test_it_ends_a_day_at_the_first_instant_of_the_next_where_midnight_is_skipped_or_repeated():
    assert end_of_day(date(2026, 4, 23), ZoneInfo("Africa/Cairo")) == utc(2026, 4, 23, 22, 0)
    assert end_of_day(date(2026, 10, 24), ZoneInfo("Atlantic/Azores")) == utc(2026, 10, 25, 0, 0)


@given(day=st.dates(date(1990, 1, 1), date(2040, 12, 31)), tz=ZONES)
def test_it_has_no_gap_between_two_days(day: date, tz: ZoneInfo):
    end = end_of_day(day, tz)
    assert local_day(end, tz) == days_after(day, 1)
    assert local_day(end - timedelta(microseconds=1), tz) == day


@given(day=st.dates(date(1990, 1, 1), date(2040, 12, 31)), hour=st.integers(4, 23), minute=st.integers(0, 59))
def test_it_gives_back_the_hour_it_was_asked_for(day: date, hour: int, minute: int):
    local = at_local(day, hour, minute, PARIS).astimezone(PARIS)
    assert (local.date(), local.hour, local.minute) == (day, hour, minute)


@pytest.mark.parametrize(
    ("day", "place"), [(date.max, end_of_day), (date.min, lambda day, tz: at_local(day, 0, 0, tz))]
)
def test_it_refuses_the_ends_of_the_calendar_by_name(day, place):
    with pytest.raises(Invalid, match="too far away"):
        place(day, PARIS)
