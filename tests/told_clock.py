"""Runs `relance …` at an instant it is told: `told_clock.py INSTANT WORDS…`; each line of standard input is the next.

For real processes that live through years in a minute. Time passes in between as it does; APScheduler, the leases and
the pump follow. The event loop waits by the real clock, and the pump looks for mail twenty times a second.
"""

import sys
from threading import Event, Thread

from freezegun import freeze_time

import api.serve  # what defines models and routes comes before the clock is changed
from api.cli import main
from notifications.pump import RealTime

OFTEN = 0.05


def look_often(seconds: float, until: Event) -> None:
    """Wait as the pump does, at most so long."""
    until.wait(min(seconds, OFTEN))


def run(instant: str, *words: str) -> None:
    """Run a command; move the clock while it runs."""
    clock = freeze_time(instant, tick=True, real_asyncio=True).start()

    def listen() -> None:
        for line in sys.stdin:
            clock.move_to(line.strip())

    Thread(target=listen, daemon=True).start()
    RealTime.wait = staticmethod(look_often)  # type: ignore[method-assign]
    main(list(words), prog_name="relance")


if __name__ == "__main__":
    assert api.serve
    run(*sys.argv[1:])
