"""What associations tell, and what is told of them: contacts, notices, stays, waivers, departures, corrections."""

from collections.abc import Callable

from fastapi import APIRouter, Response

from api.deps import DeskOnce, Office, TreasurerOnce
from api.routes.payments import standings
from api.schemas.board import Annulment
from api.schemas.kinds import Number, Told
from api.schemas.members import Contact, Departure, Hold, Waiver
from api.schemas.money import Standing
from engine.work import Work
from workflows.membership import corrections, ledger, members
from workflows.membership.facts import Member

router = APIRouter(tags=["associations"])


def _told(office: Office, number: str, body: Told | None, tell: Callable[[Work, Member], object]) -> Response:
    """Record what is told of one association, and answer how it stands then."""

    def act(work: Work) -> Standing:
        member = members.find(work, number)
        tell(work, member)
        work.write()
        return standings(work.connection, [member.id])[0]

    return office.once(body, act, 201)


@router.post("/associations/{number}/contacts", response_model=Standing, status_code=201)
def contact(number: Number, body: Contact, office: DeskOnce) -> Response:
    """Record that it was heard from: a sign of life."""
    told = members.Told(body.on, body.channel, body.note, office.actor)
    return _told(office, number, body, lambda work, member: members.contact(work, member, told))


@router.post("/associations/{number}/notices", response_model=Standing, status_code=201)
def notice(number: Number, body: Contact, office: DeskOnce) -> Response:
    """Record that we reached it otherwise than by mail."""
    told = members.Told(body.on, body.channel, body.note, office.actor)
    return _told(office, number, body, lambda work, member: members.notice(work, member, told))


@router.post("/associations/{number}/holds", response_model=Standing, status_code=201)
def hold(number: Number, body: Hold, office: DeskOnce) -> Response:
    """Grant it a stay up to and including a day."""
    return _told(
        office,
        number,
        body,
        lambda work, member: members.hold(work, member, body.until, body.reason, office.actor),
    )


@router.post("/associations/{number}/waivers", response_model=Standing, status_code=201)
def waive(number: Number, body: Waiver, office: DeskOnce) -> Response:
    """Waive what is unpaid of one year, called or not."""
    return _told(
        office,
        number,
        body,
        lambda work, member: ledger.waive(work, member, body.year, body.reason, office.actor),
    )


@router.post("/associations/{number}/departure", response_model=Standing, status_code=201)
def leave(number: Number, body: Departure, office: DeskOnce) -> Response:
    """Record that it leaves; any procedure ends."""
    return _told(
        office,
        number,
        body,
        lambda work, member: members.leave(work, member, body.on, body.reason, office.actor),
    )


@router.post("/associations/{number}/correction", response_model=Standing, status_code=201)
def correct(number: Number, body: Annulment, office: DeskOnce) -> Response:
    """Go back to the state before its last move: two people and a reason."""
    return _told(
        office,
        number,
        body,
        lambda work, member: corrections.correct(work, member, body.reason, body.by),
    )


@router.post("/associations/{number}/re-suspension", response_model=Standing, status_code=201)
def suspend_again(number: Number, office: TreasurerOnce) -> Response:
    """Cut again, under this year's decision, whom a payment had restored that is undone: its task `re_suspension`."""
    return _told(
        office,
        number,
        None,
        lambda work, member: corrections.suspend_again(work, member, office.actor),
    )
