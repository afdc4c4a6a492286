"""Mail texts: one file per kind and language under templates/, compiled once, filled with plain values in a sandbox.

A template is what leaves, line for line: « Subject: … », a blank line, the body. What it may name: variables.py. The
organisation's own files come before the built-in ones; what is wrong with them never stops a mail.
"""

import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Template, TemplateError, TemplateNotFound, TemplateSyntaxError

from engine.errors import BadDefinition
from notifications import layout, wording
from notifications.own_words import BrokenTemplate, Origin, Overlay, Source
from notifications.sandbox import BROKEN, OpenSandbox, scalar
from notifications.typography import fr_typo, isolated, one_line

LANGUAGES = ("fr", "en")
SUBJECT = "Subject: "
LONGEST_SUBJECT = 120
LAYOUT = "layout.html"
LONGEST_REASON = 200
UNFIT = (TemplateError, BrokenTemplate, *BROKEN)
"""What a template of the organisation may raise; its mail is then written with the built-in words."""

# A line of nothing but tags leaves no line; every other line leaves as it stands.
_ONLY_TAGS = re.compile(r"^[ \t]*((?:\{%[^{}]*%\}[ \t]*)+)\n", re.MULTILINE)
INCLUDE = re.compile(r'\{% include "(\w+\.txt)" %\}')
_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TAG_MARK = "\ue000"
_THREE_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes: the organisation, as relance.toml has it. `due_on`: MM-DD, the last day to pay; empty: none.

    `own_words`: the folder of its own templates.
    """

    name: str
    short_name: str = ""
    timezone: str = "Europe/Paris"
    language: str = "fr"
    address: str = ""
    postcode: str = ""
    city: str = ""
    email: str = ""
    website: str = ""
    iban: str = ""
    bic: str = ""
    account_holder: str = ""
    currency: str = "EUR"
    due_on: str = "01-31"
    own_words: Path | None = None

    def values(self) -> dict[str, Any]:
        """Return what templates see as `org`: the address by lines, the IBAN in groups of four, a short name always."""
        iban = "".join(self.iban.split())
        groups = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
        short = self.short_name or self.name
        told = {name: value for name, value in asdict(self).items() if name != "own_words"}
        return told | {"address": self.address.splitlines(), "iban": groups, "short_name": short}


class Text(NamedTuple):
    """A mail's words: a subject of one line, and a body; and the digest of the page that they are put into."""

    subject: str
    body: str
    layout: str = ""


@dataclass(frozen=True, slots=True)
class _Whole:
    """A template with its parts in place, compiled; where each of its lines comes from."""

    name: str
    template: Template
    origins: tuple[Origin, ...]

    @property
    def own(self) -> bool:
        """Whether any of it is the organisation's."""
        return any(origin.own for origin in self.origins)


def _nothing_unfit(_kind: str, _paragraphs: Sequence[str]) -> str:
    return ""


