"""Seconds for the calls for dues of the fictional register: words and files into the outbox, and as one file.

    .venv/bin/python -m tests.benchmarks.documents

139 associations and 13 persons are called on 1 December; chair and treasurer of each get their mail, with the same
file. The 139 calls alone are what the issue counts.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from api.addressees import letterhead_of, members_of
from api.calls import calls_as_one_file
from api.settings import settings_from_mapping
from api.wiring import rules_of
from engine.engine import Engine
from engine.store import Store
from notifications.enclosures import Enclosures
from notifications.outbox import render_pending
from workflows import WORKFLOWS
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.takeover import NewMember, enter_all
from workflows.membership.words import State, Trigger

CALLS = 139
MOST_SECONDS = 5.0
START = datetime(2025, 11, 30, 8, tzinfo=UTC)
CALLED = datetime(2025, 12, 1, 9, tzinfo=UTC)
SETTINGS = {
    "organisation.name": "Le PIC",
    "organisation.city": "Ramonville",
    "organisation.iban": "FR7630006000011234567890189",
    "organisation.account_holder": "Le PIC",
}


def called(folder: Path) -> tuple[Engine, dict[str, str]]:
    """Return an engine whose 139 associations have just been called, two addresses each."""
    given = SETTINGS | {"database.url": f"sqlite:///{folder / 'calls.db'}"}
    store = Store(given["database.url"])
    store.create_tables()
    engine = Engine(store, rules_of(settings_from_mapping(given)), WORKFLOWS)
    engine.start_clock(START)
    with engine.context.work(MEMBERSHIP, START, START) as work:
        for number in range(1, CALLS + 1):
            row = {
                "name": f"Les Amis du Pic n° {number}",
                "kind": "association",
                "joined_on": START.date(),
                "address": f"{number} rue de l’Église",
                "postcode": "31520",
                "city": "Ramonville",
                "email": f"contact@a{number}.example",
                "treasurer_email": f"tresor@a{number}.example",
            }
            enter_all(work, [NewMember(f"A{number:04}", row, State.PAID, None, ())], Trigger.IMPORT)
    engine.tick(CALLED)
    return engine, given


def main() -> tuple[float, float]:
    """Measure and print: into the outbox, and as one file."""
    with TemporaryDirectory(prefix="relance-bench-") as folder:
        engine, given = called(Path(folder))
        settings = settings_from_mapping(given)
        letterhead = letterhead_of(settings)
        start, processor = time.perf_counter(), time.process_time()
        written = render_pending(engine.store, letterhead, members_of, enclosures=Enclosures(letterhead))
        outbox, processor = time.perf_counter() - start, time.process_time() - processor
        start = time.perf_counter()
        with engine.store.read() as connection:
            printed = calls_as_one_file(connection, settings, 2026, CALLED, everybody=True)
        one_file = time.perf_counter() - start
        engine.store.close()
    if (written, printed.number) != (2 * CALLS, CALLS):
        raise RuntimeError(f"not everybody was called: {written} mails, {printed.number} calls")
    into = f"{CALLS} calls for dues into the outbox, {written} mails"
    print(f"{into:50} {outbox:5.2f} s   (wanted: {MOST_SECONDS} s; {processor:.2f} s of one processor)")
    whole = f"{CALLS} calls for dues as one file, {len(printed.content) / 1e6:.1f} MB"
    print(f"{whole:50} {one_file:5.2f} s")
    return outbox, one_file


if __name__ == "__main__":
    main()
