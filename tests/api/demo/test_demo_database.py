"""A demo's database is one for good: it sends nothing, and cannot be taken for a live one."""

import shutil

import pytest
from sqlalchemy.exc import IntegrityError

from api.demo.mark import OfADemo, is_demo
from api.demo.town import moved_in, settings_of
from api.serve import serve
from api.settings import load_settings
from engine.backup import backup, restore
from engine.errors import NotAllowed
from engine.store import Store
from tests.terminal import Terminal

CAPTURE = "INTO switch (name, value) VALUES ('mail_mode', 'capture')"
LIVE = "INTO switch (name, value) VALUES ('mail_mode', 'live')"


@pytest.fixture
def desk(folder, monkeypatch):
    """A terminal in the demo's folder, at this machine's date."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("RELANCE_CONFIG", raising=False)
    return Terminal(folder, monkeypatch).at("2031-05-05")


def say_live(folder):
    """Let its relance.toml say that mail leaves."""
    path = folder / "relance.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{text}\n[mail]\nmode = "live"\nhost = "127.0.0.1"\nport = 1\n', encoding="utf-8")


def change(store, *statements):
    """Change a database behind the program's back."""
    with store.write() as connection:
        for sql in statements:
            connection.exec_driver_sql(sql)


def test_it_cannot_be_switched_live_by_anybody(desk, folder):
    say_live(folder)
    refused = "This database is a demo's: its mail never leaves"
    assert desk.refused("mail", "live", "--name", "Les Hébergeurs associés") == refused
    assert settings_of(folder).mail.mode == "capture"
    store = Store(f"sqlite:///{folder / 'relance.db'}")
    for sql in (f"INSERT OR REPLACE {LIVE}", "UPDATE switch SET value = 'live'"):
        with pytest.raises(IntegrityError, match="never sends mail"):
            change(store, f"INSERT OR REPLACE {CAPTURE}", sql)
    store.close()


def test_it_is_not_served_and_not_run_to_another_date(desk, folder):
    with pytest.raises(OfADemo, match="relance demo --folder"):
        serve(load_settings(folder / "relance.toml", environ={}), "127.0.0.1", 0)
    assert desk.refused("tick", "--now", "2026-06-01") == (
        "This database is a demo's: its clock is moved by `relance demo move`"
    )


def test_commands_see_its_date_and_what_they_cause_arrives(desk):
    assert desk.say("tick") == ["Nothing was due."]
    assert any("Last run: 2025-11-28 12:00" in line for line in desk.say("status"))
    desk.type("pay", "A0004", "20.00", "--year", "2025")
    assert desk.rows("SELECT status, body IS NOT NULL FROM outbox_message ORDER BY id DESC LIMIT 1") == [("sent", 1)]
    assert any("a demo: its date, 2025-11-28, stands still" in line for line in desk.say("doctor"))


def test_its_copies_are_demos_too(folder, tmp_path):
    store = Store(f"sqlite:///{folder / 'relance.db'}")
    backup(store, tmp_path / "copy.db")
    store.close()
    restore(tmp_path / "copy.db", f"sqlite:///{tmp_path / 'restored.db'}")
    shutil.copy(tmp_path / "copy.db", tmp_path / "plain.db")
    for name in ("restored.db", "plain.db"):
        copied = Store(f"sqlite:///{tmp_path / name}")
        assert is_demo(copied)
        with pytest.raises(IntegrityError, match="never sends mail"):
            change(copied, "DELETE FROM switch", f"INSERT {LIVE}")
        copied.close()


def test_a_real_database_is_never_taken_for_a_demo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELANCE_CONFIG", raising=False)
    terminal = Terminal(tmp_path, monkeypatch).at("2025-06-01")
    terminal.type("init")
    before = terminal.dump()
    with pytest.raises(NotAllowed, match="a database that is no demo's"), moved_in(tmp_path):
        pass
    assert [row for row in terminal.dump()[1] if row not in before[1]] == []
    (tmp_path / "relance.db").unlink()
    with pytest.raises(NotAllowed, match="without a demo's database"), moved_in(tmp_path):
        pass
