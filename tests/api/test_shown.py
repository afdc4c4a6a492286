"""Tables on a terminal: as wide as it is, and readable."""

import pytest

from api.commands import shown

BALLOTS = ("ballot", "trigger", "number", "meeting", "status", "counts", "")
ROW = ("12", "propose_removal", "A0001", "2025-09-25 18:30", "adopted", "4 for, 0 against, 1 abstained; 5 of 5", "")


@pytest.fixture
def terminal(monkeypatch, capsys):
    """Draws on a terminal so many columns wide; returns its lines."""

    def draw(width, headings, *rows):
        monkeypatch.setenv("COLUMNS", str(width))
        shown._drawn(headings, rows)
        return capsys.readouterr().out.splitlines()

    return draw


def test_it_keeps_a_table_that_fits_in_one_line_a_row(terminal):
    lines = terminal(160, BALLOTS, ROW)
    assert sum("A0001" in line for line in lines) == 1
    assert any("4 for, 0 against, 1 abstained; 5 of 5" in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_it_never_draws_beyond_the_terminal_nor_breaks_a_number_or_a_day(terminal, width):
    lines = terminal(width, BALLOTS, ROW, ROW)
    assert max(map(len, lines)) <= width
    for cell in ("propose_removal", "A0001", "2025-09-25 18:30", "adopted"):
        assert sum(cell in line for line in lines) == 2


def test_it_tells_the_cells_below_each_other_where_there_are_too_many(terminal):
    lines = terminal(60, BALLOTS, ROW)
    assert lines[:3] == ["ballot    12", "trigger   propose_removal", "number    A0001"]


def test_it_folds_a_long_text_between_words(terminal):
    lines = terminal(80, ("task", "note"), ("1", "a new letter elsewhere, or the search made for an address " * 3))
    assert max(map(len, lines)) <= 80
    assert any(line.rstrip().endswith("elsewhere, or the") or "elsewhere" in line for line in lines)
