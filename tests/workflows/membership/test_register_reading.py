"""Reading canonical CSV: what is taken, and how every line that is not is named."""

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.membership.desk import USUAL, csv_of, members_csv, payments_csv
from workflows.membership.register import (
    RegisterRefused,
    read_associations,
    read_board,
    read_payments,
    read_services,
)
from workflows.membership.register.associations import REQUIRED
from workflows.membership.register.cells import is_formula, protect, unprotect
from workflows.membership.words import State

TODAY = date(2025, 7, 15)


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "file.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusals(read, path, *more):
    with pytest.raises(RegisterRefused) as refused:
        read(path, *more)
    return [line.removeprefix(f"{path}") for line in str(refused.value).splitlines()]


def test_it_reads_the_fictional_register():
    root = Path(__file__).parents[3] / "workflows/membership/demo"
    assert len(read_associations(root / "associations.csv", TODAY)) == 152
    assert len(read_services(root / "services.csv")) == 1069
    assert [row.seat for row in read_board(root / "board.csv")] == [f"S{i}" for i in range(1, 8)]
    assert sum(len(read_payments(path)) for path in sorted(root.glob("payments-*.csv"))) == 729


def test_it_takes_a_byte_order_mark_crlf_and_blank_lines(file):
    text = members_csv({}, {"number": "A0002"}).replace("\n", "\r\n") + "\r\n,,,,,,,,,,,,,,,,\r\n"
    assert [row.number for row in read_associations(file(b"\xef\xbb\xbf" + text.encode()))] == ["A0001", "A0002"]


def test_it_takes_columns_in_any_order(file):
    rows = read_services(file("identifier,number,kind\nvelo.example,A0001,domain\n"))
    assert rows == [("A0001", "domain", "velo.example")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ": the file is empty"),
        (b"\n  \n", ": the file is empty"),
        (b"number,kind\n", ":1: column 'identifier' is missing"),
        (b"number,kind,identifier,colour\n", ":1: unknown column 'colour'"),
        (b"number,kind,Identifier\n", ":1: unknown column 'Identifier'; column 'identifier' is missing"),
        (b"number,kind,identifier,kind\n", ":1: column 'kind' is there twice"),
        (b"number;kind;identifier\nA;b;c\n", ":1: the columns must be separated by commas"),
        (b"number,kind,identifier\nA1,list,caf\xe9\n", ":2: not UTF-8: byte 0xE9 at position 12"),
        (b'number,kind,identifier\nA1,list,"open\n', ":2: cannot be read as CSV: unexpected end of data"),
    ],
)
def test_it_refuses_a_file_that_is_none(file, content, said):
    assert refusals(read_services, file(content)) == [said]


def test_it_refuses_a_file_that_is_not_there(tmp_path):
    assert refusals(read_services, tmp_path / "none.csv") == [": there is no such file"]
    assert refusals(read_services, tmp_path) == [": Is a directory"]


