"""Explaining: the workflow drawn, the health of the whole, the database against itself."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.commands.frame import ADMINS, SEEING, add

Written = Annotated[
    Path | None,
    typer.Option("--write", metavar="FILE", help="Put it between the diagram marks of this Markdown file."),
]
Drawn = Annotated[Literal["membership", "admission"], typer.Option(help="Which one.")]
MARKS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}


def graph(write: Written = None, workflow: Drawn = "membership") -> None:
    """Draw a workflow from its own definition, as a Mermaid diagram."""
    from workflows.admission import drawing as of_admissions
    from workflows.membership import drawing as of_memberships

    diagram = (of_admissions if workflow == "admission" else of_memberships).drawn()
    if write is None:
        typer.echo(diagram, nl=False)
    else:
        _put_into(write, diagram)


def _put_into(path: Path, diagram: str) -> None:
    from engine.diagram import BEGIN, END, put_between
    from engine.errors import Invalid

    text = path.read_text(encoding="utf-8")
    changed = put_between(text, diagram)
    if changed is None:
        raise Invalid(reason=f"{path} has no {BEGIN} … {END}")
    if changed == text:
        typer.echo(f"{path} is up to date.")
        return
    path.write_text(changed, encoding="utf-8")
    typer.echo(f"The diagram in {path} is new.")


def doctor() -> None:
    """Look whether all is well: configuration, database, texts, board, mail, last run, disk.

    Exit 1 when something is broken; warnings alone are no failure.
    """
    from api.checkup import Level, examine
    from api.settings import load_settings
    from engine.clock import utc_now

    levels = []
    for sign in examine(load_settings(), utc_now()):
        mark, colour = MARKS[sign.level.value]
        typer.echo(f"{typer.style(mark, fg=colour)} {sign.name:18} {sign.text}")
        levels.append(sign.level)
    number = levels.count(Level.BROKEN)
    if number:
        _fail(f"{number} thing{'s are' if number > 1 else ' is'} broken")
    warnings = levels.count(Level.WARNING)
    typer.echo(f"Nothing is broken; {warnings or 'no'} warning{'s' if warnings != 1 else ''}.")


def verify() -> None:
    """Check the database against itself: journal and states, votes and counts, payments and dues.

    Exit 1 when something does not agree; each discrepancy is named, nothing is mended.
    """
    from api.commands.desk import open_desk
    from api.commands.shown import busy
    from engine.audit import audit, unknown_definitions
    from workflows import WORKFLOWS
    from workflows.admission.audit import audit as audit_admissions
    from workflows.membership.audit import audit as audit_money
    from workflows.membership.definition import MEMBERSHIP

    with open_desk() as desk, desk.reading() as connection:
        with busy("Checking"):
            found = [*unknown_definitions(connection, WORKFLOWS)]
            for flow in WORKFLOWS:
                found += audit(connection, flow)
            found += [*audit_money(connection, MEMBERSHIP), *audit_admissions(connection)]
        sql = "SELECT count(*) FROM workflow_instance WHERE workflow = ?"
        number = connection.exec_driver_sql(sql, (MEMBERSHIP.name,)).scalar_one()
        lines = connection.exec_driver_sql("SELECT count(*) FROM journal_entry").scalar_one()
    for finding in found:
        typer.secho(str(finding), fg="red")
    if found:
        _fail(f"{len(found)} discrepanc{'ies' if len(found) > 1 else 'y'}")
    typer.echo(f"ok, {number} members and {lines} lines of journal agree with each other")


def _fail(line: str) -> None:
    typer.echo(f"relance: {line}", err=True)
    raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    add(app, graph, SEEING, "relance graph --write README.md")
    add(app, doctor, ADMINS, "relance doctor")
    add(app, verify, ADMINS, "relance verify")
