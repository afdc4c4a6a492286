"""The payment reference: « 2025 2026 A0001 », the years and the number. Made once, and found again in a bank's label.

Banks cut, capitalise and glue what people typed; so case, separators and spaces do not matter, letters and digits do.
Pure functions on text.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_YEARS = r"(?:20[0-9]{2}[\W_]*)+"
_GAP = r"[\W_]*"


@dataclass(frozen=True, slots=True)
class Reference:
    """Whose payment a label says it is, and for which years; none: it does not say."""

    number: str
    years: tuple[int, ...] = ()


def reference_of(years: Iterable[int], number: str) -> str:
    """Return what a payer is asked to quote: « 2025 2026 A0001 »."""
    return " ".join(map(str, (*years, number)))


def references_in(label: str, numbers: Iterable[str]) -> list[Reference]:
    """Find which of these members a bank's label names, in the order of the label, each with the years beside it.

    A number counts when no further letter or digit follows it: A0001 is not in « A00012 ». Years count that stand
    right before it or right after it, glued or not; a date elsewhere in the label is no year.
    """
    text = unicodedata.normalize("NFKC", label)
    found: dict[str, tuple[int, tuple[int, ...]]] = {}
    for number in numbers:
        match = _pattern(number).search(text)
        if match is not None:
            years = match["before"] or match["after"] or ""
            found[number] = (match.start("number"), _years(years))
    return [Reference(number, years) for number, (_, years) in sorted(found.items(), key=lambda one: one[1])]


def _years(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(int(year) for year in re.findall("20[0-9]{2}", text)))


@lru_cache(maxsize=4096)
def _pattern(number: str) -> re.Pattern[str]:
    """Build what finds a number with the years around it.

    Between the signs of a number that has a letter anything may stand that is neither letter nor digit; one of digits
    alone must stand by itself, or any amount would hold it.
    """
    signs = [sign for sign in unicodedata.normalize("NFKC", number) if sign.isalnum()]
    glued = any(sign.isalpha() for sign in signs)
    own = (_GAP if glued else "").join(map(re.escape, signs))
    begins = _no_more_of(signs[:1], "<!") if glued else r"(?<![^\W_])(?<![0-9][.,])"
    ends = _no_more_of(signs[-1:], "!") if glued else r"(?![^\W_])(?![.,][0-9])"
    return re.compile(
        rf"(?:(?<![0-9])(?<![0-9][/.-])(?P<before>{_YEARS}))?{begins}(?P<number>{own}){ends}(?:{_GAP}(?P<after>{_YEARS})(?![0-9]))?",
        re.IGNORECASE,
    )


def _no_more_of(signs: Sequence[str], look: str) -> str:
    """Refuse a further sign of the same sort: a digit beside a digit, a letter beside a letter."""
    more = "[0-9]" if signs and signs[0].isdigit() else r"[^\W\d_]"
    return f"(?{look}{more})"
