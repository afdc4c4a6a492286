"""Spaces that must not break, and values that stay on their line: pure functions on text."""

import re
import unicodedata

NO_BREAK = "\u00a0"
NARROW_NO_BREAK = "\u202f"
BREAK = "\u200b"
ISOLATES = "\u2068\u2069"
"""What begins and ends a piece of text that keeps its own direction of writing."""
_ISOLATES = re.compile(f"([{ISOLATES}])")
_ENDLESS = re.compile(r"\S{40,}")
_PIECES = re.compile(".{1,20}")
_RIGHT_TO_LEFT = {"R", "AL"}

# Only spaces that are there change, so no address, link or time can: they have none. A mark counts when the word
# ends with it, or when a template's tag follows (U+E000 stands for it). After the Imprimerie nationale: narrow before
# ; ! ? and full before : and inside « ».
_NARROW = re.compile(r"(?<=\S) (?=[;!?]+(?:[\s)»\ue000]|$))")
_FULL = re.compile(r"(?<=\S) (?=:(?:\s|$))|(?<=«) | (?=»)|(?<=\d) (?=[€%]|h(?:\W|$))|(?<=\d[ \u00a0]h) (?=\d\d)")
# Controls, line and paragraph separators, marks that turn the direction of writing, halves of a surrogate pair.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


def fr_typo(text: str) -> str:
    """Make the spaces of French punctuation, amounts and hours no-break ones; idempotent, adds and removes nothing."""
    return _FULL.sub(NO_BREAK, _NARROW.sub(NARROW_NO_BREAK, text))


def breakable(text: str) -> str:
    """Let a word that is longer than any line break, at places that are seen by none but whoever sets the line."""
    return _ENDLESS.sub(lambda word: BREAK.join(_PIECES.findall(word[0])), text)


def one_line(text: str) -> str:
    """Return a value as one line of text that any mail can carry: what would end, turn or break it is a space."""
    return _UNFIT.sub(" ", text)


def isolated(text: str) -> str:
    """Return a value as one line that, written from right to left, leaves the words around it where they are."""
    line = one_line(text)
    if not line.isascii() and any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in line):
        return line.join(ISOLATES)
    return line


def one_line_isolated(text: str) -> str:
    """Return a text as one line, in which `isolated` values stay so."""
    return "".join(part if part in ISOLATES else one_line(part) for part in _ISOLATES.split(text))
