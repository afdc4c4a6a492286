"""Forty days without a run, from any day of the year: late runs end where undisturbed ones do, or it is `missed`.

Nobody acts meanwhile; a meeting that fell into these days is recorded by the secretary, if that is still allowed.
"""

from contextlib import closing
from datetime import date, timedelta

import pytest

from api.settings import settings_from_mapping
from api.wiring import rules_of
from engine.ballots import Choice
from engine.clock import at_local
from engine.engine import Engine
from engine.errors import RelanceError
from engine.store import Store
from tests import played
from tests.house import PARIS, House
from workflows import WORKFLOWS
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.models import Kind
from workflows.membership.scenario import sink
from workflows.membership.words import State

FIRST, LAST = date(2024, 12, 1), date(2026, 1, 31)
DAYS = 40
DEEDS = ((date(2025, 2, 10), "pays"), (date(2025, 6, 20), "pays late"))
"""What people do: A2 pays in February, A3 after the reminder; what they could not do before is done once it runs."""
WHO = {"pays": "A2", "pays late": "A3"}
RULES = rules_of(settings_from_mapping({}), dates_confirmed=True)


class Year:
    """One register, day by day; it can be taken up again where it stood on any morning."""

    def __init__(self, image=None, left=()):
        self.store = Store("sqlite://")
        if image is None:
            self.store.create_tables()
        else:
            self._driver(lambda connection: connection.deserialize(image))
        engine = Engine(self.store, RULES, WORKFLOWS, sink)
        self.house = House.__new__(House)
        self.house.engine = engine
        self.left = list(left)

    def _driver(self, act):
        with self.store.engine.connect() as connection:
            return act(connection.connection.driver_connection)

    def begin(self):
        """Nine members on 30 November 2024: eight associations and a person."""
        self.house = House(self.house.engine, at_local(date(2024, 11, 30), 0, 0, PARIS))
        self.house.enter("A1", "A2", "A3", "A4", "A5")
        self.house.enter("A6", state=State.SUSPENDED, owes=(2024,), since=date(2024, 9, 2))
        self.house.enter("P1", kind=Kind.PERSON.value)
        self.left = list(DEEDS)
        return self

    def image(self):
        """The database as it is."""
        return self._driver(lambda connection: connection.serialize())

    def morning(self, day):
        """What was due by noon, then what people do that day, or could not do before."""
        noon = f"{day}T12:00"
        self.house.late_tick(noon)
        for deed in [deed for deed in self.left if deed[0] <= day]:
            self.left.remove(deed)
            self.house.pay(noon, (WHO[deed[1]], 2000), external_id=deed[1])
        self._vote(noon)

    def _vote(self, noon):
        """Two of three seats approve what is open, as long as it is; what was not asked in time, the room records."""
        now = self.house.at(noon)
        sql = """SELECT b.id, b.status FROM ballot b JOIN meeting m ON m.id = b.meeting_id
            WHERE b.status IN ('open', 'no_quorum') AND m.held_at <= ?"""
        for ballot, _ in self.house.rows(sql, f"{now:%Y-%m-%d %H:%M:%S.000000}"):
            votes = {"S1": Choice.APPROVE, "S2": Choice.APPROVE}
            try:
                self.house.engine.record_decision(MEMBERSHIP, ballot, votes, now, ("S1", "S2"))
            except RelanceError:
                continue  # too late, or no longer asked

    def run(self, first, last):
        """Let the days pass."""
        for number in range((last - first).days + 1):
            self.morning(first + timedelta(days=number))
        return self

    def close(self):
        self.store.close()


@pytest.fixture(scope="module")
def undisturbed():
    """The same register every morning, and how it ends."""
    year = Year().begin()
    images = {}
    for number in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        images[day] = (year.image(), tuple(year.left))
        year.morning(day)
    yield images, year
    year.close()


def down_from(images, day):
    """A register that nobody ran for forty days from that morning on, at the end of its year."""
    image, left = images[day]
    year = Year(image, left)
    return year.run(day + timedelta(days=DAYS), LAST)


_MISSED = """SELECT i.subject FROM occurrence o JOIN workflow_instance i ON i.id = o.instance_id
    WHERE o.status = 'missed'"""


def check(images, whole, day):
    """It ends where the undisturbed one does; whoever does not was missed, and a person was told so. Returns those."""
    with closing(down_from(images, day)) as late:
        expected, found = played.states_of(whole.store), played.states_of(late.store)
        assert played.repeated_notices(late.store) == []
        assert played.replayed_states(played.journal_of(late.store)) == found
        behind = {number for number in expected if found[number] != expected[number]}
        missed = {row[0] for row in late.house.rows(_MISSED)}
        notes = [row[0] for row in late.house.rows("SELECT note FROM task WHERE kind = 'missed_step'")]
        assert all(any(number in note for note in notes) for number in missed)
        assert behind == missed
        return missed


STARTS = [FIRST + timedelta(days=number) for number in range(365)]


@pytest.mark.parametrize("month", range(12))
def test_forty_days_from_the_days_on_which_most_is_at_stake(undisturbed, month):
    images, whole = undisturbed
    for day in [day for day in STARTS if (day.year - 2024) * 12 + day.month - 12 == month and day.day in {1, 20}]:
        check(images, whole, day)


@pytest.mark.torture
@pytest.mark.parametrize("start", STARTS, ids=str)
def test_forty_days_from_any_day(undisturbed, start):
    images, whole = undisturbed
    check(images, whole, start)


def test_what_passes_its_last_day_meanwhile_is_missed_with_its_task(undisturbed):
    images, whole = undisturbed
    missed = check(images, whole, date(2025, 11, 25))
    assert missed == {"P1"}


def test_a_window_that_is_wide_enough_loses_nothing(undisturbed):
    images, whole = undisturbed
    for day in (date(2024, 12, 1), date(2025, 1, 10), date(2025, 5, 31)):
        assert check(images, whole, day) == set()
