"""The shapes that INTERFACE fixes, as what JSON knows: instants RFC 3339 in UTC, money as decimal text."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.outlook import Coming
    from engine.prospects import Prospect
    from engine.results import Entry, Result


def rfc3339(instant: datetime) -> str:
    """Write an instant in UTC: 2025-12-01T08:00:00Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def maybe_rfc3339(instant: datetime | None) -> str | None:
    """Write an instant that may be missing."""
    return None if instant is None else rfc3339(instant)


def maybe_iso(day: date | None) -> str | None:
    """Write a day that may be missing."""
    return None if day is None else day.isoformat()


def result_json(result: "Result") -> dict[str, Any]:
    """Return a replay's or a simulation's result (INTERFACE § 4)."""
    return {
        "ok": result.ok,
        "final": dict(result.final),
        "journal": [entry_json(entry) for entry in result.journal],
        "failures": [
            {"step": failure.step, "expected": failure.expected, "got": failure.got} for failure in result.failures
        ],
        "seconds": round(result.seconds, 3),
    }


def entry_json(entry: "Entry") -> dict[str, Any]:
    """Return one line of a journal."""
    return {
        "at": rfc3339(entry.at),
        "effective_at": rfc3339(entry.effective_at),
        "association": entry.subject,
        "trigger": entry.trigger,
        "from": entry.before,
        "to": entry.after,
        "cause": entry.cause,
        "actor": entry.actor,
        "mails": list(entry.mails),
    }
