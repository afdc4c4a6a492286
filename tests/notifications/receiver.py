"""A real HTTP server on loopback that takes what webhooks are told, and answers as a test wants."""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from api.signatures import Signed, verify


@dataclass(frozen=True)
class Taken:
    """A message as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def said(self):
        return json.loads(self.body)

    def verify(self, key):
        """Refuse it unless it was signed with this key, when it says."""
        stamp = self.headers["webhook-timestamp"]
        message = Signed(self.id, stamp, self.headers["webhook-signature"], self.body)
        verify(key, message, datetime.fromtimestamp(int(stamp), UTC))


class Quiet(ThreadingHTTPServer):
    """A client that hangs up, or does not like our certificate, is part of what is tested: nothing is printed."""

    def handle_error(self, request, client_address):
        """Say nothing of a connection that ended; anything else is printed as ever."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Receiver:
    """`answers`: what it says to the next ones: a status, a status with headers, "hang", "drip" or "junk"; then 204."""

    def __init__(self, tls=None):
        self.taken: list[Taken] = []
        self.answers = []
        self.arrived, self.over = Event(), Event()
        self._server = Quiet(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def _handler(receiver):  # noqa: N805 the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                names = {name.lower(): value for name, value in self.headers.items()}
                receiver.taken.append(Taken(self.path, names, body))
                receiver.arrived.set()
                receiver._answer(self)

            def do_GET(self):
                receiver.taken.append(Taken(self.path, {}, b""))
                receiver._answer(self)

            def log_message(self, *args):
                """Say nothing."""

        return Handler

    def _answer(self, handler):
        answer = self.answers.pop(0) if self.answers else 204
        if answer == "hang":
            self.over.wait(20)
        elif answer == "drip":
            self._drip(handler)
        elif answer == "junk":
            handler.wfile.write(b"220 smtp.example ESMTP\r\n")
        else:
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("content-length", "0")
            handler.end_headers()

    def _drip(self, handler):
        """Send a header without end, a sign now and then."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while not self.over.wait(0.02):
            try:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            except OSError:
                return

    @property
    def port(self):
        return self._server.server_address[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def types(self):
        """What it was told, in order."""
        return [one.said["type"] for one in self.taken]

    def close(self):
        """End."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
