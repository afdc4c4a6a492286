"""Setting up and safe copies, typed at a terminal; and whatever keeps a command from its database."""

import sqlite3
import tomllib

import pytest

from engine.store import PRAGMAS


def test_init_writes_a_configuration_and_a_database(bare):
    said = bare.say("init", "dues")
    folder = bare.folder / "dues"
    assert said[0] == "Wrote dues/relance.toml and an empty database."
    assert {path.name for path in folder.iterdir()} == {"relance.toml", "relance.db"}
    assert (folder / "relance.db").stat().st_mode & 0o077 == 0
    assert tomllib.loads((folder / "relance.toml").read_text())["organisation"]["timezone"] == "Europe/Paris"
    bare.folder = folder
    assert bare.rows("SELECT value FROM switch WHERE name = 'mail_mode'") == [("capture",)]
    assert bare.rows("SELECT upto FROM watermark") == [("2024-12-02 11:00:00.000000",)]


def test_init_where_the_environment_says(bare, monkeypatch):
    monkeypatch.setenv("RELANCE_CONFIG", str(bare.folder / "etc" / "dues.toml"))
    bare.say("init")
    assert (bare.folder / "etc" / "dues.toml").is_file()
    assert bare.say("tick") == ["Nothing was due."]


def test_init_overwrites_nothing(desk):
    assert desk.refused("init") == "relance.toml is there already, and is not overwritten"
    (desk.folder / "relance.toml").unlink()
    assert desk.refused("init").endswith("relance.db is there already, and is not overwritten")


def test_init_that_fails_leaves_nothing(bare, monkeypatch):
    monkeypatch.setenv("RELANCE_BOARD__QUORUM", "many")
    assert "board.quorum" in bare.refused("init", "dues")
    assert not (bare.folder / "dues").exists()
    (bare.folder / "file").touch()
    bare.refused("init", "file")


def test_backup_and_restore(desk, tmp_path_factory, monkeypatch):
    copy = tmp_path_factory.mktemp("copies") / "dues.db"
    desk.type("backup", copy)
    assert desk.refused("backup", copy).startswith(f"{copy}: it is there already")
    assert "it is not empty" in desk.refused("restore", copy)
    desk.rows("UPDATE switch SET value = 'live' WHERE name = 'mail_mode'")
    before = desk.dump()[1]
    (desk.folder / "relance.db").unlink()
    desk.type("restore", copy)
    assert desk.rows("SELECT value FROM switch WHERE name = 'mail_mode'") == [("capture",)]
    assert len(desk.dump()[1]) == len(before)
    assert desk.state("A0001") == "paid"


@pytest.mark.parametrize("name", ["nowhere.db", "relance.toml"])
def test_restoring_what_is_no_copy(bare, name):
    bare.say("init")
    bare.refused("restore", name)


def test_no_configuration(bare):
    assert bare.refused("tasks").endswith("relance.toml; `relance init` writes one")


def test_no_database(desk):
    for path in desk.folder.glob("relance.db*"):
        path.unlink()
    assert desk.refused("tasks").startswith("no database: ")
    assert desk.refused("pay", "A0001").endswith("relance.db is missing; run `relance init`")


def test_a_file_that_is_no_database(desk):
    for path in desk.folder.glob("relance.db*"):
        path.unlink()
    other = desk.folder / "other.db"
    other.write_text("number,name\n" * 500)
    config = desk.folder / "relance.toml"
    config.write_text(config.read_text().replace("relance.db", "other.db"))
    desk.refused("tasks")
    other.write_bytes(b"")
    assert "run `relance init`" in desk.refused("tasks")


def test_a_locked_database(desk, monkeypatch):
    monkeypatch.setitem(PRAGMAS, "busy_timeout", "50")
    with sqlite3.connect(desk.folder / "relance.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        result = desk.type("contact", "A0001", code=1)
        other.execute("ROLLBACK")
    other.close()
    assert result.stderr.startswith("relance: ")
    assert "locked" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[calendar.remind]", "[calendar.relance]", "calendar.relance: unknown key"),
        ("quorum = ", "quorom = ", "board.quorom: unknown key; did you mean quorum?"),
        ("month = 6\nday = 1\nhour = 9", "month = 2\nday = 29\nhour = 9", "calendar.remind.day"),
        ("month = 6\nday = 1\nhour = 9", "month = 6\nday = 1\nhour = 2", "calendar.remind.hour"),
        ('association = "20.00"', 'association = "-20.00"', "dues.association"),
        ('association = "20.00"', "association = nan", "dues.association"),
        ('mode = "capture"', "mode = capture", "line "),
    ],
)
def test_a_configuration_that_is_refused(desk, old, new, said):
    config = desk.folder / "relance.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    assert said in desk.refused("pay", "A0001", "5")


def test_a_configuration_that_is_not_utf_8(desk):
    config = desk.folder / "relance.toml"
    config.write_bytes(config.read_text().replace("organisation", "é", 1).encode("latin-1", "replace"))
    assert "not UTF-8" in desk.refused("tasks")


def test_postgresql_is_refused_in_one_line_until_it_comes(bare, monkeypatch):
    monkeypatch.setenv("RELANCE_DATABASE__URL", "postgresql+psycopg://relance:secret@localhost/relance")
    said = bare.refused("init", bare.folder / "other")
    assert said.startswith("database.url: PostgreSQL comes with a later version; this one keeps its data in SQLite")
    assert not (bare.folder / "other").exists()
