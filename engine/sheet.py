"""The secretary's sheet: what the room decided, told once, by names, by counts or as unanimous.

During the meeting, or up to 14 days later where there was no quorum; a later record is dated by the meeting. It
replaces what seats had voted themselves, which is kept. A ballot that has an outcome is never recorded again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from engine.across import Part, hearings, parts_of
from engine.ballots import Choice, Outcome, Tally
from engine.board import seats_in_office
from engine.board_mail import tell_decisions, was_told
from engine.board_models import BallotStatus
from engine.cases import BallotFacts, Case
from engine.clock import local_day
from engine.errors import BallotNotOpen, GateNotMet, Invalid, NotAllowed, NotASeat, Recused
from engine.meetings import MeetingFacts, meeting
from engine.tallies import freeze, outcomes_of, recused_on, tallies_of
from engine.voting import SUPERSEDE, VOTE
from engine.work import Decision, Work, decided, set_ballot

ANSWERS = (BallotStatus.ADOPTED, BallotStatus.REJECTED)
CHANNEL = "sheet"
FOLLOW_UP = "follow_up"
"""The task of whoever does something about what was put off."""
_HANDS = "UPDATE ballot SET hands = ? WHERE id = ?"
_RECORDABLE = """SELECT id, trigger FROM ballot
    WHERE meeting_id = ? AND status IN ('open', 'no_quorum') AND annulled_at IS NULL ORDER BY id"""
_ATTENDED = "UPDATE meeting SET present = ? WHERE id = ?"


def record(
    work: Work, case: Case, ballot: BallotFacts, votes: Mapping[str, Choice], present: Sequence[str] = ()
) -> BallotStatus:
    """Record who said what on one ballot.

    Raises BallotNotOpen, NotAllowed before the meeting or too late, NotASeat, Recused, GateNotMet.
    """
    _refuse_record(work, case, ballot)
    _refuse_strangers(work, ballot, votes)
    _refuse_recused(work, ballot, votes)
    for seat, choice in votes.items():
        work.connection.exec_driver_sql(SUPERSEDE.sql, (work.now, ballot.id, seat))
        work.connection.exec_driver_sql(VOTE.sql, (ballot.id, seat, Choice(choice).value, "", CHANNEL, work.now))
    there = attend(work, meeting(work.connection, ballot.meeting_id), present)
    return _conclude(work, case, ballot, tallies_of(work, [ballot.id], there)[ballot.id])


def record_counts(
    work: Work, case: Case, ballot: BallotFacts, counts: tuple[int, int, int], present: Sequence[str]
) -> BallotStatus:
    """Record approvals, rejections and abstentions of those present, where the room counted hands.

    What those present had voted before is in their hands now; what others voted from elsewhere counts beside them. A
    count of hands knows no chair: a tie is a tie.
    Raises what `record` raises, and Invalid for more hands than people who may vote.
    """
    _refuse_record(work, case, ballot)
    hands = [seat for seat in dict.fromkeys(present) if seat in _may_vote(work, ballot)]
    if sum(counts) > len(hands):
        raise Invalid(reason=f"ballot {ballot.id}: more votes than the {len(hands)} seats present that may vote")
    for seat in hands:
        work.connection.exec_driver_sql(SUPERSEDE.sql, (work.now, ballot.id, seat))
    work.connection.exec_driver_sql(_HANDS, ("/".join(map(str, counts)), ballot.id))
    there = attend(work, meeting(work.connection, ballot.meeting_id), present)
    voted = tallies_of(work, [ballot.id], there)[ballot.id]
    approve, reject, abstain = counts
    said = (voted.approve + approve, voted.reject + reject, voted.abstain + abstain)
    return _conclude(work, case, ballot, Tally(voted.seats, *said, present=voted.present))


def unanimous(work: Work, ballot: BallotFacts, choice: Choice, present: Sequence[str]) -> dict[str, Choice]:
    """What everybody present says where the room is of one mind: who stands aside, or has no seat on it, says nothing.

    Raises Invalid where nobody is left to say it.
    """
    said = dict.fromkeys((seat for seat in present if seat in _may_vote(work, ballot)), choice)
    if not said:
        raise Invalid(reason="a unanimous decision needs to say who was present and may vote")
    return said


@dataclass(frozen=True, slots=True)
class Postponed:
    """What the room put off: who does what, and until which day (included) the subject has time."""

    who: str
    what: str
    until: date


def postpone(work: Work, case: Case, ballot: BallotFacts, postponed: Postponed, actor: str) -> None:
    """Put a question off: the subject has a stay, somebody a task, and the ballot leaves this meeting.

    A hearing is blocked by the stay, and held at a later meeting. Raises what `record` raises, Invalid for a day past.
    """
    _refuse_record(work, case, ballot)
    said = f"postponed until {postponed.until.isoformat()}: {postponed.who}: {postponed.what}"
    hearing = work.workflow.ballot(ballot.trigger).hearing is not None
    if ballot.status == BallotStatus.OPEN and not (hearing and work.workflow.grant is not None):
        set_ballot(work, case, ballot, BallotStatus.WITHDRAWN, Decision(work.at, said, actor=actor))
    if work.workflow.grant is not None:
        work.workflow.grant(work, case, postponed.until, said, actor)
    note = f"{postponed.who}: {postponed.what}"
    about = f"{ballot.trigger} until {postponed.until.isoformat()}"
    work.batch.open_task(FOLLOW_UP, case, work.at, about, postponed.until, note)


def the_rest(work: Work, held: MeetingFacts, named: Iterable[int]) -> list[int]:
    """Ballots of a meeting that were not named and may be recorded now.

    Hearings never are among them, each is its own; nor is whoever has paid, or moved on, since there was no quorum.
    """
    rows = work.connection.exec_driver_sql(_RECORDABLE, (held.id,))
    apart = {*hearings(machine.workflow for machine in work.machines.values())}
    found = [row[0] for row in rows if row[1] not in apart and row[0] not in set(named)]
    return [part.ballot.id for part in parts_of(work, found) if _may_be_recorded(part)]


def _may_be_recorded(part: Part) -> bool:
    try:
        _refuse_record(part.work, part.case, part.ballot)
    except GateNotMet:
        return False
    return True


def attend(work: Work, held: MeetingFacts, present: Iterable[str]) -> tuple[str, ...]:
    """Note who was there, beside those noted before. Returns them all.

    Raises NotAllowed before the meeting, NotASeat for somebody who held no seat that day.
    """
    if work.at < held.held_at:
        raise NotAllowed(reason="who was there is recorded during or after the meeting, not before")
    sitting = {seat.name for seat in seats_in_office(work.connection, local_day(held.held_at, work.rules.tz))}
    for seat in present:
        if seat not in sitting:
            raise NotASeat(seat=seat)
    everyone = tuple(dict.fromkeys((*held.present, *present)))
    work.connection.exec_driver_sql(_ATTENDED, ("|".join(everyone), held.id))
    return everyone


def _conclude(work: Work, case: Case, ballot: BallotFacts, tally: Tally) -> BallotStatus:
    """Keep the counts and carry out what they say; still no quorum: the ballot stays what it was."""
    was_open = ballot.status == BallotStatus.OPEN
    outcome = outcomes_of(work, {ballot.id: tally})[ballot.id]
    freeze(work, ballot.id, tally)
    if outcome is Outcome.NO_QUORUM and not was_open:
        return BallotStatus.NO_QUORUM
    _withdraw_newer(work, case, ballot)
    held = meeting(work.connection, ballot.meeting_id)
    if held.closed_at is not None or was_told(work, held):
        tell_decisions(work, held)
    decided(work, case, ballot, BallotStatus(outcome.value), work.at if was_open else ballot.held_at)
    return BallotStatus(outcome.value)


def _electorate(work: Work, ballot: BallotFacts) -> frozenset[str]:
    text = work.connection.exec_driver_sql("SELECT electorate FROM ballot WHERE id = ?", (ballot.id,)).scalar_one()
    return frozenset(filter(None, text.split("|")))


def _may_vote(work: Work, ballot: BallotFacts) -> frozenset[str]:
    return _electorate(work, ballot) - recused_on(work.connection, [ballot.id]).get(ballot.id, frozenset())


def _refuse_strangers(work: Work, ballot: BallotFacts, names: Iterable[str]) -> None:
    electorate = _electorate(work, ballot)
    for name in names:
        if name not in electorate:
            raise NotASeat(seat=name)


def _refuse_recused(work: Work, ballot: BallotFacts, names: Iterable[str]) -> None:
    aside = recused_on(work.connection, [ballot.id]).get(ballot.id, frozenset())
    for name in names:
        if name in aside:
            raise Recused(seat=name)


def _withdraw_newer(work: Work, case: Case, ballot: BallotFacts) -> None:
    """A question answered by the record is no longer asked at the next meeting."""
    for newer in case.ballots:
        if newer.live and newer.trigger == ballot.trigger and newer.id != ballot.id:
            set_ballot(
                work, case, newer, BallotStatus.WITHDRAWN, Decision(work.at, "answered by the earlier meeting's record")
            )


def _refuse_record(work: Work, case: Case, ballot: BallotFacts) -> None:
    if ballot.status not in {BallotStatus.OPEN, BallotStatus.NO_QUORUM}:
        raise BallotNotOpen(ballot=ballot.id)
    if any(
        newer.id > ballot.id and newer.trigger == ballot.trigger and newer.status in ANSWERS for newer in case.ballots
    ):
        raise BallotNotOpen(ballot=ballot.id)  # the board has answered since, at a later meeting
    if work.at < ballot.held_at:
        raise NotAllowed(reason="what the room decided is recorded during or after the meeting, not before")
    last = local_day(ballot.held_at, work.rules.tz) + timedelta(days=work.rules.board.record_days)
    if local_day(work.at, work.rules.tz) > last:
        raise NotAllowed(reason=f"what the room decided could be recorded until {last.isoformat()}")
    rule = work.workflow.ballot(ballot.trigger)
    occasion = work.occasion(work.at, f"ballot:{ballot.id}", year=ballot.year, ballot=ballot)
    occasion.meeting_at = ballot.held_at
    for guard in rule.drops_out:
        why = guard(case, occasion)
        if why is not None:
            raise GateNotMet(gate=why)
    if case.state not in work.workflow.sources(ballot.trigger):
        raise GateNotMet(gate=f"is {case.state}")
    missing = rule.hearing(case, occasion) if rule.hearing is not None else ()
    if missing:
        raise GateNotMet(gate=", ".join(missing))
