"""The organisation's own wording: a folder laid over the built-in one. What is wrong with it stops nothing."""

import os
from dataclasses import replace

import pytest
from jinja2 import TemplateNotFound

from notifications import Letterhead, Renderer, render_pending
from notifications.checking import Fault, faults, own_files
from notifications.hypertext import page_text
from notifications.own_words import LARGEST_FILE, BrokenTemplate, Overlay
from notifications.papers import Post, Typesetter
from notifications.render import LANGUAGES
from notifications.variables import ORGANISATION, SUBJECTS, UNTOLD, described, samples
from tests.notifications.test_outbox import NOW, lookup, messages, put, store  # noqa: F401 a fixture

FULL = dict(samples())["much told"]
OF_LETTERS = dict(samples(letters=True))["much told"]
HOUSE = Letterhead(name="Le PIC", short_name="PIC", email="tresorerie@lepic.example")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "fr").mkdir()
    (tmp_path / "en").mkdir()
    return tmp_path


@pytest.fixture
def house(folder):
    return replace(HOUSE, own_words=folder)


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")


def test_an_own_mail_takes_the_place_of_the_built_in_one(folder, house):
    own = 'Subject: À vous, {{ number }}\n\n{% include "_head.txt" %}\n\nPayez : {{ total|money }} !\n'
    write(folder, "fr/reminder.txt", "\ufeff" + own.replace("\n", "\r\n"))
    renderer = Renderer(house)
    subject, body, _ = renderer.render("reminder", "fr", FULL)
    assert subject == "À vous, A0042"
    assert body.endswith("\n\nPayez\u00a0: 35,50\u00a0€\u202f!\n")
    assert renderer.render("reminder", "en", FULL).subject.startswith("[PIC] Reminder")
    assert renderer.troubles == {}


def test_an_own_part_is_in_every_mail_that_has_it(folder, house):
    write(folder, "fr/_treasury.txt", "\nÀ bientôt,\n\nZoé, trésorière\n")
    renderer = Renderer(house)
    for kind in ("reminder", "receipt", "call_for_dues"):
        assert "Zoé, trésorière" in renderer.render(kind, "fr", FULL).body
    assert "Zoé" not in renderer.render("summons", "fr", FULL).body


def test_an_own_part_may_have_any_name(folder, house):
    write(folder, "fr/_ours.txt", "Venez à la fête.\n")
    write(folder, "fr/reminder.txt", 'Subject: x\n\n{% include "_ours.txt" %}\n')
    assert Renderer(house).render("reminder", "fr", FULL).body == "Venez à la fête.\n"


def test_layouts_are_for_all_mails_or_for_one(folder, house):
    write(folder, "layout.html", PAGE.format(words="toutes"))
    write(folder, "fr/receipt.html", PAGE.format(words="reçus"))
    renderer = Renderer(house)
    said = {}
    for kind in ("reminder", "receipt"):
        text = renderer.render(kind, "fr", FULL)
        said[kind] = page_text(renderer.pages[text.layout], text.subject, text.body)
    assert "<h1>toutes Le PIC</h1>" in said["reminder"]
    assert "<h1>reçus Le PIC</h1>" in said["receipt"]
    assert '<p class="text" style="color: #333;">' in said["reminder"]
    assert renderer.troubles == {}


PAGE = (
    '<html lang="{{{{ language }}}}"><head><title>{{{{ subject }}}}</title><style>.text {{ color: #333 }}</style>'
    "</head><body><h1>{words} {{{{ org.name }}}}</h1>{{{{ content }}}}</body></html>"
)


