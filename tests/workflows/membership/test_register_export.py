"""Exporting everything, importing it into an empty database, exporting it again: the same bytes."""

import csv
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Invalid
from tests.workflows.membership.desk import Desk, canonical, members_csv, payments_csv
from workflows.membership import ledger, members
from workflows.membership.models import ReversalReason
from workflows.membership.register import export_register
from workflows.membership.takeover import NewMember, enter_all
from workflows.membership.words import State, Trigger

DEMO = Path(__file__).parents[3] / "workflows/membership/demo"
FILES = {
    *("associations", "services", "payments", "board", "dues", "ledger", "journal", "contacts", "letters"),
    *("meetings", "ballots", "votes", "service_orders", "tasks", "outbox"),
    *("recusals", "absences"),
}


def again(desk, folder, now=None):
    """Another desk, that imports an export; its own export."""
    other = Desk(desk.folder / "other")
    other.now = desk.now if now is None else now
    other.load_folder(folder)
    exported = other.export("again")
    quiet = other.rows("SELECT count(*) FROM outbox_message")
    other.store.close()
    assert quiet == [(0,)]
    return exported


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_brings_the_fictional_register_through_without_loss(desk):
    desk.at("2026-11-30T10:00")
    for kind in ("associations", "services", "board"):
        desk.load(kind, DEMO / f"{kind}.csv")
    for path in sorted(DEMO.glob("payments-*.csv")):
        desk.load("payments", path)
    folder = desk.export("out")
    assert canonical(again(desk, folder)) == canonical(folder)
    assert len(read(folder / "payments.csv")) == 729
    for kind in ("associations", "services", "payments", "board"):
        assert desk.load(kind, folder / f"{kind}.csv").does_nothing


def test_it_brings_a_year_in_the_life_of_the_procedure_through(tmp_path):
    """Everything that a register can say of where a member stands, come about by real events."""
    desk = Desk(tmp_path, "2024-11-30T10:00")
    numbers = [f"A{number}" for number in range(1, 9)]
    desk.load("associations", members_csv(*({"number": number, "dues": "18.00"} for number in numbers)))
    desk.load("board", "seat,name,email,role\nS1,Ana,ana@ca.example,chair\n")
    desk.tick("2025-06-02T10:00")
    _happen(desk)
    desk.load("board", "seat,name,email,role\nS1,Bilal,bilal@ca.example,chair\n")
    folder = desk.export("out")
    rows = {row["number"]: row for row in read(folder / "associations.csv")}
    assert {row["state"] for row in rows.values()} == {"paid", "reminded", "left"}
    assert (rows["A3"]["owes"], rows["A4"]["waived"]) == ("2025:18.00", "2025:18.00")
    assert rows["A5"]["hold_until"] == "2025-09-30"
    assert rows["A6"]["unreachable_since"] == "2025-06-02"
    assert canonical(again(desk, folder)) == canonical(folder)


def _happen(desk):
    with desk.work() as work:
        _pay(work, "A1", ("A1", 1800, 2025), ("A2", 500, None))
        _pay(work, "A1 again", ("A1", 700, None))
        bounced = _pay(work, "A3", ("A3", 1800, 2025))
    with desk.work() as work:
        ledger.reverse(work, ledger.Reversal(bounced, desk.now.date(), ReversalReason.BOUNCED))
        ledger.waive(work, members.find(work, "A4"), 2025, "=hardship")
        members.hold(work, members.find(work, "A5"), date(2025, 9, 30), "moving; +1 month")
        members.bounced(work, members.find(work, "A6"), ["contact@velo.example"])
        members.contact(work, members.find(work, "A2"), members.Told(desk.now.date(), "telephone"))
        members.leave(work, members.find(work, "A7"), desk.now.date(), "dissolved")
    desk.load("associations", members_csv({"number": "A3", "dues": "20.00"}))


def _pay(work, reference, *shares):
    parts = tuple(ledger.Share(members.find(work, number).id, cents, year) for number, cents, year in shares)
    [payment] = ledger.book(work, [ledger.NewPayment("api", reference, work.at.date(), parts, reference=reference)])
    work.batch.write(work.connection)
    return payment


