"""Payments, reversals and waivers, typed at a terminal."""

import pytest


@pytest.fixture
def desk(desk):
    """The dues of 2025 are called (on 2 December 2024, by joining late: each owes 20.00)."""
    desk.at("2025-03-01")
    for number in ("A0011", "A0012"):
        desk.type("join", number, "--name", f"Nouvelle {number}", "--email", f"contact@{number.lower()}.example")
    return desk


def test_a_payment_settles_what_is_owed(desk):
    said = desk.say("pay", "A0011", "--on", "2025-02-28", "--reference", "VIR1", "--method", "transfer")
    assert said == [
        "Payment 1: 20.00 on 2025-02-28",
        "  A0011  20.00  for 2025",
        "2025-03-01 12:00  pay  called → paid  A0011  mail: receipt",
        "A0011 Nouvelle A0011: paid, owes nothing",
    ]
    sql = "SELECT source, external_id, amount_cents, paid_on, method, reference FROM payment"
    assert desk.rows(sql) == [("cli", "VIR1/A0011#1", 2000, "2025-02-28", "transfer", "VIR1")]


def test_a_part_and_then_too_much(desk):
    assert desk.say("pay", "A0011", "5.50")[-1] == "A0011 Nouvelle A0011: called, owes 14.50"
    said = desk.say("pay", "A0011", "20")
    assert "  A0011  5.50  kept as credit: a person decides (task surplus)" in said
    assert said[-1] == "A0011 Nouvelle A0011: paid, owes nothing, has a credit of 5.50"


def test_a_year_in_advance(desk):
    desk.type("pay", "A0011", "--year", "2026")
    assert desk.rows("SELECT settled_cents FROM due WHERE year = 2026") == [(2000,)]
    assert desk.state("A0011") == "called"


def test_as_json(desk):
    assert desk.json("pay", "A0011", "7.00") == {
        "payment": 1,
        "state": "called",
        "owed": "13.00",
        "allocations": [{"association": "A0011", "year": 2025, "amount": "7.00"}],
    }


def test_one_transfer_of_a_federation(desk):
    words = ["--split", "A0011:2025:20.00", "--split", "A0012:2025:20.00", "--reference", "FED1"]
    said = desk.say("pay", *words)
    assert said[0] == "Payment 1: 40.00 on 2025-03-01"
    assert (desk.state("A0011"), desk.state("A0012")) == ("paid", "paid")
    assert desk.rows("SELECT count(*) FROM payment") == [(1,)]
    assert "FED1 was already booked (payment 1, 40.00 on 2025-03-01)" in desk.refused("pay", *words)
    desk.say("reverse", "A0012")
    assert (desk.state("A0011"), desk.state("A0012")) == ("called", "called")


def test_the_same_reference_is_not_booked_twice(desk):
    desk.say("pay", "A0011", "5", "--reference", "VIR1")
    line = desk.refused("pay", "A0011", "5", "--reference", "VIR1")
    assert line == "A0011: reference VIR1 was already booked (payment 1, 5.00 on 2025-03-01)"
    desk.say("pay", "A0012", "5", "--reference", "VIR1")
    desk.say("pay", "A0011", "5", "--reference", "VIR1", "--again")
    assert desk.rows("SELECT count(*) FROM payment WHERE reference = 'VIR1'") == [(3,)]


