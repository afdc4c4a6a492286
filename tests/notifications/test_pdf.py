"""The press: plain data into a PDF that can be archived, is tagged, and is the same every time."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import typst

from engine.errors import BadDefinition
from notifications import pdf
from notifications.minutes_labels import LABELS
from notifications.pdf import compile_pdf

AT = datetime(2025, 8, 28, 16, 30, tzinfo=UTC)
HOSTILE = '#import "x" $x^2$ *gras* _it_ <label> @ref `code` \\ // commentaire [lien](javascript:alert(1)) #panic("!")'
WORDS = ("version", "place", "attendance_summary", "quorum", "undecided")
LISTS = (
    *("address", "warnings", "attendance", "rules", "clauses", "questions"),
    *("names", "comments", "decisions", "signatures"),
)
EMPTY = {
    **dict.fromkeys(WORDS, ""),
    **dict.fromkeys(LISTS, ()),
    **dict.fromkeys(("signed", "any_remote"), False),
    "language": "fr",
    "labels": LABELS["fr"],
    "organisation": "Le Pic",
    "heading": "Procès-verbal",
    "when": "jeudi",
}


def printed(**changes):
    return compile_pdf("minutes", EMPTY | changes, AT)


def test_it_is_archivable_and_tagged():
    made = printed()
    assert made.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>2</pdfaid:part>" in made
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in made
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert b"/Lang(fr-FR)" in made or b"/Lang (fr-FR)" in made


def test_it_is_the_same_byte_for_byte_and_dated_as_told():
    assert printed() == printed()
    assert printed() == pdf.Press().print("minutes", EMPTY, AT)
    assert b"2025-08-28T16:30:00" in printed()
    assert printed() != compile_pdf("minutes", EMPTY, AT.replace(year=2026))


def test_it_prints_what_people_wrote_and_never_runs_it():
    made = printed(organisation=HOSTILE, place=HOSTILE)
    title = re.search(rb"<dc:title>.*?</dc:title>", made, re.DOTALL)
    assert title is not None
    assert b'#import "x" $x^2$ *gras* _it_ &lt;label&gt; @ref' in title[0].replace(b"&quot;", b'"')
    group = {"question": HOSTILE, "items": []}
    inputs = {"data": json.dumps(EMPTY | {"questions": [group]})}
    found = typst.query(pdf.FOLDER / "minutes.typ", "heading", field="body", root=pdf.FOLDER, sys_inputs=inputs)
    assert {"func": "text", "text": HOSTILE} in json.loads(found)


def test_it_prints_names_of_every_direction_and_signs_it_has_no_letter_for():
    assert b"<pdfaid:part>" in printed(place="\u2068جمعية الأمل\u2069")
    emoji = printed(place="Les 😀 Joyeux 日本")
    assert emoji.startswith(b"%PDF")
    assert b"<pdfaid:part>" not in emoji
    assert emoji == printed(place="Les 😀 Joyeux 日本")


def test_it_takes_out_what_would_turn_or_end_a_line():
    assert printed(place="a\x00b\u202ec\nd") == printed(place="a b c d")


def test_it_refuses_a_template_that_is_not_there_or_lacks_its_data():
    with pytest.raises(BadDefinition, match=r"nowhere\.typ"):
        compile_pdf("nowhere", {}, AT)
    with pytest.raises(BadDefinition, match=r"minutes\.typ"):
        compile_pdf("minutes", {}, AT)


def test_it_serves_many_at_once():
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda place: printed(place=place), ["a", "b"] * 6))
    assert made == [printed(place="a"), printed(place="b")] * 6
