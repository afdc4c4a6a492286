"""Reading: who is where, what comes next, one association and why."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.frame import SEEING, Json, Number, add

if TYPE_CHECKING:
    from api.commands.desk import Desk
    from engine.outlook import Coming

Names = Annotated[bool, typer.Option("--names", help="Name whom each would touch: a dry run.")]


def status(as_json: Json = False) -> None:
    """Count who is where."""
    from api.commands.desk import open_desk
    from api.screens.standing import show
    from api.standing import standing_of

    with open_desk() as desk:
        standing = standing_of(desk.engine, desk.settings, desk.now)
        if as_json:
            _print(standing.as_json())
        else:
            show(standing, desk.now, desk.tz)


def next_(names: Names = False, as_json: Json = False) -> None:
    """Tell what comes next: yearly steps, agendas, meetings, deletions.

    Each with its date, how many it would touch as things stand today, and what would prevent it. Nothing is run.
    """
    from api.commands import shown
    from api.commands.desk import open_desk
    from api.screens.outlook import show
    from api.standing import standing_of

    with open_desk() as desk:
        with shown.busy("Asking everybody"):
            found = _coming(desk)
        if as_json:
            _print([_coming_json(coming) for coming in found])
        else:
            unproven = standing_of(desk.engine, desk.settings, desk.now).unproven
            show(found, desk.now, desk.tz, names=names, unproven=unproven)


def _coming(desk: "Desk") -> "list[Coming]":
    from engine.outlook import horizon, outlook
    from workflows.membership.definition import MEMBERSHIP
    from workflows.membership.portrait import deletions

    with desk.engine.context.reading(MEMBERSHIP, desk.now) as work:
        found = [*outlook(work, desk.now, horizon(desk.now)), *deletions(work)]
    return sorted(found, key=lambda coming: coming.at)


def _coming_json(coming: "Coming") -> dict[str, Any]:
    from api.shapes import coming_json

    return coming_json(coming)


def show(number: Number, as_json: Json = False) -> None:
    """Show one association: where it is, why, what comes next and what would prevent it, its history."""
    from api.commands.candidates import tell_candidate
    from api.commands.desk import open_desk
    from api.screens.portrait import show as show_portrait
    from api.shapes import portrait_json
    from workflows.admission.portrait import is_only_candidate
    from workflows.membership.definition import MEMBERSHIP
    from workflows.membership.portrait import portrait

    with open_desk() as desk:
        with desk.reading() as connection:
            not_yet = is_only_candidate(connection, number)
        if not_yet:
            tell_candidate(desk, number, as_json=as_json)
            return
        with desk.engine.context.reading(MEMBERSHIP, desk.now) as work:
            found = portrait(work, number)
        if as_json:
            _print(portrait_json(found))
        else:
            show_portrait(found, desk.now, desk.tz)


def _print(value: Any) -> None:
    """Print JSON whose keys are always there, null where nothing is known."""
    import json

    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def register(app: typer.Typer) -> None:
    """Add these commands."""
    add(app, status, SEEING, "relance status")
    add(app, next_, SEEING, "relance next --names", name="next")
    add(app, show, SEEING, "relance show A0042")
