"""Talking to the mail server: one connection, one recipient per message, and what each answer means.

What an answer means depends on when it comes. Before the message's content has begun to go, anything that breaks is
safe to try again. From then on only the server's answer tells: none, or none that can be read, is `uncertain`.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPServerDisconnected

from engine.errors import RelanceError
from notifications.mail import BadAddress, Composer, Envelope, Outgoing
from notifications.typography import one_line

LONGEST_TEXT = 500
TRANSIENT, PERMANENT = 4, 5
"""First digits."""
UNAVAILABLE = 421
LOGIN_WANTED = {530, 534, 535, 538}
"""Our account's fault (RFC 4954): no message is to blame."""
ADDRESS_IS_BAD = {550, 551, 553, 556}
"""At RCPT, where no enhanced code says more: mailbox unavailable, not local, not allowed, no mail in that domain."""
UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a row that nobody foresaw may raise: it fails alone."""
BROKEN = (SMTPException, OSError, RuntimeError, ValueError)
_ENHANCED = re.compile(r"\b5\.(\d{1,3})\.(\d{1,3})\b")
_BAD_ADDRESS = re.compile(r"1\.(?:[0-6]|10)|2\.1")
"""RFC 3463 and 7505: the recipient's address (not 1.7 and 1.8, the sender's), a disabled mailbox. Not policy (7.x)."""
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")


class Stage(IntEnum):
    """How far a message has got: what was said last."""

    MAIL = 1
    RCPT = 2
    DATA = 3
    CONTENT = 4

    @property
    def agreement(self) -> int:
        """The first digit of the answer that lets it go on."""
        return 3 if self is Stage.DATA else 2


class Verdict(StrEnum):
    """What became of one attempt."""

    ACCEPTED = "accepted"
    LATER = "later"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, or what happened instead.

    `bad_address`: no mail will ever reach this recipient. `for_all`: it is not about this message, the others need not
    be tried now. `stale`: the connection was closed before this message's turn.
    """

    verdict: Verdict
    text: str = ""
    bad_address: bool = False
    for_all: bool = False
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over. `tls`: none, starttls or implicit; `password` is asked at each connection."""

    host: str = "localhost"
    port: int = 25
    tls: str = "none"
    username: str = ""
    password: Callable[[], str | None] = lambda: None
    tls_context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for the connection, for the answer to a command, and to a whole message (RFC 5321 § 4.5.3.2)."""

    connect: float = 30
    command: float = 300
    content: float = 600
    farewell: float = 5


MaySend: TypeAlias = Callable[[], bool]
"""Asked right before a message's content goes: whether it is still ours to send."""


