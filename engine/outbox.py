"""What became of messages. Only an accepted mail proves a step; sending itself is not the engine's."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from engine.store import rows_of, stored


def mark_sent(connection: Connection, ids: Sequence[int], at: datetime) -> None:
    """A server accepted these messages: they are sent, and the steps they told of are proven."""
    sql = "UPDATE outbox_message SET status = 'sent', sent_at = ? WHERE id = ?"
    connection.exec_driver_sql(sql, [(stored(at), message) for message in ids])
    told = rows_of(
        connection,
        "SELECT DISTINCT instance_id, event, year FROM outbox_message WHERE id IN {ids} AND event IS NOT NULL",
        ids,
    )
    sql = "UPDATE occurrence SET proven_at = ? WHERE instance_id = ? AND event = ? AND year = ? AND proven_at IS NULL"
    if told:
        connection.exec_driver_sql(sql, [(stored(at), *row) for row in told])


_UNPROVE = """UPDATE occurrence SET proven_at = NULL WHERE proven_at IS NOT NULL
    AND (instance_id, event, year) IN (SELECT instance_id, event, year FROM outbox_message WHERE id = ?)
    AND NOT EXISTS (SELECT 1 FROM outbox_message AS other WHERE other.instance_id = occurrence.instance_id
        AND other.event = occurrence.event AND other.year = occurrence.year AND other.status = 'sent')"""


def take_back(connection: Connection, message: int) -> bool:
    """A message came back. Where no other one of its step arrived, nothing proves that step any more: then True."""
    return connection.exec_driver_sql(_UNPROVE, (message,)).rowcount > 0


# The second condition lets the partial index of what waits be used: the outbox itself only grows.
ACCEPT_ALL = """UPDATE outbox_message SET status = 'sent', sent_at = ?
    WHERE status = 'pending' AND status IN ('pending', 'sending')"""
PROVE_ALL = """UPDATE occurrence SET proven_at = ?
    FROM (SELECT instance_id, event, year FROM outbox_message WHERE sent_at = ? AND status = 'sent') AS told
    WHERE told.instance_id = occurrence.instance_id AND told.event = occurrence.event AND told.year = occurrence.year
    AND occurrence.proven_at IS NULL AND occurrence.status = 'acted'"""


def accept_everything(connection: Connection, at: datetime) -> None:
    """Be the server that accepts all: the sink of a replay, which proves like a real one."""
    if connection.exec_driver_sql(ACCEPT_ALL, (stored(at),)).rowcount:
        connection.exec_driver_sql(PROVE_ALL, (stored(at), stored(at)))
