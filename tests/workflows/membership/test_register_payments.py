"""Importing payments: each once, whoever told of it; history before a takeover moves nobody and sends nothing."""

from datetime import date

import pytest

from tests.workflows.membership.desk import members_csv, payments_csv
from workflows.membership import ledger, members
from workflows.membership.models import ReversalReason
from workflows.membership.register import RegisterRefused


@pytest.fixture
def office(desk):
    """A1 owes 2025 since January, A2 owes 2024 and 2025, A3 is paid; all taken over on 15 July 2025."""
    desk.load(
        "associations",
        members_csv(
            {"number": "A1", "state": "called", "since": "2025-01-02"},
            {"number": "A2", "state": "suspended", "since": "2024-09-02", "owes": "2024|2025"},
            {"number": "A3"},
        ),
    )
    desk.at("2025-07-20T10:00")
    return desk


def money(desk):
    sql = """SELECT i.subject, d.year, d.settled_cents FROM due d JOIN workflow_instance i ON i.id = d.association_id
        WHERE d.settled_cents > 0 ORDER BY 1, 2"""
    return desk.rows(sql)


def states(desk):
    return {row[0]: row[1] for row in desk.rows("SELECT subject, state FROM workflow_instance")}


def mails(desk):
    return desk.rows("SELECT kind, count(*) FROM outbox_message GROUP BY kind")


def refused(desk, *rows):
    return [f"{refusal.line}: {refusal.reason}" for refusal in desk.plan("payments", payments_csv(*rows)).refused]


def test_it_books_what_came_in_since_with_a_receipt(office):
    plan = office.load("payments", payments_csv(("A1", 2025, "20.00", "2025-07-18", "VIR1")))
    assert plan.added == ["A1 2025 20.00 2025-07-18 VIR1"]
    assert states(office)["A1"] == "paid"
    assert mails(office) == [("receipt", 1)]
    assert office.rows("SELECT source, external_id FROM payment") == [("csv", "VIR1|A1|2025")]


def test_it_books_nothing_the_second_time(office):
    rows = [
        ("A1", 2025, "5.00", "2025-07-18", "VIR1"),
        ("A1", 2025, "5.00", "2025-07-18", ""),
        ("A1", 2025, "5.00", "2025-07-18", ""),
        ("A2", "", "30.00", "2025-07-18", "VIR2"),
        ("A3", 2026, "25.00", "2025-07-18", "VIR3"),
        ("A3", 2023, "20.00", "2023-02-01", "VIR4"),
    ]
    assert len(office.load("payments", payments_csv(*rows)).added) == 6
    assert money(office) == [
        ("A1", 2025, 1500),
        ("A2", 2024, 2000),
        ("A2", 2025, 1000),
        ("A3", 2023, 2000),
        ("A3", 2026, 2000),
    ]
    before = office.dump("payment", "ledger_entry", "due", "journal_entry", "outbox_message")
    assert office.load("payments", payments_csv(*rows)).unchanged == 6
    assert office.dump("payment", "ledger_entry", "due", "journal_entry", "outbox_message") == before


def test_it_takes_rows_out_of_a_longer_file_for_known(office):
    first = ("A1", 2025, "5.00", "2025-07-18", "VIR1")
    office.load("payments", payments_csv(first))
    plan = office.load("payments", payments_csv(("A2", 2024, "5.00", "2025-07-17", "VIR0"), first))
    assert (plan.unchanged, plan.added) == (1, ["A2 2024 5.00 2025-07-17 VIR0"])


def test_it_refuses_another_amount_under_the_same_reference_naming_both(office):
    office.load("payments", payments_csv(("A1", 2025, "20.00", "2025-07-18", "VIR1")))
    assert refused(office, ("A1", 2025, "25.00", "2025-07-18", "VIR1")) == [
        (
            "2: reference VIR1 of A1 is booked already with 20.00 of 2025-07-18, not 25.00 of 2025-07-18: "
            "use relance reverse"
        )
    ]


def test_it_knows_a_payment_that_was_entered_by_hand(office):
    with office.work() as work:
        share = ledger.Share(members.find(work, "A1").id, 2000, 2025)
        payment = ledger.NewPayment("cli", "1", office.now.date(), (share,), reference="VIR1")
        ledger.book(work, [payment])
    plan = office.plan("payments", payments_csv(("A1", 2025, "20.00", "2025-07-20", "VIR1")))
    assert (plan.does_nothing, plan.unchanged) == (True, 1)
    assert len(refused(office, ("A1", 2025, "10.00", "2025-07-20", "VIR1"))) == 1


