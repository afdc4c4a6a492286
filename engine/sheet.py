"""The secretary's sheet where the room counted hands: so many for, against, abstaining, without names."""

from collections.abc import Sequence

from engine.ballots import Outcome, Tally, count
from engine.cases import BallotFacts, Case
from engine.errors import Invalid
from engine.models import BallotStatus
from engine.store import stored
from engine.tallies import freeze
from engine.voting import _held, _refuse_record, _refuse_strangers, _withdraw_newer
from engine.work import Work, decided

_SUPERSEDE_ALL = "UPDATE vote SET superseded_at = ? WHERE ballot_id = ? AND superseded_at IS NULL"
_ELECTORATE = "SELECT electorate FROM ballot WHERE id = ?"


def record_counts(
    work: Work, case: Case, ballot: BallotFacts, counts: tuple[int, int, int], present: Sequence[str]
) -> BallotStatus:
    """Record approvals, rejections and abstentions of those present, as `voting.record` does names.

    They replace what seats had voted themselves, which is kept. Raises what `record` raises, and Invalid for more
    hands than people.
    """
    _refuse_record(work, case, ballot)
    _refuse_strangers(work, ballot, present)
    there = tuple(dict.fromkeys(present))
    if sum(counts) > len(there):
        raise Invalid(reason=f"ballot {ballot.id}: more votes than the {len(there)} seats present")
    was_open = ballot.status == BallotStatus.OPEN
    work.connection.exec_driver_sql(_SUPERSEDE_ALL, (stored(work.at), ballot.id))
    held = _held(work, ballot)
    everyone = tuple(dict.fromkeys((*held.present, *there)))
    work.connection.exec_driver_sql("UPDATE meeting SET present = ? WHERE id = ?", ("|".join(everyone), held.id))
    electorate = work.connection.exec_driver_sql(_ELECTORATE, (ballot.id,)).scalar_one().split("|")
    attending = len(set(electorate) & set(everyone))
    tally = Tally(len(electorate), *counts, present=attending)
    outcome = count(work.rules.board.counting, tally)
    freeze(work, ballot.id, tally)
    if outcome is Outcome.NO_QUORUM and not was_open:
        return BallotStatus.NO_QUORUM
    _withdraw_newer(work, case, ballot)
    decided(work, case, ballot, BallotStatus(outcome.value), work.at if was_open else held.held_at)
    return BallotStatus(outcome.value)
