"""Registered letters on paper: each as things stand until it is posted, then as it was sent; the sheet for posting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from api.addressees import letterhead_of, members_of
from api.minutes import names_of, owed_at
from api.settings import Settings
from engine.board_models import BallotStatus
from engine.clock import at_local, end_of_day, local_day
from engine.meetings import MeetingFacts, next_meeting_after
from engine.minutes import Item, MinutesFacts, minutes_of
from engine.rules import Rules
from engine.store import instant_of, maybe_day, maybe_instant, rows_of, stored
from notifications.minutes import counted
from notifications.outbox import ask_to_mend
from notifications.paper_labels import CLAUSE_TITLES
from notifications.papers import Paper, Post, Typesetter
from notifications.postal import has_address, postal_lines
from notifications.reference import reference_of
from notifications.sheet import Slip, print_sheet
from workflows import WORKFLOWS
from workflows.membership.hearing import last_day_to_post, last_day_to_present
from workflows.membership.models import LetterKind, LetterOutcome
from workflows.membership.tasks import no_deletion_before
from workflows.membership.words import State, Trigger

_LETTERS = """SELECT l.id, l.association_id, l.kind, l.created_at, l.posted_on, l.tracking,
    l.first_presented_on, l.outcome, a.reminded_at, a.cut_at, a.concerned, i.since
    FROM letter l JOIN association a ON a.instance_id = l.association_id
    JOIN workflow_instance i ON i.id = l.association_id WHERE l.id IN {ids} ORDER BY i.subject, l.id"""
_LATEST = """SELECT max(l.id) FROM letter l JOIN workflow_instance i ON i.id = l.association_id
    WHERE i.subject = coalesce(?, i.subject) GROUP BY l.association_id"""
_TO_POST = """SELECT max(l.id) FROM letter l JOIN workflow_instance i ON i.id = l.association_id
    WHERE (i.state, l.kind) IN ((?, ?), (?, ?)) AND l.created_at >= i.since GROUP BY l.association_id
    HAVING max(l.id) = max(CASE WHEN l.posted_on IS NULL THEN l.id END)"""
_INVITED = """SELECT posted_on, first_presented_on, outcome FROM letter
    WHERE association_id = ? AND kind = ? AND posted_on IS NOT NULL AND id < ? ORDER BY id DESC LIMIT 1"""
_DECIDED = """SELECT meeting_id FROM ballot WHERE instance_id = ? AND trigger = ? AND status = ?
    AND annulled_at IS NULL AND decided_at <= ? ORDER BY id DESC LIMIT 1"""
_PLACE = "SELECT place FROM meeting WHERE id = ?"
_PRINTED = "SELECT content FROM letter_print WHERE letter_id = ?"
_KEEP = """INSERT INTO letter_print (letter_id, content) SELECT id, ? FROM letter WHERE id = ? AND posted_on IS NULL
    ON CONFLICT (letter_id) DO UPDATE SET content = excluded.content"""


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A registered letter, with what the register knows of whom it is for."""

    id: int
    instance: int
    kind: str
    created_at: datetime
    posted_on: date | None
    tracking: str
    presented_on: date | None
    outcome: str | None
    reminded_at: datetime | None
    cut_at: datetime | None
    concerned: tuple[int, ...]
    since: datetime


def letters_to_post(connection: Connection) -> list[int]:
    """Ids of the letters that wait to be posted: the latest of each member in the procedure, or struck off."""
    kinds = (State.PROPOSED, LetterKind.SUMMONS, State.REMOVED, LetterKind.REMOVAL)
    return [row[0] for row in connection.exec_driver_sql(_TO_POST, tuple(kind.value for kind in kinds))]


def latest_letters(connection: Connection, number: str) -> list[int]:
    """Return the id of a member's latest letter, posted or not, if it has one."""
    return [row[0] for row in connection.exec_driver_sql(_LATEST, (number,))]


def keep(connection: Connection, press: "LetterPress") -> None:
    """Keep letters as they were printed, unless they have been posted meanwhile; ask to mend own words that failed."""
    if press.printed:
        connection.exec_driver_sql(_KEEP, [(content, letter) for letter, content in press.printed.items()])
    ask_to_mend(connection, press.typesetter.troubles, stored(press.now))


