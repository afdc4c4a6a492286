"""Votes: one seat, one vote, named; and closing early."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from engine.agenda import close_ballots
from engine.ballots import Choice
from engine.batch import Statement
from engine.board import seats
from engine.board_models import BallotStatus
from engine.cases import BallotFacts, Case
from engine.errors import BallotNotOpen, NotAllowed, NotASeat, Recused
from engine.meetings import meeting
from engine.store import rows_of
from engine.tallies import recused_on
from engine.work import Work

SUPERSEDE = Statement(
    "UPDATE vote SET superseded_at = ? WHERE ballot_id = ? AND seat = ? AND superseded_at IS NULL", order=3
)
VOTE = Statement.insert("vote", "ballot_id", "seat", "choice", "comment", "channel", "at")
_VOTED = """SELECT ballot_id, seat FROM vote WHERE ballot_id IN {ids} AND superseded_at IS NULL
    AND seat IN (SELECT value FROM json_each(?))"""
_OPEN_BALLOTS = """SELECT b.id, b.instance_id, b.status, b.opens_at, b.closes_at, b.electorate, m.held_at
    FROM ballot b JOIN meeting m ON m.id = b.meeting_id WHERE b.id IN {ids}"""


@dataclass(frozen=True, slots=True)
class Cast:
    """One seat's choice on one ballot."""

    ballot_id: int
    seat: str
    choice: Choice
    comment: str = ""


def cast(work: Work, votes: Sequence[Cast], channel: str) -> None:
    """Record votes, all or none; an earlier vote of the same seat is superseded and kept.

    Raises NotASeat, Recused, NotAllowed before the meeting of a board that does not vote remotely, BallotNotOpen.
    """
    ids = sorted({vote.ballot_id for vote in votes})
    ballots = {row[0]: row for row in rows_of(work.connection, _OPEN_BALLOTS, ids)}
    known = {seat.name for seat in seats(work.connection)}
    seats_voting = json.dumps(sorted({vote.seat for vote in votes}))
    voted = set(rows_of(work.connection, _VOTED, ids, seats_voting))
    aside, now = recused_on(work.connection, ids), work.now
    for vote in votes:
        row = ballots.get(vote.ballot_id)
        if row is None or row[2] != BallotStatus.OPEN or not row[3] <= now < row[4]:
            raise BallotNotOpen(ballot=vote.ballot_id)
        if vote.seat not in known or vote.seat not in row[5].split("|"):
            raise NotASeat(seat=vote.seat)
        if vote.seat in aside.get(vote.ballot_id, ()):
            raise Recused(seat=vote.seat)
        if not work.rules.board.remote_votes and now < row[6]:
            raise NotAllowed(reason="this board votes in the meeting only: board.remote_votes is off")
        if (vote.ballot_id, vote.seat) in voted:
            work.batch.add(SUPERSEDE, now, vote.ballot_id, vote.seat)
        work.batch.add(VOTE, vote.ballot_id, vote.seat, vote.choice.value, vote.comment, channel, now)


def close_now(work: Work, pairs: Sequence[tuple[Case, BallotFacts]]) -> None:
    """Close open ballots at once, as the secretary or chair may from the meeting's hour on.

    Raises BallotNotOpen, or NotAllowed before the meeting.
    """
    for _, ballot in pairs:
        if ballot.status != BallotStatus.OPEN:
            raise BallotNotOpen(ballot=ballot.id)
        if work.at < ballot.held_at:
            raise NotAllowed(reason="a ballot is closed during or after its meeting, not before")
        held = meeting(work.connection, ballot.meeting_id)
        close_ballots(work, [(case, found) for case, found in pairs if found is ballot], held, work.at)
