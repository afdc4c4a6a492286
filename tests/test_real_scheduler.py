"""The real APScheduler through the two years of the register, under a frozen clock: it ends where a replay ends."""

from contextlib import closing, contextmanager
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from api.duty import AHEAD, BOARD, alarms_of
from api.settings import settings_from_mapping
from api.wiring import replay, rules_of
from engine.clock import utc_now
from engine.engine import Engine
from engine.replay import Player
from engine.scenario import read_toml, scenario_of
from engine.scheduler import HEARTBEAT, NEXT, AlarmClock, VirtualScheduler
from engine.store import Store
from tests import played
from workflows import WORKFLOWS
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.scenario import SCRIPT, sink

REGISTER = Path(__file__).parent / "years" / "register-two-years.toml"


class Unattended(Player):
    """Plays the steps of a scenario; between them, only the alarm clock makes the engine run.

    `exact`: after every run and every step, it is also set to the next instant at which something is due.
    """

    def __init__(self, engine, clock, heartbeat, *, exact):
        super().__init__(engine, SCRIPT)
        self.clock, self.exact = clock, exact
        self.scheduler = VirtualScheduler(UTC)  # freezegun forgets which of an autumn night's two hours it is
        self.alarm = AlarmClock(self.tick, alarms_of(engine.rules), engine.rules.tz, heartbeat, self.scheduler)
        self.rings = 0

    def tick(self):
        self.rings += 1
        self.engine.tick(utc_now())
        self.set_next()

    def set_next(self):
        moment = self.engine.next_moment(utc_now() + AHEAD) if self.exact else None
        if moment is not None:
            self.alarm.ring_at(moment)

    def play(self, scenario):
        self.clock.move_to(scenario.start)
        self.alarm.start()
        return super().play(scenario)

    def run_until(self, instant):
        self.set_next()
        while (rings := self.scheduler.next_wakeup()) is not None and rings <= instant:
            self.clock.move_to(rings)
            self.scheduler.run_due()
        self.clock.move_to(instant)
        self.now = utc_now()


@contextmanager
def unattended(heartbeat, *, exact):
    """The register after two years in which nobody but the alarm clock made the server run."""
    rules = rules_of(settings_from_mapping({}), dates_confirmed=True)
    scenario = scenario_of(read_toml(REGISTER), REGISTER.parent, rules.tz)
    with closing(Store("sqlite://")) as store, freeze_time(scenario.start) as clock:
        store.create_tables()
        player = Unattended(Engine(store, rules, WORKFLOWS, sink), clock, heartbeat, exact=exact)
        failures = player.play(scenario)
        names = {job.id for job in player.scheduler.get_jobs()}
        player.alarm.shutdown()
        assert failures == []
        yield player, names


@pytest.fixture(scope="module")
def replayed():
    """The same two years, replayed."""
    with closing(replay(REGISTER).player.engine.store) as store:
        yield store


def test_it_ends_where_a_replay_ends_journal_and_mails_included(replayed):
    with unattended(timedelta(hours=1), exact=True) as (player, names):
        store = player.engine.store
        assert names == {*(event.name for event in MEMBERSHIP.calendar), BOARD, HEARTBEAT, NEXT}
        assert player.rings > 2 * 365 * 24
        assert played.states_of(store) == played.states_of(replayed)
        assert played.journal_of(store) == played.journal_of(replayed)
        assert played.outbox_of(store) == played.outbox_of(replayed)


def test_it_needs_no_more_than_a_heartbeat_at_odd_hours_to_end_in_the_same_states_at_the_same_instants(replayed):
    with unattended(timedelta(hours=7, minutes=43), exact=False) as (player, _):
        store = player.engine.store
        assert played.states_of(store) == played.states_of(replayed)
        assert told(store) == told(replayed)


def told(store):
    """The journal without the instant at which a server got to it."""
    return [
        (entry.subject, entry.effective_at, entry.trigger, entry.before, entry.after, entry.acted, entry.mails)
        for entry in played.journal_of(store)
    ]
