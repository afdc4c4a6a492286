"""The wording of mails and papers: what there is, what it looks like, whether one's own files can be used."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.frame import ADMINS, add_group

if TYPE_CHECKING:
    from api.settings import Settings

Kind = Annotated[str, typer.Argument(metavar="KIND", help="Such as reminder.", show_default=False)]
Language = Annotated[
    Literal["fr", "en"] | None, typer.Option(help="Default: the organisation's, or the member's.", show_default=False)
]


def template(ctx: typer.Context) -> None:
    """Show the wording of mails and papers, and try your own.

    Your own files are laid over the built-in ones: fr/reminder.txt in the folder that relance.toml names under [mail]
    templates takes the place of the built-in one; what it lacks is built in. No restart is needed.
    """
    if ctx.invoked_subcommand is None:
        list_()


def list_() -> None:
    """List every kind of mail and paper, and in which language it is written with your own file."""
    from api.commands import shown
    from notifications.checking import own_files
    from notifications.render import LANGUAGES

    settings = _settings()
    own = own_files(_letterhead(settings))
    rows = [(kind, *(_whose(own, language, kind) for language in LANGUAGES)) for kind in _kinds()]
    shown.table(("kind", *LANGUAGES), rows, "")
    for name in own:
        if "/_" in name or name == "layout.html":
            typer.echo(f"{name}: your own")
    folder = settings.mail.templates
    typer.echo(f"Your own files: {'none is named in relance.toml' if folder is None else folder}")


def show(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]", help="Such as reminder; papers/summons; _treasury for a part; layout.", show_default=False
        ),
    ] = None,
    language: Language = None,
    built_in: Annotated[bool, typer.Option("--built-in", help="The built-in one, whatever you have.")] = False,
    variables: Annotated[bool, typer.Option("--variables", help="What a template may name.")] = False,
) -> None:
    """Print a template as it is written: the beginning of your own.

    For instance: relance template show reminder --built-in > templates/fr/reminder.txt
    """
    from jinja2 import TemplateNotFound

    from engine.errors import Invalid
    from notifications.own_words import Overlay
    from notifications.variables import described

    if variables or kind is None:
        typer.echo(described())
        return
    settings = _settings()
    name = "layout.html" if kind == "layout" else f"{language or settings.organisation.language.value}/{kind}.txt"
    try:
        found = Overlay(None if built_in else settings.mail.templates).read(name)
        # « show reminder > fr/reminder.txt »: the shell has made that file before it is read here.
        typer.echo((found if found.text.strip() else Overlay().read(name)).text, nl=False)
    except TemplateNotFound:
        raise Invalid(reason=f"there is no template {name}: relance template list") from None


def preview(
    kind: Kind,
    language: Language = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a page, to be looked at.", show_default=False)
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Print it, for a paper: to be looked at.", show_default=False)
    ] = None,
    association: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Whom it is for (default: an awkward one).", show_default=False)
    ] = None,
) -> None:
    """Write one mail or paper with made-up values, as it would leave. Nothing is sent.

    With --association its name, address, contact, language, state and reference are that member's; dates and amounts
    stay made up.
    """
    from engine.errors import Invalid
    from notifications.papers import ROOM
    from notifications.variables import samples

    settings = _settings()
    if kind not in _kinds():
        raise Invalid(reason=f"there is no mail or paper {kind}: relance template list")
    room, _, name = kind.rpartition("/")
    wrong = "--html is for mails" if room and html else "--pdf is for papers" if pdf and not room else ""
    if wrong:
        raise Invalid(reason=wrong)
    told = dict(samples(letters=bool(room)))["much told"] | ({} if association is None else _member(association))
    wanted = language or (told["language"] if association else settings.organisation.language.value)
    _preview_paper(settings, name, wanted, told, pdf) if room == ROOM else _preview(settings, name, wanted, told, html)


def _preview(settings: "Settings", kind: str, language: str, values: dict[str, Any], html: Path | None) -> None:
    from api.commands import shown
    from notifications.hypertext import page_text
    from notifications.render import Renderer

    renderer = Renderer(_letterhead(settings))
    text = renderer.render(kind, language, values)
    shown.troubles(renderer.troubles)
    if html is None:
        typer.echo(f"Subject: {text.subject}\n\n{text.body}", nl=False)
        return
    html.write_text(page_text(renderer.pages[text.layout], text.subject, text.body), encoding="utf-8")
    typer.echo(f"Written: {html}")


def _preview_paper(settings: "Settings", kind: str, language: str, values: dict[str, Any], pdf: Path | None) -> None:
    from datetime import UTC, datetime

    from api.commands import shown
    from notifications.papers import CALL, Post, Typesetter
    from notifications.postal import postal_lines
    from notifications.variables import LINES

    typesetter = Typesetter(_letterhead(settings))
    lines = postal_lines(values, language) if "postcode" in values else LINES
    post = Post(lines, registered=kind != CALL, clause=settings.legal.removal)
    text = typesetter.words(kind, language, values, post)
    made_at = datetime.fromisoformat(values["written"]).replace(tzinfo=UTC)
    made = None if pdf is None else typesetter.print([typesetter.paper(kind, language, values, post)], made_at)
    shown.troubles(typesetter.troubles)
    if pdf is None or made is None:
        typer.echo(f"Subject: {text.subject}\n\n{text.body}", nl=False)
        return
    pdf.write_bytes(made)
    typer.echo(f"Written: {pdf}")


def _kinds() -> list[str]:
    """Name every mail, then every paper as papers/KIND."""
    from notifications.own_words import Overlay
    from notifications.papers import ROOM

    return [*Overlay.kinds(), *(f"{ROOM}/{kind}" for kind in Overlay.kinds(ROOM))]


def check() -> None:
    """Try every mail and paper in both languages, with much and little told; name what is wrong by file and line."""
    from notifications.checking import faults, own_files

    settings = _settings()
    found = faults(_letterhead(settings))
    for place, reason in found:
        typer.echo(f"{place}: {reason}", err=True)
    if found:
        raise typer.Exit(1)
    number = len(own_files(_letterhead(settings)))
    typer.echo(f"Every mail and paper can be written; {number} of the files {'is' if number == 1 else 'are'} your own")


def _settings() -> "Settings":
    from api.settings import load_settings

    return load_settings()


def _letterhead(settings: "Settings") -> Any:
    from api.addressees import letterhead_of

    return letterhead_of(settings)


def _member(number: str) -> dict[str, Any]:
    """What mails say of a member. Raises UnknownAssociation."""
    from api.addressees import members_of
    from api.commands.desk import open_desk
    from notifications.reference import reference_of
    from notifications.variables import samples
    from workflows.membership.definition import MEMBERSHIP
    from workflows.membership.errors import UnknownAssociation

    with open_desk() as desk, desk.reading() as connection:
        known = desk.engine.instance_ids(MEMBERSHIP, connection)
        if number not in known:
            raise UnknownAssociation(number=number)
        member = members_of(connection, [known[number]])[known[number]]
    reference = reference_of(dict(samples())["much told"]["owed_years"], number)
    return {**member, "person": member["kind"] == "person", "reference": reference}


def _whose(own: list[str], language: str, kind: str) -> str:
    return "your own" if f"{language}/{kind}.txt" in own else "built in"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, template, ADMINS, "relance template")
    group.command("list", epilog="Example: relance template list")(list_)
    group.command("show", epilog="Example: relance template show reminder --language en")(show)
    group.command("preview", epilog="Example: relance template preview reminder --html reminder.html")(preview)
    group.command("check", epilog="Example: relance template check")(check)
