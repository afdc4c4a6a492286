"""`relance status`, `next` and `show`: who is where, what comes next, and why."""

import pytest


def test_status_counts_who_is_where(called):
    called.type("tick")
    result = called.json("status")
    assert result["states"] == {
        "paid": 0,
        "called": 3,
        "reminded": 0,
        "suspended": 0,
        "proposed_for_removal": 0,
        "removed": 0,
        "left": 0,
    }
    assert result["mail_mode"] == "capture"
    assert result["last_tick"] == "2024-12-02T11:00:00Z"
    assert result["version"]
    assert result["tasks"] == 0


def test_status_tells_the_same_to_people(called):
    lines = called.say("status")
    assert "    3  paid                  à jour" in lines
    assert "    ·  reminded              relance envoyée" in lines
    assert "Open tasks: 0" in lines
    assert "Mail: is kept for reading (capture)" in lines


def test_status_says_when_a_pause_runs(called):
    called.say("pause", "--until", "2024-12-20", "--reason", "flood")
    assert called.json("status")["paused_until"] == "2024-12-20"
    assert "! paused: nothing escalates until 2024-12-20, that day included" in called.say("status")
    assert called.at("2024-12-21").json("status")["paused_until"] is None


def test_reminders_that_nothing_proves_are_warned_of(called):
    called.type("tick")
    called.at("2025-06-02").type("tick")
    called.say("notice", "A0001")
    assert called.json("status")["unproven_reminders"] == 2
    warned = "! this year's reminder has not reached 2 associations: mail is kept"
    for command in ("status", "next"):
        assert any(line.startswith(warned) for line in called.say(command))
    assert "reminder has not reached 2 associations" in called.type("doctor").stdout


def test_a_database_without_members_has_nothing_to_run(bare):
    bare.type("init")
    said = "2024-12-02 12:00; no member yet: relance import associations FILE"
    assert f"Set up on {said}" in bare.say("status")
    assert "set up on 2024-12-02, no member yet: relance import associations FILE" in bare.type("doctor").stdout


def test_mail_leaves_only_if_both_switches_say_so(called, monkeypatch):
    monkeypatch.setenv("RELANCE_MAIL__MODE", "live")
    assert called.json("status")["mail_mode"] == "capture"
    called.damage("UPDATE switch SET value = 'live' WHERE name = 'mail_mode'")
    assert called.json("status")["mail_mode"] == "live"
    monkeypatch.delenv("RELANCE_MAIL__MODE")
    assert called.json("status")["mail_mode"] == "capture"


def test_status_says_how_old_the_last_run_is(called):
    called.type("tick")
    assert "Last run: 2024-12-02 12:00, 5 days ago" in called.at("2024-12-07").say("status")


def test_next_lists_what_comes_within_a_year(called):
    called.type("tick")
    found = called.json("next")
    assert {"event", "year", "at", "until", "status", "touches", "names"} <= set(found[0])
    campaign = next(coming for coming in found if coming["event"] == "campaign")
    assert campaign == {
        "event": "campaign",
        "year": 2025,
        "at": "2025-01-15T08:00:00Z",
        "until": "2025-03-31T22:00:00Z",
        "status": "due",
        "touches": 3,
        "names": ["A0001", "A0002", "A0003"],
        "prevents": [],
        "what": "",
    }
    assert [coming["at"] for coming in found] == sorted(coming["at"] for coming in found)
    assert {"call", "campaign", "remind", "suspend", "summon", "lapse", "agenda", "meeting"} == {
        coming["event"] for coming in found
    }


def test_next_names_whom_it_touches_when_asked(called):
    called.type("tick")
    assert "    A0001, A0002, A0003" not in called.say("next")
    lines = called.say("next", "--names")
    place = lines.index("2025-01-15 09:00  campaign 2025   touches 3     until 2025-03-31")
    assert lines[place + 1] == "    A0001, A0002, A0003"


def test_next_changes_nothing(called):
    before = called.dump()
    called.say("next")
    assert called.dump() == before


def test_next_tells_a_deletion_that_waits_for_an_admin(called):
    called.type("tick")
    called.at("2025-03-03").type("leave", "A0001")
    soon = [coming for coming in called.json("next") if coming["event"] == "deletion"]
    assert [(coming["status"], coming["at"], coming["names"]) for coming in soon] == [
        ("due", "2025-03-13T08:00:00Z", ["A0001"])
    ]
    called.at("2025-03-14").type("tick")
    late = [coming for coming in called.json("next") if coming["event"] == "deletion"]
    assert [(coming["status"], coming["prevents"]) for coming in late] == [("waiting", ["an admin has to confirm it"])]


def test_show_is_the_association_and_its_journal(called):
    called.type("tick")
    result = called.json("show", "A0001")
    wanted = {
        "number": "A0001",
        "name": "Vélo Lauragais",
        "kind": "association",
        "state": "called",
        "since": "2024-12-01T08:00:00Z",
        "owed": "20.00",
        "hold_until": None,
        "unreachable": False,
    }
    assert {name: result[name] for name in wanted} == wanted
    assert [(entry["trigger"], entry["from"], entry["to"]) for entry in result["journal"]][::2] == [
        ("import", None, "paid"),
        ("call", "paid", "called"),
    ]
    assert result["dues"] == [
        {"year": 2025, "amount": "20.00", "settled": "0.00", "unpaid": "20.00", "called_at": "2024-12-02T11:00:00Z"}
    ]


