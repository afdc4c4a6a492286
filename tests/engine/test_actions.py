"""An action comes after everything that is due, and the hour that the clock got to is noted with it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.engine import Engine
from engine.errors import NotAllowed
from engine.rules import Rules
from tests.benchmarks.reference_year import prepare
from workflows import WORKFLOWS
from workflows.membership.definition import MEMBERSHIP

START, ACTION = datetime(2024, 11, 30, tzinfo=UTC), datetime(2024, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path):
    """Three members, the day before their call."""
    engine = Engine(prepare(tmp_path / "actions.db", 3), Rules(ZoneInfo("Europe/Paris")), WORKFLOWS)
    engine.start_clock(START)
    yield engine
    engine.store.close()


def called(engine):
    """How many were called."""
    with engine.store.read() as connection:
        sql = "SELECT count(*) FROM journal_entry WHERE trigger = 'call' AND acted"
        return connection.exec_driver_sql(sql).scalar_one()


def test_it_does_what_is_due_before_an_action_and_notes_the_hour_with_it(engine):
    with engine.acting(MEMBERSHIP, ACTION) as work:
        assert called(engine) == 3
        assert {case.state for case in work.cases([1, 2, 3])} == {"called"}
        assert engine.upto() < ACTION
    assert engine.upto() == ACTION


def test_it_keeps_what_was_due_where_the_action_itself_fails(engine):
    with pytest.raises(NotAllowed), engine.acting(MEMBERSHIP, ACTION):
        raise NotAllowed(reason="test")
    assert called(engine) == 3
    assert engine.upto() < ACTION
    engine.tick(ACTION)
    assert called(engine) == 3
    assert engine.upto() == ACTION
