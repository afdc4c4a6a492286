"""Addresses as the post reads them."""

import pytest

from notifications.postal import has_address, postal_lines

MEMBER = {
    "name": "Œuvre « d'Été »",
    "kind": "association",
    "contact_name": "Anne Ohler",
    "address": "12, rue de l’Église",
    "postcode": "31520",
    "city": "Ramonville-Saint-Agne",
    "country": "FR",
}


def lines(language="fr", **changes):
    return postal_lines(MEMBER | changes, language)


def test_name_first_town_last_in_capitals():
    assert lines() == [
        "Œuvre « d'Été »",
        "à l’attention d’Anne Ohler",
        "12, rue de l’Église",
        "31520 RAMONVILLE-SAINT-AGNE",
    ]
    assert lines(contact_name="Joël Izard")[1] == "à l’attention de Joël Izard"
    assert lines("en")[1] == "attn. Anne Ohler"


@pytest.mark.parametrize(
    ("contact", "line"),
    [
        ("Hélène Œhler", "d’Hélène Œhler"),
        ("hubert Petit", "d’hubert Petit"),
        ("Yves Roc", "d’Yves Roc"),
        ("Ángel Ruiz", "d’Ángel Ruiz"),
        ("Ørjan Lie", "d’Ørjan Lie"),
        ("Œdipe Roi", "d’Œdipe Roi"),
        ("Yann Le Goff", "de Yann Le Goff"),
        ("Hassan Amrani", "de Hassan Amrani"),
        ("Hans Meyer", "de Hans Meyer"),
        ("M. Henri Roc", "de M. Henri Roc"),
        ("עמית לוי", "de עמית לוי"),
    ],
)
def test_de_is_elided_as_one_says_it(contact, line):
    assert lines(contact_name=contact)[1] == f"à l’attention {line}"


def test_a_person_is_not_written_to_twice():
    assert lines(kind="person", name="Anne Ohler", contact_name="Anne Ohler")[:2] == [
        "Anne Ohler",
        "12, rue de l’Église",
    ]


def test_lines_stay_and_one_long_line_is_broken_at_its_commas():
    assert lines(address="Résidence C\n128 bis rue")[2:4] == ["Résidence C", "128 bis rue"]
    long = "Résidence Les Marronniers, bâtiment C, entrée 4, 12, rue du Général-de-Gaulle"
    assert lines(address=long)[2:-1] == [
        "Résidence Les Marronniers, bâtiment C",
        "entrée 4, 12, rue du Général-de-Gaulle",
    ]


def test_another_country_is_named_in_french_capitals():
    assert lines(country="BE")[-1] == "BELGIQUE"
    assert lines(country="Atlantide")[-1] == "ATLANTIDE"
    assert lines(country="")[-1] == "31520 RAMONVILLE-SAINT-AGNE"


def test_what_is_missing_leaves_no_line():
    nothing = dict.fromkeys(("contact_name", "address", "postcode", "city", "country"), "")
    assert lines(**nothing) == ["Œuvre « d'Été »"]
    assert not has_address(MEMBER | nothing)
    assert has_address(MEMBER)
