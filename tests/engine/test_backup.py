"""Copies of a database in use, and the way back: whole, checked, over nothing, and silent."""

import shutil
import sqlite3
from contextlib import closing
from threading import Event, Thread

import pytest

from engine.backup import backup, restore
from engine.faults import DatabaseFault
from engine.migrate import current_revision, migrate
from engine.store import Store

PAD = "x" * 2000
PAYMENT = """INSERT INTO payment (source, external_id, amount_cents, paid_on, method, reference, booked_at)
    VALUES ('bank', ?, 2000, '2025-06-01', '', ?, '2025-06-01 10:00:00.000000')"""


def pay(store, *numbers):
    """Payments, and in the same transaction how many there are."""
    with store.write() as connection:
        connection.exec_driver_sql(PAYMENT, [(str(number), PAD) for number in numbers])
        sql = "UPDATE switch SET value = (SELECT count(*) FROM payment) WHERE name = 'payments'"
        connection.exec_driver_sql(sql)


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path / 'live' / 'dues.db'}")
    (tmp_path / "live").mkdir()
    migrate(made)
    with made.write() as connection:
        connection.exec_driver_sql("INSERT INTO switch VALUES ('mail_mode', 'live'), ('payments', '0')")
    pay(made, *range(1000))
    yield made
    made.close()


@pytest.fixture
def copy(store, tmp_path):
    backup(store, tmp_path / "copy.db")
    return tmp_path / "copy.db"


@pytest.fixture
def target(tmp_path):
    (tmp_path / "new").mkdir()
    return tmp_path / "new" / "dues.db"


def url(path):
    return f"sqlite:///{path}"


