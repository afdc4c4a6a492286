"""Counting: every row counted by other systems, the default rule, and what must hold for any votes."""

import csv
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ballots import Base, Choice, CountingRule, Outcome, QuorumCounts, Tally, count
from engine.errors import BadConfiguration, Invalid

DEFAULT = CountingRule.from_texts()
with (Path(__file__).parents[1] / "oracles" / "tally.csv").open(encoding="utf-8", newline="") as file:
    ORACLES = list(csv.DictReader(file))


def rule_of(row: dict[str, str]) -> CountingRule:
    rule = CountingRule.from_texts(
        quorum=row["quorum"] or "0",
        quorum_counts=row["quorum_counts"],
        base=row["base"],
        fraction=row["fraction"],
        strict=row["strict"] == "True",
        casting_vote=row["casting_vote"] == "True",
    )
    return replace(rule, quorum_strict=row["quorum_strict"] == "True")


def tally_of_row(row: dict[str, str]) -> Tally:
    seats, approve, reject, abstain = (int(row[key]) for key in ("seats", "approve", "reject", "abstain"))
    present = int(row["present"]) if row["present"] else None
    return Tally(seats, approve, reject, abstain, present, Choice(row["chair"]) if row["chair"] else None)


def tally_of(votes: Sequence[Choice], seats: int, chair: Choice | None = None) -> Tally:
    counts = Counter(votes)
    return Tally(seats, counts[Choice.APPROVE], counts[Choice.REJECT], counts[Choice.ABSTAIN], chair=chair)


votes = st.lists(st.sampled_from(Choice), max_size=12)
empty_seats = st.integers(0, 12)
shares = st.fractions(0, Fraction(9, 10), max_denominator=12) | st.integers(0, 8)
rules = st.builds(
    CountingRule,
    quorum=st.none() | shares,
    quorum_strict=st.booleans(),
    quorum_counts=st.sampled_from(QuorumCounts),
    base=st.sampled_from(Base),
    fraction=shares,
    strict=st.booleans(),
    casting_vote=st.booleans(),
)


@pytest.mark.parametrize("row", ORACLES, ids=[row["case"] for row in ORACLES])
def test_it_counts_as_other_systems_do(row):
    assert count(rule_of(row), tally_of_row(row)) == row["outcome"]


# --- the default rule (PRODUCT § 4) ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seats", "approve", "reject", "abstain", "outcome"),
    [
        (9, 3, 2, 0, Outcome.ADOPTED),  # five of nine are at least half
        (8, 3, 1, 0, Outcome.ADOPTED),  # and so are four of eight
        (9, 4, 0, 0, Outcome.NO_QUORUM),  # four of nine are not
        (5, 1, 0, 4, Outcome.ADOPTED),  # abstentions count for the quorum, not for the majority
        (5, 0, 0, 5, Outcome.REJECTED),  # at least one approval
        (6, 3, 3, 0, Outcome.REJECTED),  # a tie
        (5, 0, 0, 0, Outcome.NO_QUORUM),  # nobody voting
        (0, 0, 0, 0, Outcome.NO_QUORUM),  # no board at all
    ],
)
def test_it_decides_by_default_as_the_product_says(seats, approve, reject, abstain, outcome):
    assert count(DEFAULT, Tally(seats, approve, reject, abstain)) is outcome


def test_it_counts_for_the_quorum_who_sat_there_and_did_not_vote():
    assert count(DEFAULT, Tally(9, 1, 0, 0)) is Outcome.NO_QUORUM
    assert count(DEFAULT, Tally(9, 1, 0, 0, present=5)) is Outcome.ADOPTED


def test_it_decides_nothing_where_nobody_voted_however_many_sat_there():
    assert count(DEFAULT, Tally(9, 0, 0, 0, present=9)) is Outcome.NO_QUORUM


@pytest.mark.parametrize(
    ("chair", "outcome"),
    [
        (Choice.APPROVE, Outcome.ADOPTED),
        (Choice.REJECT, Outcome.REJECTED),
        (Choice.ABSTAIN, Outcome.REJECTED),
        (None, Outcome.REJECTED),
    ],
)
def test_it_lets_the_chair_decide_a_tie_only_where_the_rule_says_so(chair, outcome):
    tie = Tally(6, 3, 3, 0, chair=chair)
    assert count(replace(DEFAULT, casting_vote=True), tie) is outcome
    assert count(DEFAULT, tie) is Outcome.REJECTED


