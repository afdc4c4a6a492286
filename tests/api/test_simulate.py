"""`relance simulate`: the future of the current database, on a copy."""

import json
from typing import get_args

import pytest

from api.commands import play
from engine.simulation import Board
from workflows.membership.assumptions import Assume

YEAR = ("--from", "2024-12-03", "--until", "2025-12-31")


def test_json_has_the_shape_of_a_scenarios_result(called):
    result = called.json("simulate", *YEAR)
    assert list(result) == ["ok", "final", "journal", "failures", "seconds"]
    assert (result["ok"], result["failures"]) == (True, [])
    assert result["final"] == dict.fromkeys(("A0001", "A0002", "A0003"), "suspended")
    assert {entry["at"][:4] for entry in result["journal"]} <= {"2024", "2025"}
    assert min(entry["at"] for entry in result["journal"]) >= "2024-12-02T23:00:00Z"
    assert set(result["journal"][0]) == {
        *("at", "effective_at", "association", "trigger", "from", "to", "cause", "actor", "mails"),
    }


def test_nothing_is_changed_and_nothing_leaves(called):
    before = called.dump()
    called.say("simulate", *YEAR)
    assert called.dump() == before


def test_what_lies_between_today_and_the_beginning_is_played_but_not_told(called):
    called.at("2024-11-30")
    called.type("simulate", "--from", "2025-03-01", "--until", "2025-05-01")
    result = called.json("simulate", "--from", "2025-03-01", "--until", "2025-05-01")
    assert result["journal"] == []
    assert set(result["final"].values()) == {"called"}


def test_a_beginning_that_is_past_is_moved_to_the_last_run(called):
    called.type("tick")
    result = called.type("simulate", "--from", "2024-01-01", "--until", "2025-12-31")
    assert result.stderr == "what is before 2024-12-02 has happened: the future begins there\n"


def test_everybody_pays(called):
    final = called.json("simulate", "--from", "2024-12-02", "--until", "2025-12-01", "--assume", "everybody-pays")[
        "final"
    ]
    assert final == dict.fromkeys(("A0001", "A0002", "A0003"), "called")
    final = called.json("simulate", "--from", "2024-12-02", "--until", "2025-12-02", "--assume", "everybody-pays")[
        "final"
    ]
    assert final == dict.fromkeys(("A0001", "A0002", "A0003"), "paid")


def test_as_last_year(called):
    called.type("tick")
    called.at("2025-02-03").type("pay", "A0001", "20.00")
    called.at("2025-11-10").type("tick")
    words = ("simulate", "--from", "2025-11-10", "--until", "2026-03-01", "--assume", "as-last-year")
    pays = [entry for entry in called.json(*words)["journal"] if entry["trigger"] == "pay"]
    assert [(entry["association"], entry["at"]) for entry in pays] == [("A0001", "2026-02-03T11:00:00Z")]


def test_as_last_year_without_any_payment_says_so(called):
    result = called.type("simulate", *YEAR, "--assume", "as-last-year")
    assert "no payment is known of the year before: as-last-year is the same as nobody-pays" in result.stderr


@pytest.mark.parametrize(("board", "state"), [("adopts", "suspended"), ("rejects", "reminded"), ("absent", "reminded")])
def test_the_board_may_say_yes_or_no_or_nothing(called, board, state):
    assert set(called.json("simulate", *YEAR, "--board", board)["final"].values()) == {state}


def test_a_database_without_seats_gets_one_and_says_so(bare):
    bare.at("2024-11-30").type("init")
    bare.enter(("A0001", "Vélo"))
    result = bare.type("simulate", *YEAR)
    assert "no seat of the board is known: one was made up" in result.stderr
    assert json.loads(bare.type("simulate", *YEAR, "--json").stdout)["final"] == {"A0001": "suspended"}


def test_an_empty_register_says_so(bare):
    bare.type("init")
    assert "there is no association in this database yet" in bare.type("simulate", *YEAR).stderr


def test_the_table_has_a_row_for_each_month_and_what_leaves_below(called):
    lines = called.say("simulate", *YEAR)
    assert lines[0] == "From 2024-12-03 to 2025-12-31, if: nobody-pays, the board adopts"
    rows = [line for line in lines if line[:4] in {"2024", "2025"}]
    assert [row[:10] for row in rows][:3] == ["2024-12-31", "2025-01-31", "2025-02-28"]
    assert len(rows) == 13
    september = lines.index(next(line for line in rows if line.startswith("2025-09-30")))
    assert lines[september + 1] == "    suspension 3"
    assert lines[september].split()[1:] == ["·", "·", "·", "3", "·", "·", "·", "0", "60"]
    assert max(map(len, lines)) <= 80


def test_every_happening_may_be_told(called):
    lines = called.say("simulate", *YEAR, "--all")
    assert "2025-06-01  remind            A0001, A0002, A0003  called → reminded  [reminder]" in lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2025-01-01", "--until", "2024-12-31"), "--until is before --from"),
        (("--from", "2023-01-01", "--until", "2023-12-31"), "--until is past"),
        (("--from", "2025-01-01", "--until", "2199-12-31"), "at most twenty years"),
        (("--from", "soon", "--until", "2025-12-31"), "--from: 'soon' is not a date such as 2025-06-30"),
    ],
)
def test_what_cannot_be_asked_is_refused(called, words, said):
    called.type("tick")
    assert said in called.refused("simulate", *words)


@pytest.mark.parametrize("words", [("--assume", "some-pay"), ("--board", "naps")])
def test_a_word_that_is_none_is_wrong_usage(called, words):
    assert f"'{words[1]}' is not one of" in called.misused("simulate", *YEAR, *words)


def test_the_words_that_may_be_typed_are_those_that_are_known():
    assert set(get_args(play.Assumed)) == {word.value for word in Assume}
    assert set(get_args(play.BoardSays)) == {word.value for word in Board}


def test_without_a_database_it_is_refused(bare):
    assert "there is no" in bare.refused("simulate", *YEAR)
