"""Letters, tasks, confirmations and service orders, typed at a terminal."""

import pytest

from workflows.membership.words import TaskKind


@pytest.fixture
def proposed(desk):
    """A0021 and A0022 are proposed for removal and summoned, on 4 October 2025."""
    desk.at("2025-09-28")
    standing = ("proposed_for_removal", "2024-09-01", "2024|2025")
    desk.enter(("A0021", "Un", *standing), ("A0022", "Deux", *standing), more="state since owes")
    desk.at("2025-10-04").type("tick")
    return desk


def test_letters_are_posted_presented_and_told_of(proposed):
    letters = proposed.json("letter")
    assert [(letter["association"], letter["kind"]) for letter in letters] == [
        ("A0021", "summons"),
        ("A0022", "summons"),
    ]
    assert "posted_on" not in letters[0]
    proposed.say("letter", "*", "--posted", "2025-10-03")
    proposed.at("2025-10-10").say("letter", "A0021", "--presented", "2025-10-06", "--tracking", "1A00021")
    first, second = proposed.json("letter")
    assert (first["first_presented_on"], first["outcome"], first["tracking"]) == ("2025-10-06", "delivered", "1A00021")
    assert (second["posted_on"], "outcome" in second) == ("2025-10-03", False)
    assert proposed.say("letter", "*", "--posted", "2025-10-10") == ["No letter waits to be posted."]
    assert len(proposed.json("letter", "A0022")) == 1


def test_a_new_letter_elsewhere(proposed):
    proposed.say("letter", "A0021", "--posted", "2025-10-04")
    proposed.at("2025-10-08").say("letter", "A0021", "--outcome", "unknown_address", "--search", "town hall, website")
    proposed.say("letter", "A0021", "--again", "--posted", "2025-10-08")
    first, second = proposed.json("letter", "A0021")
    assert (first["outcome"], first["search_note"]) == ("unknown_address", "town hall, website")
    assert second["posted_on"] == "2025-10-08"


def test_the_journal_says_of_a_letter_only_what_is_known(proposed):
    proposed.say("letter", "A0021", "--search", "town hall")
    proposed.say("letter", "A0021", "--posted", "2025-10-04")
    proposed.at("2025-10-08").say("letter", "A0021", "--presented", "2025-10-06")
    said = [entry["reason"] for entry in proposed.json("show", "A0021")["journal"] if entry["trigger"] == "letter"]
    assert said == [
        "summons letter: not posted yet; search made: town hall",
        "summons letter: posted 2025-10-04, presented not yet, no outcome yet; search made: town hall",
        "summons letter: posted 2025-10-04, presented 2025-10-06, delivered; search made: town hall",
    ]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["letter", "A0021", "--posted", "2025-10-05"], "2025-10-05 is in the future"),
        (["letter", "A0021", "--posted", "2025-02-29"], "--posted: 2025-02-29 is not a day of the calendar"),
        (["letter", "A0021", "--presented", "2025-10-04"], "its posting is not recorded yet: --posted first"),
        (
            ["letter", "A0021", "--posted", "2025-10-04", "--presented", "2025-10-03"],
            "a letter is presented after it was posted, not before",
        ),
        (["letter", "A0021", "--outcome", "refused"], "a letter that was not posted has no outcome"),
        (["letter", "A0001", "--posted", "2025-10-03"], "A0001 has no letter"),
        (["letter", "A0001", "--again"], "A0001 is paid: there is no letter to send"),
        (["letter", "A0099", "--posted", "2025-10-03"], "There is no association A0099"),
        (["tasks", "done", "99"], "there is no open task 99"),
        (["orders", "ack", "99"], "no order 99 waits for anybody"),
    ],
)
def test_refused_in_one_line(proposed, words, line):
    assert proposed.refused(*words) == line


@pytest.mark.parametrize(
    "words",
    [
        ["letter", "--posted", "2025-10-03"],
        ["letter", "A0021", "--outcome", "lost"],
        ["tasks", "done", "x"],
        ["confirm"],
    ],
)
def test_wrong_usage(proposed, words):
    proposed.misused(*words)


def test_tasks_are_listed_and_closed(proposed):
    tasks = proposed.json("tasks")
    assert {(task["kind"], task["association"]) for task in tasks} == {
        ("post_letter", "A0021"),
        ("post_letter", "A0022"),
    }
    proposed.say("tasks", "done", tasks[0]["id"], "--note", "posted by hand", "--by", "Ana")
    assert [task["id"] for task in proposed.json("tasks")] == [tasks[1]["id"]]
    done = next(task for task in proposed.json("tasks", "--all") if task["id"] == tasks[0]["id"])
    assert (done["done_by"], done["note"]) == ("Ana", "summons posted by hand")


@pytest.fixture
def braked(desk):
    """Twelve owe 2025 on 2 June: the reminder would touch too many, and waits."""
    desk.at("2025-05-01")
    rows = [(f"A01{number:02}", f"N° {number}", "called", "2024-12-01", "2025") for number in range(12)]
    desk.enter(*rows, more="state since owes")
    desk.at("2025-06-02").type("tick")
    return desk


def test_the_brake_is_confirmed_with_names(braked):
    assert [task["kind"] for task in braked.json("tasks")] == ["brake"]
    said = "\n".join(braked.say("confirm", "brake", "--by", "Bilal"))
    assert "remind 2025 would now touch 12:" in said
    assert "A0111   N° 11  called → reminded  reminder" in said
    assert "Confirmed: remind 2025" in said
    assert braked.state("A0100") == "reminded"
    assert braked.rows("SELECT confirmed_by FROM event_run WHERE event = 'remind'") == [("Bilal",)]
    assert braked.say("confirm", "brake", "--yes") == ["No step waits."]


def test_only_the_step_that_is_named_is_confirmed(braked):
    assert braked.say("confirm", "brake", "suspend", "--yes") == ["No step waits."]
    assert "Confirmed: remind 2025" in braked.say("confirm", "brake", "remind", "--yes")


def test_deletion_is_confirmed_then_carried_out(desk):
    desk.say("leave", "A0001")
    assert desk.say("confirm", "deletion") == ["No deletion waits."]
    desk.at("2024-12-20").type("tick")
    assert [task["kind"] for task in desk.json("tasks")] == [TaskKind.CONFIRM_DELETION]
    assert desk.say("confirm", "deletion", "A0002", "--yes") == ["No deletion waits."]
    assert "  A0001 Vélo Lauragais (left)" in desk.say("confirm", "deletion", "A0001", "--by", "Ana")
    orders = desk.json("orders")
    assert {(order["association"], order["action"], order["service"]) for order in orders} == {
        ("A0001", "archive", "website"),
        ("A0001", "archive", "list"),
    }
    ids = [order["id"] for order in orders]
    assert desk.say("orders", "ack", ids[0], "--failed", "--note", "disk full")[0] == "1 order: failed"
    assert desk.refused("orders", "ack", ids[1], 99) == "no order 99 waits for anybody"
    assert desk.say("orders", "ack", *ids, "--by", "Ana")[0] == "2 orders: done"
    assert [order["action"] for order in desk.json("orders")] == ["delete", "delete"]
    assert len(desk.json("orders", "--all")) == 4
