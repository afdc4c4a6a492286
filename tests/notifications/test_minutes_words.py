"""How minutes say it: rules, reasons, questions of any workflow, in both languages."""

from dataclasses import replace
from fractions import Fraction

import pytest

from engine.ballots import Base, CountingRule, QuorumCounts
from engine.board_models import BallotStatus
from engine.minutes import Counts, Item
from notifications import minutes_words as words
from notifications.documents import plain_markdown
from notifications.minutes import counted, sentence
from workflows import WORKFLOWS
from workflows.membership.hearing import Gate
from workflows.membership.words import State

NB, NNB = "\u00a0", "\u202f"
DEFAULT = CountingRule()
ADOPTED, ADOPTED_EN = "Une question est adoptée quand les voix pour", "A question is adopted when votes for"
MORE = f"{ADOPTED} dépassent les voix contre ; les abstentions ne comptent pas."
BASE, BASE_EN = "votants, abstentions comprises", "those who voted, abstentions included"
MORE_EN = f"{ADOPTED_EN} exceed votes against; abstentions do not count."
ITEM = Item(
    number="2025-08/1",
    ballot=1,
    instance=1,
    workflow="membership",
    trigger="suspend",
    subject="A0042",
    name="Vélo Lauragais",
    question="Interrupt its services?",
    status=BallotStatus.ADOPTED,
    rule=DEFAULT,
    counts=Counts(5, 1, 1, 7, 7),
)


def test_it_says_a_decision_in_plain_words():
    told = f"(5{NB}pour, 1{NB}contre, 1{NB}abstention)"
    assert sentence(ITEM, "fr") == f"Le conseil décide d’interrompre les services de A0042 Vélo Lauragais {told}."
    said = (
        f"The board decides to interrupt the services of A0042 Vélo Lauragais (5{NB}for, 1{NB}against, 1{NB}abstained)."
    )
    assert sentence(ITEM, "en") == said
    kept = replace(ITEM, status=BallotStatus.REJECTED, counts=Counts(0, 3, 2, 5, 5))
    told = f"(0{NB}pour, 3{NB}contre, 2{NB}abstentions)"
    assert (
        sentence(kept, "fr") == f"Le conseil décide de ne pas interrompre les services de A0042 Vélo Lauragais {told}."
    )
    assert counted(Counts(0, 0, 0, 0, 5), "fr") == f"0{NB}pour"
    all_for = replace(ITEM, trigger="remove", counts=Counts(4, 0, 0, 4, 5))
    assert (
        sentence(all_for, "fr")
        == f"Le conseil prononce la radiation de A0042 Vélo Lauragais (unanimité{NB}: 4{NB}pour)."
    )


def test_it_has_words_for_every_question_and_for_those_of_other_workflows():
    for workflow in WORKFLOWS:
        for rule in workflow.ballots:
            for language in ("fr", "en"):
                assert (workflow.name, str(rule.trigger)) in words.QUESTIONS[language]
                assert (workflow.name, str(rule.trigger)) in words.SENTENCES[language]
    candidate = replace(ITEM, workflow="admission", trigger="admit", name="Ciné-club")
    assert sentence(candidate, "fr").startswith("Le conseil admet A0042 Ciné-club (")
    other = replace(ITEM, workflow="loans", trigger="lend", question="Lend it the van?")
    assert sentence(other, "en").startswith("The board answers yes to the question “Lend it the van?” about A0042")
    refused = replace(other, status=BallotStatus.REJECTED)
    assert sentence(refused, "fr").startswith(
        f"Le conseil y répond non pour A0042 Vélo Lauragais{NB}: Lend it the van?"
    )


def test_it_says_gates_states_and_reasons_in_french():
    assert all(gate.value in words.GATES[language] for gate in Gate for language in ("fr", "en"))
    assert all(state.value in words.STATES for state in State)
    assert words.reason("has a stay until 2025-09-01", "fr") == "un délai est accordé jusqu’au 1er septembre 2025"
    assert words.reason("is paid", "fr") == "l’état est désormais : à jour"
    assert words.reason("is paid", "en") == "is paid"
    assert words.reason("is withdrawn", "fr") == "l’état est désormais : candidature retirée"
    assert words.reason("on conditions: signe la charte", "fr") == "sous condition : signe la charte"
    assert words.reason("la secrétaire l’a retirée", "fr") == "la secrétaire l’a retirée"


@pytest.mark.parametrize(
    ("rule", "french", "english"),
    [
        (
            DEFAULT,
            f"Quorum : au moins la moitié des sièges, présents ou ayant voté. {MORE} À égalité, elle est rejetée.",
            f"Quorum: at least half of the seats, present or having voted. {MORE_EN} On a tie it is rejected.",
        ),
        (
            CountingRule(quorum=5, quorum_counts=QuorumCounts.PRESENT, casting_vote=True),
            f"Quorum : au moins 5 sièges, présents. {MORE} À égalité, la voix de la présidence est prépondérante.",
            f"Quorum: at least 5 seats, present. {MORE_EN} On a tie the chair's vote decides.",
        ),
        (
            CountingRule(quorum=None, base=Base.SEATS, fraction=Fraction(2, 3), strict=False),
            f"Aucun quorum n’est exigé. {ADOPTED} atteignent les deux tiers des sièges.",
            f"No quorum is required. {ADOPTED_EN} reach two thirds of the seats.",
        ),
        (
            CountingRule(
                quorum_strict=True, quorum_counts=QuorumCounts.PRESENT, base=Base.TOOK_PART, fraction=Fraction(3, 5)
            ),
            f"Quorum : plus de la moitié des sièges, présents. {ADOPTED} dépassent 3/5 des {BASE}.",
            f"Quorum: more than half of the seats, present. {ADOPTED_EN} exceed 3/5 of {BASE_EN}.",
        ),
    ],
)
def test_it_says_how_votes_are_counted(rule, french, english):
    assert " ".join(words.rule(rule, "fr")) == french
    assert " ".join(words.rule(rule, "en")) == english


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Vélo Lauragais", "Vélo Lauragais"),
        ("a | b", r"a \| b"),
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("*a* _b_ `c` ~d~ $e$ &lt; <b>", r"\*a\* \_b\_ \`c\` \~d\~ \$e\$ \&lt; \<b\>"),
        ("back\\slash", r"back\\slash"),
        ("# titre", r"\# titre"),
        ("- liste", r"\- liste"),
        ("1. liste", r"1\. liste"),
        ("2025-08/1", "2025-08/1"),
        ("deux\n\nlignes", "deux lignes"),
        ("    code", "code"),
        ("", ""),
    ],
)
def test_it_writes_any_text_as_markdown_that_shows_it_as_it_is(text, written):
    assert plain_markdown(text) == written
