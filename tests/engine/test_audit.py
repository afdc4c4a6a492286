"""The database against itself: what does not agree is found, and named."""

from pathlib import Path

import pytest

from api.wiring import replay
from engine.audit import audit, steps_outside_their_window, unknown_definitions
from workflows import WORKFLOWS
from workflows.membership import audit as membership
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.words import State

YEARS = Path(__file__).parents[1] / "years"


@pytest.fixture
def played():
    """The engine after the story of one that never pays."""
    engine = replay(YEARS / "never-pays.toml").player.engine
    yield engine
    engine.store.close()


def found(engine):
    """Everything that any check finds, as lines."""
    with engine.store.read() as connection:
        findings = [*audit(connection, MEMBERSHIP), *membership.audit(connection, MEMBERSHIP)]
        findings += unknown_definitions(connection, WORKFLOWS)
        findings += steps_outside_their_window(connection, MEMBERSHIP, engine.rules)
        return [str(finding) for finding in findings]


def corrupt(engine, sql):
    """Change a row behind the engine's back; constraints that would forbid it are lifted."""
    with engine.store.write() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        assert connection.exec_driver_sql(sql).rowcount


def test_a_story_that_was_played_agrees_with_itself(played):
    assert found(played) == []


LINE = "SELECT id FROM journal_entry WHERE trigger = 'suspend' AND acted AND from_state <> to_state"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE workflow_instance SET state = 'paid'", "A0001: is paid, but its journal ends in removed"),
        ("UPDATE workflow_instance SET state = 'lost'", "membership 1: 1 instances in 'lost', a state that"),
        ("UPDATE workflow_instance SET version = 9", "membership 9: 1 instances of a definition that this program"),
        (f"DELETE FROM journal_entry WHERE id = ({LINE})", "starts from suspended, but it was reminded"),
        ("DELETE FROM journal_entry", "A0001: has no journal"),
        (f"UPDATE journal_entry SET from_state = 'paid' WHERE id = ({LINE})", "has no arrow from paid to suspended"),
        (f"UPDATE journal_entry SET acted = 0 WHERE id = ({LINE})", "has no arrow from reminded to suspended"),
        ("UPDATE ballot SET status = 'rejected' WHERE trigger = 'suspend'", "suspend on 2025-09-01 without a ballot"),
        ("UPDATE ballot SET year = 2024 WHERE trigger = 'suspend'", "suspend on 2025-09-01 without a ballot adopted"),
        ("UPDATE ballot SET status = 'no_quorum' WHERE trigger = 'remove'", "remove on 2026-10-29 without a ballot"),
        ("UPDATE journal_entry SET cause = 'x' WHERE trigger = 'remove' AND acted", "without a ballot adopted on rem"),
        (
            "UPDATE ballot SET approve = 4 WHERE trigger = 'suspend'",
            "suspend 2025 is counted 4/0/1, its votes are 3/0/1",
        ),
        ("UPDATE ballot SET took_part = 3 WHERE trigger = 'suspend'", "suspend 2025: 3 took part, but 4 voted"),
        ("UPDATE vote SET seat = 'S9' WHERE id = 1", "A0001: S9 voted on suspend, but is no seat of that ballot"),
        (
            "UPDATE occurrence SET at = '2025-01-01 00:00:00.000000' WHERE event = 'remind'",
            "remind 2025 acted, but the",
        ),
        ("UPDATE occurrence SET effective_at = '2025-05-01 00:00:00' WHERE event = 'remind'", "outside of its window"),
    ],
)
def test_a_row_that_was_changed_is_found(played, sql, said):
    corrupt(played, sql)
    assert any(said in line for line in found(played)), found(played)


def test_a_second_current_vote_of_a_seat_is_found(played):
    with played.store.write() as connection:
        connection.exec_driver_sql("DROP INDEX uq_vote_current")
    corrupt(played, "INSERT INTO vote (ballot_id, seat, choice, comment, channel, at) SELECT ballot_id, seat, choice, "
            "comment, channel, at FROM vote WHERE id = 1")  # fmt: skip
    assert "A0001: seat S1 has 2 votes on suspend" in found(played)


def test_whoever_was_taken_over_in_a_state_needs_no_ballot(house):
    house.enter("A1", state=State.SUSPENDED, owes=(2023,))
    house.enter("A2", state=State.REMOVED, owes=(2022,))
    assert found(house.engine) == []


def test_spared_without_a_rejection_is_found():
    engine = replay(YEARS / "remove-spared.toml").player.engine
    corrupt(engine, "UPDATE ballot SET status = 'adopted' WHERE trigger = 'remove' AND status = 'rejected'")
    assert any("spare on" in line and "without a ballot rejected on remove" in line for line in found(engine))
    engine.store.close()
