"""The real server while its disk is full, its file read-only or locked: it says so, loses nothing, and goes on."""

import os
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from api.tables import Role
from engine.store import Store
from tests import played
from tests.faults.served import Served, paid, refusal, rows, settle
from tests.served import until

UNAVAILABLE = (503, "database-unavailable", "30")
ALL_THREADS = 14
"""More requests than the API works on at once."""
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk, or makes a file immutable")


@pytest.fixture
def serve(tmp_path):
    """Start processes; they end with the test."""
    started = []

    def begin(folder, *before, **environment):
        started.append(Served(folder, tmp_path, before, **environment))
        return started[-1]

    yield begin
    for process in started:
        process.end()


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


@contextmanager
def small_disk(path):
    """A disk of four megabytes."""
    path.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=4m", "relance-test", path).returncode:
        pytest.skip("no disk may be mounted here")
    try:
        yield path
    finally:
        run("umount", "--lazy", path)


def fill(path):
    """Fill a disk to the last byte; returns the file that takes the room."""
    filler = path / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def nothing_lost_nothing_twice(folder, payments):
    """What was acknowledged is there once; the journal ends where the states are; no notice was written twice."""
    assert rows(folder, "SELECT count(*) FROM payment") == [(payments,)]
    assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    store = Store(f"sqlite:///{folder}/relance.db")
    assert played.repeated_notices(store) == []
    assert played.replayed_states(played.journal_of(store)) == played.states_of(store)
    store.close()


@root
def test_it_outlives_a_full_disk(serve, tmp_path):
    with small_disk(tmp_path / "disk") as folder:
        tokens = settle(folder)
        server = serve(folder)
        until(server.ready)
        assert server.post("/associations/A1/payments", tokens[Role.TREASURER], paid("1"), "1").status_code == 201
        filler = fill(folder)
        number, answer = 1, None
        while answer is None or answer.status_code == 201:
            number += 1
            answer = server.post("/associations/A1/payments", tokens[Role.TREASURER], paid(number), f"{number}")
        assert refusal(answer) == UNAVAILABLE
        assert "disk is full" in answer.json()["detail"]
        server.names("disk-full")
        assert server.logged("disk-full")
        filler.unlink()
        until(server.ready)
        for _ in range(2):
            answer = server.post("/associations/A1/payments", tokens[Role.TREASURER], paid(number), f"{number}")
            assert answer.status_code == 201
        until(lambda: server.logged("recovered"))
        server.stop_well()
        nothing_lost_nothing_twice(folder, number)


def test_it_outlives_a_lock_and_whoever_waits_for_it_hides_nothing(serve, tmp_path):
    tokens = settle(tmp_path)
    server = serve(tmp_path)
    until(server.ready)
    other = sqlite3.connect(tmp_path / "relance.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def pay(number):
        return server.post("/associations/A1/payments", tokens[Role.TREASURER], paid(f"{number}"), f"{number}")

    with ThreadPoolExecutor(ALL_THREADS) as pool:
        refused = [pool.submit(pay, number) for number in range(ALL_THREADS)]
        server.names("database-locked")
        assert [refusal(one.result()) for one in refused] == [UNAVAILABLE] * ALL_THREADS
        other.execute("COMMIT")
        other.close()
        until(server.ready)
        assert {one.status_code for one in pool.map(pay, range(ALL_THREADS))} == {201}
    assert server.logged("database-locked")
    assert server.logged("recovered")
    server.stop_well()
    nothing_lost_nothing_twice(tmp_path, ALL_THREADS)


def bound_by_permissions():
    """What goes before a command that permissions are to bind, even root's."""
    if os.geteuid() != 0:
        return ()
    words = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")
    if shutil.which("setpriv") is None or run(*words, "true").returncode:
        pytest.skip("root cannot be bound by permissions here")
    return words


def test_it_waits_for_a_file_that_may_be_written(serve, tmp_path):
    folder = tmp_path / "house"
    folder.mkdir()
    tokens = settle(folder)
    locked = [folder, folder / "relance.db"]
    for path in locked:
        path.chmod(0o555)
    server = serve(folder, *bound_by_permissions())
    server.names("database-read-only")
    answer = server.post("/associations/A1/payments", tokens[Role.TREASURER], paid("1"), "1")
    assert refusal(answer) == UNAVAILABLE
    for path in locked:
        path.chmod(0o755)
    until(server.ready)
    assert server.post("/associations/A1/payments", tokens[Role.TREASURER], paid("1"), "1").status_code == 201
    assert server.logged("database-read-only")
    assert server.logged("recovered")
    server.stop_well()
    nothing_lost_nothing_twice(folder, 1)


@contextmanager
def immutable(folder):
    """Make the database read-only for whoever has opened it already too. Its index is memory: left alone."""
    files = [folder / "relance.db", folder / "relance.db-wal"]
    if run("chattr", "+i", *files).returncode:
        pytest.skip("no file can be made immutable here")
    try:
        yield
    finally:
        run("chattr", "-i", *files)


@root
def test_it_outlives_a_file_that_becomes_read_only(serve, tmp_path):
    tokens = settle(tmp_path)
    server = serve(tmp_path)
    until(server.ready)
    with immutable(tmp_path):
        server.names("database-read-only")
        answer = server.post("/associations/A1/payments", tokens[Role.TREASURER], paid("1"), "1")
        assert refusal(answer) == UNAVAILABLE
    until(server.ready)
    assert server.post("/associations/A1/payments", tokens[Role.TREASURER], paid("1"), "1").status_code == 201
    server.stop_well()
    nothing_lost_nothing_twice(tmp_path, 1)
