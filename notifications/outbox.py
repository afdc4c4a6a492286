"""The outbox's words: rows that the engine wrote get their subject and body here, before anything is sent."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from jinja2 import TemplateError
from sqlalchemy import Connection, Row

from engine.batch import OPEN_TASK, task_key
from engine.errors import BadDefinition
from engine.store import Store, instant_of
from notifications.enclosures import Enclosures, keep
from notifications.invitations import INVITING, invitation_of, place_of
from notifications.mail import Part
from notifications.own_words import BrokenTemplate
from notifications.pages import keep_pages
from notifications.papers import CALL
from notifications.reference import reference_of
from notifications.render import Letterhead, Renderer, Text
from notifications.variables import NO_MEMBER, UNTOLD

LOG = logging.getLogger("relance.mail")
BATCH = 500
UNRENDERABLE = (
    *(TemplateError, BadDefinition, BrokenTemplate, ArithmeticError, AttributeError, LookupError, RecursionError),
    TypeError,
    ValueError,
)
FREE_DEPARTURE = (1, 20)
FREE_DAYS_AFTER_CALL = 30
LONGEST_ERROR = 500
OWN_TEMPLATE = "own_template"
"""The task that names one of the organisation's own templates that cannot be used."""

# The second condition on the status repeats the partial index's own words: without it SQLite reads the whole table.
_WAITING = """SELECT id, instance_id, kind, language, event, context, created_at, due_at FROM outbox_message
    WHERE status = 'pending' AND status IN ('pending', 'sending') AND body IS NULL AND (due_at, id) > (?, ?)
    ORDER BY due_at, id LIMIT ?"""
_ANY_WORDLESS = """SELECT 1 FROM outbox_message
    WHERE status = 'pending' AND status IN ('pending', 'sending') AND body IS NULL LIMIT 1"""
_RENDERED = """UPDATE outbox_message SET subject = ?, body = ?, layout = ?
    WHERE id = ? AND status = 'pending' AND body IS NULL"""
_FAILED = "UPDATE outbox_message SET status = 'failed', error = ? WHERE id = ? AND status = 'pending'"

_BEFORE_ALL: tuple[str, int] | None = ("", 0)

_PAYMENT: dict[str, Any] = {"years": (), "credit": 0, "reference": "", "reversed_on": None, "reason": None}


class Lookup(Protocol):
    """Who the mails of these instances are for: number, name, kind, contact_name, language, state of each."""

    def __call__(self, connection: Connection, instance_ids: Sequence[int], /) -> Mapping[int, Mapping[str, Any]]:
        """Return what is known of these instances, by id; one that is unknown is left out."""


class BoardLookup(Protocol):
    """What a mail of a kind to the board lists, beyond what it was written with: by the names that templates use."""

    def __call__(self, connection: Connection, kind: str, told: Mapping[str, Any], /) -> Mapping[str, Any]:
        """Return it."""


