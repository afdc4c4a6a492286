"""How minutes say it, in French and English: what was decided, why something was not, how votes are counted.

A question's words are found by (workflow, trigger); a workflow that is not in the table is told by its own question.
`{who}` stands for the subject.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

from engine.ballots import Base, CountingRule, QuorumCounts, Share
from engine.board_models import BallotStatus
from engine.minutes import Item
from notifications import wording

Sentence = tuple[str, str]
"""What is said when it is adopted, and when it is rejected."""

QUESTIONS: Mapping[str, Mapping[tuple[str, str], str]] = {
    "fr": {
        ("membership", "suspend"): "Interrompre ses services ?",
        ("membership", "propose_removal"): "Ouvrir la procédure de radiation et entendre l’association ?",
        ("membership", "remove"): "Radier l’association, entendue ou dûment appelée ?",
        ("membership", "correct"): "L’association a réglé et la lettre n’est pas partie : annuler la radiation ?",
        ("admission", "admit"): "L’admettre ?",
    },
    "en": {
        ("membership", "suspend"): "Interrupt its services?",
        ("membership", "propose_removal"): "Open the procedure of striking off, and hear the association?",
        ("membership", "remove"): "Strike it off, having heard or duly summoned it?",
        ("membership", "correct"): "It has paid, and the letter has not left: annul the strike-off?",
        ("admission", "admit"): "Admit it?",
    },
}
SENTENCES: Mapping[str, Mapping[tuple[str, str], Sentence]] = {
    "fr": {
        ("membership", "suspend"): (
            "Le conseil décide d’interrompre les services de {who}",
            "Le conseil décide de ne pas interrompre les services de {who}",
        ),
        ("membership", "propose_removal"): (
            "Le conseil décide d’ouvrir la procédure de radiation de {who} et de l’entendre",
            "Le conseil décide de ne pas ouvrir de procédure de radiation contre {who}",
        ),
        ("membership", "remove"): (
            "Le conseil prononce la radiation de {who}",
            "Le conseil ne prononce pas la radiation de {who}, dont les services restent interrompus",
        ),
        ("membership", "correct"): (
            "Le conseil annule la radiation de {who}",
            "Le conseil maintient la radiation de {who}",
        ),
        ("admission", "admit"): ("Le conseil admet {who}", "Le conseil n’admet pas {who}"),
    },
    "en": {
        ("membership", "suspend"): (
            "The board decides to interrupt the services of {who}",
            "The board decides not to interrupt the services of {who}",
        ),
        ("membership", "propose_removal"): (
            "The board decides to open the procedure of striking off {who}, and to hear it",
            "The board decides not to open a procedure of striking off {who}",
        ),
        ("membership", "remove"): (
            "The board strikes off {who}",
            "The board does not strike off {who}, whose services stay interrupted",
        ),
        ("membership", "correct"): (
            "The board annuls the strike-off of {who}",
            "The board upholds the strike-off of {who}",
        ),
        ("admission", "admit"): ("The board admits {who}", "The board does not admit {who}"),
    },
}
OTHERWISE: Mapping[str, Sentence] = {
    "fr": (
        "Le conseil répond oui à la question « {question} » pour {who}",
        "Le conseil y répond non pour {who} : {question}",
    ),
    "en": (
        "The board answers yes to the question “{question}” about {who}",
        "The board answers no about {who}: {question}",
    ),
}
OUTCOMES: Mapping[str, Mapping[BallotStatus, str]] = {
    "fr": {
        BallotStatus.ADOPTED: "adoptée",
        BallotStatus.REJECTED: "rejetée",
        BallotStatus.NO_QUORUM: "sans quorum",
        BallotStatus.WITHDRAWN: "sans objet",
        BallotStatus.BLOCKED: "reportée",
        BallotStatus.SCHEDULED: "à venir",
        BallotStatus.OPEN: "en cours",
    },
    "en": {
        BallotStatus.ADOPTED: "adopted",
        BallotStatus.REJECTED: "rejected",
        BallotStatus.NO_QUORUM: "no quorum",
        BallotStatus.WITHDRAWN: "withdrawn",
        BallotStatus.BLOCKED: "postponed",
        BallotStatus.SCHEDULED: "to come",
        BallotStatus.OPEN: "open",
    },
}
GATES: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "list_decision": "la décision d’ouvrir la procédure manque",
        "letter_posted": "la lettre recommandée n’a pas été postée",
        "letter_presented": "sa première présentation n’est pas établie",
        "presented_in_time": "la lettre a été présentée trop peu de temps avant la réunion",
        "letter_outcome": "on ignore ce que la lettre est devenue",
        "known_address": "l’adresse est inconnue",
        "no_stay": "un délai est accordé",
        "paused": "Relance était en pause",
    },
    "en": {
        "list_decision": "the decision to open the procedure is missing",
        "letter_posted": "the registered letter was not posted",
        "letter_presented": "its first presentation is not established",
        "presented_in_time": "the letter was presented too shortly before the meeting",
        "letter_outcome": "what became of the letter is not known",
        "known_address": "the address is unknown",
        "no_stay": "a stay was granted",
        "paused": "Relance was paused",
    },
}
STATES = {
    "paid": "à jour",
    "called": "cotisation à régler",
    "reminded": "relance envoyée",
    "suspended": "services interrompus",
    "proposed_for_removal": "procédure ouverte",
    "removed": "radiée",
    "left": "départ",
    "admitted": "admise",
    "refused": "non admise",
    "withdrawn": "candidature retirée",
}
# What the journal says in English, as French minutes say it. Whatever a person wrote stays as it was written.
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("nothing owed"), "plus rien n’est dû"),
    (re.compile("has settled the years concerned"), "les années concernées sont réglées"),
    (re.compile(r"has a stay until (?P<day>[0-9-]{10})"), "un délai est accordé jusqu’au {day}"),
    (re.compile(r"gave a sign of life on (?P<day>[0-9-]{10})"), "l’association a donné signe de vie le {day}"),
    (re.compile("unreachable"), "l’association est injoignable"),
    (re.compile(r"is (?P<state>\w+)"), "l’état est désormais : {state}"),
    (re.compile("has not paid since"), "aucun règlement depuis la radiation"),
    (re.compile("the letter was posted"), "la lettre est partie"),
    (re.compile("answered by the earlier meeting's record"), "tranchée par le relevé d’une réunion antérieure"),
    (re.compile("taken off the agenda: (?P<said>.*)"), "retirée de l’ordre du jour : {said}"),
    (re.compile("on conditions: (?P<said>.*)"), "sous condition : {said}"),
    (re.compile(r"put off until (?P<day>[0-9-]{10})"), "reportée jusqu’au {day}"),
    (re.compile(r"postponed until (?P<day>[0-9-]{10}): (?P<said>.*)"), "reportée jusqu’au {day} ({said})"),
    (re.compile("declared to be a member"), "membre de l’association, comme déclaré"),
)
_SHARES: Mapping[str, Mapping[Fraction, str]] = {
    "fr": {
        Fraction(1, 4): "le quart",
        Fraction(1, 3): "le tiers",
        Fraction(1, 2): "la moitié",
        Fraction(2, 3): "les deux tiers",
        Fraction(3, 4): "les trois quarts",
        Fraction(1): "la totalité",
    },
    "en": {
        Fraction(1, 4): "a quarter",
        Fraction(1, 3): "a third",
        Fraction(1, 2): "half",
        Fraction(2, 3): "two thirds",
        Fraction(3, 4): "three quarters",
        Fraction(1): "all",
    },
}
_QUORUM: Mapping[str, Mapping[QuorumCounts, str]] = {
    "fr": {
        QuorumCounts.TOOK_PART: "présents ou ayant voté",
        QuorumCounts.PRESENT: "présents",
        QuorumCounts.APPROVE: "votant pour",
        QuorumCounts.APPROVE_AND_ABSTAIN: "votant pour ou s’abstenant",
    },
    "en": {
        QuorumCounts.TOOK_PART: "present or having voted",
        QuorumCounts.PRESENT: "present",
        QuorumCounts.APPROVE: "voting for",
        QuorumCounts.APPROVE_AND_ABSTAIN: "voting for or abstaining",
    },
}
_BASES: Mapping[str, Mapping[Base, str]] = {
    "fr": {
        Base.CAST: "des voix pour et contre, sans les abstentions",
        Base.TOOK_PART: "des votants, abstentions comprises",
        Base.PRESENT: "des présents",
        Base.SEATS: "des sièges",
    },
    "en": {
        Base.CAST: "of the votes for and against, without the abstentions",
        Base.TOOK_PART: "of those who voted, abstentions included",
        Base.PRESENT: "of those present",
        Base.SEATS: "of the seats",
    },
}


def question(item: Item, language: str) -> str:
    """Return what was asked."""
    return QUESTIONS[language].get((item.workflow, item.trigger), item.question or item.trigger)


def decision(item: Item, who: str, language: str) -> str:
    """Say what the board answered, without its full stop."""
    adopted, rejected = SENTENCES[language].get((item.workflow, item.trigger), OTHERWISE[language])
    sentence = adopted if item.status == BallotStatus.ADOPTED else rejected
    return sentence.format(who=who, question=question(item, language))


def reason(text: str, language: str) -> str:
    """Say why: in French where the words are ours."""
    if language != wording.FRENCH:
        return text
    for pattern, french in _REASONS:
        found = pattern.fullmatch(text)
        if found:
            return french.format(**{name: _value(name, value) for name, value in found.groupdict().items()})
    return text


def _value(name: str, value: str) -> str:
    if name == "day":
        return wording.day(value, wording.FRENCH)
    return STATES.get(value, value) if name == "state" else value


def gate(name: str, language: str) -> str:
    """Say which condition of a hearing was not met."""
    return GATES[language].get(name, name)


def rule(counting: CountingRule, language: str) -> list[str]:
    """Say how votes are counted: the quorum, what is adopted, what a tie is."""
    french = language == wording.FRENCH
    return [_quorum(counting, french=french), _majority(counting, french=french), *_tie(counting, french=french)]


def _quorum(counting: CountingRule, *, french: bool) -> str:
    language = "fr" if french else "en"
    if counting.quorum is None or counting.quorum_counts is QuorumCounts.NOTHING:
        return "Aucun quorum n’est exigé." if french else "No quorum is required."
    whole = _share(counting.quorum, "des sièges" if french else "of the seats", language)
    what = _QUORUM[language][counting.quorum_counts]
    if french:
        least = "plus de " if counting.quorum_strict else "au moins "
        return f"Quorum : {least}{whole}, {what}."
    least = "more than " if counting.quorum_strict else "at least "
    return f"Quorum: {least}{whole}, {what}."


def _majority(counting: CountingRule, *, french: bool) -> str:
    simple = counting.base is Base.CAST and counting.fraction == Fraction(1, 2) and counting.strict
    if simple and french:
        return (
            "Une question est adoptée quand les voix pour dépassent les voix contre ; les abstentions ne comptent pas."
        )
    if simple:
        return "A question is adopted when votes for exceed votes against; abstentions do not count."
    language = "fr" if french else "en"
    whole = _share(counting.fraction, _BASES[language][counting.base], language)
    if french:
        verb = "dépassent" if counting.strict else "atteignent"
        return f"Une question est adoptée quand les voix pour {verb} {whole}."
    verb = "exceed" if counting.strict else "reach"
    return f"A question is adopted when votes for {verb} {whole}."


def _tie(counting: CountingRule, *, french: bool) -> list[str]:
    if counting.casting_vote:
        return [
            "À égalité, la voix de la présidence est prépondérante." if french else "On a tie the chair's vote decides."
        ]
    if counting.base is Base.CAST and counting.fraction == Fraction(1, 2) and counting.strict:
        return ["À égalité, elle est rejetée." if french else "On a tie it is rejected."]
    return []


def _share(share: Share, whole: str, language: str) -> str:
    """Write « la moitié des sièges », or « 5 sièges » (« 5 voix » of votes)."""
    if isinstance(share, Fraction):
        named = _SHARES[language].get(share)
        if named is not None:
            return f"{named} {whole}"
        return f"{share.numerator}/{share.denominator} {whole}"
    if language == wording.FRENCH:
        return f"{share} sièges" if whole == "des sièges" else f"{share} voix"
    return f"{share} seats" if whole == "of the seats" else f"{share} votes"
