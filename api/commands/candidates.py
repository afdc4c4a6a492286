"""Candidates: who asks to become a member; the board answers `admit` like any other question."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.frame import BOARD, By, Json, On, Reason, add, add_group
from api.commands.people import checked, code_of, service_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.commands.desk import Desk
    from engine.work import Work
    from workflows.admission.facts import Applicant

State = Literal["candidate", "admitted", "refused", "withdrawn"]
Kind = Literal["association", "person"]
Language = Literal["fr", "en"]
CandidateNumber = Annotated[str, typer.Argument(metavar="NUMBER", help="The candidate's number.", show_default=False)]
Text = Annotated[str | None, typer.Option(metavar="TEXT")]
Wanted = Annotated[
    list[str] | None, typer.Option("--service", metavar="KIND:IDENTIFIER", help="What it asks for; repeat.")
]
Presenter = Annotated[
    str | None, typer.Option("--presented-by", metavar="WHO", help="A seat, or a member's number: who presents it.")
]
Conditions = Annotated[str | None, typer.Option(metavar="TEXT", help="On which the board would admit it.")]
Theme = Annotated[list[str] | None, typer.Option(help="What it is about; repeat.")]


def candidate(
    ctx: typer.Context,
    state: Annotated[State | None, typer.Option(help="Only these.")] = None,
    json: Json = False,
) -> None:
    """List candidates, those that were answered too; `add`, `show`, `change` and `withdraw` are about one."""
    if ctx.invoked_subcommand is not None:
        return
    from api.commands import shown
    from api.commands.desk import open_desk
    from workflows.admission.portrait import candidates

    with open_desk() as desk, desk.reading() as connection:
        found = candidates(connection, state)
        if json:
            shown.as_json(found)
            return
        headings = ("number", "name", "kind", "state", "since", "presented by", "put off", "conditions")
        rows = [
            (
                *(line.number, line.name, line.kind, line.state, f"{line.since.astimezone(desk.tz):%Y-%m-%d}"),
                *(line.presented_by, line.put_off_until, line.conditions),
            )
            for line in found
        ]
        shown.table(headings, rows, "No candidate.")


def show(number: CandidateNumber, json: Json = False) -> None:
    """Show one candidate: what it asks for, where it stands, what comes next, its history."""
    from api.commands.desk import open_desk

    with open_desk() as desk:
        tell_candidate(desk, number, as_json=json)


def tell_candidate(desk: "Desk", number: str, *, as_json: bool) -> None:
    """Print one candidate. Raises UnknownCandidate."""
    import json

    from api.screens import candidate as screen
    from workflows.admission.definition import ADMISSION
    from workflows.admission.portrait import portrait

    with desk.engine.context.reading(ADMISSION, desk.now) as work:
        found = portrait(work, number)
    if as_json:
        typer.echo(json.dumps(screen.candidate_json(found), ensure_ascii=False, indent=2))
    else:
        screen.show(found, desk.now, desk.tz)


def add_candidate(
    name: Annotated[str, typer.Option(help="Its name.")],
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="Its number (default: the next one).")] = None,
    kind: Annotated[Kind, typer.Option(help="Who it is.")] = "association",
    email: Text = None,
    contact_name: Text = None,
    contact_role: Text = None,
    treasurer_email: Text = None,
    treasurer_name: Text = None,
    phone: Text = None,
    address: Text = None,
    postcode: Text = None,
    city: Text = None,
    language: Annotated[Language | None, typer.Option(help="Of its mails (default: ours).")] = None,
    theme: Theme = None,
    service: Wanted = None,
    presented_by: Presenter = None,
    note: Text = None,
    conditions: Conditions = None,
    on: On = None,
    by: By = None,
) -> None:
    """Enter a candidate.

    It is told that its application arrived, and the agenda of the next meeting carries it.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.typed import past_day, said
    from workflows.admission import applications
    from workflows.admission.words import NAME

    typed = {key: value for key, value in locals().items() if key in TYPED}
    with open_desk() as desk:
        own_language = desk.settings.organisation.language.value
        fields = {"language": own_language} | _fields(typed, theme, service) | {"name": said(name, "--name")}
        fields["applied_on"] = past_day(on, "--on", desk.today).isoformat()
        code = None if number is None else code_of(number)
        with desk.acting() as work:
            own = work.of(NAME)
            applications.apply(own, code, fields, actor(by))
            own.write()
        desk.tell()


