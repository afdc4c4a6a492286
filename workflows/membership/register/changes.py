"""What an import would do, before it does it: added, changed field by field, unchanged, refused line by line."""

from dataclasses import dataclass, field
from enum import StrEnum

from engine.work import NOBODY, Work
from workflows.membership.register.refusals import Refusal, refuse


class RegisterKind(StrEnum):
    """The kinds of file that can be imported."""

    ASSOCIATIONS = "associations"
    SERVICES = "services"
    BOARD = "board"
    PAYMENTS = "payments"


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one row that the file changes, as text."""

    who: str
    field: str
    old: str
    new: str


@dataclass(slots=True)
class ImportPlan:
    """What an import of one file does. `missing`: what the database has and the file has not, which is left alone."""

    file: str
    added: list[str] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    missing: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    @property
    def does_nothing(self) -> bool:
        """Whether the file holds nothing new."""
        return not self.added and not self.changed

    def refuse(self, line: int, reason: str) -> None:
        """Refuse one line."""
        self.refused.append(Refusal(self.file, line, reason))

    def write(self, work: Work, actor: str) -> None:
        """Write what was planned, in the transaction of `work`."""
        raise NotImplementedError


def apply_import(work: Work, plan: ImportPlan, actor: str = NOBODY) -> None:
    """Do what was planned, all of it. Raises RegisterRefused, and nothing is written, when a line was refused."""
    refuse(plan.refused)
    plan.write(work, actor)
