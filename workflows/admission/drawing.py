"""The page of an admission, drawn: what `relance graph --workflow admission` prints."""

from engine.diagram import mermaid
from workflows.admission.definition import ADMISSION


def drawn() -> str:
    """Return the admission's diagram."""
    return mermaid(ADMISSION)
