"""What mails to the board list: the questions of an agenda, its decisions, those whom it may concern.

Read when the words are written, so that a mail says how things stand when it leaves.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from api.addressees import members_of
from api.guard import DOOR
from api.links import HIDDEN
from api.settings import Settings
from engine.board_models import BallotStatus, BoardMail
from notifications.outbox import BoardLookup
from workflows import WORKFLOWS

LONGEST_LIST = 200
LINKED = (BoardMail.AGENDA, BoardMail.AGENDA_CHANGED, BoardMail.VOTE_REMINDER, BoardMail.VOTE_RECEIPT)
"""Mails that bring their seat's personal link."""
_SAID = """SELECT v.ballot_id, v.choice FROM vote v JOIN ballot b ON b.id = v.ballot_id
    WHERE b.meeting_id = ? AND v.seat = ? AND v.superseded_at IS NULL"""
_BALLOTS = """SELECT b.id, b.instance_id, i.workflow, b.trigger, b.status, b.approve, b.reject, b.abstain,
    b.annulled_at IS NOT NULL, m.month
    FROM ballot b JOIN meeting m ON m.id = b.meeting_id JOIN workflow_instance i ON i.id = b.instance_id
    WHERE b.meeting_id = ? ORDER BY b.id"""
_KNOWN = ("id", "instance", "workflow", "trigger", "status", "approve", "reject", "abstain", "annulled", "month")
_PLACE = "SELECT place FROM meeting WHERE id = ?"
TO_VOTE = (BallotStatus.SCHEDULED, BallotStatus.OPEN)
DECIDED = (BallotStatus.ADOPTED, BallotStatus.REJECTED, BallotStatus.NO_QUORUM, BallotStatus.BLOCKED)


def matters_of(settings: Settings) -> BoardLookup:
    """Return what tells what a mail to the board may name beside what it was written with."""

    def board_matters(connection: Connection, kind: str, told: Mapping[str, Any]) -> dict[str, Any]:
        named = members_of(connection, told.get("instances", ()))
        matters: dict[str, Any] = {"subjects": list(named.values())}
        if told["meeting_id"] is not None:
            matters |= _of_meeting(connection, told["meeting_id"])
        if kind == BoardMail.VOTE_RECEIPT:
            matters["votes"] = _votes(connection, told["meeting_id"], told["seat"])
        if kind in LINKED and settings.pages.url:
            matters["link"] = f"{settings.pages.url.rstrip('/')}{DOOR}{HIDDEN}"
        return matters

    return board_matters


def _of_meeting(connection: Connection, meeting_id: int) -> dict[str, Any]:
    place = connection.exec_driver_sql(_PLACE, (meeting_id,)).scalar_one_or_none()
    items = items_of(connection, meeting_id)
    listed = [item for item in items if item["status"] in TO_VOTE]
    decided = [item for item in items if item["status"] in DECIDED]
    return {
        "place": place or None,
        "listed": listed[:LONGEST_LIST],
        "unlisted": max(0, len(listed) - LONGEST_LIST),
        "decisions": decided[:LONGEST_LIST],
    }


def _votes(connection: Connection, meeting_id: int, seat: str) -> list[dict[str, Any]]:
    """What a seat has voted on a meeting's ballots, as it stands."""
    said = {row[0]: row[1] for row in connection.exec_driver_sql(_SAID, (meeting_id, seat))}
    return [item | {"choice": said[item["id"]]} for item in items_of(connection, meeting_id) if item["id"] in said]


def items_of(connection: Connection, meeting_id: int) -> list[dict[str, Any]]:
    """Every ballot of a meeting. `decision`: its number, 2025-08/3, which never changes: its rank among them all."""
    questions = {(flow.name, str(rule.trigger)): rule.question for flow in WORKFLOWS for rule in flow.ballots}
    rows = [dict(zip(_KNOWN, row, strict=True)) for row in connection.exec_driver_sql(_BALLOTS, (meeting_id,))]
    names = members_of(connection, sorted({row["instance"] for row in rows}))
    for rank, row in enumerate(rows, 1):
        row |= {"decision": f"{row['month']}/{rank}", "question": questions[row["workflow"], row["trigger"]]}
        row |= {key: names[row["instance"]][key] for key in ("number", "name")}
    return rows
