"""The words of the voting page, in French and English."""

from collections.abc import Mapping

from notifications.typography import NARROW_NO_BREAK, NO_BREAK

FRENCH: Mapping[str, str] = {
    "title": "Scrutins du conseil",
    "of": "Réunion du",
    "seat": "Siège",
    "rule": "Comment on compte",
    "intro": "Ouvrir cette page ne vote pas. Choisissez, puis envoyez ; vous pouvez changer d’avis jusqu’à la clôture.",
    "approve": "pour",
    "reject": "contre",
    "abstain": "abstention",
    "comment": "Un mot (facultatif)",
    "said": "Votre vote actuel",
    "aside": "Vous vous êtes déporté : votre siège ne vote pas ici.",
    "scheduled": "Ce scrutin s’ouvre à l’heure de la réunion, une fois l’association entendue.",
    "closed": "Clos",
    "send": "Envoyer mon vote",
    "nothing": "Il n’y a rien à voter.",
    "none_chosen": "Rien n’était coché : aucun vote n’a été enregistré.",
    "recorded": "Enregistré. Nombre de votes",
    "receipt": "Un courriel vous le confirmera dans quelques minutes.",
    "again": "Ce formulaire avait déjà été envoyé : il n’a pas été compté une seconde fois.",
    "back": "Revenir à la liste",
    "refused": "Ce vote n’a pas été enregistré",
    "warning": "Attention : aucune clause des statuts n’est citée pour cette question",
    "excused": "Excusés",
    "suspend": "Interrompre ses services ?",
    "propose_removal": "Ouvrir la procédure de radiation, et l’entendre ?",
    "remove": "La radier, entendue ou dûment appelée ?",
    "correct": "Annuler sa radiation ?",
    "admit": "L’admettre ?",
    "unknown-link": "Ce lien n’est pas connu, ou ne l’est plus. Demandez-en un autre au secrétariat.",
    "seat-not-yours": "Ce lien était celui d’une autre personne de ce siège. Demandez le vôtre au secrétariat.",
    "list-changed": "La liste a changé depuis que vous l’avez ouverte. Relisez-la, puis votez.",
    "ballot-not-open": "Un de ces scrutins est clos, ou n’est pas encore ouvert.",
    "recused": "Votre siège s’est déporté sur une de ces questions.",
    "not-a-seat": "Votre siège ne vote pas sur une de ces questions.",
    "not-allowed": "Ce conseil ne vote qu’en réunion.",
    "unavailable": "Le vote par lien n’est pas possible pour le moment. Prévenez le secrétariat.",
    "invalid": "Ce formulaire n’a pas la forme attendue. Rouvrez la page, puis votez.",
}
ENGLISH: Mapping[str, str] = {
    "title": "Ballots of the board",
    "of": "Meeting of",
    "seat": "Seat",
    "rule": "How votes are counted",
    "intro": "Opening this page does not vote. Choose, then send; you can change your mind until the ballot closes.",
    "approve": "for",
    "reject": "against",
    "abstain": "abstain",
    "comment": "A word (optional)",
    "said": "Your vote now",
    "aside": "You stand aside: your seat does not vote here.",
    "scheduled": "This ballot opens at the meeting’s hour, once the association has been heard.",
    "closed": "Closed",
    "send": "Send my vote",
    "nothing": "There is nothing to vote on.",
    "none_chosen": "Nothing was chosen: no vote was recorded.",
    "recorded": "Recorded. Number of votes",
    "receipt": "A mail will confirm it in a few minutes.",
    "again": "This form had been sent already: it was not counted a second time.",
    "back": "Back to the list",
    "refused": "This vote was not recorded",
    "warning": "Mind: no clause of the statutes is quoted for this question",
    "excused": "Excused",
    "suspend": "Interrupt its services?",
    "propose_removal": "Open the procedure of striking off, and hear it?",
    "remove": "Strike it off, having heard or duly summoned it?",
    "correct": "Annul its being struck off?",
    "admit": "Admit it?",
    "unknown-link": "This link is not known, or no longer. Ask the secretary for another.",
    "seat-not-yours": "This link was that of another person in this seat. Ask the secretary for yours.",
    "list-changed": "The list has changed since you opened it. Read it again, then vote.",
    "ballot-not-open": "One of these ballots is closed, or not open yet.",
    "recused": "Your seat stands aside on one of these questions.",
    "not-a-seat": "Your seat does not vote on one of these questions.",
    "not-allowed": "This board votes in its meetings only.",
    "unavailable": "Voting by link is not possible for now. Tell the secretary.",
    "invalid": "This form does not have the shape it should. Open the page again, then vote.",
}
_SPACED = {" ?": f"{NARROW_NO_BREAK}?", " :": f"{NO_BREAK}:", " ;": f"{NARROW_NO_BREAK};"}


def words(language: str) -> Mapping[str, str]:
    """Return the words of a language; French ones with their no-break spaces."""
    if language == "en":
        return ENGLISH
    return {key: _typeset(text) for key, text in FRENCH.items()}


def _typeset(text: str) -> str:
    for plain, spaced in _SPACED.items():
        text = text.replace(plain, spaced)
    return text
