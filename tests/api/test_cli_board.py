"""The board at a terminal: ballots, votes, the secretary's record, closing, meetings."""

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


def test_the_agenda_is_published(desk):
    ballots = desk.json("ballots", "--status", "open")
    assert [(ballot["association"], ballot["trigger"], ballot["meeting"]) for ballot in ballots] == [
        ("A0021", "suspend", "2025-08"),
        ("A0022", "suspend", "2025-08"),
        ("A0023", "suspend", "2025-08"),
    ]
    first = ballots[0]
    assert first["seats"] == ["S1", "S2", "S3"]
    assert (first["took_part"], first["closes_at"]) == (0, "2025-08-28T22:00:00Z")
    assert not {"approve", "reject", "abstain", "outcome"} & first.keys()
    assert first["question"] == "Interrupt its services?"
    assert first["warnings"] == ["[legal] suspension quotes no clause", "[legal] remote_votes quotes no clause"]


def test_a_personal_vote_can_be_changed_and_shows_no_count(desk):
    assert desk.say("vote", "suspend", "A0021", "S1=approve", "S2=reject")[0] == "Recorded: 2 votes on 1 ballot"
    ballot = desk.json("ballots")[0]["id"]
    desk.say("vote", ballot, "--seat", "S1", "--choice", "abstain", "--comment", "not sure", "--by", "Ana")
    sql = "SELECT seat, choice, comment, channel, superseded_at IS NULL FROM vote ORDER BY id"
    assert desk.rows(sql) == [
        ("S1", "approve", "", "cli:treasurer", 0),
        ("S2", "reject", "", "cli:treasurer", 1),
        ("S1", "abstain", "not sure", "cli:Ana", 1),
    ]
    said = desk.say("ballots", "--meeting", "2025-08")
    assert "2 of 3 voted" in said[1]
    assert said[-1] == "Warning (suspend): [legal] suspension quotes no clause; [legal] remote_votes quotes no clause"


def test_the_whole_list_then_closed_in_the_room(desk):
    assert desk.say("vote", "suspend", "*", "S1=approve", "S2=approve", "S3=abstain")[0] == (
        "Recorded: 9 votes on 3 ballots"
    )
    assert desk.refused("close", "suspend") == "a ballot is closed during or after its meeting, not before"
    desk.at("2025-08-28T19:00")
    said = desk.say("close", "suspend", "A0021")
    assert said[0].endswith("suspend A0021: adopted; 2 for, 0 against, 1 abstained; 3 of 3 took part")
    assert "2025-08-28 19:00  suspend  ballot adopted  A0021" in said
    rest = [str(ballot["id"]) for ballot in desk.json("ballots", "--status", "open")]
    desk.say("close", *rest)
    closed = desk.json("ballots", "--status", "adopted")
    assert [(ballot["outcome"], ballot["approve"], ballot["took_part"]) for ballot in closed] == [("adopted", 2, 3)] * 3
    desk.at("2025-09-01").type("tick")
    assert [desk.state(number) for number in ("A0021", "A0022", "A0023")] == ["suspended"] * 3


def test_what_the_room_decided(desk):
    desk.at("2025-08-28T20:00")
    said = desk.say("record", "suspend", "A0021", "S1=reject", "--present", "S1,S2,S3", "--unanimous", "approve")
    assert "adopted; 2 for, 1 against, 0 abstained; 3 of 3 took part" in said[0]
    said = desk.say("record", "suspend", "*", "S1=reject", "S2=reject")
    assert len([line for line in said if "rejected; 0 for, 2 against" in line]) == 2


def test_a_record_says_how_many_votes_it_replaces(desk):
    desk.at("2025-08-28T20:00")
    desk.say("vote", "suspend", "*", "S1=approve", "S2=approve")
    said = desk.say("record", "suspend", "A0021", "A0022", "--present", "S2,S3", "--unanimous", "reject")
    assert said[0] == "Replaces 2 votes that seats had cast themselves; they are kept."


def test_a_record_after_the_meeting_tells_the_board_again(desk):
    desk.at("2025-08-29T08:00").type("tick")
    told = "SELECT count(*) FROM outbox_message WHERE kind = 'decisions' AND recipient = 'ana@ca.example'"
    assert desk.rows(told) == [(1,)]
    desk.at("2025-09-05").say("record", "suspend", "A0021", "--present", "S1,S2,S3", "--unanimous", "reject")
    assert desk.rows(told) == [(2,)]


