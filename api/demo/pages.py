"""The demo's pages: the date and how to move it, who is where, open ballots, tasks, the mails. No script is needed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping

from api.demo.passing import ForwardsOnly, everybody_votes
from api.demo.routes import NewDate, Time
from api.demo.words import EN, EVENTS, FR, QUESTIONS, WORDS, Language, in_words, of_browser
from api.deps import Here, House
from api.links import HIDDEN
from api.mailroom import Kept, with_link
from api.problems import NotFound
from api.schemas.kinds import PathId
from api.shapes import rfc3339
from api.standing import standing_of
from engine.agenda import AGENDA
from engine.ballots import Choice
from engine.clock import days_after, local_day
from engine.errors import Invalid, NotAllowed
from engine.listings import ballots, tasks
from engine.outlook import MEETING, Coming, Status, horizon, outlook
from engine.store import instant_of
from workflows import WORKFLOWS
from workflows.membership.definition import LABELS, MEMBERSHIP

LONGEST_FORM, MOST_FIELDS = 1000, 5
router = APIRouter(include_in_schema=False, max_body_size=LONGEST_FORM)
STYLE = "demo.css"
FORMS = ("/demo/clock", "/demo/votes")
LATEST, A_PAGE = 12, 100
SOON = 6
FULL, SHORT = "EEEE d MMMM y, HH:mm", "d MMMM y, HH:mm"
OWN = {"same-origin", "none", ""}
_MAILS = """SELECT o.id, o.dedupe_key, o.kind, i.subject AS number, o.recipient, o.subject, o.created_at, o.body
    FROM outbox_message o LEFT JOIN workflow_instance i ON i.id = o.instance_id"""
_LATEST = f"{_MAILS} WHERE o.id < ? ORDER BY o.id DESC LIMIT ?"
_ONE = f"{_MAILS} WHERE o.id = ?"
BEYOND = 2**63 - 1

Lang = Annotated[str | None, Query(description="fr or en")]


@router.get("/")
def entrance() -> Response:
    """Show the way to the demo's page."""
    return _go("/demo")


@router.get("/demo")
def overview(request: Request, house: Here, lang: Lang = None, refused: str = "") -> Response:
    """Show the date and what can be done with it, and how everything stands."""
    language = _language(request, lang)
    now, tz = house.clock(), house.engine.rules.tz
    states = standing_of(house.engine, house.settings, now).states
    with house.engine.store.read() as connection:
        opened = ballots(connection, WORKFLOWS, "open")
        waiting = tasks(connection)
        latest = _mails(connection, BEYOND, LATEST)
    values = {
        "now": in_words(now.astimezone(tz), language, FULL),
        "today": local_day(now, tz).isoformat(),
        "jumps": [(word, days_after(local_day(now, tz), days).isoformat()) for word, days in (("day", 1), ("week", 7))],
        "coming": _coming(house, now, language),
        "states": [
            (LABELS[state] if language == FR else state.replace("_", " "), number) for state, number in states.items()
        ],
        "ballots": [(one, QUESTIONS[language].get(one.trigger, one.trigger)) for one in opened],
        "tasks": waiting,
        "mails": latest,
        "refused": WORDS[language].get(refused, ""),
    }
    return _page("overview.html", language, values)


@router.get("/demo/mails")
def mails(request: Request, house: Here, lang: Lang = None, before: int = BEYOND) -> Response:
    """List the mails, the latest first."""
    with house.engine.store.read() as connection:
        found = _mails(connection, min(max(before, 0), BEYOND), A_PAGE)
    older = found[-1]["id"] if len(found) == A_PAGE else None
    return _page("mails.html", _language(request, lang), {"mails": found, "older": older})


@router.get("/demo/mails/{message_id}")
def mail(message_id: PathId, request: Request, house: Here, lang: Lang = None) -> Response:
    """Show one mail as it would have arrived."""
    language = _language(request, lang)
    with house.engine.store.read() as connection:
        row = connection.exec_driver_sql(_ONE, (message_id,)).fetchone()
    if row is None:
        raise NotFound
    written = instant_of(row.created_at).astimezone(house.engine.rules.tz)
    arrived = dict(row._mapping)  # noqa: SLF001 SQLAlchemy's public name
    if HIDDEN in (arrived["body"] or ""):
        arrived["body"] = with_link(
            house.settings, house.engine, Kept(row.dedupe_key, row.recipient, row.body), house.clock()
        )
    values = {"mail": arrived, "written": in_words(written, language, FULL)}
    return _page("mail.html", language, values)


