"""The systemd units, as systemd reads them. Whether they run: test_booted_debian.py."""

import re
import shutil
import subprocess

import pytest

from api.serve import GRACE
from tests.deploy.dockerfile import ROOT

UNITS = ("relance.service", "relance-backup.service", "relance-backup.timer")
pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_line_of_a_unit(unit, tmp_path):
    for name in UNITS:  # the program stands in /opt on the machine that it is for
        text = (ROOT / "docs" / name).read_text(encoding="utf-8").replace("/opt/relance/.venv/bin/relance", "/bin/true")
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = analyze("verify", "--man=no", tmp_path / unit)
    assert found.stderr == ""
    assert found.returncode == 0


@pytest.mark.parametrize("unit", ["relance.service", "relance-backup.service"])
def test_a_service_has_hardly_any_rights(unit):
    found = analyze("security", "--offline=true", "--threshold=15", "--no-pager", ROOT / "docs" / unit)
    assert found.returncode == 0, found.stdout[-3000:]


def test_it_has_the_time_to_stop_that_it_takes():
    from api.mailroom import LAST_ANSWER

    text = (ROOT / "docs/relance.service").read_text(encoding="utf-8")
    allowed = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert allowed is not None
    assert int(allowed[1]) >= 4 * (GRACE + LAST_ANSWER)  # and a run of what is due beside them
