"""Entering members: one who joins, or a register taken over mid-year, each as it stands.

Written table by table: ten thousand in a second or two.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from engine.batch import Batch, Statement
from engine.calendar import stay_end
from engine.cases import Occasion
from engine.clock import at_local, local_day
from engine.errors import Invalid
from engine.store import reserve_ids, stored
from engine.work import NOBODY, Work, set_timer
from workflows.membership import statements as sql
from workflows.membership.facts import Member, years_text
from workflows.membership.letters import ask_for_letters
from workflows.membership.mailing import put_in_outbox
from workflows.membership.models import Association, EntryKind
from workflows.membership.options import first_year, options_of
from workflows.membership.tasks import deletion_ready_at
from workflows.membership.words import CUT, Mail, State, Trigger

CALL_DAY = (12, 1)
WAIVED = "waived before the takeover"


@dataclass(frozen=True, slots=True)
class NewMember:
    """A member to enter: its register fields by column name, and where it stands when it is taken over."""

    number: str
    fields: Mapping[str, object]
    state: State = State.PAID
    since: date | None = None
    owes: tuple[int, ...] = ()
    reminded_for: int | None = None
    services: tuple[tuple[str, str], ...] = field(default=())
    started_at: datetime | None = None
    """When its membership began, where that was before it is entered: steps due since then concern it."""


@dataclass(frozen=True, slots=True)
class TakenOver(NewMember):
    """A member as a register file tells of it: what it says beyond a new member, and on which line.

    `told`: the columns on where it stands that were filled in, as text. `owed_cents`: the due of an owed year where
    it is not the usual amount. `waived_cents`: what was waived of a year, owed or not. `concerned`: the years its
    reminder or its cut-off is about (None: those owed). `cut_on`: since when its services are interrupted (None:
    since its state). `reachable`: it has no address and was heard from all the same. `bounced`: which of its addresses
    took no mail, by column.
    """

    line: int = 0
    told: Mapping[str, str] = field(default_factory=dict)
    owed_cents: Mapping[int, int] = field(default_factory=dict)
    waived_cents: Mapping[int, int] = field(default_factory=dict)
    concerned: tuple[int, ...] | None = None
    cut_on: date | None = None
    unreachable_since: date | None = None
    reachable: bool = False
    bounced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A member about to be written."""

    id: int
    new: TakenOver
    since: datetime


_INSTANCE = Statement.insert(
    "workflow_instance", "id", "workflow", "version", "subject", "state", "since", "started_at"
)
_COLUMNS = tuple(Association.model_fields)
_DEFAULTS = {name: None if known.is_required() else known.default for name, known in Association.model_fields.items()}
_ASSOCIATION = Statement.insert("association", *_COLUMNS)
_SERVICE = Statement.insert("service", "association_id", "kind", "identifier")
_REMINDED = Statement.insert("occurrence", "instance_id", "event", "year", "status", "at", "effective_at", "proven_at")


def enter_all(work: Work, new: Sequence[NewMember], cause: str, actor: str = NOBODY) -> list[int]:
    """Write many new members as they stand, with what they owe, each journaled. Returns their ids.

    Steps due before now count as done: they are not for whoever was not there. Raises Invalid when a number is taken.
    """
    _refuse_taken(work, [member.number for member in new])
    first = reserve_ids(work.connection, "workflow_instance")
    entries = [_Entry(number, _taken_over(member), _since(work, member)) for number, member in enumerate(new, first)]
    _write(work, entries)
    written: list[Member] = work.cases([entry.id for entry in entries])
    for entry, member in zip(entries, written, strict=True):
        occasion = work.occasion(entry.since, cause, actor, key=cause)
        if cause == Trigger.JOIN:
            _call_at_once(member, entry.new.owes[0], occasion, work.batch)
        work.batch.journal(member, occasion, cause, None)
        _set_timers(work, member)
    ask_for_letters(work, written)
    work.look(written, work.at)
    return [entry.id for entry in entries]


def _call_at_once(member: Member, year: int, occasion: Occasion, batch: Batch) -> None:
    """Whoever joins gets the call for the year it owes first."""
    occasion.year = year
    put_in_outbox(member, Mail.CALL_FOR_DUES, f"join-{year}", occasion, batch)


def _refuse_taken(work: Work, numbers: Sequence[str]) -> None:
    known = work.connection.exec_driver_sql(
        "SELECT subject FROM workflow_instance WHERE workflow = ?", (work.workflow.name,)
    )
    taken = {row[0] for row in known}
    reserved = _reserved(work)
    for number in numbers:
        if number in taken:
            raise Invalid(reason=f"there is already a member {number}")
        if number in reserved:
            raise Invalid(reason=f"{number} is the number of a {reserved[number]}: the board has not decided yet")
        taken.add(number)


def _reserved(work: Work) -> dict[str, str]:
    """Numbers that another workflow has given out and not finished with, each with its state there."""
    rows = work.connection.exec_driver_sql(
        "SELECT subject, workflow, state FROM workflow_instance WHERE workflow <> ?", (work.workflow.name,)
    )
    final = {name: machine.workflow.final for name, machine in work.machines.items()}
    return {subject: state for subject, workflow, state in rows if state not in final.get(workflow, ())}


def _taken_over(member: NewMember) -> TakenOver:
    if isinstance(member, TakenOver):
        return member
    return TakenOver(**{name: getattr(member, name) for name in NewMember.__dataclass_fields__})


