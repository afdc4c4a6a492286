"""A workflow drawn from its own rows, as a Mermaid state diagram. Pure."""

from collections.abc import Callable, Iterable, Sequence

from engine.definition import BallotRule, CalendarEvent, On, Transition, Workflow

BEGIN, END = "<!-- diagram:begin -->", "<!-- diagram:end -->"
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def mermaid(workflow: Workflow, aside: Sequence[str] = ()) -> str:
    """Draw the states, with their labels, and what moves from one to another.

    Arrows between the same two states are one. Noted, not drawn: a trigger that starts everywhere but in the final
    states, a yearly step that moves nothing, and the triggers put `aside`.
    """
    drawn = [row for row in workflow.transitions if row.trigger not in aside]
    anywhere = [row for row in drawn if _starts_anywhere(workflow, row)]
    lines = ["stateDiagram-v2", *(_state(workflow, state) for state in workflow.states)]
    lines += [f"[*] --> {state}" for state in workflow.initial]
    lines += _arrows(workflow, [row for row in drawn if row not in anywhere])
    lines += [f"{state} --> [*]" for state in workflow.final]
    lines += [
        _note(str(row.dest), f"{_said(workflow, row, ', ')}, from any state that is not final") for row in anywhere
    ]
    lines += [_note(state, f"{text}, it stays") for state, text in _stays(workflow, drawn)]
    return "\n    ".join(lines) + "\n"


def fenced(diagram: str) -> str:
    """Put a diagram between the fences that Markdown wants."""
    return f"```mermaid\n{diagram}```\n"


def put_between(text: str, diagram: str) -> str | None:
    """Replace what is between the two marks of a Markdown text; None when it has no such marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return None
    return f"{before}{BEGIN}\n{fenced(diagram)}{END}{after}"


def date_of(event: CalendarEvent) -> str:
    """Write a yearly date: 1 December; in cron's own words where it is no plain day."""
    day, month = str(event.rule.day), str(event.rule.month)
    name = MONTHS[int(month) - 1] if month.isdigit() else month
    return f"{day} {name}" if day.isdigit() else f"{day} of {name}"


def _state(workflow: Workflow, state: str) -> str:
    label = workflow.labels.get(state)
    return f"{state} : {state}" if label is None else f"{state} : {state}<br>{label}"


def _starts_anywhere(workflow: Workflow, row: Transition) -> bool:
    """Whether an arrow leads from every state that is not final, of which there are several, to one and the same."""
    others = set(workflow.states) - set(workflow.final) - {row.dest}
    return row.dest is not None and len(others) > 1 and set(row.source) >= others


def _arrows(workflow: Workflow, rows: Iterable[Transition]) -> list[str]:
    """One line for each pair of states, in the page's order, with all that leads from one to the other."""
    causes: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for state in row.source:
            if row.dest is not None and row.dest != state:
                said = causes.setdefault((state, row.dest), [])
                if (text := _said(workflow, row)) not in said:
                    said.append(text)
    return [f"{start} --> {dest} : {'<br>or '.join(said)}" for (start, dest), said in causes.items()]


def _stays(workflow: Workflow, rows: Sequence[Transition]) -> list[tuple[str, str]]:
    """Yearly steps that never move anybody, by the first state they concern."""
    moving = {row.trigger for row in rows if row.dest is not None}
    calm = [row for row in rows if row.on is On.CALENDAR and row.trigger not in moving]
    return [(row.source[0], _said(workflow, row, ", ")) for row in calm]


def _note(state: str, text: str) -> str:
    return f"note right of {state} : {text}"


def _said(workflow: Workflow, row: Transition, between: str = "<br>") -> str:
    """The trigger and what causes it."""
    cause = _CAUSES[row.on](workflow, row.trigger)
    return f"{row.trigger}{between}{cause}" if cause else str(row.trigger)


def _by_calendar(workflow: Workflow, trigger: str) -> str:
    event = workflow.event(trigger)
    date = date_of(event)
    return date if event.decided_by is None else f"{_board(workflow.ballot(event.decided_by))},<br>then {date}"


def _by_adoption(workflow: Workflow, trigger: str) -> str:
    return _board(workflow.ballot(trigger))


def _board(rule: BallotRule) -> str:
    month = MONTHS[rule.month - 1]
    if rule.every_meeting:
        return "board, at any meeting" if rule.month == 1 else f"board, from {month} on"
    return f"board of {month}"


_CAUSES: dict[On, Callable[[Workflow, str], str]] = {
    On.CALENDAR: _by_calendar,
    On.ADOPTED: _by_adoption,
    On.REJECTED: lambda _workflow, _trigger: "board rejects",
    On.EVENT: lambda _workflow, _trigger: "",
}
