"""`relance graph`, `doctor` and `verify`."""

import shutil

import pytest

from workflows.membership.drawing import drawn

MARKED = "# R\n<!-- diagram:begin -->\n<!-- diagram:end -->\n"


def test_graph_prints_mermaid(bare):
    assert bare.type("graph").stdout == drawn()


def test_graph_writes_between_the_marks_of_a_file(bare):
    readme = bare.write("README.md", MARKED)
    assert bare.say("graph", "--write", readme) == [f"The diagram in {readme} is new."]
    assert readme.read_text(encoding="utf-8") == (
        f"# R\n<!-- diagram:begin -->\n```mermaid\n{drawn()}```\n<!-- diagram:end -->\n"
    )
    assert bare.say("graph", "--write", readme) == [f"{readme} is up to date."]


def test_graph_refuses_a_file_without_marks(bare):
    readme = bare.write("README.md", "# R\n")
    assert "has no <!-- diagram:begin -->" in bare.refused("graph", "--write", readme)


def signs(result):
    """What the doctor said: mark, name, text."""
    lines = [line for line in result.stdout.splitlines() if line[:1] in "✓!✗"]
    return [(line[0], line[2:21].strip(), line[21:]) for line in lines]


def test_the_doctor_finds_a_fresh_database_well_with_warnings(called):
    result = called.type("doctor")
    found = signs(result)
    assert not [sign for sign in found if sign[0] == "✗"]
    assert [sign[1] for sign in found if sign[0] == "!"][:4] == [
        *("legal.suspension", "legal.removal", "legal.remote_votes", "organisation.iban"),
    ]
    assert ("✓", "definitions", "membership 1, admission 1: 3 instances, every state known") in found
    assert ("✓", "board", "3 seats in office") in found
    assert ("!", "board", "seat S3 has no address: it gets no agenda") in found
    assert result.stdout.splitlines()[-1].startswith("Nothing is broken; ")


def test_the_doctor_counts_the_mails_that_the_list_of_templates_shows(called):
    listed = [line.split()[0] for line in called.say("template", "list")[1:-1]]
    mails = [kind for kind in listed if "/" not in kind]
    assert ("✓", "templates", f"{len(mails)} kinds of mail, in French and English") in signs(called.type("doctor"))


def test_the_doctor_says_one_thing_of_the_organisations_own_templates(called):
    folder = called.folder / "templates" / "fr"
    folder.mkdir(parents=True)
    called.write("relance.toml", '[mail]\ntemplates = "templates"\n')
    for kind in ("reminder", "farewell", "receipt"):
        (folder / f"{kind}.txt").write_text("Subject: x\n\nBonjour\n", encoding="utf-8")

    def told(code):
        found = [sign for sign in signs(called.type("doctor", code=code)) if sign[1] == "own templates"]
        assert len(found) == 1, found
        return found[0]

    assert told(0)[::2] == ("✓", f"3, in {folder.parent}")
    (folder / "receipt.txt").write_text("Subject: x\n\n{{ oops }}\n", encoding="utf-8")
    mark, _, said = told(1)
    assert (mark, said.split(":")[0]) == ("✗", "fr/receipt.txt")


def test_the_doctor_changes_nothing(called):
    before = called.dump()
    called.type("doctor")
    assert called.dump() == before


def test_the_doctor_tells_how_old_the_last_run_is(called):
    called.type("tick")
    assert ("✓", "last run", "0 h ago") in signs(called.type("doctor"))
    late = signs(called.at("2024-12-04").type("doctor"))
    assert ("!", "last run", "48 h ago: relance tick, every hour") in late


def test_the_doctor_names_meetings_that_are_not_confirmed(called):
    called.type("tick")
    assert ("!", "meetings", "2024-12-26 is not confirmed: relance meeting --help") in signs(called.type("doctor"))


def test_the_doctor_tells_what_a_changed_rule_of_the_board_did_to_meetings(called, monkeypatch):
    called.type("tick")
    monkeypatch.setenv("RELANCE_BOARD__PUBLISH_DAYS", "12")
    called.type("tick")
    [said] = [text for mark, name, text in signs(called.type("doctor")) if name == "meetings" and mark == "✓"]
    assert said.startswith("planned anew when [board] changed, on 2024-12-02: 2024-12 is on 2024-12-26, its agenda")


def test_the_doctor_warns_when_only_one_switch_says_live(called, monkeypatch):
    monkeypatch.setenv("RELANCE_MAIL__MODE", "live")
    said = "is kept for reading, since both have to say live (configuration live, database capture)"
    assert ("!", "mail", said) in signs(called.type("doctor"))


def test_the_doctor_refuses_a_configuration_that_cannot_be_read(called):
    called.write("relance.toml", "[board]\nquorom = '1/2'\n")
    assert "board.quorom: unknown key; did you mean quorum?" in called.refused("doctor")


@pytest.mark.parametrize(
    ("damage", "name", "said"),
    [
        ("UPDATE workflow_instance SET state = 'gone' WHERE id = 1", "definitions", "1 instances in 'gone'"),
        ("UPDATE workflow_instance SET version = 7", "definitions", "3 instances of a definition"),
        ("UPDATE alembic_version SET version_num = '9999'", "database", "it is of a newer version of relance"),
        ("DROP TABLE alembic_version", "database", "is not of relance"),
    ],
)
def test_the_doctor_finds_what_is_broken(called, damage, name, said):
    called.damage(damage)
    result = called.type("doctor", code=1)
    assert [sign for sign in signs(result) if sign[0] == "✗" and sign[1] == name and said in sign[2]]
    assert result.stderr == "relance: 1 thing is broken\n"


def test_the_doctor_finds_a_database_that_is_missing(called):
    (called.folder / "relance.db").unlink()
    result = called.type("doctor", code=1)
    assert [sign for sign in signs(result) if sign[0] == "✗" and "is missing: relance init" in sign[2]]
    assert not (called.folder / "relance.db").exists()


def test_the_doctor_finds_a_file_that_is_no_database(called):
    for extra in called.folder.glob("relance.db-*"):
        extra.unlink()
    called.write("relance.db", "not a database" * 100)
    result = called.type("doctor", code=1)
    assert [sign for sign in signs(result) if sign[0] == "✗" and sign[1] == "database"]


def test_the_doctor_minds_the_disk(called, monkeypatch):
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(10**9, 10**9, 10**6))
    assert [sign for sign in signs(called.type("doctor", code=1)) if sign[:2] == ("✗", "disk")]
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(10**9, 10**9, 10**8))
    assert [sign for sign in signs(called.type("doctor")) if sign[:2] == ("!", "disk")]


def test_verify_says_that_all_agrees(called):
    called.type("tick")
    called.type("pay", "A0001")
    line = called.say("verify")
    assert line[0].startswith("ok, 3 members and ")
    assert line[0].endswith(" lines of journal agree with each other")


def test_verify_names_each_discrepancy(called):
    called.type("tick")
    called.type("pay", "A0001")
    called.damage("UPDATE due SET settled_cents = 500 WHERE association_id = 1")
    called.damage("UPDATE workflow_instance SET state = 'reminded' WHERE subject = 'A0002'")
    result = called.type("verify", code=1)
    assert "A0001: 2025 is settled by 5.00, its ledger says 20.00" in result.stdout.splitlines()
    assert "A0002: is reminded, but its journal ends in called" in result.stdout.splitlines()
    assert result.stderr.startswith("relance: ")
    assert "discrepancies" in result.stderr
