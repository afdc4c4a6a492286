"""Every story of this folder, played once for all its tests."""

from pathlib import Path

import pytest

from tests.years.story import Story

STORIES = sorted(Path(__file__).parent.glob("*.toml"))


@pytest.fixture(scope="module", params=STORIES, ids=lambda path: path.stem)
def story(request):
    """One file: a year as people tell it."""
    made = Story(request.param)
    yield made
    made.close()
