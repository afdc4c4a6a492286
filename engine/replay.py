"""Replays: a scenario through the real engine, real calendar and real tables in memory, in virtual time.

A workflow registers its own verbs and expectations; votes, meetings and the server's are here, what else a board does
is in `engine/replay_board.py`.
"""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.ballots import Choice
from engine.board_models import BallotStatus
from engine.context import LONG_AGO
from engine.definition import Workflow
from engine.engine import Engine
from engine.errors import BallotNotOpen, Invalid, RelanceError, ServerDown
from engine.scenario import Scenario, Step, instant_of_toml
from engine.voting import Cast

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that does not hold, or a step that was (or was not) refused."""

    step: str
    expected: str
    got: str


@dataclass(frozen=True)
class Script:
    """What a workflow adds to replays: how it starts, its verbs, what may be expected of it."""

    workflow: str
    prepare: Callable[["Player", Scenario], Sequence[Step]]
    verbs: Mapping[str, Callable[["Player", Step], None]]
    expects: Mapping[str, Callable[["Player", Any], list[tuple[str, str, str]]]]
    required: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Player:
    """Plays one scenario. `now` is virtual; while the server is down nothing runs."""

    def __init__(self, engine: Engine, *scripts: Script) -> None:
        """Get ready; nothing is written yet. Where two scripts have a verb of the same name, the first has it."""
        self.engine, self.scripts = engine, scripts
        self.workflow = next(flow for flow in engine.context.workflows if flow.name == scripts[0].workflow)
        self.verbs = dict(ChainMap(dict(VERBS), *(dict(script.verbs) for script in scripts)))
        self.expects = dict(ChainMap(dict(EXPECTS), *(dict(script.expects) for script in scripts)))
        self.now = LONG_AGO
        self.down = False
        self.failures: list[Failure] = []
        self._counted = 0

    def count(self) -> int:
        """Return a number that this replay has not used yet."""
        self._counted += 1
        return self._counted

    def play(self, scenario: Scenario) -> list[Failure]:
        """Play it to the end, or to the first step that is refused without having asked for it."""
        self.now = scenario.start
        self.engine.start_clock(self.now)
        self._seat(scenario)
        more = [step for script in self.scripts for step in script.prepare(self, scenario)]
        steps = sorted([*more, *scenario.steps], key=lambda step: step.on)
        for step in steps:
            self.run_until(step.on)
            if step.expect is not None:
                self._expect(step)
            elif not self._do(step):
                return self.failures
        self.run_until(scenario.end)
        return self.failures

    def run_until(self, instant: datetime) -> None:
        """Let time pass: what falls due on the way is run when it does."""
        while not self.down and (moment := self.engine.next_moment(instant)) is not None:
            self.engine.tick(max(moment, self.now))
        self.now = instant

    def _seat(self, scenario: Scenario) -> None:
        rows = [(name, name, f"{name.lower()}@board.example", "member") for name in scenario.seats]
        if rows:
            with self.engine.store.write() as connection:
                sql = "INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)"
                connection.exec_driver_sql(sql, rows)

    def _do(self, step: Step) -> bool:
        """Perform a step; False when it was refused unexpectedly, which ends the replay."""
        try:
            self._perform(step)
        except RelanceError as error:
            if step.refused is True or step.refused == error.type:
                return True
            expected = "done" if step.refused is False else f"refused: {step.refused}"
            self.failures.append(Failure(step.name, f"{step.do}: {expected}", f"refused: {error.type}: {error}"))
            return False
        if step.refused:
            self.failures.append(Failure(step.name, f"{step.do}: refused ({step.refused})", "done"))
        return True

    def _perform(self, step: Step) -> None:
        verb = self.verbs.get(step.do or "")
        if verb is None:
            raise Invalid(reason=f"there is no verb {step.do!r}")
        if self.down and step.do != "start":
            raise ServerDown
        verb(self, step)

    def _expect(self, step: Step) -> None:
        for name, value in (step.expect or {}).items():
            check = self.expects.get(name)
            problems = _check_state(self, name, value) if check is None else check(self, value)
            self.failures += [Failure(step.name, f"{what} = {wanted}", got) for what, wanted, got in problems]

    # What verbs need

    def field(self, step: Step, name: str) -> Any:
        """Return a field that the verb cannot do without. Raises Invalid."""
        if name not in step.fields:
            raise Invalid(reason=f"{step.do} needs {name!r}")
        return step.fields[name]

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Rows of a SELECT."""
        with self.engine.store.read() as connection:
            return list(connection.exec_driver_sql(sql, values).fetchall())

    def asking(self, trigger: str) -> Workflow:
        """Return the workflow in which the board answers a question; the first one for a question that is unknown."""
        return next((flow for flow in self.engine.context.workflows if flow.asks(trigger)), self.workflow)

    def instance_id(self, subject: str, workflow: Workflow | None = None) -> int:
        """Id of a subject (in the first workflow unless another is named). Raises Invalid."""
        name = (workflow or self.workflow).name
        rows = self.rows("SELECT id FROM workflow_instance WHERE workflow = ? AND subject = ?", name, subject)
        if not rows:
            raise Invalid(reason=f"there is no {subject} in this scenario")
        return int(rows[0][0])

    def ballots(self, step: Step, *statuses: BallotStatus) -> list[int]:
        """Ids of the ballots a step means. Raises BallotNotOpen when it names one that is not in such a status."""
        trigger, subject = self.field(step, "trigger"), step.fields.get("association", EVERYBODY)
        marks = ", ".join("?" * len(statuses))
        if subject == EVERYBODY:
            sql = (
                f"SELECT max(id) FROM ballot WHERE trigger = ? AND status IN ({marks}) GROUP BY instance_id ORDER BY 1"  # noqa: S608 marks only
            )
            return [row[0] for row in self.rows(sql, trigger, *statuses)]
        sql = "SELECT id, status FROM ballot WHERE trigger = ? AND instance_id = ? ORDER BY id DESC LIMIT 1"
        rows = self.rows(sql, trigger, self.instance_id(subject, self.asking(trigger)))
        if not rows or rows[0][1] not in statuses:
            raise BallotNotOpen(ballot=f"{trigger}/{subject}")
        return [rows[0][0]]


