"""The history of one instance: what happened, and what was asked and answered with « no ». Reading only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.store import instant_of

_HISTORY = """SELECT at, effective_at, trigger, from_state, to_state, acted, cause, actor, reason, mails
    FROM journal_entry WHERE instance_id = ? ORDER BY id"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal. `acted` false: it was asked, and the answer was no."""

    at: datetime
    effective_at: datetime
    trigger: str
    before: str | None
    after: str
    acted: bool
    cause: str
    actor: str
    reason: str
    mails: tuple[str, ...]

    @property
    def moved(self) -> bool:
        """Whether it changed the state (the first line did)."""
        return self.acted and self.before != self.after


def history(connection: Connection, instance_id: int) -> list[Line]:
    """Return the whole history of an instance, oldest first."""
    return [
        Line(
            *(instant_of(row[0]), instant_of(row[1]), row[2], row[3], row[4], bool(row[5])),
            *(row[6], row[7], row[8], tuple(filter(None, row[9].split("|")))),
        )
        for row in connection.exec_driver_sql(_HISTORY, (instance_id,))
    ]


def last_move(lines: list[Line]) -> Line | None:
    """Return the line that brought the instance where it is."""
    return next((line for line in reversed(lines) if line.moved), None)