def test_it_does_not_let_a_casting_vote_replace_two_thirds():
    rule = CountingRule.from_texts(fraction="2/3", casting_vote=True)
    assert count(rule, Tally(6, 3, 3, 0, chair=Choice.APPROVE)) is Outcome.REJECTED


@pytest.mark.parametrize(
    ("counts", "quorum", "tally", "reached"),
    [
        ("took_part", 5, Tally(9, 3, 1, 1), True),
        ("took_part", 5, Tally(9, 3, 1, 0, present=5), True),
        ("took_part", 5, Tally(9, 3, 1, 1, present=2), True),  # two in the room, and votes from elsewhere
        ("present", 5, Tally(9, 3, 1, 1, present=2), False),
        ("present", 5, Tally(9, 3, 1, 1), True),
        ("approve", 3, Tally(9, 3, 1, 1), True),
        ("approve", 4, Tally(9, 3, 1, 1), False),
        ("approve_and_abstain", 4, Tally(9, 3, 1, 1), True),
        ("approve_and_abstain", 5, Tally(9, 3, 1, 1), False),
        ("nothing", 9, Tally(9, 1, 0, 0), True),
    ],
)
def test_it_counts_towards_the_quorum_whom_the_rule_names(counts, quorum, tally, reached):
    rule = CountingRule.from_texts(quorum=quorum, quorum_counts=counts)
    assert (count(rule, tally) is not Outcome.NO_QUORUM) is reached


@pytest.mark.parametrize(
    ("base", "outcome"),
    [
        ("cast", Outcome.ADOPTED),  # 3 of 5
        ("took_part", Outcome.REJECTED),  # 3 of 6
        ("present", Outcome.REJECTED),  # 3 of 7
        ("seats", Outcome.REJECTED),  # 3 of 9
    ],
)
def test_it_takes_the_fraction_of_what_the_rule_names(base, outcome):
    assert count(CountingRule.from_texts(base=base), Tally(9, 3, 2, 1, present=7)) is outcome


def test_it_counts_a_casting_vote_twice_among_votes_and_once_among_people():
    tie = Tally(4, 1, 1, 1, chair=Choice.APPROVE)
    votes, people = (
        CountingRule.from_texts(base=base, fraction="2/3", casting_vote=True) for base in ("cast", "seats")
    )
    assert count(replace(votes, strict=False), tie) is Outcome.ADOPTED  # 2 of 3
    assert count(votes, tie) is Outcome.REJECTED  # not more than that
    assert count(replace(people, fraction=Fraction(1, 2), strict=False), tie) is Outcome.ADOPTED  # 2 of 4
    assert count(CountingRule.from_texts(base="took_part", casting_vote=True), tie) is Outcome.ADOPTED  # 2 of 3


def test_it_compares_exactly_where_a_float_would_not():
    rule = CountingRule.from_texts(quorum=0, fraction="1/3")
    third = 10**17
    assert count(rule, Tally(3 * third, third, 2 * third, 0)) is Outcome.REJECTED
    assert count(rule, Tally(3 * third, third + 1, 2 * third - 1, 0)) is Outcome.ADOPTED


# --- for any votes ---------------------------------------------------------------------------------------------------


@given(rule=rules, cast=votes, empty=empty_seats, seed=st.integers())
def test_it_does_not_depend_on_the_order_of_the_votes(rule, cast, empty, seed):
    shuffled = random.Random(seed).sample(cast, len(cast))
    assert count(rule, tally_of(cast, len(cast) + empty)) is count(rule, tally_of(shuffled, len(cast) + empty))


@given(cast=votes, empty=st.integers(1, 12))
def test_it_never_takes_back_a_decision_for_one_more_approval(cast, empty):
    seats = len(cast) + empty
    if count(DEFAULT, tally_of(cast, seats)) is Outcome.ADOPTED:
        assert count(DEFAULT, tally_of([*cast, Choice.APPROVE], seats)) is Outcome.ADOPTED