def dump(path, *without):
    """Everything in a database, as SQL."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [line for line in connection.iterdump() if not line.startswith(without or ("--",))]


def counted(path):
    """Payments in a copy, and how many it says there are."""
    with closing(sqlite3.connect(path)) as connection:
        said = connection.execute("SELECT value FROM switch WHERE name = 'payments'").fetchone()[0]
        return connection.execute("SELECT count(*) FROM payment").fetchone()[0], int(said)


def refused(function, *arguments):
    with pytest.raises(DatabaseFault) as refusal:
        function(*arguments)
    line = str(refusal.value)
    assert len(line.splitlines()) == 1
    return line


def names(path):
    return sorted(each.name for each in path.parent.iterdir())


# --- copying ---------------------------------------------------------------------------------------------------------


def test_a_copy_is_one_whole_file_for_its_owner_only(store, copy, tmp_path):
    assert dump(copy) == dump(tmp_path / "live" / "dues.db")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert names(copy) == ["copy.db", "live"]
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_copy_is_of_one_instant_while_a_writer_writes(store, tmp_path):
    started, stop = Event(), Event()
    written: list[int] = []

    def write():
        while not stop.is_set():
            written.append(len(written) + 1000)
            pay(store, written[-1])
            started.set()

    writer = Thread(target=write)
    writer.start()
    started.wait()
    before = len(written)
    try:
        for number in range(3):
            backup(store, tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join()
    assert len(written) > before
    found = [counted(tmp_path / f"{number}.db") for number in range(3)]
    assert all(payments == said for payments, said in found)
    assert [payments for payments, _ in found] == sorted(payments for payments, _ in found)
    assert 1000 < found[0][0] <= found[2][0] <= 1000 + len(written)


def test_a_write_between_two_pages_is_neither_half_in_nor_a_reason_to_begin_again(store, tmp_path):
    seen = []

    def meanwhile(done, total):
        seen.append((done, total))
        pay(store, f"meanwhile {done}")

    backup(store, tmp_path / "copy.db", meanwhile)
    assert len(seen) > 2
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == seen[-1][1]
    assert counted(tmp_path / "copy.db") == (1000, 1000)


def test_a_database_in_memory_can_be_copied(tmp_path):
    store = Store("sqlite://")
    migrate(store)
    backup(store, tmp_path / "copy.db")
    assert current_revision(Store(url(tmp_path / "copy.db"))) == current_revision(store)


def test_nothing_is_overwritten(store, copy):
    before = copy.read_bytes()
    assert refused(backup, store, copy) == f"{copy}: it is there already, and is not overwritten"
    assert refused(backup, store, copy.parent / "live" / "dues.db").endswith("is not overwritten")
    assert copy.read_bytes() == before


def test_a_copy_into_a_missing_folder(store, tmp_path):
    path = tmp_path / "usb" / "copy.db"
    assert refused(backup, store, path) == f"{path}: it cannot be written (No such file or directory)"


def test_a_copy_that_is_interrupted_leaves_nothing(store, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(store, tmp_path / "copy.db", interrupt)
    assert names(tmp_path / "copy.db") == ["live"]
    pay(store, "afterwards")


def test_a_damaged_database_is_not_copied(store, tmp_path):
    store.close()
    with (tmp_path / "live" / "dues.db").open("r+b") as file:
        file.seek(-4096 * 30, 2)
        file.write(b"\xff" * 4096)
    assert refused(backup, store, tmp_path / "copy.db").startswith(f"{tmp_path / 'live' / 'dues.db'}: it is damaged (")
    assert names(tmp_path / "copy.db") == ["live"]


# --- the way back ----------------------------------------------------------------------------------------------------


def test_a_restored_database_keeps_everything_but_its_switches(copy, target):
    restore(copy, url(target))
    switch = 'INSERT INTO "switch"'
    assert dump(target, switch) == dump(copy, switch)
    assert [line for line in dump(target) if line.startswith(switch)] == [f"{switch} VALUES('mail_mode','capture');"]
    assert names(target) == ["dues.db"]
    assert target.stat().st_mode & 0o777 == 0o600
    store = Store(url(target))
    migrate(store)
    pay(store, "afterwards")
    store.close()


def test_it_goes_into_an_empty_database(copy, target):
    store = Store(url(target))
    migrate(store)
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO switch VALUES ('mail_mode', 'live')")
        connection.exec_driver_sql("INSERT INTO watermark VALUES (1, '2025-01-01', '2025-01-01')")
    store.close()
    restore(copy, url(target))
    assert dump(target, 'INSERT INTO "switch"') == dump(copy, 'INSERT INTO "switch"')


def test_it_goes_into_an_empty_file(copy, target):
    target.touch()
    restore(copy, url(target))
    assert dump(target)


def test_what_an_earlier_database_of_that_name_left_does_not_come_back(store, copy, target):
    live = copy.parent / "live" / "dues.db-wal"
    pay(store, "in the log only")
    shutil.copy(live, target.with_name("dues.db-wal"))
    restore(copy, url(target))
    assert dump(target, 'INSERT INTO "switch"') == dump(copy, 'INSERT INTO "switch"')


def test_a_progress_is_told(copy, target):
    seen = []
    restore(copy, url(target), lambda done, total: seen.append((done, total)))
    assert len(seen) > 2
    assert seen[-1][0] == seen[-1][1]


def test_a_database_that_is_not_empty_is_left_alone(copy, target):
    store = Store(url(target))
    migrate(store)
    pay(store, "precious")
    store.close()
    before = dump(target)
    assert refused(restore, copy, url(target)) == (
        f"{target}: it is not empty; move it away first, or restore under another name"
    )
    assert refused(restore, copy, url(copy)).endswith("or restore under another name")
    assert dump(target) == before
    assert not list(target.parent.glob(".*"))


def test_a_database_that_a_server_has_open_is_left_alone(copy, target):
    store = Store(url(target))
    migrate(store)
    assert refused(restore, copy, url(target)).endswith(": another program keeps it locked; nothing was changed")
    with store.read() as connection:
        connection.exec_driver_sql("SELECT 1 FROM switch").fetchall()
        assert refused(restore, copy, url(target)).endswith(": another program keeps it locked; nothing was changed")
    pay(store, "afterwards")
    store.close()


def test_it_needs_a_file(copy, tmp_path):
    assert refused(restore, copy, "sqlite://") == "the database in memory: a copy can only be restored into a file"
    path = tmp_path / "nowhere" / "dues.db"
    assert refused(restore, copy, url(path)).endswith(" it cannot be written (No such file or directory)")


def test_an_interrupted_restoration_leaves_nothing(copy, target):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(copy, url(target), interrupt)
    assert names(target) == []


def damaged(path):
    with path.open("r+b") as file:
        file.seek(-4096 * 30, 2)
        file.write(b"\xff" * 4096)


def cut_short(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def sql(*statements):
    def change(path):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damaged, "it is damaged"),
        (cut_short, "it is damaged"),
        (lambda path: path.write_text("number,name\n" * 500), "it is not a database"),
        (lambda path: path.write_bytes(b""), "it is not a copy of a database of relance"),
        (sql("DROP TABLE alembic_version"), "it is not a copy of a database of relance"),
        (sql("UPDATE alembic_version SET version_num = '0999'"), "it is of a newer version of relance (revision 0999;"),
        (sql("INSERT INTO vote VALUES (1, 7, '', '', '', '', '', NULL)"), "(a row of vote has lost its ballot)"),
        (lambda path: path.unlink(), "there is no such file"),
    ],
)
def test_a_bad_copy_is_refused(copy, target, spoil, said):
    spoil(copy)
    assert said in refused(restore, copy, url(target))
    assert names(target) == []
