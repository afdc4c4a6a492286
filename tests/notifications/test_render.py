"""Every text in both languages, its typography, and what a template may not do."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError, UndefinedError
from jinja2.exceptions import SecurityError

from engine.board_models import BoardMail
from engine.errors import BadDefinition
from notifications import Letterhead, Renderer, check_templates, fr_typo, wording
from notifications import render as texts
from notifications.own_words import FOLDER

KINDS = (
    *(
        "call_for_dues",
        "renewal_campaign",
        "reminder",
        "last_call",
        "suspension",
        "summons",
        "removal",
        "spared",
        "test_mail",
    ),
    *("receipt", "payment_reversed", "restored", "farewell", *BoardMail),
    *("not_running", "meeting_unconfirmed"),
    *("application_received", "admitted", "not_admitted"),
)
CUTS = ("suspension", "summons", "removal", "farewell", "spared")
PIC = Letterhead(
    name="Le PIC, Projet Internet et Citoyenneté",
    short_name="Le PIC",
    address="1 place de la Mairie\nBâtiment « B »",
    postcode="31520",
    city="Ramonville-Saint-Agne",
    email="tresorerie@lepic.example",
    website="https://lepic.example/?a=1;b=2",
    iban="FR76 30006000011234567890189",
    bic="AGRIFRPP",
    account_holder="Le PIC",
)
BARE = Letterhead(name="Les Hébergeurs associés", due_on="")
ITEM = {
    "number": "A0042",
    "name": "Œuvre « d'Été »",
    "trigger": "suspend",
    "question": "Interrupt its services?",
    "status": "adopted",
    "decision": "2025-08/1",
    "approve": 5,
    "reject": 1,
    "abstain": 1,
    "annulled": False,
}
VALUES = {
    "number": "A0042",
    "name": "Œuvre « d'Été »",
    "person": False,
    "moved": False,
    "contact_name": "Anne Œhler",
    "state": "suspended",
    "year": 2026,
    "owed": [[2025, 2000], [2026, 1550]],
    "owed_years": [2025, 2026],
    "total": 3550,
    "concerned": [2025, 2026],
    "day": "2026-09-01",
    "written": "2026-09-01",
    "reference": "2025 2026 A0042",
    "meeting": "2025-08-28T16:30:00+00:00",
    "meeting_id": 8,
    "items": 12,
    "place": "Maison des associations",
    "pay_by": "2027-01-31",
    "resign_before": "2027-01-20",
    "event": None,
    "until": None,
    "link": None,
    "since": "2025-06-01T07:00:00+00:00",
    "fault": "disk-full",
    "conditions": "adhérer à la charte « avant l'été »",
    "wanted": [["website", "velo.example"], ["list", "infos@velo.example"], ["cloud", "velo"]],
    "payment": {
        "amount": 2550,
        "paid_on": "2026-03-01",
        "years": [[2024, 2000]],
        "credit": 550,
        "reference": "VIR 12",
        "reversed_on": None,
        "reason": None,
    },
    "decisions": [ITEM | {"trigger": trigger} for trigger in ("suspend", "propose_removal", "remove", "correct")],
    "listed": [ITEM, ITEM | {"trigger": "admit"}, ITEM | {"trigger": "another"}],
    "unlisted": 3,
    "subjects": [{"number": "A0042", "name": "Œuvre « d'Été »"}, {"number": "A0043", "name": "Les Amis"}],
    "votes": [ITEM | {"choice": choice} for choice in ("approve", "reject", "abstain")],
    "seat": "S1",
    "trigger": "suspend",
    "added": True,
    "reason": "oubliée : relancée par téléphone",
}
LITTLE = dict.fromkeys(VALUES) | {
    "number": "P0001",
    "name": "Hugo N’Diaye",
    "person": True,
    "contact_name": "",
    "state": "called",
    "year": 2026,
    "owed": [[2026, 1000]],
    "owed_years": [2026],
    "total": 1000,
    "concerned": [],
    "decisions": [],
    "listed": [],
    "votes": [],
    "wanted": [],
    "seat": "S1",
    "trigger": "another",
    "subjects": [{"number": "A0042", "name": "Vélo"}],
    "reason": "erreur",
    "written": "2026-06-01",
    "reference": "2026 P0001",
    "resign_before": "2026-07-02",
    "meeting": "2025-08-28T16:30:00+00:00",
    "items": 1,
    "since": "2025-06-01T07:00:00+00:00",
    "payment": VALUES["payment"],
}


@pytest.fixture(scope="module")
def pic():
    return Renderer(PIC)


@pytest.mark.parametrize("letterhead", [PIC, BARE], ids=["full letterhead", "bare letterhead"])
@pytest.mark.parametrize("values", [VALUES, LITTLE], ids=["much told", "little told"])
@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_whole(kind, language, values, letterhead):
    subject, body, _ = Renderer(letterhead).render(kind, language, values)
    assert subject.startswith(f"[{letterhead.short_name or letterhead.name}] ")
    for leak in ("None", "{{", "{%", "[]", "\n\n\n", "( )", "()", "  :", "Subject:"):
        assert leak not in subject + body
    assert not [line for line in body.split("\n") if line != line.rstrip() and line != "-- "]
    assert body.endswith("\n")
    if language == "fr":
        assert not re.search(r" [;!?»€:](?=\s|$)|« ", body)


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("kind", CUTS)
def test_every_cut_off_says_how_to_retrieve_the_data(pic, kind, language):
    body = pic.render(kind, language, VALUES).body
    assert {"fr": "Pour les récupérer", "en": "To retrieve them"}[language] in body
    assert "tresorerie@lepic.example" in body


def test_a_call_says_who_owes_what_and_how_to_pay(pic):
    subject, body, _ = pic.render("call_for_dues", "fr", VALUES)
    assert subject == "[Le PIC] Appel à cotisation 2026 – A0042"
    for said in (
        "Association\u00a0: Œuvre «\u00a0d'Été\u00a0» (A0042)",
        "  Cotisation 2026\u00a0: 15,50\u00a0€\n",
        "  Total\u00a0: 35,50\u00a0€\n",
        "  Titulaire du compte\u00a0: Le PIC\n",
        "  IBAN\u00a0: FR76 3000 6000 0112 3456 7890 189\n",
        "  BIC\u00a0: AGRIFRPP\n",
        "  Référence à rappeler\u00a0: 2025 2026 A0042\n",
        "au plus tard le 31 janvier 2027",
        "avant le 20 janvier 2027",
        "à cause de ce qui reste dû pour 2025 et 2026",
    ):
        assert said in body
    assert "Bâtiment «\u00a0B\u00a0»\n31520 Ramonville-Saint-Agne\n" in body


def test_without_bank_details_the_lines_are_left_out():
    body = Renderer(BARE).render("reminder", "fr", VALUES).body
    assert "IBAN" not in body
    assert "BIC" not in body
    assert "virement" not in body
    assert "2025 2026 A0042" in body
    assert body.endswith("\n-- \nLes Hébergeurs associés\n")


def test_a_reminder_adds_no_costs_and_says_what_comes_next(pic):
    association = pic.render("reminder", "en", VALUES)
    assert association.subject == "[Le PIC] Reminder: dues 2025 and 2026 – A0042"
    assert "No reminder costs are added" in association.body
    assert "end of August" in association.body
    person = pic.render("reminder", "en", LITTLE).body
    assert "would end on 30 November 2026" in person
    assert "board" not in person


CUT = {"state": "suspended"}
LATE = {"written": "2026-02-03"}


@pytest.mark.parametrize(
    ("changes", "january", "june"),
    [({}, True, True), (LATE, False, True), ({"state": "reminded"}, False, True), (CUT, False, False)],
    ids=["on 1 December", "called late", "reminded already", "cut off"],
)
def test_a_call_announces_only_what_will_come(pic, changes, january, june):
    called = VALUES | {"event": "call", "state": "called", "written": "2025-12-01"} | changes
    for language, first, second in (("fr", "en janvier", "début juin"), ("en", "in January", "early in June")):
        body = pic.render("call_for_dues", language, called).body
        assert (first in body, second in body) == (january, june)
        assert {"fr": "Aucun frais ne s’ajoute à ce qui est dû.", "en": "No costs are added to what"}[language] in body


def test_one_is_not_written_of_as_several_nor_several_as_one(pic):
    assert "cotisations 2025 et 2026 –" in pic.render("reminder", "fr", VALUES).subject
    assert "cotisation 2026 –" in pic.render("reminder", "fr", LITTLE).subject
    assert "… et 3 autres, dans" in pic.render("agenda", "fr", VALUES).body
    assert "… et une autre, dans" in pic.render("agenda", "fr", VALUES | {"unlisted": 1}).body
    assert "de leurs nouvelles" in pic.render("any_news", "fr", VALUES).body
    assert "de ses nouvelles" in pic.render("any_news", "fr", LITTLE).body


@pytest.mark.parametrize("state", ["removed", "left"])
def test_a_payment_does_not_suffice_once_the_membership_has_ended(pic, state):
    for language, said in (("fr", "Un nouveau règlement suffit"), ("en", "Another payment is all it takes")):
        assert said in pic.render("payment_reversed", language, VALUES).body
        assert said not in pic.render("payment_reversed", language, VALUES | {"state": state}).body


@pytest.mark.parametrize("kind", ["agenda", "agenda_changed", "decisions", "vote_receipt"])
def test_whoever_did_not_come_to_its_hearing_is_not_said_to_have_been_heard(pic, kind):
    removal = [ITEM | {"trigger": "remove", "choice": "approve"}]
    asked = VALUES | {"trigger": "remove", "listed": removal, "decisions": removal, "votes": removal}
    for language, said in (("fr", "la radier, entendue ou dûment appelée"), ("en", "having heard or duly summoned it")):
        assert said in pic.render(kind, language, asked).body


@pytest.mark.parametrize("kind", ["farewell", "payment_reversed"])
def test_whoever_owes_nothing_is_offered_no_more_time(pic, kind):
    for language, said in (("fr", "erreur de notre part, besoin d’un délai"), ("en", "do you need more time")):
        assert said in pic.render(kind, language, VALUES).body
        assert said not in pic.render(kind, language, VALUES | {"owed": [], "total": 0}).body


def test_a_condition_stays_a_sentence_whatever_it_holds(pic):
    condition = {"conditions": "Sous réserve : statuts signés"}
    assert "\n  – Sous réserve\u00a0: statuts signés\n" in pic.render("admitted", "fr", VALUES | condition).body


def test_a_last_call_is_for_the_list_or_for_another_hearing(pic):
    listed = pic.render("last_call", "fr", VALUES | {"state": "reminded"}).body
    assert "à sa réunion du jeudi 28 août 2025 à 18\u00a0h\u00a030." in listed
    assert "interrompre vos services" in listed
    again = pic.render("last_call", "fr", VALUES | {"state": "proposed_for_removal"})
    assert again.subject == "[Le PIC] Votre audition : nouvelle réunion – A0042"
    assert "être assistés par une personne de votre choix" in again.body
    assert "interrompre vos services" not in again.body


@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [
        (
            "fr",
            "Votre audition : la réunion est déplacée – A0042",
            "Elle se tiendra le jeudi 28 août 2025 à 18\u00a0h\u00a030",
        ),
        ("en", "Your hearing: the meeting is moved – A0042", "It will be held on Thursday 28 August 2025 at 18:30"),
    ],
)
def test_whoever_was_invited_to_a_hearing_reads_its_new_hour(pic, language, subject, said):
    moved = pic.render("last_call", language, VALUES | {"state": "proposed_for_removal", "moved": True})
    assert subject in moved.subject
    assert said in moved.body


def test_a_summons_names_the_meeting_and_the_rights(pic):
    body = pic.render("summons", "en", VALUES).body
    for said in (
        "Dues 2025: €20.00",
        "the board meeting on Thursday 28 August 2025 at 18:30.",
        "Place: Maison des associations",
        "assisted by a person of your choice",
        "written observations",
        "at a later meeting, which will be announced to you by email",
    ):
        assert said in body


@pytest.mark.parametrize(("day", "next_list"), [("2026-09-01", "2027"), ("2026-09-30", "2027"), ("2026-10-02", "2028")])
def test_a_cut_off_says_when_the_procedure_could_open(pic, day, next_list):
    assert f"fin septembre {next_list}." in pic.render("suspension", "fr", VALUES | {"day": day}).body


@pytest.mark.parametrize(("day", "said"), [("2026-10-29", True), ("2026-11-26", False), ("2026-01-28", False)])
def test_a_removal_names_15_november_only_while_it_is_to_come(pic, day, said):
    body = pic.render("removal", "fr", VALUES | {"day": day}).body
    assert ("pas avant le 15 novembre 2026" in body) is said
    assert "au plus tôt dix jours" in body


def test_a_receipt_says_where_the_money_went(pic):
    body = pic.render("receipt", "fr", VALUES).body
    assert "  Cotisation 2024\u00a0: 20,00\u00a0€\n  En avoir\u00a0: 5,50\u00a0€\n" in body
    assert "  Votre référence\u00a0: VIR 12\n" in body
    gone = pic.render("receipt", "en", VALUES | {"state": "removed", "owed": []}).body
    assert "this payment alone does not restore it" in gone


def test_a_credit_beside_what_is_still_owed_is_not_more_than_what_was_owed(pic):
    for language, said in (("fr", "dépasse ce qui était dû"), ("en", "more than what was owed")):
        assert said in pic.render("receipt", language, VALUES | {"owed": [], "total": 0}).body
        assert said not in pic.render("receipt", language, VALUES).body


def test_a_lapse_is_no_departure(pic):
    assert "Fin de votre adhésion" in pic.render("farewell", "fr", LITTLE | {"event": "lapse"}).subject
    assert "Votre départ est enregistré" in pic.render("farewell", "fr", LITTLE).subject


def test_no_value_can_add_a_line_or_a_header(pic):
    name = "A\r\nBcc: x@evil.example\u2028B\x85C\x00\u202eD\ud800"
    subject, body, _ = pic.render("call_for_dues", "en", VALUES | {"name": name, "number": name})
    assert subject == "[Le PIC] Call for dues 2026 – A Bcc: x@evil.example B C D"
    assert "Association: A Bcc: x@evil.example B C D  (A Bcc" in body
    (subject + body).encode()


def test_a_long_subject_is_cut(pic):
    subject = pic.render("call_for_dues", "fr", VALUES | {"number": "x" * 500}).subject
    assert len(subject) == texts.LONGEST_SUBJECT
    assert subject.endswith("x…")


def test_a_language_without_texts_gets_the_organisations(pic):
    assert "Bonjour" in pic.render("reminder", "oc", VALUES).body


def test_what_a_template_names_must_be_there(pic):
    with pytest.raises(UndefinedError, match="owed"):
        pic.render("reminder", "fr", {key: value for key, value in VALUES.items() if key != "owed"})
    with pytest.raises(TemplateError):
        pic.render("unheard_of", "fr", VALUES)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 999999999 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'x'.ljust(999999999) }}",
        "{{ ''.__class__ }}",
        "{{ org.clear() }}",
        "{{ range(9) }}",
        "{{ 'x'|center(999999999) }}",
        "{% include '../fr/reminder.txt' %}",
    ],
)
def test_a_template_reads_values_and_nothing_else(pic, template):
    sandbox = pic._sandboxes["fr"]
    with pytest.raises(TemplateError):
        sandbox.fill_in(sandbox.from_string(template), VALUES | {"org": {}})


def test_a_text_out_of_all_proportion_is_refused(pic):
    with pytest.raises(SecurityError, match="longer than"):
        pic.render("decisions", "fr", VALUES | {"decisions": [ITEM | {"name": "x" * 200_000}]})


def test_every_kind_has_its_templates():
    check_templates(KINDS)
    there = {path.stem for path in Path(FOLDER / "fr").glob("[!_]*.txt")}
    assert there == set(KINDS)


@pytest.mark.parametrize("kind", ["unheard_of", "../en/reminder", "_head"])
def test_a_kind_without_a_template_is_refused(kind):
    with pytest.raises(BadDefinition):
        check_templates(["reminder", kind])


@pytest.mark.parametrize(
    ("plain", "typeset"),
    [
        ("Merci ! Vraiment ? Oui ; voilà : tout", "Merci\u202f! Vraiment\u202f? Oui\u202f; voilà\u00a0: tout"),
        ("« d'Été » (« x ? »)", "«\u00a0d'Été\u00a0» («\u00a0x\u202f?\u00a0»)"),
        ("Quoi ?!", "Quoi\u202f?!"),
        ("20,00 € et 10 %", "20,00\u00a0€ et 10\u00a0%"),
        ("à 18 h 30, à 9 h.", "à 18\u00a0h\u00a030, à 9\u00a0h."),
        ("https://a.example/?b=1;c=2 à 18:30, a:b@c.example", "https://a.example/?b=1;c=2 à 18:30, a:b@c.example"),
        ("A0042 ?b :c  : d", "A0042 ?b :c  : d"),
        ("Wiki: non!", "Wiki: non!"),
    ],
)
def test_french_spaces(plain, typeset):
    assert fr_typo(plain) == typeset


@given(st.text(alphabet=" ;:!?«»€%h0a\n\u00a0\u202f)"))
def test_french_typography_only_changes_spaces_and_once(text):
    typeset = fr_typo(text)
    assert fr_typo(typeset) == typeset
    assert re.sub("[\u00a0\u202f]", " ", typeset) == re.sub("[\u00a0\u202f]", " ", text)


def test_amounts_days_and_hours_as_they_are_written():
    assert wording.money(2000, "fr", "EUR") == "20,00\u00a0€"
    assert wording.money(123456, "fr", "EUR") == "1\u202f234,56\u00a0€"
    assert wording.money(2000, "en", "EUR") == "€20.00"
    assert wording.day("2025-08-28", "fr") == "28 août 2025"
    assert wording.day("2025-12-01", "fr") == "1er décembre 2025"
    assert wording.day("2025-12-01", "en") == "1 December 2025"
    assert wording.moment("2025-08-28T16:30:00+00:00", "fr", "Europe/Paris") == "jeudi 28 août 2025 à 18\u00a0h\u00a030"
    assert wording.moment("2025-12-01T08:00:00Z", "fr", "Europe/Paris") == "lundi 1er décembre 2025 à 9\u00a0h"
    assert wording.moment("2025-08-28T22:00:00Z", "fr", "Europe/Paris") == "jeudi 28 août 2025 à minuit"
    assert wording.moment("2025-08-28T22:00:00Z", "en", "Europe/Paris") == "Thursday 28 August 2025 at midnight"
    assert wording.moment("2025-08-28T22:30:00+00:00", "en", "Europe/Paris") == "Friday 29 August 2025 at 00:30"
    assert [wording.years(some, "fr") for some in ([], [2024], [2024, 2025], [2023, 2024, 2025])] == [
        *("", "2024", "2024 et 2025", "2023, 2024 et 2025")
    ]


def test_an_hour_without_its_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        wording.moment("2025-08-28T16:30:00", "fr", "Europe/Paris")
