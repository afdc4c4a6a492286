"""A workflow drawn from its own rows."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.calendar import YearlyRule
from engine.definition import CalendarEvent
from engine.diagram import date_of, fenced, mermaid, put_between
from workflows.membership.definition import LABELS, MEMBERSHIP
from workflows.membership.drawing import drawn
from workflows.membership.words import State

README = Path(__file__).parents[2] / "README.md"


def arrows(diagram):
    """(from, to) of every arrow between states."""
    lines = [line.partition(" : ")[0].split(" --> ") for line in diagram.splitlines() if " --> " in line]
    return [tuple(part.strip() for part in line) for line in lines if "[*]" not in "".join(line)]


def test_the_readme_shows_the_definition_as_it_is():
    text = README.read_text(encoding="utf-8")
    assert put_between(text, drawn()) == text, "run: relance graph --write README.md"


def test_every_state_is_drawn_with_its_french_label():
    for state in State:
        assert f"    {state} : {state}<br>{LABELS[state]}\n" in drawn()


def test_two_states_are_joined_by_one_arrow_at_most():
    found = arrows(drawn())
    assert len(found) == len(set(found))


def test_every_move_but_corrections_and_departures_has_its_arrow():
    moves = {
        (str(state), str(row.dest))
        for row in MEMBERSHIP.transitions
        for state in row.source
        if row.dest not in {None, state} and row.trigger not in {"correct", "leave"}
    }
    assert set(arrows(drawn())) == moves


def test_arrows_tell_their_dates_and_the_boards_meetings():
    diagram = drawn()
    assert "called --> reminded : remind<br>1 June<br>or reverse\n" in diagram
    assert "reminded --> suspended : suspend<br>board of August,<br>then 1 September\n" in diagram
    assert "suspended --> proposed_for_removal : propose_removal<br>board of September\n" in diagram
    assert "proposed_for_removal --> removed : remove<br>board, from October on\n" in diagram
    assert "proposed_for_removal --> suspended : spare<br>board rejects\n" in diagram


def test_what_moves_nothing_is_noted():
    assert "note right of called : campaign, 15 January, it stays\n" in drawn()
    assert "note right of proposed_for_removal : summon, 3 October, it stays\n" in drawn()


def test_what_may_happen_anywhere_is_noted_once():
    assert drawn().count("leave") == 1
    assert "correct" not in drawn()


def test_another_date_is_another_diagram():
    moved = [replace(event, rule=YearlyRule("call", 11, 15, until="02-28")) for event in MEMBERSHIP.calendar[:1]]
    changed = replace(MEMBERSHIP, calendar=(*moved, *MEMBERSHIP.calendar[1:]))
    assert "call<br>15 November" in mermaid(changed, ("correct",))


@pytest.mark.parametrize(("month", "day", "said"), [(6, 1, "1 June"), ("jun", "last thu", "last thu of jun")])
def test_a_date_is_written_as_one_says_it(month, day, said):
    assert date_of(CalendarEvent("x", YearlyRule("x", month, day))) == said


def test_only_what_is_between_the_marks_is_replaced():
    text = "a\n<!-- diagram:begin -->\nold\n<!-- diagram:end -->\nb\n"
    changed = put_between(text, "stateDiagram-v2\n")
    assert changed == f"a\n<!-- diagram:begin -->\n{fenced('stateDiagram-v2' + chr(10))}<!-- diagram:end -->\nb\n"


@pytest.mark.parametrize("text", ["", "<!-- diagram:begin -->", "<!-- diagram:end -->"])
def test_without_both_marks_nothing_is_replaced(text):
    assert put_between(text, "x") is None
