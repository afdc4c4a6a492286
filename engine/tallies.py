"""From the votes in the database to the counts that are decided on."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from engine.ballots import Choice, Tally
from engine.batch import Statement
from engine.store import rows_of
from engine.work import Work

_ELECTORATES = "SELECT id, electorate FROM ballot WHERE id IN {ids}"
_VOTES = "SELECT ballot_id, seat, choice FROM vote WHERE ballot_id IN {ids} AND superseded_at IS NULL"
_FREEZE = Statement.update("ballot", ("approve", "reject", "abstain", "took_part"))
CHAIR = "chair"


def tallies_of(work: Work, ballot_ids: Sequence[int], present: Sequence[str]) -> dict[int, Tally]:
    """Tally of each ballot: its electorate, the current votes, and who took part (present, or voted)."""
    choices: dict[int, Counter[str]] = defaultdict(Counter)
    voters: dict[int, set[str]] = defaultdict(set)
    for ballot_id, seat, choice in rows_of(work.connection, _VOTES, ballot_ids):
        choices[ballot_id][choice] += 1
        voters[ballot_id].add(seat)
    chairs = _chairs_choices(work, ballot_ids)
    tallies = {}
    for ballot_id, electorate in rows_of(work.connection, _ELECTORATES, ballot_ids):
        seats = set(filter(None, electorate.split("|")))
        took_part = voters[ballot_id] | (seats & set(present)) if present else voters[ballot_id]
        tallies[ballot_id] = Tally(
            seats=len(seats),
            approve=choices[ballot_id][Choice.APPROVE],
            reject=choices[ballot_id][Choice.REJECT],
            abstain=choices[ballot_id][Choice.ABSTAIN],
            present=len(took_part),
            chair=chairs.get(ballot_id),
        )
    return tallies


def _chairs_choices(work: Work, ballot_ids: Sequence[int]) -> dict[int, Choice]:
    """What the chair voted: asked only where its vote may decide a tie."""
    if not work.rules.board.counting.casting_vote:
        return {}
    rows = work.connection.exec_driver_sql("SELECT name FROM seat WHERE role = ?", (CHAIR,))
    chairs = {row[0] for row in rows}
    votes = rows_of(work.connection, _VOTES, ballot_ids)
    return {ballot_id: Choice(choice) for ballot_id, seat, choice in votes if seat in chairs}


def freeze(work: Work, ballot_id: int, tally: Tally) -> None:
    """Keep the counts with the ballot: they no longer change."""
    took_part = tally.present if tally.present is not None else 0
    work.batch.add(_FREEZE, tally.approve, tally.reject, tally.abstain, took_part, ballot_id)
