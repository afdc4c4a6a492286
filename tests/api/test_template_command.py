"""`relance template`: what there is, what it looks like, whether one's own files can be used."""

import re
from pathlib import Path

import pytest

from notifications.variables import described
from tests.printed import texts

GUIDE = Path(__file__).parents[2] / "docs" / "templates.md"


@pytest.fixture
def own(desk):
    """A folder of one's own wording."""
    folder = desk.folder / "templates"
    (folder / "fr").mkdir(parents=True)
    config = desk.folder / "relance.toml"
    config.write_text(
        re.sub(r"\n\[mail\]\n", '\n[mail]\ntemplates = "templates"\n', _without(config)), encoding="utf-8"
    )
    return folder


def _without(config):
    return re.sub(r"\ntemplates = [^\n]*", "", config.read_text(encoding="utf-8"))


def test_it_lists_what_is_ones_own(desk, own):
    (own / "fr" / "reminder.txt").write_text("Subject: x\n\ny\n", encoding="utf-8")
    (own / "fr" / "_treasury.txt").write_text("Zoé\n", encoding="utf-8")
    lines = desk.say("template", "list")
    assert next(line for line in lines if line.startswith("reminder")).split() == ["reminder", "your", "own", *BUILT_IN]
    assert next(line for line in lines if line.startswith("receipt")).split() == ["receipt", *BUILT_IN, *BUILT_IN]
    assert "fr/_treasury.txt: your own" in lines
    assert lines == desk.say("template")


BUILT_IN = ["built", "in"]


def test_what_it_shows_is_the_beginning_of_ones_own(desk, own):
    shown = desk.type("template", "show", "reminder", "--language", "fr").stdout
    (own / "fr" / "reminder.txt").write_text(shown, encoding="utf-8")
    assert desk.say("template", "check") == ["Every mail and paper can be written; 1 of the files is your own"]
    (own / "fr" / "reminder.txt").write_text("Subject: x\n\ny\n", encoding="utf-8")
    assert desk.type("template", "show", "reminder").stdout == "Subject: x\n\ny\n"
    assert desk.type("template", "show", "reminder", "--built-in").stdout == shown
    assert desk.type("template", "show", "_owed", "--language", "en").stdout.startswith("{% for due, cents in owed %}")
    assert desk.type("template", "show", "layout").stdout.startswith("<!DOCTYPE html>")
    assert "there is no template fr/../x.txt" in desk.refused("template", "show", "../x")


def test_it_previews_a_mail_in_words_and_as_a_page(desk, own):
    text = desk.type("template", "preview", "summons").stdout
    assert text.startswith("Subject: [")
    assert "Œuvre «\u00a0d'Été\u00a0» du quartier" in text
    assert desk.say("template", "preview", "reminder", "--language", "en", "--html", "seen.html") == [
        "Written: seen.html"
    ]
    page = (desk.folder / "seen.html").read_text(encoding="utf-8")
    assert '<html lang="en"' in page
    assert "Unless we are mistaken" in page
    assert desk.refused("template", "preview", "rappel") == "there is no mail or paper rappel: relance template list"


def test_the_shell_may_have_emptied_the_file_that_is_to_be_begun(desk, own):
    (own / "fr" / "reminder.txt").touch()
    assert desk.type("template", "show", "reminder").stdout.startswith("Subject: ")


def test_a_paper_for_a_member_has_its_address_and_reference(desk, own):
    desk.enter(("A0001", "Vélo Lauragais"))
    desk.damage("UPDATE association SET address = '2 rue Haute', postcode = '31000', city = 'Toulouse'")
    desk.type("template", "preview", "papers/call_for_dues", "--association", "A0001", "--pdf", "seen.pdf")
    page = " ".join(texts((desk.folder / "seen.pdf").read_bytes()))
    assert "31000 TOULOUSE" in page
    assert "2025 2026 A0001" in page
    assert "RAMONVILLE-SAINT-AGNE" not in page


def test_it_previews_a_paper_in_words_and_as_it_is_printed(desk, own):
    assert "[meeting]" in desk.type("template", "preview", "papers/summons").stdout
    assert desk.say("template", "preview", "papers/removal", "--language", "en", "--pdf", "seen.pdf") == [
        "Written: seen.pdf"
    ]
    assert (desk.folder / "seen.pdf").read_bytes().startswith(b"%PDF")
    assert "--html is for mails" in desk.refused("template", "preview", "papers/summons", "--html", "x.html")
    assert "--pdf is for papers" in desk.refused("template", "preview", "summons", "--pdf", "x.pdf")


def test_it_previews_a_mail_for_a_member(desk, own):
    desk.enter(("A0001", "Vélo Lauragais"))
    assert "Vélo Lauragais (A0001)" in desk.type("template", "preview", "reminder", "--association", "A0001").stdout
    assert "A0099" in desk.refused("template", "preview", "reminder", "--association", "A0099")


def test_it_names_each_fault_and_the_doctor_does_too(desk, own):
    (own / "fr" / "reminder.txt").write_text("Subject: x\n\n{{ oops }}\n", encoding="utf-8")
    (own / "fr" / "rappel.txt").write_text("x\n", encoding="utf-8")
    said = desk.type("template", "check", code=1)
    assert said.stderr.splitlines() == [
        "fr/rappel.txt: nothing is written with it; did you mean fr/removal.txt?",
        "fr/reminder.txt:3: « oops » is nothing that it may name here",
    ]
    assert "fr/reminder.txt:3" in desk.type("doctor", code=1).stdout
    preview = desk.type("template", "preview", "reminder")
    assert "fr/reminder.txt:3" in preview.stderr
    assert "Sauf erreur de notre part" in preview.stdout


def test_the_guide_has_the_table_of_variables(desk):
    assert desk.type("template", "show", "--variables").stdout.strip() == described()
    assert described() in GUIDE.read_text(encoding="utf-8")
