"""candidates.csv: reading applications, comparing them with the database, writing them out again without loss."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from engine.clock import at_local, local_day
from engine.errors import Invalid
from engine.store import instant_of, reserve_ids, stored
from engine.work import Work
from workflows.admission.applications import CANDIDATE, INSTANCE, find, plain_row, update
from workflows.admission.facts import COLUMNS, Applicant, services_text
from workflows.admission.words import MEMBERSHIP, NAME, State, Trigger
from workflows.membership.models import Kind
from workflows.membership.register.associations import LANGUAGES, as_language
from workflows.membership.register.canonical import Cells, Layout, Parsed, parse_file, refuse_twice
from workflows.membership.register.cells import (
    as_code,
    as_country,
    as_day,
    as_email,
    as_text,
    as_word,
    day_up_to,
    one_word_of,
)
from workflows.membership.register.changes import Change, ImportPlan

REQUIRED = (
    *("number", "name", "kind", "applied_on", "contact_name", "contact_role", "email", "treasurer_name"),
    *("treasurer_email", "address", "postcode", "city", "region", "country", "language", "themes", "services"),
    *("presented_by", "note"),
)
STANDING = ("state", "since")
"""Where an application stands: read when it is entered, never applied to one that is there already."""
CANDIDATES = Layout(REQUIRED, ("phone", "conditions", "put_off_until", *STANDING))
TEXTS = (
    *("contact_name", "contact_role", "treasurer_name", "phone", "address", "postcode", "city", "region", "themes"),
    *("note", "conditions"),
)
_EXPORT = f"""SELECT i.subject, i.state, i.since, {", ".join(f"c.{name}" for name in COLUMNS)}
    FROM workflow_instance i JOIN candidate c ON c.instance_id = i.id ORDER BY i.subject"""  # noqa: S608 columns from the model
_MEMBERS = "SELECT subject FROM workflow_instance WHERE workflow = ?"


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """An application as a file tells of it. `told`: the columns on where it stands that were filled in."""

    line: int
    number: str
    fields: Mapping[str, object]
    state: State
    since: date | None
    told: Mapping[str, str]


def parse_candidates(path: Path, today: date | None = None) -> Parsed[CandidateRow]:
    """Read applications and what is refused of them."""
    parsed = parse_file(path, CANDIDATES, partial(_row, today))
    return refuse_twice(parsed, lambda row: row.number, lambda row: row.line, lambda row: f"number {row.number}")


def _row(today: date | None, cells: Cells) -> CandidateRow:
    fields: dict[str, object] = {
        "name": cells.need("name", as_text, "?"),
        "kind": cells.need("kind", one_word_of(Kind), Kind.ASSOCIATION).value,
        "applied_on": cells.need("applied_on", day_up_to(today), date.min).isoformat(),
        "country": cells.get("country", as_country, ""),
        "language": cells.get("language", as_language, LANGUAGES[0]),
        "services": cells.get("services", as_services, ""),
        "presented_by": cells.get("presented_by", as_code, ""),
    }
    fields |= {column: cells.get(column, as_text, "") for column in TEXTS if column in cells.cells}
    fields |= {column: cells.get(column, as_email, "") for column in ("email", "treasurer_email")}
    if "put_off_until" in cells.cells:
        until = cells.get("put_off_until", as_day, None)
        fields["put_off_until"] = None if until is None else until.isoformat()
    return CandidateRow(
        line=cells.line,
        number=cells.need("number", as_code, "?"),
        fields=fields,
        state=cells.get("state", one_word_of(State), State.CANDIDATE),
        since=cells.get("since", day_up_to(today), None),
        told={column: cells.cells[column] for column in STANDING if cells.has(column)},
    )


def as_services(text: str) -> str:
    """Check website:velo.example|list:infos@velo.example: what is asked for."""
    return services_text([as_service(part.strip()) for part in text.split("|")])


def as_service(text: str) -> tuple[str, str]:
    """Read list:infos@velo.example."""
    kind, _, identifier = text.partition(":")
    if not identifier.strip():
        raise Invalid(reason=f"{text!r} is not KIND:IDENTIFIER, such as list:infos@example.org")
    return as_word(kind), identifier.strip()


@dataclass(slots=True)
class CandidatesPlan(ImportPlan):
    """Applications to enter as they stand, and fields to change by number."""

    new: list[CandidateRow] = field(default_factory=list)
    updates: dict[str, dict[str, object]] = field(default_factory=dict)

    def write(self, work: Work, actor: str) -> None:
        """Enter the new ones, change the others. `work` may be over another workflow."""
        own = work if work.workflow.name == NAME else work.of(NAME)
        _enter(own, self.new, actor)
        for number, changed in self.updates.items():
            update(own, find(own, number), changed, Trigger.IMPORT, actor)
        own.write()


def plan_candidates(work: Work, path: Path) -> CandidatesPlan:
    """Compare a file of applications with the database; nothing is written. Raises RegisterRefused."""
    parsed = parse_candidates(path, local_day(work.at, work.rules.tz))
    plan = CandidatesPlan(parsed.file, refused=list(parsed.refused))
    known = {row[0]: dict(zip(("number", "state", "since", *COLUMNS), row, strict=True)) for row in _rows(work)}
    members = {row[0] for row in work.connection.exec_driver_sql(_MEMBERS, (MEMBERSHIP,))}
    for row in parsed.rows:
        if row.number in known:
            _compare(plan, row, known[row.number], _standing(work, known[row.number]))
        elif row.state == State.CANDIDATE and row.number in members:
            plan.refuse(row.line, f"number: {row.number} is a member")
        else:
            plan.new.append(row)
            plan.added.append(f"{row.number} {row.fields['name']}")
    told = {row.number for row in parsed.rows}
    plan.missing = [number for number in known if number not in told]
    return plan


def _rows(work: Work) -> Sequence[Any]:
    return work.connection.exec_driver_sql(_EXPORT).fetchall()


def _standing(work: Work, existing: Mapping[str, Any]) -> dict[str, str]:
    since = local_day(instant_of(existing["since"]), work.rules.tz)
    return {"state": existing["state"], "since": since.isoformat()}


def _compare(plan: CandidatesPlan, row: CandidateRow, existing: Mapping[str, Any], standing: Mapping[str, str]) -> None:
    moved = [name for name, told in row.told.items() if told != standing[name]]
    changed = {name: value for name, value in row.fields.items() if value != existing[name]}
    if moved:
        now = ", ".join(f"{name}: {row.number} is there already with {standing[name]}" for name in moved)
        plan.refuse(row.line, f"{now}; a file moves nobody that is already there")
    elif changed and existing["state"] != State.CANDIDATE:
        plan.refuse(row.line, f"{row.number} is {existing['state']}: its application is kept as it was")
    elif changed:
        plan.updates[row.number] = changed
        plan.changed += [
            Change(row.number, name, str(existing[name] or ""), str(value or "")) for name, value in changed.items()
        ]
    else:
        plan.unchanged += 1


def _enter(work: Work, new: Sequence[CandidateRow], actor: str) -> None:
    """Write many applications as they stand, each journaled. No mail leaves: they have had theirs."""
    first, flow, now = reserve_ids(work.connection, "workflow_instance"), work.workflow, stored(work.at)
    since = {row.number: _since(work, row) for row in new}
    instances: list[tuple[object, ...]] = []
    rows: list[tuple[object, ...]] = []
    for instance_id, row in enumerate(new, first):
        began = stored(since[row.number])
        instances.append((instance_id, flow.name, flow.version, row.number, row.state.value, began, now))
        plain = plain_row(row.fields)
        rows.append((instance_id, *(plain[name] for name in COLUMNS)))
    for statement, values in ((INSTANCE, instances), (CANDIDATE, rows)):
        if values:
            work.connection.exec_driver_sql(statement.sql, values)
    written: list[Applicant] = work.cases([first + place for place in range(len(new))])
    for candidate in written:
        occasion = work.occasion(since[candidate.subject], Trigger.IMPORT, actor, key=Trigger.IMPORT)
        work.batch.journal(candidate, occasion, Trigger.IMPORT, None)
    work.look(written, work.at)


def _since(work: Work, row: CandidateRow) -> datetime:
    return work.at if row.since is None else min(work.at, at_local(row.since, 0, 0, work.rules.tz))


def export_candidates(connection: Connection, tz: tzinfo) -> tuple[str, Sequence[str], Iterable[Sequence[object]]]:
    """Return the file's name, its columns and its rows."""
    columns = (*REQUIRED, *CANDIDATES.optional)
    return "candidates", columns, _exported(connection, columns, tz)


def _exported(connection: Connection, columns: Sequence[str], tz: tzinfo) -> Iterable[Sequence[object]]:
    for row in connection.exec_driver_sql(_EXPORT):
        known = dict(zip(("number", "state", "since", *COLUMNS), row, strict=True))
        known["since"] = local_day(instant_of(known["since"]), tz).isoformat()
        yield [known[column] for column in columns]
