"""What the membership workflow refuses, beside what the engine does."""
# ruff: noqa: N818 - named for what happened, as one says it

from engine.errors import RelanceError


class UnknownAssociation(RelanceError):
    """There is no association {number}."""

    type = "unknown-association"


class UnknownYear(RelanceError):
    """{year} is not a year that {number} can owe or pay: those are {first} to {last}."""

    type = "unknown-year"


class NothingOwed(RelanceError):
    """{number} owes nothing."""

    type = "nothing-owed"
