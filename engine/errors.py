"""What may be refused, each by its own name. The first line of a class's docstring is its message.

`type` is the last part of the problem's URI (INTERFACE § 3). A workflow adds its own kinds beside its tables.
"""
# ruff: noqa: N818 - named for what happened, as one says it

from typing import Any, ClassVar


class RelanceError(Exception):
    """Something was refused."""

    type: ClassVar[str] = "invalid"

    def __init__(self, **data: object) -> None:
        """Take the data that the message names. Raises KeyError when some of it is missing."""
        self.data = data
        super().__init__(self.message(data))

    def __getattr__(self, name: str) -> Any:
        """Return one of the data: `error.ballot`. Raises AttributeError."""
        try:
            return self.__dict__["data"][name]
        except KeyError:
            raise AttributeError(name) from None

    @classmethod
    def message(cls, data: dict[str, object]) -> str:
        """Fill the message's template: one line, without its full stop, whatever the data holds."""
        text = cls.template().removesuffix(".").format(**data)
        return " ".join(text.splitlines())

    @classmethod
    def template(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or cls.type).partition("\n")[0]


class BadDefinition(RelanceError):
    """Bad workflow definition: {reason}."""


class Invalid(RelanceError):
    """{reason}."""


class BadConfiguration(Invalid):
    """{reason}."""


class NotAllowed(RelanceError):
    """{reason}."""

    type = "not-allowed"


class FutureDate(RelanceError):
    """{day} is in the future."""

    type = "future-date"


class BallotNotOpen(RelanceError):
    """Ballot {ballot} is not open."""

    type = "ballot-not-open"


class NotASeat(RelanceError):
    """{seat} is not a seat of this ballot."""

    type = "not-a-seat"


class SeatNotYours(RelanceError):
    """Seat {seat} is not yours to vote for."""

    type = "seat-not-yours"


class Recused(RelanceError):
    """Seat {seat} has recused itself on this ballot."""

    type = "recused"


class ListChanged(RelanceError):
    """The list has changed since it was read: read it again, then vote."""

    type = "list-changed"


class GateNotMet(RelanceError):
    """A condition is not met: {gate}."""

    type = "gate-not-met"


class IdempotencyKeyReused(RelanceError):
    """Idempotency key {key} was already used for another request."""

    type = "idempotency-key-reused"


class SignatureInvalid(RelanceError):
    """The signature is missing, too old or wrong."""

    type = "signature-invalid"


class ServerDown(RelanceError):
    """The server is stopped: until it starts again, nothing can be done."""

    type = "server-down"
