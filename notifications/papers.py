"""Papers: what is sent as a PDF or by post. Words from `templates/LANGUAGE/papers`, set by `typst/papers.typ`.

A text is `Subject: …`, a blank line, then paragraphs. Of a paragraph, these lines mean something:

- `# …` is a heading, `– …` an item of a list;
- `[owed]`, `[payment]`, `[meeting]`, `[clause]`, `[signature]` stand for what is drawn there, or for nothing.

The organisation's own texts come before the built-in ones, as with mails; what a paper is sent for, none can omit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notifications import wording
from notifications.paper_labels import LABELS
from notifications.pdf import compile_pdf
from notifications.render import LANGUAGES, Letterhead, Renderer, Text
from notifications.sepa import code_as_svg, payload_of
from notifications.typography import breakable, fr_typo, isolated
from notifications.variables import UNTOLD

ROOM = "papers"
TEMPLATE = "papers"
CALL = "call_for_dues"
HEADING, ITEM = "# ", "– "
_DRAWN = re.compile(r"\[(owed|payment|meeting|clause|signature)\]")
MUST_HAVE: Mapping[str, Sequence[str]] = {
    CALL: ("[owed]", "[payment]"),
    "summons": ("[owed]", "[meeting]", "[payment]", "[clause]", "[signature]"),
    "removal": ("[owed]", "[clause]", "[signature]"),
}
"""What each kind is for: what is owed and how it is paid, the hearing, the rule, who signs."""
MAY_HAVE: Mapping[str, Sequence[str]] = {"removal": ("[payment]",)}
_BRACKETS = re.compile(r"\[[^\]\n]*\]")
Paper = Mapping[str, Any]
"""One paper as plain values, ready to be set."""


@dataclass(frozen=True, slots=True)
class Post:
    """What only paper has: the lines of the address, how it is sent, the clause it quotes, who signs."""

    lines: Sequence[str] = ()
    registered: bool = False
    clause: str = ""
    clause_title: str = ""
    letter: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """What its text may name beyond what a mail's may."""


class Typesetter:
    """The papers of one organisation."""

    def __init__(self, letterhead: Letterhead) -> None:
        self.letterhead = letterhead
        self._renderer = Renderer(letterhead, ROOM, _unfit)

    @property
    def troubles(self) -> Mapping[str, str]:
        """What of the organisation's own texts could not be used, by file and line, and why."""
        return self._renderer.troubles

    def paper(self, kind: str, language: str, values: Mapping[str, Any], post: Post) -> Paper:
        """Write one paper. Raises a jinja2.TemplateError for a text that names what is not there."""
        known = language if language in LANGUAGES else self.letterhead.language
        text = self.words(kind, known, values, post)
        return _Writer(self.letterhead, kind, known, values, post).paper(text.subject, text.body)

    def words(self, kind: str, language: str, values: Mapping[str, Any], post: Post) -> Text:
        """Write its words alone. Raises a jinja2.TemplateError for a text that names what is not there."""
        return self._renderer.render(kind, language, {**UNTOLD, **values, **post.more})

    def print(self, papers: Sequence[Paper], made_at: datetime, title: str = "") -> bytes:
        """Print papers into one PDF, each beginning on a page of its own. The same papers give the same bytes."""
        first = papers[0]
        data = {
            "language": first["language"],
            "organisation": isolated(self.letterhead.name),
            "title": title or f"{self.letterhead.name} – {first['title']} – {first['about']}",
            "papers": papers,
        }
        return compile_pdf(TEMPLATE, data, made_at)


def _unfit(kind: str, paragraphs: Sequence[str]) -> str:
    """Say what a paper lacks, or has that stands for nothing there; empty: neither."""
    drawn = [paragraph.strip() for paragraph in paragraphs if _BRACKETS.fullmatch(paragraph.strip())]
    lacks = [block for block in MUST_HAVE[kind] if block not in drawn]
    if lacks:
        return f"it must have {', '.join(lacks)} as a paragraph of its own"
    strange = [block for block in drawn if block not in (*MUST_HAVE[kind], *MAY_HAVE.get(kind, ()))]
    return f"{strange[0]} stands for nothing on this paper" if strange else ""


