"""What the procedure asks of people: registered letters, tasks, confirmations."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.commands import paper
from api.commands.frame import BOARD, By, Json, Note, Verbless, Yes, add, add_group

if TYPE_CHECKING:
    from api.commands.desk import Desk
    from engine.calendar import Slot
    from engine.definition import Workflow
    from engine.work import Work
    from workflows.membership.facts import LetterFacts, Member
    from workflows.membership.letters import PostNews

Outcome = Literal["delivered", "refused", "unclaimed", "unknown_address"]


def letter(
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help="Whose; '*': every letter not yet posted.", show_default=False),
    ] = None,
    posted: Annotated[str | None, typer.Option(metavar="DATE", help="When it was posted.")] = None,
    presented: Annotated[str | None, typer.Option(metavar="DATE", help="When it was first presented.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="What the post says of it.")] = None,
    tracking: Annotated[str | None, typer.Option(metavar="TEXT", help="The post's number of it.")] = None,
    search: Annotated[str | None, typer.Option(metavar="NOTE", help="Where an address was looked for.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Start a new letter.")] = False,
    by: By = None,
    json: Json = False,
) -> None:
    """List the registered letters, or tell of one.

    What the post did with it: only what is named changes. Presented without an outcome means delivered.
    """
    from api.commands.desk import actor, open_desk
    from workflows.membership.letters import PostNews

    with open_desk() as desk:
        news = _news(desk, posted, presented, outcome, tracking, search)
        if news == PostNews() and not again:
            _list_letters(desk, number, as_json=json)
            return
        if number is None:
            raise typer.BadParameter("name whose letter: NUMBER, or '*' for every letter not yet posted")
        _tell_of_letters(desk, number, news, actor(by), again=again)


def _news(
    desk: "Desk",
    posted: str | None,
    presented: str | None,
    outcome: Outcome | None,
    tracking: str | None,
    search: str | None,
) -> "PostNews":
    from api.commands.typed import maybe_day
    from workflows.membership.letters import PostNews, refuse_future
    from workflows.membership.models import LetterOutcome

    news = PostNews(
        posted_on=maybe_day(posted, "--posted"),
        tracking=tracking,
        first_presented_on=maybe_day(presented, "--presented"),
        outcome=None if outcome is None else LetterOutcome(outcome),
        search_note=search,
    )
    refuse_future(news, desk.today)
    return news


def _list_letters(desk: "Desk", number: str | None, *, as_json: bool) -> None:
    from api.commands import shown
    from engine.listings import EVERYBODY
    from workflows.membership.listings import letters

    with desk.reading() as connection:
        found = letters(connection, None if number == EVERYBODY else number)
    if as_json:
        shown.as_json(found)
        return
    headings = ("letter", "number", "name", "kind", "written", "posted", "tracking", "presented", "outcome")
    rows = [
        (
            *(line.id, line.association, line.name, line.kind, shown.local(line.created_at, desk.tz)[:10]),
            *(line.posted_on, line.tracking, line.first_presented_on, line.outcome),
        )
        for line in found
    ]
    shown.table(headings, rows, "No letter.")


def _tell_of_letters(desk: "Desk", number: str, news: "PostNews", by: str, *, again: bool) -> None:
    from workflows.membership import letters
    from workflows.membership.letters import PostNews
    from workflows.membership.members import find

    with desk.acting() as work:
        members, left_out = _whose_letters(work, number)
        for member in members:
            if again:
                letters.write_again(work, member, by)
                work.batch.write(work.connection)
            if news != PostNews():
                fresh = find(work, member.subject) if again else member  # the new letter has its id now
                letter = letters.latest_letter(fresh)
                _refuse_unposted(letter, news)
                letters.tell(work, fresh, letter, news, by)
    for member in left_out:
        typer.echo(f"{member.subject} is left out: it has paid, a person decides first (task payment_after_removal)")
    if not members:
        typer.echo("No letter waits to be posted.")
    desk.conclude([member.id for member in members])


def _refuse_unposted(letter: "LetterFacts", news: "PostNews") -> None:
    """Refuse that a letter was presented whose posting is not known, and say what to type. Raises Invalid."""
    from engine.errors import Invalid

    if news.first_presented_on is not None and news.posted_on is None and letter.posted_on is None:
        raise Invalid(reason="its posting is not recorded yet: --posted first")


def _whose_letters(work: "Work", number: str) -> "tuple[list[Member], list[Member]]":
    """Return whose letters are meant and, of everybody's, whom a person has to decide about before they leave."""
    from engine.listings import EVERYBODY
    from workflows.membership.letters import waiting_to_be_posted
    from workflows.membership.members import find
    from workflows.membership.words import TaskKind

    if number != EVERYBODY:
        return [find(work, number)], []
    waiting = waiting_to_be_posted(work)
    undecided = [member for member in waiting if (TaskKind.PAYMENT_AFTER_REMOVAL, "") in member.tasks]
    return [member for member in waiting if member not in undecided], undecided


