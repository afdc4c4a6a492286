"""Votes per second and their slowest hundredth at 16 clients, against a bare FastAPI endpoint that keeps one row.

Both are served by uvicorn under the settings of `relance serve`, each in a process of its own, and asked in turn by
the same client over connections that stay open. The bare endpoint takes the same body and commits one INSERT per
request to a file of the same kind (WAL, synchronous = FULL); it asks nobody who they are and answers no more than ok.

On a busy machine both wait for their turn more than they work, which flatters the slower one: so the processor time
of each per vote is told too.
"""

import argparse
import asyncio
import gc
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import uvicorn
from fastapi import FastAPI

from api import auth, logs
from api.app import create_app
from api.deps import House
from api.schemas.board import Vote
from api.serve import config_of, listen, stop_quietly
from api.settings import settings_from_mapping
from api.tables import Role
from api.wiring import engine_of
from engine.store import PRAGMAS, Store
from tests.benchmarks.reference_year import at, prepare

CLIENTS, VOTES, ROUNDS = 16, 100, 5
"""`VOTES`: of each client in one round, each on another ballot; one round more, which is not counted, warms up."""
SEATS = tuple(f"S{number}" for number in range(1, CLIENTS + 1))
EVENING = at(2025, 8, 20, 19)
LEAST_SHARE = 0.5
SIDES = ("bare", "ours")
CHOICES = ("approve", "reject", "abstain")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast votes were answered: how many a second, and seconds within which 99 of 100 were."""

    per_second: float
    p99: float


# The two servers


def open_ballots(folder: Path, ballots: int) -> dict[str, Any]:
    """A database with so many open ballots, and a token of each seat. Returns its settings and the tokens."""
    store = prepare(folder / "votes.db", ballots)
    settings = settings_from_mapping({"database.url": store.url})
    engine = engine_of(settings, store)
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM seat")
        rows = [(seat, seat, f"{seat}@ca.example", "member") for seat in SEATS]
        connection.exec_driver_sql("INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)", rows)
    engine.start_clock(at(2024, 11, 30))
    for day in (at(2024, 12, 1), at(2025, 6, 1)):
        engine.tick(day)
        engine.confirm_brake(day, "bench")
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE occurrence SET proven_at = ?", (EVENING,))
    engine.tick(EVENING)
    with store.write() as connection:
        tokens = [auth.create(connection, seat, Role.BOARD, seat, EVENING)[1] for seat in SEATS]
        ids = [row[0] for row in connection.exec_driver_sql("SELECT id FROM ballot WHERE status = 'open'")]
    store.close()
    return {"tokens": tokens, "paths": [f"/api/v1/ballots/{ballot}/vote" for ballot in ids]}


def ours(folder: Path) -> FastAPI:
    """The API over that database, at an evening that goes on as clocks do."""
    settings = settings_from_mapping({"database.url": f"sqlite:///{folder / 'votes.db'}"})
    engine, began = engine_of(settings), time.monotonic()

    def clock() -> datetime:
        return EVENING + timedelta(seconds=time.monotonic() - began)

    return create_app(settings, house=House(settings, engine, clock))


def bare(folder: Path) -> FastAPI:
    """The least that keeps a vote: one statement, committed."""
    connection = sqlite3.connect(folder / "bare.db", check_same_thread=False, isolation_level=None)
    for name, value in PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {value}")
    connection.execute("CREATE TABLE vote (id INTEGER PRIMARY KEY, ballot_id INTEGER, choice TEXT, comment TEXT)")
    app, turn = FastAPI(), Lock()

    @app.put("/api/v1/ballots/{ballot_id}/vote")
    def vote(ballot_id: int, body: Vote) -> dict[str, bool]:
        with turn:
            sql = "INSERT INTO vote (ballot_id, choice, comment) VALUES (?, ?, ?)"
            connection.execute(sql, (ballot_id, body.choice, body.comment))
        return {"ok": True}

    return app


def serve(side: str, folder: Path) -> None:
    """Serve one of the two until told to end, and say on which port."""
    logs.configure()
    app = ours(folder) if side == "ours" else bare(folder)
    server = uvicorn.Server(config_of(app))
    listening = listen("127.0.0.1", 0)
    print(listening.getsockname()[1], flush=True)
    gc.collect()
    gc.freeze()
    stop_quietly()
    began = time.process_time()
    server.run(sockets=[listening])
    print(time.process_time() - began)


# The client


def requests_of(given: dict[str, Any], turn: int) -> list[list[bytes]]:
    """What each client sends in one round: each its own seat's choices, on ballots it has not voted on yet."""
    paths = given["paths"][turn * VOTES : (turn + 1) * VOTES]
    return [
        [_request(path, token, CHOICES[(number + place) % len(CHOICES)]) for place, path in enumerate(paths)]
        for number, token in enumerate(given["tokens"])
    ]


