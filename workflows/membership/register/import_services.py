"""Importing services.csv: what is new is added, what is no longer in the file is named and left alone."""

from collections import Counter
from dataclasses import dataclass, field

from engine.batch import Statement
from engine.work import Work
from workflows.membership.letters import ask_for_letters
from workflows.membership.register.canonical import Parsed
from workflows.membership.register.changes import ImportPlan
from workflows.membership.register.services import ServiceRow
from workflows.membership.words import Trigger

_ADD = Statement.insert("service", "association_id", "kind", "identifier")
_KNOWN = """SELECT i.subject, s.kind, s.identifier FROM service s JOIN workflow_instance i ON i.id = s.association_id
    WHERE i.workflow = ? ORDER BY i.subject, s.kind, s.identifier"""


@dataclass(slots=True)
class ServicesPlan(ImportPlan):
    """Services to add, by member id."""

    new: list[tuple[int, str, str]] = field(default_factory=list)

    def write(self, work: Work, actor: str) -> None:
        """Add them, and note in each member's journal how many."""
        if not self.new:
            return
        work.connection.exec_driver_sql(_ADD.sql, self.new)
        counts = Counter(member_id for member_id, _, _ in self.new)
        members = work.cases(sorted(counts))
        for member in members:
            what = f"services added: {counts[member.id]}"
            occasion = work.occasion(work.at, Trigger.IMPORT, actor, key=Trigger.IMPORT, reason=what)
            work.batch.journal(member, occasion, Trigger.IMPORT, member.state)
        ask_for_letters(work, members)
        work.look(members, work.at)


def plan_services(work: Work, parsed: Parsed[ServiceRow]) -> ServicesPlan:
    """Compare a file of services with the database."""
    plan = ServicesPlan(parsed.file, refused=list(parsed.refused))
    ids = ids_by_number(work)
    known = {tuple(row): None for row in work.connection.exec_driver_sql(_KNOWN, (work.workflow.name,))}
    for row in parsed.rows:
        service = (row.number, row.kind, row.identifier)
        if row.number not in ids:
            plan.refuse(row.line, f"there is no association {row.number}")
        elif service in known:
            plan.unchanged += 1
        else:
            plan.added.append(" ".join(service))
            plan.new.append((ids[row.number], row.kind, row.identifier))
    told = {(row.number, row.kind, row.identifier) for row in parsed.rows}
    plan.missing = [" ".join(service) for service in known if service not in told]
    return plan


def ids_by_number(work: Work) -> dict[str, int]:
    """Ids of every member by its number."""
    text = "SELECT subject, id FROM workflow_instance WHERE workflow = ?"
    return {row[0]: row[1] for row in work.connection.exec_driver_sql(text, (work.workflow.name,))}
