"""associations.csv: reading members, each with where it stands when it is taken over. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from engine.errors import Invalid
from workflows.membership.models import Kind
from workflows.membership.money import cents_of
from workflows.membership.options import first_year
from workflows.membership.register.canonical import Cells, Layout, Parsed, parse_file, refuse_twice
from workflows.membership.register.cells import (
    NONE,
    as_code,
    as_country,
    as_day,
    as_email,
    as_text,
    as_year,
    as_years,
    day_up_to,
    one_word_of,
)
from workflows.membership.takeover import TakenOver
from workflows.membership.words import State

LANGUAGES = ("fr", "en")
REQUIRED = (
    *("number", "name", "kind", "joined_on", "contact_name", "contact_role", "email", "treasurer_name"),
    *("treasurer_email", "address", "postcode", "city", "region", "country", "language", "themes", "dues"),
)
STANDING = (
    *("state", "since", "owes", "reminded_for", "last_sign_of_life", "left_on"),
    *("waived", "concerns", "cut_on", "hold_until", "hold_reason", "unreachable_since", "bounced"),
)
"""Where a member stands: read when it is entered, never applied to one that is there already."""
ASSOCIATIONS = Layout(REQUIRED, ("phone", *STANDING))
TEXTS = (
    *("contact_name", "contact_role", "treasurer_name", "phone", "address", "postcode", "city", "region", "themes"),
)
MAILBOXES = ("email", "treasurer_email")
PERSONS_ARE_NEVER = (State.SUSPENDED, State.PROPOSED, State.REMOVED)
OWING_NOTHING = (State.PAID, State.LEFT)


def read_associations(path: Path, today: date | None = None) -> list[TakenOver]:
    """Read members. `today`: refuse days to come, and fill in what defaults to it. Raises RegisterRefused."""
    return parse_associations(path, today).all_rows()


def parse_associations(path: Path, today: date | None = None) -> Parsed[TakenOver]:
    """Read members and what is refused of them."""
    parsed = parse_file(path, ASSOCIATIONS, partial(_member, today))
    return refuse_twice(parsed, lambda row: row.number, lambda row: row.line, lambda row: f"number {row.number}")


def _member(today: date | None, cells: Cells) -> TakenOver:
    number = cells.need("number", as_code, "?")
    fields = _fields(cells, today)
    joined_on = fields["joined_on"]
    standing = _standing(
        cells, Kind(str(fields["kind"])), joined_on if isinstance(joined_on, date) else date.min, today
    )
    fields |= _remembered(cells, today)
    reachable = cells.cells.get("unreachable_since") == NONE
    return TakenOver(
        number,
        fields,
        standing.state,
        standing.since,
        standing.owes,
        standing.reminded_for,
        line=cells.line,
        told={column: cells.cells[column] for column in STANDING if cells.has(column)},
        owed_cents=standing.owed_cents,
        waived_cents=dict(cells.get("waived", as_amounts, ())),
        concerned=cells.get("concerns", as_years, None),
        cut_on=cells.get("cut_on", day_up_to(today), None),
        unreachable_since=None if reachable else cells.get("unreachable_since", day_up_to(today), None),
        reachable=reachable,
        bounced=cells.get("bounced", as_mailboxes, ()),
    )


def _fields(cells: Cells, today: date | None) -> dict[str, object]:
    """Register fields by column; those of columns that the file lacks are not there."""
    fields: dict[str, object] = {
        "name": cells.need("name", as_text, "?"),
        "kind": cells.need("kind", one_word_of(Kind), Kind.ASSOCIATION).value,
        "joined_on": cells.need("joined_on", day_up_to(today), date.min),
    }
    fields |= {column: cells.get(column, as_text, "") for column in TEXTS if column in cells.cells}
    fields |= {column: cells.get(column, as_email, "") for column in MAILBOXES}
    fields["country"] = cells.get("country", as_country, "")
    fields["language"] = cells.get("language", as_language, LANGUAGES[0])
    fields["dues_cents"] = cells.get("dues", cents_of, None)
    return fields


def as_language(text: str) -> str:
    """Read fr or en."""
    if text not in LANGUAGES:
        raise Invalid(reason=f"{text!r} is unknown: it is one of {', '.join(LANGUAGES)}")
    return text


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a member stands."""

    state: State
    since: date | None
    owes: tuple[int, ...]
    owed_cents: Mapping[int, int]
    reminded_for: int | None


