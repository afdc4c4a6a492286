"""The sheet for a batch of registered letters: who, where, a place for each slip, and the last useful day to post."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from notifications import wording
from notifications.pdf import compile_pdf
from notifications.render import Letterhead
from notifications.typography import fr_typo, isolated

TEMPLATE = "sheet"
_WORDS = {
    "fr": {
        "page": "Page",
        "title": "Bordereau des lettres recommandées",
        "made": "Établi le {day}. Lettres : {count}.",
        "post": "À poster au plus tard le {day}",
        "late": "Le dernier jour utile ({day}) est passé : l’audition se tiendra à une réunion suivante, annoncée par "
        "écrit",
        "present": "pour une première présentation au plus tard le {day}, avant la réunion du {meeting}.",
        "missed": "Il faut une première présentation au plus tard le {day}, avant la réunion du {meeting}.",
        "no_deadline": "Aucune date limite : à poster dès que possible.",
        "then": "Puis, pour chaque lettre : relance letter NUMÉRO --posted JOUR --tracking SUIVI",
        "letter": "Lettre",
        "number": "Numéro",
        "address": "Destinataire",
        "slip": "Étiquette ou numéro de suivi",
        "posted": "Postée le",
        "summons": "convocation",
        "removal": "radiation",
        "no_address": "adresse incomplète",
    },
    "en": {
        "page": "Page",
        "title": "List of registered letters",
        "made": "Made on {day}. Letters: {count}.",
        "post": "To be posted by {day}",
        "late": "The last useful day ({day}) is past: the hearing is for a later meeting, announced in writing",
        "present": "for a first presentation by {day}, before the meeting on {meeting}.",
        "missed": "A first presentation is needed by {day}, before the meeting on {meeting}.",
        "no_deadline": "No last day: to be posted as soon as possible.",
        "then": "Then, for each letter: relance letter NUMBER --posted DAY --tracking TRACKING",
        "letter": "Letter",
        "number": "Number",
        "address": "Addressee",
        "slip": "Label or tracking number",
        "posted": "Posted on",
        "summons": "summons",
        "removal": "removal",
        "no_address": "address incomplete",
    },
}


@dataclass(frozen=True, slots=True)
class Slip:
    """One letter of the batch. `addressed`: whether the post could find it."""

    letter: int
    number: str
    kind: str
    lines: tuple[str, ...]
    tracking: str = ""
    addressed: bool = True


def print_sheet(
    letterhead: Letterhead,
    slips: Sequence[Slip],
    today: date,
    made_at: datetime,
    held_at: datetime | None = None,
    days: tuple[date, date] | None = None,
) -> bytes:
    """Print the sheet in the organisation's language. `days`: presented by, posted by, for the meeting of `held_at`."""
    return compile_pdf(TEMPLATE, sheet_of(letterhead, slips, today, held_at, days), made_at)


def sheet_of(
    letterhead: Letterhead,
    slips: Sequence[Slip],
    today: date,
    held_at: datetime | None,
    days: tuple[date, date] | None,
) -> dict[str, Any]:
    """Say everything that is printed, as plain values."""
    language = letterhead.language
    words = _WORDS[language]
    typo = fr_typo if language == wording.FRENCH else str
    deadline, warn, because = words["no_deadline"], False, ""
    if held_at is not None and days is not None:
        present_by, post_by = (wording.day(day.isoformat(), language) for day in days)
        warn = today > days[1]
        deadline = words["late" if warn else "post"].format(day=post_by)
        meeting = wording.moment(held_at.isoformat(), language, letterhead.timezone)
        because = words["missed" if warn else "present"].format(day=present_by, meeting=meeting)
    made = words["made"].format(day=wording.day(today.isoformat(), language), count=len(slips))
    return {
        "language": language,
        "labels": {key: typo(text) for key, text in words.items()},
        "organisation": isolated(letterhead.name),
        "address": [*letterhead.address.splitlines(), f"{letterhead.postcode} {letterhead.city}".strip()],
        "made": typo(made),
        "deadline": typo(deadline),
        "late": warn,
        "because": typo(because),
        "slips": [
            {
                "letter": str(slip.letter),
                "kind": words[slip.kind],
                "number": slip.number,
                "lines": [isolated(line) for line in slip.lines],
                "tracking": slip.tracking,
                "warning": "" if slip.addressed else words["no_address"],
            }
            for slip in slips
        ],
    }