def tasks(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are done too.")] = False,
    json: Json = False,
) -> None:
    """List what waits for a person; `done` closes a task."""
    if ctx.invoked_subcommand is not None:
        return
    from api.commands import shown
    from api.commands.desk import open_desk
    from engine import listings

    with open_desk() as desk, desk.reading() as connection:
        found = listings.tasks(connection, done=everything)
        if json:
            shown.as_json(found)
            return
        rows = [
            (
                *(line.id, line.kind, line.association, shown.local(line.opened_at, desk.tz), line.due),
                *(shown.local(line.done_at, desk.tz), line.note or line.about),
            )
            for line in found
        ]
        headings = ("task", "kind", "number", "since", "due", "done", "")
        shown.table(headings, rows, "Nothing waits for a person.")


def done(
    task: Annotated[int, typer.Argument(metavar="TASK", help="Its number.", show_default=False)],
    note: Note = "",
    by: By = None,
) -> None:
    """Close a task that a person has done."""
    from api.commands.desk import actor, open_desk

    with open_desk() as desk:
        desk.engine.close_task(task, desk.now, actor(by), note)
        typer.echo(f"Task {task} is done")


def confirm(
    what: Annotated[
        Literal["brake", "deletion", "re-suspension"],
        typer.Argument(help="A step that waits, deletions, or cutting again.", show_default=False),
    ],
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help="Only this one's, or only this step.", show_default=False),
    ] = None,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Confirm a step that waits, deletions, or that somebody is cut again.

    Whom it concerns is shown first, with names. Nobody is asked with --yes. Cutting again, under this year's decision,
    whom an undone payment had restored needs its NUMBER.
    """
    from api.commands.desk import actor, open_desk

    with open_desk() as desk:
        desk.engine.tick(desk.now)
        if what == "brake":
            _confirm_brake(desk, number, by, yes=yes)
        elif what == "deletion":
            _confirm_deletion(desk, number, by, yes=yes)
        elif number is None:
            raise typer.BadParameter("name the association: relance confirm re-suspension A0042")
        else:
            _cut_again(desk, number, actor(by), yes=yes)
        desk.tell()


def _cut_again(desk: "Desk", number: str, by: str, *, yes: bool) -> None:
    from api.commands.desk import agreed
    from workflows.membership import corrections, members
    from workflows.membership.definition import MEMBERSHIP

    with desk.engine.context.reading(MEMBERSHIP, desk.now) as work:
        desk.show_standings(work.connection, [members.find(work, number).id])
    if not agreed("Interrupt its services again?", yes=yes):
        raise typer.Abort
    with desk.acting() as work:
        corrections.suspend_again(work, members.find(work, number), by)


def _confirm_brake(desk: "Desk", event: str | None, by: str | None, *, yes: bool) -> None:
    from api.commands.desk import actor, agreed
    from engine.preview import waiting_slots

    waiting = [found for found in waiting_slots(desk.engine.context, desk.now) if event in {None, found[1].event}]
    if not waiting:
        typer.echo("No step waits.")
        return
    for workflow, slot in waiting:
        _preview(desk, workflow, slot)
    if not agreed("Let this happen?", yes=yes):
        raise typer.Abort
    for confirmed in desk.engine.confirm_brake(desk.now, actor(by), event):
        typer.echo(f"Confirmed: {confirmed}")
    desk.write_mails()


def _preview(desk: "Desk", workflow: "Workflow", slot: "Slot") -> None:
    """Print with names whom a step would touch now."""
    from api.commands import shown
    from engine.preview import would_touch
    from workflows.membership.listings import standings

    touched = would_touch(desk.engine.context, workflow, slot, desk.now)
    with desk.reading() as connection:
        known = {line.id: line for line in standings(connection, [line.id for line in touched])}
    typer.echo(f"{slot.event} {slot.year} would now touch {len(touched)}:")
    rows = [
        (line.subject, known[line.id].name, f"{line.before} → {line.after}", ", ".join(line.mails)) for line in touched
    ]
    shown.table(("number", "name", "state", "mail"), rows, "nobody")


def _confirm_deletion(desk: "Desk", number: str | None, by: str | None, *, yes: bool) -> None:
    from api.commands.desk import actor, agreed
    from engine.listings import EVERYBODY
    from workflows.membership import services
    from workflows.membership.definition import MEMBERSHIP
    from workflows.membership.listings import standings
    from workflows.membership.members import find

    with desk.engine.context.reading(MEMBERSHIP, desk.now) as work:
        if number not in {None, EVERYBODY}:
            find(work, str(number))
        ids = [
            member.id
            for member in work.cases(services.waiting_for_deletion(work))
            if number in {None, EVERYBODY, member.subject}
        ]
        waiting = standings(work.connection, ids)
    if not waiting:
        typer.echo("No deletion waits.")
        return
    typer.echo("All services of these are archived, then deleted:")
    for line in waiting:
        typer.echo(f"  {line.number} {line.name} ({line.state})")
    if not agreed("Archive and delete?", yes=yes):
        raise typer.Abort
    with desk.acting() as work:
        services.confirm_deletion(work, work.cases(ids), actor(by))


def register(app: typer.Typer) -> None:
    """Add these commands."""
    example = "relance letter A0042 --posted 2025-10-03 --tracking 1A00042"
    letters = add_group(app, paper.letters, BOARD, example, name="letter", cls=Verbless)
    letters.command("tell", epilog=f"Example: {example}")(letter)
    paper.register_letters(letters)
    group = add_group(app, tasks, BOARD, "relance tasks")
    group.command("done", epilog='Example: relance tasks done 12 --note "posted this morning"')(done)
    add(app, confirm, BOARD, "relance confirm brake")
