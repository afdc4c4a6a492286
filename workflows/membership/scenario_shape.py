"""The shape of a scenario file: which key holds what, checked before anything is played.

What the engine refuses by itself (amounts, seats, numbers that are not there) is left to it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from engine.ballots import Choice
from engine.errors import Invalid
from workflows.membership.models import Kind, LetterOutcome, ReversalReason
from workflows.membership.scenario_words import (
    check_board_mails,
    check_cells,
    check_choices,
    check_expected,
    check_question,
    check_seats,
)
from workflows.membership.words import State

SHOWN = 40
FIRST_YEAR, LAST_YEAR, YEAR_DIGITS = 1900, 2200, 4


@dataclass(frozen=True, slots=True)
class Kindly:
    """A kind of value: what it is called, and how it is recognised."""

    name: str
    fits: Callable[[Any], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(fits(item) for item in value)


def _table_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Mapping) and all(fits(item) for item in value.values())


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_year(value: object) -> bool:
    return _is_whole(value) and isinstance(value, int) and FIRST_YEAR <= value <= LAST_YEAR


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _are_years(value: object) -> bool:
    if isinstance(value, str):
        return all(len(part) == YEAR_DIGITS and part.isdecimal() for part in value.split("|") if part)
    return _is_year(value) or _list_of(_is_year)(value)


def one_of(words: type[StrEnum]) -> Kindly:
    """One word of a closed set."""
    known = {word.value for word in words}
    return Kindly(f"one of {', '.join(word.value for word in words)}", lambda value: value in known)


TEXT = Kindly("a text", _is_text)
TEXTS = Kindly("a list of texts", _list_of(_is_text))
YES = Kindly("true or false", lambda value: isinstance(value, bool))
DAY = Kindly("a day such as 2025-08-28, without quotes", _is_day)
YEAR = Kindly("a year such as 2025, without quotes", _is_year)
YEARS = Kindly('years such as "2024|2025" or [2024, 2025]', _are_years)
AMOUNT = Kindly('an amount such as "20.00"', lambda value: _is_text(value) or _is_number(value))
TABLE = Kindly("a table", lambda value: isinstance(value, Mapping))
TABLES = Kindly("a list of tables: [[…]]", _list_of(lambda value: isinstance(value, Mapping)))
COUNTS = Kindly("a table of numbers such as { approve = 3 }", _table_of(_is_whole))
VOTES = Kindly('a table such as { S1 = "approve" }', _table_of(_is_text))
INSTANT = Kindly("a day or a local time", lambda value: isinstance(value, date))
REFUSED = Kindly("true, false or a type of problem", lambda value: isinstance(value, bool | str))
FILES = Kindly("a file, or a list of files", lambda value: _is_text(value) or TEXTS.fits(value))
CONFIG = Kindly("a file, or a table", lambda value: isinstance(value, str | Mapping))

FILE: Mapping[str, Kindly] = {
    "title": TEXT,
    "seats": TEXTS,
    "board": TEXT,
    "associations": TEXT,
    "services": TEXT,
    "payments": FILES,
    "config": CONFIG,
    "association": TABLES,
    "step": TABLES,
}
TEXT_FIELDS = (
    *("number", "name", "email", "treasurer_email", "language", "contact_name", "treasurer_name", "address"),
    *("postcode", "city", "region", "country", "phone", "themes", "contact_role"),
)
ROW: Mapping[str, Kindly] = {
    **dict.fromkeys(TEXT_FIELDS, TEXT),
    "kind": one_of(Kind),
    "joined_on": DAY,
    "state": one_of(State),
    "since": DAY,
    "owes": YEARS,
    "left_on": DAY,
    "reminded_for": YEARS,
    "last_sign_of_life": DAY,
    "services": TEXTS,
    "dues": AMOUNT,
}
APPLICATION: Mapping[str, Kindly] = {
    **{name: kind for name, kind in ROW.items() if name in {*TEXT_FIELDS, "kind", "services"}},
    "applied_on": DAY,
    "presented_by": TEXT,
    "note": TEXT,
    "conditions": TEXT,
}
STEP: Mapping[str, Kindly] = {"on": INSTANT, "do": TEXT, "expect": TABLE, "refused": REFUSED, "association": TEXT}
SHEET: Mapping[str, Kindly] = {
    "month": TEXT,
    "trigger": TEXT,
    "present": TEXTS,
    "votes": VOTES,
    "counts": COUNTS,
    "unanimous": one_of(Choice),
    "rest": one_of(Choice),
}
VERBS: Mapping[str, Mapping[str, Kindly]] = {
    "pay": {"year": YEAR, "amount": AMOUNT},
    "reverse": {"year": YEAR, "reason": one_of(ReversalReason)},
    "waive": {"year": YEAR, "reason": TEXT},
    "hold": {"to": DAY, "reason": TEXT},
    "contact": {"channel": TEXT},
    "notice": {"channel": TEXT},
    "leave": {"reason": TEXT},
    "join": ROW,
    "apply": APPLICATION,
    "withdraw": {"reason": TEXT},
    "bounce": {},
    "correct": {"reason": TEXT, "by": TEXTS},
    "vote": {"trigger": TEXT, "votes": VOTES},
    "record": SHEET,
    "recuse": {"trigger": TEXT, "seat": TEXT, "reason": TEXT, "undo": YES},
    "absent": {"month": TEXT, "seat": TEXT, "note": TEXT, "undo": YES},
    "put_on": {"month": TEXT, "trigger": TEXT, "reason": TEXT},
    "take_off": {"trigger": TEXT, "reason": TEXT},
    "annul": {"trigger": TEXT, "reason": TEXT, "by": TEXTS},
    "postpone": {"trigger": TEXT, "who": TEXT, "what": TEXT, "until": DAY},
    "close": {"trigger": TEXT},
    "meeting": {"month": TEXT, "held": INSTANT},
    "letter": {"posted": DAY, "presented": DAY, "outcome": one_of(LetterOutcome), "again": YES, "search": TEXT},
    "confirm": {"what": TEXT},
    "pause": {"until": DAY, "reason": TEXT},
    "resume": {},
    "stop": {},
    "start": {},
}
ENTERING = ("join", "apply")
"""Verbs that name whoever was not there before."""
LISTS = Kindly("a table of lists of texts", _table_of(TEXTS.fits))
EXPECT: Mapping[str, Kindly] = {
    "mails": LISTS,
    "board_mails": LISTS,
    "orders": LISTS,
    "tasks": TEXTS,
    "no_tasks": TEXTS,
    "ballots": Kindly("a table of texts", _table_of(_is_text)),
    "owed": Kindly("a table of amounts", _table_of(AMOUNT.fits)),
    "counts": Kindly("a table of numbers", _table_of(_is_whole)),
}


def check(data: Mapping[str, Any], name: str) -> None:
    """Refuse a scenario whose keys do not hold what they should. Raises Invalid naming the file and the first."""
    _check(data, FILE, f"{name}: ")
    check_seats(data.get("seats", ()), f"{name}: ")
    for number, row in enumerate(data.get("association", ()), 1):
        where = f"{name}: association {row.get('number', number)}: "
        _check(row, ROW, where)
        check_cells(row, where)
    numbers = _numbers(data)
    for number, step in enumerate(data.get("step", ()), 1):
        where = f"{name}: step {number}: "
        _check_step(step, numbers, where)
        check_board_mails(step.get("expect", {}), data.get("seats", ()), where)


def _numbers(data: Mapping[str, Any]) -> frozenset[str]:
    """Name the associations there are, or will be; none when a file has them, or when one gets the next number."""
    if "associations" in data:
        return frozenset()
    joining = [step.get("association") for step in data.get("step", ()) if step.get("do") in ENTERING]
    if None in joining:
        return frozenset()  # the next number is not known here
    return frozenset(filter(None, (*(row.get("number") for row in data.get("association", ())), *joining)))


def _check_step(step: Mapping[str, Any], numbers: frozenset[str], where: str) -> None:
    _check(step, STEP, where)
    if step.get("do") in VERBS:
        _check(step, VERBS[step["do"]], where)
        check_question(step.get("trigger"), where)
        check_choices(step.get("counts", ()), where)
    if step.get("do") in ENTERING:
        check_cells({name: value for name, value in step.items() if name in ROW}, where)
        check_cells({"number": step.get("association", "")}, where)
    expect = step.get("expect", {})
    for name, value in expect.items():
        kind = EXPECT.get(name, TEXT)
        if not kind.fits(value):
            near = get_close_matches(name, EXPECT, 1)
            hint = f"; did you mean {near[0]}?" if near and kind is TEXT else ""
            raise Invalid(reason=f"{where}expect {name} must be {kind.name}, not {_shown(value)}{hint}")
    check_expected(expect, EXPECT, numbers, where)


def _check(table: Mapping[str, Any], kinds: Mapping[str, Kindly], where: str) -> None:
    for name, kind in kinds.items():
        if name in table and not kind.fits(table[name]):
            raise Invalid(reason=f"{where}{name} must be {kind.name}, not {_shown(table[name])}")


def ignored(data: Mapping[str, Any]) -> Iterator[str]:
    """Name the fields of steps that no verb reads: most often a slip of the keyboard."""
    for number, step in enumerate(data.get("step", ()), 1):
        known = {*STEP, *VERBS.get(step.get("do", ""), step)}
        for name in step:
            if name not in known:
                yield f"step {number}: {step['do']} does not know {name!r}: ignored"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "this table" if value else "an empty table"
    text = value.isoformat() if isinstance(value, date) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
