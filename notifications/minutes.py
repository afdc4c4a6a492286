"""Minutes of a meeting: from its facts to a document of plain values, and that to Markdown, HTML or PDF.

Two versions. `signed`, for the board and its archives: who voted what, what each subject owed, why something was
withdrawn, postponed or annulled, and lines to sign on; comments only where they are asked for. `public`: counts and
decisions, no name by vote, no amount, no comment, no reason. Why a seat was excused is in neither.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from engine.board_models import BallotStatus
from engine.minutes import Counts, Item, MinutesFacts, Presence, Said, Sitting
from notifications import minutes_words as words
from notifications import wording
from notifications.documents import as_html, as_markdown
from notifications.minutes_labels import CLAUSES, LABELS, NO_CLAUSE, PRESENCES, ROLES, SIGNATORIES, TOGETHER
from notifications.pdf import compile_pdf
from notifications.render import Letterhead
from notifications.typography import NO_BREAK, fr_typo, isolated

T = TypeVar("T")
TEMPLATE = "minutes"
COMPETENCE: Mapping[tuple[str, str], str] = {
    ("membership", "suspend"): "suspension",
    ("membership", "propose_removal"): "removal",
    ("membership", "remove"): "removal",
    ("membership", "correct"): "removal",
}
"""Which clause makes the board competent for a question."""
LONGEST_UNBROKEN = 24
REMOTE_VOTES = "remote_votes"
UNDECIDED = (BallotStatus.NO_QUORUM, BallotStatus.BLOCKED, BallotStatus.WITHDRAWN)


class Version(StrEnum):
    """Who minutes are for."""

    SIGNED = "signed"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Style:
    """In which language, for whom, and whether comments are printed (in the signed version only)."""

    language: str = wording.FRENCH
    version: Version = Version.PUBLIC
    comments: bool = False

    @property
    def signed(self) -> bool:
        """Whether names and reasons are printed."""
        return self.version is Version.SIGNED


@dataclass(frozen=True, slots=True)
class House:
    """Whose minutes they are: its letterhead, the clauses it quotes, and whether it votes from elsewhere."""

    letterhead: Letterhead
    clauses: Mapping[str, str] = field(default_factory=dict)
    remote_votes: bool = True


Owed = Mapping[int, Sequence[tuple[int, int]]]
"""What each instance owed when the meeting was held: (year, cents)."""


def document_of(facts: MinutesFacts, house: House, style: Style, owed: Owed) -> dict[str, Any]:
    """Say everything that is printed, as plain values in one language; amounts and names only where they belong."""
    return _typeset(_Writer(facts, house, style, owed).document(), style.language)


def markdown(facts: MinutesFacts, house: House, style: Style, owed: Owed) -> str:
    """Write minutes as Markdown; whatever people wrote is text, never markup."""
    return as_markdown(TEMPLATE, document_of(facts, house, style, owed))


def html(facts: MinutesFacts, house: House, style: Style, owed: Owed) -> str:
    """Write minutes as one page that stands alone and prints well."""
    return as_html(TEMPLATE, document_of(facts, house, style, owed))


def pdf(facts: MinutesFacts, house: House, style: Style, owed: Owed) -> bytes:
    """Print minutes; dated by the meeting, so that the same facts give the same bytes."""
    return compile_pdf(TEMPLATE, document_of(facts, house, style, owed), facts.held_at)


def quoted_clauses(facts: MinutesFacts, house: House) -> dict[str, str | None]:
    """Return the clauses that this meeting's questions need; None for one that the configuration does not quote."""
    asked = [COMPETENCE[key] for item in facts.items if (key := (item.workflow, item.trigger)) in COMPETENCE]
    remote = any(sitting.presence is Presence.REMOTE for sitting in facts.seats)
    needed = [*dict.fromkeys(asked), *([REMOTE_VOTES] if remote or (facts.items and house.remote_votes) else [])]
    return {name: house.clauses.get(name, "").strip() or None for name in needed}


def sentence(item: Item, language: str) -> str:
    """Say one decision in plain words, with its counts: « Le conseil décide … (5 pour, 1 contre, 1 abstention). »."""
    told = f" ({counted(item.counts, language)})" if item.counts is not None else ""
    return _typeset(f"{words.decision(item, _who(item), language)}{told}.", language)


def counted(counts: Counts, language: str) -> str:
    """Write counts in words: « 5 pour, 1 contre, 1 abstention »."""
    french = language == wording.FRENCH
    if counts.approve and not counts.reject and not counts.abstain:
        return f"unanimité : {counts.approve}{NO_BREAK}pour" if french else f"unanimous: {counts.approve}{NO_BREAK}for"
    abstained = f"abstention{'s' if counts.abstain > 1 else ''}" if french else "abstained"
    against = (counts.reject, "contre" if french else "against")
    said = [
        (counts.approve, "pour" if french else "for"),
        *(pair for pair in (against, (counts.abstain, abstained)) if pair[0]),
    ]
    return ", ".join(f"{number}{NO_BREAK}{what}" for number, what in said)


def _who(item: Item) -> str:
    return f"{item.subject} {isolated(item.name)}".strip()


