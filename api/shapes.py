"""The shapes that INTERFACE fixes, as what JSON knows: instants RFC 3339 in UTC, money as decimal text."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from workflows.membership.money import money_text

if TYPE_CHECKING:
    from engine.history import Line
    from engine.outlook import Coming
    from engine.prospects import Prospect
    from engine.results import Entry, Result
    from workflows.membership.facts import DueFacts
    from workflows.membership.portrait import Portrait


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


def coming_json(coming: "Coming") -> dict[str, Any]:
    """Return an occurrence of the calendar (INTERFACE § 3), with whom it touches and what prevents it."""
    return {
        "event": coming.event,
        "year": coming.year,
        "at": rfc3339(coming.at),
        "until": maybe_rfc3339(coming.until),
        "status": coming.status.value,
        "touches": coming.touches,
        "names": list(coming.names),
        "prevents": list(coming.prevents),
        "what": coming.what,
    }


def prospect_json(prospect: "Prospect") -> dict[str, Any]:
    """Return what comes for one association."""
    return {
        "kind": prospect.kind.value,
        "event": prospect.event,
        "year": prospect.year,
        "at": rfc3339(prospect.at),
        "until": maybe_rfc3339(prospect.until),
        "happens": prospect.happens,
        "to": prospect.to,
        "mails": list(prospect.mails),
        "conditions": list(prospect.conditions),
        "blockers": list(prospect.blockers),
        "what": prospect.what,
    }


REGISTER = (
    *("name", "kind", "joined_on", "left_on", "contact_name", "contact_role", "email", "treasurer_name"),
    *("treasurer_email", "phone", "address", "postcode", "city", "region", "country", "language"),
)
"""Columns of the register that are shown as they stand."""


def portrait_json(portrait: "Portrait") -> dict[str, Any]:
    """Return one association: where it stands, why, what comes next, its journal and what was answered with no."""
    member, register = portrait.member, portrait.register
    return {
        "number": member.subject,
        **{name: register[name] for name in REGISTER},
        "themes": [theme for theme in register["themes"].split("|") if theme],
        "state": member.state,
        "since": rfc3339(member.since),
        "owed": money_text(sum(cents for _, cents in member.owed())),
        "credit": money_text(member.credit),
        "hold_until": maybe_iso(member.hold_until),
        "hold_reason": register["hold_reason"],
        "unreachable": member.unreachable_since is not None,
        "last_sign_of_life": maybe_iso(member.last_sign_of_life()),
        "concerned": list(member.concerned),
        "cut_at": maybe_rfc3339(member.cut_at),
        "dues": [_due_json(year, due) for year, due in sorted(member.dues.items())],
        "services": [{"kind": kind, "identifier": identifier} for kind, identifier in portrait.services],
        "tasks": sorted({kind for kind, _ in member.tasks}),
        "why": portrait.why,
        "next": [prospect_json(prospect) for prospect in portrait.ahead],
        "journal": [line_json(member.subject, line) for line in portrait.lines if line.acted],
        "no": [line_json(member.subject, line) for line in portrait.lines if not line.acted],
    }


def _due_json(year: int, due: "DueFacts") -> dict[str, Any]:
    return {
        "year": year,
        "amount": money_text(due.amount),
        "settled": money_text(due.settled),
        "unpaid": money_text(due.unpaid),
        "called_at": maybe_rfc3339(due.called_at),
    }


def line_json(subject: str, line: "Line") -> dict[str, Any]:
    """Return one line of the history of an instance."""
    return {
        "at": rfc3339(line.at),
        "effective_at": rfc3339(line.effective_at),
        "association": subject,
        "trigger": line.trigger,
        "from": line.before,
        "to": line.after,
        "cause": line.cause,
        "actor": line.actor,
        "reason": line.reason,
        "mails": list(line.mails),
    }