class Postman:
    """Hands mails over, on a connection that is opened when one is there and used for the next ones."""

    def __init__(self, server: Server, composer: Composer, timeouts: Timeouts | None = None) -> None:
        self.server = server
        self.composer = composer
        self.timeouts = timeouts or Timeouts()
        self.handing_over = False
        """Whether a content is on its way, or was when somebody interrupted it: nobody knows then if it arrived."""
        self._smtp: SMTP | None = None
        self._hostname: str | None = None

    async def deliver(self, mail: Outgoing, may_send: MaySend) -> Answer:
        """Hand one mail over and return what became of it. A connection found closed is opened again, once."""
        try:
            envelope = self.composer.compose(mail)
        except BadAddress as error:
            return Answer(Verdict.REFUSED, str(error), bad_address=True)
        except UNFIT as error:
            return Answer(Verdict.REFUSED, shortened(f"cannot be made a mail: {type(error).__name__}: {error}"))
        reused = self._smtp is not None and self._smtp.is_connected
        answer = await self._try(envelope, may_send)
        if answer.stale and reused:
            answer = await self._try(envelope, may_send)
        return answer

    async def greet(self) -> Answer:
        """Connect, as for a message, and say how it went."""
        try:
            await self._connected()
        except (*BROKEN, RelanceError) as error:
            return Answer(Verdict.LATER, described(error), for_all=True)
        return Answer(Verdict.ACCEPTED)

    async def close(self) -> None:
        """Take leave of the server, if there is a connection."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            if smtp.is_connected:
                await smtp.quit(timeout=self.timeouts.farewell)
        except (SMTPException, OSError):
            pass  # it is gone, which is what was wanted
        finally:
            smtp.close()
            await asyncio.sleep(0)  # lets the transport close

    def hang_up(self) -> None:
        """Close the connection without a word: whatever was under way has come to nothing."""
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None
        self.handing_over = False

    # One attempt

    async def _try(self, envelope: Envelope, may_send: MaySend) -> Answer:
        greeted = await self.greet()
        if self._smtp is None:
            return greeted
        return await self._prepare(self._smtp, envelope, may_send) or await self._hand_over(self._smtp, envelope)

    async def _prepare(self, smtp: SMTP, envelope: Envelope, may_send: MaySend) -> Answer | None:
        """Say everything that comes before the content; None: the server waits for it now."""
        for stage, command in _commands(smtp, self.composer.return_path, envelope):
            if stage is Stage.DATA and not may_send():
                await self._reset()
                return Answer(Verdict.UNTRIED)
            try:
                code, text = await smtp.execute_command(*command, timeout=self.timeouts.command)
            except BROKEN as error:
                self.hang_up()
                gone = isinstance(error, SMTPServerDisconnected)
                return Answer(Verdict.LATER, described(error), for_all=stage is Stage.MAIL, stale=gone)
            if code // 100 != stage.agreement:
                await self._reset(code)
                return meaning(code, text, stage)
        return None

    async def _hand_over(self, smtp: SMTP, envelope: Envelope) -> Answer:
        """Send the content and wait for the word that counts.

        Not aiosmtplib's own `data()`: there a connection lost before the content and one lost after it look the same.
        """
        protocol = smtp.protocol
        if protocol is None or not protocol.is_connected:
            self.hang_up()
            return Answer(Verdict.LATER, "the connection was closed", stale=True)
        self.handing_over = True
        try:
            protocol.write(envelope.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            code, text = await protocol.read_response(timeout=self.timeouts.content)
        except (SMTPException, OSError) as error:
            self.hang_up()
            return Answer(Verdict.UNCERTAIN, described(error))
        self.handing_over = False
        answer = meaning(code, text, Stage.CONTENT)
        if code == UNAVAILABLE or answer.verdict is Verdict.UNCERTAIN:
            self.hang_up()
        return answer

    # The connection

    async def _connected(self) -> SMTP:
        if self._smtp is None or not self._smtp.is_connected:
            self.hang_up()
            self._smtp = await self._connect()
        return self._smtp

    async def _connect(self) -> SMTP:
        server = self.server
        if self._hostname is None:
            self._hostname = await asyncio.to_thread(socket.getfqdn)
        smtp = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            username=server.username or None,
            password=server.password() if server.username else None,
            tls_context=server.tls_context,
            local_hostname=self._hostname,
            timeout=self.timeouts.connect,
        )
        try:
            await smtp.connect()
            if smtp.is_ehlo_or_helo_needed:
                await _introduce(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    async def _reset(self, code: int = 0) -> None:
        """Forget the message at hand, so that the connection can carry the next one.

        After an answer that is neither yes nor no, who knows what the server waits for: the connection is closed.
        """
        out_of_step = code // 100 not in {0, TRANSIENT, PERMANENT}
        if self._smtp is None or not self._smtp.is_connected or out_of_step:
            self.hang_up()
            return
        try:
            await self._smtp.rset(timeout=self.timeouts.command)
        except (SMTPException, OSError):
            self.hang_up()


async def _introduce(smtp: SMTP) -> None:
    try:
        await smtp.ehlo()
    except SMTPHeloError:
        if not smtp.is_connected:
            raise
        await smtp.helo()


def _commands(smtp: SMTP, sender: str, envelope: Envelope) -> tuple[tuple[Stage, tuple[bytes, ...]], ...]:
    """What is said before the content, with what the server knows beside: RFC 1870 (SIZE), RFC 3461 (DSN)."""
    of_mail, of_recipient = [], []
    if smtp.supports_extension("size"):
        of_mail.append(f"SIZE={len(envelope.content)}")
    if smtp.supports_extension("dsn"):
        original = _NOT_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", envelope.recipient)
        of_mail += ["RET=HDRS", f"ENVID={envelope.token}"]
        of_recipient += ["NOTIFY=FAILURE,DELAY", f"ORCPT=rfc822;{original}"]
    return (
        (Stage.MAIL, (b"MAIL", *_ascii(f"FROM:<{sender}>", *of_mail))),
        (Stage.RCPT, (b"RCPT", *_ascii(f"TO:<{envelope.recipient}>", *of_recipient))),
        (Stage.DATA, (b"DATA",)),
    )


def _ascii(*words: str) -> tuple[bytes, ...]:
    return tuple(word.encode("ascii") for word in words)


# What answers mean


def meaning(code: int, text: str, stage: Stage) -> Answer:
    """Say what an answer means for one mail; its first digit tells (RFC 5321 § 4.3.2)."""
    said = shortened(f"{code} {text}")
    if stage is Stage.CONTENT and code // 100 == stage.agreement:
        return Answer(Verdict.ACCEPTED, said)
    if code // 100 == PERMANENT and code not in LOGIN_WANTED:
        return Answer(Verdict.REFUSED, said, bad_address=_blames_address(code, text, stage))
    if stage is Stage.CONTENT and code // 100 != TRANSIENT:
        return Answer(Verdict.UNCERTAIN, said)
    of_all = code in LOGIN_WANTED or (code == UNAVAILABLE and stage is Stage.MAIL)
    return Answer(Verdict.LATER, said, for_all=of_all, stale=code == UNAVAILABLE and stage is not Stage.CONTENT)


def _blames_address(code: int, text: str, stage: Stage) -> bool:
    """Whether a refusal says that the address itself is bad: not our own reputation, not a full mailbox."""
    enhanced = _ENHANCED.search(text)
    if enhanced is not None:
        return _BAD_ADDRESS.fullmatch(f"{enhanced[1]}.{enhanced[2]}") is not None
    return stage is Stage.RCPT and code in ADDRESS_IS_BAD


def described(error: Exception) -> str:
    """Say in one line what broke."""
    said = getattr(error, "message", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    code = getattr(error, "code", None)
    return shortened(f"{code} {said}" if isinstance(code, int) and code > 0 else str(said))


def shortened(text: str) -> str:
    """Return what a server said as one line that a database can hold."""
    return " ".join(one_line(text).split())[:LONGEST_TEXT]
