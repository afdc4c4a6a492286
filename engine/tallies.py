"""From the votes in the database to the counts that are decided on."""

from collections.abc import Sequence

from engine.ballots import Choice, Tally
from engine.batch import Statement
from engine.store import rows_of
from engine.work import Work

_COUNTS = """SELECT b.id, b.electorate, count(v.id), count(CASE v.choice WHEN 'approve' THEN 1 END),
    count(CASE v.choice WHEN 'reject' THEN 1 END), count(CASE v.choice WHEN 'abstain' THEN 1 END),
    coalesce(group_concat(v.seat, '|'), '')
    FROM ballot b LEFT JOIN vote v ON v.ballot_id = b.id AND v.superseded_at IS NULL
    WHERE b.id IN {ids} GROUP BY b.id"""
_VOTES = "SELECT ballot_id, seat, choice FROM vote WHERE ballot_id IN {ids} AND superseded_at IS NULL"
_FREEZE = Statement.update("ballot", ("approve", "reject", "abstain", "took_part"))
CHAIR = "chair"


def tallies_of(work: Work, ballot_ids: Sequence[int], present: Sequence[str]) -> dict[int, Tally]:
    """Tally of each ballot: its electorate, the current votes, and who took part (present, or voted)."""
    chairs = _chairs_choices(work, ballot_ids)
    tallies = {}
    for row in rows_of(work.connection, _COUNTS, ballot_ids):
        ballot_id, electorate, voted, approve, reject, abstain, voters = row
        seats = set(filter(None, electorate.split("|")))
        if present:
            voted = len({*filter(None, voters.split("|")), *(seats & set(present))})
        tallies[ballot_id] = Tally(len(seats), approve, reject, abstain, voted, chairs.get(ballot_id))
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
