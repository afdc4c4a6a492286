"""Amounts as people write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Invalid
from workflows.membership.money import MOST, cents_of, money_text


@pytest.mark.parametrize(
    ("text", "cents"),
    [("20.00", 2000), ("20", 2000), ("20,00", 2000), ("20.5", 2050), (" 0.05 ", 5), ("0", 0), ("007", 700)],
)
def test_it_reads_amounts_as_people_write_them(text, cents):
    assert cents_of(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        *("-5.00", "−5", "NaN", "nan", "inf", "-Infinity", "1e999", "1e3", "20.001", "20.", ".5", "", "  ", "+20"),
        *("20 €", "1 000,00", "1,000.00", "vingt", "٢٠", "0x14", "20..0", "99999999999999999999", "10000000.01"),
        "9" * 5000,
    ],
)
def test_it_refuses_what_is_no_amount(text):
    with pytest.raises(Invalid) as refused:
        cents_of(text)
    assert len(str(refused.value)) < 120


def test_it_says_why():
    with pytest.raises(Invalid, match=r"'-5\.00' is negative"):
        cents_of("-5.00")
    with pytest.raises(Invalid, match=r"'20\.001' has more than two decimals"):
        cents_of("20.001")
    with pytest.raises(Invalid, match="too large"):
        cents_of("123456789012.00")


def test_it_writes_two_decimals_always():
    assert [money_text(cents) for cents in (0, 5, 2000, -1850)] == ["0.00", "0.05", "20.00", "-18.50"]


@given(st.integers(0, MOST))
def test_it_reads_what_it_writes(cents):
    assert cents_of(money_text(cents)) == cents


@given(st.text(max_size=30))
def test_it_answers_any_text_with_cents_or_a_refusal(text):
    with suppress(Invalid):
        assert 0 <= cents_of(text) <= MOST
