"""Whether the organisation's own templates can be used: each is filled in with awkward values, and with the least.

The built-in ones are tried in the same way by the tests.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from notifications.hypertext import writer_of
from notifications.own_words import NAMES, Overlay
from notifications.papers import CALL, ROOM, Post, Typesetter
from notifications.render import INCLUDE, LANGUAGES, LAYOUT, Letterhead, Renderer
from notifications.variables import samples

_READ = re.compile(r"[a-z]{2}/.*|.*\.html")
_PART = re.compile(r"(?:fr|en)/_.*\.txt")


class Fault(NamedTuple):
    """What is wrong with a file: which one (and its line), and why."""

    place: str
    reason: str


def faults(letterhead: Letterhead) -> list[Fault]:
    """Try every mail that is written with a file of the organisation's; return what is wrong with these, in order."""
    overlay = Overlay(letterhead.own_words)
    if overlay.folder is None:
        return []
    if not overlay.folder.is_dir():
        return [Fault(str(overlay.folder), "there is no such folder; relance.toml names it under [mail] templates")]
    renderer = Renderer(letterhead)
    for _, values in samples():
        for kind, language in _concerned(overlay):
            text = renderer.render(kind, language, values)
            writer_of(renderer.pages[text.layout]).write(text.subject, text.body)
    found = {**renderer.troubles, **_papers(letterhead, overlay), **dict(_strangers(overlay))}
    return [Fault(place, reason) for place, reason in sorted(found.items())]


def _papers(letterhead: Letterhead, overlay: Overlay) -> Mapping[str, str]:
    """Write each paper that the organisation has words for; say what is wrong with them."""
    typesetter = Typesetter(letterhead)
    for kind in overlay.kinds(ROOM):
        for language in LANGUAGES:
            if overlay.is_own(f"{language}/{ROOM}/{kind}.txt"):
                for _, values in samples(letters=kind != CALL):
                    typesetter.paper(kind, language, values, Post())
    return typesetter.troubles


def _concerned(overlay: Overlay) -> Iterator[tuple[str, str]]:
    """Name the mails, by kind and language, that a file of the organisation's has to do with."""
    every = overlay.is_own(LAYOUT)
    for kind in overlay.kinds():
        for language in LANGUAGES:
            own = [f"{language}/{kind}{end}" for end in (".txt", ".html")]
            if every or any(map(overlay.is_own, own)) or _own_parts(overlay, language, kind):
                yield kind, language


def _own_parts(overlay: Overlay, language: str, kind: str) -> bool:
    """Whether a built-in text takes in a part of the organisation's."""
    parts = INCLUDE.findall(Overlay().read(f"{language}/{kind}.txt").text)
    return any(overlay.is_own(f"{language}/{part}") for part in parts)


def own_files(letterhead: Letterhead) -> list[str]:
    """Name the organisation's own templates."""
    return [name for name in Overlay(letterhead.own_words).files() if NAMES.fullmatch(name)]


def _strangers(overlay: Overlay) -> Iterator[Fault]:
    """Find files that nothing reads: a kind that is misspelt would else go unnoticed."""
    known = [
        *(f"{language}/{kind}{end}" for language in LANGUAGES for kind in overlay.kinds() for end in (".txt", ".html")),
        *(f"{language}/{ROOM}/{kind}.txt" for language in LANGUAGES for kind in overlay.kinds(ROOM)),
    ]
    for name in overlay.files():
        read = name in known or name == LAYOUT or (NAMES.fullmatch(name) and _PART.fullmatch(name))
        if _READ.fullmatch(name) and not read:
            near = get_close_matches(name, [*known, LAYOUT], 1)
            yield Fault(name, "nothing is written with it" + (f"; did you mean {near[0]}?" if near else ""))
