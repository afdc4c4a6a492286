"""A workflow as frozen rows: states, yearly events, ballots, arrows. Nothing here moves anything."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.calendar import YearlyRule
from engine.errors import BadDefinition

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.batch import Batch, Beginning
    from engine.cases import Occasion
    from engine.rules import Rules
    from engine.work import Work

Why: TypeAlias = str | None
"""Why a guard says no, in a few words; None means yes."""
Guard: TypeAlias = "Callable[[Any, Occasion], Why]"
Deed: TypeAlias = "Callable[[Any, Occasion, Batch], None]"


class On(StrEnum):
    """What may cause a transition."""

    CALENDAR = "calendar"
    ADOPTED = "ballot adopted"
    REJECTED = "ballot rejected"
    EVENT = "event"


class Lift(StrEnum):
    """How the brake limits a yearly event (PRODUCT § 3, Brake)."""

    NONE = "none"
    SHARE_OF_MEMBERS = "share of members"
    LAST_YEAR = "last year"


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow. `dest` None: the state stays. The first row whose guards all say yes is taken."""

    trigger: str
    source: tuple[str, ...]
    dest: str | None
    on: On = On.EVENT
    guards: tuple[Guard, ...] = ()
    does: tuple[Deed, ...] = ()
    sends: tuple[str, ...] = ()
    closes: bool = True
    """False: a yearly step that takes this arrow is not done yet; it is tried again until its window ends."""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """A yearly step. `asks` adds states whose « no » is journaled too, beside the sources of its arrows."""

    name: str
    rule: YearlyRule
    asks: tuple[str, ...] = ()
    brake: Lift = Lift.NONE
    decided_by: str | None = None
    """The ballot trigger that must be adopted first; the step then waits for the clear days."""


@dataclass(frozen=True, slots=True)
class BallotRule:
    """A question the board settles every year, from the meeting of `month` on."""

    trigger: str
    month: int
    question: str
    lists: tuple[Guard, ...]
    """Who is put on the list when the agenda is published."""
    drops_out: tuple[Guard, ...]
    """What must go on holding while the ballot is open; else it is withdrawn, for good."""
    carried_until_month: int = 12
    every_meeting: bool = False
    """True: each agenda from `month` on carries it for whoever is still in the state (hearings)."""
    hearing: Callable[[Any, "Occasion"], tuple[str, ...]] | None = None
    """The gates: which are still missing. With gates, the ballot waits for the meeting's hour."""
    sends: tuple[str, ...] = ()
    sends_again: tuple[str, ...] = ()
    """Sent instead of `sends` when an earlier ballot on the same question did not take place, and when it moves."""
    invited_by: tuple[str, ...] = ()
    """Mails that name the hearing's hour: when the meeting moves, whoever had one is sent `sends_again`."""
    on_rejected: str | None = None
    source: tuple[str, ...] = ()
    """Where whoever may be listed stands; by default, where the trigger's arrows start."""

    def carried_by(self, month: int) -> bool:
        """Whether the meeting of a month, 1 to 12, carries the question."""
        return self.every_meeting or self.month <= month <= self.carried_until_month


