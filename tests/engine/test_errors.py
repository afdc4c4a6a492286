"""Refusals: their names, their one line, their data; and that every place that raises one gives all its data."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import engine.errors
import workflows.membership.errors
from engine.errors import BadConfiguration, BallotNotOpen, Invalid, ListChanged, RelanceError
from workflows.membership.errors import NothingOwed, UnknownYear

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "workflows", "notifications", "api")
TYPES = {
    "unknown-association",
    "unknown-year",
    "not-allowed",
    "ballot-not-open",
    "not-a-seat",
    "seat-not-yours",
    "recused",
    "list-changed",
    "gate-not-met",
    "nothing-owed",
    "future-date",
    "invalid",
    "idempotency-key-reused",
    "signature-invalid",
    "server-down",
}
KINDS: dict[str, type[RelanceError]] = {
    name: kind
    for module in (engine.errors, workflows.membership.errors)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, RelanceError) and kind is not RelanceError
}


def names_in(kind: type[RelanceError]) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(kind.template()) if name}


def test_it_has_every_problem_type_of_the_interface():
    assert {kind.type for kind in KINDS.values()} == TYPES


def test_it_says_one_clear_line():
    assert str(BallotNotOpen(ballot=7)) == "Ballot 7 is not open"
    unknown = UnknownYear(number="A0001", year=2031, first=2019, last=2026)
    assert str(unknown) == "2031 is not a year that A0001 can owe or pay: those are 2019 to 2026"
    assert str(ListChanged()) == "The list has changed since it was read: read it again, then vote"
    assert str(Invalid(reason="line 3: « 12,x » is\nno amount {really}")) == "line 3: « 12,x » is no amount {really}"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_it_puts_all_its_data_on_that_line(kind):
    error = kind(**{name: f"<{name}>" for name in names_in(kind)})
    assert all(f"<{name}>" in str(error) for name in names_in(kind))
    assert str(error)
    assert not str(error).endswith(".")


def test_it_carries_its_data():
    error = NothingOwed(number="A0001")
    assert error.data == {"number": "A0001"}
    assert error.number == "A0001"
    assert (error.type, BadConfiguration(reason="x").type) == ("nothing-owed", "invalid")
    assert not hasattr(error, "year")


def test_it_can_be_met_in_one_place():
    assert all(issubclass(kind, RelanceError) for kind in KINDS.values())
    with pytest.raises(Invalid):
        raise BadConfiguration(reason="calendar.remind: hour 2")


def test_it_does_not_hide_a_message_without_its_data():
    with pytest.raises(KeyError):
        BallotNotOpen()


def made_in(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node.func.id if isinstance(node.func, ast.Name) else node.func.attr, node


def test_it_is_given_its_data_wherever_it_is_made():
    wrong = []
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for name, call in made_in(path):
            given = {keyword.arg for keyword in call.keywords}
            if name in KINDS and None not in given and (call.args or not names_in(KINDS[name]) <= given):
                wrong.append(f"{path.relative_to(ROOT)}:{call.lineno}: {name} needs {sorted(names_in(KINDS[name]))}")
    assert wrong == []
