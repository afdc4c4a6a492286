"""The demo's own part of the API: its clock, and a board that agrees. No token: everything here is fictional."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field, PlainValidator, WithJsonSchema

from api.demo.passing import Moved, Passing, everybody_votes
from api.deps import Here
from api.schemas.kinds import Given, Instant, Told, when
from engine.ballots import Choice
from engine.clock import local_day

router = APIRouter(tags=["demo"])


_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}", re.ASCII)


def _when_or_hour(value: Any) -> date | datetime:
    """Read what `when` reads, or a local hour, which has no zone."""
    if isinstance(value, str) and _HOUR.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("the calendar has no such day or hour") from None
    return when(value)


class NewDate(Told):
    """Where the clock is to be moved: noon of a day, an hour of the organisation's, or an instant."""

    to: Annotated[
        date | datetime,
        PlainValidator(_when_or_hour),
        WithJsonSchema({"type": "string"}),
        Field(description="A day (its noon), a local hour such as 2026-10-29T18:30, or an instant; not before now."),
    ]


class Clock(Given):
    """The demo's present."""

    now: Instant
    today: date


class Step(Given):
    """Something that happened on the way, to so many; payments are counted once, from their first day."""

    on: date
    trigger: str
    number: int


class Passed(Clock):
    """What a move did."""

    before: Instant
    happened: list[Step]
    mails: int


class Voice(Told):
    """What all seats say."""

    choice: Literal["approve", "reject", "abstain"]


class Voted(Given):
    """How many ballots everybody voted on."""

    ballots: int


async def passing_of(request: Request) -> Passing:
    """Return what moves this demo's clock."""
    passing: Passing = request.app.state.passing
    return passing


Time = Annotated[Passing, Depends(passing_of)]


@router.get("/demo/clock")
def get_demo_clock(house: Here) -> Clock:
    """Tell the demo's date. It stands still until it is moved."""
    now = house.clock()
    return Clock(now=now, today=local_day(now, house.engine.rules.tz))


@router.post("/demo/clock")
def move_demo_clock(body: NewDate, passing: Time) -> Passed:
    """Move the clock forwards: everything that is due on the way is done in its order, each at its own hour."""
    return passed(passing, passing.move(body.to))


def passed(passing: Passing, moved: Moved) -> Passed:
    """Tell what a move did."""
    return Passed(
        now=moved.now,
        today=local_day(moved.now, passing.engine.rules.tz),
        before=moved.before,
        happened=[Step(on=one.on, trigger=one.trigger, number=one.number) for one in moved.happened],
        mails=moved.mails,
    )


@router.post("/demo/votes")
def let_everybody_vote(body: Voice, house: Here) -> Voted:
    """Let every seat of the board say the same on every open ballot."""
    return Voted(ballots=everybody_votes(house.engine, Choice(body.choice)))
