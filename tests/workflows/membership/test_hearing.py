"""Every gate before a strike-off, as pure values."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.cases import BallotFacts, Occasion
from engine.rules import Rules
from workflows.membership.facts import LetterFacts, Member
from workflows.membership.hearing import heard, missing_gates

PARIS = ZoneInfo("Europe/Paris")
MEETING = datetime(2026, 10, 29, 17, 30, tzinfo=UTC)
LISTED = datetime(2026, 9, 24, 22, 0, tzinfo=UTC)
GOOD = LetterFacts(
    1, "summons", datetime(2026, 10, 3, 7, tzinfo=UTC), date(2026, 10, 5), date(2026, 10, 14), "delivered", ""
)


def ballot(status):
    return BallotFacts(1, 1, "propose_removal", 2026, status, LISTED, LISTED, LISTED, LISTED, LISTED)


def member(*letters, status="adopted", **changes):
    made = Member(1, "A1", "proposed_for_removal", LISTED, datetime(2019, 1, 1, tzinfo=UTC))
    made.letters, made.ballots = letters, [ballot(status)]
    return replace(made, **changes)


def occasion():
    return Occasion(MEETING, MEETING, Rules(PARIS), 2026, "agenda", "relance", "meeting-1", meeting_at=MEETING)


def test_it_may_be_heard_when_every_gate_holds():
    assert missing_gates(member(GOOD), occasion()) == ()
    assert heard(member(GOOD), occasion()) is None


@pytest.mark.parametrize(
    ("letter", "missing"),
    [
        (replace(GOOD, posted_on=None, first_presented_on=None, outcome=None), ("letter_posted", "letter_presented")),
        (replace(GOOD, first_presented_on=None, outcome=None), ("letter_presented",)),
        (replace(GOOD, first_presented_on=date(2026, 10, 15)), ("presented_in_time",)),
        (replace(GOOD, outcome=None), ("letter_outcome",)),
        (replace(GOOD, outcome="unknown_address"), ("known_address",)),
        (replace(GOOD, created_at=datetime(2026, 9, 1, tzinfo=UTC)), ("letter_posted",)),
        (replace(GOOD, kind="removal"), ("letter_posted",)),
    ],
)
def test_it_names_what_is_missing_of_the_letter(letter, missing):
    assert missing_gates(member(letter), occasion()) == missing


@pytest.mark.parametrize("outcome", ["refused", "unclaimed"])
def test_it_takes_a_letter_that_was_refused_or_not_fetched_for_one_that_arrived(outcome):
    assert missing_gates(member(replace(GOOD, outcome=outcome)), occasion()) == ()


def test_it_accepts_an_unknown_address_once_a_new_letter_went_elsewhere_or_the_search_is_recorded():
    unknown = replace(GOOD, outcome="unknown_address")
    assert missing_gates(member(unknown, replace(GOOD, id=2)), occasion()) == ()
    assert missing_gates(member(replace(unknown, search_note="town hall, telephone book")), occasion()) == ()


def test_it_needs_the_list_decision_and_no_stay():
    assert missing_gates(member(GOOD, status="no_quorum"), occasion()) == ("list_decision",)
    assert missing_gates(member(GOOD, hold_until=date(2026, 10, 29)), occasion()) == ("no_stay",)
    assert missing_gates(member(GOOD, hold_until=date(2026, 10, 28)), occasion()) == ()
