"""Runs `relance …` at an instant it is told: `told_clock.py INSTANT WORDS…`, for processes that live through years.

A server is told the next instant by each line of its standard input; in between its time passes as it does.
APScheduler, the leases and the pump follow that clock, while threads and the event loop wait by the real one; the pump
looks for mail twenty times a second.
"""

import sys
from datetime import datetime
from threading import Event, Thread

import engine.clock
from api.cli import main

OFTEN = 0.05


def run(instant: str, *words: str) -> None:
    """Run a command."""
    if words[0] == "serve":
        _serve_from(instant)
    else:
        now = datetime.fromisoformat(instant)
        engine.clock.utc_now = lambda: now
    main(list(words), prog_name="relance")


def _serve_from(instant: str) -> None:
    """Change every clock of this process, and listen for the time."""
    from freezegun import freeze_time

    import api.serve  # noqa: F401 what defines models comes before the clock is changed
    from notifications.pump import RealTime

    clock = freeze_time(datetime.fromisoformat(instant), tick=True, real_asyncio=True).start()

    def listen() -> None:
        for line in sys.stdin:
            clock.move_to(datetime.fromisoformat(line.strip()))

    Thread(target=listen, daemon=True).start()
    RealTime.wait = staticmethod(_wait)  # type: ignore[method-assign]


def _wait(seconds: float, until: Event) -> None:
    """Wait as the pump does, but not for long."""
    until.wait(min(seconds, OFTEN))


if __name__ == "__main__":
    run(*sys.argv[1:])
