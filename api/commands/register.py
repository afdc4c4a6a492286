"""The register in and out: import, export, and the statement of a take-over."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.frame import SETTING_UP, By, Json, add

if TYPE_CHECKING:
    from api.commands.desk import Desk
    from workflows.membership.register import ImportPlan
    from workflows.membership.register.statement import StatementRow

CANONICAL = "canonical"
CANDIDATES = "candidates"


def import_file(
    kind: Annotated[
        Literal["associations", "services", "board", "payments", "candidates"],
        typer.Argument(
            metavar="KIND", help="associations, services, board, payments or candidates.", show_default=False
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV in UTF-8, with a header.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    format: Annotated[  # noqa: A002 the option's name
        Literal["canonical", "paheko", "galette", "dolibarr", "bank-csv"], typer.Option(help="How the file is written.")
    ] = "canonical",
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Our field is that column; repeat.")
    ] = None,
    by: By = None,
) -> None:
    """Import a file, all or nothing.

    Every refused line is named with its number and reason. Importing the same file twice changes nothing; a changed
    file shows its differences, field by field, and applies them.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.shown import busy
    from api.mapping import mapped
    from engine.errors import NotAllowed
    from workflows.membership.register import apply_import

    if format != CANONICAL:
        raise NotAllowed(reason=f"--format {format} comes with the money-in issue; this version reads {CANONICAL}")
    with open_desk() as desk, mapped(file, mapping or []) as path, busy(f"Reading {file.name}"):
        if dry_run:
            plan = _rehearsed(desk, kind, path)
        else:
            with desk.acting() as work:
                plan = _planned(work, kind, path)
                apply_import(work, plan, actor(by))
    _show_plan(plan, dry_run=dry_run)


def _planned(work: Any, kind: str, path: Path) -> "ImportPlan":
    from workflows.admission.register import plan_candidates
    from workflows.membership.register import RegisterKind, plan_import

    return plan_candidates(work, path) if kind == CANDIDATES else plan_import(work, RegisterKind(kind), path)


def _rehearsed(desk: "Desk", kind: str, path: Path) -> "ImportPlan":
    """Plan an import, reading only. Raises RegisterRefused when a line is refused."""
    from workflows.membership.definition import MEMBERSHIP
    from workflows.membership.register.refusals import refuse

    with desk.engine.context.reading(MEMBERSHIP, desk.now) as work:
        plan = _planned(work, kind, path)
    refuse(plan.refused)
    return plan


def _show_plan(plan: "ImportPlan", *, dry_run: bool) -> None:
    for change in plan.changed:
        typer.echo(f"  {change.who}  {change.field}: {change.old or '(empty)'} → {change.new or '(empty)'}")
    if plan.added:
        typer.echo(f"  new: {_some(plan.added)}")
    if plan.missing:
        typer.echo(f"  not in the file, left alone: {_some(plan.missing)}")
    changed = len({change.who for change in plan.changed})
    said = f"{len(plan.added)} added, {changed} changed, {plan.unchanged} unchanged"
    typer.echo(f"{said}; nothing was written (--dry-run)" if dry_run else said)


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" … ({len(names)})" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made if need be.", show_default=False)],
) -> None:
    """Write everything as CSV.

    Five files that import again without loss, and the rest for people to read.
    """
    from api.commands.desk import open_desk
    from api.commands.shown import busy
    from workflows.admission.register import export_candidates
    from workflows.membership.register import export_register

    with open_desk() as desk, desk.reading() as connection, busy("Writing"):
        files = export_register(connection, desk.engine.rules, folder, [export_candidates(connection, desk.tz)])
    typer.echo(f"Wrote {len(files)} files into {folder}")


def takeover(
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day from which on it counts what comes next.")
    ] = None,
    json: Json = False,
) -> None:
    """Print the statement that the treasurer checks.

    Where each member stands, since when, what it owes, and what comes next for it.
    """
    from api.commands import shown
    from api.commands.desk import open_desk
    from api.commands.typed import maybe_day
    from workflows.admission.portrait import candidates
    from workflows.membership.register import takeover_statement, totals_of

    with open_desk() as desk, desk.reading() as connection:
        day = maybe_day(as_of, "--as-of") or desk.today
        rows = takeover_statement(connection, desk.engine.rules, day)
        totals, waiting = totals_of(rows), candidates(connection, "candidate")
        if json:
            members = [_row_json(row) for row in rows]
            shown.as_json({"as_of": day, "members": members, "totals": _totals_json(totals), "candidates": waiting})
        else:
            _print_statement(desk, day, rows, [f"{one.number} {one.name}" for one in waiting])


def _print_statement(desk: "Desk", day: date, rows: Sequence["StatementRow"], candidates: Sequence[str]) -> None:
    from api.commands import shown
    from workflows.membership.money import money_text
    from workflows.membership.register import totals_of

    typer.echo(f"{desk.settings.organisation.name}: statement of {day.isoformat()}\n")
    headings = ("number", "name", "state", "since", "owes", "reminded for", "sign of life", "stay", "next")
    shown.table(headings, [_cells(row) for row in rows], "The register is empty.")
    totals = totals_of(rows)
    states = ", ".join(f"{number} {state.value}" for state, number in totals.states.items() if number)
    typer.echo(f"\n{len(rows)} members: {states or 'none'}; owed in all: {money_text(totals.owed_cents)}")
    if candidates:
        typer.echo(f"{len(candidates)} waiting for the board to admit them: {_some(candidates)}")
    typer.echo("Checked on ____________ by ____________________")


def _cells(row: "StatementRow") -> tuple[object, ...]:
    from workflows.membership.money import money_text

    owed = ", ".join(f"{year}: {money_text(cents)}" for year, cents in row.owed)
    coming = None if row.next is None else f"{row.next.on.isoformat()} {row.next.trigger}"
    board = " (board)" if row.next is not None and row.next.ballot else ""
    return (
        *(row.number, row.name, row.state.value, row.state_since, owed, row.reminded_for, row.last_sign_of_life),
        *(row.hold_until, None if coming is None else coming + board),
    )


def _row_json(row: "StatementRow") -> dict[str, Any]:
    from workflows.membership.money import money_text

    coming = row.next
    return {
        "number": row.number,
        "name": row.name,
        "kind": row.kind,
        "state": row.state.value,
        "since": row.state_since,
        "owed": money_text(row.owed_cents),
        "owes": {str(year): money_text(cents) for year, cents in row.owed},
        "reminded_for": row.reminded_for,
        "last_sign_of_life": row.last_sign_of_life,
        "hold_until": row.hold_until,
        "next": None if coming is None else {"on": coming.on, "trigger": coming.trigger, "ballot": coming.ballot},
    }


def _totals_json(totals: Any) -> dict[str, Any]:
    from workflows.membership.money import money_text

    return {
        "states": {state.value: number for state, number in totals.states.items()},
        "owed": money_text(totals.owed_cents),
    }


def register(app: typer.Typer) -> None:
    """Add these commands."""
    example = "relance import associations associations.csv --dry-run"
    add(app, import_file, SETTING_UP, example, name="import")
    add(app, export, SETTING_UP, "relance export ~/copies/csv")
    add(app, takeover, SETTING_UP, "relance takeover --as-of 2025-06-15")
