"""`relance demo` as a real process on loopback: a newcomer's year, and how it begins and ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import Any

import httpx2
import pytest

PATIENCE = 90
RELANCE = "from api.cli import main; main()"
PAID = {"amount": "20.00", "paid_on": "2025-12-02"}


def environment(**more):
    """Nobody's environment, and what a test adds."""
    named = ("RELANCE_", "LC_")
    return {name: value for name, value in os.environ.items() if not name.startswith(named)} | {"LANG": "C"} | more


def relance(folder, *words, **more):
    """Type a command in another terminal; returns (exit code, what was printed, what was refused)."""
    command = [sys.executable, "-c", RELANCE, *words]
    done = subprocess.run(
        command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return done.returncode, done.stdout, done.stderr


class Demo:
    """One `relance demo`."""

    def __init__(self, folder, *words, **more):
        self.folder = folder
        self.popen: Any = subprocess.Popen(
            [sys.executable, "-c", RELANCE, "demo", *words],
            cwd=folder,
            env=environment(TMPDIR=str(folder), **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.url = ""

    def begins(self):
        """Wait until it has said all that it says."""
        patience = Timer(PATIENCE, self.popen.kill)
        patience.start()
        while not any(line.startswith("Ctrl-C") for line in self.lines):
            line = self.popen.stdout.readline()
            assert line, f"it ended: {self.popen.stderr.read()}"
            self.lines.append(line.rstrip("\n"))
        patience.cancel()
        self.url = next(word for line in self.lines for word in line.split() if word.startswith("http://"))
        return self

    @property
    def port(self):
        """Where it answers."""
        return self.url.rpartition(":")[2]

    def ask(self, method, path, role=None, **more):
        """One request."""
        headers = {} if role is None else {"Authorization": f"Bearer demo-{role}"}
        return httpx2.request(method, f"{self.url}{path}", headers=headers, timeout=PATIENCE, trust_env=False, **more)

    def moves(self, to):
        """Move the clock by the API; returns what came of it."""
        answer = self.ask("POST", "/api/v1/demo/clock", json={"to": to})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self, number):
        """The state of a member."""
        return self.ask("GET", f"/api/v1/associations/{number}", "reader").json()["state"]

    def mails(self, number):
        """Kinds of the mails to a member, and whether each has its words."""
        found = self.ask("GET", "/api/v1/outbox", "admin", params={"limit": 200, "status": "sent"}).json()
        items = list(found["items"])
        while found["next"]:
            params = {"limit": 200, "status": "sent", "cursor": found["next"]}
            found = self.ask("GET", "/api/v1/outbox", "admin", params=params).json()
            items += found["items"]
        return [one for one in items if one["association"] == number]

    def end(self, number=signal.SIGINT):
        """Stop it; returns (exit code, standard error)."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        code = self.popen.wait(PATIENCE)
        said = self.popen.stderr.read()
        self.popen.stdout.close()
        self.popen.stderr.close()
        return code, said


@pytest.fixture
def start(tmp_path):
    """Begin demos; they end with the test."""
    begun = []

    def begin(*words, **more):
        begun.append(Demo(tmp_path, *words, **more))
        return begun[-1]

    yield begin
    for demo in begun:
        if not demo.popen.stdout.closed:
            demo.end(signal.SIGKILL)


@pytest.fixture
def mail_server():
    """A door on loopback that somebody might knock at: its port, and whether somebody did."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)

        def knocked():
            try:
                door.accept()[0].close()
            except BlockingIOError:
                return False
            return True

        yield door.getsockname()[1], knocked


def test_it_carries_a_newcomer_through_a_year_and_no_mail_leaves(start, tmp_path, mail_server):
    port, knocked = mail_server
    live = {"RELANCE_MAIL__MODE": "live", "RELANCE_MAIL__HOST": "127.0.0.1", "RELANCE_MAIL__PORT": str(port)}
    demo = start("--port", "0", **live, RELANCE_MAIL__FROM_ADDRESS="a@lha.example").begins()
    assert demo.lines[0] == "Relance, a demo: it is 28 November 2025; the date stands still until you move"
    assert "<html" in demo.ask("GET", "/docs").text

    # 1. The call, by the command
    code, said, _ = relance(tmp_path, "demo", "move", "2025-12-02", "--port", demo.port)
    assert (code, said.splitlines()[0]) == (0, "  2025-12-01   152  call for dues")
    assert said.splitlines()[-1].startswith("It is 2 December 2025 now. Mails written: ")
    page = demo.ask("GET", "/demo", params={"lang": "en"}).text
    assert "Tuesday 2 December 2025, 12:00" in page
    call = next(one for one in demo.mails("A0089") if one["kind"] == "call_for_dues" and "2026" in one["subject"])
    shown = demo.ask("GET", f"/demo/mails/{call['id']}").text
    assert call["to"] in shown
    assert "Cotisation 2026" in shown

    # 2. A payment comes back as paid
    assert demo.state("A0089") == "called"
    paid = demo.ask("POST", "/api/v1/associations/A0089/payments", "treasurer", json=PAID)
    assert (paid.status_code, paid.json()["state"]) == (201, "paid")
    assert demo.state("A0089") == "paid"
    assert "Reçu" in demo.ask("GET", "/demo").text

    # 3. Half a year
    steps = {one["trigger"]: one["number"] for one in demo.moves("2026-06-02")["happened"]}
    assert steps == {"pay": 130, "campaign": 119, "remind": 15}
    assert demo.state("A0101") == "reminded"

    # 4. The board
    assert demo.moves("2026-08-27T12:00:00+02:00")["now"] == "2026-08-27T10:00:00Z"
    (ballot,) = [
        one
        for one in demo.ask("GET", "/api/v1/ballots", "chair", params={"status": "open"}).json()["items"]
        if one["association"] == "A0101"
    ]
    one_vote = demo.ask("PUT", f"/api/v1/ballots/{ballot['id']}/vote", "chair", json={"choice": "reject"})
    assert (one_vote.status_code, one_vote.json()["at"]) == (200, "2026-08-27T10:00:00Z")
    assert demo.ask("POST", "/api/v1/demo/votes", json={"choice": "approve"}).json() == {"ballots": 8}

    # 5. The cut
    demo.moves("2026-09-02")
    assert demo.state("A0101") == "suspended"
    assert demo.ask("GET", "/readyz").json()["ready"]

    # Not back; and other commands see the same day
    line = "relance: The clock of a demo only goes forwards, and it is 2026-09-02 12:00 there already\n"
    assert relance(tmp_path, "demo", "move", "2026-01-01", "--port", demo.port) == (1, "", line)
    (config,) = tmp_path.glob("relance-demo-*/relance.toml")
    code, said, _ = relance(tmp_path, "status", RELANCE_CONFIG=str(config))
    assert (code, "Last run: 2026-09-02 12:00" in said) == (0, True)
    assert relance(tmp_path, "verify", RELANCE_CONFIG=str(config))[0] == 0

    assert demo.end() == (0, "")
    assert list(tmp_path.glob("relance-demo-*")) == []
    assert not knocked()


def test_it_goes_on_in_its_folder_and_lets_nobody_else_in(start, tmp_path):
    first = start("--port", "0", "--folder", "mine").begins()
    first.moves("2025-12-02")
    second = start("--port", "0", "--folder", "mine")
    assert second.end(0) == (1, f"relance: a demo is running in {tmp_path / 'mine'} already\n")
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    again = start("--port", "0", "--folder", "mine", LANG="fr_FR.UTF-8").begins()
    assert "2 décembre 2025" in again.lines[0]
    assert not any("curl" in line for line in again.lines)
    assert again.ask("GET", "/api/v1/tasks", "treasurer").status_code == 200
    assert again.end(signal.SIGTERM) == (0, "")
    assert Path(tmp_path / "mine" / "relance.db").is_file()


def test_a_port_that_is_taken_is_one_line_and_without_one_the_next_is_used(start, tmp_path):
    first, second = start().begins(), start().begins()
    assert first.port != second.port
    for demo in (first, second):
        elsewhere = "" if demo.port == "8000" else f" --port {demo.port}"
        assert any(line.endswith(f"demo move 2025-12-02{elsewhere}") for line in demo.lines)
    line = f"relance: port {first.port} is taken: name another one, relance demo --port 8080\n"
    assert start("--port", first.port).end(0) == (1, line)


def test_moving_what_is_not_there_is_one_line(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        line = f"relance: no demo answers on http://127.0.0.1:{port}: start one with `relance demo`\n"
        assert relance(tmp_path, "demo", "move", "2026-06-02", "--port", str(port)) == (1, "", line)
