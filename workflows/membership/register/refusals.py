"""What is refused in a file: each line with its number and its reasons."""
# ruff: noqa: N818 - named for what happened, as one says it

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import RelanceError


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused line; line 0 is the file itself."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        """FILE:LINE: reason, on one line."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return " ".join(f"{where}: {self.reason}".splitlines())


class RegisterRefused(RelanceError):
    """{refusals}."""

    @classmethod
    def message(cls, data: dict[str, object]) -> str:
        """One line per refused line of the file."""
        refusals = data["refusals"]
        return "\n".join(map(str, refusals)) if isinstance(refusals, tuple) else str(refusals)


def refuse(refusals: Sequence[Refusal]) -> None:
    """Raise RegisterRefused when there is anything to refuse, in the order of the lines."""
    if refusals:
        raise RegisterRefused(refusals=tuple(sorted(refusals, key=lambda refusal: refusal.line)))


def refuse_file(file: str, reason: str, line: int = 0) -> RegisterRefused:
    """Build the refusal of a whole file."""
    return RegisterRefused(refusals=(Refusal(file, line, reason),))
