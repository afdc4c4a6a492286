"""From the votes in the database to the counts that are decided on, under the rule that each ballot was opened with."""

import json
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection

from engine.ballots import Choice, CountingRule, Outcome, Tally, count
from engine.batch import Statement
from engine.board import seats_in_office
from engine.store import rows_of
from engine.work import Work

_COUNTS = """SELECT b.id, b.electorate, count(v.id), count(CASE v.choice WHEN 'approve' THEN 1 END),
    count(CASE v.choice WHEN 'reject' THEN 1 END), count(CASE v.choice WHEN 'abstain' THEN 1 END),
    coalesce(group_concat(v.seat, '|'), '')
    FROM ballot b LEFT JOIN vote v ON v.ballot_id = b.id AND v.superseded_at IS NULL
    WHERE b.id IN {ids} GROUP BY b.id"""
_VOTES = "SELECT ballot_id, seat, choice FROM vote WHERE ballot_id IN {ids} AND superseded_at IS NULL"
_RULES = "SELECT id, rule FROM ballot WHERE id IN {ids}"
_RECUSED = "SELECT ballot_id, seat FROM recusal WHERE ballot_id IN {ids}"
_FREEZE = Statement.update("ballot", ("approve", "reject", "abstain", "took_part"))
CHAIR = "chair"


def tallies_of(work: Work, ballot_ids: Sequence[int], present: Sequence[str]) -> dict[int, Tally]:
    """Tally of each ballot: its electorate, the current votes, and who took part (present, or voted).

    Seats that stand aside are not of the electorate, whether they are in the room or not.
    """
    chairs, aside = _chairs_choices(work, ballot_ids), recused_on(work.connection, ballot_ids)
    tallies = {}
    for row in rows_of(work.connection, _COUNTS, ballot_ids):
        ballot_id, electorate, voted, approve, reject, abstain, voters = row
        seats = set(filter(None, electorate.split("|"))) - aside.get(ballot_id, frozenset())
        if present:
            voted = len({*filter(None, voters.split("|")), *(seats & set(present))})
        tallies[ballot_id] = Tally(len(seats), approve, reject, abstain, voted, chairs.get(ballot_id))
    return tallies


def voters_on(connection: Connection, ballots: Sequence[tuple[int, str]]) -> dict[int, list[str]]:
    """Seats that may vote on each ballot (id, electorate): those that stand aside left out."""
    aside = recused_on(connection, [ballot_id for ballot_id, _ in ballots])
    return {
        ballot_id: [seat for seat in filter(None, electorate.split("|")) if seat not in aside.get(ballot_id, ())]
        for ballot_id, electorate in ballots
    }


def recused_on(connection: Connection, ballot_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Which seats stand aside on each ballot; a ballot on which none does is left out."""
    aside: dict[int, frozenset[str]] = {}
    for ballot_id, seat in rows_of(connection, _RECUSED, ballot_ids):
        aside[ballot_id] = aside.get(ballot_id, frozenset()) | {seat}
    return aside


def outcomes_of(work: Work, tallies: dict[int, Tally]) -> dict[int, Outcome]:
    """What each ballot has said, by the rule it was opened under."""
    rules = dict(rows_of(work.connection, _RULES, list(tallies)))
    return {ballot_id: count(rule_of(rules[ballot_id]), tally) for ballot_id, tally in tallies.items()}


@lru_cache(maxsize=64)
def rule_of(text: str) -> CountingRule:
    """Read the rule that a ballot keeps."""
    return CountingRule.from_record(json.loads(text))


def _chairs_choices(work: Work, ballot_ids: Sequence[int]) -> dict[int, Choice]:
    """What the chair voted, whose vote may decide a tie."""
    chairs = {seat.name for seat in seats_in_office(work.connection, work.today) if seat.role.casefold() == CHAIR}
    if not chairs or not any(rule_of(rule).casting_vote for rule in _distinct_rules(work, ballot_ids)):
        return {}
    votes = rows_of(work.connection, _VOTES, ballot_ids)
    return {ballot_id: Choice(choice) for ballot_id, seat, choice in votes if seat in chairs}


def _distinct_rules(work: Work, ballot_ids: Sequence[int]) -> set[str]:
    return {rule for _, rule in rows_of(work.connection, _RULES, ballot_ids)}


def freeze(work: Work, ballot_id: int, tally: Tally) -> None:
    """Keep the counts with the ballot: they no longer change."""
    took_part = tally.present if tally.present is not None else 0
    work.batch.add(_FREEZE, tally.approve, tally.reject, tally.abstain, took_part, ballot_id)
