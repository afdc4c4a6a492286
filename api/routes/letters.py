"""Registered letters: listed, started again, and what the post did with them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.deps import Anybody, Secretary, SecretaryOnce
from api.letter_press import LetterPress, keep
from api.pagination import Cursor, Limit, Page, id_key, page_of
from api.problems import NotFound
from api.schemas.board import Letter, LetterNews, NewLetter
from api.schemas.kinds import PathId
from engine.work import Work
from notifications.enclosures import PDF
from workflows.membership import letters, members
from workflows.membership.facts import LetterFacts
from workflows.membership.letters import PostNews
from workflows.membership.listings import LetterLine
from workflows.membership.listings import letters as letter_lines
from workflows.membership.models import LetterOutcome

router = APIRouter(tags=["letters"])
PRINTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The letter.", "content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}
}


def _shape(line: LetterLine) -> Letter:
    return Letter(
        id=line.id,
        association=line.association,
        kind=line.kind,
        created_at=line.created_at,
        posted_on=line.posted_on,
        tracking=line.tracking or None,
        first_presented_on=line.first_presented_on,
        outcome=line.outcome,
        search_note=line.search_note or None,
    )


def _one(connection: Connection, letter_id: int) -> LetterLine:
    for line in letter_lines(connection):
        if line.id == letter_id:
            return line
    raise NotFound


@router.get("/letters")
def list_letters(
    office: Anybody,
    association: Annotated[str | None, Query(max_length=40)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Letter]:
    """List registered letters (of one association), oldest first."""
    after = id_key(cursor)
    with office.studying() as work:
        if association is not None:
            members.find(work, association)
        found = [line for line in letter_lines(work.connection, association) if line.id > after]
    return page_of(found, limit, lambda line: line.id, _shape)


@router.get("/letters/{letter_id}.pdf", response_class=Response, responses=PRINTED)
def print_letter(letter_id: PathId, office: Secretary) -> Response:
    """Print one letter. Until it is posted it says how things stand today; from then on it stays as it was printed."""
    with office.reading() as connection:
        line = _one(connection, letter_id)
        press = LetterPress(connection, office.house.settings, office.engine.rules, office.now)
        content = press.one(letter_id)
    if press.printed:
        with office.engine.store.write() as connection:
            keep(connection, press)
    headers = {"Content-Disposition": f'inline; filename="{line.kind}-{letter_id}.pdf"'}
    return Response(content, media_type=PDF, headers=headers)


@router.get("/letters/{letter_id}")
def get_letter(letter_id: PathId, office: Anybody) -> Letter:
    """Show one letter."""
    with office.reading() as connection:
        return _shape(_one(connection, letter_id))


@router.post("/letters", response_model=Letter, status_code=201)
def write_letter_again(body: NewLetter, office: SecretaryOnce) -> Response:
    """Start a new letter of the kind that an association's procedure needs now."""

    def act(work: Work) -> Letter:
        letters.write_again(work, members.find(work, body.association), office.actor)
        work.write()
        return _shape(letter_lines(work.connection, body.association)[-1])

    return office.once(body, act, 201)


@router.patch("/letters/{letter_id}", response_model=Letter)
def tell_of_letter(letter_id: PathId, body: LetterNews, office: Secretary) -> Response:
    """Record what the post did with a letter; presented without an outcome means delivered."""
    news = PostNews(
        posted_on=body.posted_on,
        tracking=body.tracking,
        first_presented_on=body.first_presented_on,
        outcome=None if body.outcome is None else LetterOutcome(body.outcome),
        search_note=body.search_note,
    )
    letters.refuse_future(news, office.today)

    def act(work: Work) -> Letter:
        line = _one(work.connection, letter_id)
        if news != PostNews():
            letters.tell(work, members.find(work, line.association), _facts(line), news, office.actor)
            work.write()
        return _shape(_one(work.connection, letter_id))

    return office.does(act)


def _facts(line: LetterLine) -> LetterFacts:
    return LetterFacts(
        line.id, line.kind, line.created_at, line.posted_on, line.first_presented_on, line.outcome, line.search_note
    )
