"""The board's seats: who votes when."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from engine.store import maybe_day

_SEATS = "SELECT name, person, email, role, from_on, until_on, interests FROM seat ORDER BY id"


@dataclass(frozen=True, slots=True)
class SeatFacts:
    """A seat and who holds it."""

    name: str
    person: str
    email: str
    role: str
    from_on: date | None
    until_on: date | None
    interests: tuple[str, ...] = ()
    """Subjects it has declared to belong to."""


def seats(connection: Connection) -> list[SeatFacts]:
    """All seats, past and present, in the order they were entered."""
    rows = connection.exec_driver_sql(_SEATS)
    return [
        SeatFacts(
            *(row[0], row[1], row[2], row[3], maybe_day(row[4]), maybe_day(row[5])),
            tuple(filter(None, (row[6] or "").split("|"))),
        )
        for row in rows
    ]


def seats_in_office(connection: Connection, day: date) -> list[SeatFacts]:
    """Seats in office on a day."""
    return [
        seat
        for seat in seats(connection)
        if (seat.from_on is None or seat.from_on <= day) and (seat.until_on is None or day <= seat.until_on)
    ]
