"""Every gate before a strike-off, in one place: nobody is struck off unheard (PRODUCT § 4, Being heard)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum

from engine.board_models import BallotStatus
from engine.cases import Occasion
from engine.clock import local_day
from engine.definition import Why
from engine.rules import Rules
from workflows.membership.facts import LetterFacts, Member
from workflows.membership.guards import not_held
from workflows.membership.models import LetterKind, LetterOutcome
from workflows.membership.words import Trigger

POST_DAYS = 5
"""A registered letter is presented within three working days as a rule: with a week-end among them, five."""
SUNDAY = 7


class Gate(StrEnum):
    """What must hold before the board may vote on a strike-off."""

    LIST_DECISION = "list_decision"
    LETTER_POSTED = "letter_posted"
    LETTER_PRESENTED = "letter_presented"
    PRESENTED_IN_TIME = "presented_in_time"
    LETTER_OUTCOME = "letter_outcome"
    KNOWN_ADDRESS = "known_address"
    NO_STAY = "no_stay"


def missing_gates(member: Member, occasion: Occasion) -> tuple[str, ...]:
    """Return the gates that do not hold for the meeting of `occasion.meeting_at`; empty: it may be heard."""
    missing = [*_list_gate(member), *_letter_gates(member, occasion)]
    if not_held(member, occasion) is not None:
        missing.append(Gate.NO_STAY)
    return tuple(gate.value for gate in missing)


def heard(member: Member, occasion: Occasion) -> Why:
    """Every gate of the hearing holds: the guard of the strike-off itself."""
    if occasion.ballot is not None:
        occasion.meeting_at = occasion.ballot.held_at
    missing = missing_gates(member, occasion)
    return f"not heard: {', '.join(missing)}" if missing else None


def _list_gate(member: Member) -> Iterable[Gate]:
    """The board adopted the list decision; whoever was taken over in the procedure was listed before."""
    taken_over = member.since <= member.started_at
    adopted = any(
        ballot.trigger == Trigger.PROPOSE_REMOVAL and ballot.status == BallotStatus.ADOPTED for ballot in member.ballots
    )
    return [] if adopted or taken_over else [Gate.LIST_DECISION]


def _letter_gates(member: Member, occasion: Occasion) -> tuple[Gate, ...]:
    """One letter of this procedure must pass every gate; of several, the best one counts."""
    letters = [
        letter for letter in member.letters if letter.kind == LetterKind.SUMMONS and letter.created_at >= member.since
    ]
    verdicts = [_letter_verdict(letter, occasion, latest=letter is letters[-1]) for letter in letters]
    return min(verdicts, key=len, default=(Gate.LETTER_POSTED,))


def _letter_verdict(letter: LetterFacts, occasion: Occasion, *, latest: bool) -> tuple[Gate, ...]:
    """What is missing of one letter; the search for an address speaks for the latest only: a newer one is awaited."""
    searched = latest and _searched(letter)
    if letter.posted_on is None:
        return (Gate.LETTER_POSTED, Gate.LETTER_PRESENTED)
    if letter.first_presented_on is None and not searched:
        return (Gate.LETTER_PRESENTED,)
    missing = []
    presented = letter.first_presented_on or letter.posted_on
    if presented > _last_useful_day(occasion):
        missing.append(Gate.PRESENTED_IN_TIME)
    if letter.outcome is None:
        missing.append(Gate.LETTER_OUTCOME)
    if letter.outcome == LetterOutcome.UNKNOWN_ADDRESS and not searched:
        missing.append(Gate.KNOWN_ADDRESS)
    return tuple(missing)


def _searched(letter: LetterFacts) -> bool:
    """Whether the secretary recorded the search made for an address after the letter came back."""
    return letter.outcome == LetterOutcome.UNKNOWN_ADDRESS and bool(letter.search_note)


def _last_useful_day(occasion: Occasion) -> date:
    return last_day_to_present(occasion.meeting_at or occasion.moment, occasion.rules)


def last_day_to_present(held_at: datetime, rules: Rules) -> date:
    """The last day of first presentation that leaves the notice days before a meeting."""
    return local_day(held_at, rules.tz) - timedelta(days=rules.board.notice_days)


def last_day_to_post(present_by: date) -> date:
    """The last day to post a letter that is to be presented by a day: some days of post before, and no Sunday."""
    day = present_by - timedelta(days=POST_DAYS)
    return day - timedelta(days=1) if day.isoweekday() == SUNDAY else day
