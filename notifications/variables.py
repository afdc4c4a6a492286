"""What a template may name: one table, from which the guide, `relance template show --variables`, samples are made.

Every variable is always there; what an occasion does not tell is empty; `little` is the least that it tells.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FILTERS = {
    "money": "an amount of cents as it is written: « 20,00 € », €20.00",
    "day": "a day: « 1er décembre 2025 », 1 December 2025",
    "moment": "a day and an hour: « jeudi 28 août 2025 à 18 h 30 »",
    "years": "years one after the other: « 2024, 2025 et 2026 »",
    "length": "how many there are in a list",
    'join(", ")': "the texts of a list, with something between them",
}


LINES = (
    *("Œuvre « d’Été »", "à l’attention de Mme Anne Œhler", "Résidence Les Marronniers, bâtiment C"),
    *("Entrée 4, appartement 1212", "128 bis rue du Général-de-Gaulle", "31520 RAMONVILLE-SAINT-AGNE"),
)
"""An awkward address, as a paper has it."""
UNTOLD: Mapping[str, Any] = {
    **dict.fromkeys(("since", "fault")),
    **dict.fromkeys(("day", "meeting", "place", "payment", "until", "event", "items", "meeting_id", "link")),
    **dict.fromkeys(("conditions", "total", "reference", "pay_by", "resign_before", "state", "contact_name")),
    **dict.fromkeys(("owed", "owed_years", "concerned", "decisions", "listed", "subjects", "votes", "wanted"), ()),
    **dict.fromkeys(("person", "added", "moved"), False),
    **dict.fromkeys(("reason", "seat", "unlisted", "trigger", "year", "written")),
}
"""What a template may ask about and an occasion need not tell."""
NO_MEMBER: Mapping[str, Any] = dict.fromkeys(("number", "name", "kind", "language"), "")
"""The member of a mail that is about none."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A name, what it means, and two examples: an awkward one, and the least there may be."""

    name: str
    meaning: str
    full: Any
    little: Any = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Variables about one thing."""

    title: str
    variables: tuple[Variable, ...]
    letters_only: bool = False
    """Whether only a registered letter may name them."""


_NAME = "Œuvre « d'Été » du quartier de la Croix-Daurade et des environs"
_ABOUT = {"number": "A0042", "name": _NAME}
_ITEM = _ABOUT | {"trigger": "suspend", "question": "Interrupt its services?", "status": "adopted"}
_COUNTS = {"decision": "2025-08/1", "approve": 5, "reject": 1, "abstain": 1, "annulled": False}
_DECISION = {"on": "2026-10-29", "number": "2026-10/1", "counts": "5 pour, 1 contre"}
_OPENED = {"on": "2026-09-24", "number": "2026-09/2", "counts": "5 pour, 1 contre"}
_OF_LETTERS = {"written": "2026-11-02", "day": "2026-11-02", "meeting": "2026-11-26T17:30:00+00:00"}
"""When a letter of the year of these examples is written, and the meeting that it may invite to."""
_RIGHT_TO_LEFT = "جمعية الأصدقاء"
_PAYMENT = {
    "amount": 2550,
    "paid_on": "2026-03-01",
    "years": [[2024, 2000]],
    "credit": 550,
    "reference": "VIR <12> & fils",
    "reversed_on": "2026-03-09",
    "reason": "bounced",
}
_TRIGGERS = ("suspend", "propose_removal", "remove", "correct", "admit")

SUBJECTS = (
    Subject(
        "The member",
        (
            Variable("number", "its number", "A0042", "P0001"),
            Variable("name", "its name", _NAME, "Hugo N’Diaye"),
            Variable("person", "whether it is a person (else an association)", full=False, little=True),
            Variable("kind", "`association` or `person`", "association", "person"),
            Variable("contact_name", "whom one writes to there; may be empty", "Anne Œhler", ""),
            Variable("language", "its language: `fr` or `en`", "fr", "fr"),
            Variable("state", "its state, such as `called` or `suspended`", "suspended", "called"),
        ),
    ),
    Subject(
        "The occasion",
        (
            Variable("year", "the year that it is about", 2026, 2026),
            Variable("owed", "what is owed: a list of (year, cents)", [[2025, 2000], [2026, 1550]], [[2026, 1000]]),
            Variable("owed_years", "the years owed", [2025, 2026], [2026]),
            Variable("total", "what is owed altogether, in cents", 3550, 1000),
            Variable("concerned", "the years that its present state is about", [2025, 2026], []),
            Variable("reference", "the reference to be given when paying", "2025 2026 A0042", "2026 P0001"),
            Variable("written", "the day the mail was written", "2026-09-01", "2026-06-01"),
            Variable("day", "the day it takes effect; may be missing", "2026-09-01"),
            Variable("event", "the yearly step, such as `call`; may be missing", "call"),
            Variable("pay_by", "the last day to pay; missing once it is past", "2027-01-31"),
            Variable(
                "resign_before",
                "in a call: leaving before that day cancels the due",
                "2027-01-20",
                "2026-07-02",
            ),
            Variable(
                "payment",
                "the payment: `amount`, `paid_on`, `years` (a list of (year, cents)), `credit`, `reference`, "
                "`reversed_on`, `reason`",
                _PAYMENT,
                _PAYMENT | {"years": [], "credit": 0, "reference": "", "reversed_on": None, "reason": None},
            ),
        ),
    ),
    Subject(
        "The board (mails to its seats; some for hearings)",
        (
            Variable("meeting", "the meeting's instant", "2025-08-28T16:30:00+00:00", "2025-08-28T16:30:00+00:00"),
            Variable("meeting_id", "the meeting's number", 8),
            Variable("moved", "whether the meeting that it was invited to has moved", full=True, little=False),
            Variable("place", "where it is held; may be missing", "Maison des associations, salle 2 : au fond"),
            Variable("until", "until when one may vote (an instant); may be missing", "2025-08-28T22:00:00+00:00"),
            Variable("items", "how many questions there are", 12, 1),
            Variable(
                "listed",
                "questions: a list of `number`, `name`, `trigger`, `question`, `status`",
                [_ITEM | {"trigger": one} for one in _TRIGGERS] + [_ITEM | {"name": _RIGHT_TO_LEFT}],
                [],
            ),
            Variable("unlisted", "how many more questions there are", 3),
            Variable(
                "decisions",
                "questions as `listed`, with `decision` (its number), `approve`, `reject`, `abstain`, `annulled`",
                [_ITEM | _COUNTS | {"trigger": one} for one in _TRIGGERS],
                [],
            ),
            Variable(
                "subjects",
                "associations: a list of `number`, `name`",
                [_ABOUT, {"number": "A0043", "name": _RIGHT_TO_LEFT}],
                [_ABOUT],
            ),
            Variable(
                "votes",
                "what the seat voted: a list of `number`, `name`, `trigger`, `question`, `choice`",
                [_ITEM | {"choice": choice} for choice in ("approve", "reject", "abstain")],
                [],
            ),
            Variable("seat", "the seat", "S1", "S1"),
            Variable("trigger", "what the question added or taken off is about, as in `listed`", "suspend", "admit"),
            Variable("added", "whether a question was added (else taken off)", full=True, little=False),
            Variable("reason", "why, in the words of whoever did it", "oubliée : relancée par téléphone", "erreur"),
            Variable(
                "link",
                "the link to its page, or to its personal door; may be missing",
                "https://relance.example/l/••••",
            ),
        ),
    ),
    Subject(
        "A candidate",
        (
            Variable(
                "conditions",
                "the conditions that the board attached; may be empty",
                "Sous réserve des statuts signés",
                "",
            ),
            Variable(
                "wanted",
                "the services wished for: a list of (kind, identifier)",
                [["website", "ete.example"], ["list", "infos@ete.example"]],
                [],
            ),
        ),
    ),
    Subject(
        "A registered letter (`papers/summons`, `papers/removal`), and nothing else",
        (
            Variable("reminded_on", "the day of the reminder; may be missing", "2025-06-01"),
            Variable("cut_on", "the day its services were interrupted; may be missing", "2025-09-01"),
            Variable("opened", "the decision to hear it: `on`, `number`, `counts`; may be missing", _OPENED),
            Variable("decided", "the decision to strike it off: `on`, `number`, `counts`; may be missing", _DECISION),
            Variable(
                "invited",
                "the summons: `posted`, `presented`, `outcome`; may be missing",
                {"posted": "2026-10-05", "presented": "2026-10-07", "outcome": "unclaimed"},
            ),
            Variable("not_before", "the first day its services may be deleted; missing once past", "2026-11-15"),
        ),
        letters_only=True,
    ),
    Subject(
        "An alarm",
        (
            Variable("since", "since when (an instant)", "2025-06-01T07:00:00+00:00", "2025-06-01T07:00:00+00:00"),
            Variable("fault", "what of the database is wrong; may be missing", "disk-full"),
        ),
    ),
)
ORGANISATION = {
    "name": "the organisation's name",
    "short_name": "its short name, else its name",
    "address": "its address: a list of lines",
    "postcode": "its postcode",
    "city": "its town",
    "email": "its mail address",
    "website": "its web site",
    "iban": "its account, in groups of four",
    "bic": "its bank",
    "account_holder": "its account's holder",
    "currency": "the currency's code",
    "language": "its language",
    "timezone": "its time zone",
    "due_on": "month and day until which dues are to be paid",
}
"""`org.NAME`, in every mail."""


def samples(*, letters: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return awkward values and the least there may be, by their names. `letters`: what only letters may name too."""
    subjects = [subject for subject in SUBJECTS if letters or not subject.letters_only]
    everything = [variable for subject in subjects for variable in subject.variables]
    full = {variable.name: variable.full for variable in everything} | (_OF_LETTERS if letters else {})
    yield "much told", full
    yield "right to left", full | {"name": _RIGHT_TO_LEFT, "contact_name": _RIGHT_TO_LEFT, "person": True}
    yield "little told", {variable.name: variable.little for variable in everything}


def described() -> str:
    """Return the table in Markdown, as the guide has it."""
    parts = []
    for subject in SUBJECTS:
        rows = [f"| `{variable.name}` | {variable.meaning} |" for variable in subject.variables]
        parts.append(_table(subject.title, rows))
    parts.append(_table("The organisation", [f"| `org.{name}` | {said} |" for name, said in ORGANISATION.items()]))
    parts.append(_table("Filters", [f"| `{name}` | {said} |" for name, said in FILTERS.items()]))
    return "\n\n".join(parts)


def _table(title: str, rows: list[str]) -> str:
    return "\n".join((f"### {title}", "", "| name | what it is |", "|---|---|", *rows))
