"""The words of a scenario file that are of closed sets, and its cells: a slip of the keyboard is named, not passed."""

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from engine.ballots import Choice
from engine.board_models import BallotStatus, BoardMail
from engine.errors import Invalid
from engine.events import MISSED_STEP
from engine.meetings import MEETING_UNCONFIRMED
from engine.runs import BRAKE
from engine.sheet import FOLLOW_UP
from workflows import WORKFLOWS
from workflows.admission.words import TaskKind as AdmissionTask
from workflows.membership.models import OrderAction
from workflows.membership.register.associations import as_language
from workflows.membership.register.cells import as_code, as_country, as_email, as_word, why_unreadable
from workflows.membership.words import TaskKind

Say = Callable[[str], Invalid]

STATES = tuple(str(state) for flow in WORKFLOWS for state in flow.states)
TASKS = (
    *(kind.value for kind in (*TaskKind, *AdmissionTask)),
    *(BRAKE, MISSED_STEP, MEETING_UNCONFIRMED, FOLLOW_UP, "not_running", "uncertain_mail", "bounced_mail"),
    "own_template",
)
MAILS = (*(kind for flow in WORKFLOWS for kind in flow.mail_kinds), *(mail.value for mail in BoardMail))
BOARD_MAILS = tuple(mail.value for mail in BoardMail)
CHOICES = tuple(choice.value for choice in Choice)
QUESTIONS = tuple(str(rule.trigger) for flow in WORKFLOWS for rule in flow.ballots)
BOARD_MAILS = tuple(mail.value for mail in BoardMail)
CHOICES = tuple(choice.value for choice in Choice)
OUTCOMES = (*(status.value for status in BallotStatus), "none")
ACTIONS = tuple(action.value for action in OrderAction)
BY_NUMBER = ("mails", "owed", "orders")
CELLS: Mapping[str, Callable[[str], object]] = {
    "number": as_code,
    "email": as_email,
    "treasurer_email": as_email,
    "country": as_country,
    "language": as_language,
}
"""How the register reads a cell that is filled in; the others hold any text that has no line breaks."""


def check_cells(row: Mapping[str, Any], where: str) -> None:
    """Refuse a member that the register's import would refuse. Raises Invalid."""
    for name, value in row.items():
        if isinstance(value, str) and value:
            _check_cell(value, CELLS.get(name), f"{where}{name}: ")
    for kind in row.get("services", ()):
        _check_cell(kind, as_word, f"{where}services: ")


def check_seats(seats: Iterable[str], where: str) -> None:
    """Refuse seats that the board's import would refuse. Raises Invalid."""
    seen: set[str] = set()
    for seat in seats:
        _check_cell(seat, as_code, f"{where}seats: ")
        if seat in seen:
            raise Invalid(reason=f"{where}seats: {seat} is there twice")
        seen.add(seat)


def _check_cell(value: str, read: Callable[[str], object] | None, where: str) -> None:
    why = why_unreadable(value)
    if why is not None:
        raise Invalid(reason=f"{where}{why}")
    if read is not None:
        try:
            read(value)
        except Invalid as error:
            raise Invalid(reason=f"{where}{error}") from None


def check_expected(expect: Mapping[str, Any], known: Collection[str], numbers: Collection[str], where: str) -> None:
    """Refuse an expectation that could never fail, or never hold, since it names what is not.

    `known`: what may be expected beside the state of an association; `numbers`: the associations there are, none when
    a file names them. Raises Invalid.
    """
    for name, value in expect.items():
        if name in known:
            _check_words(name, value, numbers, where)
        elif numbers and name not in numbers:
            raise Invalid(reason=f"{where}expect {_unknown(name, (*known, *numbers))}")
        else:
            _one_of(value, STATES, f"{where}expect {name}: ")


def check_question(trigger: object, where: str) -> None:
    """Refuse a question that the board is never asked. Raises Invalid."""
    if isinstance(trigger, str):
        _one_of(trigger, QUESTIONS, f"{where}trigger: ")


def check_choices(counts: Iterable[str], where: str) -> None:
    """Refuse hands counted for what is no choice. Raises Invalid."""
    _each_of(counts, CHOICES, f"{where}counts: ")


def check_board_mails(expect: Mapping[str, Any], seats: Collection[str], where: str) -> None:
    """Refuse mails to a seat that is not there (none where a file names them), or of a kind that no seat gets.

    Raises Invalid.
    """
    for seat, kinds in expect.get("board_mails", {}).items():
        if seats:
            _one_of(seat, seats, f"{where}expect board_mails: ")
        _each_of(kinds, BOARD_MAILS, f"{where}expect board_mails: ")


def _check_words(name: str, value: Any, numbers: Collection[str], where: str) -> None:
    start = f"{where}expect {name}: "
    if name in {"tasks", "no_tasks"}:
        _each_of(value, TASKS, start)
    if name == "counts":
        _each_of(value, STATES, start)
    if name in BY_NUMBER and numbers:
        _each_of(value, numbers, start)
    if name == "mails":
        _each_of((kind for kinds in value.values() for kind in kinds), MAILS, start)
    if name == "orders":
        _each_of((order.partition(" ")[0] for orders in value.values() for order in orders), ACTIONS, start)
    if name == "ballots":
        for which, outcome in value.items():
            trigger, _, number = which.partition("/")
            _one_of(trigger, QUESTIONS, start)
            _one_of(outcome, OUTCOMES, start)
            if numbers:
                _one_of(number, numbers, start)


def _each_of(words: Iterable[str], known: Collection[str], where: str) -> None:
    for word in words:
        _one_of(word, known, where)


def _one_of(word: str, known: Collection[str], where: str) -> None:
    if word not in known:
        raise Invalid(reason=f"{where}{_unknown(word, known)}")


def _unknown(word: str, known: Collection[str]) -> str:
    near = get_close_matches(word, list(known), 1)
    hint = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(list(known)[:20])}"
    return f"{word!r} is unknown; {hint}"
