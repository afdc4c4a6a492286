"""Admissions against memberships: who was admitted is a member, and nobody is both a candidate and a member."""

from collections.abc import Iterator

from sqlalchemy import Connection

from engine.audit import Finding
from workflows.admission.words import MEMBERSHIP, NAME, State

_SAME = "SELECT 1 FROM workflow_instance m WHERE m.workflow = ? AND m.subject = i.subject"
_ADMITTED = f"""SELECT i.subject FROM workflow_instance i
    WHERE i.workflow = ? AND i.state = ? AND NOT EXISTS ({_SAME}) ORDER BY i.id"""  # noqa: S608 text from here
_BOTH = f"""SELECT i.subject FROM workflow_instance i
    WHERE i.workflow = ? AND i.state = ? AND EXISTS ({_SAME}) ORDER BY i.id"""  # noqa: S608 text from here


def audit(connection: Connection) -> Iterator[Finding]:
    """Find what does not agree."""
    for (subject,) in connection.exec_driver_sql(_ADMITTED, (NAME, State.ADMITTED.value, MEMBERSHIP)):
        yield Finding(subject, "was admitted, but there is no membership of that number")
    for (subject,) in connection.exec_driver_sql(_BOTH, (NAME, State.CANDIDATE.value, MEMBERSHIP)):
        yield Finding(subject, "is a candidate, but there is a membership of that number")