def test_it_names_every_refused_line_once_with_all_its_reasons(file):
    text = members_csv(
        {"number": "A0001"},
        {"number": "A0002", "kind": "company", "joined_on": "2023-02-29"},
        {"number": "A0003", "email": "a:b:c;;"},
        {"number": "A0001", "name": "Encore"},
    )
    said = refusals(read_associations, file(text), TODAY)
    assert said == [
        (
            ":3: kind: 'company' is unknown: it is one of association, person; "
            "joined_on: 2023-02-29 is not a day of the calendar"
        ),
        ":4: email: 'a:b:c;;' is no mail address (An email address must have an @-sign)",
        ":5: number A0001 is already on line 2",
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"number": ""}, "number is empty"),
        ({"number": "A 1"}, "number: 'A 1' is not made of letters"),
        ({"number": "A/1"}, "number: 'A/1' is not made of letters"),
        ({"name": " "}, "name is empty"),
        ({"name": "two\nlines"}, "name contains a line break"),
        ({"address": "12 rue Haute\nBât. B"}, "address contains a line break: separate its lines by commas"),
        ({"name": "a\u2028b"}, "name contains a line break"),
        ({"name": "bell\x07"}, "name contains a control character (U+0007)"),
        ({"name": "x" * 2001}, "name is longer than 2000 characters"),
        ({"joined_on": "01/02/2020"}, "joined_on: '01/02/2020' is no date such as 2025-01-31"),
        ({"joined_on": "20200201"}, "joined_on: '20200201' is no date"),
        ({"joined_on": "0001-01-01"}, "joined_on: 0001-01-01 is not a day between"),
        ({"joined_on": "2025-07-16"}, "joined_on: 2025-07-16 is in the future"),
        ({"email": "a@b.example, c@d.example"}, "email: 'a@b.example, c@d.example' is no mail address"),
        ({"email": "a@b.example\u2029"}, None),
        ({"treasurer_email": "é@velo.example"}, "treasurer_email: 'é@velo.example' is no mail address"),
        ({"treasurer_email": "a@localhost"}, "treasurer_email: 'a@localhost' is no mail address"),
        ({"country": "France"}, "country: 'France' is no country code"),
        ({"language": "oc"}, "language: 'oc' is unknown: it is one of fr, en"),
        ({"dues": "-20.00"}, "dues: '-20.00' is negative"),
        ({"dues": "NaN"}, "dues: 'NaN' is no amount"),
        ({"state": "asleep"}, "state: 'asleep' is unknown: it is one of paid, called, reminded"),
        ({"state": "called", "owes": "2018"}, "owes: 2018 is not a year that it can owe: 2019 to 2026"),
        ({"state": "called", "owes": "2027"}, "owes: 2027 is not a year that it can owe: 2019 to 2026"),
        ({"state": "called", "owes": "2025|2025"}, "owes: '2025|2025' names a year twice"),
        ({"state": "called", "owes": "2025;2026"}, "owes: '2025;2026' is no year such as 2025"),
        ({"state": "paid", "owes": "2025"}, "owes: a member that is paid owes nothing"),
        ({"state": "paid", "left_on": "2025-01-01"}, "left_on: its state is paid, not left"),
        ({"state": "reminded", "since": "2025-08-01"}, "since: 2025-08-01 is in the future"),
        ({"kind": "person", "state": "suspended"}, "state: a person is never suspended"),
        ({"bounced": "phone"}, "bounced: 'phone' is unknown"),
    ],
)
def test_it_says_what_is_wrong_with_a_cell(file, row, said):
    path = file(members_csv(row))
    if said is None:
        assert read_associations(path, TODAY)
    else:
        [line] = refusals(read_associations, path, TODAY)
        assert line.startswith(f":2: {said}")


def test_it_counts_lines_as_an_editor_does(file):
    text = members_csv({"name": "two\nlines"}, {"number": "A0002", "kind": "x"})
    assert [line.split(": ")[0] for line in refusals(read_associations, file(text))] == [":2", ":4"]


def test_it_refuses_a_line_with_too_few_or_too_many_cells(file):
    said = refusals(read_services, file("number,kind,identifier\nA1,list\nA1,list,x,y\n"))
    assert said == [
        ":2: 2 cells, the header has 3",
        ":3: 4 cells, the header has 3 (a cell with a comma in it stands in quotes)",
    ]


def test_it_fills_in_what_a_taken_over_member_need_not_say(file):
    text = members_csv(
        {"number": "A1", "state": "suspended", "since": "2024-09-02"},
        {"number": "A2", "state": "reminded", "since": "2025-06-03"},
        {"number": "A3", "state": "called", "joined_on": "2024-12-05", "since": "2024-12-05"},
        {"number": "A4", "state": "called"},
        {"number": "A5", "state": "left", "left_on": "2023-05-01"},
        {"number": "A6"},
        {"number": "A7", "state": "suspended", "since": "2024-09-02", "owes": "2024:18.00|2025"},
        {"number": "A8", "state": "reminded", "since": "2025-06-03", "reminded_for": "none", "owes": "none"},
        {"number": "A9", "state": "called", "since": "2024-12-01"},
        {"number": "A10", "state": "called", "since": "2024-11-30"},
    )
    rows = {row.number: row for row in read_associations(file(text), TODAY)}
    owes = [(2024,), (2025,), (2025,), (2025,), (), (), (2024, 2025), (), (2025,), (2024,)]
    assert [row.owes for row in rows.values()] == owes
    assert [rows[number].reminded_for for number in ("A1", "A2", "A8")] == [None, 2025, None]
    assert (rows["A5"].since, rows["A6"].since, rows["A6"].state) == (date(2023, 5, 1), None, State.PAID)
    assert rows["A7"].owed_cents == {2024: 1800}


