"""Outbox rows of the mails to candidates: one per recipient, with what the text will need, frozen now."""

import json

from engine.batch import OUTBOX, Batch
from engine.cases import Occasion
from engine.store import stored
from workflows.admission.facts import Applicant

NO_ADDRESS = "no address"


def put_in_outbox(candidate: Applicant, kind: str, key: str, occasion: Occasion, batch: Batch) -> None:
    """Write the rows of one mail kind to one candidate. Without an address a failed row stays: it is not forgotten."""
    name = str(kind)
    batch.mails.append(name)
    now = stored(occasion.at)
    about = (candidate.id, name, key, None, occasion.year)
    for number, address in enumerate(candidate.addresses or ("",)):
        status, error = ("pending", "") if address else ("failed", NO_ADDRESS)
        what = (f"{candidate.id}:{name}:{key}:{number}", *about, address, candidate.row["language"])
        batch.add(OUTBOX, *what, context_of(candidate, occasion), status, now, now, 0, error)


def context_of(candidate: Applicant, occasion: Occasion) -> str:
    """JSON of what the text will need."""
    held = None if occasion.ballot is None else occasion.ballot.held_at
    told = {
        "year": occasion.year,
        "day": occasion.day.isoformat(),
        "meeting": None if held is None else held.isoformat(),
        "conditions": candidate.row["conditions"],
        "wanted": candidate.services,
        "state": candidate.state,
    }
    return json.dumps(told, ensure_ascii=False)
