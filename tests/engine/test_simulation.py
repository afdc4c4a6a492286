"""The future on a copy: time passes as in life, and nothing of it reaches the database itself."""

from datetime import date

import pytest

from engine.errors import Invalid
from engine.results import journal_after, periods, states_of
from engine.simulation import Board, Habit, Simulation, TreasurerConfirms, board_habits, copy_of
from workflows.membership import ledger, members
from workflows.membership.assumptions import Assume, member_habits, years_later
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.models import ReversalReason
from workflows.membership.scenario import sink
from workflows.membership.words import State


@pytest.fixture
def future(house):
    """Plays a future of the house; returns the copy it left behind."""
    copies = []

    def play(text, until, assume=Assume.NOBODY_PAYS, board=Board.ADOPTS):
        copy = copy_of(house.engine, sink)
        copies.append(copy)
        now, end = house.at(text), house.at(until)
        habits: list[Habit] = [
            TreasurerConfirms(),
            *member_habits(copy, assume, now, end),
            *board_habits(copy, MEMBERSHIP, board),
        ]
        simulation = Simulation(copy, MEMBERSHIP, habits, now)
        simulation.begin()
        simulation.run_until(end)
        return copy

    yield play
    for copy in copies:
        copy.store.close()


def states(engine):
    with engine.store.read() as connection:
        return states_of(connection, MEMBERSHIP.name)


def told(engine, *triggers):
    """(trigger, day) of what happened."""
    with engine.store.read() as connection:
        entries = journal_after(connection, MEMBERSHIP.name)
    return [(entry.trigger, str(entry.at.date())) for entry in entries if entry.trigger in triggers]


def test_whoever_never_pays_is_struck_off_two_years_later(house, future):
    house.enter("A1")
    assert states(future("2024-11-30T10:00", "2026-12-31")) == {"A1": "removed"}


