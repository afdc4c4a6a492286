"""What one meeting of the board did, as facts: who took part, each question, its counts, what came of it.

Reading only, and the same facts give the same minutes for ever. Votes and counts of a ballot that is still open are
not among them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from engine.ballots import CountingRule
from engine.board import SeatFacts, seats, seats_in_office
from engine.board_models import LIVE, BallotStatus
from engine.clock import local_day
from engine.definition import Workflow
from engine.meetings import MeetingFacts, meeting
from engine.recusals import absences
from engine.store import instant_of, rows_of
from engine.tallies import rule_of

Names = Callable[[Connection, Sequence[int]], Mapping[int, str]]
"""What instances are called, by id: each workflow keeps the names of its own subjects."""
DECIDED = (BallotStatus.ADOPTED, BallotStatus.REJECTED)
SHEET = "sheet"
"""The channel of votes that the secretary recorded."""
COUNTED = (*DECIDED, BallotStatus.NO_QUORUM)

_PLACE = "SELECT place FROM meeting WHERE id = ?"
_BALLOTS = """SELECT b.id, b.instance_id, i.workflow, i.subject, b.trigger, b.status, b.electorate, b.approve, b.reject,
    b.abstain, b.took_part, b.missing, b.reason, b.rule, b.annulled_at, b.annulled_by, b.annulled_reason,
    b.hands IS NOT NULL
    FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id WHERE b.meeting_id = ? ORDER BY b.id"""
_VOTES = """SELECT ballot_id, seat, choice, comment, channel, at FROM vote
    WHERE ballot_id IN {ids} AND superseded_at IS NULL ORDER BY seat"""

_ASIDE = "SELECT ballot_id, seat, reason FROM recusal WHERE ballot_id IN {ids} ORDER BY seat"


class Presence(StrEnum):
    """How a seat took part in a meeting."""

    PRESENT = "present"
    REMOTE = "remote"
    """Voted before the meeting's hour, and was not recorded as present."""
    VOTED = "voted"
    """Voted during the meeting; nobody recorded whether it was in the room."""
    EXCUSED = "excused"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Sitting:
    """A seat at one meeting, and who held it."""

    seat: str
    person: str
    role: str
    presence: Presence


@dataclass(frozen=True, slots=True)
class Said:
    """One seat's vote that counted. `remote`: given before the meeting's hour."""

    seat: str
    choice: str
    comment: str
    channel: str
    remote: bool


@dataclass(frozen=True, slots=True)
class Aside:
    """A seat that stood aside on one ballot, and why."""

    seat: str
    reason: str


@dataclass(frozen=True, slots=True)
class Annulled:
    """When, by whom and why a decision was annulled."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted: votes, and how many seats took part of how many that could."""

    approve: int
    reject: int
    abstain: int
    took_part: int
    seats: int


@dataclass(frozen=True, slots=True)
class Item:
    """One question about one subject. `number`: 2025-08/3, the third ballot ever made for that meeting."""

    number: str
    ballot: int
    instance: int
    workflow: str
    trigger: str
    subject: str
    name: str
    question: str
    status: BallotStatus
    rule: CountingRule | None
    """By which it was counted; None where it never opened."""
    counts: Counts | None = None
    votes: tuple[Said, ...] = ()
    aside: tuple[Aside, ...] = ()
    missing: tuple[str, ...] = ()
    """Gates of a hearing that were not met."""
    reason: str = ""
    annulled: Annulled | None = None
    by_hand: bool = False
    """Whether the room counted hands, which have no names; votes from elsewhere keep theirs."""

    @property
    def quorum(self) -> bool | None:
        """Whether enough took part; None where nothing was counted."""
        return None if self.counts is None else self.status != BallotStatus.NO_QUORUM


