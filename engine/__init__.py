"""The machinery of any workflow: definitions, calendar, ballots, journal, replay. It knows no dues.

The public names are loaded when they are first asked for: a command that needs one module does not load them all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.ballots import Choice
    from engine.calendar import MeetingRule, YearlyRule
    from engine.cases import Case, Occasion
    from engine.definition import BallotRule, CalendarEvent, On, Transition, Workflow
    from engine.engine import Engine
    from engine.errors import RelanceError
    from engine.replay import Player, Script
    from engine.rules import BoardRules, Brake, Mode, Rules
    from engine.store import Store
    from engine.work import Work

__all__ = [
    "BallotRule",
    "BoardRules",
    "Brake",
    "CalendarEvent",
    "Case",
    "Choice",
    "Engine",
    "MeetingRule",
    "Mode",
    "Occasion",
    "On",
    "Player",
    "RelanceError",
    "Rules",
    "Script",
    "Store",
    "Transition",
    "Work",
    "Workflow",
    "YearlyRule",
]

_HOMES = {
    "ballots": ("Choice",),
    "calendar": ("MeetingRule", "YearlyRule"),
    "cases": ("Case", "Occasion"),
    "definition": ("BallotRule", "CalendarEvent", "On", "Transition", "Workflow"),
    "engine": ("Engine",),
    "errors": ("RelanceError",),
    "replay": ("Player", "Script"),
    "rules": ("BoardRules", "Brake", "Mode", "Rules"),
    "store": ("Store",),
    "work": ("Work",),
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module it lives in."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"engine.{home}"), name)
    raise AttributeError(f"module 'engine' has no attribute {name!r}")
