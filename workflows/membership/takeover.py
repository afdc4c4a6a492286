"""Taking over a register mid-year: many members at once, each as it stands, with its own amounts and stays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from engine.batch import Statement
from engine.clock import at_local
from engine.store import reserve_ids, stored
from engine.work import NOBODY, Work
from workflows.membership import members
from workflows.membership.facts import years_text
from workflows.membership.members import NewMember
from workflows.membership.models import Association
from workflows.membership.words import State


@dataclass(frozen=True, slots=True)
class TakenOver(NewMember):
    """A member as a register file tells of it: what it says beyond a new member, and on which line.

    `told`: the columns on where it stands that were filled in, as text. `owed_cents`: the due of an owed year where
    it is not the usual amount. `waived_cents`: what was waived of a year, owed or not. `concerned`: the years its
    reminder or its cut-off is about (None: those owed). `cut_on`: since when its services are interrupted (None:
    since its state).
    """

    line: int = 0
    told: Mapping[str, str] = field(default_factory=dict)
    owed_cents: Mapping[int, int] = field(default_factory=dict)
    waived_cents: Mapping[int, int] = field(default_factory=dict)
    concerned: tuple[int, ...] | None = None
    cut_on: date | None = None