@pytest.mark.parametrize(
    ("name", "text", "place", "reason"),
    [
        ("fr/reminder.txt", "Bonjour\n", "fr/reminder.txt:1", "it must begin with « Subject: … » and a blank line"),
        ("fr/reminder.txt", "Subject: x\n\na\n{{ oops }}\n", "fr/reminder.txt:4", "« oops » is nothing that"),
        ("fr/reminder.txt", "Subject: x\n\n{% if a %}\n", "fr/reminder.txt:3", "Unexpected end of template"),
        ("fr/reminder.txt", "Subject: x\n\n{{ 2 * 3 }}\n", "fr/reminder.txt:3", "* is not for templates"),
        ("fr/reminder.txt", "Subject: x\n\n{{ day|dag }}\n", "fr/reminder.txt:3", "No filter named 'dag'"),
        ("fr/reminder.txt", 'Subject: x\n\n\n{% include "_no.txt" %}\n', "fr/_no.txt", "there is no such template"),
        ("fr/reminder.txt", "Subject: x\n\n{# nothing #}\n", "fr/reminder.txt", "it says nothing: a mail needs"),
        ("fr/reminder.txt", "Subject: x\n\nfran\u00e7ais \u202e\n", "fr/reminder.txt:3", "cannot be seen (U+202E)"),
        ("fr/reminder.txt", "x" * (LARGEST_FILE + 1), "fr/reminder.txt", "larger than 20000 bytes"),
        ("fr/_head.txt", "\n\n{% if person %}\n\n{{ nom }}\n{% endif %}\n{{ nom }}\n", "fr/_head.txt:7", "« nom »"),
        ("fr/_head.txt", "a\n{% for x in owed %}\n", "fr/_head.txt:2", "Unexpected end of template"),
        ("layout.html", "<body>{{ content }}</body>\n", "layout.html", "{{ subject }} must stand in it, once"),
        ("layout.html", "<html>\n{{ oops }}", "layout.html:2", "« oops »"),
        ("layout.html", PAGE.format(words="x\n<img src=x>"), "layout.html:2", "<img> is not for layouts"),
        ("fr/reminder.html", PAGE.format(words="<p onclick=x>"), "fr/reminder.html:1", "onclick of <p>"),
    ],
)
def test_what_is_wrong_is_named_and_the_built_in_words_leave(folder, house, name, text, place, reason):
    write(folder, name, text)
    renderer = Renderer(house)
    assert renderer.render("reminder", "fr", FULL) == Renderer(HOUSE).render("reminder", "fr", FULL)
    assert list(renderer.troubles) == [place]
    assert reason in renderer.troubles[place]


def test_the_line_is_right_behind_lines_of_tags_and_parts(folder, house):
    text = 'Subject: x\n\n{% include "_head.txt" %}\n{% if person %}\nx\n{% else %}\n\n{{ oops }}\n{% endif %}\n'
    write(folder, "fr/reminder.txt", text)
    assert [fault.place for fault in faults(house)] == ["fr/reminder.txt:8"]


