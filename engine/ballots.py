"""Counting a ballot: a pure function of a rule and a tally, in integers. It knows no names and no dates.

The words are those of the counts published by other systems (tests/oracles/tally.csv), so that the statutes of any
board can be written in them. The defaults are PRODUCT § 4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Self, TypeAlias, TypeVar

from engine.errors import BadConfiguration, Invalid

Share: TypeAlias = Fraction | int
"""A share of something, or so many of them."""
_Word = TypeVar("_Word", bound=StrEnum)


class Choice(StrEnum):
    """What a seat may say."""

    APPROVE = "approve"
    REJECT = "reject"
    ABSTAIN = "abstain"


class Outcome(StrEnum):
    """What a closed ballot has said."""

    ADOPTED = "adopted"
    REJECTED = "rejected"
    NO_QUORUM = "no_quorum"


class QuorumCounts(StrEnum):
    """Who counts towards the quorum. `took_part`: present, or voted. `nothing`: there is no quorum."""

    TOOK_PART = "took_part"
    PRESENT = "present"
    APPROVE = "approve"
    APPROVE_AND_ABSTAIN = "approve_and_abstain"
    NOTHING = "nothing"


class Base(StrEnum):
    """What the approvals are a share of. `cast`: approve and reject; `took_part` adds the abstentions."""

    CAST = "cast"
    TOOK_PART = "took_part"
    PRESENT = "present"
    SEATS = "seats"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many seats said what. `present`: who took part, voting or not, where it is known; `chair`: its choice."""

    seats: int
    approve: int
    reject: int
    abstain: int
    present: int | None = None
    chair: Choice | None = None

    def __post_init__(self) -> None:
        """Raise Invalid for counts that cannot be."""
        if min(self.seats, self.approve, self.reject, self.abstain, self.present or 0) < 0:
            raise Invalid(reason="a count of votes is below zero")
        if max(self.voters, self.present or 0) > self.seats:
            raise Invalid(reason=f"more votes or more people than the {self.seats} seats of this ballot")

    @property
    def voters(self) -> int:
        """How many seats voted, abstentions included."""
        return self.approve + self.reject + self.abstain

    @property
    def attending(self) -> int:
        """How many were present; where nobody wrote it down, those who voted."""
        return self.voters if self.present is None else self.present


