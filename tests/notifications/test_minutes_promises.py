"""What must hold for any minutes: nothing of the votes in the public version, nothing that people wrote runs."""

import html as entities
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine.ballots import CountingRule
from engine.board_models import BallotStatus
from engine.minutes import Annulled, Aside, Counts, Item, MinutesFacts, Presence, Said, Sitting
from notifications.documents import plain_markdown
from notifications.minutes import House, Style, Version, document_of, html, markdown
from notifications.render import Letterhead
from notifications.typography import ISOLATES, isolated, one_line

AT = datetime(2025, 8, 28, 16, 30, tzinfo=UTC)
HOUSE = House(Letterhead("Le Pic", currency="EUR"), {})
SEATS = tuple(f"S{rank}" for rank in range(1, 6))
SECRETS = ("KOMMENT", "GRUND", "ANNULER", "PAUSENGRUND")
PLAIN = {"p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "blockquote", "br"}
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

said = st.builds(
    Said,
    st.sampled_from(SEATS),
    st.sampled_from(["approve", "reject", "abstain"]),
    st.just("KOMMENT"),
    st.just("api"),
    st.booleans(),
)
items = st.builds(
    Item,
    number=st.integers(1, 99).map(lambda rank: f"2025-08/{rank}"),
    ballot=st.integers(1, 99),
    instance=st.integers(1, 3),
    workflow=st.sampled_from(["membership", "admission", "other"]),
    trigger=st.sampled_from(["suspend", "propose_removal", "remove", "correct", "admit"]),
    subject=st.just("A0042"),
    name=st.just("Vélo"),
    question=st.just("Lend it?"),
    status=st.sampled_from(BallotStatus),
    rule=st.sampled_from([None, CountingRule()]),
    counts=st.none() | st.builds(Counts, *[st.integers(0, 5)] * 5),
    votes=st.lists(said, max_size=5).map(tuple),
    aside=st.lists(st.builds(Aside, st.sampled_from(SEATS), st.just("GRUND")), max_size=2).map(tuple),
    missing=st.sampled_from([(), ("PAUSENGRUND",)]),
    reason=st.sampled_from(["", "GRUND", "has a stay until 2025-09-01"]),
    annulled=st.none() | st.just(Annulled(AT, "ANNULER + Ana", "GRUND")),
)


def facts_of(found):
    sittings = tuple(Sitting(seat, f"Person-{seat}", "member", Presence.PRESENT) for seat in SEATS)
    return MinutesFacts(1, "2025-08", AT, "", None, sittings, tuple(found))


@given(st.lists(items, max_size=6), st.sampled_from(["fr", "en"]))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_public_version_never_tells_who_voted_what_or_owes_what(found, language):
    owed = {instance: [(2025, 2000), (2024, 1234)] for instance in (1, 2, 3)}
    facts, style = facts_of(found), Style(language, Version.PUBLIC, comments=True)
    written = json.dumps(document_of(facts, HOUSE, style, owed), ensure_ascii=False)
    for text in (written, markdown(facts, HOUSE, style, owed), html(facts, HOUSE, style, owed)):
        assert not [secret for secret in SECRETS if secret in text]
        assert not re.search(r"€|20[,.]00|12[,.]34|has a stay|délai est", text)
        for seat in SEATS:
            assert text.count(f"Person-{seat}") == 1


@given(st.lists(items, max_size=4), st.sampled_from(["fr", "en"]))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_signed_version_says_everything_and_can_always_be_written(found, language):
    facts, style = facts_of(found), Style(language, Version.SIGNED)
    text = markdown(facts, HOUSE, style, {1: [(2025, 2000)]})
    assert html(facts, HOUSE, style, {}).startswith("<!doctype html>")
    assert "KOMMENT" not in text
    assert ("ANNULER" in text) == any(item.annulled for item in found)
    assert ("20,00" in text or "20.00" in text) == any(item.instance == 1 for item in found)


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("[]()<>|*_`~#!$&\\-+=1.:/ \n"), max_size=40))
@settings(max_examples=400, deadline=None, derandomize=True)
@example("&lt;b&gt; &#42;")
@example("===")
@example("1) un")
def test_markdown_shows_any_text_as_it_is(text):
    shown, meant = plain_markdown(text), one_line(text).strip()
    for before in ("", "| a |\n|---|\n| ", "- ", "> a  \n> "):
        page = READER.render(f"{before}{shown}{' |' if before.startswith('|') else ''}")
        assert set(re.findall(r"<(\w+)", page)) <= PLAIN
        words = entities.unescape(re.sub(r"<[^>]*>", "", page)).strip()
        assert (words.removeprefix("a").strip() if "a" in before else words) == meant


def test_a_rule_that_changed_between_two_ballots_is_told_with_what_it_counted():
    item = Item("2025-08/1", 1, 1, "membership", "suspend", "A1", "", "", BallotStatus.ADOPTED, CountingRule())
    stricter = replace(item, number="2025-08/2", rule=CountingRule(quorum=4))
    told = document_of(facts_of([item, stricter]), HOUSE, Style("en"), {})["rules"]
    assert [line.rpartition(" ")[2] for line in told] == ["(2025-08/1)", "(2025-08/2)"]
    assert len(document_of(facts_of([item, item]), HOUSE, Style("en"), {})["rules"]) == 1


def test_a_name_from_right_to_left_stays_in_its_place():
    assert isolated("Vélo") == "Vélo"
    assert isolated("جمعية") == f"{ISOLATES[0]}جمعية{ISOLATES[1]}"
    assert isolated("a\u202eb\nc") == "a b c"