def _standing(cells: Cells, kind: Kind, joined_on: date, today: date | None) -> _Standing:
    """Read state, since, owes, reminded_for with their defaults."""
    state = cells.get("state", one_word_of(State), State.PAID)
    if kind == Kind.PERSON and state in PERSONS_ARE_NEVER:
        cells.refuse(f"state: a person is never {state.value}: it lapses, which is left")
    left_on = cells.get("left_on", day_up_to(today), None)
    if left_on is not None and state != State.LEFT:
        cells.refuse(f"left_on: its state is {state.value}, not left")
    since = cells.get("since", day_up_to(today), left_on)
    usual = _usual_year(cells, state, since or today, joined_on)
    amounts = _owed(cells, state, usual)
    owes = tuple(amounts)
    by_default = usual if state == State.REMINDED else None
    reminded_for = cells.get("reminded_for", as_year_or_none, by_default)
    for column, years in (("owes", owes), ("reminded_for", (reminded_for,) if reminded_for else ())):
        _check_years(cells, column, years, (first_year(joined_on), today))
    own = {year: cents for year, cents in amounts.items() if cents is not None}
    return _Standing(state, since, owes, own, reminded_for)


def _usual_year(cells: Cells, state: State, since: date | None, joined_on: date) -> int | None:
    """The year that a state is about when the file does not say."""
    if state in OWING_NOTHING or (cells.has("owes") and cells.has("reminded_for")):
        return None
    if since is not None:
        return max(year_meant(state, since), first_year(joined_on))
    if not cells.has("owes") or state == State.REMINDED:
        cells.refuse(f"state {state.value} needs since, or the years it owes")
    return None


def year_meant(state: State, since: date) -> int:
    """The year that a state since a day is about: the day's own; of whoever is called since December, the next."""
    return first_year(since) if state == State.CALLED else since.year


def _owed(cells: Cells, state: State, usual: int | None) -> dict[int, int | None]:
    """The years owed, with the amount of the year's due where the file says it."""
    if not cells.has("owes"):
        return {} if usual is None else {usual: None}
    amounts: dict[int, int | None] = dict(cells.get("owes", as_owed, ()))
    if amounts and state == State.PAID:
        cells.refuse("owes: a member that is paid owes nothing")
    return amounts


def _check_years(cells: Cells, column: str, years: tuple[int, ...], bounds: tuple[int, date | None]) -> None:
    first, today = bounds
    last = None if today is None else today.year + 1
    for year in years:
        if year < first or (last is not None and year > last):
            known = f"from {first} on" if last is None else f"{first} to {last}"
            cells.refuse(f"{column}: {year} is not a year that it can owe: {known}")


def _remembered(cells: Cells, today: date | None) -> dict[str, object]:
    """What else the row of a member remembers."""
    columns: Mapping[str, tuple[str, Callable[[str], object]]] = {
        "last_sign_of_life": ("last_contact_on", day_up_to(today)),
        "left_on": ("left_on", day_up_to(today)),
        "hold_until": ("hold_until", as_day),
        "hold_reason": ("hold_reason", as_text),
    }
    return {name: cells.get(column, read, None) for column, (name, read) in columns.items() if cells.has(column)}


def as_owed(text: str) -> tuple[tuple[int, int | None], ...]:
    """Read 2024:18.00|2025: years, with the amount of a due that is not the member's usual one."""
    if text == NONE:
        return ()
    return _by_year(text, [(part.partition(":")[0], part.partition(":")[2]) for part in text.split("|")])


def as_amounts(text: str) -> tuple[tuple[int, int], ...]:
    """Read 2024:18.00|2025:20.00: years with an amount each."""
    found = as_owed(text)
    return tuple((year, cents if cents is not None else cents_of("")) for year, cents in found)


def _by_year(text: str, parts: list[tuple[str, str]]) -> tuple[tuple[int, int | None], ...]:
    found = {as_year(year.strip()): cents_of(amount) if amount else None for year, amount in parts}
    if len(found) < len(parts):
        raise Invalid(reason=f"{text!r} names a year twice")
    return tuple(sorted(found.items()))


def as_year_or_none(text: str) -> int | None:
    """Read 2025, or "none"."""
    return None if text == NONE else as_year(text)


def as_mailboxes(text: str) -> tuple[str, ...]:
    """Read which of its addresses bounced: email|treasurer_email."""
    names = tuple(text.split("|"))
    for name in names:
        if name not in MAILBOXES:
            raise Invalid(reason=f"{name!r} is unknown: it is one of {', '.join(MAILBOXES)}")
    return names