def test_a_record_that_is_refused_records_nothing(desk):
    desk.at("2025-08-28T20:00").type("tick")
    assert desk.refused("record", "suspend", "*", "S1=approve", "S9=approve") == "S9 is not a seat of this ballot"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["vote", "suspend", "A0021", "S9=approve"], "S9 is not a seat of this ballot"),
        (["vote", "suspend", "*", "S1=approve", "S9=approve"], "S9 is not a seat of this ballot"),
        (["vote", "suspend", "A0021", "S1=perhaps"], "'perhaps' is none of approve, reject, abstain"),
        (["vote", "suspend", "A0021", "=approve"], "'=approve' names no seat; write S1=approve"),
        (["vote", "suspend", "A0021", "S1=approve", "S1=reject"], "seat S1 is named twice"),
        (["vote", "suspend", "A0001", "S1=approve"], "Ballot suspend/A0001 is not open"),
        (["vote", "suspend", "A0099", "S1=approve"], "There is no association A0099"),
        (["vote", "remove", "*", "S1=approve"], "Ballot remove/* is not open"),
        (["vote", "99", "S1=approve"], "Ballot 99 is not open"),
        (["record", "suspend", "A0021", "S1=approve"], None),
        (["close", "99"], "no ballot 99 of this year or the last"),
        (["ballots", "--meeting", "August"], "--meeting: 'August' is not a month such as 2025-08"),
    ],
)
def test_refused_in_one_line(desk, words, line):
    said = desk.refused(*words)
    assert line is None or said == line


def test_an_unknown_question_names_those_there_are(desk):
    assert desk.refused("vote", "strike", "A0021", "S1=approve").startswith("there is no question 'strike'; the board")


@pytest.mark.parametrize(
    "words",
    [
        ["vote"],
        ["vote", "suspend", "S1=approve"],
        ["vote", "suspend", "A0021"],
        ["vote", "suspend", "A0021", "--seat", "S1"],
        ["vote", "suspend", "A0021", "--seat", "S1", "--choice", "maybe"],
        ["record", "suspend", "A0021", "--unanimous", "approve"],
        ["record", "suspend", "A0021"],
        ["close", "suspend", "A0021", "S1=approve"],
        ["ballots", "--status", "lost"],
    ],
)
def test_wrong_usage(desk, words):
    desk.misused(*words)


def test_meetings_are_listed_moved_and_confirmed(desk):
    august = next(meeting for meeting in desk.json("meeting") if meeting["month"] == "2025-08")
    assert (august["held_at"], august["items"], august["confirmed"]) == ("2025-08-28T16:30:00Z", 3, False)
    said = desk.say("meeting", "move", "2025-08", "--held", "2025-08-29T19:00")
    assert said == ["Meeting 2025-08: held on 2025-08-29 19:00; its agenda is published"]
    said = desk.say("meeting", "move", "2025-08", "--held", "2025-08-27")
    assert said == ["Meeting 2025-08: held on 2025-08-27 19:00; its agenda is published"]
    desk.say("meeting", "confirm", "2025-08")
    assert any(line.startswith("2025-08") and "  confirmed" in line for line in desk.say("meeting"))


def place_of(desk, month):
    return next(meeting["place"] for meeting in desk.json("meeting") if meeting["month"] == month)


def test_a_meetings_place_is_named_with_its_date(desk):
    said = desk.say("meeting", "confirm", "2025-08", "--place", " Mairie, salle 2 ")
    assert said == ["Meeting 2025-08: held on 2025-08-28 18:30, Mairie, salle 2; its agenda is published"]
    desk.say("meeting", "move", "2025-08", "--held", "2025-08-29")
    assert place_of(desk, "2025-08") == "Mairie, salle 2"
    said = desk.say("meeting", "move", "2025-08", "--held", "2025-08-27", "--place", "Au local")
    assert said == ["Meeting 2025-08: held on 2025-08-27 18:30, Au local; its agenda is published"]
    assert place_of(desk, "2025-08") == "Au local"


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("Mairie\nSalle 2", "--place contains a line break: one line is expected"),
        ("x" * 501, "--place is too long: 500 characters at most"),
    ],
)
def test_a_place_that_is_no_line_is_refused(desk, place, line):
    assert desk.refused("meeting", "confirm", "2025-08", "--place", place) == line
    assert desk.refused("meeting", "move", "2025-08", "--held", "2025-08-27", "--place", place) == line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["2025-08", "--held", "2025-08-18"], "a meeting cannot be moved into the past"),
        (["2025-08", "--held", "2025-09-25"], "a meeting cannot be moved onto or beyond the one of 2025-09"),
        (["2025-07", "--held", "2025-07-25"], "the board has no meeting in 2025-07"),
        (["August", "--held", "2025-08-25"], "MONTH: 'August' is not a month such as 2025-08"),
        (["2025-08", "--held", "2025-08-32"], "--held: 2025-08-32 is not a day of the calendar"),
        (["2025-08", "--held", "2025-08-28T25:00"], None),
    ],
)
def test_moves_that_are_refused(desk, words, line):
    said = desk.refused("meeting", "move", *words)
    assert line is None or said == line
