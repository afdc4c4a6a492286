"""What the asker wants it as: the Accept header (RFC 9110 § 12.5.1), its q-values and wildcards."""

import re
from collections.abc import Iterator, Sequence

from api.problems import NotAcceptable

_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*", re.ASCII | re.IGNORECASE)
_RANGE = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]+)/([!#$%&'*+.^_`|~0-9a-z-]+)", re.ASCII)
LONGEST = 1000


def best_of(accept: str | None, offered: Sequence[str]) -> str:
    """Choose the media type that is liked best; of equals the first offered. Raises NotAcceptable.

    Without a header, anything will do. What cannot be read of it is passed over.
    """
    ranges = list(_ranges("*/*" if accept is None or not accept.strip() else accept[:LONGEST]))
    liked = max(offered, key=lambda kind: _liking(kind, ranges))
    if _liking(liked, ranges) <= 0:
        raise NotAcceptable(offered=", ".join(offered))
    return liked


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = part.split(";")
        kind = name.strip().lower()
        if _RANGE.fullmatch(kind):
            yield kind, _quality(parameters)


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        found = _QUALITY.fullmatch(parameter)
        if found:
            return float(found[1])
    return 1.0


def _liking(kind: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the quality of the most specific range that covers a type; 0 where none does."""
    for covering in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        named = [quality for name, quality in ranges if name == covering]
        if named:
            return max(named)
    return 0.0
