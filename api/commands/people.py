"""What members tell, and what is told of them: contact, notice, hold, join, leave, correct."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from api.commands.frame import TREASURER, By, Note, Number, On, Reason, add

if TYPE_CHECKING:
    from engine.work import Work
    from workflows.membership.facts import Member
    from workflows.membership.members import Told

T = TypeVar("T")
Channel = Annotated[str, typer.Option(help="How: mail, telephone, letter, in person …")]


def contact(number: Number, on: On = None, channel: Channel = "mail", note: Note = "", by: By = None) -> None:
    """Record that an association was heard from.

    It is a sign of life: the list of the strike-off drops it, and it is no longer unreachable.
    """
    from workflows.membership import members

    _record_told(number, members.contact, on, channel, note, by)


def notice(number: Number, on: On = None, channel: Channel = "letter", note: Note = "", by: By = None) -> None:
    """Record that we reached an association otherwise.

    A letter or a telephone call proves the steps that it was told of, as an accepted mail does.
    """
    from workflows.membership import members

    _record_told(number, members.notice, on, channel, note, by)


def _record_told(
    number: str,
    record: "Callable[[Work, Member, Told], None]",
    on: str | None,
    channel: str,
    note: str,
    by: str | None,
) -> None:
    from api.commands.desk import actor, open_desk
    from api.commands.typed import past_day, said
    from workflows.membership.members import Told, find

    with open_desk() as desk:
        told = Told(past_day(on, "--on", desk.today), said(channel, "--channel"), note, actor(by))
        with desk.acting() as work:
            member = find(work, number)
            record(work, member, told)
        desk.conclude([member.id])


def hold(
    number: Number,
    to: Annotated[str, typer.Option("--to", "--until", metavar="DATE", help="Its last day, which still counts.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the journal.")] = "",
    by: By = None,
) -> None:
    """Grant an association a stay.

    Up to and including that day nothing is cut, and no list takes it.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.typed import day
    from workflows.membership import members

    with open_desk() as desk:
        last = day(to, "--to")
        with desk.acting() as work:
            member = members.find(work, number)
            members.hold(work, member, last, reason, actor(by))
        desk.conclude([member.id])


def leave(number: Number, on: On = None, reason: Reason = "", by: By = None) -> None:
    """Record that an association leaves.

    Any procedure ends. In time (before 20 January, or within 30 days of the call), it cancels the year's due.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.typed import past_day
    from workflows.membership import members

    with open_desk() as desk:
        day = past_day(on, "--on", desk.today)
        with desk.acting() as work:
            member = members.find(work, number)
            members.leave(work, member, day, reason, actor(by))
        desk.conclude([member.id])


def join(
    number: Number,
    name: Annotated[str, typer.Option(help="Its name.")],
    kind: Annotated[Literal["association", "person"], typer.Option(help="Who it is.")] = "association",
    email: Annotated[str, typer.Option(help="Where its mail goes.")] = "",
    contact_name: Annotated[str, typer.Option(help="Who is written to.")] = "",
    contact_role: Annotated[str, typer.Option(help="What that person is: chair, secretary …")] = "",
    treasurer_email: Annotated[str, typer.Option(help="Its treasurer gets the mails too.")] = "",
    treasurer_name: Annotated[str, typer.Option(help="Its treasurer.")] = "",
    phone: Annotated[str, typer.Option(help="Its telephone.")] = "",
    address: Annotated[str, typer.Option(help="Street, for registered letters.")] = "",
    postcode: Annotated[str, typer.Option()] = "",
    city: Annotated[str, typer.Option()] = "",
    language: Annotated[Literal["fr", "en"] | None, typer.Option(help="Of its mails (default: ours).")] = None,
    dues: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Its own yearly amount.")] = None,
    service: Annotated[
        list[str] | None, typer.Option(metavar="KIND:IDENTIFIER", help="What is hosted for it; repeat.")
    ] = None,
    by: By = None,
) -> None:
    """Enter a new member.

    It owes the year of joining (from 1 December the next) and is called at once.
    """
    from api.commands.desk import actor, open_desk
    from workflows.membership import members

    same = {"kind": kind, "name": name, "email": email, "contact_name": contact_name, "contact_role": contact_role}
    same |= {"treasurer_email": treasurer_email, "treasurer_name": treasurer_name, "phone": phone}
    same |= {"address": address, "postcode": postcode, "city": city}
    with open_desk() as desk:
        fields = _fields(same, language or desk.settings.organisation.language.value, dues)
        hosted = [service_of(text) for text in service or []]
        code = code_of(number)
        with desk.acting() as work:
            member_id = members.join(work, code, fields, hosted, actor(by))
        desk.conclude([member_id])


def _fields(same: dict[str, str], language: str, dues: str | None) -> dict[str, Any]:
    """Check what was typed as the register's files are. Raises Invalid naming the option."""
    from api.commands.typed import said
    from workflows.membership.money import cents_of
    from workflows.membership.register.cells import as_email

    for option in ("email", "treasurer_email"):
        if same[option]:
            same[option] = checked(f"--{option.replace('_', '-')}", as_email, same[option])
    fields: dict[str, Any] = {**same, "name": said(same["name"], "--name"), "language": language}
    if dues is not None:
        fields["dues_cents"] = checked("--dues", cents_of, dues)
    return fields


def code_of(number: str) -> str:
    """Read a number. Raises Invalid."""
    from workflows.membership.register.cells import as_code

    return checked("NUMBER", as_code, number)


def service_of(text: str) -> tuple[str, str]:
    """Read KIND:IDENTIFIER. Raises Invalid."""
    from engine.errors import Invalid
    from workflows.membership.register.cells import as_word

    kind, _, identifier = text.partition(":")
    if not identifier.strip():
        raise Invalid(reason=f"--service: {text!r} is not KIND:IDENTIFIER, such as list:infos@example.org")
    return checked("--service", as_word, kind), identifier.strip()


def checked(option: str, read: Callable[[str], T], text: str) -> T:
    """Read what was typed, naming the option where it is refused."""
    from engine.errors import Invalid

    try:
        return read(text)
    except Invalid as error:
        raise Invalid(reason=f"{option}: {error}") from None


def correct(
    number: Number,
    reason: Reason,
    by: Annotated[list[str], typer.Option("--by", metavar="NAME", help="Who corrects: two people, so twice.")],
) -> None:
    """Go back to the state before the last move.

    For a human error, or a decision that was annulled: it takes two people and a reason.
    """
    from api.commands.desk import open_desk
    from workflows.membership.corrections import correct as go_back
    from workflows.membership.members import find

    with open_desk() as desk:
        with desk.acting() as work:
            member = find(work, number)
            go_back(work, member, reason, by)
        desk.conclude([member.id])


def register(app: typer.Typer) -> None:
    """Add these commands."""
    add(app, contact, TREASURER, 'relance contact A0042 --channel telephone --note "will pay in May"')
    add(app, notice, TREASURER, "relance notice A0042 --channel letter --on 2025-06-20")
    add(app, hold, TREASURER, 'relance hold A0042 --to 2025-09-30 --reason "grant expected in September"')
    add(app, join, TREASURER, 'relance join A0247 --name "Vélo Lauragais" --email contact@velo.example')
    add(app, leave, TREASURER, "relance leave A0042 --on 2025-01-10 --reason dissolved")
    add(
        app,
        correct,
        TREASURER,
        'relance correct A0042 --reason "wrong line ticked" --by "Ana Puech" --by "Bilal Khelif"',
    )
