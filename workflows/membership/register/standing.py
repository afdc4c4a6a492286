"""Where each member stands, in the words and columns of associations.csv: what an export writes and an import reads."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from engine.clock import local_day
from engine.rules import Rules
from engine.store import maybe_instant
from workflows.membership.facts import years_of
from workflows.membership.money import money_text
from workflows.membership.options import options_of
from workflows.membership.register.associations import MAILBOXES, OWING_NOTHING, STANDING
from workflows.membership.register.cells import NONE
from workflows.membership.words import CUT, State

_MEMBERS = """SELECT i.id, i.subject, i.state, i.since, a.kind, a.dues_cents, a.last_contact_on, a.left_on,
    a.concerned, a.cut_at, a.hold_until, a.hold_reason, a.unreachable_since, a.email_bounced_at,
    a.treasurer_email_bounced_at, a.email || a.treasurer_email
    FROM workflow_instance i JOIN association a ON a.instance_id = i.id ORDER BY i.subject"""
_OWED = """SELECT association_id, year, amount_cents FROM due
    WHERE called_at IS NOT NULL AND settled_cents < amount_cents ORDER BY association_id, year"""
_WAIVED = """SELECT association_id, year, sum(amount_cents) FROM ledger_entry
    WHERE kind IN ('waiver', 'cancellation') AND year IS NOT NULL GROUP BY association_id, year ORDER BY 1, 2"""
_REMINDED = """SELECT instance_id, max(year) FROM occurrence
    WHERE event = 'remind' AND status = 'acted' AND proven_at IS NOT NULL GROUP BY instance_id"""


def standing_of(connection: Connection, rules: Rules) -> dict[str, dict[str, str]]:
    """Where every member stands, by number, column by column, in the order of the numbers."""
    owed, waived = _by_member(connection, _OWED), _by_member(connection, _WAIVED)
    reminded = {row[0]: row[1] for row in connection.exec_driver_sql(_REMINDED)}
    return {
        row[1]: _texts(row, rules, owed.get(row[0], {}), waived.get(row[0], {}), reminded.get(row[0]))
        for row in connection.exec_driver_sql(_MEMBERS)
    }


def _by_member(connection: Connection, statement: str) -> Mapping[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for member_id, year, cents in connection.exec_driver_sql(statement):
        found[member_id][year] = cents
    return found


def _texts(
    row: Any, rules: Rules, owed: Mapping[int, int], waived: Mapping[int, int], reminded_for: int | None
) -> dict[str, str]:
    state = State(row[2])
    usual = options_of(rules).amount_for(row[4], row[5])
    since = _day(row[3], rules)
    cut_on = _day(row[9], rules) if state in CUT else ""
    bounced = [column for column, at in zip(MAILBOXES, row[13:15], strict=True) if at is not None]
    texts = {
        "state": state.value,
        "since": since,
        "owes": _owes_text(state, owed, usual),
        "reminded_for": str(reminded_for or (NONE if state == State.REMINDED else "")),
        "last_sign_of_life": row[6] or "",
        "left_on": row[7] or "" if state == State.LEFT else "",
        "waived": "|".join(f"{year}:{money_text(cents)}" for year, cents in waived.items()),
        "concerns": _concerns_text(state, row[8], owed),
        "cut_on": "" if cut_on == since else cut_on,
        "hold_until": row[10] or "",
        "hold_reason": row[11],
        "unreachable_since": _day(row[12], rules) or ("" if row[15] else NONE),
        "bounced": "|".join(bounced),
    }
    return {column: texts[column] for column in STANDING}


def _day(instant: str | None, rules: Rules) -> str:
    found = maybe_instant(instant)
    return "" if found is None else local_day(found, rules.tz).isoformat()


def _owes_text(state: State, owed: Mapping[int, int], usual: int) -> str:
    if not owed:
        return "" if state in OWING_NOTHING else NONE
    return "|".join(str(year) if cents == usual else f"{year}:{money_text(cents)}" for year, cents in owed.items())


def _concerns_text(state: State, concerned: str, owed: Iterable[int]) -> str:
    """The years a reminder or cut-off is about, where they are not simply those owed."""
    if state not in {State.REMINDED, *CUT} or years_of(concerned) == tuple(owed):
        return ""
    return concerned or NONE
