"""The guides say what is true: commands that exist, and every kind of task."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from api.bounced import BOUNCED_MAIL
from api.cli import main
from engine.alarms import NOT_RUNNING
from engine.events import MISSED_STEP
from engine.meetings import MEETING_UNCONFIRMED
from engine.runs import BRAKE
from engine.sheet import FOLLOW_UP
from notifications.claims import UNCERTAIN_MAIL
from notifications.deliveries import WEBHOOK_FAILED
from notifications.outbox import OWN_TEMPLATE
from tests.deploy.guides import GUIDES, commands, text_of
from workflows.admission.words import TaskKind as AdmissionTask
from workflows.membership.words import TaskKind

KINDS = [
    *(*TaskKind, *AdmissionTask),
    *(BRAKE, MISSED_STEP, MEETING_UNCONFIRMED, NOT_RUNNING, UNCERTAIN_MAIL, BOUNCED_MAIL, WEBHOOK_FAILED),
    *(FOLLOW_UP, OWN_TEMPLATE),
]


def parse(words):
    """Read a command as the program would, down to its last option; nothing is run."""
    command: Any = typer.main.get_command(main)
    context, name, rest = None, "relance", list(words)
    while True:
        context = command.make_context(name, rest, context)
        left = [*context._protected_args, *context.args] if hasattr(command, "resolve_command") else []
        if not left:
            return
        name, command, rest = command.resolve_command(context, left)


def is_named_only(words, error):
    """Whether a text speaks of a command by its name alone."""
    return len(words) == 1 and str(error).startswith("Missing parameter")


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_a_guide_exists_as_it_is_written(guide):
    found = sorted(set(commands(guide)))
    assert len(found) >= 10
    wrong = []
    for words in found:
        try:
            parse(words)
        except Exception as error:  # noqa: BLE001 all that are wrong are told at once
            if not is_named_only(words, error):
                wrong.append(f"{' '.join(words)}: {error}")
    assert wrong == []


@pytest.mark.parametrize(
    "words", [("nonsense",), ("tick", "--nonsense"), ("orders", "nonsense"), ("pay", "--year", "x")]
)
def test_a_command_that_does_not_exist_would_be_found(words):
    with pytest.raises(Exception, match=r"nonsense|valid int"):
        parse(words)
    assert CliRunner().invoke(main, list(words)).exit_code == 2


@pytest.mark.parametrize("guide", ["docs/operating.md", "docs/exploitation.md"])
def test_every_kind_of_task_has_its_line(guide):
    lines = [line for line in text_of(guide).splitlines() if line.startswith("| `")]
    assert {str(kind) for kind in KINDS} == {line.split("`")[1] for line in lines}
