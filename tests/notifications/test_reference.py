"""The payment reference is found again, whatever the bank made of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.reference import Reference, reference_of, references_in

NUMBERS = ("A0001", "A0002", "A00012", "P0002", "31", "A-7")


def test_it_is_the_years_and_the_number():
    assert reference_of([2025, 2026], "A0001") == "2025 2026 A0001"
    assert reference_of([], "A0001") == "A0001"


@pytest.mark.parametrize(
    ("label", "number", "years"),
    [
        ("2025 2026 A0001", "A0001", (2025, 2026)),
        ("VIR SEPA RECU /DE ASSO VELO /MOTIF 2025 2026 A0001 /REF NOTPROVIDED", "A0001", (2025, 2026)),
        ("VIR INST 20252026a0001", "A0001", (2025, 2026)),
        ("COTIS-2026-A.0001/ASSO", "A0001", (2026,)),
        ("virement a 0001", "A0001", ()),
        ("cotisation A0001 2026", "A0001", (2026,)),
        ("A0001/2025-2026 merci", "A0001", (2025, 2026)),
        ("VIR DU 01/12/2025 DE MME X A0001", "A0001", ()),
        ("VIR DU 01/12/2025 A0001", "A0001", ()),
        ("DU 01.12.2025 REF 2026 A0001", "A0001", (2026,)),
        ("2026 2026 A0001", "A0001", (2026,)),
        ("REF ２０２６ Ａ０００１", "A0001", (2026,)),  # noqa: RUF001 a bank of wide letters
        ("2026 A00012", "A00012", (2026,)),
        ("2026 A7", "A-7", (2026,)),
        ("2026 31", "31", (2026,)),
    ],
)
def test_it_is_found_in_what_banks_write(label, number, years):
    assert references_in(label, NUMBERS) == [Reference(number, years)]


@pytest.mark.parametrize(
    "label",
    [
        "",
        "VIREMENT DE L ASSOCIATION",
        "2026 A000",
        "2026 A00013",
        "2026 AB0001",
        "FACTURE 3100",
        "20,31 EUR",
        "31.50",
        "A31B",
    ],
)
def test_nobody_is_found_who_is_not_named(label):
    assert references_in(label, NUMBERS) == []


def test_a_federation_names_several_in_one_label():
    found = references_in("2026 P0002 + 2025/2026 A0002 ET A0001", NUMBERS)
    assert found == [Reference("P0002", (2026,)), Reference("A0002", (2025, 2026)), Reference("A0001", ())]


@given(
    st.sets(st.integers(2000, 2099), max_size=4),
    st.sampled_from(NUMBERS),
    st.sampled_from(["", " ", "-", "/", " . "]),
    st.sampled_from([str.upper, str.lower, str.title]),
)
def test_what_was_made_is_found(years, number, between, written):
    glued = between if any(map(str.isalpha, number)) else f" {between}"
    label = f"VIR {written(reference_of(sorted(years), number)).replace(' ', glued)} MERCI"
    assert references_in(label, [number]) == [Reference(number, tuple(sorted(years)))]
