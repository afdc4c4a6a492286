"""schemathesis asks whatever the API's own description allows, and what it does not: no 5xx, and as described."""

from contextlib import suppress
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.counter import V1, Counter

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
LEFT_OUT = f"^({V1}/events|/healthz|/readyz|/metrics)$"
"""One never ends, one says 503 on purpose; the others take nothing."""
EXAMPLES = 25
OPERATIONS = 40
WHO = {
    "outbox": "admin",
    "services": "admin",
    "service-orders": "admin",
    "letters": "secretary",
    "meetings": "secretary",
}
WHO |= {"ballots": "S1"}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """The API with something in every list."""
    made = Counter(tmp_path_factory.mktemp("stranger"))
    made.evening()
    with made.store.write() as connection:
        sql = "INSERT INTO service (association_id, kind, identifier) SELECT id, 'list', 'x' FROM workflow_instance"
        connection.exec_driver_sql(sql)
        sql = """INSERT INTO service_order (service_id, action, occasion, ordered_at, status, note)
            SELECT id, 'suspend', 'x', '2025-08-28 17:00:00.000000', 'pending', '' FROM service"""
        connection.exec_driver_sql(sql)
    yield made
    made.close()


def role_for(path):
    """Who may do it: the others' refusals are tested elsewhere."""
    if path.endswith("/close"):
        return "chair"
    return WHO.get(path.removeprefix(f"{V1}/").partition("/")[0], "treasurer")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_nothing_a_stranger_sends_breaks_it(stranger, mode):
    api = schemathesis.openapi.from_asgi("/openapi.json", stranger.app)
    asked = [cast("Any", found).ok() for found in api.exclude(path_regex=LEFT_OUT).get_all_operations()]
    assert len(asked) > OPERATIONS
    for operation in asked:
        ask(stranger, operation, mode)


def ask(stranger, operation, mode):
    """Send one operation what its description allows (positive), or does not (negative)."""
    bearer = {"Authorization": f"Bearer {stranger.tokens[role_for(operation.path)]}"}

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @seed(1)
    def send(case):
        case.call_and_validate(headers=bearer, checks=CHECKS)

    with suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
        send()
