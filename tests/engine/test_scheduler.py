"""APScheduler as a source of dates, as an alarm clock, and under a frozen clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread, get_ident
from time import sleep
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from freezegun import freeze_time

from engine.clock import utc_now
from engine.errors import BadConfiguration
from engine.scheduler import AlarmClock, CronFields, VirtualScheduler, cron_instants

PARIS = ZoneInfo("Europe/Paris")
REMIND: CronFields = {"month": 6, "day": 1, "hour": 9, "minute": 0}
MEETINGS: CronFields = {"month": "1-6,8-12", "day": "last thu", "hour": 18, "minute": 30}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def instants(fields: CronFields, after: str, until: str) -> list[str]:
    found = cron_instants(fields, PARIS, local(after), local(until))
    assert all(instant.tzinfo is UTC for instant in found)
    return [f"{instant:%Y-%m-%d %H:%M}" for instant in found]


# --- dates -----------------------------------------------------------------------------------------------------------


def test_it_finds_french_dates_in_winter_and_in_summer():
    assert instants({"month": 1, "day": 15, "hour": 9}, "2025-01-01", "2026-12-31") == [
        "2025-01-15 08:00",
        "2026-01-15 08:00",
    ]
    assert instants(REMIND, "2025-01-01", "2026-12-31") == ["2025-06-01 07:00", "2026-06-01 07:00"]


def test_it_finds_the_hour_of_the_wall_on_the_days_of_the_clock_changes():
    daily: CronFields = {"month": "3,10", "day": "28-30,24-26", "hour": 9, "minute": 0}
    assert instants(daily, "2026-03-27", "2026-03-31") == ["2026-03-28 08:00", "2026-03-29 07:00", "2026-03-30 07:00"]
    assert instants(daily, "2026-10-24", "2026-10-27") == ["2026-10-24 07:00", "2026-10-25 08:00", "2026-10-26 08:00"]


def test_it_finds_the_last_thursdays_around_both_clock_changes():
    assert instants(MEETINGS, "2026-03-01", "2026-04-30 18:30") == ["2026-03-26 17:30", "2026-04-30 16:30"]
    assert instants(MEETINGS, "2026-09-01", "2026-10-31") == ["2026-09-24 16:30", "2026-10-29 17:30"]


def test_it_excludes_the_first_instant_and_includes_the_last():
    assert instants(REMIND, "2025-06-01 09:00", "2026-06-01 09:00") == ["2026-06-01 07:00"]
    assert instants(REMIND, "2025-06-01 08:59", "2026-06-01 08:59") == ["2025-06-01 07:00"]
    assert instants(REMIND, "2026-01-01", "2025-01-01") == []


def test_it_goes_from_one_local_year_into_the_next():
    eve: CronFields = {"month": "1,12", "day": "1,31", "hour": "4,23", "minute": 30}
    assert instants(eve, "2025-12-31 05:00", "2026-01-01 05:00") == ["2025-12-31 22:30", "2026-01-01 03:30"]


@pytest.mark.parametrize(
    "wrong", [{"day": "foo"}, {"month": 13}, {"month": "jan 5"}, {"day": "lastly"}, {"moon": 1}, {"hour": "5/0"}]
)
def test_it_refuses_what_is_no_cron_field(wrong):
    with pytest.raises(BadConfiguration):
        cron_instants(wrong, PARIS, local("2025-01-01"), local("2025-01-02"))


def test_it_does_not_look_for_ever_for_a_date_that_never_comes():
    assert instants({"month": 2, "day": 30, "hour": 9}, "2025-01-01", "2026-01-01") == []


# --- under a frozen clock (the canary) -------------------------------------------------------------------------------


def ring_until(scheduler: VirtualScheduler, end: datetime, move_to: Callable[[datetime], object]) -> None:
    while (at := scheduler.next_wakeup()) is not None and at <= end:
        move_to(at)
        scheduler.run_due()


def test_it_rings_through_two_frozen_years_at_every_date_and_no_other():
    begin, end = local("2024-11-30"), local("2026-11-30")
    rings: list[datetime] = []
    with freeze_time(begin) as clock:
        scheduler = VirtualScheduler(PARIS)
        rules = {"remind": REMIND, "meetings": MEETINGS}
        alarm = AlarmClock(lambda: rings.append(utc_now()), rules, PARIS, timedelta(days=90), scheduler)
        alarm.start()
        ring_until(scheduler, end, clock.move_to)
        alarm.shutdown()
    dates = [instant for fields in rules.values() for instant in cron_instants(fields, PARIS, begin, end)]
    heartbeats = [begin.astimezone(UTC) + timedelta(days=90 * n) for n in range(1, 9)]
    assert rings == sorted(dates + heartbeats)
    assert len(rings) == 2 + 22 + 8


def test_it_rings_once_for_each_alarm_missed_however_late():
    rings: list[datetime] = []
    with freeze_time(local("2025-05-31 12:00")) as clock:
        scheduler = VirtualScheduler(PARIS)
        alarm = AlarmClock(lambda: rings.append(utc_now()), {"remind": REMIND}, PARIS, timedelta(hours=1), scheduler)
        alarm.start()
        clock.move_to(local("2025-06-22 12:00"))
        scheduler.run_due()
        assert rings == [local("2025-06-22 12:00")] * 2  # the date, and one heartbeat for three weeks of them
        assert scheduler.next_wakeup() == local("2025-06-22 13:00")
        alarm.shutdown()


def test_it_rings_at_an_instant_of_no_rule_and_forgets_the_one_set_before():
    rings: list[datetime] = []
    with freeze_time(local("2025-08-01")) as clock:
        scheduler = VirtualScheduler(PARIS)
        alarm = AlarmClock(lambda: rings.append(utc_now()), {}, PARIS, timedelta(days=60), scheduler)
        alarm.start()
        alarm.ring_at(local("2025-08-18 18:30"))
        alarm.ring_at(local("2025-08-29"))
        ring_until(scheduler, local("2025-09-15"), clock.move_to)
        alarm.shutdown()
    assert rings == [local("2025-08-29")]


def test_it_does_not_hide_what_a_frozen_tick_raises_and_goes_on():
    calls = []

    def tick() -> None:
        calls.append(utc_now())
        if len(calls) == 1:
            raise RuntimeError("disk full")

    with freeze_time(local("2025-08-01")) as clock:
        scheduler = VirtualScheduler(PARIS)
        alarm = AlarmClock(tick, {}, PARIS, timedelta(hours=1), scheduler)
        alarm.start()
        clock.tick(timedelta(hours=1))
        with pytest.raises(RuntimeError, match="disk full"):
            scheduler.run_due()
        clock.tick(timedelta(hours=1))
        scheduler.run_due()
        alarm.shutdown()
    assert len(calls) == 2


def test_it_has_no_next_alarm_when_none_is_set():
    assert VirtualScheduler(PARIS).next_wakeup() is None


# --- on the wall clock -----------------------------------------------------------------------------------------------


def test_it_rings_in_the_background_and_stops():
    rang = Event()
    threads = set()

    def tick() -> None:
        threads.add(get_ident())
        rang.set()

    alarm = AlarmClock(tick, {"remind": REMIND}, PARIS, timedelta(hours=1))
    alarm.start()
    alarm.ring_at(utc_now())
    assert rang.wait(timeout=10)
    alarm.shutdown()
    assert threads
    assert get_ident() not in threads


def test_it_stops_during_a_tick_that_sets_the_next_alarm():
    rang = Event()
    done: list[str] = []

    def tick() -> None:
        rang.set()
        sleep(0.05)  # the clock is being stopped meanwhile
        alarm.ring_at(utc_now() + timedelta(hours=1))
        done.append("to the end")

    alarm = AlarmClock(tick, {}, PARIS, timedelta(hours=1))
    alarm.start()
    alarm.ring_at(utc_now())
    assert rang.wait(timeout=10)
    stopping = Thread(target=alarm.shutdown, daemon=True)
    stopping.start()
    stopping.join(timeout=10)
    assert not stopping.is_alive()
    assert done == ["to the end"]


def test_it_ticks_one_at_a_time():
    inside: list[int] = []
    most: list[int] = []

    def tick() -> None:
        inside.append(1)
        sleep(0.01)
        most.append(len(inside))
        inside.pop()

    alarm = AlarmClock(tick, {}, PARIS, timedelta(hours=1))
    threads = [Thread(target=alarm._ring) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_it_goes_on_after_a_tick_that_failed(caplog):
    failed: list[int] = []
    enough = Event()

    def tick() -> None:
        failed.append(1)
        if len(failed) == 2:
            enough.set()
        raise RuntimeError("disk full")

    alarm = AlarmClock(tick, {}, PARIS, timedelta(seconds=0.05))
    alarm.start()
    assert enough.wait(timeout=10)
    alarm.shutdown()
    assert "disk full" in caplog.text


def test_it_sets_every_job_so_that_none_is_lost_or_doubled():
    scheduler = BackgroundScheduler(timezone=PARIS)
    AlarmClock(lambda: None, {"remind": REMIND}, PARIS, timedelta(minutes=1), scheduler)
    jobs = scheduler.get_jobs()
    assert {job.id for job in jobs} == {"remind", "heartbeat"}
    assert all((job.coalesce, job.misfire_grace_time, job.max_instances) == (True, None, 1) for job in jobs)


def test_it_refuses_an_alarm_with_bad_fields():
    with pytest.raises(BadConfiguration):
        AlarmClock(lambda: None, {"remind": {"hour": 25}}, PARIS, timedelta(minutes=1))