@dataclass(frozen=True)
class _Writer:
    """Says each part of one document."""

    facts: MinutesFacts
    house: House
    style: Style
    owed: Owed

    @property
    def french(self) -> bool:
        """Whether it is written in French."""
        return self.style.language == wording.FRENCH

    def say(self, french: str, english: str) -> str:
        """Choose the words of the language."""
        return french if self.french else english

    def document(self) -> dict[str, Any]:
        """Put the parts together, in the order they are read."""
        labels = LABELS[self.style.language]
        head = self.house.letterhead
        return {
            "language": self.style.language,
            "signed": self.style.signed,
            "labels": dict(labels),
            "version": labels[self.style.version.value],
            "organisation": isolated(head.name),
            "address": [*head.address.splitlines(), f"{head.postcode} {head.city}".strip()],
            "heading": f"{labels['title']} – {self._day()}",
            "when": wording.moment(self.facts.held_at.isoformat(), self.style.language, head.timezone),
            "place": isolated(self.facts.place),
            "warnings": self._warnings(),
            "attendance": [self._sitting(sitting) for sitting in self.facts.seats],
            "attendance_summary": self._attendance(),
            "rules": self._rules(),
            "clauses": self._clauses(),
            "questions": self._questions(),
            "quorum": self._quorum(),
            "names": self._names() if self.style.signed else [],
            "any_remote": self.style.signed and any(said.remote for item in self.facts.items for said in item.votes),
            "comments": self._comments() if self.style.signed and self.style.comments else [],
            "decisions": [self._decision(item) for item in self.facts.decisions],
            "undecided": self._undecided(),
            "signatures": self._signatures() if self.style.signed else [],
        }

    def _day(self) -> str:
        """The meeting's local day in words."""
        local = self.facts.held_at.astimezone(ZoneInfo(self.house.letterhead.timezone))
        return wording.day(local.date().isoformat(), self.style.language)

    def _warnings(self) -> list[str]:
        facts, said = self.facts, []
        if facts.open_items:
            number = facts.open_items
            said.append(
                self.say(f"projet : scrutins non clos : {number}", f"draft: ballots that are not closed yet: {number}")
            )
        if facts.items and not facts.attendance_recorded:
            said.append(self.say("la présence en séance n’a pas été relevée", "who was in the room was not recorded"))
        unquoted = [name for name, text in quoted_clauses(facts, self.house).items() if text is None]
        return said + [f"{NO_CLAUSE[self.style.language][name]} ([legal] {name})" for name in unquoted]

    def _sitting(self, sitting: Sitting) -> dict[str, str]:
        language = self.style.language
        return {
            "seat": sitting.seat,
            "person": isolated(sitting.person),
            "role": ROLES[language].get(sitting.role, sitting.role),
            "presence": PRESENCES[language][sitting.presence],
        }

    def _attendance(self) -> str:
        """Count the seats by how they took part."""
        said = []
        for presence, name in TOGETHER[self.style.language].items():
            number = sum(sitting.presence is presence for sitting in self.facts.seats)
            if number:
                said.append(self.say(f"{name} : {number}", f"{name}: {number}"))
        total = self.say(f"Sièges : {len(self.facts.seats)}", f"Seats: {len(self.facts.seats)}")
        return self.say(" ; ", "; ").join([total, *said])

    def _rules(self) -> list[str]:
        """Say the counting rule; should it have changed between two ballots, each with what it counted."""
        counted_by: dict[str, list[str]] = {}
        for item in self.facts.items:
            if item.rule is not None:
                rule = " ".join(words.rule(item.rule, self.style.language))
                counted_by.setdefault(rule, []).append(item.number)
        if len(counted_by) == 1:
            return list(counted_by)
        return [f"{rule} ({', '.join(numbers)})" for rule, numbers in counted_by.items()]

    def _clauses(self) -> list[dict[str, Any]]:
        return [
            {"title": CLAUSES[self.style.language][name], "lines": text.splitlines()}
            for name, text in quoted_clauses(self.facts, self.house).items()
            if text is not None
        ]

    def _questions(self) -> list[dict[str, Any]]:
        """The items in their order, those of one question together where they follow one another."""
        language = self.style.language
        runs = groupby(self.facts.items, lambda item: words.question(item, language))
        return [{"question": asked, "items": [self._item(item) for item in run]} for asked, run in runs]

    def _item(self, item: Item) -> dict[str, Any]:
        counts = item.counts
        numbers = {name: str(getattr(counts, name)) for name in ("approve", "reject", "abstain")} if counts else {}
        return {
            "number": item.number,
            "subject": item.subject,
            "name": isolated(item.name),
            **{name: numbers.get(name, "–") for name in ("approve", "reject", "abstain")},
            "took_part": f"{counts.took_part}/{counts.seats}" if counts else "–",
            "outcome": words.OUTCOMES[self.style.language][item.status],
            "final": item.status in {BallotStatus.ADOPTED, BallotStatus.REJECTED},
            "notes": self.say(" ; ", "; ").join(note for note in self._notes(item) if note),
        }

    def _notes(self, item: Item) -> list[str]:
        """What else is to be said of an item: the public version has no amount, no name, no reason."""
        said = [self.say("vote à main levée", "show of hands") if item.by_hand else "", *self._aside(item)]
        if self.style.signed:
            said += [self._debt(item), self._why(item)]
        return [*said, self._annulment(item)]

    def _debt(self, item: Item) -> str:
        owed = self.owed.get(item.instance, ())
        if not owed:
            return ""
        currency = self.house.letterhead.currency
        total = wording.money(sum(cents for _, cents in owed), self.style.language, currency)
        years = wording.years([year for year, _ in owed], self.style.language)
        return self.say(f"devait {total}{NO_BREAK}({years})", f"owed {total}{NO_BREAK}({years})")

    def _why(self, item: Item) -> str:
        language = self.style.language
        if item.status in {BallotStatus.WITHDRAWN, BallotStatus.ADOPTED}:
            return words.reason(item.reason, language)
        gates = ", ".join(words.gate(gate, language) for gate in item.missing)
        return gates if item.status == BallotStatus.BLOCKED else ""

    def _aside(self, item: Item) -> list[str]:
        if not item.aside:
            return []
        if not self.style.signed:
            return [self.say(f"déports : {len(item.aside)}", f"stood aside: {len(item.aside)}")]
        named = ", ".join(
            f"{self._person(one.seat)} ({words.reason(one.reason, self.style.language)})" for one in item.aside
        )
        return [self.say(f"déport : {named}", f"stood aside: {named}")]

    def _annulment(self, item: Item) -> str:
        annulled = item.annulled
        if annulled is None:
            return ""
        local = annulled.at.astimezone(ZoneInfo(self.house.letterhead.timezone)).date()
        day = wording.day(local.isoformat(), self.style.language)
        if not self.style.signed:
            return self.say(f"décision annulée le {day}", f"decision annulled on {day}")
        return self.say(
            f"décision annulée le {day} par {annulled.by.replace(' + ', ' et ')} : {annulled.reason}",
            f"decision annulled on {day} by {annulled.by.replace(' + ', ' and ')}: {annulled.reason}",
        )

    def _person(self, seat: str) -> str:
        people = {sitting.seat: sitting.person for sitting in self.facts.seats}
        return isolated(people.get(seat) or seat)

    def _names(self) -> list[dict[str, str]]:
        """Who voted what, item by item; where hands were counted there is nothing to name."""
        return [
            {
                "number": item.number,
                **{choice: self._voters(item.votes, choice) for choice in ("approve", "reject", "abstain")},
            }
            for item in self.facts.items
            if item.votes
        ]

    def _voters(self, votes: Sequence[Said], choice: str) -> str:
        """List who made a choice; a name of usual length stays on its line."""
        people = [(self._person(said.seat), said.remote) for said in votes if said.choice == choice]
        unbroken = ((_unbroken(person), remote) for person, remote in people)
        return ", ".join(f"{person}{NO_BREAK}*" if remote else person for person, remote in unbroken)

    def _comments(self) -> list[dict[str, str]]:
        return [
            {"number": item.number, "person": self._person(said.seat), "comment": isolated(said.comment)}
            for item in self.facts.items
            for said in item.votes
            if said.comment
        ]

    def _decision(self, item: Item) -> dict[str, str]:
        annulled = self._annulment(item)
        return {
            "number": item.number,
            "text": sentence(item, self.style.language),
            "annulled": annulled[:1].upper() + annulled[1:],
        }

    def _undecided(self) -> str:
        """Say which questions have no answer, and what became of them."""
        outcomes = words.OUTCOMES[self.style.language]
        said = [f"{item.number} ({outcomes[item.status]})" for item in self.facts.items if item.status in UNDECIDED]
        return f"{LABELS[self.style.language]['undecided']}{self.say(' :', ':')} {', '.join(said)}." if said else ""

    def _quorum(self) -> str:
        """Say whether enough took part, for whatever was put to the vote."""
        without = [item.number for item in self.facts.items if item.quorum is False]
        if without:
            listed = ", ".join(without)
            return self.say(f"Quorum non atteint : {listed}.", f"No quorum: {listed}.")
        if not any(item.quorum for item in self.facts.items):
            return ""
        return self.say(
            "Le quorum était atteint pour chaque question mise aux voix.",
            "There was a quorum for each question put to the vote.",
        )

    def _signatures(self) -> list[dict[str, str]]:
        """Two lines to sign on, each with the name of whoever holds that office."""
        return [
            {"role": title, "person": ", ".join(isolated(one.person) for one in self.facts.seats if one.role == role)}
            for role, title in SIGNATORIES[self.style.language].items()
        ]


def _unbroken(person: str) -> str:
    return person.replace(" ", NO_BREAK) if len(person) <= LONGEST_UNBROKEN else person


def _typeset(value: T, language: str) -> T:
    """Give every text the spaces of its language."""
    typeset: T = _each_text(value, fr_typo) if language == wording.FRENCH else value
    return typeset


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(inner, change) for key, inner in value.items()}
    return [_each_text(inner, change) for inner in value] if isinstance(value, list) else value