def _since(work: Work, new: NewMember) -> datetime:
    if new.started_at is not None:
        return new.started_at
    return work.at if new.since is None else min(work.at, _midnight(work, new.since))


def _midnight(work: Work, day: date) -> datetime:
    return at_local(day, 0, 0, work.rules.tz)


def _write(work: Work, entries: Sequence[_Entry]) -> None:
    """Write every table's rows at once, parents first."""
    tables: tuple[tuple[Statement, Callable[[Work, _Entry], Iterable[tuple[object, ...]]]], ...] = (
        (_INSTANCE, _instance_rows),
        (_ASSOCIATION, _association_rows),
        (_SERVICE, _service_rows),
        (sql.ISSUE_DUE, _due_rows),
        (sql.NEW_ENTRY, _waiver_rows),
        (_REMINDED, _reminder_rows),
    )
    for statement, rows_of_entry in tables:
        rows = [row for entry in entries for row in rows_of_entry(work, entry)]
        if rows:
            work.connection.exec_driver_sql(statement.sql, rows)


def _instance_rows(work: Work, entry: _Entry) -> Iterable[tuple[object, ...]]:
    flow, new = work.workflow, entry.new
    began = stored(new.started_at or work.at)
    yield entry.id, flow.name, flow.version, new.number, new.state.value, stored(entry.since), began


def _association_rows(work: Work, entry: _Entry) -> Iterable[tuple[object, ...]]:
    """The register row; without any address it is unreachable from the start."""
    new = entry.new
    since = stored(entry.since)
    row = {
        **_DEFAULTS,
        **{name: value for name, value in new.fields.items() if name in _DEFAULTS},
        "instance_id": entry.id,
        "concerned": years_text(_concerned(new)),
        "cut_at": _cut_at(work, entry),
        "reminded_at": since if new.state == State.REMINDED else None,
        "unreachable_since": _unreachable(work, new),
        **{f"{column}_bounced_at": stored(work.at) for column in new.bounced},
    }
    yield tuple(value.isoformat() if isinstance(value, date) else value for value in row.values())


def _concerned(new: TakenOver) -> tuple[int, ...]:
    if new.state not in {State.REMINDED, *CUT}:
        return ()
    return new.owes if new.concerned is None else new.concerned


def _cut_at(work: Work, entry: _Entry) -> str | None:
    if entry.new.state not in CUT:
        return None
    return stored(entry.since if entry.new.cut_on is None else min(work.at, _midnight(work, entry.new.cut_on)))


def _unreachable(work: Work, new: TakenOver) -> str | None:
    if new.unreachable_since is not None:
        return stored(min(work.at, _midnight(work, new.unreachable_since)))
    reached = new.reachable or new.fields.get("email") or new.fields.get("treasurer_email")
    return None if reached else stored(work.at)


def _service_rows(_work: Work, entry: _Entry) -> Iterable[tuple[object, ...]]:
    return [(entry.id, kind, identifier) for kind, identifier in entry.new.services]


def _due_rows(work: Work, entry: _Entry) -> Iterable[tuple[object, ...]]:
    """What it owes was called before now; what was waived is settled."""
    new, now = entry.new, stored(work.at)
    usual = usual_amount(work, new.fields)
    called_until = first_year(local_day(work.at, work.rules.tz))
    for year in sorted({*new.owes, *new.waived_cents}):
        waived = new.waived_cents.get(year, 0)
        amount = max(new.owed_cents.get(year, usual), waived)
        called = year in new.owes or (waived == amount and year <= called_until)
        yield entry.id, year, amount, waived, now, _called_at(work, new, year) if called else None


def _called_at(work: Work, new: TakenOver, year: int) -> str:
    """When a year owed at the takeover was called: on 1 December before, or when the member joined.

    Not now: whoever leaves within 30 days of a call owes nothing of it.
    """
    joined = new.fields.get("joined_on")
    day = max(date(year - 1, *CALL_DAY), joined if isinstance(joined, date) else date.min)
    return stored(min(work.at, _midnight(work, day)))


def usual_amount(work: Work, fields: Mapping[str, object]) -> int:
    """What a member with these register fields owes for a year, in cents."""
    own = fields.get("dues_cents")
    return options_of(work.rules).amount_for(str(fields.get("kind")), own if isinstance(own, int) else None)


def _waiver_rows(work: Work, entry: _Entry) -> Iterable[tuple[object, ...]]:
    day, now = local_day(work.at, work.rules.tz).isoformat(), stored(work.at)
    for year, cents in entry.new.waived_cents.items():
        yield entry.id, year, EntryKind.WAIVER.value, cents, None, day, now, WAIVED


def _reminder_rows(work: Work, entry: _Entry) -> Iterable[tuple[object, ...]]:
    """A reminder told of at take-over counts as sent and received."""
    if entry.new.reminded_for is not None:
        since = stored(entry.since)
        yield entry.id, Trigger.REMIND.value, entry.new.reminded_for, "acted", stored(work.at), since, since


def _set_timers(work: Work, member: Member) -> None:
    """Look again when a stay ends, and when the services of whoever left may be deleted."""
    if member.hold_until is not None:
        set_timer(work.batch, member, stay_end(member.hold_until, work.rules.tz), work.at)
    if member.undeleted and (ready := deletion_ready_at(member, work.occasion(work.at, Trigger.IMPORT))) is not None:
        set_timer(work.batch, member, ready, work.at)
