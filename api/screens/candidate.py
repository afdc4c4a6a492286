"""`relance candidate show`: one application, for people and as JSON."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from api.screens.portrait import INDENT, heading, indented, line_of_history, prospect_ahead, reached_at
from api.shapes import line_json, maybe_iso, prospect_json, rfc3339
from workflows.admission.definition import LABELS
from workflows.admission.facts import COLUMNS
from workflows.admission.words import State

if TYPE_CHECKING:
    from workflows.admission.portrait import Portrait

COLOURS = {State.CANDIDATE: "cyan", State.ADMITTED: "green", State.REFUSED: "red", State.WITHDRAWN: "bright_black"}


def show(portrait: "Portrait", now: datetime, tz: ZoneInfo) -> None:
    """Print who asks for what, where it stands, what comes next, its history."""
    candidate, row = portrait.candidate, portrait.candidate.row
    state = State(candidate.state)
    typer.secho(f"{candidate.subject}  {row['name']}", bold=True)
    presented = f", presented by {row['presented_by']}" if row["presented_by"] else ""
    typer.echo(f"{row['kind']}, applied on {row['applied_on']}{presented}")
    typer.secho(f"{state.value} · {LABELS[state]}", fg=COLOURS[state], bold=True)
    indented("Asks", [f"{kind} {identifier}" for kind, identifier in candidate.services] or ["no service"])
    indented("Reach", reached_at(row))
    indented("Note", [row["note"]] if row["note"] else [])
    if row["conditions"]:
        typer.echo(f"Conditions: {row['conditions']}")
    if portrait.member:
        typer.echo(f"Its membership: relance show {candidate.subject}")
    heading("What comes next, as things stand today")
    for prospect in portrait.ahead:
        prospect_ahead(prospect, now, tz)
    if not portrait.ahead:
        typer.echo(f"{INDENT}nothing")
    heading("History")
    for line in portrait.lines:
        line_of_history(line, tz)


def candidate_json(portrait: "Portrait") -> dict[str, Any]:
    """Return one candidate: its application, where it stands, what comes next, its journal."""
    candidate, row = portrait.candidate, portrait.candidate.row
    shown = {name: row[name] for name in COLUMNS if name not in {"themes", "services", "put_off_until"}}
    return {
        "number": candidate.subject,
        **shown,
        "themes": [theme for theme in row["themes"].split("|") if theme],
        "services": [{"kind": kind, "identifier": identifier} for kind, identifier in candidate.services],
        "put_off_until": maybe_iso(candidate.put_off_until),
        "state": candidate.state,
        "since": rfc3339(candidate.since),
        "member": portrait.member,
        "tasks": sorted({kind for kind, _ in candidate.tasks}),
        "next": [prospect_json(prospect) for prospect in portrait.ahead],
        "journal": [line_json(candidate.subject, line) for line in portrait.lines if line.acted],
        "no": [line_json(candidate.subject, line) for line in portrait.lines if not line.acted],
    }
