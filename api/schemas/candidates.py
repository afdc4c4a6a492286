"""Candidates: who asks to become a member, and what the board made of it."""

from typing import Literal

from pydantic import Field

from api.schemas.kinds import Code, Day, Given, Instant, Line, Said, Told
from api.schemas.members import Contacts, Reached, ServiceName


class CandidateLine(Given):
    """A candidate in a list."""

    number: str
    name: str
    kind: str
    state: str
    since: Instant
    applied_on: Day
    presented_by: str
    put_off_until: Day | None


class BoardAnswer(Given):
    """A ballot on a candidate."""

    ballot: int
    held_at: Instant
    status: str


class Candidate(CandidateLine, Reached):
    """One candidate: what it asks for, who presents it, what the board answered and on which conditions."""

    services: list[ServiceName]
    note: str
    conditions: str
    ballots: list[BoardAnswer]
    tasks: list[str]
    waits_for: list[str] = Field(description="What keeps it from the next agenda.")
    member: bool = Field(description="Whether there is a membership of its number.")


class Application(Contacts):
    """What an application says beside who it is."""

    applied_on: Day | None = None
    presented_by: Line | None = Field(default=None, description="A seat, or a member's number.")
    note: Line | None = None
    conditions: Line | None = Field(default=None, description="On which the board would admit it, or does.")
    services: list[ServiceName] | None = Field(default=None, max_length=100)


class NewCandidate(Application):
    """A new candidate; without a number it gets the next one."""

    number: Code | None = None
    name: Said
    kind: Literal["association", "person"] = "association"


class ChangedCandidate(Application):
    """What changes: fields that are not named stay."""

    name: Said | None = None
    kind: Literal["association", "person"] | None = None


class Withdrawal(Told):
    """A candidate withdraws."""

    on: Day
    reason: Line = ""