async def form_of(request: Request) -> Mapping[str, str]:
    """Read a form of our own pages. Raises NotAllowed for another site's, Invalid for what is none."""
    if request.headers.get("sec-fetch-site", "") not in OWN:
        raise NotAllowed(reason="the form is not of this site")
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Invalid(reason="it is not a form of these pages") from None
    return {name: values[0] for name, values in fields.items()}


Form = Annotated[Mapping[str, str], Depends(form_of)]


@router.post("/demo/clock")
def move(form: Form, passing: Time, lang: Lang = None) -> Response:
    """Move the clock, and show the page again."""
    try:
        passing.move(_day(form.get("to", "")))
    except ForwardsOnly:
        return _again(lang, "forwards")
    except BadDay:
        return _again(lang, "not_a_date")
    except Invalid:
        return _again(lang, "too_far")
    return _again(lang)


@router.post("/demo/votes")
def vote(form: Form, house: Here, lang: Lang = None) -> Response:
    """Let every seat vote, and show the page again."""
    choice = Choice.REJECT if form.get("choice") == Choice.REJECT else Choice.APPROVE
    try:
        everybody_votes(house.engine, choice)
    except NotAllowed:
        return _again(lang, "not_open")
    return _again(lang)


@router.get(f"/static/{STYLE}")
def style() -> Response:
    """Give the pages' style."""
    text = files("api.demo").joinpath(STYLE).read_text(encoding="utf-8")
    return Response(text, media_type="text/css; charset=utf-8")


class BadDay(Invalid):
    """A date is expected, such as 2026-06-02."""


def _day(text: str) -> date | datetime:
    """Read a day, or the instant of a button. Raises BadDay."""
    try:
        return NewDate.model_validate({"to": text}).to
    except ValidationError:
        raise BadDay from None


def _again(lang: str | None, refused: str = "") -> Response:
    asked = {"lang": lang, "refused": refused}
    told = urlencode({name: value for name, value in asked.items() if value})
    return _go(f"/demo?{told}" if told else "/demo")


def _go(where: str) -> Response:
    return Response(status_code=303, headers={"Location": where})


def _language(request: Request, lang: str | None) -> Language:
    if lang in {FR, EN}:
        return FR if lang == FR else EN
    return of_browser(request.headers.get("accept-language", ""))


def _mails(connection: Connection, before: int, number: int) -> Sequence[RowMapping]:
    return [row._mapping for row in connection.exec_driver_sql(_LATEST, (before, number))]  # noqa: SLF001 SQLAlchemy's public name


def _coming(house: House, now: datetime, language: Language) -> list[Mapping[str, Any]]:
    """Return what comes next and matters: yearly steps, and evenings of the board that have something to decide."""
    with house.engine.context.reading(MEMBERSHIP, now) as work:
        found = [one for one in outlook(work, now, horizon(now)) if one.at > now and one.status is Status.DUE]
    matters = [one for one in found if one.touches or one.event not in {AGENDA, MEETING}]
    return [_jump(one, house, language) for one in matters[:SOON]]


def _jump(coming: Coming, house: House, language: Language) -> Mapping[str, Any]:
    local = coming.at.astimezone(house.engine.rules.tz)
    return {
        "to": rfc3339(coming.at),
        "on": in_words(local, language, SHORT),
        "what": EVENTS[language].get(coming.event, coming.event),
        "touches": coming.touches,
    }


def _page(name: str, language: Language, values: Mapping[str, Any]) -> Response:
    other = EN if language == FR else FR
    text = _templates().get_template(name).render(values, lang=language, other=other, t=WORDS[language])
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return Response(text, headers=headers, media_type="text/html; charset=utf-8")


@cache
def _templates() -> Environment:
    loader = PackageLoader("api.demo")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
