"""What people tell of an application: it is made, changed, put off, withdrawn; a refusal is annulled."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from engine.annulment import refuse_alone
from engine.batch import Statement
from engine.cases import Case
from engine.clock import local_day
from engine.errors import FutureDate, Invalid, NotAllowed
from engine.store import reserve_ids, stored
from engine.work import NOBODY, Work
from workflows.admission.errors import UnknownCandidate
from workflows.admission.facts import COLUMNS, Applicant
from workflows.admission.models import Candidate
from workflows.admission.numbers import next_number, refuse_taken
from workflows.admission.words import Mail, State, Trigger
from workflows.membership.models import Kind
from workflows.membership.register.cells import why_unreadable

INSTANCE = Statement.insert(
    "workflow_instance", "id", "workflow", "version", "subject", "state", "since", "started_at", order=1
)
CANDIDATE = Statement.insert("candidate", "instance_id", *COLUMNS, order=2)
DEFAULTS = {name: "" if known.is_required() else known.default for name, known in Candidate.model_fields.items()}
NEVER_EMPTY = ("name", "kind", "applied_on", "language")
_PUT_OFF = Statement.update("candidate", ("put_off_until",), ("instance_id",))
_MEMBER = "SELECT 1 FROM workflow_instance WHERE workflow = 'membership' AND subject = ?"
_PRESENTERS = f"SELECT 1 FROM seat WHERE name = ? UNION ALL {_MEMBER}"  # noqa: S608 text from here


def find(work: Work, number: str) -> Applicant:
    """Load one candidate by its number. Raises UnknownCandidate."""
    row = work.connection.exec_driver_sql(
        "SELECT id FROM workflow_instance WHERE workflow = ? AND subject = ?", (work.workflow.name, number)
    ).fetchone()
    if row is None:
        raise UnknownCandidate(number=number)
    candidate: Applicant = work.cases([row[0]])[0]
    return candidate


def apply(work: Work, number: str | None, fields: Mapping[str, object], actor: str = NOBODY) -> Applicant:
    """Enter an application under a number (none: the next), with its fields by column; it is told that it arrived.

    Raises Invalid when the number is taken or nobody of the name presents it, FutureDate.
    """
    today = local_day(work.at, work.rules.tz)
    row = plain_row({"applied_on": today, **fields})
    number = number or next_number(work.connection, str(row["kind"]))
    refuse_taken(work.connection, number)
    refuse_fields(work, row)
    instance_id = reserve_ids(work.connection, "workflow_instance")
    flow, now = work.workflow, stored(work.at)
    values = (instance_id, flow.name, flow.version, number, State.CANDIDATE.value, now, now)
    work.connection.exec_driver_sql(INSTANCE.sql, values)
    work.connection.exec_driver_sql(CANDIDATE.sql, (instance_id, *(row[name] for name in COLUMNS)))
    candidate: Applicant = work.cases([instance_id])[0]
    occasion = work.occasion(work.at, "application", actor, key=f"apply-{number}", reason=presented(row))
    work.send(candidate, Mail.APPLICATION_RECEIVED, occasion)
    work.batch.journal(candidate, occasion, Trigger.APPLY, None)
    work.look([candidate], work.at)
    return candidate


def plain_row(fields: Mapping[str, object]) -> dict[str, object]:
    """Return a whole row as the database keeps it."""
    row = {**DEFAULTS, **{name: value for name, value in fields.items() if name in DEFAULTS}}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def presented(row: Mapping[str, object]) -> str:
    """Say who presents it, for the journal."""
    return f"presented by {row['presented_by']}" if row["presented_by"] else ""


def refuse_fields(work: Work, fields: Mapping[str, object]) -> None:
    """Refuse what no application can say. Raises Invalid, FutureDate."""
    for name, value in fields.items():
        if name in NEVER_EMPTY and not value:
            raise Invalid(reason=f"{name} cannot be empty")
        if (why := why_unreadable(str(value))) is not None:
            raise Invalid(reason=f"{name} {why}")
    if str(fields.get("kind", Kind.ASSOCIATION)) not in set(Kind):
        raise Invalid(reason=f"kind is one of {', '.join(Kind)}")
    applied = str(fields.get("applied_on", ""))
    if applied > local_day(work.at, work.rules.tz).isoformat():
        raise FutureDate(day=applied)
    presenter = str(fields.get("presented_by", ""))
    if presenter and work.connection.exec_driver_sql(_PRESENTERS, (presenter, presenter)).fetchone() is None:
        raise Invalid(reason=f"{presenter} presents it, but is neither a seat nor a member's number")


def change(work: Work, candidate: Applicant, fields: Mapping[str, object], actor: str = NOBODY) -> None:
    """Change fields of an application that is not answered yet. Raises NotAllowed, Invalid, FutureDate."""
    changed = {name: value for name, value in fields.items() if value != candidate.row[name]}
    if not changed:
        return
    if candidate.state != State.CANDIDATE:
        raise NotAllowed(reason=f"{candidate.subject} is {candidate.state}: its application is kept as it was")
    refuse_fields(work, changed)
    update(work, candidate, changed, Trigger.CHANGE, actor)


def set_conditions(work: Work, case: Case, conditions: str, actor: str = NOBODY) -> None:
    """Note on which conditions the board decides. Raises Invalid where it does not decide on an admission."""
    if not isinstance(case, Applicant):
        raise Invalid(reason=f"conditions are those of an admission: {case.subject} is a member")
    change(work, case, {"conditions": conditions.strip()}, actor)


def update(work: Work, candidate: Applicant, changed: Mapping[str, object], trigger: str, actor: str) -> None:
    """Write changed fields, and note them in the journal; conditions word for word."""
    for name, value in changed.items():
        sql = Statement.update("candidate", (name,), ("instance_id",)).sql
        work.connection.exec_driver_sql(sql, (value, candidate.id))
        candidate.row[name] = value
    said = [f"conditions: {value or 'none'}" if name == "conditions" else name for name, value in changed.items()]
    occasion = work.occasion(work.at, trigger, actor, reason=f"changed: {', '.join(said)}")
    work.batch.journal(candidate, occasion, trigger, candidate.state)
    work.look([candidate], work.at)


def withdraw(work: Work, candidate: Applicant, on: date, reason: str, actor: str = NOBODY) -> None:
    """A candidate withdraws; the board is no longer asked. Raises FutureDate, Invalid, NotAllowed afterwards."""
    if on > local_day(work.at, work.rules.tz):
        raise FutureDate(day=on.isoformat())
    if on.isoformat() < candidate.row["applied_on"]:
        raise Invalid(reason=f"{candidate.subject} applied on {candidate.row['applied_on']}: not withdrawn before")
    said = f"on {on.isoformat()}: {reason}".rstrip(": ")
    occasion = work.occasion(work.at, "withdrawal", actor, key=f"withdraw-{on.isoformat()}", reason=said)
    if work.fire(candidate, Trigger.WITHDRAW, occasion) is None:
        raise NotAllowed(reason=f"{candidate.subject} is already {candidate.state}{_instead(candidate)}")
    work.look([candidate], work.at)


def postpone(work: Work, candidate: Applicant, until: date, reason: str, actor: str = NOBODY) -> None:
    """The board is asked again at the first meeting after that day. Raises Invalid for a day past, NotAllowed."""
    if candidate.state != State.CANDIDATE:
        raise NotAllowed(reason=f"{candidate.subject} is {candidate.state}: there is nothing to put off")
    if until < local_day(work.at, work.rules.tz):
        raise Invalid(reason=f"{until.isoformat()} is past")
    candidate.row["put_off_until"] = until.isoformat()
    work.batch.add(_PUT_OFF, until.isoformat(), candidate.id)
    occasion = work.occasion(work.at, Trigger.POSTPONE, actor, reason=reason)
    work.batch.journal(candidate, occasion, Trigger.POSTPONE, candidate.state)
    work.look([candidate], work.at)


def reconsider(work: Work, candidate: Applicant, reason: str, people: Sequence[str]) -> None:
    """A refusal is annulled: the board is asked again. Raises NotAllowed where a membership of its number has begun."""
    by = refuse_alone(people, reason)
    if is_member(work.connection, candidate.subject) and candidate.state != State.ADMITTED:
        raise NotAllowed(reason=f"{candidate.subject} is a member by now: there is nothing to ask the board")
    occasion = work.occasion(work.at, "correction", by, key=f"reconsider-{work.now}", reason=reason)
    if work.fire(candidate, Trigger.RECONSIDER, occasion) is None:
        raise NotAllowed(reason=f"{candidate.subject} cannot go back from {candidate.state}{_instead(candidate)}")
    work.look([candidate], work.at)


def is_member(connection: Connection, number: str) -> bool:
    """Whether there is a membership of that number."""
    return connection.exec_driver_sql(_MEMBER, (number,)).fetchone() is not None


def _instead(candidate: Applicant) -> str:
    """Say what is done about a member instead."""
    if candidate.state != State.ADMITTED:
        return ""
    return f", its membership has begun: record its departure instead (relance leave {candidate.subject})"
