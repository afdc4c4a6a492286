"""Agendas: publish the frozen lists, open the hearings at the meeting's hour, close the ballots at midnight."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from engine.alarms import addresses, alarm_mails
from engine.apart import each_apart
from engine.batch import NEW_BALLOT, OUTBOX, Statement
from engine.board_mail import Telling, tell_decisions, tell_seats, was_told
from engine.board_models import BallotStatus, BoardMail
from engine.cases import BallotFacts, Case, Occasion
from engine.clock import local_day
from engine.context import Context
from engine.definition import BallotRule, Workflow
from engine.meetings import MEETING_UNCONFIRMED, MeetingFacts, meetings_where
from engine.recusals import stand_aside_anew, stand_aside_as_declared
from engine.store import stored
from engine.tallies import freeze, outcomes_of, tallies_of
from engine.work import Work, block, decided

CHUNK = 5000
LATEST_PUBLICATION = timedelta(days=1)
AGENDA = "agenda"

# A list that is frozen now may concern everybody: the concatenations keep the planner on the primary key, so that the
# walk over all chunks reads each row once. The other lists concern few: there the index on states is the way.
_WHOLE = """SELECT id FROM workflow_instance i
    WHERE i.workflow || '' = ? AND i.id > ? AND i.state || '' IN ({states}) AND i.started_at < ?
    AND NOT EXISTS (SELECT 1 FROM ballot b WHERE b.instance_id = i.id AND b.trigger = ? AND b.year = ?)
    ORDER BY i.id LIMIT ?"""
_AGAIN = """SELECT id FROM workflow_instance i
    WHERE i.workflow = ? AND i.id > ? AND i.state IN ({states}) AND i.started_at < ?
    AND EXISTS (SELECT 1 FROM ballot b WHERE b.instance_id = i.id AND b.trigger = ? AND b.year = ?
        AND b.status = 'no_quorum')
    ORDER BY i.id LIMIT ?"""
_EVERY_MEETING = """SELECT id FROM workflow_instance i
    WHERE i.workflow = ? AND i.id > ? AND i.state IN ({states}) AND i.started_at < ?
    AND NOT EXISTS (SELECT 1 FROM ballot b WHERE b.instance_id = i.id AND b.trigger = ? AND b.year = ?
        AND b.status IN ('scheduled', 'open'))
    ORDER BY i.id LIMIT ?"""
_SETTLE_LIST = (
    "INSERT INTO agenda_list (workflow, trigger, year, meeting_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_OPEN = Statement(
    "UPDATE ballot SET status = 'open', electorate = ?, rule = ? WHERE id = ? AND status = 'scheduled'", order=4
)
_ON_AGENDA = """SELECT b.id, b.instance_id FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id
    WHERE i.workflow = ? AND b.meeting_id = ? AND b.status = ? AND b.id > ? ORDER BY b.id LIMIT ?"""


def publish(context: Context, meeting: MeetingFacts, at: datetime, moment: datetime) -> None:
    """Freeze the lists of one meeting, open its ballots and tell the seats.

    Less than one day before the meeting it is too late: its items go to the next meeting of the year.
    """
    if at > meeting.held_at - LATEST_PUBLICATION or context.is_paused(moment):
        return
    for workflow in context.workflows:
        for rule in workflow.ballots:
            _publish_list(context, workflow, rule, meeting, at, moment)
    with context.work(context.workflows[0], at, moment) as work:
        sql = "SELECT count(*) FROM ballot WHERE meeting_id = ? AND status IN ('scheduled', 'open')"
        items = work.connection.exec_driver_sql(sql, (meeting.id,)).scalar_one()
        sql = "UPDATE meeting SET published_at = ?, items = ? WHERE id = ?"
        work.connection.exec_driver_sql(sql, (stored(at), items, meeting.id))
        if items:
            tell_seats(work, meeting, Telling(BoardMail.AGENDA, f"meeting-{meeting.id}", {"items": items}))


def _publish_list(
    context: Context, workflow: Workflow, rule: BallotRule, meeting: MeetingFacts, at: datetime, moment: datetime
) -> None:
    if not rule.carried_by(meeting.month_number):
        return
    for ids, whole in listable(context, workflow, rule, meeting, at):

        def put_on_all(work: Work, cases: list[Case], whole: bool = whole) -> None:  # noqa: FBT001 bound now, for each chunk
            occasion = agenda_occasion(work, meeting, moment)
            for case in cases:
                if belongs(case, rule, occasion, whole=whole):
                    put_on(work, case, rule, meeting, occasion)

        each_apart(context, workflow, (at, moment), ids, put_on_all, f"agenda {meeting.month}")
    if not rule.every_meeting:
        with context.work(workflow, at, moment) as work:
            row = (workflow.name, rule.trigger, meeting.year, meeting.id)
            work.connection.exec_driver_sql(_SETTLE_LIST, row)


def would_carry(context: Context, meeting: MeetingFacts, at: datetime) -> bool:
    """Whether a meeting's agenda would have any item if it were published now."""
    return any(
        _carries(context, workflow, rule, meeting, at) for workflow in context.workflows for rule in workflow.ballots
    )


