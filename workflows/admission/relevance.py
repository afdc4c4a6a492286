"""Mails to candidates that have become wrong before they left: what they tell is no longer so."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection

from engine.store import rows_of
from workflows.admission.words import Mail, State

TELLS: Mapping[str, tuple[State, ...]] = MappingProxyType(
    {
        Mail.APPLICATION_RECEIVED: (State.CANDIDATE,),
        Mail.ADMITTED: (State.ADMITTED,),
        Mail.NOT_ADMITTED: (State.REFUSED,),
    }
)
"""In which states a mail may still be read."""
# The workflow is no way to find the rows: without « || '' » SQLite would read all instances of it.
_MESSAGES = """SELECT m.id, m.kind, i.state FROM outbox_message m JOIN workflow_instance i ON i.id = m.instance_id
    WHERE m.id IN {ids} AND i.workflow || '' = 'admission'"""


def no_longer_right(connection: Connection, messages: Sequence[int]) -> dict[int, str]:
    """Return, by the message's id, why a mail to a candidate has become wrong; those that are right are left out."""
    rows = rows_of(connection, _MESSAGES, messages)
    return {message: f"is {state} by now" for message, kind, state in rows if state not in TELLS.get(kind, (state,))}
