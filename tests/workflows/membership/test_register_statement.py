"""The statement that the treasurer checks at a take-over."""

from datetime import date

from tests.workflows.membership.desk import members_csv, payments_csv
from workflows.membership.register import takeover_statement, totals_of
from workflows.membership.words import State


def statement(desk, as_of):
    with desk.store.read() as connection:
        return {row.number: row for row in takeover_statement(connection, desk.engine.rules, as_of)}


def test_it_says_where_each_stands_what_it_owes_and_what_comes_next(desk):
    desk.load(
        "associations",
        members_csv(
            {"number": "A1"},
            {"number": "A2", "state": "called", "since": "2025-01-02"},
            {"number": "A3", "state": "reminded", "since": "2025-06-03", "last_sign_of_life": "2025-02-03"},
            {"number": "A4", "state": "reminded", "since": "2024-06-03", "owes": "2024:18.00|2025"},
            {"number": "A5", "state": "suspended", "since": "2023-09-03", "owes": "2023"},
            {"number": "A6", "state": "removed", "since": "2024-10-30", "owes": "2023"},
            {"number": "P1", "kind": "person", "state": "reminded", "since": "2025-06-03", "dues": "10.00"},
        ),
    )
    desk.load("payments", payments_csv(("A5", 2023, "5.00", "2024-02-03", "V1")))
    rows = statement(desk, date(2025, 7, 15))
    assert [(row.state, row.owed_cents, row.reminded_for) for row in rows.values()] == [
        (State.PAID, 0, None),
        (State.CALLED, 2000, None),
        (State.REMINDED, 2000, 2025),
        (State.REMINDED, 3800, 2024),
        (State.SUSPENDED, 1500, None),
        (State.REMOVED, 2000, None),
        (State.REMINDED, 1000, 2025),
    ]
    assert rows["A4"].owed == ((2024, 1800), (2025, 2000))
    assert rows["A3"].last_sign_of_life == date(2025, 2, 3)
    assert rows["A5"].last_sign_of_life == date(2024, 2, 3)
    following = {number: row.next and (row.next.trigger, row.next.on.isoformat()) for number, row in rows.items()}
    assert following == {
        "A1": ("call", "2025-12-01"),
        "A2": ("call", "2025-12-01"),
        "A3": ("suspend", "2025-08-28"),
        "A4": ("call", "2025-12-01"),
        "A5": ("propose_removal", "2025-09-25"),
        "A6": None,
        "P1": ("lapse", "2025-11-30"),
    }
    assert rows["A3"].next.ballot


def test_it_adds_up(desk):
    rows = [{"number": f"A{n}", "state": "called", "since": "2025-01-02"} for n in range(3)]
    desk.load("associations", members_csv(*rows, {"number": "B1"}))
    totals = totals_of(statement(desk, date(2025, 7, 15)).values())
    assert (totals.owed_cents, totals.states[State.CALLED], totals.states[State.PAID]) == (6000, 3, 1)
    assert list(totals.states) == list(State)
