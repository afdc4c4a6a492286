"""The HTML of a mail: the same words, in a page that asks for nothing."""

import re
import time
from binascii import a2b_qp
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import Letterhead, Renderer
from notifications.hypertext import page_text, quoted, writer_of
from notifications.layout import BadLayout, page_of, read_page
from notifications.mail import Composer, Outgoing, Sender
from notifications.own_words import FOLDER, Overlay
from notifications.render import LANGUAGES
from notifications.variables import samples

HOUSE = Letterhead(
    name="Le PIC & amis",
    short_name="PIC",
    email="tresorerie@lepic.example",
    website="https://lepic.example/",
    iban="FR76",
)
SAMPLES = dict(samples())
GOOD = "<html><head><title>\ue010subject\ue011</title></head><body>\ue010content\ue011</body></html>"


@pytest.fixture(scope="module")
def renderer():
    return Renderer(HOUSE)


def _html(renderer, kind, language, values):
    text = renderer.render(kind, language, values)
    return text, page_text(renderer.pages[text.layout], text.subject, text.body)


def _words(text):
    """Letters and digits, in order: what a reader reads."""
    return re.findall(r"\w+", text)


@pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Overlay.kinds())
def test_both_parts_say_the_same_and_arrive_as_written(renderer, kind, language, values):
    text = renderer.render(kind, language, values)
    mail = Outgoing(1, "k", 1, kind, None, None, "a@b.example", language, text.subject, text.body, NOW)
    composer = Composer(Sender("tresorerie@lepic.example"))
    content = composer.compose(replace(mail, layout=renderer.pages[text.layout])).content
    message = message_from_bytes(content, policy=policy.default)
    plain, html = (message.get_body((form,)) for form in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == text.body
    assert not message.defects + plain.defects + html.defects
    assert [part["Content-Transfer-Encoding"] for part in (plain, html)] == ["quoted-printable"] * 2
    assert max(map(len, content.split(b"\r\n"))) <= 78
    page = html.get_content()
    assert f'<html lang="{language}" dir="ltr">' in page
    said = page[page.index('class="words"') :].partition(">")[2]
    assert _words(unescape(re.sub("<[^>]*>", " ", said))) == _words(text.body)
    title = page[page.index("<title>") + 7 : page.index("</title>")]
    assert unescape(title).strip() == text.subject
    assert not re.search(r"\bsrc=|url\(|<link|<script|@import", page)
    for found in re.findall('href="([^"]*)"', page):
        assert found.startswith(
            ("mailto:tresorerie@lepic.example", "https://lepic.example/", "https://relance.example/")
        )


NOW = datetime(2025, 6, 1, tzinfo=UTC)


def test_lines_become_what_they_are(renderer):
    _, page = _html(renderer, "summons", "fr", SAMPLES["much told"])
    assert re.search(r'<th class="label"[^>]*>IBAN</th><td class="value"[^>]*>FR76</td>', page)
    assert re.search(r'<li class="item"[^>]*>vous expliquer de vive voix', page)
    assert re.search(r'<a class="link"[^>]*href="mailto:tresorerie@lepic.example"', page)
    assert page.count("<ul") == 1
    assert re.search(r'<strong class="name"[^>]*>Le PIC &amp; amis</strong>', page)
    _, agenda = _html(renderer, "agenda", "en", SAMPLES["much told"])
    assert agenda.count("<ul") == 1  # items with empty lines between them are one list
    assert agenda.count("<li") == 7
    assert re.search(r'<p class="door"[^>]*><a class="link"[^>]*>https://relance.example/l/••••</a></p>', agenda)


def test_what_is_written_from_right_to_left_keeps_to_itself(renderer):
    text, page = _html(renderer, "reminder", "fr", SAMPLES["right to left"])
    assert "Bonjour \u2068جمعية الأصدقاء\u2069,\n" in text.body
    assert "Bonjour <bdi>جمعية الأصدقاء</bdi>," in page


def test_a_page_that_was_kept_writes_the_same_again(renderer):
    text = renderer.render("reminder", "fr", SAMPLES["much told"])
    kept = renderer.pages[text.layout]
    assert read_page(kept).kept() == kept
    assert writer_of(kept).write(text.subject, text.body) == writer_of(kept).write(text.subject, text.body)


@given(st.text())
def test_pieces_arrive_as_they_were_put_together(text):
    plain = "".join(" " if "\ud800" <= sign <= "\udfff" or sign in "\r\n" else sign for sign in text)
    whole = quoted(plain) + quoted("=") + quoted(plain)
    assert a2b_qp(whole).decode() == f"{plain}={plain}"
    assert max(map(len, whole.split(b"\r\n"))) <= 76


@pytest.mark.parametrize(
    "page",
    [
        GOOD.replace("<body>", "<body><img src='https://evil.example/x.png'>"),
        GOOD.replace("<body>", "<body><script>alert(1)</script>"),
        GOOD.replace("<body>", "<body onload='alert(1)'>"),
        GOOD.replace("<head>", "<head><link rel=stylesheet href='https://evil.example/x.css'>"),
        GOOD.replace("<head>", "<head><meta http-equiv=refresh content=0>"),
        GOOD.replace("<head>", "<head><style>@import 'https://evil.example';</style>"),
        GOOD.replace("<head>", "<head><style>body { background: URL (x) }</style>"),
        GOOD.replace("<body>", "<body style='background: url(x)'>"),
        GOOD.replace("<body>", "<body><a href='javascript:alert(1)'>x</a>"),
        GOOD.replace("<body>", "<body><iframe srcdoc=x></iframe>"),
        GOOD.replace("<body>", "<body><form action=x><input name=y></form>"),
        GOOD.replace("<body>", "<body><!--[if mso]><img src=x><![endif]-->"),
        GOOD.replace("<body>", "<body><svg><image href=x></svg>"),
        GOOD.replace("<body>", "<body><!--><img src=x>-->"),
        GOOD.replace("<body>", "<body><!-- --!><img src=x> -->"),
        GOOD.replace("<body>", "<body><![CDATA[ > <img src=x> ]]>"),
        GOOD.replace("<body>", "<body style='background: image-set(\"https://evil.example/x.png\" 1x)'>"),
        GOOD.replace("<body>", "<body style='background: src(\"https://evil.example/x.png\")'>"),
        GOOD.replace("</body>", "\ue010content\ue011</body>"),
        GOOD.replace("\ue010content\ue011", ""),
        GOOD.replace("<title>\ue010subject\ue011</title>", ""),
        GOOD.replace("\ue010content\ue011", "<div title='\ue010content\ue011'></div>"),
        GOOD.replace("\ue010content\ue011", "<p>\ue010content\ue011</p>").replace("<body>", "<body><!--relance-->"),
    ],
)
def test_a_layout_that_fetches_runs_or_hides_is_refused(page):
    with pytest.raises(BadLayout):
        page_of(page)


def test_a_line_as_long_as_a_mail_may_be_takes_little_time(renderer):
    page = renderer.pages[renderer.render("reminder", "fr", SAMPLES["much told"]).layout]
    for long in ("a" * 95_000, "-" * 95_000, "a." * 47_000):
        began = time.thread_time()
        page_text(page, "x", f"{long} x@velo.example {long}")
        assert time.thread_time() - began < 1


def test_a_plain_layout_is_taken():
    assert page_of(GOOD).head.endswith("<title>")
    assert (FOLDER / "layout.html").stat().st_size < 8_000
