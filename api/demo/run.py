"""`relance demo`: the service on the fictional register, in one process, until Ctrl-C.

There is no pump, no scheduler and no mail server in it: nothing falls due while the date stands still, and what is
written is accepted by the demo's own letter box.
"""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI

from api import logs
from api.app import create_app, under_prefix
from api.demo import pages, routes
from api.demo.guide import DEFAULT_PORT, Place, guide
from api.demo.passing import Passing
from api.demo.tokens import hand_out
from api.demo.town import moved_in
from api.demo.words import Language
from api.deps import House
from api.serve import address_of, answer, listen
from engine.errors import NotAllowed

PORTS = range(DEFAULT_PORT, DEFAULT_PORT + 20)
LOG = "demo.log"


class Always:
    """Who schedules in a demo: whoever moves its clock."""

    @staticmethod
    def on_duty() -> bool:
        """Nobody else does."""
        return True

    @staticmethod
    def holder() -> str:
        """Return who does."""
        return "demo"

    @staticmethod
    def pump_alive() -> bool:
        """What leaves arrives at once."""
        return True


@dataclass(frozen=True, slots=True)
class Wish:
    """How a demo is wanted: no folder: one that is gone afterwards; no port: the next that is free.

    `relance`: how it is typed in the terminal that asks.
    """

    folder: Path | None
    host: str
    port: int | None
    relance: str
    language: Language


def demo(wish: Wish, said: Callable[[str], object]) -> None:
    """Run a demo until it is stopped. Raises NotAllowed where the port or the folder is taken."""
    with (
        _listening(wish.host, wish.port) as listening,
        _place(wish.folder) as folder,
        moved_in(folder, address_of(listening)) as (settings, engine),
        (folder / LOG).open("a", encoding="utf-8") as log,
    ):
        logs.configure(stream=log)
        house = House(settings, engine, clock=engine.upto, duty=Always())
        with engine.store.write() as connection:
            hand_out(connection, house.clock())
        place = Place(address_of(listening), folder, wish.folder is not None, wish.relance)
        text = guide(place, house.clock(), engine.rules.tz, wish.language)
        answer(app_of(house), house, listening, lambda: said(text))


def app_of(house: House) -> FastAPI:
    """Build the API with what only a demo has."""
    app = create_app(house.settings, house=house, forms=pages.FORMS)
    app.state.passing = Passing(house.engine)
    app.include_router(under_prefix(routes.router))
    app.include_router(pages.router)
    return app


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """Give the folder that was named, or one that is gone afterwards."""
    if folder is not None:
        yield folder.absolute()
        return
    with TemporaryDirectory(prefix="relance-demo-") as made:
        yield Path(made)


def _listening(host: str, port: int | None) -> socket.socket:
    """Take the port asked for, else the next one that is free. Raises NotAllowed."""
    for number in PORTS if port is None else (port,):
        try:
            return listen(host, number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    taken = f"port {port} is" if port is not None else f"ports {PORTS[0]} to {PORTS[-1]} are"
    raise NotAllowed(reason=f"{taken} taken: name another one, relance demo --port 8080")
