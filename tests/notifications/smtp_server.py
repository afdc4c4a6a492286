"""A mail server on loopback that does what a script says, however rude. Real sockets, in a thread of its own."""

import asyncio
import ssl
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from email import message_from_bytes, policy

HANG = "hang"
"""Says nothing more, and keeps the line."""
DROP = "drop"
"""Hangs up without a word."""
LARGEST = 1_000_000
GOOD = {
    "CONNECT": "220 sink",
    "EHLO": f"250-sink\r\n250-SIZE {LARGEST}\r\n250 DSN",
    "HELO": "250 sink",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 Go ahead",
    "DOT": "250 2.0.0 Ok: queued as 4F2A",
    "RSET": "250 Ok",
    "QUIT": "221 Bye",
    "AUTH": "235 2.7.0 welcome",
}


@dataclass
class Late:
    """An answer that comes when the test says so."""

    text: str
    go: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Slow:
    """An answer that comes byte by byte."""

    text: str
    pause: float = 0.001


@dataclass(frozen=True)
class Cut:
    """An answer, and the line is cut at once."""

    text: str


@dataclass(frozen=True)
class Gulp:
    """An answer, and the line is cut in the middle of what comes next."""

    text: str


def words_of(message) -> str:
    """The plain text of a message, whatever goes with it."""
    return str(message.get_body(("plain",)).get_content())


@dataclass
class Taken:
    """A message that arrived whole, and what was answered to it."""

    sender: str
    recipient: str
    content: bytes
    answer: object

    @property
    def message(self):
        """The message, parsed."""
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def text(self):
        """Its words."""
        return words_of(self.message).replace("\r\n", "\n")

    @property
    def accepted(self):
        """Whether its sender was told, or will be, that it was taken."""
        return str(getattr(self.answer, "text", self.answer)).startswith("2")


class SmtpServer:
    """Answers each command from its script: one act, or a list of acts of which the last goes on."""

    def __init__(self, tls=None, **script):
        self.script = script
        self.tls: ssl.SSLContext | None = tls
        self.taken: list[Taken] = []
        self.said: list[str] = []
        self.connections = 0
        self.reached = defaultdict(threading.Event)
        """By verb: set when a client has said it."""
        self._asked: Counter[str] = Counter()
        self._last: object = None
        self._lines: set[asyncio.Task[None] | None] = set()
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self.port = 0

    @property
    def accepted(self):
        """Messages of which the sender knows, or would, that they were taken."""
        return [taken for taken in self.taken if taken.accepted]

    def __enter__(self):
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_error):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def obey(self, **script):
        """Follow another script from now on."""
        self.script, self._asked = script, Counter()

    def _serve(self):
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self):
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", self.port, limit=LARGEST)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        lines = [line for line in self._lines if line is not None]
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    async def _talk(self, reader, writer):
        self._lines.add(asyncio.current_task())
        self.connections += 1
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._lines.discard(asyncio.current_task())
            writer.transport.abort()

    async def _session(self, reader, writer):
        await self._act(writer, "CONNECT")
        sender = recipient = ""
        while line := (await reader.readline()).decode("utf-8", "replace").rstrip("\r\n"):
            self.said.append(line)
            verb = line.split(" ", maxsplit=1)[0].upper()
            sender = line if verb == "MAIL" else sender
            recipient = line if verb == "RCPT" else recipient
            act = await self._act(writer, verb)
            if isinstance(self._last, Gulp):
                await reader.readexactly(1)
                raise ConnectionResetError
            if verb == "STARTTLS" and act.startswith("220"):
                await writer.start_tls(self.tls)
            if verb == "DATA" and act.startswith("354"):
                content = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                self.taken.append(Taken(sender, recipient.split("<")[1].split(">")[0], content, self._next("DOT")))
                await self._act(writer, "DOT")
            if verb == "QUIT":
                return

    def _next(self, verb):
        act = self.script.get(verb, GOOD.get(verb, "502 5.5.1 unknown"))
        return act[min(self._asked[verb], len(act) - 1)] if isinstance(act, list) else act

    async def _act(self, writer, verb):
        self._last = act = self._next(verb)
        self._asked[verb] += 1
        self.reached[verb].set()
        if act == HANG:
            await self._end.wait()
        if act == DROP:
            raise ConnectionResetError
        if isinstance(act, Late):
            while not act.go.is_set():  # noqa: ASYNC110 it is set from another thread
                await asyncio.sleep(0.002)
        text = getattr(act, "text", act)
        for part in text + "\r\n" if isinstance(act, Slow) else [text + "\r\n"]:
            writer.write(part.encode())
            await writer.drain()
            if isinstance(act, Slow):
                await asyncio.sleep(act.pause)
        if isinstance(act, Cut):
            raise ConnectionResetError
        return text
