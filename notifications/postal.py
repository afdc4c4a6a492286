"""Postal addresses as the French post reads them: name first, town in capitals last, six lines of 38 signs or so."""

import re
from collections.abc import Mapping
from typing import Any
from unicodedata import combining, normalize

from babel import Locale

LONGEST_LINE = 38
HOME = ("", "FR", "FRANCE")
_COMMA = re.compile(r"(?<![0-9]),\s+")
"""Not « 12, rue … »: the number stays with its street."""
_ELIDED = re.compile("[aeiouœæø]|y[bcdfglmnrsv]|h(?:el|en[or]|erm|erv|ect|ila|ipp|ono|ort|ub|ug|ya)", re.IGNORECASE)
"""How words begin, without accents, before which « de » loses its vowel: also a silent h, as in Hélène, Henri, Hugo."""


def postal_lines(member: Mapping[str, Any], language: str) -> list[str]:
    """Return the lines of an envelope: name, whom it is for, street, town, and the country where it is another.

    Of the member: `name`, `kind`, `contact_name`, `address` (lines, or one long line with commas), `postcode`, `city`,
    `country` (its code). What is missing leaves no line.
    """
    contact = "" if member["kind"] == "person" else str(member["contact_name"] or "").strip()
    country = str(member["country"] or "").strip()
    lines = [
        str(member["name"]),
        _for(contact, language) if contact else "",
        *(part for line in str(member["address"] or "").splitlines() for part in _broken(line.strip())),
        f"{member['postcode']} {member['city']}".strip().upper(),
        _country(country) if country.upper() not in HOME else "",
    ]
    return [line for line in lines if line]


def has_address(member: Mapping[str, Any]) -> bool:
    """Whether the post could find it: a street or a place, and a town."""
    return bool(str(member["address"] or "").strip() and str(member["city"] or "").strip())


def _for(contact: str, language: str) -> str:
    """Say whom it is for: « à l’attention d’Anne », « à l’attention de Joël »."""
    if language == "en":
        return f"attn. {contact}"
    plain = "".join(sign for sign in normalize("NFD", contact) if not combining(sign))
    return f"à l’attention {'d’' if _ELIDED.match(plain) else 'de '}{contact}"


def _broken(line: str) -> list[str]:
    """Break a long line at its commas."""
    if len(line) <= LONGEST_LINE:
        return [line]
    lines: list[str] = []
    for piece in _COMMA.split(line):
        if lines and len(lines[-1]) + len(piece) + 2 <= LONGEST_LINE:
            lines[-1] += f", {piece}"
        else:
            lines.append(piece)
    return lines


def _country(code: str) -> str:
    """Name a country as the French post wants it: in French, in capitals."""
    return str(Locale("fr").territories.get(code.upper(), code)).upper()
