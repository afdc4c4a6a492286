"""A meeting moves: whoever was invited to be heard there is told its new hour, at once."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.agenda import AGENDA, agenda_occasion
from engine.clock import local_day
from engine.definition import BallotRule
from engine.meetings import MeetingFacts, meeting_of_month, move_meeting
from engine.models import OutboxStatus
from engine.store import rows_of
from engine.work import NOBODY, Work

MOVED = "meeting_moved"
_STANDING = "SELECT id FROM workflow_instance WHERE workflow = ? AND state IN ({states}) ORDER BY id"
_TOLD = "SELECT instance_id, kind, occasion, status, context FROM outbox_message WHERE instance_id IN {ids} ORDER BY id"
_WAITING = "SELECT id, kind, context FROM outbox_message WHERE instance_id IN {ids} AND status = 'pending'"
_TOLD_ANEW = "UPDATE outbox_message SET context = ?, subject = NULL, body = NULL, layout = NULL WHERE id = ?"
_WITHOUT_FILES = "DELETE FROM outbox_attachment WHERE message_id = ?"


def move(work: Work, month: str, held_at: datetime, by: str = NOBODY) -> MeetingFacts:
    """Move the meeting planned for a month and tell who was invited. Raises Invalid, NotAllowed (`move_meeting`)."""
    before = meeting_of_month(work.connection, month)
    moved = move_meeting(work.connection, work.rules, month, held_at, work.at)
    if moved.held_at == before.held_at:
        return moved
    for own in work.of_all():
        for rule in own.workflow.ballots:
            _tell(own, rule, before, moved, by)
        if own is not work:
            own.write()
    return moved


def _tell(work: Work, rule: BallotRule, before: MeetingFacts, moved: MeetingFacts, by: str) -> None:
    if not rule.invited_by:
        return
    standing = work.ids(_STANDING, work.workflow.listed_from(rule), (), ())
    _correct(work, rule, standing, before, moved)
    earlier = _invited(work, rule, standing, before)
    for case in work.cases(list(earlier)):
        occasion = agenda_occasion(work, moved, work.at)
        occasion.cause, occasion.actor = MOVED, by
        occasion.key = f"{occasion.key}-moved-{earlier[case.id]}"
        for kind in rule.sends_again:
            work.send(case, kind, occasion)
        why = f"{rule.trigger}: the hearing is moved to {local_day(moved.held_at, work.rules.tz).isoformat()}"
        work.batch.journal(case, occasion, AGENDA, case.state, reason=why)


def _correct(work: Work, rule: BallotRule, ids: Sequence[int], before: MeetingFacts, moved: MeetingFacts) -> None:
    """Let an invitation that has not left yet say the new hour: tried again later, it would come after the change."""
    once = set(rule.invited_by) - set(rule.sends_again)
    changes = []
    for message, kind, context in rows_of(work.connection, _WAITING, ids):
        told = json.loads(context)
        if kind in once and told.get("meeting") == before.held_at.isoformat():
            changes.append((json.dumps(told | {"meeting": moved.held_at.isoformat()}), message))
    if changes:
        work.connection.exec_driver_sql(_TOLD_ANEW, changes)
        work.connection.exec_driver_sql(_WITHOUT_FILES, [(message,) for _, message in changes])


def _invited(work: Work, rule: BallotRule, ids: Sequence[int], before: MeetingFacts) -> dict[int, int]:
    """Whom the last invitation told the hour that is no more, and which of the meeting's changes this is, from 1.

    A change that was dropped told nobody, but has its number. Chair and treasurer may not have been told together.
    """
    last: dict[int, tuple[str, set[str | None]]] = {}
    changes: dict[int, set[str]] = {}
    for instance_id, kind, occasion, status, context in rows_of(work.connection, _TOLD, ids):
        if kind not in rule.invited_by:
            continue
        if occasion.startswith(f"meeting-{before.id}-moved-"):
            changes.setdefault(instance_id, set()).add(occasion)
        if status != OutboxStatus.DROPPED:
            known, hours = last.get(instance_id, ("", set()))
            hours = hours if known == occasion else set()
            last[instance_id] = occasion, hours | {_hour(context)}
    told = before.held_at.isoformat()
    return {one: len(changes.get(one, ())) + 1 for one, (_, hours) in last.items() if told in hours}


def _hour(context: str) -> Any:
    return json.loads(context).get("meeting")