def choices_of(player: Player, step: Step) -> dict[str, Choice]:
    """Read who votes what. Raises Invalid for a word that is no choice."""
    try:
        return {seat: Choice(choice) for seat, choice in player.field(step, "votes").items()}
    except ValueError as error:
        raise Invalid(reason=str(error)) from None


def _asking(player: Player, step: Step) -> Workflow:
    return player.asking(player.field(step, "trigger"))


def _vote(player: Player, step: Step) -> None:
    choices = choices_of(player, step)
    ballots = player.ballots(step, BallotStatus.OPEN)
    votes = [Cast(ballot, seat, choice) for ballot in ballots for seat, choice in choices.items()]
    player.engine.cast_votes(_asking(player, step), votes, player.now, "scenario")


def _some(ballots: list[int], step: Step) -> list[int]:
    """Refuse to close nothing at all. Raises BallotNotOpen."""
    if not ballots:
        raise BallotNotOpen(ballot=f"{step.fields.get('trigger')}/*")
    return ballots


def _close(player: Player, step: Step) -> None:
    ballots = _some(player.ballots(step, BallotStatus.OPEN), step)
    player.engine.close_ballots(_asking(player, step), ballots, player.now)


def _meeting(player: Player, step: Step) -> None:
    held = instant_of_toml(player.field(step, "held"), player.engine.rules.tz, "held")
    player.engine.move_meeting(player.field(step, "month"), held, player.now)


def _confirm(player: Player, step: Step) -> None:
    what = player.field(step, "what")
    if what == "brake":
        player.engine.confirm_brake(player.now, "scenario")
    elif f"confirm {what}" in player.verbs:
        player.verbs[f"confirm {what}"](player, step)
    else:
        raise Invalid(reason=f"there is nothing to confirm by the name {what!r}")


def _stop(player: Player, _step: Step) -> None:
    player.down = True


