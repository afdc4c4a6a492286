"""Meetings, ballots, votes, letters."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from api.schemas.kinds import Code, Day, Given, Id, Instant, Line, Paragraph, SeatName, Told

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


class Ballot(Given):
    """A ballot. Counts are there once it is closed, `missing` when it is blocked."""

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


class Agenda(Given):
    """The list of a meeting. `list`: its digest, which changes when the list does."""

    meeting: Meeting
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


class RoomDecision(Told):
    """What the room decided on one ballot: unanimous, by counts, or by names."""

    ballot: Id
    unanimous: Choice | None = None
    counts: Counts | None = None
    votes: dict[SeatName, Choice] | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def _one_way(self) -> "RoomDecision":
        said = [way for way in (self.unanimous, self.counts, self.votes) if way is not None]
        if len(said) != 1:
            raise ValueError("one of unanimous, counts and votes is expected")
        return self


class Sheet(Told):
    """The secretary's sheet: who was there, and what was decided."""

    present: list[SeatName] = Field(max_length=100)
    decisions: list[RoomDecision] = Field(default=[], max_length=1000)

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
