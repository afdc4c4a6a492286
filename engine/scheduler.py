"""APScheduler: its cron fields as dates, and its alarm clock. The only importer of apscheduler.

The alarm clock decides nothing: every job calls the same idempotent `tick`, which asks the journal what is due.
Losing a wake-up costs a heartbeat, never an occurrence (ARCHITECTURE § 1).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from threading import Lock
from typing import Any, TypeAlias

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.cron.fields import SEPARATOR
from apscheduler.triggers.date import DateTrigger

from engine.errors import BadConfiguration

CronFields: TypeAlias = Mapping[str, str | int]
"""Some of year, month, day, week, day_of_week, hour, minute, second, as APScheduler writes them."""
HEARTBEAT = "heartbeat"
NEXT = "next"


def cron_instants(fields: CronFields, tz: tzinfo, after: datetime, until: datetime) -> list[datetime]:
    """Return the instants of a cron rule after `after`, up to and including `until`. Raises BadConfiguration."""
    key = tuple(sorted(fields.items()))
    years = range(after.astimezone(tz).year, until.astimezone(tz).year + 1)
    return [instant for year in years for instant in _year_of(key, tz, year) if after < instant <= until]


@lru_cache(maxsize=4096)
def _year_of(key: tuple[tuple[str, str | int], ...], tz: tzinfo, year: int) -> tuple[datetime, ...]:
    """All instants of one local year. The trigger stops at its end: a date that never comes is not sought for ever."""
    first = datetime(year, 1, 1, tzinfo=tz)
    last = datetime(year, 12, 31, 23, 59, 59, tzinfo=tz)
    trigger = _trigger(dict(key), tz, end_date=last)
    instants = []
    fires = trigger.get_next_fire_time(None, first)
    while fires is not None:
        instants.append(fires.astimezone(UTC))
        fires = trigger.get_next_fire_time(fires, last)
    return tuple(instants)


def _trigger(fields: CronFields, tz: tzinfo, end_date: datetime | None = None) -> Any:
    try:
        trigger = CronTrigger(**fields, timezone=tz, end_date=end_date)
    except (TypeError, ValueError) as error:
        raise BadConfiguration(reason=str(error)) from error
    for field in trigger.fields:
        _refuse_trailing(field, str(fields.get(field.name, "*")))
    return trigger


def _refuse_trailing(field: Any, text: str) -> None:
    """Refuse what APScheduler would pass over: it reads « jan 5 » as « jan », and « lastly » as « last »."""
    for part in SEPARATOR.split(text.strip()):
        if not any(kind.value_re.fullmatch(part) for kind in field.COMPILERS):
            raise BadConfiguration(reason=f'Unrecognized expression "{part}" for field "{field.name}"')


class _Beat(BaseTrigger):  # type: ignore[misc]  # apscheduler ships no types
    """Again and again; what was missed is one beat.

    APScheduler's own interval counts each that was missed: after a clock that was a year behind, for minutes.
    """

    def __init__(self, every: timedelta) -> None:
        self._every = every

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the next beat after one, or after now. In UTC: a local hour plus a day is not always a day."""
        present = now.astimezone(UTC)
        following = (previous_fire_time or present).astimezone(UTC) + self._every
        return following if following > present else present + self._every


class AlarmClock:
    """Calls `tick` on each date of each rule, and every heartbeat.

    APScheduler's defaults silently skip a job that is over a second late; here a late one runs once, however late.
    """

    def __init__(
        self,
        tick: Callable[[], object],
        rules: Mapping[str, CronFields],
        tz: tzinfo,
        heartbeat: timedelta,
        scheduler: BaseScheduler | None = None,
    ) -> None:
        """Set the alarms; none rings before `start`. Raises BadConfiguration for bad fields."""
        self._tick = tick
        self._turn = Lock()
        self._stopped = False
        self._scheduler = BackgroundScheduler(timezone=tz) if scheduler is None else scheduler
        for name, fields in rules.items():
            self._set(name, _trigger(fields, tz))
        self._heartbeat = heartbeat
        self._beat()

    def start(self) -> None:
        """Begin to ring. Once stopped it does not start again: make a new one."""
        self._scheduler.start()

    def shutdown(self) -> None:
        """Stop: 1. wait for the tick that runs, and drop those in the queue; 2. clear the alarms; 3. end the thread.

        APScheduler alone would wait for ever for a tick that sets an alarm, and fall over an alarm just rung.
        """
        with self._turn:
            self._stopped = True
        self._scheduler.remove_all_jobs()
        self._scheduler.shutdown()

    def ring_at(self, instant: datetime) -> None:
        """Ring once more at an instant that no rule has, such as a meeting's end; replaces the one set before."""
        if not self._stopped:
            self._set(NEXT, DateTrigger(run_date=instant, timezone=UTC))

    def keep_beating(self, now: datetime) -> None:
        """Set the heartbeat anew where it is further off than it ever is: the clock went back.

        APScheduler would wait for the instant that it had planned, be it a year.
        """
        job = self._scheduler.get_job(HEARTBEAT)
        if job is not None and job.next_run_time - now > 2 * self._heartbeat:
            self._beat()

    def _beat(self) -> None:
        self._set(HEARTBEAT, _Beat(self._heartbeat))

    def _ring(self) -> None:
        """Tick, one at a time: two alarms of one instant ring one after the other."""
        with self._turn:
            if not self._stopped:
                self._tick()

    def _set(self, name: str, trigger: Any) -> None:
        self._scheduler.add_job(
            self._ring,
            trigger,
            id=name,
            name=name,
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
            replace_existing=True,
        )


class VirtualScheduler(BaseScheduler):  # type: ignore[misc]  # apscheduler ships no types
    """APScheduler without a thread, for a frozen clock: move the clock to `next_wakeup()`, then `run_due()`."""

    def __init__(self, tz: tzinfo) -> None:
        """Keep what a job raises: APScheduler would only log it."""
        super().__init__(timezone=tz)
        self._here = _Here()
        self._errors: list[BaseException] = []
        self.add_listener(self._keep_error, EVENT_JOB_ERROR)

    def wakeup(self) -> None:
        """Do nothing: nobody sleeps."""

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 - APScheduler's own signature
        """Stop."""
        super().shutdown(wait)

    def next_wakeup(self) -> datetime | None:
        """Return the instant of the next alarm, None when there is none."""
        instants = [job.next_run_time.astimezone(UTC) for job in self.get_jobs()]
        return min(instants, default=None)

    def run_due(self) -> None:
        """Run every job that is due by the clock, here and now. Raises what a job raised."""
        self._process_jobs()
        self._here.run_submitted()
        if self._errors:
            raise self._errors.pop(0)

    def _create_default_executor(self) -> BaseExecutor:
        return self._here

    def _keep_error(self, event: JobExecutionEvent) -> None:
        self._errors.append(event.exception)


class _Here(BaseExecutor):  # type: ignore[misc]  # apscheduler ships no types
    """Runs jobs once APScheduler is through its list, as its threads do: before, it would drop an alarm set by one."""

    def __init__(self) -> None:
        """Nothing waits."""
        super().__init__()
        self._submitted: list[tuple[Job, list[datetime]]] = []

    def run_submitted(self) -> None:
        """Run what was submitted, in order."""
        while self._submitted:
            job, instants = self._submitted.pop(0)
            self._run_job_success(job.id, run_job(job, job._jobstore_alias, instants, self._logger.name))  # noqa: SLF001 as each of its executors does

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        self._submitted.append((job, run_times))
