"""The command line as a whole: help, exit codes, refusals in one line."""

import re
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import get_args

import pytest
import typer
from sqlalchemy.exc import IntegrityError, OperationalError

from api.cli import main, refusal
from api.commands import board, procedure, run
from engine.board_models import BallotStatus
from engine.errors import FutureDate
from engine.models import OutboxStatus
from workflows.membership.models import LetterOutcome
from workflows.membership.words import State


def commands(group=None, prefix=()):
    """Every command, those of groups included, as it is typed."""
    group = typer.main.get_command(main) if group is None else group
    for name, command in group.commands.items():
        yield (*prefix, name)
        if hasattr(command, "commands"):
            yield from commands(command, (*prefix, name))


ALL = sorted(commands())
RELANCE = Path(sys.executable).with_name("relance")
WANTED = (
    *("init", "import", "tick", "replay", "simulate", "status", "next", "show", "pay", "contact", "notice", "hold"),
    *("waive", "leave", "join", "reverse", "correct", "ballots", "vote", "close", "meeting", "letter", "tasks"),
    *("confirm", "orders", "takeover", "export", "pause", "outbox", "graph", "backup", "restore", "doctor", "verify"),
)


@pytest.mark.parametrize("name", WANTED)
def test_every_command_of_the_interface_is_there(name):
    assert (name,) in ALL


def test_the_readme_names_every_command():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = readme.partition("| who | commands |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) == {words[0] for words in ALL}


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_help_ends_with_an_example_of_that_command(bare, words):
    last = [line.strip() for line in bare.say(*words, "--help") if line.strip()][-2:]  # a long one takes two lines
    assert any(line.startswith(f"Example: relance {words[0]}") for line in last)


@pytest.mark.parametrize(
    ("words", "known"),
    [(board.Status, BallotStatus), (procedure.Outcome, LetterOutcome), (run.Status, OutboxStatus)],
)
def test_the_words_that_may_be_typed_are_those_that_are_known(words, known):
    assert set(get_args(words)) == set(known)


def test_the_help_is_instant():
    """Interpreter included. The processor's time: other programs may be busy, too."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([RELANCE, "--help"], check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 0.4


def test_help_loads_no_database_and_no_validation():
    heavy = {"sqlalchemy", "sqlmodel", "pydantic", "jinja2", "rich"}
    code = f"import sys, api.cli; print(*sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == ""


def test_alone_it_shows_its_help(bare):
    assert "Usage: relance" in bare.type(code=2).stdout


def test_an_unknown_command_is_wrong_usage(bare):
    assert "No such command 'pai'" in bare.type("pai", code=2).stderr


def test_an_unforeseen_error_keeps_its_traceback():
    assert refusal(RuntimeError("bug")) is None
    assert refusal(IntegrityError("INSERT", {}, Exception("UNIQUE"))) is None
    assert refusal(BrokenPipeError(32, "Broken pipe")) is None


def test_what_is_refused_becomes_one_line():
    assert refusal(FutureDate(day="2030-01-01")) == "2030-01-01 is in the future"
    assert refusal(PermissionError(13, "Permission denied", "x.csv")) == "x.csv: Permission denied"
    locked = OperationalError("SELECT", {}, Exception("database is locked"))
    assert refusal(locked) == "the database cannot be used: database is locked"
    older = OperationalError("SELECT", {}, Exception("no such column: x"))
    assert "not a database of this version" in (refusal(older) or "")


def test_a_real_process_is_refused_without_a_traceback(desk):
    """As it is used: its own process, its own streams."""
    typed = subprocess.run([RELANCE, "pay", "A0099"], capture_output=True, text=True, check=False, cwd=desk.folder)
    assert (typed.returncode, typed.stdout) == (1, "")
    assert typed.stderr == "relance: There is no association A0099\n"
    done = subprocess.run([RELANCE, "pause", "--json"], capture_output=True, text=True, check=True, cwd=desk.folder)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_what_was_due_comes_first_and_is_told(desk):
    desk.enter(("A0021", "Vingt-et-un", "called", "2024-12-01", "2025"), more="state since owes")
    said = desk.at("2025-01-16").say("contact", "A0021")
    assert said[:2] == [
        "2025-01-15 09:00  campaign  no: is paid  3: A0001, A0002, A0003",
        "2025-01-15 09:00  campaign  stays called  A0021  mail: renewal_campaign",
    ]
    assert desk.state("A0021") == State.CALLED