@given(rule=rules, cast=votes, empty=empty_seats, chair=st.none() | st.sampled_from(Choice))
def test_it_never_takes_back_a_decision_because_a_seat_changed_its_mind_in_favour(rule, cast, empty, chair):
    if Choice.REJECT not in cast:
        return
    turned = [*cast, Choice.APPROVE]
    turned.remove(Choice.REJECT)
    seats = len(cast) + empty
    if count(rule, tally_of(cast, seats, chair)) is Outcome.ADOPTED:
        assert count(rule, tally_of(turned, seats, chair)) is Outcome.ADOPTED


@given(rule=rules, cast=votes, empty=empty_seats)
def test_it_never_adopts_without_an_approval(rule, cast, empty):
    tally = tally_of(cast, len(cast) + empty)
    assert tally.approve > 0 or count(rule, tally) is not Outcome.ADOPTED


@given(rule=rules, cast=votes, empty=empty_seats, chair=st.sampled_from(Choice))
def test_it_gives_a_casting_vote_no_say_where_there_is_no_tie(rule, cast, empty, chair):
    tally = tally_of(cast, len(cast) + empty, chair)
    if tally.approve != tally.reject:
        without = replace(rule, casting_vote=False)
        assert count(replace(rule, casting_vote=True), tally) is count(without, tally)


@given(cast=votes, empty=empty_seats)
def test_it_has_counts_that_add_up(cast, empty):
    tally = tally_of(cast, len(cast) + empty)
    assert tally.voters == tally.approve + tally.reject + tally.abstain == len(cast)
    if 2 * tally.voters < tally.seats or not cast:
        expected = Outcome.NO_QUORUM
    else:
        expected = Outcome.ADOPTED if tally.approve > tally.reject else Outcome.REJECTED
    assert count(DEFAULT, tally) is expected


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "counts", [(5, 4, 2, 0, None), (5, -1, 0, 0, None), (-1, 0, 0, 0, None), (5, 1, 0, 0, 6), (5, 1, 0, 0, -1)]
)
def test_it_refuses_counts_that_cannot_be(counts):
    with pytest.raises(Invalid):
        Tally(*counts)


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        ({"quorum": "half"}, "board.quorum: got 'half'"),
        ({"quorum": "1/0"}, "board.quorum"),
        ({"quorum": "3/2"}, "board.quorum: got 3/2; nobody exceeds all"),
        ({"quorum": "-1"}, "board.quorum"),
        ({"quorum": "0.5"}, "board.quorum"),
        ({"quorum": True}, "board.quorum"),
        ({"quorum": "٣"}, "board.quorum"),
        ({"fraction": "1/1"}, "board.fraction: got 1; nobody exceeds all"),
        ({"fraction": ""}, "board.fraction"),
        ({"quorum_counts": "everybody"}, "board.quorum_counts: got 'everybody'; expected one of took_part"),
        ({"base": "moon"}, "board.base: got 'moon'; expected one of cast"),
    ],
)
def test_it_names_what_is_wrong_in_a_rule(texts, named):
    with pytest.raises(BadConfiguration) as caught:
        CountingRule.from_texts(**texts)
    assert named in str(caught.value)


def test_it_refuses_a_rule_made_of_less_than_nothing():
    with pytest.raises(BadConfiguration, match="zero or more"):
        CountingRule(quorum=-1)


def test_it_accepts_unanimity():
    unanimous = CountingRule.from_texts(fraction="1/1", strict=False)
    assert count(unanimous, Tally(3, 3, 0, 0)) is Outcome.ADOPTED
    assert count(unanimous, Tally(3, 2, 1, 0)) is Outcome.REJECTED


SHARES = st.fractions(0, 1, max_denominator=9999) | st.integers(0, 20)
RULES = st.tuples(
    st.none() | SHARES, st.booleans(), st.sampled_from(QuorumCounts), st.sampled_from(Base), SHARES, st.booleans()
)


@given(RULES, st.booleans())
def test_a_rule_that_was_written_down_is_read_as_the_same(words, casting_vote):
    try:
        rule = replace(CountingRule(*words), casting_vote=casting_vote)
    except BadConfiguration:
        return
    assert CountingRule.from_record(json.loads(json.dumps(rule.as_texts()))) == rule
