"""Papers as they come out of the press: where the address stands, what is said, and what a bank app reads."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from notifications import Letterhead
from notifications.papers import Post, Typesetter
from tests.printed import codes, glyphs, texts

AT = datetime(2025, 12, 1, 8, tzinfo=UTC)
HEAD = Letterhead(
    name="Le PIC – Projet internet et citoyenneté",
    short_name="PIC",
    address="Maison des associations\n1 place de la Mairie",
    postcode="31520",
    city="Ramonville",
    email="tresorerie@lepic.example",
    website="https://lepic.example/",
    iban="FR7630006000011234567890189",
    bic="AGRIFRPP",
    account_holder="Association Œuvre « d'Été »",
)
SIX = (
    *("Œuvre « d'Été »", "à l’attention de M. Jean-Éric Ñuñez-Ørsted", "Résidence Les Marronniers, bâtiment C"),
    *("Entrée 4, appartement 1212", "128 bis rue du Général-de-Gaulle", "31520 RAMONVILLE-SAINT-AGNE"),
)
SIXTY = "Fédération des œuvres laïques, cercles et amis de l'Été (31)"
ARABIC = "جمعية الأمل للثقافة"
CLAUSE = "Article 7. La radiation est prononcée par le conseil d’administration, l’association ayant été entendue."
CALL = {
    "number": "A0001",
    "name": "Œuvre « d'Été »",
    "person": False,
    "contact_name": "Anne",
    "state": "called",
    "year": 2026,
    "owed": ((2025, 2000), (2026, 2000)),
    "concerned": (),
    "total": 4000,
    "pay_by": "2026-01-31",
    "resign_before": "2026-01-20",
    "written": "2025-12-01",
    "reference": "2025 2026 A0001",
    "meeting": None,
    "place": None,
}
LETTER = CALL | {
    "owed": ((2024, 2000), (2025, 1500), (2026, 2000)),
    "total": 5500,
    "concerned": (2024, 2025),
    "reference": "2024 2025 2026 A0001",
    "written": "2026-10-03",
    "meeting": "2026-10-29T17:30:00+00:00",
    "place": "Salle des fêtes, 2 rue de l’Église",
}
STEPS = {
    "reminded_on": "2025-06-01",
    "cut_on": "2025-09-01",
    "opened": {"on": "2026-09-24", "number": "2026-09/2", "counts": "5 pour, 1 contre"},
    "decided": {"on": "2026-10-29", "number": "2026-10/1", "counts": "unanimité : 5 pour"},
    "invited": {"posted": "2026-10-05", "presented": "2026-10-07", "outcome": "unclaimed"},
    "not_before": "2026-11-15",
}


def call(language="fr", head=HEAD, lines=SIX, **changes):
    typesetter = Typesetter(head)
    return typesetter.print([typesetter.paper("call_for_dues", language, CALL | changes, Post(lines))], AT)


def letter(kind, language="fr", lines=SIX, clause=CLAUSE, more=STEPS, **changes):
    typesetter = Typesetter(HEAD)
    post = Post(lines, registered=True, clause=clause, clause_title="La règle", more=more)
    return typesetter.print([typesetter.paper(kind, language, LETTER | changes, post)], AT)


def said(content):
    """The whole text, in one line, its spaces all alike."""
    return " ".join(" ".join(texts(content)).split())


# The envelope

ADDRESSES = {
    "six lines": SIX,
    "one line": SIX[-1:],
    "a name of sixty signs": (SIXTY, *SIX[1:]),
    "right to left": (ARABIC, "شارع 12", "31000 TOULOUSE"),
    "seven long lines": tuple(f"{number}. {SIXTY}" for number in range(7)),
    "one endless word": ("x" * 200,),
    "none": (),
}


def seen_through_the_window(glyph):
    """Two millimetres around it included: a sheet moves in its envelope."""
    return glyph.right > 108 and glyph.bottom > 53 and glyph.top < 81


@pytest.mark.parametrize("lines", ADDRESSES.values(), ids=ADDRESSES)
def test_the_address_stands_in_the_window_of_the_envelope_and_nothing_else_does(lines):
    everything = glyphs(letter("summons", lines=lines))
    within = [glyph for glyph in everything if seen_through_the_window(glyph)]
    assert sorted("".join(lines).replace(" ", "")) == sorted("".join(glyph.sign for glyph in within))
    for glyph in within:
        assert glyph.left >= 110
        assert glyph.right <= 200
        assert 55 <= glyph.top <= glyph.bottom <= 79
    assert len(everything) > len(within) + 1000


def test_six_lines_can_be_read_without_a_glass():
    heights = [glyph.bottom - glyph.top for glyph in glyphs(call()) if glyph.left > 110 and 55 < glyph.top < 79]
    assert max(heights) > 2.2  # capitals of nine points


# The call


def test_a_call_says_everything_that_a_treasurer_needs_to_pay_it():
    text = said(call())
    for words in (
        *("Appel à cotisation 2026", "2026-A0001", "Œuvre « d'Été »", "Ramonville, le 1er décembre 2025"),
        *("Cotisation 2025 20,00 €", "Cotisation 2026 20,00 €", "Total 40,00 €", "au plus tard le 31 janvier 2026"),
        *("Titulaire du compte Association Œuvre « d'Été »", "IBAN FR76 3000 6000 0112 3456 7890 189", "BIC AGRIFRPP"),
        *("Montant 40,00 €", "Référence à rappeler 2025 2026 A0001", "Aucun frais de relance ne s’ajoute"),
        *("avant le 20 janvier 2026", "La trésorerie"),
    ):
        assert words in text
    assert len(texts(call())) == 1


def test_a_call_in_english():
    text = said(call("en", owed=((2026, 2000),), total=2000))
    for words in (
        "Call for dues 2026",
        "Call no. 2026-A0001",
        "€20.00",
        "Account holder",
        "Ramonville, 1 December 2025",
    ):
        assert words in text
    assert "Total" not in text


def test_a_bank_app_reads_the_printed_code():
    (read,) = codes(call())
    assert read.split("\n")[5:] == [HEAD.account_holder, HEAD.iban, "EUR40.00", "", "", "2025 2026 A0001"]


@pytest.mark.parametrize("change", [{"iban": ""}, {"account_holder": ""}, {"currency": "CHF"}], ids=str)
def test_without_a_code_a_plain_sentence_says_how_to_pay(change):
    made = call(head=replace(HEAD, **change))
    assert codes(made) == []
    assert ("écrivez-nous" in said(made)) == ("iban" in change)
    assert ("Recopiez ces indications" in said(made)) == ("iban" not in change)
    assert "2025 2026 A0001" in said(made)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", ["Œuvre « d'Été »", SIXTY, ARABIC, "#panic() *x* [owed]", "x" * 300])
def test_names_of_every_kind_leave_one_archivable_page(language, name):
    made = call(language, lines=(name, "31000 TOULOUSE"), name=name, owed=((2026, 2000),))
    assert len(texts(made)) == 1
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in made
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert f"/Lang({language}-".encode() in made.replace(b"/Lang (", b"/Lang(")


def test_it_is_the_same_byte_for_byte():
    assert call() == call()
    assert call() != call(total=4001)


def test_french_marks_keep_their_spaces_to_themselves():
    text = " ".join(texts(call()))
    assert "nous quitter\u202f?" in text
    assert "2026\u00a0: la cotisation" in text
    assert "20,00\u00a0€" in text


def test_many_calls_are_one_file_each_on_its_own_page():
    typesetter = Typesetter(HEAD)
    papers = [
        typesetter.paper("call_for_dues", language, CALL | {"number": number, "name": number}, Post(SIX))
        for number, language in (("A0001", "fr"), ("A0002", "en"))
    ]
    one, two = texts(typesetter.print(papers, AT, "Appels 2026"))
    assert "A0001" in one
    assert "A0002" not in one
    assert "Call for dues" in two


# Letters


def test_a_summons_says_what_is_owed_when_the_board_meets_and_what_one_may_do_there():
    text = said(letter("summons"))
    for words in (
        *("Lettre recommandée avec avis de réception", "Ramonville, le 3 octobre 2026", "Objet : Invitation à être"),
        *("Cotisation 2024 20,00 €", "Cotisation 2025 15,00 €", "Total 55,00 €", "Aucun frais de relance"),
        *("jeudi 29 octobre 2026 à 18 h 30", "Salle des fêtes", "vous expliquer de vive voix", "être assistés"),
        *(
            "observations écrites",
            "elle se tiendra à une réunion suivante, qui vous sera annoncée par courriel ou par courrier",
        ),
        *("pour 2024 et 2025 est réglé", "2024 2025 2026 A0001", "Article 7.", "décision 2026-09/2", "Page 1 / 2"),
    ):
        assert words in text


def test_a_removal_letter_gives_its_reasons_and_the_decision():
    text = said(letter("removal", meeting=None))
    for words in (
        *("réunion du 29 octobre 2026", "(décision 2026-10/1 – unanimité : 5 pour)", "la relance du 1er juin 2025"),
        *("l’interruption des services du 1er septembre 2025", "Article 7.", "Total 55,00 €", "Aucun frais de relance"),
        *("postée le 5 octobre 2026, présentée le 7 octobre 2026 et non réclamée", "pas avant le 15 novembre 2026"),
    ):
        assert words in text


@pytest.mark.parametrize("kind", ["summons", "removal"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_not_known_is_left_out(kind, language):
    unknown = dict.fromkeys(STEPS)
    text = said(letter(kind, language, clause="", more=unknown, meeting=None, place="", owed=(), total=0))
    assert "None" not in text
    assert "La règle" not in text
    assert letter(kind, language) == letter(kind, language)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("delivered", "présentée le 7 octobre 2026, votre association"),
        ("refused", "présentée le 7 octobre 2026 et refusée"),
        ("unknown_address", "revenue pour adresse inconnue"),
    ],
)
def test_a_removal_letter_says_what_became_of_the_summons(outcome, words):
    invited = {"posted": "2026-10-05", "presented": "2026-10-07", "outcome": outcome}
    assert words in said(letter("removal", more=STEPS | {"invited": invited}))
