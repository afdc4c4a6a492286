"""Ballots of several workflows in one transaction: each is acted on with the work of its own workflow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.cases import BallotFacts, Case
from engine.definition import Workflow
from engine.errors import BallotNotOpen, Invalid
from engine.store import rows_of
from engine.work import Work

_OWNERS = """SELECT DISTINCT i.workflow, b.instance_id FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id
    WHERE b.id IN {ids}"""
_INSTANCES = "SELECT workflow, id FROM workflow_instance WHERE subject = ? ORDER BY id"


@dataclass(frozen=True, slots=True)
class Part:
    """A ballot, the case it is about, and the work over that case's workflow."""

    work: Work
    case: Case
    ballot: BallotFacts


def parts_of(work: Work, ids: Sequence[int]) -> list[Part]:
    """Find these ballots, in their order. Raises Invalid for one that is unknown, annulled or too old."""
    owners: dict[str, list[int]] = {}
    for workflow, instance_id in rows_of(work.connection, _OWNERS, ids):
        owners.setdefault(workflow, []).append(instance_id)
    found: dict[int, Part] = {}
    for workflow, instances in owners.items():
        own = work if workflow == work.workflow.name else work.of(workflow)
        found |= {ballot.id: Part(own, case, ballot) for case in own.cases(instances) for ballot in case.ballots}
    for ballot_id in ids:
        if ballot_id not in found:
            raise Invalid(reason=f"no ballot {ballot_id} of this year or the last")
    return [found[ballot_id] for ballot_id in ids]


def write_parts(parts: Iterable[Part]) -> None:
    """Write what was decided on them, workflow by workflow."""
    for work in {id(part.work): part.work for part in parts}.values():
        work.write()


def latest_ballot(work: Work, subject: str, trigger: str) -> Part:
    """The latest ballot on a question about somebody. Raises Invalid for an unknown one, BallotNotOpen for none."""
    own, case = subject_of(work, subject, trigger)
    ballot = case.latest(trigger)
    if ballot is None:
        raise BallotNotOpen(ballot=f"{trigger}/{subject}")
    return Part(own, case, ballot)


def hearings(workflows: Iterable[Workflow]) -> frozenset[str]:
    """Questions on which somebody is heard: each is answered for itself, never with others at once."""
    return frozenset(str(rule.trigger) for flow in workflows for rule in flow.ballots if rule.hearing is not None)


def subject_of(work: Work, subject: str, trigger: str) -> tuple[Work, Any]:
    """The case of that number whose workflow asks this question. Raises Invalid where there is none."""
    for workflow, instance_id in work.connection.exec_driver_sql(_INSTANCES, (subject,)):
        own = work if workflow == work.workflow.name else work.of(workflow)
        if any(rule.trigger == trigger for rule in own.workflow.ballots):
            return own, own.cases([instance_id])[0]
    raise Invalid(reason=f"there is no {subject} about whom the board answers {trigger!r}")