def _carries(context: Context, workflow: Workflow, rule: BallotRule, meeting: MeetingFacts, at: datetime) -> bool:
    for ids, whole in listable(context, workflow, rule, meeting, at):
        with context.reading(workflow, at) as work:
            occasion = agenda_occasion(work, meeting, at)
            if any(belongs(case, rule, occasion, whole=whole) for case in work.cases(ids)):
                return True
    return False


def agenda_occasion(work: Work, meeting: MeetingFacts, moment: datetime) -> Occasion:
    """The occasion of a meeting's agenda, asked at a moment."""
    occasion = work.occasion(moment, AGENDA, key=f"meeting-{meeting.id}", year=meeting.year)
    occasion.meeting_at = meeting.held_at
    return occasion


def warn_unconfirmed(context: Context, meeting: MeetingFacts, at: datetime, moment: datetime) -> None:
    """Ask for the confirmation of a date on which the board would have something to decide."""
    if would_carry(context, meeting, moment):
        with context.work(context.workflows[0], at, moment) as work:
            day = local_day(meeting.held_at, work.rules.tz)
            work.batch.open_task(MEETING_UNCONFIRMED, None, at, meeting.month, day, f"is {day.isoformat()} confirmed?")
            told = {"meeting": meeting.held_at.isoformat()}
            recipients = addresses(work.connection, work.rules, at)
            work.batch.rows[OUTBOX] += alarm_mails(MEETING_UNCONFIRMED, meeting.month, told, recipients, at)


def concerned_before(work: Work, rule: BallotRule, meeting: MeetingFacts) -> datetime | None:
    """Only who was there before this instant is concerned; None: this meeting does not carry the question.

    A yearly list is that of the first agenda due from its month on: who was taken over later counts as
    already dealt with by it.
    """
    if rule.every_meeting:
        return meeting.publish_at
    if not rule.carried_by(meeting.month_number):
        return None
    first = meetings_where(work.connection, "month >= ?", f"{meeting.year}-{rule.month:02d}")[0]
    return first.publish_at


def list_settled(work: Work, rule: BallotRule, year: int) -> bool:
    """Whether the list of a question was settled in that year."""
    sql = "SELECT 1 FROM agenda_list WHERE workflow = ? AND trigger = ? AND year = ?"
    row = work.connection.exec_driver_sql(sql, (work.workflow.name, rule.trigger, year)).fetchone()
    return row is not None


def listable(
    context: Context, workflow: Workflow, rule: BallotRule, meeting: MeetingFacts, at: datetime
) -> Iterator[tuple[list[int], bool]]:
    """Chunks of ids whom a meeting's list may concern, and whether the list is settled anew; none is not carried."""
    with context.reading(workflow, at) as work:
        before = concerned_before(work, rule, meeting)
        whole = rule.every_meeting or not list_settled(work, rule, meeting.year)
    if before is not None:
        for ids in _listable(context, workflow, rule, before, (meeting.year, whole)):
            yield ids, whole


def _listable(
    context: Context, workflow: Workflow, rule: BallotRule, before: datetime, which: tuple[int, bool]
) -> Iterator[list[int]]:
    """Chunks of ids for the list of a year, whole or carried on: whom it cannot concern, SQL leaves out already."""
    year, whole = which
    sql = _EVERY_MEETING if rule.every_meeting else _WHOLE if whole else _AGAIN
    states = workflow.listed_from(rule)
    after = 0
    while True:
        with context.reading(workflow) as work:
            ids = work.ids(sql, states, (after,), (stored(before), rule.trigger, year, CHUNK))
        if not ids:
            return
        yield ids
        after = ids[-1]


def belongs(case: Case, rule: BallotRule, occasion: Occasion, *, whole: bool) -> bool:
    """Whether a case is put on the list: the first time by its guards, later only what found no quorum."""
    if any(ballot.live and ballot.trigger == rule.trigger for ballot in case.ballots):
        return False  # an earlier meeting, put off, has still to answer it
    latest = case.latest(rule.trigger, occasion.year)
    if not whole and (latest is None or latest.status != BallotStatus.NO_QUORUM):
        return False
    if whole and not rule.every_meeting and latest is not None:
        return False
    return all(guard(case, occasion) is None for guard in rule.lists)


