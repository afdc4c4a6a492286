"""What an arrow does beside moving the state: the membership starts, people are asked. Collected, not written."""

from datetime import date

from engine.batch import Batch, Beginning, Statement
from engine.cases import Occasion
from engine.clock import local_day
from workflows.admission.facts import REGISTER, Applicant
from workflows.admission.guards import is_complete
from workflows.admission.words import MEMBERSHIP, State, TaskKind

SET_REASON = Statement.update("ballot", ("reason",), order=5)
"""Written after the ballot's outcome."""


def start_membership(candidate: Applicant, occasion: Occasion, batch: Batch) -> None:
    """Its membership starts with its number, as of the meeting's day; it is called at once."""
    told = {name: candidate.row[name] for name in REGISTER}
    told |= {"joined_on": meeting_day(occasion), "services": candidate.services}
    batch.begin(Beginning(MEMBERSHIP, candidate.subject, occasion.moment, occasion.actor, told))


def keep_conditions(candidate: Applicant, occasion: Occasion, batch: Batch) -> None:
    """The journal keeps the conditions with the decision, and so does the ballot: the minutes tell them."""
    if candidate.row["conditions"]:
        occasion.reason = f"on conditions: {candidate.row['conditions']}"
        if occasion.ballot is not None:
            batch.add(SET_REASON, occasion.reason, occasion.ballot.id)


def ask_for_services(candidate: Applicant, occasion: Occasion, batch: Batch) -> None:
    """An admin is asked to set up what it asked for."""
    if candidate.services:
        wanted = ", ".join(f"{kind} {identifier}" for kind, identifier in candidate.services)
        batch.open_task(TaskKind.SET_UP_SERVICES, candidate, occasion.at, note=wanted)


def meeting_day(occasion: Occasion) -> date:
    """Return the day of the meeting that decided: closing at midnight is still of that evening."""
    return occasion.day if occasion.ballot is None else local_day(occasion.ballot.held_at, occasion.rules.tz)


def settle_tasks(candidate: Applicant, occasion: Occasion, batch: Batch) -> None:
    """While it cannot be answered, a person is asked to complete the application."""
    why = is_complete(candidate, occasion) if candidate.state == State.CANDIDATE else None
    if why is not None:
        batch.open_task(TaskKind.COMPLETE_APPLICATION, candidate, occasion.at, note=why)
    else:
        batch.close_task(TaskKind.COMPLETE_APPLICATION, candidate, occasion.at, note="its reason ended")
