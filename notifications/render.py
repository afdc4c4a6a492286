"""Mail texts: one file per kind and language under templates/, compiled once, filled with plain values in a sandbox.

A template is what leaves, line for line: « Subject: … », a blank line, the body. What it may name (missing: refused):

- of the member: `number`, `name`, `person` (else an association), `contact_name`, `state`;
- of the occasion: `year`, `owed` [(year, cents)], `concerned` [year], `day`, `event`, `until` (an instant), `payment`
  {amount, paid_on, years, credit, reference, reversed_on, reason};
- of a mail to the board: `meeting`, `meeting_id`, `place`, `seat`, `items` (how many questions), `link`, `listed`
  [{number, name, trigger, question, status}] and `unlisted` (how many more), `decisions` [the same, with decision,
  approve, reject, abstain, annulled], `subjects` [{number, name}], `votes` [{number, name, trigger, question,
  choice}], `trigger`, `added`, `reason`;
- of a mail to a candidate: `meeting`, `conditions`, `wanted` [(kind, identifier)];
- of an alarm: `since` (an instant), `fault`, `meeting`;
- made from them: `total`, `owed_years`, `reference`, `written` (the mail's own day), `pay_by`, `resign_before`;
- of the organisation: `org.name` and every other field of `Letterhead`;
- filters: `money` (cents), `day` (ISO day), `moment` (ISO instant), `years`, `length`, `join`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateNotFound
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import BadDefinition
from notifications import wording
from notifications.typography import fr_typo, isolated, one_line

LANGUAGES = ("fr", "en")
FOLDER = Path(__file__).parent / "templates"
SUBJECT = "Subject: "
LONGEST_SUBJECT = 120
LONGEST_BODY = 100_000

# A line of nothing but tags leaves no line; every other line leaves as it stands.
_ONLY_TAGS = re.compile(r"^[ \t]*((?:\{%[^{}]*%\}[ \t]*)+)\n", re.MULTILINE)
_INCLUDE = re.compile(r'^\{% include "(\w+\.txt)" %\}\n', re.MULTILINE)
_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TAG_MARK = "\ue000"
_THREE_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes: the organisation, as relance.toml has it. `due_on`: MM-DD, the last day to pay; empty: none."""

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

    def values(self) -> dict[str, Any]:
        """Return what templates see as `org`: the address by lines, the IBAN in groups of four, a short name always."""
        iban = "".join(self.iban.split())
        groups = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
        short = self.short_name or self.name
        return asdict(self) | {"address": self.address.splitlines(), "iban": groups, "short_name": short}


class Text(NamedTuple):
    """A mail's words: a subject of one line, and a body."""

    subject: str
    body: str


