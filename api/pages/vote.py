"""The voting page behind a seat's personal link.

Opening it never votes: only a form that was handed in does, in which something was chosen. Programs that follow or
submit every link they find therefore vote on nothing. A form counts once; a list that changed meanwhile is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection

from api import links
from api.board_matters import items_of
from api.clauses import CLAUSES
from api.deps import Here, House
from api.links import Link, UnknownLink
from api.pages.words import words
from api.problems import STATUS
from api.routes.meetings import agenda_of
from api.routes.votes import HEARINGS
from api.schemas.board import Agenda, Ballot
from api.settings import Settings
from engine.ballots import Choice, CountingRule
from engine.board_mail import tell_voter
from engine.board_models import BallotStatus
from engine.clock import local_day
from engine.errors import BadConfiguration, Invalid, ListChanged, RelanceError
from engine.faults import DatabaseFault
from engine.meetings import meeting
from engine.voting import Cast, cast
from notifications import minutes_words, wording
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.register.cells import why_unreadable

router = APIRouter(include_in_schema=False)
CHANNEL = "link"
LONGEST_BODY, LONGEST_COMMENT = 200_000, 2000
MOST_FIELDS = 5000
PAGE = "text/html; charset=utf-8"
_SAID = """SELECT v.ballot_id, v.choice FROM vote v JOIN ballot b ON b.id = v.ballot_id
    WHERE b.meeting_id = ? AND v.seat = ? AND v.superseded_at IS NULL"""
_pages = Environment(
    loader=PackageLoader("api", "pages/templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
Language = Annotated[str | None, Query(alias="lang", pattern="^(fr|en)$")]


@dataclass(frozen=True, slots=True)
class Form:
    """What was handed in: the form's number, the digest of the list, choices and comments by ballot."""

    number: str
    digest: str
    choices: Mapping[int, Choice]
    comments: Mapping[int, str]


