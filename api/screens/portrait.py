"""`relance show`, for people: one association on one screen."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from api.commands.shown import local
from api.screens.counts import COLOURS
from api.screens.story import move, wrapped
from engine.prospects import Kind
from workflows.membership.definition import LABELS
from workflows.membership.money import money_text
from workflows.membership.words import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.history import Line
    from engine.prospects import Prospect
    from workflows.membership.facts import Member
    from workflows.membership.portrait import Portrait

WIDTH = 80
INDENT = "    "


def show(portrait: "Portrait", now: datetime, tz: ZoneInfo) -> None:
    """Print who it is, where it is and why, its dues, what comes next, its history."""
    member = portrait.member
    typer.secho(f"{member.subject}  {portrait.register['name']}", bold=True)
    typer.echo(f"{member.kind}, member since {member.joined_on}{_hosted(portrait)}")
    state = State(member.state)
    typer.secho(f"{state.value} · {LABELS[state]}", fg=COLOURS[state], bold=True)
    indented("Why", [portrait.why])
    indented("Also", _also(portrait))
    indented("Dues", _dues(member))
    indented("Paid", portrait.payments)
    indented("Reach", reached_at(portrait.register))
    heading("What comes next, as things stand today")
    for prospect in up_to_the_first_move(portrait.ahead, member.state):
        prospect_ahead(prospect, now, tz)
    if not portrait.ahead:
        typer.echo(f"{INDENT}nothing")
    heading("History")
    for line in portrait.lines:
        line_of_history(line, tz)


def up_to_the_first_move(ahead: Sequence["Prospect"], state: str) -> list["Prospect"]:
    """Leave out what comes after the state has changed: it would be another story."""
    found = []
    for prospect in ahead:
        found.append(prospect)
        if prospect.kind is Kind.STEP and prospect.happens and prospect.to not in {None, state}:
            break
    return found


def heading(text: str) -> None:
    """Print a heading."""
    typer.echo("")
    typer.secho(text, bold=True)


def indented(head: str, texts: Sequence[str]) -> None:
    """Print texts beside a short word."""
    for text in texts:
        for place, line in enumerate(wrapped(text, WIDTH - 6)):
            typer.echo(f"{head if place == 0 else '':6}{line}")
        head = ""


def _hosted(portrait: "Portrait") -> str:
    kinds = [kind for kind, _ in portrait.services]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    return f"; hosted: {counts}" if kinds else ""


def _also(portrait: "Portrait") -> list[str]:
    member, register = portrait.member, portrait.register
    found = []
    if member.hold_until is not None:
        found.append(f"stay until {member.hold_until}: {register['hold_reason']}".rstrip(": "))
    if member.unreachable_since is not None:
        found.append("unreachable: no address takes mail")
    if member.credit:
        found.append(f"credit of {money_text(member.credit)}")
    if sign := member.last_sign_of_life():
        found.append(f"last sign of life on {sign}")
    if member.tasks:
        found.append(f"open tasks: {', '.join(sorted({kind for kind, _ in member.tasks}))}")
    return found


def reached_at(register: "Mapping[str, Any]") -> list[str]:
    """Who is written to, and where: its chair or contact, its treasurer, its postal address."""
    contact = (register["contact_name"], register["contact_role"], register["email"], register["phone"])
    treasurer = (register["treasurer_name"], "treasurer", register["treasurer_email"])
    place = (register["address"], f"{register['postcode']} {register['city']}".strip(), register["country"])
    found = [_joined(contact) if any(contact) else "", _joined(place) if any(place[:2]) else ""]
    if register["treasurer_name"] or register["treasurer_email"]:
        found.insert(1, _joined(treasurer))
    return [text for text in found if text] or ["no address at all"]


def _joined(parts: tuple[str, ...]) -> str:
    return ", ".join(filter(None, parts))


def _dues(member: "Member") -> list[str]:
    found = []
    for year, due in sorted(member.dues.items()):
        stands = "settled" if not due.unpaid else f"{money_text(due.unpaid)} unpaid"
        found.append(f"{year}  {money_text(due.amount):>8}  {stands}{'' if due.called else ', not called yet'}")
    return found or ["none"]


def prospect_ahead(prospect: "Prospect", now: datetime, tz: ZoneInfo) -> None:
    """One thing to come: when, what, whether it would happen; then on what it depends, or what prevents it."""
    when = "now" if prospect.at <= now else local(prospect.at, tz)
    for place, line in enumerate(wrapped(_what(prospect), WIDTH - 22)):
        start = f"{INDENT}{when:16}  " if place == 0 else " " * 22
        typer.secho(f"{start}{line}", bold=prospect.happens, dim=not prospect.happens)
    for blocker in prospect.blockers:
        _why(f"prevented: {blocker}", "yellow")
    for condition in () if prospect.blockers else prospect.conditions:
        _why(f"as long as {condition[0].lower()}{condition[1:]}", None)


def _what(prospect: "Prospect") -> str:
    to = f" → {prospect.to}" if prospect.to else ""
    mails = f"  [{', '.join(prospect.mails)}]" if prospect.mails and prospect.happens else ""
    said = {
        Kind.STEP: f"{prospect.event} {prospect.year}{to}{mails}",
        Kind.AGENDA: f"agenda: {prospect.what}{mails}",
        Kind.BALLOT: f"board: {prospect.what}{to}",
        Kind.OTHER: f"{prospect.event}: {prospect.what}",
    }
    return said[prospect.kind]


def _why(text: str, colour: str | None) -> None:
    for place, line in enumerate(wrapped(text, WIDTH - 24)):
        typer.secho(f"{'':22}{'  ' if place else '· '}{line}", fg=colour)


def line_of_history(line: "Line", tz: ZoneInfo) -> None:
    """One line of history; a long reason goes below."""
    head = f"{INDENT}{local(line.effective_at, tz)[:10]}  {line.trigger:16}"
    mails = f"[{', '.join(line.mails)}]" if line.mails else ""
    done = move(line.before, line.after) if line.acted else "" if line.reason.startswith("ballot") else "no:"
    text = "  ".join(part for part in (head, done, mails) if part)
    whole = f"{text}{' ' if done == 'no:' else '  '}{line.reason}".rstrip()
    lines = [whole] if len(whole) <= WIDTH else [text, *(" " * 34 + more for more in wrapped(line.reason, WIDTH - 34))]
    for shown in lines:
        typer.secho(shown, dim=not line.acted)
