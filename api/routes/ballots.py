"""Ballots: listed, voted on from one's seat, closed."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from api.deps import JSON, Anybody, ChairOnce, Office, Voter
from api.pagination import BIGGEST, Cursor, Limit, Page, id_key, page_of
from api.problems import NotFound, Unauthenticated
from api.schemas.board import Ballot, CountedVote, Rule, Status, Vote
from api.schemas.kinds import PathId
from engine import listings
from engine.across import Part, parts_of, write_parts
from engine.ballots import Choice
from engine.errors import BallotNotOpen, SeatNotYours
from engine.listings import BallotLine
from engine.voting import Cast, close_now
from engine.work import Work
from workflows import WORKFLOWS

router = APIRouter(tags=["ballots"])
_WHERE = "SELECT b.status, m.month FROM ballot b JOIN meeting m ON m.id = b.meeting_id WHERE b.id = ?"
_MEETINGS = "SELECT month, id FROM meeting"


def shape(line: BallotLine, meeting_id: int) -> Ballot:
    """Return a ballot as it is shown."""
    return Ballot(
        id=line.id,
        association=line.association,
        trigger=line.trigger,
        question=line.question,
        status=line.status,
        meeting=meeting_id,
        opens_at=line.opens_at,
        closes_at=line.closes_at,
        seats=list(line.seats),
        took_part=line.took_part,
        outcome=line.outcome,
        approve=line.approve,
        reject=line.reject,
        abstain=line.abstain,
        missing=list(line.missing or ()),
        reason=line.reason,
        recused=list(line.recused),
        rule=None if line.rule is None else Rule.model_validate(line.rule),
        annulled_at=line.annulled_at,
    )


def ballots_of(connection: Connection, status: str | None = None, month: str | None = None) -> list[Ballot]:
    """Return ballots (in one status, of one month's meeting), by id."""
    meetings = {row[0]: row[1] for row in connection.exec_driver_sql(_MEETINGS)}
    lines = listings.ballots(connection, WORKFLOWS, status, month)
    return [shape(line, meetings[line.meeting]) for line in sorted(lines, key=lambda line: line.id)]


def one(connection: Connection, ballot_id: int) -> Ballot:
    """Return one ballot. Raises NotFound."""
    row = connection.exec_driver_sql(_WHERE, (ballot_id,)).fetchone()
    if row is None:
        raise NotFound
    return next(ballot for ballot in ballots_of(connection, row[0], row[1]) if ballot.id == ballot_id)


@router.get("/ballots")
def list_ballots(
    office: Anybody,
    status: Status | None = None,
    meeting: Annotated[int | None, Query(ge=1, lt=BIGGEST)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Ballot]:
    """List ballots by id; counts are shown once they are closed."""
    after = id_key(cursor)
    with office.reading() as connection:
        found = ballots_of(connection, status)
    rows = [ballot for ballot in found if ballot.id > after and meeting in {None, ballot.meeting}]
    return page_of(rows, limit, lambda ballot: ballot.id, lambda ballot: ballot)


@router.get("/ballots/{ballot_id}")
def get_ballot(ballot_id: PathId, office: Anybody) -> Ballot:
    """Show one ballot."""
    with office.reading() as connection:
        return one(connection, ballot_id)


@router.put("/ballots/{ballot_id}/vote", response_model=CountedVote)
async def vote(ballot_id: PathId, body: Vote, office: Voter) -> Response:
    """Vote from the token's seat; it can be changed until the ballot closes."""
    house, token, seat = office.house, office.token, office.seat()
    try:
        at = await house.votes.cast(Cast(ballot_id, seat, Choice(body.choice), body.comment), token)
    except BallotNotOpen:
        await run_in_threadpool(_refuse_unknown, office, ballot_id)
        raise
    except (Unauthenticated, SeatNotYours):
        house.voters.pop(token.digest, None)
        raise
    counted = CountedVote(ballot=ballot_id, seat=seat, choice=body.choice, comment=body.comment, at=at)
    return Response(counted.model_dump_json(), media_type=JSON)


def close_parts(parts: Sequence[Part]) -> None:
    """Close these ballots, of whichever workflow. Raises BallotNotOpen, NotAllowed before their meeting."""
    for part in parts:
        close_now(part.work, [(part.case, part.ballot)])
    write_parts(parts)


def _refuse_unknown(office: Office, ballot_id: int) -> None:
    with office.reading() as connection:
        if connection.exec_driver_sql(_WHERE, (ballot_id,)).fetchone() is None:
            raise NotFound


@router.post("/ballots/{ballot_id}/close", response_model=Ballot)
def close_ballot(ballot_id: PathId, office: ChairOnce) -> Response:
    """Close a ballot during or after its meeting, and count it."""

    def act(work: Work) -> Ballot:
        one(work.connection, ballot_id)
        close_parts(parts_of(work, [ballot_id]))
        return one(work.connection, ballot_id)

    return office.once(None, act)