def test_show_says_why(called):
    called.type("tick")
    assert called.json("show", "A0001")["why"] == "called since 2024-12-01: dues were called; owes 2025 (20.00)"
    called.at("2024-12-05").type("pay", "A0001")
    assert called.json("show", "A0001")["why"] == "paid since 2024-12-05: it paid; owes nothing"
    called.type("waive", "A0002", "--year", "2025", "--reason", "fire")
    assert called.json("show", "A0002")["why"] == "paid since 2024-12-05: what it owed was waived; fire; owes nothing"


def test_show_says_whether_the_reminder_has_left(called):
    called.type("tick")
    called.at("2025-06-02").type("tick")
    owed = "owes 2025 (20.00)"
    waits = f"reminded since 2025-06-01: the reminder was written, and has not left yet; {owed}"
    assert called.json("show", "A0001")["why"] == waits
    for status in ("pending", "failed"):
        called.damage(f"UPDATE outbox_message SET status = '{status}' WHERE kind = 'reminder'")
        assert called.json("show", "A0001")["why"] == waits
    called.damage("UPDATE outbox_message SET status = 'sent', sent_at = created_at WHERE kind = 'reminder'")
    assert called.json("show", "A0001")["why"] == f"reminded since 2025-06-01: the reminder left; {owed}"


def test_show_says_that_a_cut_off_waits_for_a_proven_reminder(called):
    called.type("tick")
    called.at("2025-06-02").type("tick")
    called.say("notice", "A0002")
    called.at("2025-08-19").type("tick")
    ahead = {number: called.json("show", number)["next"] for number in ("A0001", "A0002")}
    assert [one["blockers"] for one in ahead["A0001"] if one["event"] == "suspend"] == [
        ["not decided by the board", "the reminder has not reached it"]
    ]
    assert not any("the reminder has not reached it" in one["blockers"] for one in ahead["A0002"])


def test_a_run_of_another_day_says_that_nothing_leaves(bare):
    said = " ".join(bare.type("tick", "--help").stdout.replace("│", " ").split())
    assert "With --now nothing leaves by itself: mail stays pending until a run without it." in said


def test_show_says_what_comes_next_and_what_prevents_it(called):
    called.type("tick")
    ahead = called.json("show", "A0001")["next"]
    assert [(prospect["event"], prospect["at"], prospect["happens"]) for prospect in ahead[:2]] == [
        ("campaign", "2025-01-15T08:00:00Z", True),
        ("remind", "2025-06-01T07:00:00Z", True),
    ]
    assert ahead[1]["conditions"] == ["A due of the step's year or before is owed"]
    assert not any("is a person" in prospect["blockers"] for prospect in ahead)


def test_show_tells_people_up_to_the_next_move(called):
    called.type("tick")
    lines = called.say("show", "A0001")
    assert lines[:3] == ["A0001  Vélo Lauragais", lines[1], "called · cotisation à régler"]
    assert "    2025-06-01 09:00  remind 2025 → reminded  [reminder]" in lines
    assert "                      · as long as a due of the step's year or before is owed" in lines
    assert not [line for line in lines if "call 2026" in line], "after the reminder it is another story"


def test_show_answers_why_not(called):
    called.type("tick")
    called.at("2024-12-05").type("pay", "A0001")
    called.at("2025-01-16").type("tick")
    refused = called.json("show", "A0001")["no"]
    assert [(entry["trigger"], entry["reason"], entry["to"]) for entry in refused] == [("campaign", "is paid", "paid")]
    assert "    2025-01-15  campaign          no: is paid" in called.say("show", "A0001")


@pytest.mark.parametrize("number", ["A9999", "", "a0001"])
def test_an_unknown_number_is_refused(called, number):
    assert called.refused("show", number) == f"There is no association {number}"


def test_show_names_stays_credit_and_tasks(called):
    called.type("tick")
    called.type("pay", "A0001", "50.00")
    called.type("hold", "A0001", "--until", "2025-02-01", "--reason", "asked")
    lines = called.say("show", "A0001")
    assert "Also  stay until 2025-02-01: asked" in lines
    assert "      credit of 30.00" in lines
    assert "      open tasks: surplus" in lines


def test_show_tells_how_it_is_reached_and_what_it_paid(called):
    called.say("tick")
    called.say("pay", "A0001", "5", "--reference", "VIR1", "--year", "2025")
    called.say("pay", "A0001", "--year", "2025")
    called.say("reverse", "A0001", "--reason", "entered_wrongly")
    lines = called.say("show", "A0001")
    assert "Paid  2024-12-02 (VIR1): 5.00 for 2025" in lines
    assert "      2024-12-02, undone on 2024-12-02: 15.00 for 2025" in lines
    assert "Reach contact@a0001.example" in lines
