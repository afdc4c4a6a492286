"""A mail as bytes: what is the same for everybody once, the rest filled in per recipient. Nothing here sends.

A mail is the same, byte for byte, whenever it is tried again: its Message-ID comes from the key of its row in the
outbox, its date is that row's own.
"""

import hmac
import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from textwrap import wrap
from urllib.parse import quote
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email

from engine.errors import RelanceError
from notifications.hypertext import writer_of
from notifications.typography import one_line

WORD_BYTES = 42
"""Of UTF-8 in one encoded word: 56 in base64, and with its brackets under the 75 that RFC 2047 allows."""
LINE = 76
_PLAIN = re.compile(r"[ -~]*")
_USUAL_ADDRESS = re.compile(
    r"(?=.{6,254}\Z)(?=.{1,64}@)[a-zA-Z0-9_+-]+(?:\.[a-zA-Z0-9_+-]+)*"
    r"@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63}",
    re.ASCII,
)
"""Addresses that need no closer look, which takes as long as everything else about a mail."""


class BadAddress(RelanceError):  # noqa: N818 named for what happened, as one says it
    """{address} is not a mail address: {reason}."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file that goes with a mail."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A row of the outbox that is to leave. `claim`: whose it is meanwhile; `attempts` counts this one."""

    id: int
    dedupe_key: str
    instance_id: int | None
    kind: str
    event: str | None
    year: int | None
    recipient: str
    language: str
    subject: str
    body: str
    created_at: datetime
    attempts: int = 1
    claim: str = ""
    layout: str = field(default="", repr=False)
    """The page that its words are put into as HTML, as it was kept; none: it is plain text alone."""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail ready to be handed over: one recipient, its token (which comes back in a bounce), its bytes."""

    recipient: str
    token: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom mail is from. `bounces`: where what cannot be delivered goes back to; none: to `address`."""

    address: str
    name: str = ""
    reply_to: str = ""
    timezone: str = "Europe/Paris"
    bounces: str = ""


class Composer:
    """Makes envelopes, all from one sender."""

    def __init__(self, sender: Sender, token: Callable[[str], str] | None = None) -> None:
        """Write what never changes. `token`: see `token_of`. Raises BadAddress for a sender that has none."""
        self.address = ascii_address(sender.address)
        self.return_path = ascii_address(sender.bounces) if sender.bounces else self.address
        self._token = token or token_of
        self._domain = self.address.rpartition("@")[2]
        self._zone = ZoneInfo(sender.timezone)
        self._from = f"From: {_phrase(sender.name)}<{self.address}>"
        self._reply_to = f"Reply-To: <{ascii_address(sender.reply_to)}>" if sender.reply_to else ""
        self._shared = _lines(self._from, self._reply_to, "Auto-Submitted: auto-generated", "MIME-Version: 1.0")
        self._date = lru_cache(maxsize=256)(self._date_of)

    def compose(self, mail: Outgoing) -> Envelope:
        """Make the envelope of one mail. Raises BadAddress for a recipient that no server could take."""
        recipient = ascii_address(mail.recipient)
        token = self._token(mail.dedupe_key)
        own = (
            f"Message-ID: <{token}@{self._domain}>\r\nDate: {self._date(mail.created_at)}\r\n"
            f"To: <{recipient}>\r\nSubject: {_header_text(mail.subject)}\r\n"
        )
        words, head = _words_of(mail), own.encode("ascii") + self._shared
        rest = _mixed(token, mail.language, words, mail.parts) if mail.parts else words
        return Envelope(recipient, token, head + rest)

    def _date_of(self, at: datetime) -> str:
        return format_datetime(at.astimezone(self._zone))


def token_of(dedupe_key: str, secret: bytes = b"") -> str:
    """Return what stands for a row of the outbox where its key cannot: in a Message-ID, in a bounce.

    Keys can be guessed. So that a bounce cannot be made up by whoever has never seen the mail, there is a secret.
    """
    return hmac.new(secret, dedupe_key.encode("utf-8", "backslashreplace"), sha256).hexdigest()[:32]


