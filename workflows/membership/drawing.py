"""The page, drawn: what the README shows and `relance graph` prints."""

from engine.diagram import mermaid
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.words import Trigger

ASIDE = (Trigger.CORRECT,)
"""Corrections lead back from anywhere to anywhere: drawn, they would hide the year."""


def drawn() -> str:
    """Return the membership's diagram."""
    return mermaid(MEMBERSHIP, ASIDE)
