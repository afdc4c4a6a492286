"""The register in and out, typed at a terminal."""

import pytest

from tests.terminal import BOARD, HEADER, SERVICES, associations

PAYMENTS = "number,year,amount,paid_on,method,reference\nA0001,2025,20.00,2024-12-01,transfer,VIR1\n"


def test_importing_twice_changes_nothing(desk):
    before = desk.dump()[1]
    assert desk.say("import", "associations", "associations.csv") == ["0 added, 0 changed, 3 unchanged"]
    assert desk.say("import", "services", "services.csv") == ["0 added, 0 changed, 2 unchanged"]
    assert desk.say("import", "board", "board.csv") == ["0 added, 0 changed, 3 unchanged"]
    assert desk.dump()[1] == before
    desk.write("payments.csv", PAYMENTS)
    assert desk.say("import", "payments", "payments.csv")[-1] == "1 added, 0 changed, 0 unchanged"
    assert desk.say("import", "payments", "payments.csv")[-1] == "0 added, 0 changed, 1 unchanged"


def test_a_changed_file_shows_its_differences_and_applies_them(desk):
    text = (desk.folder / "associations.csv").read_text()
    desk.write("associations.csv", text.replace("Vélo Lauragais", "Vélo d'Oc"))
    before = desk.dump()
    said = desk.say("import", "associations", "associations.csv", "--dry-run")
    assert said[-1] == "0 added, 1 changed, 2 unchanged; nothing was written (--dry-run)"
    assert "name: Vélo Lauragais → Vélo d'Oc" in said[0]
    assert desk.dump() == before
    assert desk.say("import", "associations", "associations.csv", "--by", "Ana")[0] == said[0]
    assert desk.rows("SELECT name FROM association WHERE instance_id = 1") == [("Vélo d'Oc",)]


@pytest.mark.parametrize("how", [[], ["--dry-run"]])
def test_every_refused_line_is_named_and_nothing_is_written(desk, how):
    desk.write("more.csv", associations(("A0004", "Quatre"), ("A0005", ""), ("A0006", "Six"), ("A0006", "Six")))
    before = desk.dump()
    result = desk.type("import", "associations", "more.csv", *how, code=1)
    assert result.stderr.splitlines() == [
        "relance: more.csv:3: name is empty",
        "relance: more.csv:5: number A0006 is already on line 4",
    ]
    assert desk.dump() == before


def test_columns_by_other_names(desk):
    desk.write("board2.csv", BOARD.replace("seat,name", "Siège,Nom").replace("Ana", "Anaïs"))
    assert desk.refused("import", "board", "board2.csv").startswith("board2.csv:1: unknown column 'Siège'")
    said = desk.say("import", "board", "board2.csv", "--dry-run", "--map", "seat=Siège", "--map", "name=Nom")
    assert said[-1].endswith("nothing was written (--dry-run)")
    assert desk.refused("import", "board", "board2.csv", "--map", "seat=Place").startswith(
        "--map: the file has no column 'Place'"
    )
    assert desk.refused("import", "board", "board2.csv", "--map", "seat") == (
        "--map: 'seat' is not FIELD=COLUMN, such as email=Courriel"
    )
    desk.write("board3.csv", "Siège,name,email,role\n,Ana,,chair\n")
    assert desk.refused("import", "board", "board3.csv", "--map", "seat=Siège") == "board3.csv:2: seat is empty"


STANDARD = {
    "number": "A0009",
    "name": "Neuf",
    "kind": "association",
    "joined_on": "2010-01-01",
    "email": "a@b.example",
    "country": "FR",
    "language": "fr",
    "dues": "20.00",
}


def row(**changed):
    """A file of one association, some of its cells changed."""
    cells = dict.fromkeys(HEADER.split(","), "") | {
        **STANDARD,
        **changed,
    }
    return f"{','.join(cells)}\n{','.join(cells.values())}\n"


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("associations", HEADER.replace("kind", "sort") + "\n", "unknown column 'sort'"),
        ("associations", row(state="lost"), "state: 'lost' is unknown"),
        ("associations", row(kind="club"), "kind: 'club' is unknown"),
        ("associations", row(joined_on="2023-02-29"), "2023-02-29 is not a day of the calendar"),
        ("associations", row(joined_on="2024-12-03"), "2024-12-03 is in the future"),
        ("associations", row(dues="-20.00"), "'-20.00' is negative"),
        ("associations", row(dues="NaN"), "'NaN' is no amount"),
        ("associations", row(name="Caf\udce9"), "not UTF-8"),
        ("associations", "", "the file is empty"),
        ("services", SERVICES + "A0099,website,x.example\n", "A0099"),
        ("payments", PAYMENTS.replace("2025,", "1999,"), "1999"),
        ("payments", PAYMENTS.replace("2025,", "next,"), "'next' is no year"),
        ("payments", PAYMENTS.replace("20.00", "-20.00"), "'-20.00' is negative"),
        ("payments", PAYMENTS.replace("20.00", "nan"), "'nan' is no amount"),
        ("payments", PAYMENTS.replace("2024-12-01", "2024-12-03"), "2024-12-03 is in the future"),
        ("payments", PAYMENTS.replace("2024-12-01", "2023-02-29"), "2023-02-29 is not a day of the calendar"),
        ("payments", PAYMENTS.replace("A0001", "A0099"), "A0099"),
        ("board", BOARD + "S1,Dora,,member\n", "seat S1 is already on line 2"),
    ],
)
def test_files_that_are_refused(desk, kind, content, said):
    (desk.folder / "file.csv").write_bytes(content.encode("utf-8", "surrogateescape"))
    line = desk.refused("import", kind, "file.csv")
    assert line.startswith("file.csv")
    assert said in line


def test_other_formats_come_later(desk):
    assert desk.refused("import", "payments", "x.csv", "--format", "bank-csv") == (
        "--format bank-csv comes with the money-in issue; this version reads canonical"
    )
    assert desk.refused("import", "payments", "nowhere.csv") == "nowhere.csv: there is no such file"
    desk.misused("import", "letters", "x.csv")


def test_what_is_exported_can_be_imported(desk, bare):
    desk.say("pay", "A0001", "5", "--year", "2025")
    assert desk.say("export", "csv")[0] == "Wrote 18 files into csv"
    for kind in ("associations", "services", "board", "payments"):
        assert desk.say("import", kind, f"csv/{kind}.csv")[-1].startswith("0 added, 0 changed")
    (desk.folder / "file").touch()
    assert "file" in desk.refused("export", "file")


def test_the_statement_of_a_takeover(desk):
    desk.enter(
        ("A0021", "Vingt-et-un", "suspended", "2024-09-01", "2023|2024", "2024-10-02"),
        more="state since owes last_sign_of_life",
    )
    said = desk.say("takeover", "--as-of", "2024-12-15")
    assert said[0] == "Les Hébergeurs associés: statement of 2024-12-15"
    line = next(line for line in said if line.startswith("A0021"))
    assert "suspended  2024-09-01  2023: 20.00, 2024: 20.00" in line
    assert said[-2] == "4 members: 3 paid, 1 suspended; owed in all: 40.00"
    told = desk.json("takeover")
    assert told["as_of"] == "2024-12-02"
    assert told["totals"]["owed"] == "40.00"
    member = next(member for member in told["members"] if member["number"] == "A0021")
    assert (member["owes"], member["last_sign_of_life"]) == ({"2023": "20.00", "2024": "20.00"}, "2024-10-02")
    assert desk.refused("takeover", "--as-of", "2024-02-30") == "--as-of: 2024-02-30 is not a day of the calendar"
