"""Memory of `relance serve` at rest: the demo's register, the scheduler on duty, and nobody who asks anything."""

import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

RELANCE = Path(sys.executable).with_name("relance")
DEMO = Path("workflows/membership/demo").resolve()
REST, PATIENCE = 10.0, 60.0
"""Seconds it is left alone once it is ready; seconds until then."""
MOST_MEGABYTES = 120


@contextmanager
def serving(folder: Path) -> Iterator[Any]:
    """A real server on a register of its own, from when it is ready."""
    for words in (["init"], *(["import", kind, str(DEMO / f"{kind}.csv")] for kind in ("associations", "board"))):
        subprocess.run([RELANCE, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    command = [str(RELANCE), "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE)


def _wait_until_ready(server: Any) -> None:
    with selectors.DefaultSelector() as said:
        said.register(server.stdout, selectors.EVENT_READ)
        if not said.select(PATIENCE):
            raise TimeoutError("it says nothing")
    address = server.stdout.readline().split("http://")[1].split()[0]
    end = time.monotonic() + PATIENCE
    while httpx2.get(f"http://{address}/readyz", timeout=PATIENCE).status_code != httpx2.codes.OK:
        if time.monotonic() > end:
            raise TimeoutError("it is not ready")
        time.sleep(0.2)


def resident_megabytes(process: int) -> float:
    """What a process holds in memory now (Linux)."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def main() -> float:
    """Measure, print, and return megabytes."""
    with tempfile.TemporaryDirectory(prefix="relance-bench-") as folder, serving(Path(folder)) as server:
        time.sleep(REST)
        megabytes = resident_megabytes(server.pid)
    print(f"at rest: {megabytes:.0f} MB (wanted: under {MOST_MEGABYTES} MB)")
    return megabytes


if __name__ == "__main__":
    main()