@dataclass
class LetterPress:
    """Prints the registered letters of one organisation, as things stand at an instant.

    `printed`: what was printed and is to be kept, by `keep`, in a transaction that may write.
    """

    connection: Connection
    settings: Settings
    rules: Rules
    now: datetime
    printed: dict[int, bytes] = field(default_factory=dict)
    _minutes: dict[int, MinutesFacts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read who writes."""
        self.letterhead = letterhead_of(self.settings)
        self.typesetter = Typesetter(self.letterhead)
        self.tz = self.settings.organisation.tz

    def one(self, letter_id: int) -> bytes:
        """Print one letter. Until it is posted it says how things stand and is kept; posted, it is what was kept."""
        (row,) = self.rows([letter_id])
        if row.posted_on is not None:
            printed = self.connection.exec_driver_sql(_PRINTED, (letter_id,)).scalar_one_or_none()
            if printed is not None:
                return bytes(printed)
        content = self._print([row], self._papers([row]))
        if row.posted_on is None:
            self.printed[letter_id] = content
        return content

    def batch(self, ids: Sequence[int]) -> bytes:
        """Print letters into one file, and keep each as it is printed."""
        if len(ids) == 1:
            return self.one(ids[0])
        rows = self.rows(ids)
        papers = self._papers(rows)
        for row, paper in zip(rows, papers, strict=True):
            if row.posted_on is None:
                self.printed[row.id] = self._print([row], [paper])
        return self._print(rows, papers)

    def sheet(self, ids: Sequence[int]) -> bytes:
        """Print the list of a batch: who, where, a place for each slip, and the last useful day to post."""
        rows = self.rows(ids)
        members = members_of(self.connection, [row.instance for row in rows])
        slips = [self._slip(row, members[row.instance]) for row in rows]
        meeting = next_meeting_after(self.connection, self.now)
        summons = any(row.kind == LetterKind.SUMMONS for row in rows)
        today = local_day(self.now, self.tz)
        made_at = at_local(today, 0, 0, self.tz)
        if meeting is None or not summons:
            return print_sheet(self.letterhead, slips, today, made_at)
        present_by = last_day_to_present(meeting.held_at, self.rules)
        days = (present_by, last_day_to_post(present_by))
        return print_sheet(self.letterhead, slips, today, made_at, meeting.held_at, days)

    def rows(self, ids: Sequence[int]) -> list[LetterRow]:
        """Read letters, by their members' numbers."""
        return [_letter_row(row) for row in rows_of(self.connection, _LETTERS, ids)]

    def _print(self, rows: Sequence[LetterRow], papers: Sequence[Paper]) -> bytes:
        made_at = at_local(max(self._written(row) for row in rows), 0, 0, self.tz)
        title = "" if len(papers) == 1 else f"{self.letterhead.name} – {papers[0]['labels']['registered']}"
        return self.typesetter.print(papers, made_at, title)

    def _papers(self, rows: Sequence[LetterRow]) -> list[Paper]:
        members = members_of(self.connection, [row.instance for row in rows])
        return [self._paper(row, members[row.instance]) for row in rows]

    def _paper(self, row: LetterRow, member: Mapping[str, Any]) -> Paper:
        language = str(member["language"])
        clause = self.settings.legal.removal
        titles = CLAUSE_TITLES.get(language, CLAUSE_TITLES[self.letterhead.language])
        post = Post(
            lines=postal_lines(member, language),
            registered=True,
            clause=clause,
            clause_title=titles["removal"],
            more=self._told(row, language),
        )
        return self.typesetter.paper(row.kind, language, {**member, **self._values(row, member)}, post)

    def _written(self, row: LetterRow) -> date:
        """The day a letter says it was written: today, until it is posted."""
        return row.posted_on or max(local_day(row.created_at, self.tz), local_day(self.now, self.tz))

    def _as_of(self, row: LetterRow) -> datetime:
        """As of when a letter tells: now, or the end of the day it was posted, when it was not printed here."""
        return self.now if row.posted_on is None else min(self.now, end_of_day(row.posted_on, self.tz))

    def _values(self, row: LetterRow, member: Mapping[str, Any]) -> dict[str, Any]:
        """What mails about the same may name."""
        owed = owed_at(self.connection, [row.instance], self._as_of(row)).get(row.instance, ())
        meeting = self._meeting(row)
        return {
            "person": False,
            "owed": owed,
            "total": sum(cents for _, cents in owed),
            "concerned": row.concerned,
            "reference": reference_of([year for year, _ in owed], str(member["number"])),
            "year": self._written(row).year,
            "written": self._written(row).isoformat(),
            "meeting": None if meeting is None else meeting.held_at.isoformat(),
            "place": "" if meeting is None else self._place(meeting),
        }

    def _meeting(self, row: LetterRow) -> MeetingFacts | None:
        """The meeting that a summons invites to: the next one, wherever it was moved."""
        if row.kind != LetterKind.SUMMONS:
            return None
        return next_meeting_after(self.connection, self._as_of(row))

    def _place(self, meeting: MeetingFacts) -> str:
        return str(self.connection.exec_driver_sql(_PLACE, (meeting.id,)).scalar_one())

    def _told(self, row: LetterRow, language: str) -> dict[str, Any]:
        """What only letters tell: the steps before, the decisions with their numbers and counts."""
        first = no_deletion_before(row.since, self.tz)
        return {
            "reminded_on": self._day(row.reminded_at),
            "cut_on": self._day(row.cut_at),
            "opened": self._decision(row, Trigger.PROPOSE_REMOVAL, language),
            "decided": self._decision(row, Trigger.REMOVE, language),
            "invited": self._invited(row),
            "not_before": first.isoformat() if first > self._written(row) else None,
        }

    def _day(self, instant: datetime | None) -> str | None:
        return None if instant is None else local_day(instant, self.tz).isoformat()

    def _decision(self, row: LetterRow, trigger: Trigger, language: str) -> dict[str, str] | None:
        """The board's latest decision on a question before the letter: its day, its number, its counts."""
        asked = (row.instance, trigger.value, BallotStatus.ADOPTED.value, stored(row.created_at))
        meeting_id = self.connection.exec_driver_sql(_DECIDED, asked).scalar_one_or_none()
        if meeting_id is None:
            return None
        facts = self._minutes_of(meeting_id)
        item = next(item for item in facts.decisions if (item.instance, item.trigger) == (row.instance, trigger))
        return {"on": str(self._day(facts.held_at)), "number": item.number, "counts": _counts(item, language)}

    def _minutes_of(self, meeting_id: int) -> MinutesFacts:
        if meeting_id not in self._minutes:
            self._minutes[meeting_id] = minutes_of(self.connection, self.tz, WORKFLOWS, meeting_id, names_of)
        return self._minutes[meeting_id]

    def _invited(self, row: LetterRow) -> dict[str, str | None] | None:
        """What became of the letter that invited to the hearing."""
        asked = (row.instance, LetterKind.SUMMONS.value, row.id)
        found = self.connection.exec_driver_sql(_INVITED, asked).fetchone()
        if found is None:
            return None
        posted, presented, outcome = found
        told = outcome if presented is not None or outcome == LetterOutcome.UNKNOWN_ADDRESS else None
        return {"posted": posted, "presented": presented, "outcome": told}

    def _slip(self, row: LetterRow, member: Mapping[str, Any]) -> Slip:
        return Slip(
            letter=row.id,
            number=str(member["number"]),
            kind=row.kind,
            lines=tuple(postal_lines(member, self.letterhead.language)),
            tracking=row.tracking,
            addressed=has_address(member),
        )


def _counts(item: Item, language: str) -> str:
    return "" if item.counts is None else counted(item.counts, language)


def _letter_row(row: Sequence[Any]) -> LetterRow:
    return LetterRow(
        *(row[0], row[1], row[2], instant_of(row[3]), maybe_day(row[4]), row[5], maybe_day(row[6]), row[7]),
        *(maybe_instant(row[8]), maybe_instant(row[9]), _years(row[10]), instant_of(row[11])),
    )


def _years(text: str) -> tuple[int, ...]:
    return tuple(int(year) for year in text.split("|") if year)
