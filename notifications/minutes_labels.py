"""Headings, column names and standing phrases of minutes, in French and English."""

from collections.abc import Mapping

from engine.minutes import Presence

LABELS: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "title": "Procès-verbal du conseil d’administration",
        "place": "Lieu",
        "colon": "\u00a0:",
        "signed": "Version signée, réservée au conseil et à ses archives",
        "public": "Version publique",
        "attendance": "Présences",
        "seat": "Siège",
        "person": "Nom",
        "role": "Fonction",
        "presence": "Présence",
        "voting": "Règles de vote",
        "questions": "Questions soumises au vote",
        "none": "Aucune question n’était inscrite à l’ordre du jour.",
        "number": "N°",
        "subject": "Concerne",
        "approve": "Pour",
        "reject": "Contre",
        "abstain": "Abst.",
        "took_part": "Part.",
        "outcome": "Résultat",
        "legend": "Part. : sièges qui ont pris part, sur ceux qui pouvaient voter.",
        "names": "Votes nominatifs",
        "abstentions": "Abstention",
        "remote_mark": "* vote exprimé à distance, avant la réunion",
        "comments": "Commentaires joints aux votes",
        "decisions": "Décisions",
        "undecided": "Sans décision",
        "no_decision": "Aucune décision n’a été prise.",
        "signatures": "Signatures",
        "signed_at": "Fait à",
        "signed_on": "le",
        "page": "page",
        "warning": "Attention",
    },
    "en": {
        "title": "Minutes of the board",
        "place": "Place",
        "colon": ":",
        "signed": "Signed version, for the board and its archives",
        "public": "Public version",
        "attendance": "Attendance",
        "seat": "Seat",
        "person": "Name",
        "role": "Office",
        "presence": "Attendance",
        "voting": "How votes are counted",
        "questions": "Questions put to the vote",
        "none": "No question was on the agenda.",
        "number": "No.",
        "subject": "About",
        "approve": "For",
        "reject": "Against",
        "abstain": "Abst.",
        "took_part": "Part.",
        "outcome": "Outcome",
        "legend": "Part.: seats that took part, of those that could vote.",
        "names": "Votes by name",
        "abstentions": "Abstained",
        "remote_mark": "* voted from elsewhere, before the meeting",
        "comments": "Comments given with the votes",
        "decisions": "Decisions",
        "undecided": "No decision",
        "no_decision": "No decision was taken.",
        "signatures": "Signatures",
        "signed_at": "Done at",
        "signed_on": "on",
        "page": "page",
        "warning": "Warning",
    },
}
ROLES: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "chair": "présidence",
        "deputy-chair": "vice-présidence",
        "treasurer": "trésorerie",
        "deputy-treasurer": "trésorerie adjointe",
        "secretary": "secrétariat",
        "deputy-secretary": "secrétariat adjoint",
        "member": "membre",
    },
    "en": {
        "deputy-chair": "deputy chair",
        "deputy-treasurer": "deputy treasurer",
        "deputy-secretary": "deputy secretary",
    },
}
PRESENCES: Mapping[str, Mapping[Presence, str]] = {
    "fr": {
        Presence.PRESENT: "présent(e)",
        Presence.REMOTE: "vote à distance",
        Presence.VOTED: "vote en séance",
        Presence.EXCUSED: "excusé(e)",
        Presence.ABSENT: "absent(e)",
    },
    "en": {
        Presence.PRESENT: "present",
        Presence.REMOTE: "voted from elsewhere",
        Presence.VOTED: "voted during the meeting",
        Presence.EXCUSED: "excused",
        Presence.ABSENT: "absent",
    },
}
TOGETHER: Mapping[str, Mapping[Presence, str]] = {
    "fr": {
        Presence.PRESENT: "présents",
        Presence.REMOTE: "ont voté à distance",
        Presence.VOTED: "ont voté en séance",
        Presence.EXCUSED: "excusés",
        Presence.ABSENT: "absents",
    },
    "en": PRESENCES["en"],
}
CLAUSES: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "suspension": "Compétence pour interrompre les services",
        "removal": "Compétence pour radier",
        "remote_votes": "Vote à distance",
    },
    "en": {
        "suspension": "Competence to interrupt services",
        "removal": "Competence to strike off",
        "remote_votes": "Voting from elsewhere",
    },
}
NO_CLAUSE: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "suspension": "aucune clause n’est citée qui donne compétence au conseil pour interrompre des services",
        "removal": "aucune clause n’est citée qui donne compétence au conseil pour radier",
        "remote_votes": "aucune clause n’est citée qui permet de voter à distance",
    },
    "en": {
        "suspension": "no clause is quoted that makes the board competent to interrupt services",
        "removal": "no clause is quoted that makes the board competent to strike off",
        "remote_votes": "no clause is quoted that allows voting from elsewhere",
    },
}
SIGNATORIES: Mapping[str, Mapping[str, str]] = {
    "fr": {"secretary": "Le secrétariat", "chair": "La présidence"},
    "en": {"secretary": "The secretary", "chair": "The chair"},
}