def put_on(work: Work, case: Case, rule: BallotRule, meeting: MeetingFacts, occasion: Occasion) -> None:
    """Make a ballot of one case on a meeting's agenda, journal it and tell the member what its rule says."""
    waits = rule.hearing is not None
    again = case.latest(rule.trigger) is not None
    status = BallotStatus.SCHEDULED if waits else BallotStatus.OPEN
    opens = meeting.held_at if waits else work.at
    electorate, counting = ("", "") if waits else (work.electorate(work.at), work.counting)
    work.batch.add(
        NEW_BALLOT,
        *(case.id, meeting.id, rule.trigger, occasion.year, status.value, stored(opens), stored(meeting.closes_at)),
        *(electorate, "", 0, 0, 0, 0, "", counting, "", ""),
    )
    stand_aside_as_declared(work, case, rule.trigger, work.at)
    for kind in rule.sends_again if again and rule.sends_again else rule.sends:
        work.send(case, kind, occasion)
    why = f"{rule.trigger}: on the agenda of {local_day(meeting.held_at, work.rules.tz).isoformat()}"
    if occasion.reason:
        why = f"{why}, put on by hand: {occasion.reason}"
    work.batch.journal(case, occasion, AGENDA, case.state, reason=why)


def open_hearings(context: Context, meeting: MeetingFacts, at: datetime, moment: datetime) -> None:
    """At the meeting's hour each hearing is opened, or blocked naming the gates that are missing."""

    def open_each(work: Work, cases: list[Case]) -> None:
        for case, ballot in _ballots_of(cases, meeting, BallotStatus.SCHEDULED):
            _open_hearing(work, case, ballot, moment)

    for workflow in context.workflows:
        for ids in _on_agenda(context, workflow, meeting, BallotStatus.SCHEDULED):
            each_apart(context, workflow, (at, moment), ids, open_each, f"hearing {meeting.month}")
    with context.store.write() as connection:
        connection.exec_driver_sql("UPDATE meeting SET opened_at = ? WHERE id = ?", (stored(at), meeting.id))


def _open_hearing(work: Work, case: Case, ballot: BallotFacts, moment: datetime) -> None:
    rule = work.workflow.ballot(ballot.trigger)
    occasion = work.occasion(moment, AGENDA, key=f"meeting-{ballot.meeting_id}", year=ballot.year, ballot=ballot)
    occasion.meeting_at = ballot.held_at
    missing = rule.hearing(case, occasion) if rule.hearing is not None else ()
    if work.paused:
        missing = (*missing, "paused")
    if missing:
        block(work, case, ballot, missing, moment)
    else:
        work.batch.add(_OPEN, work.electorate(moment), work.counting, ballot.id)
        stand_aside_anew(work, case, ballot, moment)
        ballot.status = BallotStatus.OPEN


def close_meeting(context: Context, meeting: MeetingFacts, at: datetime, moment: datetime) -> None:
    """At midnight every ballot still open is counted and closed."""
    closed: list[int] = []

    def close_each(work: Work, cases: list[Case]) -> None:
        open_ones = _ballots_of(cases, meeting, BallotStatus.OPEN)
        closed.extend(ballot.id for _, ballot in open_ones)
        close_ballots(work, open_ones, meeting, moment)

    for workflow in context.workflows:
        for ids in _on_agenda(context, workflow, meeting, BallotStatus.OPEN):
            each_apart(context, workflow, (at, moment), ids, close_each, f"closing {meeting.month}")
    with context.work(context.workflows[0], at, moment) as work:
        sql = "UPDATE meeting SET closed_at = ? WHERE id = ?"
        work.connection.exec_driver_sql(sql, (stored(at), meeting.id))
        work.batch.close_task(MEETING_UNCONFIRMED, None, at, meeting.month, note="it was held")
        if closed or not was_told(work, meeting):
            tell_decisions(work, meeting)


def _on_agenda(
    context: Context, workflow: Workflow, meeting: MeetingFacts, status: BallotStatus
) -> Iterator[list[int]]:
    after = 0
    while True:
        with context.reading(workflow) as work:
            values = (workflow.name, meeting.id, status.value, after, CHUNK)
            rows = work.connection.exec_driver_sql(_ON_AGENDA, values).fetchall()
        if not rows:
            return
        yield sorted({row[1] for row in rows})
        after = rows[-1][0]


def _ballots_of(cases: Sequence[Case], meeting: MeetingFacts, status: BallotStatus) -> list[tuple[Case, BallotFacts]]:
    pairs = ((case, ballot) for case in cases for ballot in case.ballots)
    return [(case, ballot) for case, ballot in pairs if ballot.meeting_id == meeting.id and ballot.status == status]


def close_ballots(
    work: Work, pairs: Sequence[tuple[Case, BallotFacts]], meeting: MeetingFacts, decided_at: datetime
) -> None:
    """Count these ballots, freeze their counts and carry out their outcomes."""
    tallies = tallies_of(work, [ballot.id for _, ballot in pairs], meeting.present)
    outcomes = outcomes_of(work, tallies)
    for case, ballot in pairs:
        freeze(work, ballot.id, tallies[ballot.id])
        decided(work, case, ballot, BallotStatus(outcomes[ballot.id].value), decided_at)
