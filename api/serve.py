"""`relance serve`: the API, the scheduler and the outbox in one process, until SIGTERM."""

import gc
import signal
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from api import logs
from api.announcing import PATIENCE, announce, criers_of, hooks_of
from api.app import create_app
from api.demo.mark import refuse_demo
from api.deps import House, Pump
from api.duty import LEASE, Watch
from api.mailroom import Sending, pump_of
from api.settings import Settings
from api.troubles import During
from api.wiring import engine_of
from engine.clock import utc_now
from engine.engine import Engine
from engine.faults import DatabaseFault
from engine.migrate import migrate
from notifications.announcing import Crier
from notifications.pump import Hindered
from notifications.webhooks import Hook

BACKLOG = 2048
GRACE = 5
"""Seconds that requests under way have left after SIGTERM."""


class Server(uvicorn.Server):
    """Uvicorn, telling the house that it stops: whoever follows events is let go."""

    def __init__(self, config: uvicorn.Config, house: House) -> None:
        """Take a configuration."""
        super().__init__(config)
        self.house = house

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop."""
        self.house.stopping.set()
        super().handle_exit(sig, frame)


def serve(
    settings: Settings,
    host: str,
    port: int,
    lease: timedelta = LEASE,
    said: Callable[[str], object] = print,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises BadConfiguration, OSError where the port is taken, DatabaseFault for what does not pass.
    """
    hooks = hooks_of(settings)
    logs.configure()
    engine = engine_of(settings)
    try:
        house = House(settings, engine)
        prepared = _prepare(house)
        with listen(host, port) as listening:
            watch = Watch(
                *(house, lambda: sending_of(house, hooks), lease),
                prepare=None if prepared else lambda: _open(settings, engine),
            )
            _run(house, watch, listening, said)
    finally:
        engine.store.close()


def _open(settings: Settings, engine: Engine) -> None:
    """Bring the database up to date, listen for the webhooks, and begin to count time.

    Raises what a database of the demo is refused with.
    """
    refuse_demo(engine.store, "`relance demo --folder` goes on with it")
    migrate(engine.store)
    announce(settings, engine, utc_now())
    engine.start_clock(utc_now())


def _prepare(house: House) -> bool:
    """Open the database. False: it cannot be used for now, and the watch tries again. Raises DatabaseFault."""
    try:
        _open(house.settings, house.engine)
    except DatabaseFault as fault:
        if not fault.may_pass:
            raise
        house.troubles.meet(During.START, fault, house.clock())
        return False
    return True


def _run(house: House, watch: Watch, listening: socket.socket, said: Callable[[str], object]) -> None:
    house.duty = watch
    app = create_app(house.settings, house=house)
    watch.start()
    try:
        answer(
            app, house, listening, lambda: said(f"Relance answers on {address_of(listening)} (documentation: /docs)")
        )
    finally:
        watch.stop()
        structlog.get_logger("serve").info("stopped")


def answer(app: FastAPI, house: House, listening: socket.socket, ready: Callable[[], object]) -> None:
    """Answer requests until SIGTERM or SIGINT; `ready` is called just before."""
    server = Server(config_of(app), house)
    stop_quietly()
    ready()
    gc.collect()
    gc.freeze()
    server.run(sockets=[listening])


def config_of(app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves."""
    return uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE, server_header=False)


def stop_quietly() -> None:
    """Uvicorn raises the signal again once it has stopped: the rest has still to be put away."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)


def listen(host: str, port: int) -> socket.socket:
    """Take the port, or say that it is taken. Raises OSError.

    Its protocol is named: asyncio switches Nagle's delay off only where it is, and else each answer would wait 40 ms.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def address_of(listening: socket.socket) -> str:
    """Return where a socket is reached, as a browser wants it."""
    name, port = listening.getsockname()[:2]
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def sending_of(house: House, hooks: Sequence[Hook] = ()) -> Pump:
    """Return what lets leave while this process is on duty: the outbox, and what the webhooks are told."""
    sending = Sending(pump_of(house.settings, house.engine, _hindered(house, During.OUTBOX)))
    if not hooks:
        return sending
    return Leaving(sending, criers_of(house.settings, house.engine, hooks, _hindered(house, During.WEBHOOKS)))


def _hindered(house: House, during: During) -> Hindered:
    """Return what hears of the database's faults, and of their end, while something is sent."""

    def hindered(fault: DatabaseFault | None) -> None:
        if fault is None:
            house.troubles.over(during)
        else:
            house.troubles.meet(during, fault, house.clock())

    return hindered


class Leaving:
    """The outbox and the webhooks, started and stopped together."""

    def __init__(self, sending: Sending, criers: Sequence[Crier]) -> None:
        self.sending, self.criers = sending, criers

    def start(self) -> None:
        """Begin."""
        self.sending.start()
        for crier in self.criers:
            crier.start()

    def stop(self) -> None:
        """End; what is on its way to a webhook may still be answered for a moment, else it is told again."""
        for crier in self.criers:
            crier.stop()
        self.sending.stop()
        for crier in self.criers:
            crier.join(PATIENCE)

    def alive(self) -> bool:
        """Whether all of them work."""
        return self.sending.alive() and all(crier.alive() for crier in self.criers)
