"""Money through time: what came in between two instants, what was owed at each."""

from datetime import date

from workflows.membership import ledger, members
from workflows.membership.figures import Money, money_at
from workflows.membership.models import ReversalReason


def at(house, *texts):
    """Money at these hours, in cents: (came in since the one before, owed)."""
    with house.engine.store.read() as connection:
        return [(m.received, m.owed) for m in money_at(connection, [house.at(text) for text in texts])]


def test_only_what_was_called_is_owed(house):
    house.enter("A1", "A2")
    house.tick("2024-12-02")
    assert at(house, "2024-11-30", "2024-12-01T08:59", "2024-12-01T09:00") == [(0, 0), (0, 0), (0, 4000)]


def test_what_came_in_counts_since_the_instant_before(house):
    house.enter("A1", "A2")
    house.tick("2024-12-02")
    house.pay("2024-12-05", ("A1", 500))
    house.pay("2024-12-07", ("A1", 1500), ("A2", 3000))
    assert at(house, "2024-12-04", "2024-12-06", "2024-12-08") == [(0, 4000), (500, 3500), (4500, 0)]


def test_what_is_paid_in_advance_is_owed_at_no_time(house):
    house.enter("A1")
    house.pay("2024-11-30", ("A1", 2000, 2025))
    house.tick("2024-12-02")
    assert at(house, "2024-11-30T13:00", "2024-12-02") == [(2000, 0), (0, 0)]


def test_a_payment_that_is_undone_goes_out_when_it_is(house):
    house.enter("A1")
    house.pay("2024-12-05", ("A1", 2000))
    with house.acting("2024-12-10") as work:
        payment = ledger.latest_payment(work, members.find(work, "A1"))
        ledger.reverse(work, ledger.Reversal(payment, date(2024, 12, 10), ReversalReason.BOUNCED))
    assert at(house, "2024-12-06", "2024-12-11") == [(2000, 0), (-2000, 2000)]


def test_empty_books_have_no_money(house):
    with house.engine.store.read() as connection:
        assert money_at(connection, [house.start]) == [Money(0, 0)]
