"""What mails to the board list: the questions of an agenda, its decisions, those whom it may concern.

Read when the words are written, so that a mail says how things stand when it leaves.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from api.addressees import members_of
from engine.models import BallotStatus
from workflows import WORKFLOWS

LONGEST_LIST = 200
_BALLOTS = """SELECT b.id, b.instance_id, i.workflow, b.trigger, b.status, b.approve, b.reject, b.abstain,
    b.annulled_at IS NOT NULL, m.month
    FROM ballot b JOIN meeting m ON m.id = b.meeting_id JOIN workflow_instance i ON i.id = b.instance_id
    WHERE b.meeting_id = ? ORDER BY b.id"""
_KNOWN = ("id", "instance", "workflow", "trigger", "status", "approve", "reject", "abstain", "annulled", "month")
_PLACE = "SELECT place FROM meeting WHERE id = ?"
TO_VOTE = (BallotStatus.SCHEDULED, BallotStatus.OPEN)
DECIDED = (BallotStatus.ADOPTED, BallotStatus.REJECTED, BallotStatus.NO_QUORUM, BallotStatus.BLOCKED)


def board_matters(connection: Connection, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a mail about a meeting may name beside what it was written with: place, listed, decisions, subjects."""
    named = members_of(connection, told.get("instances", ()))
    matters: dict[str, Any] = {"subjects": list(named.values())}
    meeting_id = told.get("meeting_id")
    if meeting_id is not None:
        place = connection.exec_driver_sql(_PLACE, (meeting_id,)).scalar_one_or_none()
        items = _items(connection, meeting_id)
        listed = [item for item in items if item["status"] in TO_VOTE]
        decided = [item for item in items if item["status"] in DECIDED]
        matters |= {"place": place or None, "listed": listed[:LONGEST_LIST], "decisions": decided[:LONGEST_LIST]}
        matters["unlisted"] = max(0, len(listed) - LONGEST_LIST)
    return matters


def _items(connection: Connection, meeting_id: int) -> list[dict[str, Any]]:
    """Every ballot of a meeting. `decision`: its number, 2025-08/3, which never changes: its rank among them all."""
    questions = {(flow.name, str(rule.trigger)): rule.question for flow in WORKFLOWS for rule in flow.ballots}
    rows = [dict(zip(_KNOWN, row, strict=True)) for row in connection.exec_driver_sql(_BALLOTS, (meeting_id,))]
    names = members_of(connection, sorted({row["instance"] for row in rows}))
    for rank, row in enumerate(rows, 1):
        row |= {"decision": f"{row['month']}/{rank}", "question": questions[row["workflow"], row["trigger"]]}
        row |= {key: names[row["instance"]][key] for key in ("number", "name")}
    return rows
