"""The API: who may what, keys that are used again, and whatever a stranger may send."""

import pytest

from api.problems import STATUS, TITLES
from tests.api.counter import V1, Counter

ROLES = ("treasurer", "secretary", "chair", "board", "admin", "reader")
WRITES = [
    ("POST", "/associations", {"treasurer"}),
    ("PATCH", "/associations/A1", {"treasurer"}),
    ("POST", "/associations/A1/payments", {"treasurer"}),
    ("POST", "/payments", {"treasurer"}),
    ("POST", "/payments/1/reversal", {"treasurer"}),
    ("POST", "/associations/A1/contacts", {"treasurer", "secretary"}),
    ("POST", "/associations/A1/notices", {"treasurer", "secretary"}),
    ("POST", "/associations/A1/holds", {"treasurer", "secretary"}),
    ("POST", "/associations/A1/waivers", {"treasurer", "secretary"}),
    ("POST", "/associations/A1/departure", {"treasurer", "secretary"}),
    ("POST", "/meetings", {"secretary"}),
    ("PATCH", "/meetings/1", {"secretary"}),
    ("PUT", "/meetings/1/record", {"secretary"}),
    ("POST", "/meetings/999/close", {"secretary", "chair"}),
    ("PUT", "/ballots/1/vote", {"treasurer", "secretary", "chair", "board"}),
    ("POST", "/ballots/1/close", {"secretary", "chair"}),
    ("POST", "/letters", {"secretary"}),
    ("PATCH", "/letters/1", {"secretary"}),
    ("POST", "/tasks/999/done", {"treasurer", "secretary", "chair", "admin"}),
    ("GET", "/outbox", {"admin"}),
    ("GET", "/outbox/1", {"admin"}),
    ("POST", "/outbox/999/retry", {"admin"}),
    ("GET", "/services", {"admin"}),
    ("PATCH", "/services/1", {"admin"}),
    ("POST", "/service-orders/1/ack", {"admin"}),
    ("POST", "/service-orders/confirm", {"admin"}),
]
READS = (
    *("/associations", "/associations/A1", "/associations/A1/journal", "/associations/A1/next"),
    *("/associations/A1/ledger", "/meetings", "/meetings/1", "/meetings/1/agenda", "/ballots", "/letters"),
    *("/calendar", "/tasks", "/journal", "/status"),
)
PAID = {"amount": "20.00", "paid_on": "2024-12-02"}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A counter that no test changes."""
    made = Counter(tmp_path_factory.mktemp("quiet"))
    yield made.called()
    made.close()


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made.called()
    made.close()


@pytest.mark.parametrize(("method", "path", "may"), WRITES)
def test_a_role_does_what_is_its_own_and_nothing_else(quiet, method, path, may):
    for role in ROLES:
        sent = None if method == "GET" or path.endswith(("close", "retry")) else {"nonsense": 1}
        response = quiet.as_(role).ask(method, path, sent)
        forbidden = response.status_code == 403 and response.json()["type"].endswith("/not-allowed")
        assert forbidden == (role not in may), (role, response.text)
    assert quiet.as_(None).ask(method, path).status_code == 401


@pytest.mark.parametrize("path", READS)
def test_every_role_reads_and_nobody_without_a_token(quiet, path):
    for role in ROLES:
        assert quiet.as_(role).ask("GET", path).status_code == 200
    response = quiet.as_(None).ask("GET", path)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.json()["type"].endswith("/unauthenticated")


def test_a_token_that_is_wrong_or_revoked_opens_nothing(counter):
    client = counter.as_("reader")
    for header in ("Bearer x", "Bearer ", "Basic eDp4", "Bearer \xe9", counter.tokens["reader"]):
        assert client.client.get(f"{V1}/status", headers={"Authorization": header.encode("latin-1")}).status_code == 401
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE api_token SET revoked_at = created_at WHERE role = 'reader'")
    assert client.refused("GET", "/status") == (401, "unauthenticated")


def test_the_database_keeps_no_token(counter):
    secret = counter.tokens["admin"]
    assert len(secret) > 43
    files = counter.path.parent.glob("relance.db*")
    assert not any(secret.encode() in path.read_bytes() for path in files)


def test_a_key_that_is_used_again_answers_again(counter):
    treasurer = counter.as_("treasurer")
    first = treasurer.post("/associations/A1/payments", PAID, key="k1")
    assert treasurer.post("/associations/A1/payments", PAID, key="k1") == first
    assert counter.house.rows("SELECT count(*) FROM payment") == [(1,)]
    head = {"Idempotency-Key": "k1"}
    other = PAID | {"amount": "10.00"}
    reused = (422, "idempotency-key-reused")
    assert treasurer.refused("POST", "/associations/A1/payments", other, headers=head) == reused
    assert treasurer.refused("POST", "/associations/A2/payments", PAID, headers=head) == reused
    told = {"on": "2024-12-02", "channel": "mail"}
    assert counter.as_("secretary").post("/associations/A1/contacts", told, key="k1")[0] == 201
    assert treasurer.refused("POST", "/payments", PAID, headers={"Idempotency-Key": "a b"}) == (422, "invalid")


def test_what_was_refused_under_a_key_may_be_tried_again(counter):
    treasurer = counter.as_("treasurer")
    late = PAID | {"paid_on": "2024-12-03"}
    head = {"Idempotency-Key": "k"}
    assert treasurer.refused("POST", "/associations/A1/payments", late, headers=head) == (422, "future-date")
    counter.at("2024-12-03")
    assert treasurer.post("/associations/A1/payments", late, key="k")[0] == 201


HOSTILE = {
    "half a pair": rb'{"amount": "\ud800", "paid_on": "2024-12-02"}',
    "half a pair as a name": rb'{"\ud800": 1}',
    "half a pair in UTF-8": b'{"amount": "\xed\xa0\x80"}',
    "not UTF-8": b'{"amount": "\xff"}',
    "NaN": b'{"amount": NaN, "year": NaN}',
    "infinity": b'{"amount": 1e999, "year": 1e999, "paid_on": 1e999}',
    "a huge number": b'{"year": ' + b"9" * 5000 + b"}",
    "deep": b"[" * 100_000,
    "deep and closed": b"[" * 50_000 + b"]" * 50_000,
    "empty": b" ",
    "a list": b"[]",
    "a word": b'"x"',
    "null": b"null",
    "cut off": b'{"amount": "20',
    "twice": b'{"amount": "1.00", "amount": "2.00"}',
    "NUL": b'{"amount": "20.00", "paid_on": "2024-12-02", "reference": "\\u0000"}',
    "far away": b'{"amount": "20.00", "paid_on": "9999-12-31"}',
}
PLACES = ("/associations/A1/payments", "/payments", "/associations", "/simulations", "/associations/A1/contacts")


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("path", PLACES)
def test_no_body_is_answered_with_5xx_or_read_back(quiet, path, body):
    response = quiet.as_("treasurer").client.post(
        f"{V1}{path}", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"
    assert "999999" not in response.text
    assert "ud800" not in response.text


@pytest.mark.parametrize(
    "path", ["/ballots/99999999999999999999", "/ballots/-1", "/ballots/0", "/ballots/x", "/tasks/1e9"]
)
def test_no_number_in_a_path_is_answered_with_5xx(quiet, path):
    assert quiet.as_("reader").refused("GET", path) == (422, "invalid")


@pytest.mark.parametrize("number", ["%00", "%F0%9F%9A%B2", "%ED%A0%80", "a" * 41, "'%20OR%201=1", "%2e%2e"])
def test_no_name_in_a_path_is_answered_with_5xx(quiet, number):
    assert quiet.as_("reader").ask("GET", f"/associations/{number}").status_code in {200, 404, 422}


@pytest.mark.parametrize(
    "cursor", ["x", "%%%", "8J+YgA", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "é", "=", "A" * 201]
)
def test_no_cursor_is_answered_with_5xx(quiet, cursor):
    for path in ("/ballots", "/journal", "/associations", "/calendar"):
        assert quiet.as_("reader").ask("GET", path, params={"cursor": cursor}).status_code in {200, 422}


def test_a_body_that_is_too_large_is_refused(quiet):
    client = quiet.as_("treasurer")
    for content in (b"x" * 10_000_000, iter([b"x" * 500_000] * 20)):
        head = {"Content-Type": "application/json"}
        assert client.refused("POST", "/payments", content=content, headers=head) == (413, "too-large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_understood(quiet, kind):
    client = quiet.as_("treasurer")
    refused = client.refused("POST", "/payments", content=b'{"amount": "1.00"}', headers={"Content-Type": kind})
    assert refused == (415, "unsupported-media-type")


def test_what_is_not_there_is_a_problem_too(quiet):
    reader = quiet.as_("reader")
    assert reader.refused("GET", "/nothing") == (404, "not-found")
    assert reader.refused("DELETE", "/associations/A1") == (405, "method-not-allowed")
    assert reader.refused("GET", "/associations/NONE") == (404, "unknown-association")
    assert "NONE" not in reader.ask("GET", "/associations/NONE").text


def test_every_kind_of_problem_has_its_status_and_title():
    assert set(STATUS) <= set(TITLES)
    named = """unknown-association unknown-year not-allowed ballot-not-open not-a-seat seat-not-yours recused
        list-changed gate-not-met nothing-owed future-date invalid idempotency-key-reused signature-invalid
        server-down"""
    assert set(named.split()) <= set(STATUS)
