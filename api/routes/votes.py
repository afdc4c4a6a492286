"""A seat votes on the whole list at once: one choice for all that may share it, and exceptions by name."""

from fastapi import APIRouter, Response

from api.deps import Office, VoterOnce
from api.routes.meetings import agenda_of
from api.schemas.board import Agenda, Ballot, ListVotes, VotedList
from api.schemas.kinds import PathId
from api.votes import CHANNEL
from engine.across import hearings
from engine.ballots import Choice
from engine.board_models import BallotStatus
from engine.errors import Invalid, ListChanged
from engine.voting import Cast, cast
from engine.work import Work
from workflows import WORKFLOWS

router = APIRouter(tags=["meetings"])
HEARINGS = hearings(WORKFLOWS)


@router.post("/meetings/{meeting_id}/votes", response_model=VotedList)
def vote_on_list(meeting_id: PathId, body: ListVotes, office: VoterOnce) -> Response:
    """Vote from the token's seat on the whole list: all of it is counted, or nothing.

    With `default`, the list must be the one that was read (`list`, the agenda's digest); it never covers a strike-off,
    nor a ballot on which the seat stands aside.
    """
    return office.once(body, lambda work: vote_list(work, office, meeting_id, body))


def vote_list(work: Work, office: Office, meeting_id: int, body: ListVotes) -> VotedList:
    """Count a seat's votes. Raises NotFound, ListChanged, NotASeat, BallotNotOpen, Recused, Invalid."""
    seat = office.seat()
    agenda = agenda_of(work.connection, meeting_id, office.house.settings)
    votes = votes_of(agenda, seat, body)
    cast(work, votes, CHANNEL)
    work.write()
    return VotedList(meeting=meeting_id, seat=seat, counted=len(votes), ballots=[vote.ballot_id for vote in votes])


def votes_of(agenda: Agenda, seat: str, body: ListVotes) -> list[Cast]:
    """What a seat says on a list. Raises ListChanged, Invalid for a ballot of another meeting."""
    if body.digest is not None and body.digest != agenda.digest:
        raise ListChanged
    here = {item.id for item in agenda.items}
    named = {vote.ballot: Cast(vote.ballot, seat, Choice(vote.choice), vote.comment) for vote in body.votes}
    if not named.keys() <= here:
        raise Invalid(reason="a ballot named is not on this list")
    rest = [] if body.default is None else [item.id for item in agenda.items if _covered(item, seat)]
    by_default = {ballot: Cast(ballot, seat, Choice(body.default)) for ballot in rest if body.default is not None}
    return list((by_default | named).values())


def _covered(item: Ballot, seat: str) -> bool:
    """Whether the default speaks for a ballot: it is open to the seat, and no hearing."""
    votes = seat in item.seats and seat not in item.recused
    return votes and item.status == BallotStatus.OPEN and item.trigger not in HEARINGS