def test_no_file_from_elsewhere_is_read(folder, house, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("Subject: secret\n\nsecret\n", encoding="utf-8")
    (folder / "fr" / "reminder.txt").symlink_to(secret)
    (folder / "fr" / "summons.txt").symlink_to("summons.txt")
    (folder / "fr" / "receipt.txt").mkdir()
    os.mkfifo(folder / "fr" / "removal.txt")
    (folder / "fr" / "farewell.txt").write_bytes(b"Subject: caf\xe9\n\nx\n")
    renderer = Renderer(house)
    for kind in ("reminder", "summons", "receipt", "removal", "farewell"):
        assert renderer.render(kind, "fr", FULL) == Renderer(HOUSE).render(kind, "fr", FULL)
    assert len(renderer.troubles) == 5
    for name in (
        "../secret.txt",
        "fr/../../secret.txt",
        "fr/_head",
        "/etc/passwd",
        "documents/minutes.html",
        "de/x.txt",
    ):
        with pytest.raises(TemplateNotFound):
            Overlay(folder).read(name)


def test_a_link_within_the_folder_is_read(folder, house):
    write(folder, "fr/receipt.txt", "Subject: x\n\ny\n")
    (folder / "fr" / "reminder.txt").symlink_to("receipt.txt")
    assert Renderer(house).render("reminder", "fr", FULL).body == "y\n"


def test_a_misspelt_file_is_named_and_others_are_left_alone(folder, house):
    write(folder, "fr/remainder.txt", "x")
    write(folder, "LISEZMOI.txt", "x")
    assert faults(house) == [Fault("fr/remainder.txt", "nothing is written with it; did you mean fr/reminder.txt?")]


def test_without_a_folder_mails_have_the_built_in_words_and_a_misspelt_one_is_told(tmp_path):
    for own_words in (None, tmp_path / "missing"):
        house = replace(HOUSE, own_words=own_words)
        reason = "there is no such folder; relance.toml names it under [mail] templates"
        assert faults(house) == ([] if own_words is None else [Fault(str(own_words), reason)])
        assert own_files(house) == []
        assert Renderer(house).render("reminder", "fr", FULL) == Renderer(HOUSE).render("reminder", "fr", FULL)


def test_a_broken_file_opens_one_task_and_the_year_goes_on(folder, house, store, caplog):  # noqa: F811 the fixture
    write(folder, "fr/call_for_dues.txt", "Subject: x\n\n{{ oops }}\n")
    put(store, {}, {"instance_id": 2})
    assert render_pending(store, house, lookup) == 2
    assert [message.subject for message in messages(store)] == [
        "[PIC] Appel à cotisation 2026 – A0001",
        "[PIC] Appel à cotisation 2026 – P0002",
    ]
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET body = NULL")
    assert render_pending(store, house, lookup) == 2
    with store.read() as connection:
        tasks = connection.exec_driver_sql("SELECT kind, about, note FROM task").fetchall()
    assert [tuple(task[:2]) for task in tasks] == [("own_template", "fr/call_for_dues.txt:3")]
    assert "relance template check" in tasks[0][2]
    assert len(caplog.records) == 1
    assert NOW.year == 2025


def test_every_layout_that_was_used_is_kept(house, store):  # noqa: F811 the fixture
    put(store, {}, {"language": "en"})
    render_pending(store, house, lookup)
    with store.read() as connection:
        kept = [row[0] for row in connection.exec_driver_sql("SELECT digest FROM mail_page")]
    assert {message.layout for message in messages(store)} == set(kept)
    assert len(kept) == len(LANGUAGES)


def test_the_table_names_what_templates_are_given():
    named = {variable.name for subject in SUBJECTS for variable in subject.variables}
    assert set(UNTOLD) <= named
    assert set(ORGANISATION) == set(HOUSE.values())
    for name in named:
        assert f"| `{name}` |" in described()


def test_a_file_is_refused_with_its_name(folder):
    write(folder, "fr/reminder.txt", "\x07")
    with pytest.raises(BrokenTemplate, match=r"fr/reminder\.txt:1: holds a sign that cannot be seen \(U\+0007\)"):
        Overlay(folder).read("fr/reminder.txt")


SUMMONS = "Subject: Convocation\n\n[owed]\n\n{{ opened.number }}\n\n[meeting]\n\n[payment]\n\n[clause]\n\n[signature]\n"


def test_a_paper_has_its_own_words_too(folder, house):
    (folder / "fr" / "papers").mkdir()
    write(folder, "fr/papers/call_for_dues.txt", "Subject: À payer\n\nMerci {{ name }} !\n\n[owed]\n\n[payment]\n")
    typesetter = Typesetter(house)
    paper = typesetter.paper("call_for_dues", "fr", FULL, Post())
    assert (paper["title"], [block["what"] for block in paper["blocks"]]) == ("À payer", ["text", "owed", "payment"])
    assert typesetter.paper("call_for_dues", "en", FULL, Post())["title"].startswith("Call for dues")
    assert (typesetter.troubles, faults(house)) == ({}, [])


@pytest.mark.parametrize("left_out", ["[owed]", "[meeting]", "[payment]", "[clause]", "[signature]"])
def test_a_summons_without_what_it_is_for_is_not_used(folder, house, left_out):
    (folder / "fr" / "papers").mkdir()
    told = SUMMONS.replace("{{ opened.number }}\n\n", "")
    write(folder, "fr/papers/summons.txt", told.replace(f"{left_out}\n\n", "").replace(f"\n\n{left_out}\n", "\n"))
    typesetter = Typesetter(house)
    paper = typesetter.paper("summons", "fr", OF_LETTERS, Post())
    assert paper["title"] == "Invitation à être entendus par le conseil d’administration"
    reason = f"it must have {left_out} as a paragraph of its own"
    assert typesetter.troubles == {"fr/papers/summons.txt": reason}
    assert faults(house) == [Fault("fr/papers/summons.txt", reason)]


def test_what_only_letters_may_name_is_tried_with_little_told_too(folder, house):
    (folder / "fr" / "papers").mkdir()
    write(folder, "fr/papers/summons.txt", SUMMONS)
    (fault,) = faults(house)
    assert fault.place == "fr/papers/summons.txt:5"
    write(
        folder,
        "fr/papers/summons.txt",
        SUMMONS.replace("{{ opened.number }}", "{% if opened %}{{ opened.number }}{% endif %}"),
    )
    assert faults(house) == []
    write(folder, "fr/papers/call_for_dues.txt", "Subject: x\n\n[owed]\n\n[payment]\n\n{{ cut_on|day }}\n")
    assert [fault.place for fault in faults(house)] == ["fr/papers/call_for_dues.txt:7"]


def test_a_paper_that_nobody_prints_is_named(folder, house):
    (folder / "fr" / "papers").mkdir()
    write(folder, "fr/papers/sumons.txt", "Subject: x\n\ny\n")
    assert faults(house) == [
        Fault("fr/papers/sumons.txt", "nothing is written with it; did you mean fr/papers/summons.txt?")
    ]


def test_an_own_part_stands_apart_and_an_empty_one_is_not_used(folder, house):
    write(folder, "fr/_treasury.txt", "Associativement,\nZoé\n")
    renderer = Renderer(house)
    assert "répondront.\n\nAssociativement,\nZoé\n\n-- \n" in renderer.render("reminder", "fr", FULL).body
    assert renderer.troubles == {}
    write(folder, "fr/_treasury.txt", "\n")
    assert faults(house) == [Fault("fr/_treasury.txt", "it is empty: without this part, leave out its {% include %}")]


@pytest.mark.parametrize("strange", ["[montant]", "[meeting]", "[signature]"])
def test_what_stands_for_nothing_on_a_paper_is_named(folder, house, strange):
    (folder / "fr" / "papers").mkdir()
    write(folder, "fr/papers/call_for_dues.txt", f"Subject: x\n\n[owed]\n\n{strange}\n\n[payment]\n")
    assert faults(house) == [Fault("fr/papers/call_for_dues.txt", f"{strange} stands for nothing on this paper")]


def test_items_need_no_empty_line_between_them(folder, house):
    (folder / "fr" / "papers").mkdir()
    own = "Subject: x\n\n– par virement\n– par chèque,\nà notre ordre\n\n[owed]\n\n[payment]\n"
    write(folder, "fr/papers/call_for_dues.txt", own)
    one, two, *_ = Typesetter(house).paper("call_for_dues", "fr", FULL, Post())["blocks"]
    assert (one, two) == (
        {"what": "item", "lines": ["par virement"]},
        {"what": "item", "lines": ["par chèque,", "à notre ordre"]},
    )


def test_a_language_that_nobody_writes_in_is_named(folder, house):
    (folder / "de").mkdir()
    write(folder, "de/reminder.txt", "Subject: x\n\ny\n")
    (fault,) = faults(house)
    assert fault.place == "de/reminder.txt"
