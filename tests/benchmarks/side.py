"""One side of the reference year in a process of its own, so that its peak of memory is its own too."""

import json
import sys
from pathlib import Path

from tests.benchmarks import floor, reference_year


def run(name: str, members: int, folder: Path) -> dict[str, object]:
    """Live one side, `engine` or `floor` (which needs the engine's file), and return its figures."""
    if name == "engine":
        clock = reference_year.live(members, folder)
        return {"seconds": clock.total, "work": clock.work, "megabytes": reference_year.peak_megabytes()}
    clock = floor.write(folder, members)
    return {"seconds": clock.total, "work": clock.work, "different": floor.compare(folder)}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
