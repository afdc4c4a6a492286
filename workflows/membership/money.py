"""Amounts as people write them, and the integer cents everything is counted in."""

import re

from engine.errors import Invalid

MOST = 1_000_000_000
"""Ten million euros: whoever writes more has mistyped."""
_AMOUNT = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,2}))?", re.ASCII)


def cents_of(text: str) -> int:
    """Read "20.00", "20" or "20,00" as 2000 cents. Raises Invalid for anything else, negative amounts included.

    No float and no Decimal: NaN, infinity and 1e999 are no amounts, whatever a number library thinks of them.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise Invalid(reason=_why_not(text.strip()))
    cents = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if cents > MOST:
        raise Invalid(reason=f"{text.strip()!r} is too large an amount")
    return cents


def _why_not(text: str) -> str:
    if re.fullmatch(r"[-−]\s*[0-9].*", text):
        return f"{text!r} is negative: an amount is such as 20.00"
    if re.fullmatch(r"[0-9]+[.,][0-9]{3,}", text, re.ASCII):
        return f"{text!r} has more than two decimals: an amount is such as 20.00"
    if re.fullmatch(r"[0-9]{13,}([.,][0-9]*)?", text, re.ASCII):
        return f"{_shortened(text)!r} is too large an amount"
    return f"{_shortened(text)!r} is no amount such as 20.00"


def _shortened(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def money_text(cents: int) -> str:
    """Write 2000 cents as "20.00"."""
    sign, whole = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{whole // 100}.{whole % 100:02d}"