def _start(player: Player, _step: Step) -> None:
    player.down = False
    player.engine.tick(player.now)


def _pause(player: Player, step: Step) -> None:
    player.engine.pause(player.field(step, "until"), step.fields.get("reason", ""), player.now, "scenario")


def _resume(player: Player, _step: Step) -> None:
    player.engine.end_pauses(player.now)


VERBS: Mapping[str, Callable[[Player, Step], None]] = {
    "vote": _vote,
    "close": _close,
    "meeting": _meeting,
    "confirm": _confirm,
    "stop": _stop,
    "start": _start,
    "pause": _pause,
    "resume": _resume,
}


def _check_state(player: Player, subject: str, wanted: str) -> list[tuple[str, str, str]]:
    """Compare the state of a subject: in the workflow that knows the word, else in the one begun last."""
    rows = player.rows("SELECT workflow, state FROM workflow_instance WHERE subject = ? ORDER BY id DESC", subject)
    known = {flow.name for flow in player.engine.context.workflows if wanted in flow.states}
    states = [state for workflow, state in rows if workflow in known] or [state for _, state in rows] or ["unknown"]
    return [] if states[0] == wanted else [(subject, wanted, states[0])]


def _check_counts(player: Player, wanted: Mapping[str, int]) -> list[tuple[str, str, str]]:
    rows = player.rows("SELECT state, count(*) FROM workflow_instance GROUP BY state")
    counts = {row[0]: row[1] for row in rows}
    return [
        (f"counts.{state}", str(number), str(counts.get(state, 0)))
        for state, number in wanted.items()
        if counts.get(state, 0) != number
    ]


def _open_kinds(player: Player) -> set[str]:
    return {row[0] for row in player.rows("SELECT DISTINCT kind FROM task WHERE done_at IS NULL")}


def _check_tasks(player: Player, wanted: Sequence[str]) -> list[tuple[str, str, str]]:
    there = _open_kinds(player)
    return [("tasks", kind, ", ".join(sorted(there)) or "none") for kind in wanted if kind not in there]


def _check_no_tasks(player: Player, unwanted: Sequence[str]) -> list[tuple[str, str, str]]:
    there = _open_kinds(player)
    return [("no_tasks", kind, "open") for kind in unwanted if kind in there]


def _check_ballots(player: Player, wanted: Mapping[str, str]) -> list[tuple[str, str, str]]:
    problems = []
    for name, status in wanted.items():
        trigger, _, subject = name.partition("/")
        sql = "SELECT status FROM ballot WHERE trigger = ? AND instance_id = ? ORDER BY id DESC LIMIT 1"
        rows = player.rows(sql, trigger, player.instance_id(subject, player.asking(trigger)))
        got = rows[0][0] if rows else "none"
        if got != status:
            problems.append((f"ballots.{name}", status, got))
    return problems


def _check_mails(player: Player, wanted: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
    problems = []
    for subject, kinds in wanted.items():
        got = mails_sent(player, subject)
        if got != list(kinds):
            problems.append((f"mails.{subject}", ", ".join(kinds) or "none", ", ".join(got) or "none"))
    return problems


def mails_sent(player: Player, subject: str) -> list[str]:
    """Kinds of mail sent to a subject, in order, one per occasion whatever the recipients."""
    sql = """SELECT m.kind FROM outbox_message m JOIN workflow_instance i ON i.id = m.instance_id
        WHERE i.subject = ? AND m.status IN ('sent', 'bounced') GROUP BY i.id, m.kind, m.occasion ORDER BY min(m.id)"""
    if not player.rows("SELECT 1 FROM workflow_instance WHERE subject = ?", subject):
        raise Invalid(reason=f"there is no {subject} in this scenario")
    return [row[0] for row in player.rows(sql, subject)]


EXPECTS: Mapping[str, Callable[[Player, Any], list[tuple[str, str, str]]]] = {
    "counts": _check_counts,
    "tasks": _check_tasks,
    "no_tasks": _check_no_tasks,
    "ballots": _check_ballots,
    "mails": _check_mails,
}
