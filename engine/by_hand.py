"""The secretary's hand on a published agenda: a question is put on it or taken off it, with a reason, and said to all.

What is put on by hand meets the same conditions as the list: the hand only adds whom the list had missed.
"""

from engine.agenda import LATEST_PUBLICATION, agenda_occasion, put_on
from engine.board_mail import AgendaChange, tell_change
from engine.board_models import BallotStatus
from engine.cases import BallotFacts, Case
from engine.definition import BallotRule
from engine.errors import BallotNotOpen, GateNotMet, Invalid, NotAllowed
from engine.meetings import MeetingFacts, meeting
from engine.work import Decision, Work, set_ballot

_MORE_ITEMS = "UPDATE meeting SET items = items + 1 WHERE id = ?"
_FEWER_ITEMS = "UPDATE meeting SET items = max(0, items - 1) WHERE id = ?"


def add_item(work: Work, case: Case, held: MeetingFacts, trigger: str, reason: str, actor: str) -> None:
    """Put a question about a case on a published agenda, up to one day before the meeting.

    Raises Invalid for an unknown question or no reason, NotAllowed where the agenda is not out, it is too late or the
    question is asked or answered already, GateNotMet where a condition of the list does not hold.
    """
    rule = _rule(work, trigger)
    _refuse_without(reason)
    _refuse_meeting(work, rule, held)
    occasion = agenda_occasion(work, held, work.at)
    occasion.actor, occasion.reason = actor, reason.strip()
    _refuse_case(work, case, rule, held)
    for guard in rule.lists:
        why = guard(case, occasion)
        if why is not None:
            raise GateNotMet(gate=why)
    put_on(work, case, rule, held, occasion)
    work.connection.exec_driver_sql(_MORE_ITEMS, (held.id,))
    tell_change(work, held, AgendaChange(case.id, trigger, reason.strip(), added=True))


def take_off(work: Work, case: Case, ballot: BallotFacts, reason: str, actor: str) -> None:
    """Take a question that is not answered yet off its agenda, for good. Raises BallotNotOpen, Invalid."""
    _refuse_without(reason)
    if not ballot.live or work.at >= ballot.closes_at:
        raise BallotNotOpen(ballot=ballot.id)
    said = f"taken off the agenda: {reason.strip()}"
    set_ballot(work, case, ballot, BallotStatus.WITHDRAWN, Decision(work.at, said, actor=actor))
    held = meeting(work.connection, ballot.meeting_id)
    tell_change(work, held, AgendaChange(case.id, str(ballot.trigger), reason.strip(), added=False))
    work.connection.exec_driver_sql(_FEWER_ITEMS, (held.id,))
    work.look([case], work.at)


def _rule(work: Work, trigger: str) -> BallotRule:
    for rule in work.workflow.ballots:
        if rule.trigger == trigger:
            return rule
    known = ", ".join(str(rule.trigger) for rule in work.workflow.ballots)
    raise Invalid(reason=f"there is no question {trigger!r}; the board answers {known}")


def _refuse_without(reason: str) -> None:
    if not reason.strip():
        raise Invalid(reason="changing an agenda by hand needs a reason")


def _refuse_meeting(work: Work, rule: BallotRule, held: MeetingFacts) -> None:
    if held.published_at is None or held.closed_at is not None:
        raise NotAllowed(reason=f"the agenda of {held.month} is not out: there is no list to add to")
    if work.at > held.held_at - LATEST_PUBLICATION:
        raise NotAllowed(reason="an agenda is added to up to one day before the meeting")
    if not rule.carried_by(held.month_number):
        raise NotAllowed(reason=f"the meeting of {held.month} does not settle {rule.trigger}")


def _refuse_case(work: Work, case: Case, rule: BallotRule, held: MeetingFacts) -> None:
    states = work.workflow.listed_from(rule)
    if case.state not in states:
        raise GateNotMet(gate=f"is {case.state}")
    if any(ballot.live and ballot.trigger == rule.trigger for ballot in case.ballots):
        raise NotAllowed(reason=f"{rule.trigger} is asked about {case.subject} already")
    latest = case.latest(rule.trigger, held.year)
    answered = latest is not None and latest.status in {BallotStatus.ADOPTED, BallotStatus.REJECTED}
    if answered and not rule.every_meeting:
        raise NotAllowed(reason=f"the board has answered {rule.trigger} about {case.subject} this year")
