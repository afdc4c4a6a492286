"""The conditions of the page, one sentence each. None means yes; else the reason for « no », in plain words."""

from engine.cases import Occasion
from engine.clock import local_day
from engine.definition import Why
from workflows.admission.facts import Applicant


def is_complete(candidate: Applicant, _occasion: Occasion) -> Why:
    """It can be answered: it has an e-mail address."""
    return None if candidate.addresses else "no e-mail address to answer to"


def not_put_off(candidate: Applicant, occasion: Occasion) -> Why:
    """The board has not put it off beyond this meeting."""
    until = candidate.put_off_until
    day = occasion.day if occasion.meeting_at is None else local_day(occasion.meeting_at, occasion.rules.tz)
    return None if until is None or day > until else f"put off until {until.isoformat()}"
