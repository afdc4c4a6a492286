"""The Dockerfile's own steps, and the README's, in a bare Debian: they need nothing that only this machine has."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.deploy import bare_tree
from tests.deploy.bare_tree import Image
from tests.deploy.dockerfile import stages
from tests.terminal import associations

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(bool(bare_tree.why_not()), reason=bare_tree.why_not() or "it can be made here"),
]
USER = 10001


@pytest.fixture
def image(base, workshop):
    """The image, built stage by stage; the last one has no name."""
    trees: dict[str, Path] = {}
    for stage in stages():
        tree = workshop / f"stage-{stage.name}"
        subprocess.run(["cp", "--archive", base, tree], check=True)  # shutil cannot copy /dev
        bare_tree.build(stage, tree, trees)
        trees[stage.name] = tree
    return Image(trees[""], stages()[-1])


@pytest.fixture
def data(workshop):
    """The volume: the one place that is the container's own."""
    folder = workshop / "data"
    folder.mkdir(mode=0o700)
    shutil.chown(folder, USER, USER)
    return folder


def test_it_is_built_and_serves_a_register_from_a_root_that_nobody_can_write(image, data):
    _writes_nothing_but_its_volume(image, data)
    _has_no_tools_of_ours(image)
    _takes_a_register(image, data)
    with image.started(data) as container:
        line = container.process.stdout.readline()
        assert "answers on http://0.0.0.0:8000" in line, line
        _is_well(container)
        _ticks_beside_it(container)
        _stops_when_told(container)
    assert image.run(data, *image.stage.health()[1:], program=image.stage.health()[:1]).returncode != 0


def _writes_nothing_but_its_volume(image, data):
    tried = image.run(data, "-c", "touch /data/mine && ! touch /mine", program=["sh"])
    assert tried.returncode == 0
    assert "Read-only file system" in tried.stderr
    (data / "mine").unlink()


def _has_no_tools_of_ours(image):
    installed = {path.name for path in next((image.tree / "opt/relance/lib").glob("python3*/site-packages")).iterdir()}
    assert not installed & {"pip", "pytest", "mypy", "ruff", "hypothesis", "hatchling"}
    assert "sqlmodel" in installed


def _takes_a_register(image, data):
    (data / "associations.csv").write_text(associations(("A0001", "Vélo Lauragais"), ("A0002", "Chorale d'Oc")))
    (data / "associations.csv").chmod(0o644)
    for words in (["init"], ["import", "associations", "associations.csv"], ["doctor"], ["verify"]):
        done = image.run(data, *words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    assert (data / "relance.db").stat().st_uid == USER


def _is_well(container):
    health = container.execute(*container.image.stage.health())
    assert health.returncode == 0, health.stderr


def _ticks_beside_it(container):
    ticked = container.execute("relance", "tick")
    assert ticked.returncode == 0, ticked.stderr


def _stops_when_told(container):
    first = container.first()
    assert (Path(f"/proc/{first}/status")).read_text().count(f"\t{USER}\t{USER}\t{USER}\t{USER}\n") == 2  # uid and gid
    os.kill(first, signal.SIGTERM)
    assert container.process.wait(30) == 0


def test_the_readme_sets_itself_up_for_somebody_who_is_not_root(base):
    bare_tree.work(base, ["/bin/sh", "-c", "apt-get update && apt-get install --yes python3 python3-venv make"])
    bare_tree.lay_project(base / "home/you/relance")
    bare_tree.work(base, ["chown", "-R", "1000:1000", "/home/you"])
    said = bare_tree.work(
        base,
        ["/bin/sh", "-c", "cd ~/relance && make .venv/.ready && .venv/bin/relance --help"],
        {"HOME": "/home/you"},
        who="1000:1000",
    )
    assert "Setting up .venv" in said
    assert "Carries the membership dues" in said