def test_it_cannot_guess_a_year_without_a_day(file):
    said = refusals(read_associations, file(members_csv({"state": "called"})))
    assert said == [":2: state called needs since, or the years it owes"]


def test_it_writes_mail_addresses_as_they_travel(file):
    [row] = read_associations(file(members_csv({"email": "Contact@VÉLO.example", "country": "fr"})))
    assert (row.fields["email"], row.fields["country"]) == ("Contact@xn--vlo-bma.example", "FR")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("A1", "25", "20", "2025-01-05", "R"), "year: '25' is no year such as 2025"),
        (("A1", "2025", "-20", "2025-01-05", "R"), "amount: '-20' is negative"),
        (("A1", "2025", "0", "2025-01-05", "R"), "amount: a payment is more than nothing"),
        (("A1", "2025", "", "2025-01-05", "R"), "amount is empty"),
        (("A1", "2025", "20", "", "R"), "paid_on is empty"),
        (("A1", "2025", "20", "2025-07-16", "R"), "paid_on: 2025-07-16 is in the future"),
    ],
)
def test_it_says_what_is_wrong_with_a_payment(file, row, said):
    [line] = refusals(read_payments, file(payments_csv(row)), TODAY)
    assert line.startswith(f":2: {said}")


def test_it_reads_payments_of_a_year_of_the_oldest_owed_and_of_credit(file):
    rows = read_payments(
        file(payments_csv(*(("A1", year, "5.00", "2025-01-05", "") for year in ("2025", "", "credit"))))
    )
    assert [(row.year, row.credit, row.cents, row.line) for row in rows] == [
        (2025, False, 500, 2),
        (None, False, 500, 3),
        (None, True, 500, 4),
    ]


def test_it_refuses_two_people_in_one_seat_unless_one_follows_the_other(file):
    text = "seat,name,email,role,from,until\nS1,Ana,,,,2025-03-31\nS1,Bilal,,,2025-04-01,\nS1,Claire,,,2025-06-01,\n"
    assert refusals(read_board, file(text)) == [":4: seat S1 is already on line 3"]


def test_it_refuses_a_service_that_is_there_twice(file):
    said = refusals(read_services, file("number,kind,identifier\nA1,list,x\nA1,list,y\nA1,list,x\n"))
    assert said == [":4: list x of A1 is already on line 2"]


@given(st.text(max_size=12) | st.text("'=+-@\t\r ＝\uff0b\uff0d\uff201a", max_size=6))
def test_it_takes_away_exactly_the_apostrophe_that_it_puts(text):
    assert unprotect(protect(text)) == text
    assert not is_formula(protect(text)) or protect(text).startswith("'")


@pytest.mark.parametrize(
    "text", ["=1", "+33 5", "-x", "@a", "\t=1", " =1", "\u00a0＝1", "\uff0b1", "\uff0d1", "\uff20a", "\ufeff=1", "'=1"]
)
def test_it_puts_an_apostrophe_before_a_formula(text):
    assert protect(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-20.00", "Vélo", "'Tis", "l’eau", "2025-01-31", "a=b", ""])
def test_it_leaves_everything_else_alone(text):
    assert protect(text) == unprotect(text) == text


@given(st.binary(max_size=200))
def test_it_answers_any_bytes_with_rows_or_a_refusal(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    for start in (b"", b"number,kind,identifier\n", (",".join(REQUIRED) + "\n").encode()):
        path.write_bytes(start + content)
        for read in (read_services, read_associations):
            with suppress(RegisterRefused):
                read(path)


@given(st.fixed_dictionaries({name: st.text(max_size=15) for name in REQUIRED}))
def test_it_answers_any_cells_with_a_row_or_a_refusal(tmp_path_factory, row):
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    path.write_text(csv_of(REQUIRED, USUAL | row), encoding="utf-8", newline="")
    with suppress(RegisterRefused):
        assert len(read_associations(path, TODAY)) <= 1
