"""The SEPA code: what a bank app reads in it, and when there is none."""

from dataclasses import replace

import pytest
import segno
import zxingcpp

from notifications import Letterhead
from notifications.sepa import code_as_svg, payload_of

HEAD = Letterhead(
    name="Le PIC",
    iban="FR76 3000 6000 0112 3456 7890 189",
    bic="AGRIFRPP",
    account_holder="Association Œuvre « d'Été »",
)
REFERENCE = "2025 2026 A0001"
LINES = [
    *("BCD", "002", "1", "SCT", "AGRIFRPP", "Association Œuvre « d'Été »", "FR7630006000011234567890189"),
    *("EUR40.00", "", "", REFERENCE),
]


def payload(cents=4000, reference=REFERENCE, **changes):
    return payload_of(replace(HEAD, **changes), cents, reference)


def test_it_says_what_the_standard_wants_line_by_line():
    assert payload().split("\n") == LINES


def test_a_reader_reads_what_was_written():
    drawn = segno.make_qr(payload().encode(), error="m", mode="byte", boost_error=False)
    rows = [bytes(0 if dark else 255 for dark in row) for row in drawn.matrix_iter(scale=3, border=4)]
    picture = memoryview(b"".join(rows)).cast("B", (len(rows), len(rows[0])))
    (read,) = zxingcpp.read_barcodes(picture)
    assert read.text == payload()
    assert read.ec_level == "M"


def test_it_is_drawn_in_one_stroke_a_unit_per_module():
    drawn = code_as_svg(payload())
    assert drawn.count("<path") == 1
    assert 'viewBox="0 0 45 45"' in drawn
    assert drawn == code_as_svg(payload())


def test_a_holder_of_seventy_signs_fits_and_the_longest_code_is_of_version_13():
    longest = payload(account_holder="Œ" * 70, reference="A" * 128)
    assert longest is not None
    assert len(longest.encode()) == 331
    assert segno.make_qr(longest.encode(), error="m", mode="byte", boost_error=False).version == 13


@pytest.mark.parametrize(
    "changes",
    [
        {"iban": ""},
        {"account_holder": " "},
        {"currency": "CHF"},
        {"account_holder": "x" * 71},
        {"reference": "x" * 141},
        {"account_holder": "Œ" * 70, "reference": "A" * 129},
        {"cents": 0},
        {"cents": 100_000_000_000},
    ],
    ids=str,
)
def test_there_is_no_code_where_a_transfer_cannot_be_said_so(changes):
    assert payload(**changes) is None
