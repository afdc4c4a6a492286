"""`make bench`: the reference year against its floor, votes, mails, memory at rest, the first answer, the calls' PDFs.

The engine and its floor run in turn, each in a process of its own, so that what else the machine does falls on both;
of several runs the one with the median ratio is shown. `--full` adds the year of 1,000,000 associations.

Two ratios are shown. By the clock: what a user waits, with the disk's answers, on a quiet machine. By work: seconds
that the processors worked for either side, its system calls included; on a busy machine trust this one, since waiting
for a turn does not count. « Per association » compares a size's work with the smallest size's: 1.00 would be linear.
It grows a little on both sides once the file outgrows SQLite's cache of 48 MB, so the floor's own growth stands
beside it. Memory is the peak of the engine's process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import documents, idle, mail, votes

SIZES, FULL = (10_000, 100_000), 1_000_000
RELANCE = Path(sys.executable).with_name("relance")
REGISTER = Path("tests/years/register-two-years.toml")
MOST_RATIO, MOST_MEGABYTES, MOST_REPLAY, MOST_HELP = 2.5, 200, 2.0, 0.4
"""What the issue allows; the ratio and the memory at 100,000."""


@dataclass(frozen=True, slots=True)
class Year:
    """One year lived on both sides: seconds by the clock and of work, and the engine's peak of memory."""

    members: int
    engine: float
    floor: float
    engine_work: float
    floor_work: float
    megabytes: float

    @property
    def ratio(self) -> float:
        """How many times the floor's time the engine took."""
        return self.engine / self.floor

    @property
    def work_ratio(self) -> float:
        """How many times the floor's work the engine did."""
        return self.engine_work / self.floor_work

    def growth(self, first: "Year") -> tuple[float, float]:
        """Work per association against another size's, the engine's and the floor's: 1 is linear."""
        more = self.members / first.members
        return self.engine_work / first.engine_work / more, self.floor_work / first.floor_work / more


def both_sides(members: int) -> Year:
    """Run both sides once, each in its own process. Exits when they did not write the same rows."""
    with tempfile.TemporaryDirectory(prefix="relance-bench-") as folder:
        engine = _process("engine", members, folder)
        below = _process("floor", members, folder)
    if below["different"]:
        sys.exit("the floor wrote other rows: " + "; ".join(below["different"]))
    works = (engine["work"], below["work"])
    return Year(members, engine["seconds"], below["seconds"], *works, engine["megabytes"])


def _process(name: str, members: int, folder: str) -> dict[str, Any]:
    _progress(f"{name}, {members:,} associations …")
    command = [sys.executable, "-m", "tests.benchmarks.side", name, str(members), folder]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _progress(text: str) -> None:
    """Say what is being done, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def seconds_of(command: Sequence[str]) -> float:
    """Seconds of a whole process, its start included: the median of five."""
    _progress(" ".join(command[1:]))
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([RELANCE, *command[1:]], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def show_years(sizes: Sequence[int], times: int) -> None:
    """Live the year at each size and show how the engine compares with its floor and with itself."""
    print("associations   engine     floor   ratio   by work   per association (floor)   memory")
    first = None
    for members in sizes:
        runs = sorted((both_sides(members) for _ in range(times)), key=lambda year: year.ratio)
        year = runs[len(runs) // 2]
        first = first or year
        engine, below = year.growth(first)
        _progress("")
        print(
            f"{members:12,}  {year.engine:6.1f} s  {year.floor:6.1f} s  {year.ratio:6.2f}   {year.work_ratio:7.2f}"
            f"   {engine:15.2f} ({below:.2f})    {year.megabytes:4.0f} MB"
        )
        if len(runs) > 1:
            shown = ", ".join(f"{run.ratio:.2f} ({run.work_ratio:.2f})" for run in runs)
            print(f"{'':14}ratios of all runs, by work in brackets: {shown}")
    print(f"wanted at 100,000: ratio {MOST_RATIO}, memory {MOST_MEGABYTES} MB")


def show_commands() -> None:
    """Show how long the register's two years, and the help, take as whole processes."""
    for command, most in ((["relance", "replay", str(REGISTER)], MOST_REPLAY), (["relance", "--help"], MOST_HELP)):
        seconds = seconds_of(command)
        _progress("")
        print(f"{' '.join(command):50} {seconds:5.2f} s   (wanted: {most} s)")


def show_service() -> None:
    """Show how the unattended service does: each part against the least that does the same, in turn, and at rest."""
    for title, part in (("votes", votes), ("mails", mail), ("memory", idle)):
        print(f"\n{title}")
        part.main()
    print()


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help=f"also {FULL:,} associations: some minutes and 8 GB of disk"
    )
    parser.add_argument("--times", type=int, default=3, help="runs of each year (one of the largest)")
    asked = parser.parse_args()
    show_years(SIZES, asked.times)
    if asked.full:
        show_years((SIZES[0], FULL), 1)
    show_service()
    show_commands()
    documents.main()


if __name__ == "__main__":
    main()
