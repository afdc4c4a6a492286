"""Importing associations.csv: new members as they stand, changed fields of those that are there, one by one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from engine.batch import Statement
from engine.store import stored
from engine.work import Work
from workflows.membership import statements as sql
from workflows.membership.facts import Member
from workflows.membership.models import Kind
from workflows.membership.money import money_text
from workflows.membership.register.associations import MAILBOXES, PERSONS_ARE_NEVER, as_owed
from workflows.membership.register.canonical import Parsed
from workflows.membership.register.changes import Change, ImportPlan
from workflows.membership.register.standing import standing_of
from workflows.membership.takeover import TakenOver, enter_all
from workflows.membership.words import Trigger

FIELDS = (
    *("name", "kind", "joined_on", "contact_name", "contact_role", "email", "treasurer_name", "treasurer_email"),
    *("phone", "address", "postcode", "city", "region", "country", "language", "themes", "dues_cents"),
)
"""What an import may change of a member, by column of its row."""
_EXISTING = f"""SELECT i.id, i.subject, i.state, {", ".join(f"a.{name}" for name in FIELDS)}
    FROM workflow_instance i JOIN association a ON a.instance_id = i.id
    WHERE i.workflow = ? ORDER BY i.subject"""  # noqa: S608 columns from here
INSTEAD: Mapping[str, str] = {
    "state": "relance pay, leave or correct",
    "since": "relance correct",
    "owes": "relance pay or waive",
    "waived": "relance waive",
    "reminded_for": "relance notice",
    "last_sign_of_life": "relance contact",
    "left_on": "relance leave",
    "hold_until": "relance hold",
    "hold_reason": "relance hold",
}


@dataclass(frozen=True, slots=True)
class Existing:
    """A member that is there."""

    id: int
    number: str
    state: str
    fields: Mapping[str, object]


@dataclass(slots=True)
class AssociationsPlan(ImportPlan):
    """Members to enter, and fields to change by member id."""

    new: list[TakenOver] = field(default_factory=list)
    updates: dict[int, dict[str, object]] = field(default_factory=dict)

    def write(self, work: Work, actor: str) -> None:
        """Enter the new ones, change the others."""
        enter_all(work, self.new, Trigger.IMPORT, actor)
        if self.updates:
            _update(work, self.updates)
            _look_at_changed(work, self.updates, actor)


def plan_associations(work: Work, parsed: Parsed[TakenOver]) -> AssociationsPlan:
    """Compare a file of members with the database."""
    plan = AssociationsPlan(parsed.file, refused=list(parsed.refused))
    rows = work.connection.exec_driver_sql(_EXISTING, (work.workflow.name,))
    known = {row[1]: Existing(row[0], row[1], row[2], dict(zip(FIELDS, row[3:], strict=True))) for row in rows}
    standing = standing_of(work.connection, work.rules) if known else {}
    for member in parsed.rows:
        existing = known.get(member.number)
        if existing is None:
            plan.new.append(member)
            plan.added.append(f"{member.number} {member.fields['name']}")
        else:
            _compare(plan, member, existing, standing[member.number])
    told = {member.number for member in parsed.rows}
    plan.missing = [number for number in known if number not in told]
    return plan


def _compare(plan: AssociationsPlan, member: TakenOver, existing: Existing, standing: Mapping[str, str]) -> None:
    reasons = _moved(member, standing)
    changed = {
        name: _plain(member.fields[name])
        for name in FIELDS
        if name in member.fields and _plain(member.fields[name]) != existing.fields[name]
    }
    if changed.get("kind") == Kind.PERSON and existing.state in PERSONS_ARE_NEVER:
        reasons.append(f"kind: it is {existing.state}, which a person never is")
    if reasons:
        plan.refuse(member.line, "; ".join(reasons))
    elif changed:
        plan.updates[existing.id] = changed
        plan.changed += [_change(existing, name, value) for name, value in changed.items()]
    else:
        plan.unchanged += 1


def _moved(member: TakenOver, standing: Mapping[str, str]) -> list[str]:
    """Where the file says that it stands elsewhere than it does: a file moves nobody that is already there."""
    reasons = []
    for column, told in member.told.items():
        now = standing[column]
        same = _years(told) == _years(now) if column == "owes" else told == now
        if not same:
            instead = INSTEAD.get(column)
            hint = f": use {instead}" if instead else ""
            reasons.append(f"{column}: {member.number} is there already with {now or 'none'}, not {told}{hint}")
    return reasons


def _years(owes: str) -> list[int]:
    return [year for year, _ in as_owed(owes)] if owes else []


def _plain(value: object) -> object:
    """A value as the database keeps it."""
    return value.isoformat() if isinstance(value, date) else value


def _change(existing: Existing, name: str, value: object) -> Change:
    column = "dues" if name == "dues_cents" else name
    return Change(existing.number, column, _text(name, existing.fields[name]), _text(name, value))


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    return money_text(value) if name == "dues_cents" and isinstance(value, int) else str(value)


def _update(work: Work, updates: Mapping[int, Mapping[str, object]]) -> None:
    """Write the changed fields, column by column; a new address has not bounced yet."""
    by_column: dict[str, list[tuple[object, int]]] = defaultdict(list)
    for member_id, changed in updates.items():
        for column, value in changed.items():
            by_column[column].append((value, member_id))
            if column in MAILBOXES:
                by_column[f"{column}_bounced_at"].append((None, member_id))
    for column, rows in by_column.items():
        work.connection.exec_driver_sql(Statement.update("association", (column,), ("instance_id",)).sql, rows)


def _look_at_changed(work: Work, updates: Mapping[int, Mapping[str, object]], actor: str) -> None:
    members: list[Member] = work.cases(sorted(updates))
    for member in members:
        columns = updates[member.id].keys()
        if columns & {*MAILBOXES}:
            _reach(work, member)
        what = f"changed: {', '.join('dues' if name == 'dues_cents' else name for name in columns)}"
        occasion = work.occasion(work.at, Trigger.IMPORT, actor, key=Trigger.IMPORT, reason=what)
        work.batch.journal(member, occasion, Trigger.IMPORT, member.state)
    work.look(members, work.at)


def _reach(work: Work, member: Member) -> None:
    """Whoever has an address that takes mail can be reached; whoever has none left cannot."""
    reached = not set(member.addresses) <= set(member.bounced)
    if reached == (member.unreachable_since is None):
        return
    member.unreachable_since = None if reached else work.at
    since = None if reached else stored(work.at)
    work.batch.add(sql.SET_UNREACHABLE, since, member.id)


__all__: Sequence[str] = ("AssociationsPlan", "plan_associations")
