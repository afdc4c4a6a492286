"""What the admission workflow adds to replays: somebody applies, and withdraws."""

from collections.abc import Sequence
from typing import Any

from engine.clock import local_day
from engine.replay import Player, Script
from engine.scenario import Scenario, Step
from workflows.admission import applications
from workflows.admission.definition import ADMISSION
from workflows.admission.facts import COLUMNS, services_text


def _prepare(_player: Player, _scenario: Scenario) -> Sequence[Step]:
    """Nobody is a candidate when a scenario begins."""
    return ()


def _apply(player: Player, step: Step) -> None:
    number = step.fields.get("association")
    with player.engine.acting(ADMISSION, player.now) as work:
        applications.apply(work, None if number is None else str(number), _fields(step), "scenario")


def _fields(step: Step) -> dict[str, Any]:
    """Fields by column; without an e-mail one is made up, since people have one."""
    number = str(step.fields.get("association", "candidate"))
    fields: dict[str, Any] = {"name": number, "email": f"contact@{number.lower()}.example"}
    fields |= {name: value for name, value in step.fields.items() if name in COLUMNS}
    kinds = enumerate(step.fields.get("services", ()), 1)
    hosted = [(kind, f"{number.lower()}-{position}") for position, kind in kinds]
    return fields | {"services": services_text(hosted)}


def _withdraw(player: Player, step: Step) -> None:
    number = str(player.field(step, "association"))
    with player.engine.acting(ADMISSION, player.now) as work:
        today = local_day(player.now, player.engine.rules.tz)
        reason = step.fields.get("reason", "")
        applications.withdraw(work, applications.find(work, number), today, reason, "scenario")


SCRIPT = Script(
    workflow=ADMISSION.name,
    prepare=_prepare,
    verbs={"apply": _apply, "withdraw": _withdraw},
    expects={},
)
