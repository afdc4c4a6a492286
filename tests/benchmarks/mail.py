"""Mails per second: the whole pump against prebuilt messages that one reused connection carries to the same sink.

    .venv/bin/python -m tests.benchmarks.mail [MAILS]

The sink is a process of its own that takes everything. The rows are in a database file, with their words, as the
engine and the templates left them; the pump claims them, asks whether they are still right, builds each message,
sends it, writes down the answer and proves the step, with every commit on the disk. The floor: the same messages
built before, handed to aiosmtplib's own `sendmail` one after the other, and nothing written down.
"""

import asyncio
import gc
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aiosmtplib import SMTP

from api.addressees import members_of
from engine.engine import Engine
from engine.rules import Rules
from engine.store import Store
from notifications.mail import Composer, Envelope, Outgoing, Sender
from notifications.outbox import render_pending
from notifications.pump import Habits, Hooks, Pump
from notifications.render import Letterhead
from notifications.smtp import Postman, Server
from tests.benchmarks.reference_year import TZ, prepare
from workflows import WORKFLOWS
from workflows.membership.relevance import no_longer_right

PORTION = 2000
ROUNDS = 7
LEAST_SHARE = 0.9
SENDER = Sender("tresorerie@lepic.example", "Le PIC", "bureau@lepic.example")
LETTERHEAD = Letterhead(
    name="Le PIC", short_name="PIC", email="tresorerie@lepic.example", iban="FR7630006000011234567890189"
)
ANSWERS = {b"MAIL": b"250 Ok\r\n", b"RCPT": b"250 Ok\r\n", b"DATA": b"354 Go\r\n", b"QUIT": b"221 Bye\r\n"}
GREETING, EXTENSIONS, TAKEN = b"220 sink\r\n", b"250-sink\r\n250-SIZE 10000000\r\n250 DSN\r\n", b"250 Ok: queued\r\n"


def take_everything(ready: "multiprocessing.SimpleQueue[int]") -> None:
    """Be a mail server that takes everything, one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ready.put(listening.getsockname()[1])
        while True:
            line, _ = listening.accept()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with line:
                _talk(line)


def _talk(line: socket.socket) -> None:
    line.sendall(GREETING)
    buffer, content = b"", False
    while received := line.recv(65536):
        buffer += received
        if content:
            if buffer.endswith(b"\r\n.\r\n"):
                buffer, content = b"", False
                line.sendall(TAKEN)
        elif buffer.endswith(b"\r\n"):
            verb = buffer[:4]
            content = verb == b"DATA"
            line.sendall(ANSWERS.get(verb, EXTENSIONS))
            buffer = b""


def outbox(path: Path, mails: int) -> Store:
    """The outbox after the call for dues of so many associations, with its words."""
    store = prepare(path, mails)
    engine = Engine(store, Rules(TZ), WORKFLOWS)
    engine.start_clock(datetime(2024, 11, 30, tzinfo=UTC))
    engine.tick(datetime(2024, 12, 1, 12, tzinfo=UTC))
    render_pending(store, LETTERHEAD, members_of)
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO switch (name, value) VALUES ('mail_mode', 'live')")
        connection.exec_driver_sql("UPDATE outbox_message SET status = 'captured'")
    return store


def prebuilt(store: Store, first: int, last: int) -> list[Envelope]:
    """The messages of some rows, built."""
    sql = """SELECT id, dedupe_key, instance_id, kind, event, year, recipient, language, subject, body, page
        FROM outbox_message JOIN mail_page ON digest = layout WHERE id >= ? AND id < ?"""
    composer, now = Composer(SENDER), datetime(2024, 12, 1, tzinfo=UTC)
    with store.read() as connection:
        rows = connection.exec_driver_sql(sql, (first, last)).fetchall()
    mails = [(Outgoing(*[*row[:-1], now]), str(row[-1])) for row in rows]
    return [composer.compose(replace(mail, layout=page)) for mail, page in mails]


async def send_prebuilt(port: int, envelopes: Sequence[Envelope]) -> float:
    """Seconds that prebuilt messages take on one connection."""
    async with SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="bench") as smtp:
        start = time.perf_counter()
        for envelope in envelopes:
            await smtp.sendmail(SENDER.address, [envelope.recipient], envelope.content)
        return time.perf_counter() - start


def send_by_pump(pump: Pump, first: int, last: int) -> float:
    """Seconds that a pump takes for some rows, from claim to proof."""
    with pump.store.write() as connection:
        sql = "UPDATE outbox_message SET status = 'pending' WHERE id >= ? AND id < ?"
        connection.exec_driver_sql(sql, (first, last))
    start = time.perf_counter()
    done = pump.round()
    seconds = time.perf_counter() - start
    if done != {"accepted": last - first}:
        raise RuntimeError(f"not everything was sent: {done}")
    return seconds


def measure(folder: Path, port: int, portion: int = PORTION) -> list[tuple[float, float]]:
    """Mails per second, by pairs: prebuilt, pump. Which of the two comes first changes from pair to pair."""
    store = outbox(folder / "mail.db", portion * (ROUNDS + 1))
    postman = Postman(Server("127.0.0.1", port), Composer(SENDER))
    hooks, habits = Hooks(no_longer_right=no_longer_right), Habits(live=True, max_per_minute=None)
    gc.collect()
    gc.freeze()
    rates: list[tuple[float, float]] = []
    with Pump(store, postman, hooks, habits) as pump:
        for first in range(1, 1 + portion * (ROUNDS + 1), portion):
            rates.append(_pair(pump, port, (first, first + portion), pump_first=len(rates) % 2 == 0))
    store.close()
    return rates[1:]  # the first pair warms up


def _pair(pump: Pump, port: int, rows: tuple[int, int], *, pump_first: bool) -> tuple[float, float]:
    mails, envelopes = rows[1] - rows[0], prebuilt(pump.store, *rows)
    before = mails / send_by_pump(pump, *rows) if pump_first else 0.0
    floor = mails / asyncio.run(send_prebuilt(port, envelopes))
    return floor, before or mails / send_by_pump(pump, *rows)


def main(portion: int = PORTION) -> float:
    """Measure, print, and return the pump's share of the floor: the median of the pairs."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.SimpleQueue()
    sink = spawn.Process(target=take_everything, args=(ready,), daemon=True)
    sink.start()
    with tempfile.TemporaryDirectory() as folder:
        rates = measure(Path(folder), ready.get(), portion)
    sink.terminate()
    sink.join()
    for floor, pump in rates:
        print(f"prebuilt {floor:6.0f} mails/s   relance {pump:6.0f} mails/s   {pump / floor:6.1%}")
    share = statistics.median(pump / floor for floor, pump in rates)
    print(f"median of {len(rates)} pairs: {share:.1%} (wanted: {LEAST_SHARE:.0%})")
    return share


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PORTION)
