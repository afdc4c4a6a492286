"""What the admission workflow refuses, beside what the engine does."""
# ruff: noqa: N818 - named for what happened, as one says it

from engine.errors import RelanceError


class UnknownCandidate(RelanceError):
    """There is no candidate {number}."""

    type = "unknown-candidate"
