"""The page that a mail's words are put into: layout.html, checked, its styles written into its tags once.

The styles are carried over with one specimen of each thing that words can be (a paragraph, a table's row, an item …).
What mails are then made of are the pieces of that page: no mail costs more than putting them together.
"""

import json
import re
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from typing import Any

from css_inline import CSSInliner, InlineError

from engine.errors import RelanceError

CONTENT, SUBJECT = "\ue010content\ue011", "\ue010subject\ue011"
"""What layout.html is filled in with at first."""
LONGEST_PAGE = 60_000
LONGEST_SHOWN = 20
_ELSEWHERE = "https://elsewhere.invalid/"
_MARK = "<!--relance-->"
_SPECIMEN = _MARK.join(
    (
        "",
        '<p class="text">',
        "</p>",
        '<table class="facts"><tbody>',
        '<tr><th class="label" scope="row">',
        '</th><td class="value">',
        "</td></tr>",
        "</tbody></table>",
        '<ul class="items">',
        '<li class="item">',
        "</li>",
        "</ul>",
        '<p class="door">',
        "</p>",
        f'<a class="link" href="{_ELSEWHERE}">',
        "</a>",
        '<div class="sender"><strong class="name">',
        "</strong>",
        "</div>",
        "",
    )
)
_TAGS = frozenset(
    {
        *("html", "head", "meta", "title", "style", "body", "header", "footer", "main", "div", "span", "address"),
        *("table", "thead", "tbody", "tr", "td", "th", "p", "h1", "h2", "h3", "ul", "ol", "li", "br", "hr"),
        *("strong", "b", "em", "i", "small", "a", "bdi"),
    }
)
_ATTRIBUTES = frozenset(
    {
        *("class", "id", "style", "lang", "dir", "role", "aria-label", "aria-hidden", "title", "scope", "href"),
        *("width", "height", "align", "valign", "cellpadding", "cellspacing", "border", "bgcolor"),
        *("charset", "name", "content"),
    }
)
_HREF = re.compile(r"(?:https?://|mailto:)[^\s]+")
_FOREIGN_STYLE = re.compile(
    r"url\s*\(|image-set\s*\(|\b(?:src|image)\s*\(|@import|@font-face|@namespace|expression|behavior|-moz-binding"
    r"|\\|</",
    re.IGNORECASE,
)


class BadLayout(RelanceError):  # noqa: N818 named for what happened, as one says it
    """{reason}."""

    line: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A page in pieces, in the order in which they are written. `known`: the organisation's own addresses."""

    head: str
    after_subject: str
    text: tuple[str, str]
    facts: tuple[str, str]
    row: tuple[str, str, str]
    items: tuple[str, str]
    item: tuple[str, str]
    door: tuple[str, str]
    link: tuple[str, str, str]
    sender: tuple[str, str, str]
    tail: str
    known: tuple[str, ...] = ()

    def kept(self) -> str:
        """Return the page as one text, from which `read_page` makes it again."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def read_page(kept: str) -> Page:
    """Return a page as it was kept."""
    found = json.loads(kept)
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return Page(**values)


def page_of(filled_in: str, known: tuple[str, ...] = ()) -> Page:
    """Make a page of a layout that was filled in with CONTENT and SUBJECT. Raises BadLayout."""
    _check(filled_in)
    inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    try:
        whole = inliner.inline(filled_in.replace(CONTENT, _SPECIMEN))
    except InlineError as error:
        raise BadLayout(reason=f"its styles cannot be read: {error}") from None
    parts = whole.split(_MARK)
    if len(parts) != _SPECIMEN.count(_MARK) + 1 or len(whole) > LONGEST_PAGE:
        raise BadLayout(reason="{{ content }} must stand where paragraphs and tables may")
    before, text, _, facts, row, value, *rest = parts
    row_end, facts_end, items, item, item_end, items_end, door, door_end, link, link_end, *rest = rest
    sender, name_end, sender_end, tail = rest
    head, _, after = before.partition(SUBJECT)
    before_href, _, after_href = link.partition(_ELSEWHERE)
    return Page(
        head=head,
        after_subject=after,
        text=(text, "</p>"),
        facts=(facts, facts_end),
        row=(row, value, row_end),
        items=(items, items_end),
        item=(item, item_end),
        door=(door, door_end),
        link=(before_href, after_href, link_end),
        sender=(sender, name_end, sender_end),
        tail=tail,
        known=known,
    )


def _check(filled_in: str) -> None:
    """Refuse what would be fetched from elsewhere, run, or hide what is said. Raises BadLayout."""
    for mark, name in ((CONTENT, "content"), (SUBJECT, "subject")):
        if filled_in.count(mark) != 1:
            raise BadLayout(reason=f"{{{{ {name} }}}} must stand in it, once")
    reader = _Reader()
    reader.feed(filled_in)
    reader.close()
    if not reader.content_in_body:
        raise BadLayout(reason="{{ content }} must stand in <body>, and {{ subject }} in <title>")


class _Reader(HTMLParser):
    """Reads a page and refuses what is not on the lists."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.content_in_body = False
        self._subject_in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self._refuse(f"<{tag}> is not for layouts: nothing is fetched from elsewhere, nothing runs")
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        if tag in {"body", "title", "style"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self._style(data)
        self._subject_in_title |= SUBJECT in data and "title" in self._open
        self.content_in_body |= CONTENT in data and "body" in self._open and self._subject_in_title

    def handle_comment(self, data: str) -> None:
        if any(sign in data for sign in "[<>") or _MARK.strip("<!->") in data:  # « <!--> » ends there for browsers
            self._refuse("a comment that some readers do not take for one")

    def unknown_decl(self, data: str) -> None:
        self._refuse(f"<![{data[:LONGEST_SHOWN]} is not for layouts: some readers take what is in it for tags")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name not in _ATTRIBUTES:
            self._refuse(f"the attribute {name} of <{tag}> is not for layouts")
        if name == "href" and not _HREF.fullmatch(value):
            self._refuse("a link must begin with https://, http:// or mailto:")
        if CONTENT in value or SUBJECT in value:
            self._refuse("{{ content }} and {{ subject }} are not for attributes")
        if name == "style":
            self._style(value)

    def _style(self, text: str) -> None:
        found = _FOREIGN_STYLE.search(text)
        if found:
            self._refuse(f"a style may not say « {found[0]} »")

    def _refuse(self, reason: str) -> None:
        error = BadLayout(reason=reason)
        error.line = self.getpos()[0]
        raise error
