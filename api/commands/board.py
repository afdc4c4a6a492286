"""The board's ballots: list, vote, record, close."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.commands.frame import BOARD, By, Json, add

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.commands.desk import Desk
    from engine.ballots import Choice
    from engine.board_models import BallotStatus
    from engine.listings import BallotLine

Status = Literal["scheduled", "open", "adopted", "rejected", "no_quorum", "withdrawn", "blocked"]
Words = Annotated[
    list[str],
    typer.Argument(
        metavar="TRIGGER NUMBER|'*' SEAT=CHOICE … or BALLOT SEAT=CHOICE …",
        help="Which ballots, and who said approve, reject or abstain.",
        show_default=False,
    ),
]


def ballots(
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    meeting: Annotated[str | None, typer.Option(metavar="MONTH", help="Only this meeting's, such as 2025-08.")] = None,
    json: Json = False,
) -> None:
    """List the board's ballots.

    Counts are shown only once a ballot is closed.
    """
    from api.clauses import missing_clauses
    from api.commands import shown
    from api.commands.desk import open_desk
    from api.commands.typed import month
    from engine import listings
    from workflows import WORKFLOWS

    only = None if meeting is None else month(meeting, "--meeting")
    with open_desk() as desk, desk.reading() as connection:
        found = listings.ballots(connection, WORKFLOWS, status, only)
        warnings = missing_clauses(desk.settings, {line.trigger for line in found})
        if json:
            shown.as_json([{**shown.plain(line), "warnings": warnings.get(line.trigger, [])} for line in found])
            return
        headings = ("ballot", "trigger", "number", "meeting", "status", "counts", "")
        rows = [
            (line.id, line.trigger, line.association, shown.local(line.held_at, desk.tz), line.status, *_said_of(line))
            for line in found
        ]
        shown.table(headings, rows, "No ballot.")
        for trigger in warnings:
            typer.echo(f"Warning ({trigger}): {'; '.join(warnings[trigger])}")


def _said_of(line: "BallotLine") -> tuple[str, str]:
    """Write the counts, once closed, and what else is to be said of a ballot."""
    of = f"{line.took_part} of {len(line.seats)} took part"
    counts = f"{line.approve} for, {line.reject} against, {line.abstain} abstained; {of}" if line.outcome else ""
    if line.status == "open":
        counts = f"{line.took_part} of {len(line.seats)} voted"
    return counts, ", ".join(line.missing or ()) or line.reason or ""


@dataclass(frozen=True)
class Meant:
    """What was typed: one or several ballots by id, or a question and whom it is about; and who said what."""

    ids: tuple[int, ...]
    trigger: str
    subjects: tuple[str, ...]
    choices: "dict[str, Choice]"

    def ballots(self, connection: "Connection", *statuses: "BallotStatus") -> list[int]:
        """Return the ids meant. Raises Invalid, UnknownAssociation, BallotNotOpen."""
        from engine.listings import EVERYBODY, ballot_ids
        from workflows import WORKFLOWS

        if self.ids:
            return list(self.ids)
        for subject in self.subjects:
            if subject != EVERYBODY:
                _refuse_unknown(connection, subject)
        found = [ballot_ids(connection, WORKFLOWS, self.trigger, subject, statuses) for subject in self.subjects]
        return list(dict.fromkeys(ballot for ids in found for ballot in ids))


def _refuse_unknown(connection: "Connection", number: str) -> None:
    from workflows.membership.errors import UnknownAssociation

    sql = "SELECT 1 FROM workflow_instance WHERE subject = ?"
    if connection.exec_driver_sql(sql, (number,)).fetchone() is None:
        raise UnknownAssociation(number=number)


def meant(words: Sequence[str], *, everybody: bool = False) -> Meant:
    """Read what was typed. `everybody`: a question alone means all its ballots. Raises BadParameter, Invalid."""
    from api.commands.typed import choices
    from engine.listings import EVERYBODY

    targets = [word for word in words if "=" not in word]
    said = choices(word for word in words if "=" in word)
    if targets and all(word.isascii() and word.isdigit() for word in targets):
        return Meant(tuple(map(int, targets)), "", (), said)
    trigger, *subjects = targets or [""]
    if not trigger or not (subjects or everybody):
        raise typer.BadParameter("name a question and a NUMBER (or '*'), or a ballot's id")
    return Meant((), trigger, tuple(subjects) or (EVERYBODY,), said)


def vote(
    words: Words,
    seat: Annotated[str | None, typer.Option(help="The seat that votes.")] = None,
    choice: Annotated[Literal["approve", "reject", "abstain"] | None, typer.Option(help="What it says.")] = None,
    comment: Annotated[str, typer.Option(metavar="TEXT", help="Why, kept with the vote.")] = "",
    by: By = None,
) -> None:
    """Vote, in the name of seats.

    One seat, one vote, named; it can be changed until the ballot closes. All of them are recorded, or none.
    """
    from api.commands.desk import actor, open_desk
    from engine.board_models import BallotStatus
    from engine.voting import Cast, cast

    asked = meant([*words, *_single(seat, choice)])
    if not asked.choices:
        raise typer.BadParameter("say who votes what: S1=approve, or --seat S1 --choice approve")
    with open_desk() as desk:
        with desk.acting() as work:
            ids = asked.ballots(work.connection, BallotStatus.OPEN)
            votes = [Cast(ballot, name, said, comment) for ballot in ids for name, said in asked.choices.items()]
            cast(work, votes, f"cli:{actor(by)}")
        typer.echo(f"Recorded: {len(votes)} vote{'s' * (len(votes) > 1)} on {len(ids)} ballot{'s' * (len(ids) > 1)}")
        desk.tell()


def _single(seat: str | None, choice: str | None) -> list[str]:
    if (seat is None) != (choice is None):
        raise typer.BadParameter("--seat and --choice go together")
    return [] if seat is None else [f"{seat}={choice}"]


def record(
    words: Words,
    present: Annotated[str | None, typer.Option(metavar="SEATS", help="Who was there: S1,S2,S3.")] = None,
    unanimous: Annotated[
        Literal["approve", "reject", "abstain"] | None, typer.Option(help="What everybody present said.")
    ] = None,
    conditions: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Of admissions: on which conditions it is decided.")
    ] = None,
    by: By = None,
) -> None:
    """Record what the room decided: the secretary's sheet.

    During the meeting or, where there was no quorum, up to 14 days later. All of them are recorded, or none.
    """
    from api.commands.desk import actor, open_desk
    from api.commands.typed import choice, names
    from engine.across import parts_of, write_parts
    from engine.board_models import BallotStatus
    from engine.listings import own_votes
    from engine.sheet import record as write_down
    from workflows.admission.applications import set_conditions

    asked, there = meant(words), names(present)
    if unanimous is not None and not there:
        raise typer.BadParameter("--unanimous needs --present: who said so")
    said = asked.choices if unanimous is None else dict.fromkeys(there, choice(unanimous)) | asked.choices
    if not said:
        raise typer.BadParameter("say who said what: S1=approve, or --present S1,S2 --unanimous approve")
    with open_desk() as desk:
        with desk.acting() as work:
            ids = asked.ballots(work.connection, BallotStatus.OPEN, BallotStatus.NO_QUORUM)
            replaced = own_votes(work.connection, ids, said)
            parts = parts_of(work, ids)
            for part in parts:
                if conditions is not None:
                    set_conditions(part.work, part.case, conditions, actor(by))
                write_down(part.work, part.case, part.ballot, said, there)
            write_parts(parts)
        if replaced:
            typer.echo(f"Replaces {replaced} vote{'s' * (replaced > 1)} that seats had cast themselves; they are kept.")
        _show_outcomes(desk, ids)


def close(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="TRIGGER [NUMBER]… or BALLOT…", help="Which ballots; a question alone: all.", show_default=False
        ),
    ],
) -> None:
    """Close open ballots, and count them.

    During or after their meeting; all of them are closed, or none.
    """
    from api.commands.desk import open_desk
    from engine.across import parts_of, write_parts
    from engine.board_models import BallotStatus
    from engine.voting import close_now

    asked = meant(words, everybody=True)
    if asked.choices:
        raise typer.BadParameter("closing takes no choices; `relance record` does")
    with open_desk() as desk:
        with desk.acting() as work:
            ids = asked.ballots(work.connection, BallotStatus.OPEN)
            parts = parts_of(work, ids)
            for part in parts:
                close_now(part.work, [(part.case, part.ballot)])
            write_parts(parts)
        _show_outcomes(desk, ids)


def _show_outcomes(desk: "Desk", ids: Sequence[int]) -> None:
    from engine import listings
    from workflows import WORKFLOWS

    wanted = set(ids)
    with desk.reading() as connection:
        for line in listings.ballots(connection, WORKFLOWS):
            if line.id in wanted:
                counts, more = _said_of(line)
                said = "; ".join(filter(None, (line.status, counts, more)))
                typer.echo(f"Ballot {line.id}, {line.trigger} {line.association}: {said}")
    desk.tell()


def register(app: typer.Typer) -> None:
    """Add these commands."""
    add(app, ballots, BOARD, "relance ballots --status open --meeting 2025-08")
    add(app, vote, BOARD, "relance vote suspend A0042 S1=approve S2=reject S3=abstain")
    add(app, record, BOARD, "relance record suspend '*' --present S1,S2,S3,S4,S5 --unanimous approve")
    add(app, close, BOARD, "relance close suspend A0042")
