"""Money through time: what came in, and what was owed at each of some instants. Reading only, integer cents."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import TypeAlias

from sqlalchemy import Connection

from engine.store import instant_of

_IN = "SELECT booked_at, amount_cents FROM payment"
_OUT = "SELECT reversed_at, -amount_cents FROM payment WHERE reversed_at IS NOT NULL"
_CALLED = "SELECT called_at, association_id, year, amount_cents FROM due WHERE called_at IS NOT NULL"
_SETTLED = "SELECT at, association_id, year, -amount_cents FROM ledger_entry WHERE year IS NOT NULL"
Change: TypeAlias = tuple[str, int, int, int, bool]


@dataclass(frozen=True, slots=True)
class Money:
    """At an instant: what came in since the instant before, what is owed."""

    received: int
    owed: int


def money_at(connection: Connection, instants: Sequence[datetime]) -> list[Money]:
    """Return, for each of these instants in order, what came in since the one before and what was owed then.

    The first counts from the beginning of the books; a payment that is undone counts when it is.
    """
    received = _sums(connection, instants)
    owed = _owed(connection, instants)
    return [Money(came, stood) for came, stood in zip(received, owed, strict=True)]


def _sums(connection: Connection, instants: Sequence[datetime]) -> Iterator[int]:
    rows = sorted((row[0], row[1]) for sql in (_IN, _OUT) for row in connection.exec_driver_sql(sql))
    found = iter([*rows, None])
    row = next(found)
    for instant in instants:
        total = 0
        while row is not None and instant_of(row[0]) <= instant:
            total += row[1]
            row = next(found)
        yield total


def _owed(connection: Connection, instants: Sequence[datetime]) -> Iterator[int]:
    """Sweep through calls and settlements: only what was called is owed, and never less than nothing."""
    changes = iter([*_changes(connection), None])
    change = next(changes)
    called: set[tuple[int, int]] = set()
    open_cents: dict[tuple[int, int], int] = {}
    for instant in instants:
        while change is not None and instant_of(change[0]) <= instant:
            _, member, year, cents, is_call = change
            open_cents[member, year] = open_cents.get((member, year), 0) + cents
            if is_call:
                called.add((member, year))
            change = next(changes)
        yield sum(max(0, open_cents[due]) for due in called)


def _changes(connection: Connection) -> Iterable[Change]:
    rows: list[Change] = []
    for sql, is_call in ((_SETTLED, False), (_CALLED, True)):
        rows += [(row[0], row[1], row[2], row[3], is_call) for row in connection.exec_driver_sql(sql)]
    return sorted(rows, key=itemgetter(0))
