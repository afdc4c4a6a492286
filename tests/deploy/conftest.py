"""A bare Debian to try things in: made anew for each test that asks for one, and gone afterwards."""

import tempfile
from pathlib import Path

import pytest

from tests.deploy import bare_tree
from tests.deploy.dockerfile import stages


@pytest.fixture
def workshop():
    """A folder that goes away afterwards: a tree has a hundred megabytes and more."""
    with tempfile.TemporaryDirectory(prefix="bare-debian-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def base(workshop):
    """A bare Debian of the release that the image is made from."""
    names = {stage.base for stage in stages()}
    assert len(names) == 1
    tree = workshop / "base"
    bare_tree.debootstrap(tree, names.pop().removeprefix("debian:").removesuffix("-slim"))
    return tree
