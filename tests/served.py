"""`relance serve` as real processes on loopback, for tests that start several, kill some, and ask them."""

import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import httpx2

RELANCE = "from api.cli import main; main()"
LEASE = 2
PATIENCE = 90


def until(condition, seconds=PATIENCE):
    """Ask again and again until it holds; returns what it said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        Event().wait(0.05)
    raise AssertionError(f"{condition} does not hold after {seconds} s")


class Process:
    """One `relance serve`. `program`: what runs the command."""

    program = RELANCE

    def __init__(self, folder, *more, before=(), logs=None, environment=None):
        """Start it. `before`: words before the command; `environment`: what it finds there beside the usual."""
        self.log = (Path(logs or folder) / f"log-{time.monotonic_ns()}").open("w+")
        usual = {name: value for name, value in os.environ.items() if not name.startswith("RELANCE_")}
        words = ["serve", "--port", "0", "--lease-seconds", str(LEASE), *more]
        self.popen: Any = subprocess.Popen(
            [*before, sys.executable, "-c", self.program, *words],
            cwd=folder,
            env=usual | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.address = ""

    def listens(self):
        """Wait until it says where it answers."""
        with selectors.DefaultSelector() as ready:
            ready.register(self.popen.stdout, selectors.EVENT_READ)
            assert ready.select(PATIENCE), "it says nothing"
        line = self.popen.stdout.readline()
        assert "http://" in line, self.said()
        self.address = line.split("http://")[1].split()[0]
        return self

    def answers(self):
        """Wait until it is ready, too."""
        self.listens()
        until(self.ready)
        return self

    def ready(self):
        """What it says of itself, once it is ready."""
        try:
            response = httpx2.get(f"http://{self.address}/readyz", timeout=PATIENCE)
        except httpx2.TransportError:
            return None
        return response.json() if response.status_code == 200 else None

    def on_duty(self):
        """Whether it schedules."""
        found = self.ready()
        return found is not None and found["on_duty"]

    def ask(self, method, path, token, **more):
        """A request under /api/v1."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.request(method, f"http://{self.address}/api/v1{path}", headers=headers, timeout=PATIENCE, **more)

    def stop(self, number=signal.SIGTERM):
        """Send a signal; returns (exit code, seconds until the end)."""
        began = time.monotonic()
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE), time.monotonic() - began

    def said(self):
        """Its log."""
        self.log.seek(0)
        return self.log.read()

    def end(self):
        """Whatever it does, it is over."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()
        self.log.close()
