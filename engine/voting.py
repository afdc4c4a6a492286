"""Votes: one seat, one vote, named; the secretary's record; closing early."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from engine.agenda import close_ballots
from engine.ballots import Choice, Outcome, count
from engine.batch import Statement
from engine.board import seats
from engine.cases import BallotFacts, Case
from engine.clock import local_day
from engine.errors import BallotNotOpen, GateNotMet, NotAllowed, NotASeat
from engine.meetings import MeetingFacts, meeting
from engine.models import BallotStatus
from engine.store import rows_of
from engine.tallies import freeze, tallies_of
from engine.work import Decision, Work, decided, set_ballot

_SUPERSEDE = Statement(
    "UPDATE vote SET superseded_at = ? WHERE ballot_id = ? AND seat = ? AND superseded_at IS NULL", order=3
)
_VOTE = Statement.insert("vote", "ballot_id", "seat", "choice", "comment", "channel", "at")
_VOTED = """SELECT ballot_id, seat FROM vote WHERE ballot_id IN {ids} AND superseded_at IS NULL
    AND seat IN (SELECT value FROM json_each(?))"""
_OPEN_BALLOTS = """SELECT b.id, b.instance_id, b.status, b.opens_at, b.closes_at, b.electorate, m.held_at
    FROM ballot b JOIN meeting m ON m.id = b.meeting_id WHERE b.id IN {ids}"""


ANSWERS = (BallotStatus.ADOPTED, BallotStatus.REJECTED)


@dataclass(frozen=True, slots=True)
class Cast:
    """One seat's choice on one ballot."""

    ballot_id: int
    seat: str
    choice: Choice
    comment: str = ""


def cast(work: Work, votes: Sequence[Cast], channel: str) -> None:
    """Record votes, all or none; an earlier vote of the same seat is superseded and kept.

    Raises NotASeat, NotAllowed before the meeting of a board that does not vote remotely, BallotNotOpen.
    """
    ids = sorted({vote.ballot_id for vote in votes})
    ballots = {row[0]: row for row in rows_of(work.connection, _OPEN_BALLOTS, ids)}
    known = {seat.name for seat in seats(work.connection)}
    seats_voting = json.dumps(sorted({vote.seat for vote in votes}))
    voted = set(rows_of(work.connection, _VOTED, ids, seats_voting))
    now = work.now
    for vote in votes:
        row = ballots.get(vote.ballot_id)
        if row is None or row[2] != BallotStatus.OPEN or not row[3] <= now < row[4]:
            raise BallotNotOpen(ballot=vote.ballot_id)
        if vote.seat not in known or vote.seat not in row[5].split("|"):
            raise NotASeat(seat=vote.seat)
        if not work.rules.board.remote_votes and now < row[6]:
            raise NotAllowed(reason="this board votes in the meeting only: board.remote_votes is off")
        if (vote.ballot_id, vote.seat) in voted:
            work.batch.add(_SUPERSEDE, now, vote.ballot_id, vote.seat)
        work.batch.add(_VOTE, vote.ballot_id, vote.seat, vote.choice.value, vote.comment, channel, now)


def close_now(work: Work, pairs: Sequence[tuple[Case, BallotFacts]]) -> None:
    """Close open ballots at once, as the secretary or chair may from the meeting's hour on.

    Raises BallotNotOpen, or NotAllowed before the meeting.
    """
    for _, ballot in pairs:
        if ballot.status != BallotStatus.OPEN:
            raise BallotNotOpen(ballot=ballot.id)
        if work.at < ballot.held_at:
            raise NotAllowed(reason="a ballot is closed during or after its meeting, not before")
        close_ballots(work, [(case, found) for case, found in pairs if found is ballot], _held(work, ballot), work.at)


def _held(work: Work, ballot: BallotFacts) -> MeetingFacts:
    return meeting(work.connection, ballot.meeting_id)


def record(
    work: Work, case: Case, ballot: BallotFacts, votes: Mapping[str, Choice], present: Sequence[str] = ()
) -> BallotStatus:
    """Record what the room decided on one ballot: during the meeting, or up to 14 days later without quorum.

    The names given replace those seats' own votes. A later record is dated by the meeting.
    Raises BallotNotOpen, NotAllowed, NotASeat, GateNotMet.
    """
    _refuse_record(work, case, ballot)
    _refuse_strangers(work, ballot, (*votes, *present))
    was_open = ballot.status == BallotStatus.OPEN
    now = work.now
    for seat, choice in votes.items():
        work.connection.exec_driver_sql(_SUPERSEDE.sql, (now, ballot.id, seat))
        work.connection.exec_driver_sql(_VOTE.sql, (ballot.id, seat, Choice(choice).value, "", "sheet", now))
    held = _held(work, ballot)
    everyone = tuple(dict.fromkeys((*held.present, *present)))
    work.connection.exec_driver_sql("UPDATE meeting SET present = ? WHERE id = ?", ("|".join(everyone), held.id))
    tally = tallies_of(work, [ballot.id], everyone)[ballot.id]
    outcome = count(work.rules.board.counting, tally)
    freeze(work, ballot.id, tally)
    if outcome is Outcome.NO_QUORUM and not was_open:
        return BallotStatus.NO_QUORUM
    _withdraw_newer(work, case, ballot)
    decided(work, case, ballot, BallotStatus(outcome.value), work.at if was_open else held.held_at)
    return BallotStatus(outcome.value)


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


def _refuse_strangers(work: Work, ballot: BallotFacts, names: Sequence[str]) -> None:
    row = work.connection.exec_driver_sql("SELECT electorate FROM ballot WHERE id = ?", (ballot.id,)).one()
    for name in names:
        if name not in row[0].split("|"):
            raise NotASeat(seat=name)


def _withdraw_newer(work: Work, case: Case, ballot: BallotFacts) -> None:
    """A question answered by the record is no longer asked at the next meeting."""
    for newer in case.ballots:
        if newer.live and newer.trigger == ballot.trigger and newer.id != ballot.id:
            set_ballot(
                work, case, newer, BallotStatus.WITHDRAWN, Decision(work.at, "answered by the earlier meeting's record")
            )