def _request(path: str, token: str, choice: str) -> bytes:
    body = json.dumps({"choice": choice, "comment": ""})
    head = f"PUT {path} HTTP/1.1\r\nHost: relance.example\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def _client(port: int, requests: Sequence[bytes], seconds: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        seconds.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"refused: {body.decode()}")
    writer.close()


async def ask(port: int, requests: Sequence[Sequence[bytes]]) -> Pace:
    """Let every client send what it has to say, one after the other; all of them together."""
    seconds: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_client(port, one, seconds) for one in requests))
    return Pace(len(seconds) / (time.perf_counter() - began), statistics.quantiles(seconds, n=100)[98])


def measure(folder: Path, rounds: int = ROUNDS) -> tuple[list[tuple[Pace, Pace]], tuple[float, float]]:
    """Pairs taken in turn, bare and ours; and the processor seconds per vote of each."""
    votes = CLIENTS * VOTES * (rounds + 1)
    given = open_ballots(folder, VOTES * (rounds + 1))
    servers = {side: _start(side, folder) for side in SIDES}
    try:
        ports = {side: int(server.stdout.readline()) for side, server in servers.items()}
        pairs = []
        for turn in range(rounds + 1):
            requests = requests_of(given, turn)
            order = SIDES if turn % 2 else SIDES[::-1]
            paces = {side: asyncio.run(ask(ports[side], requests)) for side in order}
            pairs.append((paces["bare"], paces["ours"]))
        bare_cost, own_cost = (_stop(servers[side]) / votes for side in SIDES)
    finally:
        for server in servers.values():
            server.kill()
            server.communicate()
    _check(folder, votes)
    return pairs[1:], (bare_cost, own_cost)


def _stop(server: Any) -> float:
    """Let a server end; returns how many seconds of a processor it took while it served."""
    server.terminate()
    return float(server.stdout.readline())


def _start(side: str, folder: Path) -> Any:
    command = [sys.executable, "-m", "tests.benchmarks.votes", "--side", side, "--folder", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _check(folder: Path, votes: int) -> None:
    """Every vote that was answered is kept. Raises RuntimeError."""
    for name in ("votes.db", "bare.db"):
        store = Store(f"sqlite:///{folder / name}")
        with store.read() as connection:
            kept = connection.exec_driver_sql("SELECT count(*) FROM vote").scalar_one()
        store.close()
        if kept != votes:
            raise RuntimeError(f"{name}: {votes} votes were answered, {kept} are kept")


def main(rounds: int = ROUNDS) -> float:
    """Measure, print, and return our share of the bare endpoint's rate: the median of the pairs."""
    with tempfile.TemporaryDirectory(prefix="relance-bench-") as folder:
        pairs, costs = measure(Path(folder), rounds)
    shares = [own.per_second / base.per_second for base, own in pairs]
    for (base, own), share in zip(pairs, shares, strict=True):
        print(
            f"bare {base.per_second:6.0f} votes/s, p99 {base.p99 * 1000:5.1f} ms   "
            f"relance {own.per_second:6.0f} votes/s, p99 {own.p99 * 1000:5.1f} ms   {share:6.1%}"
        )
    base_cost, own_cost = (cost * 1000 for cost in costs)
    share = statistics.median(shares)
    print(
        f"{CLIENTS} clients, median of {len(pairs)} pairs: {share:.1%} (wanted: {LEAST_SHARE:.0%});   "
        f"processor per vote: bare {base_cost:.2f} ms, relance {own_cost:.2f} ms, {base_cost / own_cost:.1%}"
    )
    return share


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.votes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    for name in ("--side", "--folder"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        serve(asked.side, Path(asked.folder))
    else:
        main(asked.rounds)