@dataclass(frozen=True, slots=True)
class _Writer:
    """Says each part of one paper."""

    letterhead: Letterhead
    kind: str
    language: str
    values: Mapping[str, Any]
    post: Post

    @property
    def labels(self) -> Mapping[str, str]:
        """The fixed words of the language."""
        return LABELS[self.language]

    def paper(self, subject: str, body: str) -> Paper:
        """Put the parts together."""
        values, labels = self.values, self.labels
        name = isolated(breakable(values["name"]))
        return {
            "language": self.language,
            "labels": labels,
            "sender": self._sender(),
            "name": isolated(self.letterhead.name),
            "address": [isolated(breakable(line)) for line in self.post.lines],
            "notice": labels["registered"] if self.post.registered else "",
            "placed": self._placed(),
            "subject": self.post.registered,
            "title": self._typo(subject),
            "about": str(values["number"]),
            "footer": f"{self.letterhead.short_name or self.letterhead.name} – {self._typo(subject)} – "
            f"{values['number']}",
            "facts": self._facts(name),
            "blocks": [self._block(part) for paragraph in body.split("\n\n") for part in _parts_of(paragraph)],
            "owed": [(self._due(year), self._money(cents)) for year, cents in values["owed"]],
            "total": self._money(values["total"]) if len(values["owed"]) > 1 else "",
            "payment": self._payment(),
            "meeting": self._meeting(),
            "clause": [line for line in self.post.clause.splitlines() if line.strip()],
            "clause_title": self.post.clause_title,
        }

    def _typo(self, text: str) -> str:
        return fr_typo(text) if self.language == wording.FRENCH else text

    def _money(self, cents: int) -> str:
        return wording.money(cents, self.language, self.letterhead.currency)

    def _due(self, year: int) -> str:
        return f"{self.labels['due']} {year}"

    def _sender(self) -> list[str]:
        """Where the sender can be found, line by line, below its name."""
        head = self.letterhead
        lines = (*head.address.splitlines(), f"{head.postcode} {head.city}", head.email, head.website)
        return [isolated(line.strip()) for line in lines if line.strip()]

    def _placed(self) -> str:
        """Where and when it was written: « Ramonville, le 3 octobre 2025 »."""
        day = self._typo(wording.day(self.values["written"], self.language))
        city = isolated(self.letterhead.city.strip())
        return f"{city}, {self.labels['on']}{day}" if city else f"{self.labels['On']}{day}"

    def _facts(self, name: str) -> list[tuple[str, str]]:
        """What a treasurer looks for first."""
        labels, values = self.labels, self.values
        if self.kind != CALL:
            return [(labels["association"], name), (labels["number"], str(values["number"]))]
        return [
            (labels["call"], f"{values['year']}-{values['number']}"),
            (labels["person" if values["person"] else "association"], name),
            (labels["number"], str(values["number"])),
            (labels["year"], str(values["year"])),
        ]

    def _block(self, paragraph: str) -> dict[str, Any]:
        """Tell what a paragraph is."""
        lines = paragraph.strip("\n").splitlines()
        drawn = _DRAWN.fullmatch(lines[0])
        if drawn is not None and len(lines) == 1:
            return {"what": drawn[1], "lines": []}
        what = "heading" if lines[0].startswith(HEADING) else "item" if lines[0].startswith(ITEM) else "text"
        lines[0] = lines[0].removeprefix(HEADING).removeprefix(ITEM) if what != "text" else lines[0]
        return {"what": what, "lines": lines}

    def _payment(self) -> dict[str, Any]:
        """Say how to pay, with the code for bank apps where a transfer can be told so."""
        head, labels, values = self.letterhead, self.labels, self.values
        if not head.iban:
            return {"lines": [], "code": "", "none": self._typo(labels["ask"].format(reference=values["reference"]))}
        code = payload_of(head, values["total"], values["reference"])
        given = (
            (labels["holder"], isolated(breakable(head.account_holder.strip()))),
            (labels["iban"], str(head.values()["iban"])),
            (labels["bic"], head.bic),
            (labels["amount"], self._money(values["total"]) if values["total"] else ""),
            (labels["reference"], isolated(values["reference"])),
        )
        return {
            "lines": [(label, value) for label, value in given if value],
            "code": code_as_svg(code) if code is not None else "",
            "none": "" if code is not None else labels["no_code"],
        }

    def _meeting(self) -> list[str]:
        """When and where, in words."""
        if not self.values["meeting"]:
            return []
        when = wording.moment(self.values["meeting"], self.language, self.letterhead.timezone)
        place = isolated(str(self.values["place"] or "").strip())
        return [when, place] if place else [when]


def _parts_of(paragraph: str) -> list[str]:
    """Take a list apart: each line that begins as an item is one."""
    parts = re.split(rf"\n(?={ITEM})", paragraph.strip("\n"))
    return [part for part in parts if part.strip()]
