"""Run by alembic, for `engine.migrate` only: the caller's connection, its transaction and, to compare, its metadata."""

from typing import Any, Literal

from alembic import context
from sqlmodel import AutoString
from sqlmodel.sql.sqltypes import UTCDateTime

PLAIN = {AutoString: "sa.String()", UTCDateTime: "sa.DateTime(timezone=True)"}


def render_plainly(kind: str, item: Any, _autogen: object) -> str | Literal[False]:
    """Name SQLModel's types in a new migration as what they are in the database, so that it imports no models."""
    return PLAIN.get(type(item), False) if kind == "type" else False


given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=given.get("metadata"),
    render_as_batch=given.get("batch", True),
    render_item=render_plainly,
)
with context.begin_transaction():
    context.run_migrations()