@dataclass(frozen=True, slots=True)
class MinutesFacts:
    """One meeting and everything it was asked. `month`: the month it was planned for, which its numbers begin with."""

    meeting: int
    month: str
    held_at: datetime
    place: str
    closed_at: datetime | None
    seats: tuple[Sitting, ...]
    items: tuple[Item, ...]

    @property
    def attendance_recorded(self) -> bool:
        """Whether anybody wrote down who was in the room."""
        return any(sitting.presence is Presence.PRESENT for sitting in self.seats)

    @property
    def open_items(self) -> int:
        """How many ballots are not closed yet: until then minutes are a draft."""
        return sum(item.status in LIVE for item in self.items)

    @property
    def decisions(self) -> tuple[Item, ...]:
        """What the board answered with yes or no."""
        return tuple(item for item in self.items if item.status in DECIDED)


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known of all ballots of a meeting, by ballot."""

    names: Mapping[int, str]
    questions: Mapping[tuple[str, str], str]
    votes: Mapping[int, tuple[Said, ...]]
    aside: Mapping[int, tuple[Aside, ...]]


def minutes_of(
    connection: Connection, tz: ZoneInfo, workflows: Iterable[Workflow], meeting_id: int, names: Names
) -> MinutesFacts:
    """Read what one meeting did. Raises Invalid when there is none of that number."""
    held = meeting(connection, meeting_id)
    rows = connection.exec_driver_sql(_BALLOTS, (meeting_id,)).fetchall()
    ids = [row[0] for row in rows]
    votes = _votes(connection, held, ids)
    called = names(connection, [row[1] for row in rows])
    around = _Around(called, _questions(workflows), _counted(rows, votes), _aside(connection, ids))
    return MinutesFacts(
        meeting=held.id,
        month=held.month,
        held_at=held.held_at,
        place=connection.exec_driver_sql(_PLACE, (meeting_id,)).scalar_one(),
        closed_at=held.closed_at,
        seats=_sittings(connection, held, local_day(held.held_at, tz), rows, votes),
        items=tuple(_item(held, rank, row, around) for rank, row in enumerate(rows, start=1)),
    )


def _questions(workflows: Iterable[Workflow]) -> dict[tuple[str, str], str]:
    return {(workflow.name, str(rule.trigger)): rule.question for workflow in workflows for rule in workflow.ballots}


def _votes(connection: Connection, held: MeetingFacts, ids: Sequence[int]) -> dict[int, tuple[Said, ...]]:
    """Votes in force, by ballot, in the order of the seats' names."""
    said: dict[int, list[Said]] = defaultdict(list)
    for ballot_id, seat, choice, comment, channel, at in rows_of(connection, _VOTES, ids):
        remote = instant_of(at) < held.held_at
        said[ballot_id].append(Said(seat, choice, comment, channel, remote))
    return {ballot_id: tuple(votes) for ballot_id, votes in said.items()}


def _aside(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[Aside, ...]]:
    """Seats that stand aside, by ballot."""
    found: dict[int, list[Aside]] = defaultdict(list)
    for ballot_id, seat, reason in rows_of(connection, _ASIDE, ids):
        found[ballot_id].append(Aside(seat, reason))
    return {ballot_id: tuple(aside) for ballot_id, aside in found.items()}


def _counted(rows: Sequence[Any], votes: Mapping[int, tuple[Said, ...]]) -> dict[int, tuple[Said, ...]]:
    """Leave out the votes of ballots that were not counted: nobody is told what a withdrawn or open one would say."""
    counted = {row[0] for row in rows if row[5] in COUNTED}
    return {ballot_id: said for ballot_id, said in votes.items() if ballot_id in counted}


def _item(held: MeetingFacts, rank: int, row: Any, around: _Around) -> Item:
    ballot_id, instance_id, workflow, subject, trigger, status, electorate, *counts = row[:11]
    missing, reason, rule, *annulled, by_hand = row[11:]
    aside = around.aside.get(ballot_id, ())
    return Item(
        number=f"{held.month}/{rank}",
        ballot=ballot_id,
        instance=instance_id,
        workflow=workflow,
        trigger=trigger,
        subject=subject,
        name=around.names.get(instance_id, ""),
        question=around.questions.get((workflow, trigger), ""),
        status=BallotStatus(status),
        rule=rule_of(rule) if rule else None,
        counts=_counts(counts, {*_split(electorate)} - {one.seat for one in aside}) if status in COUNTED else None,
        votes=around.votes.get(ballot_id, ()),
        aside=aside,
        missing=_split(missing),
        reason=reason,
        annulled=_annulled(*annulled),
        by_hand=bool(by_hand),
    )


def _counts(frozen: Sequence[int], could_vote: Collection[str]) -> Counts:
    approve, reject, abstain, took_part = frozen
    return Counts(approve, reject, abstain, took_part, len(could_vote))


def _annulled(at: str | None, by: str, reason: str) -> Annulled | None:
    return None if at is None else Annulled(instant_of(at), by, reason)


def _sittings(
    connection: Connection,
    held: MeetingFacts,
    day: date,
    rows: Sequence[Any],
    votes: Mapping[int, tuple[Said, ...]],
) -> tuple[Sitting, ...]:
    """Every seat in office that day, or of some ballot, or recorded as present; in the order they were entered."""
    in_office = {seat.name: seat for seat in seats_in_office(connection, day)}
    concerned = {*in_office, *held.present, *(name for row in rows for name in _split(row[6]))}
    known = {seat.name: seat for seat in seats(connection)} | in_office
    excused = absences(connection, held.id)
    by_seat: dict[str, list[Said]] = defaultdict(list)
    for said in (one for ballot in votes.values() for one in ballot):
        by_seat[said.seat].append(said)
    return tuple(
        _sitting(known[name], held, by_seat[name], excused=name in excused) for name in known if name in concerned
    )


def _sitting(seat: SeatFacts, held: MeetingFacts, said: Sequence[Said], *, excused: bool) -> Sitting:
    # Whom the sheet lets vote was in the room, even where nobody listed who was.
    if seat.name in held.present or any(one.channel == SHEET for one in said):
        presence = Presence.PRESENT
    elif said:
        presence = Presence.REMOTE if all(one.remote for one in said) else Presence.VOTED
    else:
        presence = Presence.EXCUSED if excused else Presence.ABSENT
    return Sitting(seat.name, seat.person, seat.role, presence)


def _split(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split("|")))
