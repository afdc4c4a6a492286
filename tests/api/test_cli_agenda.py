"""The board's agenda at a terminal: seen, changed by hand; standing aside, absences, annulling."""

import pytest


@pytest.fixture
def desk(desk):
    """Three reminded associations on the list of 28 August 2025, published ten days before."""
    desk.at("2025-06-15")
    reminded = ("reminded", "2025-06-01", "2025")
    rows = [("A0021", "Un", *reminded), ("A0022", "Deux", *reminded), ("A0023", "Trois", *reminded)]
    desk.enter(*rows, more="state since owes")
    desk.at("2025-08-19").type("tick")
    return desk


def ballots(desk):
    """Status, and who stands aside, by association."""
    return {one["association"]: (one["status"], one.get("recused", [])) for one in desk.json("ballots")}


def test_the_agenda_is_shown_with_its_warnings(desk):
    said = desk.say("agenda", "--meeting", "2025-08")
    assert said[0] == "Meeting 2025-08: 2025-08-28 18:30"
    assert [line.split()[1:4] for line in said[2:5]] == [["suspend", f"A002{n}", "open"] for n in (1, 2, 3)]
    assert said[-1].startswith("Warning (suspend): [legal] suspension quotes no clause")
    assert [item["association"] for item in desk.json("agenda")["items"]] == ["A0021", "A0022", "A0023"]
    assert desk.say("agenda", "--meeting", "2025-10")[-1] == "Nothing is on it."


def test_it_is_changed_by_hand_with_a_reason(desk):
    said = desk.say("agenda", "remove", "suspend", "A0022", "--reason", "cheque received", "--by", "Dora")
    assert any("cheque received" in line for line in said)
    assert ballots(desk)["A0022"][0] == "withdrawn"
    assert desk.refused("agenda", "remove", "suspend", "A0022", "--reason", "again").endswith("is not open")
    desk.say("agenda", "add", "2025-08", "suspend", "A0022", "--reason", "the cheque bounced", "--by", "Dora")
    assert [one["association"] for one in desk.json("agenda")["items"]] == ["A0021", "A0023", "A0022"]
    sql = "SELECT actor, reason FROM journal_entry WHERE reason LIKE '%by hand%'"
    assert desk.rows(sql) == [("Dora", "suspend: on the agenda of 2025-08-28, put on by hand: the cheque bounced")]
    assert "reason" in desk.refused("agenda", "remove", "suspend", "A0021", "--reason", " ")


def test_a_seat_stands_aside_and_comes_back(desk):
    desk.say("recuse", "suspend", "A0021", "S2", "--reason", "its treasurer")
    assert ballots(desk)["A0021"] == ("open", ["S2"])
    assert desk.refused("vote", "suspend", "A0021", "S2=approve") == "Seat S2 has recused itself on this ballot"
    desk.say("recuse", "suspend", "A0021", "S2", "--undo")
    assert ballots(desk)["A0021"] == ("open", [])
    assert desk.refused("recuse", "suspend", "A0021", "S2") == "standing aside needs a reason"
    assert desk.refused("recuse", "suspend", "A0099", "S2", "--reason", "x").startswith("there is no A0099")


def test_an_absence_is_excused(desk):
    assert desk.say("absent", "2025-08", "S3", "--note", "away") == ["S3 will not be at the meeting of 2025-08"]
    assert "Excused: S3" in desk.say("agenda")
    assert desk.say("absent", "2025-08", "S3", "--undo") == ["S3 will be at the meeting of 2025-08"]
    assert desk.refused("absent", "2025-08", "S9") == "S9 is not a seat of this ballot"


def test_a_decision_is_annulled_by_two(desk):
    desk.at("2025-08-28T19:00")
    desk.say("record", "suspend", "*", "--present", "S1,S2,S3", "--unanimous", "approve")
    by_two = ("--by", "Ana", "--by", "Bilal")
    assert "two different people" in desk.refused("annul", "suspend", "A0021", "--reason", "x", "--by", "Ana")
    desk.say("annul", "suspend", "A0021", "--reason", "wrong list", *by_two)
    desk.at("2025-09-02").type("tick")
    assert (desk.state("A0021"), desk.state("A0022")) == ("reminded", "suspended")