def test_it_brings_every_state_through(desk):
    desk.at("2025-11-10T10:00")
    rows = [
        {"number": "A1", "state": "paid"},
        {"number": "A2", "state": "called", "since": "2025-01-02"},
        {"number": "A3", "state": "reminded", "since": "2025-06-03", "owes": "2024|2025", "reminded_for": "2025"},
        {"number": "A4", "state": "suspended", "since": "2024-09-02", "owes": "2024|2025", "concerns": "2024"},
        {"number": "A5", "state": "proposed_for_removal", "since": "2025-09-26", "cut_on": "2024-09-02"},
        {"number": "A6", "state": "removed", "since": "2025-10-30", "owes": "none"},
        {"number": "A7", "state": "left", "left_on": "2025-03-01", "owes": "2025"},
        {"number": "A8", "state": "reminded", "since": "2025-06-03", "reminded_for": "none"},
        {"number": "P1", "kind": "person", "language": "en", "bounced": "email", "email": "p@velo.example"},
    ]
    desk.load("associations", members_csv(*rows))
    folder = desk.export("out")
    exported = {row["number"]: row for row in read(folder / "associations.csv")}
    assert [exported[f"A{n}"]["owes"] for n in range(1, 9)] == [
        *("", "2025", "2024|2025", "2024|2025", "2025", "none", "2025", "2025"),
    ]
    assert canonical(again(desk, folder)) == canonical(folder)


def test_it_writes_every_file_even_with_nothing_to_say(desk):
    folder = desk.export("out")
    assert {path.stem for path in folder.iterdir()} == FILES
    assert all(content.count(b"\n") == 1 for content in canonical(folder).values())
    assert canonical(again(desk, folder)) == canonical(folder)


def test_it_writes_nothing_that_a_spreadsheet_would_calculate(desk):
    desk.load(
        "associations", members_csv({"number": "A1", "name": "=HYPERLINK(1)", "phone": "+33 5", "city": "\uff1d1"})
    )
    [row] = read(desk.export("out") / "associations.csv")
    assert (row["name"], row["phone"], row["city"]) == ("'=HYPERLINK(1)", "'+33 5", "'\uff1d1")


def test_it_writes_the_money_and_the_journal_for_people(desk):
    desk.load("associations", members_csv({"number": "A1", "state": "called", "since": "2025-01-02"}))
    desk.load("payments", payments_csv(("A1", 2025, "20.00", "2025-07-15", "V1")))
    folder = desk.export("out")
    assert read(folder / "dues.csv")[0]["settled"] == "20.00"
    assert read(folder / "ledger.csv")[0]["source"] == "csv"
    assert [row["trigger"] for row in read(folder / "journal.csv")] == ["import", "pay"]
    assert read(folder / "outbox.csv")[0]["to"] == "contact@velo.example"


def test_it_says_when_it_cannot_write(desk, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with desk.store.read() as connection, pytest.raises(Invalid, match="file"):
        export_register(connection, desk.engine.rules, tmp_path / "file")


cells = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=8) | st.text(
    "'=+-@ ＝,\"|;", max_size=5
)


@settings(deadline=None, max_examples=30)
@given(
    names=st.lists(cells.filter(str.strip), min_size=1, max_size=3),
    texts=st.lists(cells, min_size=3, max_size=3),
    cents=st.lists(st.integers(1, 3000), max_size=3),
)
def test_it_brings_awkward_cells_through(tmp_path_factory, names, texts, cents):
    desk = Desk(tmp_path_factory.mktemp("desk", numbered=True))
    with desk.work() as work:
        for position, name in enumerate(names):
            row = {"name": name.strip(), "kind": "association", "joined_on": date(2010, 1, 1)}
            row |= dict(zip(("address", "themes", "phone"), (text.strip() for text in texts), strict=True))
            new = NewMember(f"A{position}", row, State.CALLED, date(2025, 1, 2), (2025,))
            enter_all(work, [new], Trigger.IMPORT)
    with desk.work() as work:
        for position, amount in enumerate(cents):
            _pay(work, f"{texts[0].strip()}{position}", ("A0", amount, None))
    folder = desk.export("out")
    exported = again(desk, folder)
    assert canonical(exported) == canonical(folder)
    desk.store.close()
