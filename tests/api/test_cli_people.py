"""What members tell, typed at a terminal."""

import pytest


@pytest.fixture
def desk(desk):
    """A0021 is reminded for 2025."""
    desk.at("2025-06-15")
    desk.enter(("A0021", "Vingt-et-un", "reminded", "2025-06-01", "2025"), more="state since owes")
    return desk


def test_heard_from(desk):
    said = desk.say("contact", "A0021", "--on", "2025-06-10", "--channel", "telephone", "--note", "pays soon")
    assert said == [
        "2025-06-15 12:00  contact  stays reminded (telephone: pays soon)  A0021",
        "A0021 Vingt-et-un: reminded, owes 20.00",
    ]
    assert desk.rows("SELECT kind, on_day, channel, note, actor FROM contact") == [
        ("contact", "2025-06-10", "telephone", "pays soon", "treasurer")
    ]


def test_reached_otherwise(desk):
    desk.say("notice", "A0021", "--by", "Ana")
    assert desk.rows("SELECT kind, on_day, channel, actor FROM contact") == [("notice", "2025-06-15", "letter", "Ana")]


def test_a_stay(desk):
    desk.say("hold", "A0021", "--to", "2025-09-30", "--reason", "grant expected")
    desk.say("hold", "A0021", "--until", "2025-10-31")
    assert desk.rows("SELECT hold_until FROM association WHERE hold_until IS NOT NULL") == [("2025-10-31",)]


def test_a_departure(desk):
    desk.at("2025-08-01").type("tick")
    assert desk.say("leave", "A0021", "--reason", "dissolved")[-1] == "A0021 Vingt-et-un: left, owes 20.00"
    assert desk.refused("leave", "A0021") == "A0021 is already left"


def test_a_new_member(desk):
    words = ["--email", "bureau@nouvelle.example", "--treasurer-email", "tresor@nouvelle.example", "--dues", "30.00"]
    services = ["--service", "website:nouvelle.example", "--service", "list:infos@nouvelle.example"]
    said = desk.say("join", "A0050", "--name", "Nouvelle", *words, *services)
    assert said[-1] == "A0050 Nouvelle: called, owes 30.00"
    sql = "SELECT recipient, status, subject IS NOT NULL FROM outbox_message ORDER BY id"
    assert desk.rows(sql) == [("bureau@nouvelle.example", "pending", 1), ("tresor@nouvelle.example", "pending", 1)]
    assert desk.rows("SELECT count(*) FROM service WHERE identifier LIKE '%nouvelle%'") == [(2,)]


def test_a_person_joins(desk):
    assert desk.say("join", "P0001", "--name", "Élise", "--kind", "person", "--email", "e@e.example")[-1] == (
        "P0001 Élise: called, owes 10.00"
    )


def test_a_correction_takes_two_people(desk):
    desk.say("leave", "A0021")
    assert desk.refused("correct", "A0021", "--reason", "wrong one", "--by", "Ana") == (
        "this takes two different people and a reason"
    )
    said = desk.say("correct", "A0021", "--reason", "wrong one", "--by", "Ana", "--by", "Bilal")
    assert said[-1] == "A0021 Vingt-et-un: reminded, owes 20.00"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["contact", "A0099"], "There is no association A0099"),
        (["contact", "A0021", "--on", "2025-06-16"], "2025-06-16 is in the future"),
        (["notice", "A0021", "--on", "2025-06-16"], "2025-06-16 is in the future"),
        (["notice", "A0021", "--channel", ""], "--channel says nothing"),
        (["leave", "A0021", "--on", "2025-06-16"], "2025-06-16 is in the future"),
        (["hold", "A0021", "--to", "2025-06-14"], "a stay until 2025-06-14 is already over"),
        (["hold", "A0021", "--to", "2025-02-29"], "--to: 2025-02-29 is not a day of the calendar"),
        (["join", "A0021", "--name", "Twice"], "there is already a member A0021"),
        (["join", "A 21", "--name", "Blank"], None),
        (["join", "A0051", "--name", " "], "--name says nothing"),
        (["join", "A0051", "--name", "X", "--email", "nobody"], None),
        (["join", "A0051", "--name", "X", "--dues", "-3"], "--dues: '-3' is negative: an amount is such as 20.00"),
        (["join", "A0051", "--name", "X", "--service", "website"], None),
        (["correct", "A0001", "--reason", "x", "--by", "Ana", "--by", "Bilal"], None),
        (["correct", "A0021", "--reason", " ", "--by", "Ana", "--by", "Bilal"], None),
        (["correct", "A0021", "--reason", "x", "--by", "Ana", "--by", " Ana "], None),
    ],
)
def test_refused_in_one_line(desk, words, line):
    said = desk.refused(*words)
    assert line is None or said == line


@pytest.mark.parametrize(
    "words",
    [
        ["contact"],
        ["hold", "A0021"],
        ["join", "A0051"],
        ["join", "A0051", "--name", "X", "--kind", "club"],
        ["correct", "A0021"],
    ],
)
def test_wrong_usage(desk, words):
    desk.misused(*words)
