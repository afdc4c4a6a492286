"""The money against itself: what does not add up is found, and named."""

from datetime import date
from pathlib import Path

import pytest

from api.wiring import replay
from workflows.membership import ledger, members
from workflows.membership.audit import audit
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.models import ReversalReason
from workflows.membership.words import State

YEARS = Path(__file__).parents[2] / "years"


def found(engine):
    """What the checks find, as lines."""
    with engine.store.read() as connection:
        return [str(finding) for finding in audit(connection, MEMBERSHIP)]


@pytest.fixture
def books(house):
    """A payment over two years and a surplus; another that bounced."""
    house.enter("A1", owes=(2023, 2024), state=State.CALLED)
    house.enter("A2", owes=(2024,), state=State.CALLED)
    house.pay("2024-11-30", ("A1", 5000))
    house.pay("2024-11-30T13:00", ("A2", 2000, 2024))
    with house.acting("2024-11-30T14:00") as work:
        payment = ledger.latest_payment(work, members.find(work, "A2"))
        ledger.reverse(work, ledger.Reversal(payment, date(2024, 11, 30), ReversalReason.BOUNCED))
    return house.engine


def test_books_that_are_right_are_found_right(books):
    assert found(books) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "UPDATE due SET settled_cents = 1999 WHERE year = 2023",
            "A1: 2023 is settled by 19.99, its ledger says 20.00",
        ),
        ("UPDATE due SET amount_cents = 1500 WHERE year = 2023", "A1: 2023 is settled by 20.00 of 15.00"),
        ("DELETE FROM due WHERE year = 2023", "A1: the ledger has 20.00 on 2023, for which there is no due"),
        ("UPDATE association SET credit_cents = 0", "A1: has a credit of 0.00, its ledger says 10.00"),
        ("UPDATE payment SET amount_cents = 5001 WHERE id = 1", "A1: payment 1 of 50.01 is spread over 50.00"),
        (
            "DELETE FROM ledger_entry WHERE kind = 'reversal'",
            "A2: payment 2 of 20.00 is undone, its reversal says 0.00",
        ),
        ("UPDATE payment SET reversed_at = NULL", "A2: payment 2 of 20.00 is not undone, its reversal says -20.00"),
        ("UPDATE workflow_instance SET state = 'paid' WHERE id = 2", "A2: is paid, but owes 20.00"),
        ("UPDATE workflow_instance SET state = 'called' WHERE id = 1", "A1: is called, but owes nothing"),
        ("UPDATE association SET cut_at = '2024-09-01 07:00:00'", "A1: is paid, which does not go with the day of its"),
    ],
)
def test_a_figure_that_was_changed_is_found(books, sql, said):
    with books.store.write() as connection:
        assert connection.exec_driver_sql(sql).rowcount
    assert any(line.startswith(said) for line in found(books)), found(books)


def test_a_deletion_without_its_archive_is_found():
    engine = replay(YEARS / "never-pays.toml").player.engine
    assert found(engine) == []
    with engine.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM service_order WHERE action = 'archive'")
    assert {line.split()[1] for line in found(engine)} == {"website", "list"}
    assert all(line.endswith(" is to be deleted, but was not archived") for line in found(engine))
    engine.store.close()
