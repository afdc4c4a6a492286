"""What the demo's pages say, in French and English, and which of the two somebody reads."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal, TypeAlias

from babel.dates import format_date, format_datetime

Language: TypeAlias = Literal["fr", "en"]
FR: Language = "fr"
EN: Language = "en"

WORDS: Mapping[Language, Mapping[str, str]] = {
    FR: {
        "title": "Relance, démonstration",
        "fiction": "Tout est fictif ici, et aucun courriel ne part : ils se lisent sur cette page.",
        "stands": "La date ne bouge que si vous la faites avancer.",
        "move": "Avancer",
        "to": "jusqu’au",
        "day": "d’un jour",
        "week": "d’une semaine",
        "next": "Ce qui vient, en l’état actuel",
        "touches": "membres",
        "who": "Qui en est où",
        "board": "Le conseil d’administration",
        "no_ballot": "Aucun scrutin n’est ouvert à cette date.",
        "open": "scrutins ouverts",
        "approve": "Tous les sièges votent pour",
        "reject": "Tous les sièges votent contre",
        "tasks": "Ce qui attend une personne",
        "no_task": "Rien n’attend personne.",
        "mails": "Les derniers courriels",
        "no_mail": "Aucun courriel.",
        "all_mails": "Tous les courriels",
        "older": "Plus anciens",
        "back": "Retour",
        "recipient": "À",
        "subject": "Objet",
        "written": "Écrit le",
        "api": "L’API et sa documentation",
        "other": "In English",
        "no_words": "(sans texte)",
        "refused": "Refusé",
        "not_a_date": "il faut une date, par exemple 2026-06-02",
        "forwards": "la date ne recule pas",
        "too_far": "deux ans au plus à la fois",
        "not_open": "aucun scrutin n’est ouvert à cette date",
    },
    EN: {
        "title": "Relance, demo",
        "fiction": "Everything here is fictional, and no mail leaves: they are read on this page.",
        "stands": "The date stands still until you move it.",
        "move": "Move",
        "to": "to",
        "day": "by a day",
        "week": "by a week",
        "next": "What comes next, as things stand",
        "touches": "members",
        "who": "Who is where",
        "board": "The board",
        "no_ballot": "No ballot is open at this date.",
        "open": "open ballots",
        "approve": "Every seat approves",
        "reject": "Every seat rejects",
        "tasks": "What waits for a person",
        "no_task": "Nothing waits for anybody.",
        "mails": "The latest mails",
        "no_mail": "No mail.",
        "all_mails": "All mails",
        "older": "Older",
        "back": "Back",
        "recipient": "To",
        "subject": "Subject",
        "written": "Written on",
        "api": "The API and its documentation",
        "other": "En français",
        "no_words": "(no words)",
        "refused": "Refused",
        "not_a_date": "a date is needed, such as 2026-06-02",
        "forwards": "the date does not go back",
        "too_far": "two years at a time at most",
        "not_open": "no ballot is open at this date",
    },
}
EVENTS: Mapping[Language, Mapping[str, str]] = {
    FR: {
        "call": "appel à cotisation",
        "campaign": "campagne de renouvellement",
        "remind": "relance",
        "suspend": "interruption des services",
        "summon": "convocation par lettre recommandée",
        "lapse": "fin d’adhésion des personnes",
        "propose_removal": "procédure ouverte par le conseil",
        "spare": "radiation rejetée par le conseil",
        "remove": "radiation",
        "pay": "paiements reçus à partir de ce jour",
        "agenda": "ordre du jour du conseil, les scrutins s’ouvrent",
        "meeting": "réunion du conseil",
    },
    EN: {
        "call": "call for dues",
        "campaign": "renewal campaign",
        "remind": "reminder",
        "suspend": "interruption of services",
        "summon": "summons by registered letter",
        "lapse": "memberships of persons lapse",
        "propose_removal": "procedure opened by the board",
        "spare": "removal rejected by the board",
        "remove": "struck off",
        "pay": "payments received from this day on",
        "agenda": "the board’s agenda, its ballots open",
        "meeting": "meeting of the board",
    },
}
QUESTIONS: Mapping[Language, Mapping[str, str]] = {
    FR: {
        "suspend": "interrompre les services",
        "propose_removal": "ouvrir la procédure et entendre l’association",
        "remove": "radier",
    },
    EN: {
        "suspend": "interrupt the services",
        "propose_removal": "open the procedure and hear the association",
        "remove": "strike off",
    },
}
MOVED: Mapping[Language, str] = {
    FR: "On est le {today}. Courriels écrits : {mails}.",
    EN: "It is {today} now. Mails written: {mails}.",
}


def in_words(day: date, language: Language, pattern: str = "d MMMM y") -> str:
    """Write a day, or an instant that is local already: 1er décembre 2025, 1 December 2025."""
    if language == FR and day.day == 1:
        pattern = pattern.replace("d ", "d'er' ")
    write = format_datetime if isinstance(day, datetime) else format_date
    return str(write(day, pattern, locale=language))


def of_browser(accepted: str) -> Language:
    """Return the language of an Accept-Language header: the better liked of the two; French where it names neither."""
    liked = sorted(map(_liking, accepted.split(",")), key=lambda one: -one[0])
    names = [name for weight, name in liked if weight > 0]
    return next((EN if name.startswith(EN) else FR for name in names if name.startswith((FR, EN))), FR)


def _liking(part: str) -> tuple[float, str]:
    """Read one of the header's parts, such as `en;q=0.8`; what cannot be read is not liked."""
    name, _, weight = part.partition(";")
    try:
        return float(weight.strip().removeprefix("q=") or 1), name.strip().lower()
    except ValueError:
        return 0.0, ""


def of_terminal(environ: Mapping[str, str]) -> Language:
    """Return the language of a terminal: French where its locale is, else English."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return FR if locale.lower().startswith(FR) else EN
