"""What happened, told in lines: the same thing to many is one line."""

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from api.commands.shown import local

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.listings import Happening

WAIVER = "waiver"
"""Takes the arrow of a payment, and is none."""


def tell(connection: "Connection", mark: int, tz: ZoneInfo) -> int:
    """Print what the journal says since a line. Returns how many lines that made."""
    from engine.listings import happenings

    found = happenings(connection, mark)
    for happening in found:
        typer.echo(line_of(happening, tz))
    return len(found)


def line_of(happening: "Happening", tz: ZoneInfo) -> str:
    """Write one line: when, what, to whom, and what leaves."""
    what = happening.cause if happening.cause == WAIVER else happening.trigger
    parts = [local(happening.effective_at, tz), what, _move(happening), _whom(happening)]
    if happening.mails:
        parts.append(f"mail: {', '.join(happening.mails)}")
    return "  ".join(filter(None, parts))


def _move(happening: "Happening") -> str:
    """Write the move; where nothing moved, why not or what was noted."""
    before, after, reason = happening.before, happening.after, happening.reason
    if not happening.acted:
        return reason if reason.startswith("ballot") else f"no: {reason}"
    moved = f"stays {after}" if before == after else f"{before} → {after}" if before else after
    return f"{moved} ({reason})" if reason else moved


def _whom(happening: "Happening") -> str:
    if happening.number == 1:
        return happening.subjects[0]
    more = "" if happening.number == len(happening.subjects) else ", …"
    return f"{happening.number}: {', '.join(happening.subjects)}{more}"


def happening_json(happening: "Happening") -> dict[str, Any]:
    """Return what JSON says of one line."""
    return {
        "effective_at": happening.effective_at,
        "trigger": happening.trigger,
        "cause": happening.cause,
        "from": happening.before,
        "to": happening.after,
        "acted": happening.acted,
        "reason": happening.reason,
        "mails": happening.mails,
        "number": happening.number,
        "associations": happening.subjects,
    }