@lru_cache(maxsize=8192)
def ascii_address(address: str) -> str:
    """Return an address as any server takes it, its domain in ASCII. Raises BadAddress.

    Checked before the standard library sees it, which crashes on some.
    """
    if _USUAL_ADDRESS.fullmatch(address):
        local, _, domain = address.rpartition("@")
        return f"{local}@{domain.lower()}"
    try:
        found = validate_email(
            address, check_deliverability=False, allow_smtputf8=False, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        raise BadAddress(address=repr(one_line(address)[:LINE]), reason=one_line(str(error)).rstrip(".")) from None
    if found.ascii_email is None:  # allow_smtputf8 refuses those; said again for the type
        raise BadAddress(address=repr(address), reason="it is not in ASCII")
    return found.ascii_email


@lru_cache(maxsize=4096)
def _header_text(text: str) -> str:
    """Write a subject: as it is where it is plain, else in encoded words; folded."""
    line = _tidy(text)
    return _folded(line) if _is_plain(line) else _words(line)


def _phrase(name: str) -> str:
    """Write a name before its address: quoted, or in encoded words."""
    line = _tidy(name)
    if not line:
        return ""
    if not _is_plain(line) or len(line) > LINE // 2:
        return f"{_words(line)}\r\n "
    escaped = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" '


def _tidy(text: str) -> str:
    return " ".join(one_line(text).split())


def _is_plain(line: str) -> bool:
    """Whether a header can hold it as it stands: ASCII that is not taken for an encoded word, short words."""
    return bool(_PLAIN.fullmatch(line)) and "=?" not in line and all(len(word) < LINE // 2 for word in line.split(" "))


def _words(line: str) -> str:
    """Encode a text, cut between its characters, as RFC 2047 has it."""
    return "\r\n ".join(f"=?utf-8?b?{b64encode(part).decode('ascii')}?=" for part in _parts(line))


def _folded(line: str) -> str:
    """Break a line at single spaces, which unfolding brings back."""
    return "\r\n ".join(wrap(line, LINE - len("Subject: "), break_long_words=False, break_on_hyphens=False))


def _parts(text: str) -> list[bytes]:
    """Cut a text into pieces of at most WORD_BYTES, after a space where there is one: some readers add one."""
    parts = [b""]
    for word in re.findall("[^ ]* ?", text):
        whole = word.encode()
        for piece in [whole] if len(whole) <= WORD_BYTES else [sign.encode() for sign in word]:
            if len(parts[-1]) + len(piece) > WORD_BYTES:
                parts.append(b"")
            parts[-1] += piece
    return parts


def _words_of(mail: Outgoing) -> bytes:
    """Write a mail's words as one entity: its plain text, and where it has a layout the same as HTML after it."""
    text = _text_head(mail.language) + _quoted(mail.body)
    if not mail.layout:
        return text
    html = writer_of(mail.layout).write(mail.subject, mail.body)
    return b"".join((_ALTERNATIVE, text, _html_head(mail.language), html, _ALTERNATIVE_END))


def _lines(*lines: str) -> bytes:
    """Write lines of a head; an empty one is left out."""
    return "".join(f"{line}\r\n" for line in lines if line).encode("ascii")


def _written_in(language: str) -> str:
    return f"Content-Language: {language}" if re.fullmatch("[a-z]{2}", language) else ""


def _mixed(token: str, language: str, text: bytes, parts: Iterable[Part]) -> bytes:
    """Write a text (a whole entity) and files one after the other, as RFC 2046 has it.

    The boundary is the mail's own, and has a sign that neither quoted-printable nor base64 writes: « =_ ».
    """
    boundary = f"=_{token}"
    between = f"\r\n--{boundary}\r\n".encode("ascii")
    head = _lines(f'Content-Type: multipart/mixed; boundary="{boundary}"', _written_in(language))
    entities = between.join((text, *map(_file, parts)))
    return head + between + entities + f"\r\n--{boundary}--\r\n".encode("ascii")


def _file(part: Part) -> bytes:
    """Write a file with its head, in base64."""
    head = _lines(
        f"Content-Type: {part.media_type}",
        f"Content-Disposition: attachment;\r\n filename*=utf-8''{quote(part.name, safe='')}",
        "Content-Transfer-Encoding: base64",
    )
    return head + b"\r\n" + encodebytes(part.content).replace(b"\n", b"\r\n")


def _quoted(body: str) -> bytes:
    """Write a body in quoted-printable: whatever it holds, any server passes it on unchanged."""
    text = body if body.endswith("\n") else f"{body}\n"
    return b2a_qp(text.replace("\n", "\r\n").encode("utf-8", "replace"), istext=True)


@lru_cache(maxsize=64)
def _text_head(language: str, form: str = "plain") -> bytes:
    """Write the head of a text, with the blank line after it."""
    encoding = "Content-Transfer-Encoding: quoted-printable"
    return _lines(f"Content-Type: text/{form}; charset=utf-8", encoding, _written_in(language)) + b"\r\n"


@lru_cache(maxsize=64)
def _html_head(language: str) -> bytes:
    """Write what stands between the plain text and the HTML."""
    return f"\r\n--{BOUNDARY}\r\n".encode("ascii") + _text_head(language, "html")


BOUNDARY = "=_words"
"""Between the plain text and the HTML: quoted-printable never writes « =_ »."""
_ALTERNATIVE = _lines(f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"', "", f"\r\n--{BOUNDARY}")
_ALTERNATIVE_END = f"\r\n--{BOUNDARY}--\r\n".encode("ascii")