@dataclass(frozen=True, slots=True)
class CountingRule:
    """The board's rule. A whole number as quorum is so many people, as fraction so many approvals."""

    quorum: Share | None = Fraction(1, 2)
    quorum_strict: bool = False
    """More than the quorum is needed, not just as much."""
    quorum_counts: QuorumCounts = QuorumCounts.TOOK_PART
    base: Base = Base.CAST
    fraction: Share = Fraction(1, 2)
    strict: bool = True
    """Approvals must exceed the fraction, not just reach it."""
    casting_vote: bool = False
    """The chair's vote decides a tie."""

    def __post_init__(self) -> None:
        """Raise BadConfiguration for what nobody could ever reach."""
        _refuse_unreachable("board.quorum", self.quorum, strict=self.quorum_strict)
        _refuse_unreachable("board.fraction", self.fraction, strict=self.strict)

    @classmethod
    def from_texts(
        cls,
        quorum: str | int = "1/2",
        quorum_counts: str = "took_part",
        base: str = "cast",
        fraction: str | int = "1/2",
        *,
        strict: bool = True,
        casting_vote: bool = False,
    ) -> Self:
        """Read the rule as relance.toml writes it. Raises BadConfiguration."""
        return cls(
            quorum=_share("board.quorum", quorum),
            quorum_counts=_word("board.quorum_counts", QuorumCounts, quorum_counts),
            base=_word("board.base", Base, base),
            fraction=_share("board.fraction", fraction),
            strict=strict,
            casting_vote=casting_vote,
        )

    def as_texts(self) -> dict[str, str | bool | None]:
        """Write the rule down, as `from_record` reads it: a ballot keeps the one it was opened under."""
        quorum = None if self.quorum is None else _share_text(self.quorum)
        words: dict[str, str | bool | None] = {
            name: getattr(self, name).value if isinstance(getattr(self, name), StrEnum) else getattr(self, name)
            for name in ("quorum_strict", "quorum_counts", "base", "strict", "casting_vote")
        }
        return {"quorum": quorum, "fraction": _share_text(self.fraction)} | words

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read what `as_texts` wrote."""
        return cls(
            quorum=None if record["quorum"] is None else _share("quorum", record["quorum"]),
            quorum_strict=record["quorum_strict"],
            quorum_counts=QuorumCounts(record["quorum_counts"]),
            base=Base(record["base"]),
            fraction=_share("fraction", record["fraction"]),
            strict=record["strict"],
            casting_vote=record["casting_vote"],
        )


def count(rule: CountingRule, tally: Tally) -> Outcome:
    """Say what the votes decided. A ballot on which nobody voted has no quorum, whoever sat in the room."""
    if not _has_quorum(rule, tally):
        return Outcome.NO_QUORUM
    approve, reject = tally.approve, tally.reject
    if rule.casting_vote and approve == reject:  # on a tie the chair's vote counts twice
        approve += tally.chair == Choice.APPROVE
        reject += tally.chair == Choice.REJECT
    enough = _enough(approve, rule.fraction, _base(rule.base, tally, approve + reject), strict=rule.strict)
    return Outcome.ADOPTED if enough and tally.approve > 0 else Outcome.REJECTED


def _has_quorum(rule: CountingRule, tally: Tally) -> bool:
    if rule.quorum is None or rule.quorum_counts is QuorumCounts.NOTHING:
        return True
    counted = _counted(rule.quorum_counts, tally)
    return tally.voters > 0 and _enough(counted, rule.quorum, tally.seats, strict=rule.quorum_strict)


def _counted(counts: QuorumCounts, tally: Tally) -> int:
    match counts:
        case QuorumCounts.TOOK_PART:
            return max(tally.attending, tally.voters)
        case QuorumCounts.PRESENT:
            return tally.attending
        case QuorumCounts.APPROVE:
            return tally.approve
        case QuorumCounts.APPROVE_AND_ABSTAIN:
            return tally.approve + tally.abstain
        case QuorumCounts.NOTHING:
            return 0


def _base(base: Base, tally: Tally, cast: int) -> int:
    """Return what the fraction is taken of: votes, so that a casting one counts twice here too, or people."""
    match base:
        case Base.CAST:
            return cast
        case Base.TOOK_PART:
            return tally.voters
        case Base.PRESENT:
            return tally.attending
        case Base.SEATS:
            return tally.seats


def _enough(number: int, share: Share, whole: int, *, strict: bool) -> bool:
    """Compare without dividing."""
    if isinstance(share, Fraction):
        number, needed = number * share.denominator, share.numerator * whole
    else:
        needed = share
    return number > needed if strict else number >= needed


def _share(key: str, value: str | int) -> Share:
    """Read "1/2" as a share, "5" or 5 as so many."""
    found = re.fullmatch("([0-9]{1,4})(?:/([0-9]{1,4}))?", "" if isinstance(value, bool) else str(value))
    if found is None or (found[2] is not None and int(found[2]) == 0):
        raise BadConfiguration(reason=f'{key}: got {value!r}; expected a fraction such as "1/2", or a whole number')
    return int(found[1]) if found[2] is None else Fraction(int(found[1]), int(found[2]))


def _share_text(share: Share) -> str:
    """Write a share so that it is read as the same: all of them is 1/1, and 1 is one of them."""
    return f"{share.numerator}/{share.denominator}" if isinstance(share, Fraction) else str(share)


def _word(key: str, words: type[_Word], value: str) -> _Word:
    try:
        return words(value)
    except ValueError as error:
        raise BadConfiguration(reason=f"{key}: got {value!r}; expected one of {', '.join(words)}") from error


def _refuse_unreachable(key: str, share: Share | None, *, strict: bool) -> None:
    if share is None:
        return
    if share < 0:
        raise BadConfiguration(reason=f"{key}: got {share}; expected zero or more")
    if isinstance(share, Fraction) and (share > 1 or (strict and share == 1)):
        raise BadConfiguration(reason=f"{key}: got {share}; nobody exceeds all of them")
