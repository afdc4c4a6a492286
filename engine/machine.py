"""The one shared state machine of a definition; the only importer of transitions.

A row in the database is never registered with the machine: the machine's event is triggered on a light
`Case`, which costs nothing per row (ARCHITECTURE § 5).
"""

from collections.abc import Callable
from typing import Any

from transitions import EventData, Machine, State
from transitions import Transition as LibraryTransition

from engine.cases import Case, Occasion
from engine.definition import On, Transition, Workflow


class _Place(State):
    """A state of a definition: nothing is called on entering or leaving it, what an arrow does is in its row.

    The library would prepare and log both at every step, for nobody; so it would around every arrow.
    """

    def enter(self, event_data: EventData) -> None:
        """Do nothing."""

    def exit(self, event_data: EventData) -> None:
        """Do nothing."""


class _Arrow(LibraryTransition):
    """An arrow of a definition: conditions and a destination, without the callbacks before and after it."""

    def execute(self, event_data: EventData) -> bool:
        """Move the case if the conditions hold; say whether they did."""
        if not self._eval_conditions(event_data):
            return False
        if self.dest is not None:
            self._change_state(event_data)
        return True


class _Machine(Machine):
    """The library's machine on such states and arrows."""

    state_cls = _Place
    transition_cls = _Arrow


class SharedMachine:
    """All arrows of one workflow, ready to be triggered on any number of cases."""

    def __init__(self, workflow: Workflow) -> None:
        """Build the machine from the definition's rows, in their order."""
        self.workflow = workflow
        # Plain strings: the library knows the members of an enumeration by their names, not their values.
        states = [str(state) for state in workflow.states]
        self._machine = _Machine(
            model=None, states=states, initial=None, auto_transitions=False, send_event=True, queued=False
        )
        for row in workflow.transitions:
            dest = None if row.dest is None else str(row.dest)
            for state in row.source:
                self._machine.add_transition(str(row.trigger), str(state), dest, conditions=[_ask(row)])
        self.moved_by_adoption = frozenset(row.trigger for row in workflow.transitions if row.on is On.ADOPTED)
        """What the board decides and the closing itself carries out; the rest waits for its day in the calendar."""
        self._events: dict[str, Any] = dict(self._machine.events)

    def fire(self, case: Case, trigger: str, occasion: Occasion) -> Transition | None:
        """Take the first arrow that the guards allow and move the case; None when none does.

        `case.why_not` then says why, in the words of the guard that refused last.
        """
        case.taken = None
        if not self.workflow.arrows(trigger, case.state):
            case.why_not = f"is {case.state}"
            return None
        self._events[trigger].trigger(case, occasion)
        return case.taken

    def would(self, case: Case, trigger: str, occasion: Occasion) -> Transition | None:
        """Answer which arrow would be taken, moving nothing."""
        for row in self.workflow.arrows(trigger, case.state):
            case.why_not = refusal(row, case, occasion)
            if case.why_not is None:
                return row
        return None


def refusal(row: Transition, case: Case, occasion: Occasion) -> str | None:
    """Return the first guard's reason to refuse this arrow, or None."""
    for guard in row.guards:
        why = guard(case, occasion)
        if why is not None:
            return why
    return None


def _ask(row: Transition) -> Callable[[EventData], bool]:
    """Turn a row's guards into a condition that also notes which row was taken, or why not."""
    guards = row.guards

    def condition(event: EventData) -> bool:
        case: Case = event.model  # type: ignore[assignment]  # the machine is given cases, nothing else
        occasion: Occasion = next(iter(event.args))
        for guard in guards:
            why = guard(case, occasion)
            if why is not None:
                case.why_not = why
                return False
        case.taken = row
        return True

    return condition
