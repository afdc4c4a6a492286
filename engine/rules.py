"""What the organisation decided: its dates, its board's rules, its brake. Workflows add their own options."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from engine.ballots import CountingRule
from engine.calendar import MeetingRule, YearlyRule
from engine.definition import Workflow


class Mode(StrEnum):
    """Whether a yearly step acts by itself, waits for the treasurer, or is not run."""

    ACT = "act"
    PROPOSE = "propose"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class BoardRules:
    """How the board meets, publishes, votes and counts. Days are days, not working days."""

    meetings: MeetingRule = field(default_factory=MeetingRule)
    counting: CountingRule = field(default_factory=CountingRule.from_texts)
    publish_days: int = 10
    notice_days: int = 15
    clear_days: int = 3
    record_days: int = 14
    remote_votes: bool = True


@dataclass(frozen=True, slots=True)
class Brake:
    """Above how many members a yearly step waits for the treasurer."""

    share: float = 0.10
    least: int = 5


@dataclass(frozen=True)
class Rules:
    """Everything a run needs beside the database and the definitions.

    `calendar` overrides the page's own dates, `modes` the default « act »; `dates_confirmed`: every meeting's
    date counts as confirmed; `options`: what each workflow wants to know, by its name. `alarms_to`: who is told of
    alarms; nobody named: the board's admins, and where there is none, `office`.
    """

    tz: ZoneInfo
    language: str = "fr"
    """In which the board is written to."""
    calendar: Mapping[str, YearlyRule] = field(default_factory=dict)
    modes: Mapping[str, Mode] = field(default_factory=dict)
    board: BoardRules = field(default_factory=BoardRules)
    brake: Brake = field(default_factory=Brake)
    dates_confirmed: bool = False
    options: Mapping[str, object] = field(default_factory=dict)
    alarms_to: tuple[str, ...] = ()
    office: str = ""

    def dates_of(self, workflow: Workflow) -> tuple[YearlyRule, ...]:
        """Return a workflow's yearly dates: the organisation's own where it set them, else the page's."""
        return tuple(self.calendar.get(event.name, event.rule) for event in workflow.calendar)

    def mode(self, event: str) -> Mode:
        """Return the mode of a yearly event."""
        return self.modes.get(event, Mode.ACT)