def test_a_reference_may_come_again_after_its_payment_was_reversed(desk):
    desk.say("pay", "A0011", "--reference", "VIR1")
    desk.say("reverse", "A0011", "--reason", "entered_wrongly")
    desk.say("pay", "A0011", "--reference", "VIR1")
    assert desk.state("A0011") == "paid"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["pay", "A0011", "-5.00"], "'−5.00' is negative: an amount is such as 20.00"),
        (["pay", "A0011", "--", "-5.00"], "'-5.00' is negative: an amount is such as 20.00"),
        (["pay", "A0011", "NaN"], "'NaN' is no amount such as 20.00"),
        (["pay", "A0011", "inf"], "'inf' is no amount such as 20.00"),
        (["pay", "A0011", "1e999"], "'1e999' is no amount such as 20.00"),
        (["pay", "A0011", "0"], "a payment is a positive amount"),
        (["pay", "A0011", "20.005"], "'20.005' has more than two decimals: an amount is such as 20.00"),
        (["pay", "A0011", "99999999999999"], "'99999999999999' is too large an amount"),
        (["pay", "A0099"], "There is no association A0099"),
        (["pay", "A0001"], "A0001 owes nothing"),
        (["pay", "A0011", "--year", "2024"], "2024 is not a year that A0011 can owe or pay: those are 2025 to 2026"),
        (
            ["pay", "A0011", "5", "--year", "2027"],
            "2027 is not a year that A0011 can owe or pay: those are 2025 to 2026",
        ),
        (["pay", "A0011", "--on", "2025-03-02"], "2025-03-02 is in the future"),
        (["pay", "A0011", "--on", "2025-02-29"], "--on: 2025-02-29 is not a day of the calendar"),
        (["pay", "A0011", "--on", "28/02/2025"], "--on: '28/02/2025' is not a date such as 2025-06-30"),
        (["pay", "A0011", "--on", "0025-02-28"], "--on: 0025-02-28 is too far away"),
        (["pay", "--split", "A0011:2025"], "'A0011:2025' is not NUMBER:YEAR:AMOUNT, such as A0001:2025:20.00"),
        (["pay", "--split", "A0011:2025:x"], "'x' is no amount such as 20.00"),
        (["reverse", "A0011"], "A0011 has no payment that could be reversed"),
        (["waive", "A0011", "2030", "--reason", "flood"], None),
        (["waive", "A0011", "2025", "--reason", " "], "--reason says nothing"),
    ],
)
def test_refused_in_one_line(desk, words, line):
    said = desk.refused(*words)
    assert line is None or said == line


@pytest.mark.parametrize(
    "words",
    [
        ["pay"],
        ["pay", "A0011", "--split", "A0012:2025:20.00"],
        ["pay", "--split", "A0012:2025:20.00", "--year", "2025"],
        ["pay", "A0011", "--yeer", "2025"],
        ["pay", "A0011", "--year", "next"],
        ["reverse", "A0011", "--reason", "why not"],
        ["waive", "A0011", "--reason", "flood"],
        ["waive", "A0011", "2025"],
    ],
)
def test_wrong_usage(desk, words):
    desk.misused(*words)


def test_reversed_since_it_bounced(desk):
    desk.say("pay", "A0011")
    desk.at("2025-03-10")
    said = desk.say("reverse", "A0011", "--on", "2025-03-08")
    assert said == [
        "Payment 1 is reversed (bounced)",
        "  No --reason was given: it counts as bounced, and the association is told so by mail.",
        "  A0011  20.00  no longer paid for 2025",
        "2025-03-10 12:00  reverse  paid → called (bounced)  A0011  mail: payment_reversed",
        "A0011 Nouvelle A0011: called, owes 20.00",
    ]
    assert desk.refused("reverse", "A0011", "--year", "2025") == "A0011 has no payment that could be reversed"


def test_a_waiver(desk):
    said = desk.say("waive", "A0011", "2025", "--reason", "flooded", "--by", "Ana")
    assert said == [
        "A0011: what was unpaid of 2025 is waived",
        "2025-03-01 12:00  waiver  called → paid (flooded)  A0011",
        "A0011 Nouvelle A0011: paid, owes nothing",
    ]
    assert desk.rows("SELECT actor, reason FROM journal_entry ORDER BY id DESC LIMIT 1") == [("Ana", "flooded")]
    assert desk.refused("waive", "A0011", "--year", "2025", "--reason", "again") == "A0011 owes nothing"


def test_who_did_it_is_the_login_name(desk):
    desk.say("pay", "A0011")
    assert desk.rows("SELECT actor FROM journal_entry WHERE trigger = 'pay'") == [("treasurer",)]