class Sandbox(ImmutableSandboxedEnvironment):
    """A template reads values and nothing else: it calls nothing, and builds nothing large."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 jinja2's signature
        """Refuse the operators that make a short text a long one."""
        raise SecurityError(f"{operator} is not for templates")

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002 jinja2's signature
        """Refuse every call."""
        return False


class _Folder(BaseLoader):
    """The templates of one language. Includes are put in place when read: at run time each would cost a third more."""

    def __init__(self, language: str, room: str = "") -> None:
        self.language, self.room = language, room

    def get_source(
        self,
        environment: Environment,  # noqa: ARG002 jinja2's signature
        template: str,
    ) -> tuple[str, str, Callable[[], bool]]:
        """Return the text of a template with its parts, its spaces made French where it is."""
        own = _read(self.language, template, self.room)
        whole = _INCLUDE.sub(lambda found: _read(self.language, found[1]), own)
        source = _ONLY_TAGS.sub(r"\1", whole)
        if self.language == wording.FRENCH:
            source = _french_source(source)
        return source, str(FOLDER / self.language / self.room / template), lambda: True


class Renderer:
    """The texts of one organisation, each compiled at its first use. `room`: a folder of texts that are no mails."""

    def __init__(self, letterhead: Letterhead, room: str = "") -> None:
        self.letterhead = letterhead
        self._org = letterhead.values()
        self._environments = {language: _environment(language, letterhead, room) for language in LANGUAGES}
        self._templates: dict[tuple[str, str], Template] = {}

    def render(self, kind: str, language: str, values: Mapping[str, Any]) -> Text:
        """Write one mail; in the organisation's language where there is none in the one asked for.

        Raises a jinja2.TemplateError for a template that names what is not there or does what it must not.
        """
        known = language if language in LANGUAGES else self.letterhead.language
        head, _, body = self._template(kind, known).render({**values, "org": self._org}).partition("\n\n")
        if len(body) > LONGEST_BODY:
            raise SecurityError(f"the text of {kind} is longer than {LONGEST_BODY} characters")
        return Text(_subject(head), _THREE_LINES.sub("\n\n", body).strip("\n") + "\n")

    def _template(self, kind: str, language: str) -> Template:
        template = self._templates.get((kind, language))
        if template is None:
            template = self._environments[language].get_template(f"{kind}.txt")
            self._templates[kind, language] = template
        return template


def check_templates(kinds: Iterable[str]) -> None:
    """Refuse a mail kind without a template that begins with its subject, in each language (BadDefinition)."""
    for kind in kinds:
        for language in LANGUAGES:
            try:
                subject, blank = _read(language, f"{kind}.txt").split("\n")[:2]
            except (TemplateNotFound, UnicodeDecodeError, ValueError) as error:
                raise BadDefinition(reason=f"mail kind {kind!r} has no template in {language!r}") from error
            if not subject.startswith(SUBJECT) or blank:
                reason = f"template {language}/{kind}.txt must begin with « Subject: … » and a blank line"
                raise BadDefinition(reason=reason)


def _read(language: str, name: str, room: str = "") -> str:
    folder = FOLDER / language / room
    path = folder / name
    if path.parent != folder or not path.is_file():
        raise TemplateNotFound(name)
    return path.read_text(encoding="utf-8")


def _environment(language: str, letterhead: Letterhead, room: str) -> Environment:
    """Build the sandbox of one language: no globals, few filters, and every value put out stays on its line.

    In a room, whose texts are typeset, a value written from right to left keeps its direction to itself.
    """
    mails, papers = (_french, _french_isolated) if language == wording.FRENCH else (_tidy, _isolated)
    sandbox = Sandbox(
        loader=_Folder(language, room),
        undefined=StrictUndefined,
        finalize=papers if room else mails,
        autoescape=False,  # plain text
        keep_trailing_newline=True,
    )
    sandbox.globals.clear()
    sandbox.filters = {name: sandbox.filters[name] for name in ("length", "join")} | {
        "money": lambda cents: wording.money(cents, language, letterhead.currency),
        "day": lambda iso: wording.day(iso, language),
        "moment": lambda iso: wording.moment(iso, language, letterhead.timezone),
        "years": lambda numbers: wording.years(numbers, language),
    }
    return sandbox


def _french_source(source: str) -> str:
    """Typeset the words around the tags, each tag standing for a word, and leave the tags' own text alone."""
    tags = iter(_TAGS.findall(source))
    return re.sub(_TAG_MARK, lambda _: next(tags), fr_typo(_TAGS.sub(_TAG_MARK, source)))


def _tidy(value: Any) -> Any:
    return _tidy_text(value) if isinstance(value, str) else value


def _french(value: Any) -> Any:
    return _french_text(value) if isinstance(value, str) else value


def _isolated(value: Any) -> Any:
    return isolated(value) if isinstance(value, str) else value


def _french_isolated(value: Any) -> Any:
    return fr_typo(isolated(value)) if isinstance(value, str) else value


@lru_cache(maxsize=4096)
def _tidy_text(text: str) -> str:
    return one_line(text)


@lru_cache(maxsize=4096)
def _french_text(text: str) -> str:
    return fr_typo(one_line(text))


def _subject(head: str) -> str:
    """Return the words after « Subject: », cut where a list of mails would; plain spaces are safest in a header."""
    subject = " ".join(one_line(head.removeprefix(SUBJECT)).split())
    return subject if len(subject) <= LONGEST_SUBJECT else f"{subject[: LONGEST_SUBJECT - 1]}…"