TYPED = frozenset(
    {
        *("name", "kind", "email", "contact_name", "contact_role", "treasurer_email", "treasurer_name", "phone"),
        *("address", "postcode", "city", "language", "presented_by", "note", "conditions"),
    }
)
"""Options that are fields of the application, by their own name."""


def _fields(typed: dict[str, Any], themes: list[str] | None, services: list[str] | None) -> dict[str, object]:
    """Check what was typed as the register's files are. Raises Invalid naming the option."""
    from workflows.admission.facts import services_text
    from workflows.membership.register.cells import as_email

    fields: dict[str, object] = {name: value for name, value in typed.items() if value is not None}
    for name in ("email", "treasurer_email"):
        if fields.get(name):
            fields[name] = checked(f"--{name.replace('_', '-')}", as_email, str(fields[name]))
    if themes is not None:
        fields["themes"] = "|".join(filter(None, themes))
    if services is not None:
        fields["services"] = services_text([service_of(text) for text in services if text])
    return fields


def change(
    number: CandidateNumber,
    name: Text = None,
    kind: Annotated[Kind | None, typer.Option(help="Who it is.")] = None,
    email: Text = None,
    contact_name: Text = None,
    contact_role: Text = None,
    treasurer_email: Text = None,
    treasurer_name: Text = None,
    phone: Text = None,
    address: Text = None,
    postcode: Text = None,
    city: Text = None,
    language: Annotated[Language | None, typer.Option(help="Of its mails.")] = None,
    theme: Theme = None,
    service: Wanted = None,
    presented_by: Presenter = None,
    note: Text = None,
    conditions: Conditions = None,
    by: By = None,
) -> None:
    """Change an application that the board has not answered yet.

    What is not named stays; an empty text takes it away.
    """
    from workflows.admission.applications import change as write_down

    typed = {key: value for key, value in locals().items() if key in TYPED}
    fields = _fields(typed, theme, service)
    _on_candidate(number, by, lambda work, found, who: write_down(work, found, fields, who))


def withdraw(number: CandidateNumber, on: On = None, reason: Reason = "", by: By = None) -> None:
    """Record that a candidate withdraws.

    The board is no longer asked. Once it has answered, a member leaves instead.
    """
    from api.commands.typed import past_day
    from workflows.admission.applications import withdraw as write_down

    def act(work: "Work", found: "Applicant", who: str) -> None:
        write_down(work, found, past_day(on, "--on", work.today), reason, who)

    _on_candidate(number, by, act)


def _on_candidate(number: str, by: str | None, act: "Callable[[Work, Applicant, str], object]") -> None:
    """Do something to a candidate, then tell what happened."""
    from api.commands.desk import actor, open_desk
    from workflows.admission.applications import find
    from workflows.admission.words import NAME

    with open_desk() as desk:
        with desk.acting() as work:
            own = work.of(NAME)
            act(own, find(own, number), actor(by))
            own.write()
        desk.tell()


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, candidate, BOARD, "relance candidate --state candidate")
    example = 'relance candidate add --name "Vélo Lauragais" --email contact@velo.example --presented-by S2'
    add(group, add_candidate, BOARD, example, name="add")
    add(group, show, BOARD, "relance candidate show A0247")
    add(group, change, BOARD, 'relance candidate change A0247 --conditions "signs the charter before June"')
    add(group, withdraw, BOARD, 'relance candidate withdraw A0247 --reason "found another hoster"')
