"""The SEPA QR code of a bank transfer, after the European Payments Council's EPC069-12, version 002.

Bank apps fill in the transfer from it. Twelve lines, UTF-8, error correction M, at most 331 bytes.
"""

from decimal import Decimal
from functools import lru_cache
from io import BytesIO

import segno

from notifications.render import Letterhead

LONGEST_HOLDER = 70
LONGEST_TEXT = 140
LONGEST_PAYLOAD = 331
MOST_CENTS = 99_999_999_999
EURO = "EUR"
PIXEL = 1
QUIET = 0
"""Modules around the code: the document leaves the white that a reader needs."""


def payload_of(to: Letterhead, cents: int, reference: str) -> str | None:
    """Return what the code says; None where a transfer cannot be said so: no account, another currency, too long."""
    iban, holder = "".join(to.iban.split()), to.account_holder.strip()
    fits = len(holder) <= LONGEST_HOLDER and len(reference) <= LONGEST_TEXT and 0 < cents <= MOST_CENTS
    if not (iban and holder and fits and to.currency == EURO):
        return None
    amount = f"{EURO}{Decimal(cents) / 100:.2f}"
    # Service, version, UTF-8, kind of transfer; neither a purpose nor a structured reference.
    text = f"BCD\n002\n1\nSCT\n{to.bic.strip()}\n{holder}\n{iban}\n{amount}\n\n\n{reference}"
    return text if len(text.encode()) <= LONGEST_PAYLOAD else None


@lru_cache(maxsize=512)
def code_as_svg(payload: str) -> str:
    """Draw the code as one SVG path, a unit per module."""
    code = segno.make_qr(payload.encode(), error="m", mode="byte", boost_error=False)
    drawn = BytesIO()
    code.save(drawn, kind="svg", scale=PIXEL, border=QUIET, xmldecl=False, svgns=True, omitsize=True, dark="#000")
    return drawn.getvalue().decode()
