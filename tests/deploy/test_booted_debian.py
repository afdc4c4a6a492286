"""The guide, followed to the letter on a Debian that boots: its service runs, is copied, is restored, and stops."""

import shutil
import subprocess

import pytest

from tests.deploy import bare_tree
from tests.deploy.guides import blocks, section

GUIDE = "docs/operating.md"
WHY_NOT = bare_tree.why_not() or ("" if shutil.which("systemd-nspawn") else "needs systemd-nspawn (systemd-container)")
pytestmark = [pytest.mark.torture, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it can be booted here")]

BOOTED = """[Unit]
After=multi-user.target
[Service]
Type=idle
Environment=HOME=/root
ExecStart=/bin/sh /srv/followed.sh
ExecStopPost=/bin/systemctl poweroff --no-block
[Install]
WantedBy=multi-user.target
"""
HEAD = """exec > /srv/said.log 2>&1
set -e
cd /var/lib/relance
answers() {
    timeout 60 sh -c 'until python3 -c "$0" 2>/dev/null; do sleep 0.2; done' \
        'import urllib.request as u; u.urlopen("http://127.0.0.1:8000/readyz", timeout=2)'
}
"""
RIGHTS = """
answers
grep -E '^(NoNewPrivs|Seccomp|CapEff):' "/proc/$(systemctl show relance.service --property MainPID --value)/status"
relance tick
"""
KILLED = """
systemctl kill --signal KILL --kill-who main relance.service
systemctl reset-failed relance.service
systemctl start relance.service
answers
systemctl stop relance.service
systemctl show relance.service --property Result --property ExecMainStatus
echo everything was done
"""


def test_whoever_follows_the_guide_has_a_service_that_runs_is_copied_and_stops(base):
    bare_tree.lay_project(base / "opt/relance")
    bare_tree.work(base, ["/bin/sh", "-c", "apt-get update && apt-get install --yes systemd systemd-sysv adduser"])
    install, wrapper, enable, *_ = blocks(section(GUIDE, "## Install"))
    for block in (install, wrapper):
        bare_tree.work(base, ["/bin/sh", "-e", "-c", block])
    copies, trial, restore, *_ = blocks(section(GUIDE, "## Copies, and trying them"))
    restore = restore.replace("dues-2026-03-01-0317.db", "before-upgrade.db")
    said = boot(base, HEAD + enable + RIGHTS + copies + trial + restore + KILLED)
    assert said.endswith("everything was done\n"), said
    for line in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "Result=success", "ExecMainStatus=0"):
        assert line in said.splitlines()
    assert "Restored from /var/backups/relance/before-upgrade.db; mail is kept" in said


def boot(tree, script):
    """Boot a tree, let it run a script and switch itself off; returns what the script said."""
    (tree / "srv/followed.sh").write_text(script, encoding="utf-8")
    (tree / "etc/systemd/system/followed.service").write_text(BOOTED, encoding="utf-8")
    wanted = tree / "etc/systemd/system/multi-user.target.wants/followed.service"
    wanted.parent.mkdir(exist_ok=True)
    wanted.symlink_to("/etc/systemd/system/followed.service")
    words = ["systemd-nspawn", "--directory", tree, "--boot", "--register=no", "--keep-unit", "--private-network"]
    subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    return (tree / "srv/said.log").read_text(encoding="utf-8")
