"""Before a meeting the seats are told: is there any news of those who may be listed; and who has not voted yet.

Each notice is a row made with its meeting and moved with it. A late server tells only the latest of those it missed,
and none once the meeting has begun.
"""

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection

from engine.agenda import agenda_occasion, belongs, listable
from engine.board import seats_in_office
from engine.board_mail import Telling, tell_seats
from engine.board_models import BoardMail
from engine.context import Context, paused_at
from engine.definition import Workflow
from engine.meetings import MeetingFacts, meeting
from engine.store import stored
from engine.work import Work

_DUE = "SELECT meeting_id, kind, at FROM board_notice WHERE at <= ? AND done_at IS NULL ORDER BY at, meeting_id"
_LATER = "SELECT 1 FROM board_notice WHERE meeting_id = ? AND kind = ? AND at > ? AND at <= ?"
_DONE = "UPDATE board_notice SET done_at = ? WHERE meeting_id = ? AND kind = ? AND at = ?"
_OPEN = "SELECT id, electorate FROM ballot WHERE meeting_id = ? AND status = 'open'"
_SAID = """SELECT v.ballot_id, v.seat FROM vote v JOIN ballot b ON b.id = v.ballot_id
    WHERE b.meeting_id = ? AND v.superseded_at IS NULL
    UNION SELECT r.ballot_id, r.seat FROM recusal r JOIN ballot b ON b.id = r.ballot_id WHERE b.meeting_id = ?"""


def give_notices(context: Context, at: datetime, moment: datetime) -> None:
    """Tell the seats what is due by a moment, each notice in a transaction of its own."""
    with context.store.read() as connection:
        due = connection.exec_driver_sql(_DUE, (stored(moment),)).fetchall()
    for meeting_id, kind, planned in due:
        _give(context, (meeting_id, kind, planned), at, moment)


def _give(context: Context, notice: tuple[int, str, str], at: datetime, moment: datetime) -> None:
    meeting_id, kind, _ = notice
    with context.store.read() as connection:
        held = meeting(connection, meeting_id)
        worth = _is_worth(connection, notice, held, at) and not paused_at(connection, moment)
    news = _who_may_be_listed(context, held, moment) if worth and kind == BoardMail.ANY_NEWS else []
    with context.work(context.workflows[0], at, moment) as work:
        if worth and kind == BoardMail.VOTE_REMINDER:
            _remind(work, held, notice)
        elif news:
            tell_seats(work, held, Telling(BoardMail.ANY_NEWS, _occasion(notice), {"instances": news}))
        work.connection.exec_driver_sql(_DONE, (stored(at), *notice))


def _occasion(notice: tuple[int, str, str]) -> str:
    return f"meeting-{notice[0]}:{notice[2]}"


def _is_worth(connection: Connection, notice: tuple[int, str, str], held: MeetingFacts, at: datetime) -> bool:
    """Whether it still helps: not once the meeting has begun, nor where a later one of its kind is due too."""
    listed = notice[1] == BoardMail.ANY_NEWS and held.published_at is not None
    if listed or at >= held.held_at or held.closed_at is not None:
        return False
    return connection.exec_driver_sql(_LATER, (*notice, stored(at))).fetchone() is None


def _remind(work: Work, held: MeetingFacts, notice: tuple[int, str, str]) -> None:
    """Remind each seat of the open ballots on which it has not voted, and does not stand aside."""
    if not work.rules.board.remote_votes:
        return
    missing = votes_awaited(work.connection, held.id)
    for seat in seats_in_office(work.connection, work.today):
        if missing[seat.name]:
            told = {"items": missing[seat.name]}
            tell_seats(work, held, Telling(BoardMail.VOTE_REMINDER, _occasion(notice), told), [seat])


def votes_awaited(connection: Connection, meeting_id: int) -> Counter[str]:
    """On how many open ballots of a meeting each seat has still to vote."""
    said = {(row[0], row[1]) for row in connection.exec_driver_sql(_SAID, (meeting_id, meeting_id))}
    return Counter(
        seat
        for ballot_id, electorate in connection.exec_driver_sql(_OPEN, (meeting_id,))
        for seat in filter(None, electorate.split("|"))
        if (ballot_id, seat) not in said
    )


def _who_may_be_listed(context: Context, held: MeetingFacts, moment: datetime) -> list[int]:
    """Ids of those who would be on the meeting's yearly lists if these were settled now."""
    return [
        instance_id
        for workflow in context.workflows
        for rule in workflow.ballots
        if not rule.every_meeting
        for instance_id in _listed_now(context, workflow, rule.trigger, held, moment)
    ]


def _listed_now(context: Context, workflow: Workflow, trigger: str, held: MeetingFacts, moment: datetime) -> list[int]:
    rule, found = workflow.ballot(trigger), []
    for ids, whole in listable(context, workflow, rule, held, moment):
        with context.reading(workflow, moment) as work:
            occasion = agenda_occasion(work, held, moment)
            found += [case.id for case in work.cases(ids) if belongs(case, rule, occasion, whole=whole)]
    return found