def test_it_refuses_one_reference_twice_in_a_file(office):
    row = ("A1", 2025, "5.00", "2025-07-18", "VIR1")
    assert refused(office, row, row) == ["3: reference VIR1 of A1 for 2025 is already on line 2"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("A9", 2025, "20.00", "2025-07-18", "V"), "2: there is no association A9"),
        (("A1", 2018, "20.00", "2025-07-18", "V"), "2: 2018 is not a year that A1 can pay: those are 2019 to 2026"),
        (("A1", 2027, "20.00", "2025-07-18", "V"), "2: 2027 is not a year that A1 can pay: those are 2019 to 2026"),
        (("A1", 2025, "20.00", "2025-07-21", "V"), "2: paid_on: 2025-07-21 is in the future"),
        (("A1", 2025, "NaN", "2025-07-18", "V"), "2: amount: 'NaN' is no amount such as 20.00"),
    ],
)
def test_it_names_the_line_that_cannot_be_booked(office, row, said):
    assert refused(office, row) == [said]


def test_it_books_all_or_nothing(office):
    before = office.dump("payment", "ledger_entry", "journal_entry")
    with pytest.raises(RegisterRefused, match=r"payments.csv:3: there is no association A9"):
        office.load(
            "payments",
            payments_csv(("A1", 2025, "20.00", "2025-07-18", "V"), ("A9", 2025, "20.00", "2025-07-18", "W")),
        )
    assert office.dump("payment", "ledger_entry", "journal_entry") == before


def test_it_keeps_what_was_paid_before_the_takeover_as_history(office):
    office.load(
        "payments",
        payments_csv(
            ("A3", 2024, "20.00", "2024-02-01", "V1"),
            ("A3", 2025, "10.00", "2025-01-05", "V2"),
            ("A3", 2025, "8.00", "2025-02-05", "V3"),
            ("A3", 2026, "5.00", "2025-07-01", "V4"),
        ),
    )
    assert states(office)["A3"] == "paid"
    assert mails(office) == []
    assert office.rows(
        "SELECT year, amount_cents, settled_cents, called_at IS NULL FROM due WHERE association_id = 3"
    ) == [
        (2024, 2000, 2000, 0),
        (2025, 1800, 1800, 0),
        (2026, 2000, 500, 1),
    ]
    [reason] = office.rows("SELECT reason FROM journal_entry WHERE instance_id = 3 AND from_state IS NOT NULL")
    assert reason == ("payments from before the takeover: 4, 43.00 in all",)


def test_it_counts_a_part_paid_before_the_takeover_towards_what_is_owed(office):
    office.load("payments", payments_csv(("A2", 2024, "5.00", "2024-12-01", "V1")))
    assert (states(office)["A2"], mails(office)) == ("suspended", [])
    with office.work() as work:
        member = members.find(work, "A2")
        assert member.owed() == ((2024, 1500), (2025, 2000))
        assert member.last_sign_of_life() == date(2024, 12, 1)


def test_it_moves_whoever_had_paid_all_that_the_register_says_it_owes(office):
    office.load(
        "payments",
        payments_csv(("A1", 2025, "10.00", "2025-03-01", "V1"), ("A1", 2025, "10.00", "2025-04-01", "V2")),
    )
    assert states(office)["A1"] == "paid"
    assert mails(office) == [("receipt", 2)]


def test_it_owes_again_what_was_paid_before_the_takeover_when_that_bounces(office):
    office.load("payments", payments_csv(("A3", 2025, "20.00", "2025-07-01", "V1")))
    with office.work() as work:
        payment = ledger.latest_payment(work, members.find(work, "A3"))
        ledger.reverse(work, ledger.Reversal(payment, office.now.date(), ReversalReason.BOUNCED))
    assert states(office)["A3"] == "called"


def test_it_takes_the_rows_of_one_transfer_for_one_payment(office):
    text = (
        "number,year,amount,paid_on,method,reference,source,external_id\n"
        "A1,2025,20.00,2025-07-18,transfer,FED,bank,77\n"
        "A2,2024,20.00,2025-07-18,transfer,FED,bank,77\n"
    )
    office.load("payments", text)
    assert office.rows("SELECT source, external_id, amount_cents FROM payment") == [("bank", "77", 4000)]
    assert office.load("payments", text).does_nothing
    wrong = text.replace("A2,2024,20.00,2025-07-18", "A2,2024,20.00,2025-07-17")
    [refusal] = office.plan("payments", wrong).refused
    assert refusal.reason == "is part of the payment of line 2, but differs in more than its share"


def test_it_keeps_what_was_undone_undone(office):
    office.load(
        "payments",
        "number,year,amount,paid_on,method,reference,source,external_id,reversed_on,reversal_reason\n"
        "A1,2025,20.00,2025-07-01,transfer,R,bank,78,2025-07-10,bounced\n",
    )
    assert (states(office)["A1"], money(office), mails(office)) == ("called", [], [])
    assert office.rows("SELECT kind, amount_cents FROM ledger_entry") == [("payment", 2000), ("reversal", -2000)]
    assert office.rows("SELECT reversed_on, reversal_reason FROM payment") == [("2025-07-10", "bounced")]
