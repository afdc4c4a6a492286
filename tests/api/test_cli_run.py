"""Ticks, the outbox and pauses, typed at a terminal."""

import pytest


@pytest.fixture
def desk(desk):
    """A0021 was called for 2025."""
    desk.enter(("A0021", "Vingt-et-un", "called", "2024-12-01", "2025"), more="state since owes")
    return desk


def test_a_tick_tells_what_happened(desk):
    desk.at("2025-01-15").type("tick")
    desk.at("2025-06-02")
    assert desk.say("tick", "--now", "2025-06-02") == [
        "2025-06-01 09:00  remind  no: is paid  3: A0001, A0002, A0003",
        "2025-06-01 09:00  remind  called → reminded  A0021  mail: reminder",
        "1 mail written into the outbox",
    ]
    assert desk.say("tick") == ["Nothing was due."]


def test_a_tick_as_if_it_were_then(desk):
    told = desk.json("tick", "--now", "2025-01-15T09:00")
    assert (told["now"], told["mails"]) == ("2025-01-15T08:00:00Z", 1)
    assert told["happened"][-1] == {
        "effective_at": "2025-01-15T08:00:00Z",
        "trigger": "campaign",
        "cause": "calendar",
        "from": "called",
        "to": "called",
        "acted": True,
        "reason": "",
        "mails": ["renewal_campaign"],
        "number": 1,
        "associations": ["A0021"],
    }
    assert desk.json("tick", "--now", "2025-06-01T07:00:00Z")["happened"][-1]["to"] == "reminded"
    assert desk.json("tick", "--now", "2025-06-02")["now"] == "2025-06-02T10:00:00Z"


def test_a_clock_that_goes_back_does_nothing_twice(desk):
    desk.type("tick", "--now", "2025-06-02")
    assert desk.say("tick", "--now", "2025-01-16") == ["Nothing was due."]


def test_nothing_runs_ahead_of_time_where_mail_leaves(desk):
    desk.rows("UPDATE switch SET value = 'live'")
    assert desk.refused("tick", "--now", "2025-06-02").startswith("--now is in the future")
    desk.type("tick", "--now", "2024-12-01")
    desk.type("tick")


def test_what_waits_for_a_person_is_told(desk):
    desk.at("2025-05-01")
    rows = [(f"A01{number:02}", f"N° {number}", "called", "2024-12-01", "2025") for number in range(12)]
    desk.enter(*rows, more="state since owes")
    said = desk.at("2025-06-02").say("tick")
    assert any(line.endswith("  brake  remind 2025 would touch 13") for line in said)


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ("2025-02-29", "--now: 2025-02-29 is not a day of the calendar"),
        ("tomorrow", "--now: 'tomorrow' is not a date or time such as 2025-08-28T18:30"),
        ("9999-12-31", "--now: 9999-12-31 is too far away"),
        ("9999-12-31T23:00:00Z", "--now: 9999-12-31T23:00:00Z is too far away"),
        ("2025-06-01T25:00", "--now: '2025-06-01T25:00' is not a date or time such as 2025-08-28T18:30"),
    ],
)
def test_an_instant_that_is_none(desk, now, line):
    assert desk.refused("tick", "--now", now) == line


def test_the_outbox_can_be_read(desk):
    desk.at("2025-01-15").type("tick", "--now", "2025-01-15")
    desk.at("2025-06-02").type("tick", "--now", "2025-06-02")
    messages = desk.json("outbox", "--status", "pending")
    assert [(message["kind"], message["association"], message["to"]) for message in messages] == [
        ("renewal_campaign", "A0021", "contact@a0021.example"),
        ("reminder", "A0021", "contact@a0021.example"),
    ]
    assert messages[1]["due_at"] == "2025-06-02T10:00:00Z"
    assert desk.json("outbox", "--status", "sent") == []
    text = desk.say("outbox", "show", messages[1]["id"])
    assert text[0] == "To: contact@a0021.example"
    assert text[1].startswith("Subject: ")
    assert any("Vingt-et-un" in line for line in text)
    assert desk.refused("outbox", "show", "99") == "there is no message 99"
    desk.misused("outbox", "--status", "lost")


def test_the_files_of_a_message_are_named_and_put_into_a_folder(desk):
    desk.at("2025-12-02").type("tick", "--now", "2025-12-02")
    call = next(message["id"] for message in desk.json("outbox") if message["kind"] == "call_for_dues")
    name = "appel-2026-A0001.pdf"
    assert desk.say("outbox", "show", call)[2] == f"Attached: {name}"
    said = desk.type("outbox", "show", str(call), "--files", ".")
    assert said.stderr == f"Written: {name}\n"
    assert (desk.folder / name).read_bytes().startswith(b"%PDF")
    assert desk.refused("outbox", "show", str(call), "--files", ".") == f"{name}: File exists"


def test_a_mail_without_an_address_is_listed_as_failed(desk):
    desk.type("join", "A0050", "--name", "Sans adresse")
    assert [message["error"] for message in desk.json("outbox", "--status", "failed")] == ["no address"]
    assert desk.refused("outbox", "show", "1") == "message 1 has no words"


def test_a_pause(desk):
    desk.at("2025-05-20")
    assert desk.say("pause") == ["No pause."]
    said = desk.say("pause", "--until", "2025-06-10", "--reason", "checking the register", "--by", "Ana")
    assert said == ["Paused until 2025-06-10, that day included"]
    desk.at("2025-06-02").type("tick")
    assert desk.state("A0021") == "called"
    assert desk.say("pause", "--end")[0].startswith("The pause is over")
    assert desk.say("pause", "--end") == ["No pause is on."]
    assert [(task["kind"], task["about"]) for task in desk.json("tasks")][-1] == ("brake", "remind 2025")
    pauses = desk.json("pause")
    assert [(pause["until"], pause["reason"], pause["actor"]) for pause in pauses] == [
        ("2025-06-10", "checking the register", "Ana")
    ]


def test_a_pause_that_is_refused(desk):
    desk.at("2025-05-20").type("tick")
    assert desk.refused("pause", "--until", "2025-05-19", "--reason", "late") == "2025-05-19 is past"
    assert desk.refused("pause", "--until", "2025-06-31", "--reason", "x") == (
        "--until: 2025-06-31 is not a day of the calendar"
    )
    assert desk.refused("pause", "--until", "2025-06-30", "--reason", "") == "--reason says nothing"
    desk.misused("pause", "--until", "2025-06-30")
    desk.misused("pause", "--end", "--reason", "x")
