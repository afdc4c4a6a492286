"""The minutes of a meeting, in the form, the language and the version that is asked for."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from api.deps import Anybody
from api.minutes import Format, read_minutes
from api.negotiation import best_of
from api.problems import Forbidden, NotFound
from api.schemas.kinds import PathId
from api.schemas.minutes import MinutesShape
from api.tables import Role
from engine.meetings import meetings_where
from notifications.documents import style_source
from notifications.minutes import Style, Version

router = APIRouter(tags=["meetings"])
SIGNED_FOR = (Role.SECRETARY, Role.CHAIR, Role.BOARD, Role.TREASURER)
"""Who may read names by vote, amounts and reasons."""
FORMATS = {
    "application/json": Format.JSON,
    "text/markdown": Format.MARKDOWN,
    "text/html": Format.HTML,
    "application/pdf": Format.PDF,
}
PAGE = f"default-src 'none'; style-src {style_source()}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The minutes.",
        "content": {
            "text/markdown": {"schema": {"type": "string"}},
            "text/html": {"schema": {"type": "string"}},
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    406: {
        "description": "None of the forms asked for can be had.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}


@router.get("/meetings/{meeting_id}/minutes", response_model=MinutesShape, responses=ANSWERS)
def minutes(
    meeting_id: PathId,
    office: Anybody,
    version: Annotated[
        Version, Query(description="signed: names, amounts and reasons, for secretary, chair, board and treasurer.")
    ] = Version.PUBLIC,
    language: Annotated[Literal["fr", "en"] | None, Query(description="Default: the organisation's.")] = None,
    comments: Annotated[bool, Query(description="With the comments of votes, in the signed version.")] = False,  # noqa: FBT002 a query's default
) -> Response:
    """Write the minutes of a meeting that was held: as JSON, Markdown, HTML or PDF, as Accept says.

    Without `version` everybody gets the public one: counts and decisions, no name by vote, no amount.
    """
    if version is Version.SIGNED and office.token.role not in SIGNED_FOR:
        raise Forbidden(roles=" or ".join(SIGNED_FOR))
    media = best_of(office.request.headers.get("accept"), tuple(FORMATS))
    settings = office.house.settings
    style = Style(language or settings.organisation.language.value, version, comments)
    with office.reading() as connection:
        if not meetings_where(connection, "id = ?", meeting_id):
            raise NotFound
        found = read_minutes(connection, settings, meeting_id, office.now)
    return Response(found.written(FORMATS[media], style), headers=_headers(found.facts.month, style, media))


def _headers(month: str, style: Style, media: str) -> dict[str, str]:
    """Say what it is, under which name to keep it, and what a page of it may do."""
    short = "minutes" if style.language == "en" else "proces-verbal"
    name = f"{short}-{month}-{style.version.value}.{FORMATS[media].value}"
    kind = f"{media}; charset=utf-8" if media.startswith("text/") else media
    headers = {"Content-Type": kind, "Vary": "Accept", "Content-Disposition": f'inline; filename="{name}"'}
    return headers | ({"Content-Security-Policy": PAGE} if media == "text/html" else {})