def test_the_database_itself_is_untouched(house, future):
    house.enter("A1")
    tables = [row[0] for row in house.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    before = {table: house.rows(f"SELECT * FROM {table}") for table in tables}
    future("2024-11-30T10:00", "2026-12-31", Assume.EVERYBODY_PAYS)
    assert {table: house.rows(f"SELECT * FROM {table}") for table in tables} == before


def test_the_same_future_is_the_same_twice(house, future):
    house.enter("A1", "A2")
    journals = []
    for _ in range(2):
        with future("2024-11-30T10:00", "2026-12-31").store.read() as connection:
            journals.append(journal_after(connection, MEMBERSHIP.name))
    assert journals[0] == journals[1]


def test_a_board_that_rejects_interrupts_nobody(house, future):
    house.enter("A1")
    assert states(future("2024-11-30T10:00", "2026-05-01", board=Board.REJECTS)) == {"A1": "reminded"}


def test_a_board_that_does_not_vote_interrupts_nobody(house, future):
    house.enter("A1")
    copy = future("2024-11-30T10:00", "2026-05-01", board=Board.ABSENT)
    assert states(copy) == {"A1": "reminded"}
    with copy.store.read() as connection:
        statuses = {row[0] for row in connection.exec_driver_sql("SELECT status FROM ballot")}
    assert statuses == {"no_quorum"}


def test_without_any_seat_one_is_made_up(house, future):
    house.enter("A1")
    with house.engine.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM seat")
    assert states(future("2024-11-30T10:00", "2025-12-31")) == {"A1": "suspended"}


def test_the_treasurer_lets_go_on_what_waited_for_the_brake_on_the_next_day(house, future):
    house.enter(*(f"A{number:02}" for number in range(30)), state=State.CALLED, owes=(2025,), now="2025-02-01")
    assert set(told(future("2025-02-02", "2025-07-01"), "remind")) == {("remind", "2025-06-02")}


def test_what_already_waits_is_let_go_on_too(house, future):
    house.enter(*(f"A{number:02}" for number in range(30)), state=State.CALLED, owes=(2025,), now="2025-02-01")
    house.tick("2025-06-01")
    assert set(told(future("2025-06-10", "2025-07-01"), "remind")) == {("remind", "2025-06-11")}


def test_letters_are_posted_and_arrive_in_time_for_the_hearing(house, future):
    house.enter("A1", state=State.SUSPENDED, owes=(2023,), since=date(2023, 9, 1))
    copy = future("2024-11-30T10:00", "2025-12-31")
    assert states(copy) == {"A1": "removed"}
    with copy.store.read() as connection:
        sql = "SELECT kind, posted_on, first_presented_on, outcome FROM letter ORDER BY id"
        letters = [tuple(row) for row in connection.exec_driver_sql(sql)]
    assert letters == [
        ("summons", "2025-10-08", "2025-10-09", "delivered"),
        ("removal", "2025-11-05", "2025-11-06", "delivered"),
    ]


def test_everybody_pays_the_day_after_the_call(house, future):
    house.enter("A1", "A2")
    copy = future("2024-11-30T10:00", "2025-11-30", Assume.EVERYBODY_PAYS)
    assert states(copy) == {"A1": "paid", "A2": "paid"}
    assert told(copy, "call", "pay", "remind") == [("call", "2024-12-01")] * 2 + [("pay", "2024-12-02")] * 2


def test_everybody_pays_at_once_what_is_owed_already(house, future):
    house.enter("A1", state=State.SUSPENDED, owes=(2023, 2024), since=date(2024, 9, 1))
    house.enter("A2", state=State.REMOVED, owes=(2022,))
    copy = future("2024-11-30T10:00", "2024-12-01T08:00", Assume.EVERYBODY_PAYS)
    assert states(copy) == {"A1": "suspended", "A2": "removed"}
    copy = future("2024-11-30T10:00", "2024-12-01T13:00", Assume.EVERYBODY_PAYS)
    assert states(copy) == {"A1": "paid", "A2": "removed"}


def test_as_last_year_the_same_members_pay_on_the_same_days(house, future):
    house.enter("A1", "A2")
    house.tick("2024-12-02")
    house.pay("2025-03-14", ("A1", 2000, 2025))
    house.tick("2025-11-20")
    copy = future("2025-11-20T13:00", "2027-04-30", Assume.AS_LAST_YEAR)
    assert told(copy, "pay") == [("pay", "2025-03-14"), ("pay", "2026-03-14"), ("pay", "2027-03-14")]
    assert states(copy)["A1"] == "paid"


def test_as_last_year_who_pays_in_advance_does_so_again(house, future):
    house.enter("A1")
    house.pay("2024-11-30", ("A1", 2000, 2025))
    house.tick("2025-11-20")
    copy = future("2025-11-20T13:00", "2025-12-02", Assume.AS_LAST_YEAR)
    assert told(copy, "pay", "call") == [("pay", "2024-11-30"), ("call", "2024-12-01"), ("pay", "2025-11-30"),
                                         ("call", "2025-12-01")]  # fmt: skip
    assert states(copy) == {"A1": "paid"}


def test_what_was_undone_is_not_paid_again(house, future):
    house.enter("A1")
    house.pay("2024-12-05", ("A1", 2000, 2025))
    house.tick("2025-01-10")
    with house.acting("2025-01-10") as work:
        payment = ledger.latest_payment(work, members.find(work, "A1"))
        ledger.reverse(work, ledger.Reversal(payment, date(2025, 1, 10), ReversalReason.BOUNCED))
    assert told(future("2025-02-01", "2026-03-01", Assume.AS_LAST_YEAR), "pay") == [("pay", "2024-12-05")]


def test_a_server_that_is_late_catches_up_first(house, future):
    house.enter("A1")
    assert told(future("2024-12-10", "2024-12-20"), "call") == [("call", "2024-12-10")]


def test_the_29th_of_february_comes_back_on_the_28th():
    assert years_later(date(2024, 2, 29), 1) == date(2025, 2, 28)
    assert years_later(date(2024, 2, 29), 4) == date(2028, 2, 29)


def test_another_database_than_sqlite_cannot_be_copied_yet(house):
    house.engine.store.engine.dialect.name = "postgresql"
    with pytest.raises(Invalid, match="only an SQLite database"):
        copy_of(house.engine, sink)


def test_a_journal_is_cut_at_the_ends_of_days(house):
    house.enter("A1", "A2")
    house.tick("2025-01-16")
    with house.engine.store.read() as connection:
        journal = journal_after(connection, MEMBERSHIP.name, without=("import",))
    cut = list(
        periods(
            {"A1": "paid", "A2": "paid"},
            journal,
            [date(2024, 11, 30), date(2024, 12, 1), date(2025, 1, 31)],
            house.engine.rules.tz,
        )
    )
    assert [dict(period.states) for period in cut] == [{"paid": 2}, {"called": 2}, {"called": 2}]
    assert [dict(period.mails) for period in cut] == [{}, {"call_for_dues": 2}, {"renewal_campaign": 2}]
