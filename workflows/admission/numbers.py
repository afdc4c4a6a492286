"""Numbers: the next one, as the register counts them, and which are taken. A candidate keeps its number for good."""

import re
from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection

from engine.errors import Invalid

FIRST = "A0001"
_COUNTED = re.compile(r"(\D*)(\d+)", re.ASCII)
_NUMBERS = """SELECT i.subject, coalesce(a.kind, c.kind) FROM workflow_instance i
    LEFT JOIN association a ON a.instance_id = i.id LEFT JOIN candidate c ON c.instance_id = i.id"""
_TAKEN = "SELECT workflow FROM workflow_instance WHERE subject = ? ORDER BY id DESC LIMIT 1"


def next_number(connection: Connection, kind: str) -> str:
    """Return the number after the highest, of members and candidates, in the series that most of this kind are in."""
    return after(connection.exec_driver_sql(_NUMBERS).fetchall(), kind)


def after(numbers: Iterable[tuple[str, str]], kind: str) -> str:
    """Return the next number, given those that are taken, each with its kind. Those that do not count are left out."""
    found = [(match[1], match[2], of) for number, of in numbers if (match := _COUNTED.fullmatch(number))]
    series = Counter(prefix for prefix, _, of in found if of == kind) or Counter(prefix for prefix, _, _ in found)
    if not series:
        return FIRST
    prefix = min(series, key=lambda name: (-series[name], name))
    highest = max((digits for name, digits, _ in found if name == prefix), key=int)
    return f"{prefix}{int(highest) + 1:0{len(highest)}}"


def refuse_taken(connection: Connection, number: str) -> None:
    """Refuse a number that a member or another candidate has, or had. Raises Invalid."""
    row = connection.exec_driver_sql(_TAKEN, (number,)).fetchone()
    if row is not None:
        who = "a member" if row[0] == "membership" else "a candidate"
        raise Invalid(reason=f"{number} is taken: there is already {who} of that number")
