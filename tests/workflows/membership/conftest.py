"""A desk with an empty database, in July 2025."""

import pytest

from tests.workflows.membership.desk import Desk


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.store.close()
