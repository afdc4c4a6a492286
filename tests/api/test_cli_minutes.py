"""`relance minutes`: printed, written to a file, refused before the meeting."""

import json

import pytest


@pytest.fixture
def desk(desk):
    """Two reminded associations; the board met about them on 28 August 2025."""
    desk.at("2025-06-15")
    reminded = ("reminded", "2025-06-01", "2025")
    desk.enter(("A0021", "Un", *reminded), ("A0022", "Deux", *reminded), more="state since owes")
    desk.at("2025-08-19").type("tick")
    return desk


def test_it_is_refused_before_the_meeting(desk):
    assert desk.refused("minutes", "2025-08") == "the meeting of 2025-08 has not been held yet: it has no minutes"
    assert desk.refused("minutes", "2025-07") == "the board has no meeting in 2025-07"
    assert "2025-8" in desk.refused("minutes", "2025-8")
    desk.misused("minutes", "2025-08", "--format", "docx")


def test_it_is_printed_in_both_languages(desk):
    desk.at("2025-08-28T19:00").type("record", "suspend", "*", "S1=approve", "S2=approve", "S3=reject")
    desk.at("2025-08-29").type("tick")
    text = desk.type("minutes", "2025-08").stdout
    assert text.startswith("# Procès-verbal du conseil d’administration – 28 août 2025\n")
    assert "Ana" in text
    signed = desk.type("minutes", "2025-08", "--version", "signed", "--language", "en").stdout
    assert signed.startswith("# Minutes of the board – 28 August 2025\n")
    assert "| 2025-08/1 | Ana, Bilal | Cléo |  |" in signed
    assert desk.type("minutes", "2025-08", "--format", "html").stdout.startswith("<!doctype html>")
    found = json.loads(desk.type("minutes", "2025-08", "--format", "json").stdout)
    assert [one["number"] for one in found["decisions"]] == ["2025-08/1", "2025-08/2"]


def test_it_is_written_to_a_file(desk):
    desk.at("2025-08-29").type("tick")
    said = desk.say("minutes", "2025-08", "--format", "pdf", "--version", "signed", "--output", "pv.pdf")
    assert said == ["Written: pv.pdf"]
    assert (desk.folder / "pv.pdf").read_bytes().startswith(b"%PDF")
    assert "nowhere" in desk.refused("minutes", "2025-08", "--output", "nowhere/pv.md")
