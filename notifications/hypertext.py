"""A mail's plain words as HTML: the same words, in the organisation's page. A pure function of both.

What a line is, is seen from its beginning: two spaces and « – »: an item; two spaces and « Label: »: a row of a table;
two spaces and nothing but an address: a door, that is a link; two spaces else: an item; no space: a paragraph's. What
follows a line « -- » says who writes.
"""

import re
from binascii import a2b_qp, b2a_qp
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from html import escape
from itertools import groupby

from notifications.layout import Page, read_page
from notifications.typography import ISOLATES

INDENT = "  "
SENDER = "\n-- \n"
_FACT = re.compile(r"([^:]{1,60}?)[\u00a0\u202f ]?: (.+)")
_BULLET = re.compile(r"[–—•*-] (.+)")
_ADDRESS = re.compile(r"https?://[^\s<>\"«»\u2068\u2069]+|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
"""A word is looked at from its beginning only: from each of its letters, a long one would take minutes."""
_DOOR = re.compile(r"https?://[^\s<>\"«»\u2068\u2069]+")
SOFT_BREAK = b"=\r\n"
LONGEST_LINE = 76
_AFTER_ADDRESS = ".,;:!?)"
BEGIN, END = tuple(ISOLATES)


class Thing(Enum):
    """What a line is."""

    TEXT = "text"
    FACT = "facts"
    ITEM = "items"
    DOOR = "door"


class Writer:
    """Writes words into one page, as quoted-printable HTML. What is the same for everybody is made once."""

    def __init__(self, page: Page) -> None:
        """Write what never changes."""
        self.page = page
        self._head, self._after_subject, self._tail = map(quoted, (page.head, page.after_subject, page.tail))
        self._text, self._row, self._item, self._door, self._sender = (
            tuple(map(quoted, around)) for around in (page.text, page.row, page.item, page.door, page.sender)
        )
        none = (b"", b"")
        facts, items = ((quoted(begin), quoted(end)) for begin, end in (page.facts, page.items))
        self._around = {Thing.TEXT: none, Thing.DOOR: none, Thing.FACT: facts, Thing.ITEM: items}
        self._block = lru_cache(maxsize=2048)(self._block_of)
        self._line = lru_cache(maxsize=2048)(self._line_of)
        self._signed = lru_cache(maxsize=16)(self._signed_of)

    def write(self, subject: str, body: str) -> bytes:
        """Return the whole page with these words."""
        said, _, sender = body.partition(SENDER)
        parts = [self._head, quoted(escape(subject)), self._after_subject]
        begin, end = b"", b""
        before = None
        for block in said.strip("\n").split("\n\n"):
            for thing, written in self._block(block):
                if thing is not before:  # what stands together is one table, one list
                    parts.append(end)
                    begin, end = self._around[thing]
                    parts.append(begin)
                    before = thing
                parts.append(written)
        parts.append(end)
        if sender:
            parts.append(self._signed(sender))
        parts.append(self._tail)
        return b"".join(parts)

    def _block_of(self, block: str) -> tuple[tuple[Thing, bytes], ...]:
        """Return what stands between two empty lines."""
        lines = block.strip("\n").split("\n")
        return tuple(
            (thing, self._paragraph(group) if thing is Thing.TEXT else b"".join(map(self._line, group)))
            for thing, group in groupby(lines, _thing)
        )

    def _paragraph(self, lines: Iterable[str]) -> bytes:
        begin, end = self._text
        return begin + quoted("<br>".join(map(self._inline, lines))) + end

    def _line_of(self, line: str) -> bytes:
        thing, words = _thing(line), line.strip()
        if thing is Thing.FACT:
            found = _FACT.fullmatch(words)
            label, value = found.groups() if found else (words, "")
            begin, between, end = self._row
            return begin + quoted(self._inline(label)) + between + quoted(self._inline(value)) + end
        if thing is Thing.DOOR:
            begin, end = self._door
            return begin + quoted(self._link(words, words)) + end
        begin, end = self._item
        bullet = _BULLET.fullmatch(words)
        return begin + quoted(self._inline(bullet[1] if bullet else words)) + end

    def _signed_of(self, lines: str) -> bytes:
        name, _, rest = lines.strip("\n").partition("\n")
        begin, after_name, end = self._sender
        written = "".join(f"<br>{self._inline(line)}" for line in rest.split("\n") if line)
        return begin + quoted(self._inline(name)) + after_name + quoted(written) + end

    def _inline(self, text: str) -> str:
        """Return a stretch of text as HTML. Only the organisation's own addresses are links: a name may be one too."""
        if "@" not in text and "://" not in text:
            return _isolated(escape(text))
        parts, at = [], 0
        for found in _ADDRESS.finditer(text):
            address = found[0].rstrip(_AFTER_ADDRESS)
            if self._is_known(address):
                parts += [escape(text[at : found.start()]), self._link(address, address)]
                at = found.start() + len(address)
        return _isolated("".join((*parts, escape(text[at:]))))

    def _is_known(self, address: str) -> bool:
        return any(address == known or address.startswith(f"{known.rstrip('/')}/") for known in self.page.known)

    def _link(self, address: str, words: str) -> str:
        before, after, end = self.page.link
        href = address if _DOOR.fullmatch(address) else f"mailto:{address}"
        return f"{before}{escape(href)}{after}{escape(words)}{end}"


@lru_cache(maxsize=16)
def writer_of(kept: str) -> Writer:
    """Return the writer of a page as it was kept."""
    return Writer(read_page(kept))


def page_text(kept: str, subject: str, body: str) -> str:
    """Return what `write` writes as a text, to be looked at."""
    return a2b_qp(writer_of(kept).write(subject, body)).decode("utf-8").replace("\r\n", "\n")


def quoted(text: str) -> bytes:
    """Write a piece in quoted-printable; it ends with a break that is none, so that pieces can be put together."""
    lines = f"{text}\n".replace("\n", "\r\n")  # without a whole line break it would fold with half ones
    piece = b2a_qp(lines.encode("utf-8", "replace"), istext=True).removesuffix(b"\r\n")
    if len(piece) - piece.rfind(b"\n") > LONGEST_LINE:
        last = -3 if piece[-3:-2] == b"=" else -1
        piece = piece[:last] + SOFT_BREAK + piece[last:]
    return piece + SOFT_BREAK


def _thing(line: str) -> Thing:
    if not line.startswith(INDENT):
        return Thing.TEXT
    words = line.strip()
    if _DOOR.fullmatch(words):
        return Thing.DOOR
    if not _BULLET.match(words) and _FACT.fullmatch(words):
        return Thing.FACT
    return Thing.ITEM


def _isolated(html: str) -> str:
    """Give what is written from right to left an element of its own; marks that do not match are left out."""
    if BEGIN not in html and END not in html:
        return html
    paired = re.sub(f"{BEGIN}([^{BEGIN}{END}]*){END}", r"<bdi>\1</bdi>", html)
    return paired.replace(BEGIN, "").replace(END, "")