@dataclass(slots=True)
class Renderer:
    """The texts of one organisation, each compiled at its first use. It belongs to one thread.

    `troubles`: what of its own templates could not be used, and why; the built-in ones took their place.
    """

    letterhead: Letterhead
    room: str = ""
    """A folder of texts that are no mails: they are in no page."""
    unfit: Callable[[str, Sequence[str]], str] = _nothing_unfit
    """Says what is wrong with a text of a kind, given its paragraphs; empty: nothing."""
    troubles: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    """By digest: those that texts were made for, as `layout.read_page` reads them."""
    _org: dict[str, Any] = field(init=False)
    _overlay: Overlay = field(init=False)
    _sandboxes: dict[str, OpenSandbox] = field(init=False)
    _wholes: dict[tuple[str, str, bool], _Whole] = field(default_factory=dict)
    _unread: set[tuple[str, str]] = field(default_factory=set)
    _layouts: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the sandboxes."""
        self._org = self.letterhead.values()
        self._overlay = Overlay(self.letterhead.own_words)
        self._sandboxes = {language: _sandbox(language, self.letterhead) for language in LANGUAGES}

    def render(self, kind: str, language: str, values: Mapping[str, Any]) -> Text:
        """Write one mail; in the organisation's language where there is none in the one asked for.

        Raises a jinja2.TemplateError for a built-in template that names what is not there or does what it must not.
        """
        known = language if language in LANGUAGES else self.letterhead.language
        own = self._own(kind, known)
        if own is not None:
            try:
                return self._fill_in(own, kind, known, values)
            except UNFIT as error:
                text = self._fill_in(self._whole(kind, known, Overlay()), kind, known, values)
                self._note(_place(error, own), error)
                return text
        return self._fill_in(self._whole(kind, known, Overlay()), kind, known, values)

    def _fill_in(self, whole: _Whole, kind: str, language: str, values: Mapping[str, Any]) -> Text:
        written = self._sandboxes[language].fill_in(whole.template, {**values, "org": self._org})
        head, _, body = written.partition("\n\n")
        subject, said = _subject(head), _THREE_LINES.sub("\n\n", body).strip("\n")
        if not subject or not said.strip():
            raise BrokenTemplate(place=whole.name, reason="it says nothing: a mail needs a subject and words")
        reason = self.unfit(kind, said.split("\n\n"))
        if reason:
            raise BrokenTemplate(place=whole.name, reason=reason)
        return Text(subject, f"{said}\n", "" if self.room else self._layout(kind, language))

    # Templates

    def _own(self, kind: str, language: str) -> _Whole | None:
        """Return the template that is, in part at least, the organisation's; None: it has none, or none of use."""
        if self._overlay.folder is None or (kind, language) in self._unread:
            return None
        try:
            whole = self._whole(kind, language, self._overlay)
        except UNFIT as error:
            self._unread.add((kind, language))
            self._note(_place(error), error)
            return None
        return whole if whole.own else None

    def _whole(self, kind: str, language: str, overlay: Overlay) -> _Whole:
        key = (kind, language, overlay.folder is not None)
        whole = self._wholes.get(key)
        if whole is None:
            whole = self._wholes[key] = _compiled(
                self._sandboxes[language], overlay, language, f"{self.room}/{kind}".lstrip("/")
            )
        return whole

    # Layouts

    def _layout(self, kind: str, language: str) -> str:
        """Return the digest of the page of a kind of mail: the organisation's for it, or for all, or the built-in."""
        digest = self._layouts.get((kind, language))
        if digest is None:
            own = f"{language}/{kind}.html"
            digest = self._layout_of((own, LAYOUT), language) if self._overlay.is_own(own) else self._usual(language)
            self._layouts[kind, language] = digest
        return digest

    def _usual(self, language: str) -> str:
        if ("", language) not in self._layouts:
            self._layouts["", language] = self._layout_of((LAYOUT,), language)
        return self._layouts["", language]

    def _layout_of(self, names: Iterable[str], language: str) -> str:
        page = self._page(names, language).kept()
        digest = sha256(page.encode()).hexdigest()[:16]
        self.pages[digest] = page
        return digest

    def _page(self, names: Iterable[str], language: str) -> layout.Page:
        for name in names:
            if self._overlay.is_own(name):
                try:
                    return self._read_page(self._overlay, name, language)
                except UNFIT as error:
                    self._note(_place(error), error)
        return self._read_page(Overlay(), LAYOUT, language)

    def _read_page(self, overlay: Overlay, name: str, language: str) -> layout.Page:
        """Read a layout. Raises what a layout may raise, naming its file."""
        source = overlay.read(name)
        sandbox = self._sandboxes[language].overlay(autoescape=True)
        told = {"org": self._org, "language": language, "content": layout.CONTENT, "subject": layout.SUBJECT}
        template = _compile(sandbox, name, source.text)
        known = tuple(filter(None, (self.letterhead.email, self.letterhead.website)))
        try:
            return layout.page_of(sandbox.fill_in(template, told), known)
        except layout.BadLayout as error:
            raise BrokenTemplate(place=f"{name}:{error.line}" if error.line else name, reason=error.reason) from None
        except UNFIT as error:
            origins = tuple(Origin(name, number, own=True) for number in range(1, source.text.count("\n") + 1))
            raise BrokenTemplate(place=_place(error, _Whole(name, template, origins)), reason=_reason(error)) from None

    def _note(self, place: str, error: BaseException) -> None:
        """Keep what is wrong with one of the organisation's own templates."""
        self.troubles.setdefault(place, _reason(error))


def check_templates(kinds: Iterable[str]) -> None:
    """Refuse a mail kind without a template that begins with its subject, in each language (BadDefinition)."""
    for kind in kinds:
        for language in LANGUAGES:
            try:
                source = Overlay().read(f"{language}/{kind}.txt")
                refuse_without_subject(source.name, source.text)
            except (TemplateNotFound, UnicodeDecodeError) as error:
                raise BadDefinition(reason=f"mail kind {kind!r} has no template in {language!r}") from error
            except BrokenTemplate as error:
                raise BadDefinition(reason=f"template {error}") from error


def _compiled(sandbox: OpenSandbox, overlay: Overlay, language: str, kind: str) -> _Whole:
    """Read a template, put its parts in place (at run time each would cost a third more), and compile it."""
    name = f"{language}/{kind}.txt"
    source = overlay.read(name)
    if source.own:
        refuse_without_subject(name, source.text)
    placed: list[tuple[str, Origin]] = []
    for number, line in enumerate(source.text.splitlines(), 1):
        part = INCLUDE.fullmatch(line)
        if part and part[1].startswith("_"):
            placed += _part(sandbox, overlay.read(f"{language}/{part[1]}"))
        else:
            placed.append((line, Origin(name, number, source.own)))
    if source.own:
        _compile(sandbox, name, INCLUDE.sub("", source.text))
    text = "\n".join((*(line for line, _ in placed), ""))
    typeset = _french_source(_on_their_lines(text)) if language == wording.FRENCH else _on_their_lines(text)
    return _Whole(name, _compile(sandbox, name, typeset), tuple(origin for _, origin in placed))