def _nothing_more(_connection: Connection, _kind: str, _told: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def any_wordless(connection: Connection) -> bool:
    """Whether some message that waits has no words yet. Asked every few seconds."""
    return connection.exec_driver_sql(_ANY_WORDLESS).fetchone() is not None


@dataclass(frozen=True)
class Writer:
    """What words, and the files that go with them, are made of. `enclosures` None: mails leave without any file."""

    letterhead: Letterhead
    lookup: Lookup
    of_board: BoardLookup = _nothing_more
    enclosures: Enclosures | None = None

    @cached_property
    def renderer(self) -> Renderer:
        """The texts of mails."""
        return Renderer(self.letterhead)


@dataclass(slots=True)
class _Drafts:
    """What was made of some rows, before it is written down."""

    words: list[tuple[int, Text]] = field(default_factory=list)
    files: list[tuple[int, Part]] = field(default_factory=list)
    failed: list[tuple[str, int]] = field(default_factory=list)


def render_pending(
    store: Store,
    letterhead: Letterhead,
    lookup: Lookup,
    of_board: BoardLookup = _nothing_more,
    enclosures: Enclosures | None = None,
    at_most: int | None = None,
) -> int:
    """Write the words of every pending message that has none, with its files; returns how many were written.

    They are made without a lock, batch by batch (`at_most`: so many messages, or a batch more), and written in one
    transaction per batch. A message that cannot be written is failed with its error, and the others go on.
    """
    writer = Writer(letterhead, lookup, of_board, enclosures)
    written, seen, after = 0, 0, _BEFORE_ALL
    while after is not None and (at_most is None or seen < at_most):
        with store.read() as connection:
            rows, values, after = _read_next(connection, after, writer)
        drafts = _draft(rows, values, writer)
        if rows:
            with store.write() as connection:
                _write(connection, drafts)
                _keep_beside(connection, writer, rows[-1].created_at)
        written, seen = written + len(drafts.words), seen + len(rows)
    return written


def render_in(connection: Connection, writer: Writer) -> int:
    """Do the same within a transaction of the caller's: for a sink, which accepts at once what has its words."""
    written, after = 0, _BEFORE_ALL
    while after is not None:
        rows, values, after = _read_next(connection, after, writer)
        drafts = _draft(rows, values, writer)
        _write(connection, drafts)
        if rows:
            _keep_beside(connection, writer, rows[-1].created_at)
        written += len(drafts.words)
    return written


def _read_next(
    connection: Connection, after: tuple[str, int], writer: Writer
) -> tuple[Sequence[Row[Any]], list[dict[str, Any] | Exception], tuple[str, int] | None]:
    """Read the next batch: rows, what each may name, and after which message to go on (None: that was all)."""
    found = connection.exec_driver_sql(_WAITING, (*after, BATCH)).fetchall()
    rows = _to_a_second_invitation(found)
    values = _values_of_all(connection, rows, writer)
    return rows, values, None if len(rows) == len(found) < BATCH else (rows[-1].due_at, rows[-1].id)


def _to_a_second_invitation(rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Rows up to where a member has a second one for its calendar: that one needs the first to be kept."""
    seen: dict[int, tuple[Any, ...]] = {}
    for number, row in enumerate(rows):
        which = (row.kind, row.context, row.created_at)
        if row.kind in INVITING and seen.setdefault(row.instance_id, which) != which:
            return rows[:number]
    return rows


def _values_of_all(
    connection: Connection, rows: Sequence[Row[Any]], writer: Writer
) -> list[dict[str, Any] | Exception]:
    """Put together what each row's template may name, or why that cannot be."""
    members = writer.lookup(connection, sorted({row.instance_id for row in rows if row.instance_id is not None}))
    found: list[dict[str, Any] | Exception] = []
    for row in rows:
        try:
            values = values_of(row, members, writer.letterhead)
            if row.instance_id is None:
                values |= writer.of_board(connection, row.kind, values)
            elif row.kind in INVITING:
                values["place"] = place_of(connection, values["meeting"])
                if writer.enclosures is not None:
                    values["invitation"] = invitation_of(connection, row, values)
        except UNRENDERABLE as error:
            found.append(error)
        else:
            found.append(values)
    return found


def _draft(rows: Sequence[Row[Any]], values: Sequence[dict[str, Any] | Exception], writer: Writer) -> _Drafts:
    """Make words and files. Chair and treasurer get the same file: it is made once."""
    drafts, made = _Drafts(), dict[tuple[Any, ...], tuple[Part, ...]]()
    for row, known in zip(rows, values, strict=True):
        try:
            if isinstance(known, Exception):
                raise known
            text = writer.renderer.render(row.kind, row.language, known)
            own = row.id if row.kind in INVITING else None  # an invitation names whom it is for
            same = (row.instance_id, row.kind, row.language, row.context, row.created_at, own)
            if same not in made and writer.enclosures is not None:
                made[same] = writer.enclosures.make(row.kind, row.language, known, instant_of(row.created_at))
        except UNRENDERABLE as error:
            drafts.failed.append((f"cannot be written: {type(error).__name__}: {error}"[:LONGEST_ERROR], row.id))
        else:
            drafts.words.append((row.id, text))
            drafts.files += [(row.id, part) for part in made.get(same, ())]
    return drafts


def _write(connection: Connection, drafts: _Drafts) -> None:
    """Write down what was made, unless another has been faster."""
    keep(connection, drafts.files)
    rendered = [(*text, message) for message, text in drafts.words]
    for sql, changes in ((_RENDERED, rendered), (_FAILED, drafts.failed)):
        if changes:
            connection.exec_driver_sql(sql, changes)


def _keep_beside(connection: Connection, writer: Writer, at: str) -> None:
    """Keep the pages that texts were made for; ask for what is wrong with the organisation's own templates."""
    keep_pages(connection, writer.renderer.pages)
    ask_to_mend(connection, writer.renderer.troubles, at)
    if writer.enclosures is not None:
        ask_to_mend(connection, writer.enclosures.troubles, at)


def ask_to_mend(connection: Connection, troubles: Mapping[str, str], at: str) -> None:
    """Ask for what is wrong with the organisation's own templates, by file and line, once."""
    for place, reason in troubles.items():
        note = f"{place}: {reason}. The built-in words leave meanwhile; relance template check tells more"
        row = (task_key(OWN_TEMPLATE, None, place), OWN_TEMPLATE, None, place, at, None, note)
        if connection.exec_driver_sql(OPEN_TASK.sql, row).rowcount:
            LOG.error("template %s: %s; the built-in one takes its place", place, reason)


def values_of(row: Any, members: Mapping[int, Mapping[str, Any]], letterhead: Letterhead) -> dict[str, Any]:
    """Put together what a template may name. What the context froze goes before what the member is by now.

    `row` has `instance_id`, `kind`, `event`, `context`, `created_at` as the outbox has them.
    """
    told = _told(row.context, row.created_at, letterhead.timezone, letterhead.due_on)
    values = {**UNTOLD, **NO_MEMBER, "event": row.event}
    if row.instance_id is not None:
        member = members[row.instance_id]
        values |= {**member, "person": member["kind"] == "person"}
        values["reference"] = reference_of(told["owed_years"] or [told["year"]], member["number"])
    values |= told
    if row.kind != CALL:
        values["resign_before"] = None  # counted from the call: any other mail would tell a day of its own
    return values


@lru_cache(maxsize=4096)
def _told(context: str, created_at: str, timezone: str, due_on: str) -> Mapping[str, Any]:
    """Read a context, with what follows from it. Most messages of one run share it."""
    told: dict[str, Any] = {key: value for key, value in json.loads(context).items() if value is not None}
    written = instant_of(created_at).astimezone(ZoneInfo(timezone)).date()
    owed = told.get("owed", ())
    told |= {"written": written.isoformat(), "total": sum(cents for _, cents in owed)}
    told["owed_years"] = [year for year, _ in owed]
    if "payment" in told:
        told["payment"] = _PAYMENT | told["payment"]
    if "year" in told:
        told = last_days(told["year"], written, due_on) | told
    return told


def last_days(year: int, written: date, due_on: str) -> dict[str, str | None]:
    """Until when the year's due is to be paid, None once that day is past; before which day leaving cancels it.

    Leaving counts until 19 January, or during the 30 days after the call if that is later.
    """
    pay_by = f"{year}-{due_on}" if due_on else ""
    resign_before = max(date(year, *FREE_DEPARTURE), written + timedelta(days=FREE_DAYS_AFTER_CALL + 1))
    return {"pay_by": pay_by if pay_by > written.isoformat() else None, "resign_before": resign_before.isoformat()}
