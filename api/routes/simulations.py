"""Simulations: the future of this database, on a copy; one at a time."""

from threading import Lock

from fastapi import APIRouter, Response

from api.deps import AnybodyOnce
from api.futures import Question, play_future
from api.schemas.running import Assumption, Simulated
from api.shapes import result_json
from engine.errors import Invalid
from engine.simulation import Board
from workflows.membership.assumptions import Assume

router = APIRouter(tags=["simulations"])
LONGEST_DAYS = 5 * 366
_turn = Lock()


@router.post("/simulations", response_model=Simulated)
def simulate(body: Assumption, office: AnybodyOnce) -> Response:
    """Play the future on a copy: nothing leaves, nothing is changed."""
    if (body.until - body.first).days > LONGEST_DAYS:
        raise Invalid(reason="at most five years are simulated here")
    earlier = office.answered(body)
    if earlier is not None:
        return earlier
    question = Question(body.first, body.until, Assume(body.assume), Board(body.board))
    with _turn:
        played = play_future(office.engine, office.now, question)
    result = Simulated.model_validate(result_json(played.result))
    return office.once(body, lambda _work: result)
