"""What the membership workflow wants to know of the organisation: its amounts."""

from dataclasses import dataclass
from datetime import date

from engine.rules import Rules
from workflows.membership.models import Kind

NAME = "membership"
JOINING_OWES_NEXT_YEAR_FROM = (12, 1)


@dataclass(frozen=True, slots=True)
class DuesRules:
    """Amounts of a year's dues, in cents."""

    association: int = 2000
    person: int = 1000

    def amount_for(self, kind: str, own: int | None) -> int:
        """Return what a member owes for a year: its own amount, or that of its kind."""
        if own is not None:
            return own
        return self.person if kind == Kind.PERSON else self.association


_DEFAULT = DuesRules()


def options_of(rules: Rules) -> DuesRules:
    """Return the amounts set in the rules, or the defaults."""
    options = rules.options.get(NAME, _DEFAULT)
    return options if isinstance(options, DuesRules) else _DEFAULT


def first_year(joined_on: date) -> int:
    """The year whoever joined on a day owes first: from 1 December, the next."""
    return joined_on.year + ((joined_on.month, joined_on.day) >= JOINING_OWES_NEXT_YEAR_FROM)
