"""SQLite, opened so that nothing is lost; and what it refuses, in one line."""

import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread, Timer

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from engine.errors import Invalid, RelanceError
from engine.faults import DatabaseFault, name_of
from engine.store import PRAGMAS, Store

NOBODY = 65534
ADD = "UPDATE counter SET value = ?"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "dues.db"


@pytest.fixture
def store(path):
    made = Store(f"sqlite:///{path}")
    with made.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER UNIQUE)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")
    yield made
    made.close()


def value(connection):
    return connection.exec_driver_sql("SELECT value FROM counter").scalar_one()


def refused(url):
    """The one line that opening and writing this database is refused with."""
    store = Store(url)
    try:
        with pytest.raises(RelanceError) as refusal, store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE other (x INTEGER)")
    finally:
        store.close()
    line = str(refusal.value)
    assert len(line.splitlines()) == 1
    assert "sqlite3" not in line
    return line


# --- opening ---------------------------------------------------------------------------------------------------------


def test_it_keeps_its_pragmas_on_every_connection(store):
    with store.read() as one, store.read() as other:
        for connection in (one, other):
            assert {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in PRAGMAS} == PRAGMAS


class Deaf:
    """A connection that ignores one pragma."""

    def __init__(self, path, name):
        self.real, self.name = sqlite3.connect(path), name
        self.real.execute("PRAGMA synchronous = NORMAL")

    def execute(self, sql):
        return self.real.execute("SELECT 1" if sql.startswith(f"PRAGMA {self.name} =") else sql)


@pytest.mark.parametrize("name", PRAGMAS)
def test_it_refuses_a_database_that_ignores_a_pragma(path, name):
    deaf = Deaf(path, name)
    with closing(deaf.real), pytest.raises(Invalid, match=f"does not keep {name} = {PRAGMAS[name]}"):
        Store(f"sqlite:///{path}")._on_connect(deaf, None)


def test_it_refuses_a_disk_on_which_there_is_no_wal(path):
    assert "does not keep journal_mode = wal" in refused(f"sqlite:///file:{path}?vfs=unix-dotfile&uri=true")


def test_it_waits_while_another_program_opens_the_same_new_file(path):
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.3, other.execute, ["ROLLBACK"])
        release.start()
        store = Store(f"sqlite:///{path}")
        with store.read() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        store.close()
        release.join()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_it_lives_in_memory_as_well(url):
    store = Store(url)
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (7)")
    with store.read() as connection:
        assert value(connection) == 7
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    store.close()


# --- transactions ----------------------------------------------------------------------------------------------------


def test_no_update_is_lost(store):
    def add_a_hundred():
        for _ in range(100):
            with store.write() as connection:
                connection.exec_driver_sql(ADD, (value(connection) + 1,))

    threads = [Thread(target=add_a_hundred) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert value(connection) == 400


def test_a_reader_sees_one_instant_and_stops_nobody(store):
    with store.read() as reader:
        assert value(reader) == 0
        with store.write() as writer:
            writer.exec_driver_sql(ADD, (1,))
        assert value(reader) == 0
    with store.read() as reader:
        assert value(reader) == 1


def test_a_writer_that_fails_changes_nothing(store):
    def write():
        with store.write() as connection:
            connection.exec_driver_sql(ADD, (1,))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    with store.read() as connection:
        assert value(connection) == 0


# --- what is refused -------------------------------------------------------------------------------------------------


@contextmanager
def unprivileged(folder):
    """As somebody whom permissions bind, which is not root."""
    root = os.geteuid() == 0
    if root:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def folder():
    """A folder that everybody may reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        Path(name).chmod(0o700)


def make(path):
    store = Store(f"sqlite:///{path}")
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (value INTEGER)")
    store.close()
    return store.url


def test_a_missing_folder(tmp_path):
    path = tmp_path / "nowhere" / "dues.db"
    line = f"{path}: it cannot be opened: is its folder there, and may one write in it?"
    assert refused(f"sqlite:///{path}") == line
    assert not path.parent.exists()


def test_a_read_only_file(folder):
    url = make(folder / "dues.db")
    (folder / "dues.db").chmod(0o444)
    with unprivileged(folder):
        assert refused(url) == f"{folder / 'dues.db'}: it cannot be written: it, or its folder, is read-only"


def test_a_read_only_folder(folder):
    url = make(folder / "dues.db")
    folder.chmod(0o555)
    with unprivileged(folder):
        assert refused(url).startswith(f"{folder / 'dues.db'}: it cannot be ")


def test_a_folder_in_the_file_s_place(tmp_path):
    assert refused(f"sqlite:///{tmp_path}").startswith(f"{tmp_path}: it cannot be opened")


def test_a_file_that_is_no_database(path):
    path.write_text("number,name\n" * 500)
    assert refused(f"sqlite:///{path}") == f"{path}: it is not a database"


def test_a_locked_database(store, monkeypatch):
    monkeypatch.setitem(PRAGMAS, "busy_timeout", "20")
    with store.write():
        assert refused(store.url).endswith(": another program keeps it locked; nothing was changed")


def test_a_full_disk(store):
    def write():
        with store.write() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 4")
            connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(100000)")

    with pytest.raises(DatabaseFault, match="the disk is full; nothing was changed"):
        write()
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name = 'big'").scalar_one() == 0


def test_a_damaged_database(store, path):
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE big AS SELECT randomblob(200000) AS x")
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(DatabaseFault, match="it is damaged: go back to the latest copy"), store.read() as connection:
        value(connection)


def test_what_is_nobody_s_fault_passes_as_it_is(store):
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")
    with pytest.raises(OperationalError, match="no such table"), store.read() as connection:
        connection.exec_driver_sql("SELECT 1 FROM nowhere")


def test_it_names_a_database_without_its_password():
    assert name_of("sqlite:////var/lib/relance.db") == "/var/lib/relance.db"
    assert name_of("sqlite://") == name_of("sqlite:///:memory:") == "the database in memory"
    assert name_of("postgresql+psycopg://relance:secret@db/dues") == "postgresql+psycopg://relance:***@db/dues"