async def form_of(request: Request) -> bytes:
    """Return what was handed in, as it came. Raises Invalid for more than any list needs."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise Invalid(reason="the form is too long")
    return bytes(body)


@router.api_route("/vote/{token}", methods=["GET", "HEAD"])
def open_page(token: str, house: Here, lang: Language = None) -> Response:
    """Show a seat its ballots. Nothing is chosen beforehand, and nothing is counted."""
    language = lang or house.settings.organisation.language.value
    try:
        return _list(house, token, language)
    except DatabaseFault:
        raise  # said as everywhere: 503, and when to come again
    except RelanceError as refusal:
        return _refused(refusal, language, "")


@router.post("/vote/{token}")
def hand_in(token: str, house: Here, body: Annotated[bytes, Depends(form_of)], lang: Language = None) -> Response:
    """Count what was chosen: all of it, or nothing."""
    language = lang or house.settings.organisation.language.value
    try:
        form = read_form(body)
        counted = count(house, token, form)
    except DatabaseFault:
        raise
    except RelanceError as refusal:
        return _refused(refusal, language, token)
    return _page("voted.html", language, counted=counted, chosen=bool(form.choices), token=token)


def read_form(body: bytes) -> Form:
    """Read a form. Raises Invalid for what no page of ours sends."""
    try:
        fields = parse_qs(body.decode("utf-8"), strict_parsing=True, max_num_fields=MOST_FIELDS)
        choices = {int(name[1:]): _one_choice(said) for name, said in fields.items() if name.startswith("b")}
        comments = {int(name[1:]): said[0].strip() for name, said in fields.items() if name.startswith("c")}
        number, digest = fields["form"][0], fields["list"][0]
    except (ValueError, LookupError):
        raise Invalid(reason="the form does not have the shape it should") from None
    if any(len(text) > LONGEST_COMMENT or why_unreadable(" ".join(text.split())) for text in comments.values()):
        raise Invalid(reason="a comment cannot be read")
    return Form(number, digest, choices, comments)


def _one_choice(said: list[str]) -> Choice:
    """Read what was chosen on one question. Raises ValueError for two things at once, or another word."""
    (word,) = said
    return Choice(word)


def count(house: House, token: str, form: Form) -> int:
    """Count a form; returns how many votes, 0 where nothing was chosen or it had been counted before.

    Raises UnknownLink, SeatNotYours, ListChanged, Invalid, and whatever voting raises.
    """
    now = house.now()
    with house.engine.acting(MEMBERSHIP, now) as work:
        link = _open(work.connection, house, token)
        if not form.choices or not links.key_of(house.settings).use(work.connection, link, form.number, now):
            return 0
        agenda = agenda_of(work.connection, link.meeting_id, house.settings)
        if form.digest != agenda.digest:
            raise ListChanged
        if not form.choices.keys() <= {item.id for item in agenda.items}:
            raise Invalid(reason="a ballot named is not on this list")
        votes = [Cast(ballot, link.seat, said, form.comments.get(ballot, "")) for ballot, said in form.choices.items()]
        cast(work, votes, CHANNEL)
        tell_voter(work, meeting(work.connection, link.meeting_id), link.seat)
        return len(votes)


def _open(connection: Connection, house: House, token: str) -> Link:
    link = links.open_link(connection, token)
    links.refuse_successor(connection, link, local_day(house.now(), house.engine.rules.tz))
    return link


def _list(house: House, token: str, language: str) -> Response:
    with house.engine.store.read() as connection:
        link = _open(connection, house, token)
        agenda = agenda_of(connection, link.meeting_id, house.settings)
        names = {item["id"]: item["name"] for item in items_of(connection, link.meeting_id)}
        said = {row[0]: row[1] for row in connection.exec_driver_sql(_SAID, (link.meeting_id, link.seat))}
    known = words(language)
    items = [_shown(item, names, said, link, known) for item in agenda.items]
    return _page(
        "vote.html",
        language,
        agenda=agenda,
        link=link,
        items=items,
        any_open=any(item["how"] == "open" for item in items),
        held=wording.moment(agenda.meeting.held_at.isoformat(), language, house.settings.organisation.timezone),
        organisation=house.settings.organisation.name,
        form=links.key_of(house.settings).form(link, house.now()),
        rules=_rules(agenda, language),
        clauses=_clauses(agenda, house.settings),
    )


def _shown(
    item: Ballot, names: Mapping[int, str], said: Mapping[int, str], link: Link, known: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "id": item.id,
        "number": item.association,
        "name": names.get(item.id, ""),
        "question": known.get(item.trigger, item.question),
        "how": _how(item, link),
        "said": known.get(said.get(item.id, ""), ""),
        "status": item.status,
    }


def _how(item: Ballot, link: Link) -> str:
    """How a seat sees a ballot: open, aside, scheduled, or closed."""
    if link.seat in item.recused:
        return "aside"
    if item.status == BallotStatus.SCHEDULED or (item.status == BallotStatus.BLOCKED and item.trigger in HEARINGS):
        return "scheduled"
    return "open" if item.status == BallotStatus.OPEN and link.seat in item.seats else "closed"


def _rules(agenda: Agenda, language: str) -> list[str]:
    """How the list's ballots are counted, in words: each rule once."""
    rules = [item.rule.model_dump() for item in agenda.items if item.rule is not None]
    texts = [" ".join(minutes_words.rule(CountingRule.from_record(rule), language)) for rule in rules]
    return list(dict.fromkeys(texts))


def _clauses(agenda: Agenda, settings: Settings) -> dict[str, str]:
    """The quoted clauses that make the board competent for the questions of the list, by question."""
    quoted = {item.trigger: getattr(settings.legal, CLAUSES.get(item.trigger, ""), "") for item in agenda.items}
    return {trigger: text for trigger, text in quoted.items() if text}


def _page(template: str, language: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
    text = _pages.get_template(template).render(t=words(language), language=language, **values)
    return Response(text, status, media_type=PAGE, headers={"x-robots-tag": "noindex, nofollow"})


def _refused(refusal: RelanceError, language: str, token: str) -> Response:
    """Say why nothing was counted, with the status and the type that the API would answer with."""
    known = words(language)
    kind = refusal.type if refusal.type in known else "invalid"
    status = STATUS.get(refusal.type, 422)
    if isinstance(refusal, BadConfiguration):  # the key's file: not the voter's fault
        kind, status = "unavailable", HTTPStatus.SERVICE_UNAVAILABLE
        structlog.get_logger("api").error("personal links", detail=str(refusal))
    back = "" if isinstance(refusal, UnknownLink) else token
    page = _page("refused.html", language, status, why=known[kind], kind=refusal.type, token=back)
    page.headers["x-problem-type"] = refusal.type
    return page
