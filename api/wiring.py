"""From settings to a running engine: the one place that knows every room of the house."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.settings import Settings, load_settings, settings_from_mapping
from engine.ballots import CountingRule
from engine.calendar import MeetingRule, YearlyRule
from engine.context import Sink
from engine.engine import Engine
from engine.replay import Failure, Player
from engine.rules import BoardRules, Brake, Rules
from engine.scenario import Scenario, read_toml, scenario_of
from engine.store import Store
from workflows import WORKFLOWS
from workflows.admission.scenario import SCRIPT as ADMISSIONS
from workflows.membership import scenario_shape
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.options import NAME, DuesRules
from workflows.membership.scenario import SCRIPT, sink

SECOND_HALF = 7


def rules_of(settings: Settings, *, dates_confirmed: bool = False) -> Rules:
    """Translate the configuration into the engine's rules."""
    steps = settings.calendar.steps()
    offsets = {event.name: event.rule.year_offset for event in MEMBERSHIP.calendar}
    return Rules(
        tz=settings.organisation.tz,
        language=settings.organisation.language.value,
        calendar={
            name: YearlyRule(
                name, step.month, step.day, step.hour, step.minute, step.until, _about(offsets[name], step.month)
            )
            for name, step in steps.items()
        },
        modes={name: step.mode for name, step in steps.items()},
        board=_board_of(settings),
        brake=Brake(settings.safety.brake_share, settings.safety.brake_min),
        dates_confirmed=dates_confirmed,
        options={NAME: DuesRules(settings.dues.association_cents, settings.dues.person_cents)},
        alarms_to=settings.safety.alarms_to,
        office=settings.organisation.email,
    )


def _about(offset: int, month: int) -> int:
    """Which year a step is about: a call that an organisation sends in spring is about that year, not the next."""
    return offset if month >= SECOND_HALF else 0


def _board_of(settings: Settings) -> BoardRules:
    board = settings.board
    meetings = board.meetings
    return BoardRules(
        meetings=MeetingRule(str(meetings.day), meetings.hour, meetings.minute, meetings.months),
        counting=CountingRule.from_texts(
            board.quorum,
            board.quorum_counts,
            board.base,
            board.fraction,
            strict=board.strict,
            casting_vote=board.casting_vote,
        ),
        publish_days=board.publish_days,
        notice_days=board.notice_days,
        clear_days=board.clear_days,
        remote_votes=board.remote_votes,
    )


def engine_of(settings: Settings, store: Store | None = None, sink: Sink | None = None) -> Engine:
    """The engine on the configured database."""
    return Engine(store or Store(settings.database.url), rules_of(settings), WORKFLOWS, sink)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A scenario that was played, with the engine it left behind."""

    scenario: Scenario
    player: Player
    failures: list[Failure]


def replay(path: Path, change: Mapping[str, Any] | None = None) -> Replayed:
    """Play a scenario file in memory. `change` replaces top-level keys of the file (tests stop the server so)."""
    data = read_toml(path) | dict(change or {})
    scenario_shape.check(data, str(path))
    settings = _settings_of(data.get("config", {}), path.parent)
    store = Store("sqlite://")
    store.create_tables()
    engine = Engine(store, rules_of(settings, dates_confirmed=True), WORKFLOWS, sink)
    scenario = scenario_of(data, path.parent, settings.organisation.tz)
    player = Player(engine, SCRIPT, ADMISSIONS)
    return Replayed(scenario, player, player.play(scenario))


def _settings_of(config: object, folder: Path) -> Settings:
    if isinstance(config, str):
        return load_settings(folder / config, environ={})
    return settings_from_mapping(config if isinstance(config, Mapping) else {})
