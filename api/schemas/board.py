"""Meetings, ballots, votes, letters."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from api.schemas.kinds import Code, Day, Given, Id, Instant, Line, Paragraph, Said, SeatName, Told

Choice = Literal["approve", "reject", "abstain"]
Status = Literal["scheduled", "open", "adopted", "rejected", "no_quorum", "withdrawn", "blocked"]


class Meeting(Given):
    """A meeting of the board."""

    id: int
    month: str
    held_at: Instant
    publish_at: Instant
    closes_at: Instant
    place: str
    confirmed: bool
    published_at: Instant | None
    closed_at: Instant | None
    items: int


class NewMeeting(Told):
    """A meeting in a month for which none was planned."""

    held_at: Instant
    place: Line = ""


class ChangedMeeting(Told):
    """What changes of a meeting: fields that are not named stay."""

    held_at: Instant | None = None
    place: Line | None = None
    confirmed: bool | None = None


class Rule(Given):
    """How a ballot's votes are counted: the board's rule when it opened."""

    quorum: str | None
    quorum_strict: bool
    quorum_counts: str
    base: str
    fraction: str
    strict: bool
    casting_vote: bool


class Ballot(Given):
    """A ballot. Counts are there once it is closed, `missing` when it is blocked, `rule` once it has opened.

    `recused`: seats that stand aside. `annulled_at`: its decision was annulled, and causes nothing any more.
    """

    id: int
    association: str
    trigger: str
    question: str
    status: str
    meeting: int
    opens_at: Instant
    closes_at: Instant
    seats: list[str]
    took_part: int
    outcome: str | None
    approve: int | None
    reject: int | None
    abstain: int | None
    missing: list[str]
    reason: str | None
    recused: list[str]
    rule: Rule | None
    annulled_at: Instant | None


class Agenda(Given):
    """The list of a meeting. `list`: its digest, which changes when the list does. `excused`: absences announced.

    `warnings`: clauses that would make the board competent and are not quoted in the configuration, by question.
    """

    meeting: Meeting
    excused: list[str]
    warnings: dict[str, list[str]]
    digest: str = Field(serialization_alias="list")
    items: list[Ballot]


class Vote(Told):
    """What a seat says."""

    choice: Choice
    comment: Paragraph = ""


class CountedVote(Given):
    """A vote that counts."""

    ballot: int
    seat: str
    choice: Choice
    comment: str
    at: Instant


class Counts(Told):
    """How many said what."""

    approve: Annotated[int, Field(ge=0, le=1000, strict=True)] = 0
    reject: Annotated[int, Field(ge=0, le=1000, strict=True)] = 0
    abstain: Annotated[int, Field(ge=0, le=1000, strict=True)] = 0


class PutOff(Told):
    """Who does what about it, and until which day (included) the subject has time."""

    who: Said
    what: Said
    until: Day


class RoomDecision(Told):
    """What the room decided on one ballot: unanimous, by counts, by names, or to put it off."""

    ballot: Id
    unanimous: Choice | None = None
    counts: Counts | None = None
    votes: dict[SeatName, Choice] | None = Field(default=None, max_length=100)
    postponed: PutOff | None = None
    conditions: Line | None = Field(default=None, description="Of an admission: on which conditions it is decided.")

    @model_validator(mode="after")
    def _one_way(self) -> "RoomDecision":
        said = [way for way in (self.unanimous, self.counts, self.votes, self.postponed) if way is not None]
        if len(said) != 1:
            raise ValueError("one of unanimous, counts, votes and postponed is expected")
        return self


class Sheet(Told):
    """The secretary's sheet: who was there, and what was decided."""

    present: list[SeatName] = Field(max_length=100)
    decisions: list[RoomDecision] = Field(default=[], max_length=1000)
    the_rest: Choice | None = Field(
        default=None, description="Unanimous on every other ballot of the meeting; never on a strike-off."
    )

    @model_validator(mode="after")
    def _once_each(self) -> "Sheet":
        named = [decision.ballot for decision in self.decisions]
        if len(set(named)) < len(named):
            raise ValueError("a ballot is decided once")
        return self


class Recorded(Given):
    """What a meeting has decided so far."""

    meeting: int
    present: list[str]
    ballots: list[Ballot]


class ListVote(Told):
    """What a seat says on one ballot of a list."""

    ballot: Id
    choice: Choice
    comment: Paragraph = ""


class ListVotes(Told):
    """What a seat says on a whole list: `default` on all, and exceptions by ballot."""

    digest: str | None = Field(default=None, max_length=64, alias="list", description="The agenda's digest.")
    default: Choice | None = None
    votes: list[ListVote] = Field(default=[], max_length=1000)

    @model_validator(mode="after")
    def _consistent(self) -> "ListVotes":
        named = [vote.ballot for vote in self.votes]
        if len(set(named)) < len(named):
            raise ValueError("a ballot is voted on once")
        if self.default is not None and self.digest is None:
            raise ValueError("a default needs the list that was read: its digest")
        if self.default is None and not named:
            raise ValueError("no vote is named, and no default")
        return self


class VotedList(Given):
    """A seat's votes on a list that count: how many, and on which ballots."""

    meeting: int
    seat: str
    counted: int
    ballots: list[int]


class Recusal(Told):
    """A seat that stands aside, and why."""

    seat: SeatName
    reason: Said


class Reason(Told):
    """Why."""

    reason: Said


class NewItem(Told):
    """A question put on an agenda by hand."""

    association: Code
    trigger: Code
    reason: Said


class Annulment(Told):
    """Which two people annul a decision, and why."""

    reason: Said
    by: list[Said] = Field(min_length=2, max_length=2)


class Absence(Told):
    """A seat that will not be there."""

    seat: SeatName
    note: Line = ""


class Absences(Given):
    """Who has announced an absence from a meeting."""

    meeting: int
    absences: list[Absence]


class SignedVote(Told):
    """A vote that another program brings, signed."""

    ballot: Id
    seat: SeatName
    choice: Choice
    comment: Paragraph = ""


class VoteReceived(Given):
    """A vote that was brought. `counted`: false for a message that had its effect before."""

    ballot: int
    seat: str
    counted: bool


class Letter(Given):
    """A registered letter."""

    id: int
    association: str
    kind: str
    created_at: Instant
    posted_on: Day | None
    tracking: str | None
    first_presented_on: Day | None
    outcome: str | None
    search_note: str | None


class NewLetter(Told):
    """A new letter of the kind that the procedure needs now."""

    association: Code


class LetterNews(Told):
    """What became known of a letter: fields that are not named stay."""

    posted_on: Day | None = None
    tracking: Line | None = None
    first_presented_on: Day | None = None
    outcome: Literal["delivered", "refused", "unclaimed", "unknown_address"] | None = None
    search_note: Paragraph | None = None