@dataclass(frozen=True)
class Workflow:
    """A definition: read it, check it, draw it. Hooks at the end connect it to its own tables."""

    name: str
    version: int
    states: tuple[str, ...]
    initial: tuple[str, ...]
    final: tuple[str, ...]
    calendar: tuple[CalendarEvent, ...]
    ballots: tuple[BallotRule, ...]
    transitions: tuple[Transition, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    welcomes: tuple[str, ...] = ()
    """Mails to whoever is entered, beside those of the rows."""
    load: Callable[["Connection", Sequence[int], "Rules"], list[Any]] | None = None
    """Facts of these instances, in the order of their ids: one `Case` each."""
    mails: Callable[[Any, str, str, "Occasion", "Batch"], None] | None = None
    """Writes the outbox rows of one mail kind for one case (kind, occasion key)."""
    memory: Callable[[Any], str] | None = None
    """What undoing a move away from the present state needs; kept in the journal's `details`."""
    settle: Callable[[Any, "Occasion", "Batch"], None] | None = None
    """After anything changed: opens and closes the tasks that follow from the facts."""
    undo: Callable[["Work", Any, str, Sequence[str]], object] | None = None
    """Goes back to the state before the last move: two people, a reason (a decision was annulled)."""
    grant: Callable[["Work", Any, date, str, str], object] | None = None
    """Gives a subject time up to and including a day (until, reason, actor): what the board postponed."""
    begin: Callable[["Work", "Beginning"], object] | None = None
    """Starts an instance that another workflow asks for."""
    _arrows: Mapping[tuple[str, str], tuple[Transition, ...]] = field(init=False, repr=False, compare=False)
    _events: Mapping[str, CalendarEvent] = field(init=False, repr=False, compare=False)
    _ballots: Mapping[str, BallotRule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse at import what could not run. Raises BadDefinition."""
        object.__setattr__(self, "_arrows", _arrows_by_start(self.transitions))
        object.__setattr__(self, "_events", {event.name: event for event in self.calendar})
        object.__setattr__(self, "_ballots", {rule.trigger: rule for rule in self.ballots})
        _check_states(self)
        _check_arrows(self)
        _check_events(self)

    def arrows(self, trigger: str, state: str) -> tuple[Transition, ...]:
        """Rows of one trigger that start in one state, in the page's order."""
        return self._arrows.get((trigger, state), ())

    def rows_by_start(self) -> Mapping[tuple[str, str], tuple[Transition, ...]]:
        """All rows by (trigger, state they start in)."""
        return self._arrows

    def event(self, name: str) -> CalendarEvent:
        """Return the yearly event of that name. Raises KeyError."""
        return self._events[name]

    def ballot(self, trigger: str) -> BallotRule:
        """Return the ballot rule of that trigger. Raises KeyError."""
        return self._ballots[trigger]

    def listed_from(self, rule: BallotRule) -> tuple[str, ...]:
        """Return the states of those whom a question may be asked about."""
        return rule.source or self.sources(rule.trigger)

    def asks(self, trigger: str) -> bool:
        """Whether the board answers this question here."""
        return trigger in self._ballots

    @property
    def mail_kinds(self) -> tuple[str, ...]:
        """Every kind of mail that may leave, each once, in the page's order."""
        rows = [kind for row in self.transitions for kind in row.sends]
        lists = [kind for rule in self.ballots for kind in (*rule.sends, *rule.sends_again)]
        return tuple(dict.fromkeys(str(kind) for kind in (*self.welcomes, *rows, *lists)))

    def sources(self, trigger: str) -> tuple[str, ...]:
        """Return the states in which that trigger has an arrow, in the order of `states`."""
        return tuple(state for state in self.states if (trigger, state) in self._arrows)


def _arrows_by_start(rows: Iterable[Transition]) -> dict[tuple[str, str], tuple[Transition, ...]]:
    arrows: dict[tuple[str, str], tuple[Transition, ...]] = {}
    for row in rows:
        for state in row.source:
            arrows[row.trigger, state] = (*arrows.get((row.trigger, state), ()), row)
    return arrows


def _check_states(workflow: Workflow) -> None:
    known = set(workflow.states)
    _refuse_duplicates("state", workflow.states)
    named = {state for row in workflow.transitions for state in (*row.source, row.dest) if state is not None}
    for state in sorted((named | set(workflow.initial) | set(workflow.final)) - known):
        raise BadDefinition(reason=f"{workflow.name}: unknown state {state!r}")
    reachable = set(workflow.initial) | {row.dest for row in workflow.transitions if row.dest is not None}
    for state in sorted(known - reachable):
        raise BadDefinition(reason=f"{workflow.name}: no arrow leads to state {state!r}")


def _check_arrows(workflow: Workflow) -> None:
    """Two arrows for one cause need a guard on every one but the last."""
    for (trigger, state), rows in workflow.rows_by_start().items():
        if any(not row.guards for row in rows[:-1]):
            raise BadDefinition(reason=f"{workflow.name}: two arrows for {trigger!r} from {state!r}")
        _refuse_duplicates(f"arrow for {trigger!r} from {state!r}", [(row.guards, row.dest) for row in rows])
    for row in workflow.transitions:
        for guard in (*row.guards, *row.does):
            if not callable(guard):
                raise BadDefinition(reason=f"{workflow.name}: {row.trigger!r} has an unknown guard {guard!r}")


def _check_events(workflow: Workflow) -> None:
    triggers = {row.trigger for row in workflow.transitions}
    _refuse_duplicates("event", [event.name for event in workflow.calendar])
    asked = {rule.trigger for rule in workflow.ballots}
    for event in workflow.calendar:
        if event.name not in triggers:
            raise BadDefinition(reason=f"{workflow.name}: the calendar's {event.name!r} moves nothing")
        if event.decided_by is not None and event.decided_by not in asked:
            raise BadDefinition(reason=f"{workflow.name}: {event.name!r} waits for a ballot that nobody holds")
    _refuse_duplicates("ballot", [rule.trigger for rule in workflow.ballots])
    for rule in workflow.ballots:
        for trigger in filter(None, (rule.trigger, rule.on_rejected)):
            if trigger not in triggers:
                raise BadDefinition(reason=f"{workflow.name}: the ballot on {trigger!r} moves nothing")


def _refuse_duplicates(what: str, names: Iterable[object]) -> None:
    seen: list[object] = []
    for name in names:
        if name in seen:
            raise BadDefinition(reason=f"{what} {name!r} is there twice")
        seen.append(name)
