"""Hostile templates: refused, in little time, whatever they try. Hostile names: printed as they are, and no more."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from jinja2 import TemplateError

from notifications import Letterhead, Renderer
from notifications.mail import Composer, Outgoing, Sender
from notifications.own_words import BrokenTemplate
from notifications.render import UNFIT
from notifications.sandbox import BROKEN, MOST_SECONDS, OpenSandbox
from notifications.variables import samples

HOUSE = Letterhead(name="Le PIC", short_name="PIC", email="tresorerie@lepic.example", website="https://lepic.example")
FULL = dict(samples())["much told"]
MANY = {"a": list(range(400)), "text": "x" * 90_000, "org": {"name": "PIC"}, "name": "x"}
SETS = "".join("{% set t = t ~ t %}" for _ in range(60))
HOSTILE = {
    "a loop over a number": "{% for i in range(10**9) %}x{% endfor %}",
    "loops within loops": "{% for i in a %}{% for j in a %}{% for k in a %}{% endfor %}{% endfor %}{% endfor %}",
    "loops that put out": "{% for i in a %}{% for j in a %}{{ text }}{% endfor %}{% endfor %}",
    "a loop over signs": "{% for i in text %}{% for j in text %}{% endfor %}{% endfor %}",
    "a loop that calls itself": "{% for i in a recursive %}{{ loop(a) }}{% endfor %}",
    "a text times a number": "{{ 'x' * 10**9 }}",
    "a power": "{{ 9 ** 9 ** 9 ** 9 }}",
    "a format": "{{ '%999999999d' % 1 }}",
    "a text that doubles": "{% set t = text %}" + SETS + "{{ t }}",
    "a text that doubles unseen": "{% set t = text %}" + SETS,
    "a text added to itself": "{% set t = text + text %}{{ t }}",
    "a block that doubles": "{% set t %}{{ text }}{{ text }}{% endset %}{{ t }}",
    "a list in a list": "{% set l = [a, a] %}{{ l }}",
    "a list put out": "{{ a }}",
    "a join without end": "{% for i in a %}{% if a|join(text) %}{% endif %}{% endfor %}",
    "a macro that calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "a class": "{{ ''.__class__ }}",
    "a class by its place": "{{ ''['__class__']['__mro__'] }}",
    "a class by a name put together": "{{ name['__cl' ~ 'ass__'] }}",
    "a walk from a dictionary": "{{ org.__init__.__globals__ }}",
    "a walk by a filter": "{{ org|attr('__init__') }}",
    "a method": "{{ name.upper() }}",
    "a method that changes": "{{ org.clear() }}",
    "a method that is only named": "{{ org.items }}",
    "jinja's own things": "{{ self.__init__ }}{{ cycler }}{{ lipsum }}{{ namespace }}",
    "another template": "{% include 'fr/reminder.txt' %}",
    "a file elsewhere": "{% include '/etc/passwd' %}",
    "an import": "{% import 'os' as os %}",
    "a parent": "{% extends '_head.txt' %}",
    "the counter itself": "{{ a|_turns }}",
    "braces by the thousand": "{{" * 9000,
    "brackets by the thousand": "{{ " + "(" * 9000 + "1" + ")" * 9000 + " }}",
    "conditions by the hundred": "{% if name %}" * 400 + "{% endif %}" * 400,
    "minus signs by the thousand": "{{ " + "-" * 9000 + "1 }}",
    "a huge number": "{{ " + "9" * 9000 + " }}",
    "a number beyond all bounds": "{{ (1e400 - 1e400)|money }}",
    "an extension": "{% do org.clear() %}{% debug %}",
}
NAMES = (
    "Vélo\r\nBcc: x@evil.example",
    "Vélo\n\nContent-Type: text/html\n\n<h1>",
    "=?utf-8?q?Vous_avez_gagn=C3=A9?= =?utf-8?b?AAAA?=",
    "\u202ecilbup ecivreS\u202c",
    "\u2066\u2067\u2068]\u2069\u2069",
    "<script>alert(1)</script>",
    "</td></table><img src=https://evil.example/x onerror=alert(1)>",
    '"><a href="https://evil.example">Cliquez</a>',
    "https://evil.example/payer",
    "contact@evil.example",
    "{{ org.iban }}{% raw %}",
    "--=_words\r\nContent-Type: text/html",
    "-- ",
    "\u2028Vélo\x85\x00\x1b[2J",
    "جمعية \u202e الأصدقاء",
    "\ue000 \ue010content\ue011 <!--relance-->",
    "A" * 1000,
)


@pytest.mark.parametrize("template", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_template_is_refused_in_little_time(template):
    sandbox = OpenSandbox()
    began = time.thread_time()
    with pytest.raises((TemplateError, *BROKEN)):
        sandbox.fill_in(sandbox.from_string(template), MANY)
    assert time.thread_time() - began < 2 * MOST_SECONDS


@pytest.mark.parametrize("template", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_leaves_the_mail_with_the_built_in_words(template, tmp_path):
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "reminder.txt").write_text(f"Subject: x\n\n{template}\n", encoding="utf-8")
    renderer = Renderer(replace(HOUSE, own_words=tmp_path))
    values = FULL | {"name": "x" * 9000, "listed": FULL["listed"] * 50}
    began = time.thread_time()
    assert renderer.render("reminder", "fr", values).subject == Renderer(HOUSE).render("reminder", "fr", values).subject
    assert time.thread_time() - began < 3 * MOST_SECONDS
    assert [place.partition(":")[0] for place in renderer.troubles] == ["fr/reminder.txt"]


def test_what_is_usual_is_allowed():
    sandbox = OpenSandbox()
    template = "{% for i in a if i > 397 %}{{ loop.index }}:{{ i + 1 }}{% if not loop.last %}, {% endif %}{% endfor %}"
    assert sandbox.fill_in(sandbox.from_string(template), MANY) == "1:399, 2:400"
    assert sandbox.fill_in(sandbox.from_string("{{ name ~ '-' ~ org.name }}"), MANY) == "x-PIC"
    assert sandbox.fill_in(sandbox.from_string("{{ 'y' if nobody is defined else 'n' }}"), MANY) == "n"
    assert sandbox.fill_in(sandbox.from_string("{% set x = name %}{{ x }}{{ a[1] }}"), MANY) == "x1"


def test_loops_that_take_long_are_ended_by_the_processors_own_time(monkeypatch):
    monkeypatch.setattr("notifications.sandbox.MOST_SECONDS", -1.0)
    sandbox = OpenSandbox()
    with pytest.raises(TemplateError, match="takes longer than"):
        sandbox.fill_in(sandbox.from_string("{% for i in a %}{% endfor %}"), MANY)


def _sent(text, renderer):
    composer = Composer(Sender("tresorerie@lepic.example", "Le PIC"))
    mail = Outgoing(1, "k", 1, "reminder", None, None, "a@b.example", "fr", text.subject, text.body, NOW)
    return message_from_bytes(
        composer.compose(replace(mail, layout=renderer.pages[text.layout])).content, policy=policy.default
    )


NOW = datetime(2025, 6, 1, tzinfo=UTC)
HEADERS = ["Message-ID", "Date", "To", "Subject", "From", "Auto-Submitted", "MIME-Version", "Content-Type"]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_is_printed_and_does_nothing(name):
    renderer = Renderer(HOUSE)
    text = renderer.render("reminder", "fr", FULL | {"name": name, "number": name, "contact_name": name})
    message = _sent(text, renderer)
    assert message.keys() == HEADERS
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    plain, html = (message.get_body((form,)).get_content() for form in ("plain", "html"))
    assert message["Subject"].startswith("[PIC] Relance\u00a0: cotisation" if "\u00a0" in text.subject else "[PIC] ")
    assert not set(plain + html) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\x00\x1b\x85\u2028")
    assert plain.count("\u2068") == plain.count("\u2069") == html.count("<bdi>") == html.count("</bdi>")
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="https://evil' not in html
    assert "mailto:contact@evil" not in html
    assert html.count("<h1>") == 0
    assert html.count("</html>") == 1
    assert text.body.count("\n") == renderer.render("reminder", "fr", FULL | {"name": "V"}).body.count("\n")


def test_a_signature_in_a_name_does_not_end_the_words():
    renderer = Renderer(HOUSE)
    text = renderer.render("any_news", "en", FULL | {"subjects": [{"number": "--", "name": ""}]})
    assert text.body.count("\n-- \n") == 1


def test_a_broken_layout_is_named_with_its_line(tmp_path):
    (tmp_path / "layout.html").write_text("<html>\n<body>\n<img src=x>{{ content }}</body></html>", encoding="utf-8")
    renderer = Renderer(replace(HOUSE, own_words=tmp_path))
    text = renderer.render("reminder", "fr", FULL)
    assert text.layout == Renderer(HOUSE).render("reminder", "fr", FULL).layout
    assert list(renderer.troubles) == ["layout.html"]
    assert isinstance(BrokenTemplate(place="x", reason="y"), UNFIT)