def _part(sandbox: OpenSandbox, part: Source) -> list[tuple[str, Origin]]:
    """Return a part's lines; the organisation's is set apart by empty ones, and its faults are its own."""
    lines = [(line, Origin(part.name, number, part.own)) for number, line in enumerate(part.text.splitlines(), 1)]
    if not part.own:
        return lines
    if not part.text.strip():
        raise BrokenTemplate(place=part.name, reason="it is empty: without this part, leave out its {% include %}")
    _compile(sandbox, part.name, part.text)
    apart = ("", Origin(part.name, 1, own=True))
    return [apart, *lines, apart]


def _compile(sandbox: OpenSandbox, name: str, source: str) -> Template:
    """Compile a text. Raises BrokenTemplate, naming the file and the line."""
    try:
        return Template.from_code(sandbox, sandbox.compile(source, name, name), {})
    except TemplateSyntaxError as error:
        raise BrokenTemplate(place=f"{name}:{error.lineno}", reason=_reason(error)) from None
    except BROKEN as error:
        raise BrokenTemplate(place=name, reason=_reason(error)) from None


def _on_their_lines(source: str) -> str:
    """Let a line of nothing but tags leave no line, and all others their numbers: its end moves into the last tag."""

    def moved(found: re.Match[str]) -> str:
        tags = found[1].rstrip()
        end = "-%}" if tags.endswith("-%}") else "%}"
        return f"{tags.removesuffix(end)}\n{end}"

    return _ONLY_TAGS.sub(moved, source)


def refuse_without_subject(name: str, text: str) -> None:
    """Refuse a text that does not begin as a mail does (BrokenTemplate)."""
    subject, blank, *_ = [*text.split("\n"), "", ""]
    if not subject.startswith(SUBJECT) or blank.strip():
        raise BrokenTemplate(place=f"{name}:1", reason="it must begin with « Subject: … » and a blank line")


def _place(error: BaseException, whole: _Whole | None = None) -> str:
    """Say in which file, on which line something went wrong."""
    if isinstance(error, BrokenTemplate):
        return str(error.place)
    if isinstance(error, TemplateNotFound):
        return str(error.name)
    if whole is None:
        return ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == whole.name]
    if not lines or lines[-1] is None or not 0 < lines[-1] <= len(whole.origins):
        return whole.name
    origin = whole.origins[lines[-1] - 1]
    return f"{origin.name}:{origin.line}"


def _reason(error: BaseException) -> str:
    said = error.reason if isinstance(error, BrokenTemplate) else str(error)
    if isinstance(error, TemplateNotFound):
        said = "there is no such template"
    return " ".join(one_line(str(said) or type(error).__name__).split())[:LONGEST_REASON].rstrip(".")


def _sandbox(language: str, letterhead: Letterhead) -> OpenSandbox:
    """Build the sandbox of one language: few filters, and every value put out stays on its line."""
    sandbox = OpenSandbox(finalize=_french if language == wording.FRENCH else _tidy, autoescape=False)
    sandbox.filters |= {
        "money": lambda cents: wording.money(cents, language, letterhead.currency),
        "day": lambda iso: wording.day(iso, language),
        "moment": lambda iso: wording.moment(iso, language, letterhead.timezone),
        "years": lambda numbers: wording.years([int(number) for number in numbers], language),
    }
    return sandbox


def _french_source(source: str) -> str:
    """Typeset the words around the tags, each tag standing for a word, and leave the tags' own text alone."""
    tags = iter(_TAGS.findall(source))
    return re.sub(_TAG_MARK, lambda _: next(tags), fr_typo(_TAGS.sub(_TAG_MARK, source)))


def _tidy(value: Any) -> Any:
    return _tidy_text(value) if isinstance(value, str) else scalar(value)


def _french(value: Any) -> Any:
    return _french_text(value) if isinstance(value, str) else scalar(value)


@lru_cache(maxsize=4096)
def _tidy_text(text: str) -> str:
    return isolated(text)


@lru_cache(maxsize=4096)
def _french_text(text: str) -> str:
    return fr_typo(isolated(text))


def _subject(head: str) -> str:
    """Return the words after « Subject: », cut where a list of mails would; plain spaces are safest in a header."""
    subject = " ".join(one_line(head.removeprefix(SUBJECT)).split())
    return subject if len(subject) <= LONGEST_SUBJECT else f"{subject[: LONGEST_SUBJECT - 1]}…"
