"""Mails that have become wrong before they left, whichever workflow they are of."""

from collections.abc import Sequence

from sqlalchemy import Connection

from workflows.admission import relevance as of_candidates
from workflows.membership import relevance as of_members


def no_longer_right(connection: Connection, messages: Sequence[int]) -> dict[int, str]:
    """Return, by the message's id, why a mail has become wrong; those that are right are left out."""
    return of_members.no_longer_right(connection, messages) | of_candidates.no_longer_right(connection, messages)
