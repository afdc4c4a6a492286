"""Votes by signed webhook: the published vectors, what is malformed, replays, seats that are not the source's."""

import base64
import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.settings import settings_from_mapping
from api.signatures import Signed, key_of, sign, verify
from engine.errors import BadConfiguration, SignatureInvalid
from tests.api.counter import Counter
from tests.api.test_api_board import ballots

with (Path(__file__).parents[1] / "oracles" / "webhook-vectors.csv").open(encoding="utf-8", newline="") as file:
    VECTORS = list(csv.DictReader(file))
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
NOW = datetime(2025, 8, 20, 10, 0, tzinfo=UTC)


# The verifier


@pytest.mark.parametrize("row", VECTORS, ids=[row["webhook_id"] for row in VECTORS])
def test_the_published_signatures_are_ours(row):
    key, body, at = key_of(row["secret"]), row["payload"].encode(), int(row["webhook_timestamp"])
    assert sign(key, row["webhook_id"], at, body) == row["signature"]
    message = Signed(row["webhook_id"], row["webhook_timestamp"], row["signature"], body)
    verify(key, message, datetime.fromtimestamp(at, UTC))


def good(**changed):
    """A well-signed message, with something changed."""
    stamp = str(int(NOW.timestamp()))
    parts = {
        "id": "msg_1",
        "timestamp": stamp,
        "signatures": sign(key_of(SECRET), "msg_1", int(stamp), b"{}"),
        "body": b"{}",
    }
    return Signed(**(parts | changed))


VALID = good().signatures


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"id": ""},
        {"id": "msg.1"},
        {"id": "msg_2"},
        {"id": "msg_1 "},
        {"id": "é"},
        {"timestamp": None},
        {"timestamp": ""},
        {"timestamp": "now"},
        {"timestamp": "-1"},
        {"timestamp": "1e9"},
        {"timestamp": "9" * 40},
        {"timestamp": "١٢٣"},
        {"timestamp": f" {good().timestamp}"},
        {"signatures": None},
        {"signatures": ""},
        {"signatures": "v1"},
        {"signatures": "v1,"},
        {"signatures": "v1,!!"},
        {"signatures": "v1,AAAA"},
        {"signatures": VALID.replace("v1,", "v1a,")},
        {"signatures": VALID.replace("v1,", "v2,")},
        {"signatures": VALID.removeprefix("v1,")},
        {"signatures": VALID.lower()},
        {"signatures": VALID[:-1]},
        {"signatures": f"{VALID}="},
        {"signatures": VALID.replace(" ", "\t")[:20]},
        {"signatures": " ".join(["v1,AAAA"] * 10 + [VALID])},
        {"signatures": "é"},
        {"body": b"{} "},
        {"body": b""},
    ],
    ids=repr,
)
def test_what_is_not_exactly_signed_is_refused(changed):
    verify(key_of(SECRET), good(), NOW)
    with pytest.raises(SignatureInvalid):
        verify(key_of(SECRET), good(**changed), NOW)


def test_one_valid_signature_among_others_is_enough():
    verify(key_of(SECRET), good(signatures=f"v1,AAAA v2,xx {VALID}"), NOW)


@pytest.mark.parametrize(("seconds", "accepted"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_a_message_is_good_for_five_minutes(seconds, accepted):
    at = NOW + timedelta(seconds=seconds)
    if accepted:
        verify(key_of(SECRET), good(), at)
    else:
        with pytest.raises(SignatureInvalid):
            verify(key_of(SECRET), good(), at)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AA==", SECRET.removeprefix("whsec_"), "whsec_!", "whsec_" + "A" * 400]
)
def test_a_secret_that_protects_nothing_is_refused(secret):
    with pytest.raises(BadConfiguration):
        key_of(secret)


@given(st.text(max_size=40) | st.none(), st.text(max_size=40) | st.none(), st.text(max_size=80) | st.none())
def test_no_header_whatever_makes_the_verifier_fail_otherwise(message_id, timestamp, signatures):
    with pytest.raises(SignatureInvalid):
        verify(key_of(SECRET), Signed(message_id, timestamp, signatures, b"{}"), NOW)


# The door


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    for name, secret in (("chat", SECRET), ("forum", OTHER)):
        (tmp_path / f"{name}.key").write_text(secret, encoding="utf-8")
    config = {
        "database": {"url": f"sqlite:///{made.path}"},
        "webhooks": {
            "in": {
                "chat": {"secret_file": str(tmp_path / "chat.key"), "seats": ["S1"]},
                "forum": {"secret_file": str(tmp_path / "forum.key"), "seats": ["S2"]},
            }
        },
    }
    made.api.settings = settings_from_mapping(config)
    yield made.summer()
    made.close()


def deliver(counter, body, secret=SECRET, message_id="msg_1", **headers):
    """Deliver a signed message; returns (status, JSON)."""
    text = json.dumps(body).encode() if not isinstance(body, bytes) else body
    stamp = int(counter.now.timestamp())
    sent = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(key_of(secret), message_id, stamp, text),
    } | headers
    response = counter.as_(None).client.post("/api/v1/webhooks/votes", content=text, headers=sent)
    return response.status_code, response.json()


def kind_of(answer):
    """Status and the last part of the problem's type."""
    return answer[0], answer[1]["type"].rpartition("/")[2]


def vote(counter, **changed):
    """A vote of S1 on A1."""
    return {"ballot": ballots(counter.as_("reader"))["A1"]["id"], "seat": "S1", "choice": "approve"} | changed


def votes(counter):
    """All votes there are."""
    return counter.house.rows("SELECT seat, choice, channel, superseded_at IS NULL FROM vote ORDER BY id")


def test_a_signed_vote_counts_once_and_replays_have_no_effect_for_ever(counter):
    said = vote(counter, comment="lu")
    assert deliver(counter, said) == (200, {"ballot": said["ballot"], "seat": "S1", "counted": True})
    assert deliver(counter, vote(counter, choice="reject"), message_id="msg_2")[1]["counted"] is True
    assert deliver(counter, said)[1]["counted"] is False
    assert votes(counter) == [("S1", "approve", "webhook:chat", 0), ("S1", "reject", "webhook:chat", 1)]
    counter.pass_time("2025-08-27")
    assert deliver(counter, said)[1]["counted"] is False
    assert len(votes(counter)) == 2


def test_a_source_speaks_only_for_its_seats(counter):
    assert kind_of(deliver(counter, vote(counter, seat="S2"))) == (403, "seat-not-yours")
    assert kind_of(deliver(counter, vote(counter, seat="S9"))) == (403, "seat-not-yours")
    assert deliver(counter, vote(counter, seat="S2"), secret=OTHER)[0] == 200
    assert [row[0] for row in votes(counter)] == ["S2"]


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-timestamp": "1"},
        {"webhook-id": "msg_9"},
        {"webhook-signature": ""},
        {"webhook-id": ""},
    ],
    ids=repr,
)
def test_a_bad_signature_is_401(counter, headers):
    assert kind_of(deliver(counter, vote(counter), **headers)) == (401, "signature-invalid")
    assert votes(counter) == []


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_or_doubled_header_is_401(counter, missing):
    text, stamp = json.dumps(vote(counter)).encode(), int(counter.now.timestamp())
    sent = [
        ("content-type", "application/json"),
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", str(stamp)),
        ("webhook-signature", sign(key_of(SECRET), "msg_1", stamp, text)),
    ]
    client = counter.as_(None).client
    without = [pair for pair in sent if pair[0] != missing]
    twice = [*sent, next(pair for pair in sent if pair[0] == missing)]
    for headers in (without, twice):
        assert client.post("/api/v1/webhooks/votes", content=text, headers=headers).status_code == 401
    assert votes(counter) == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"ballot": 1e999}', b'{"ballot": NaN}', b"\xff", b"[" * 5000], ids=repr
)
def test_a_signed_message_that_is_no_vote_is_refused(counter, body):
    assert kind_of(deliver(counter, body)) == (422, "invalid")
    assert kind_of(deliver(counter, vote(counter, choice="maybe"))) == (422, "invalid")
    assert kind_of(deliver(counter, vote(counter) | {"more": 1})) == (422, "invalid")


def test_a_refused_vote_may_be_sent_again(counter):
    said = vote(counter)
    counter.as_("S1").post(f"/ballots/{said['ballot']}/recusals", {"seat": "S1", "reason": "mine"})
    assert kind_of(deliver(counter, said)) == (409, "recused")
    counter.as_("S1").ask("DELETE", f"/ballots/{said['ballot']}/recusals/S1")
    assert deliver(counter, said)[1]["counted"] is True
    counter.pass_time("2025-08-29")
    assert kind_of(deliver(counter, said | {"choice": "reject"}, message_id="msg_2")) == (409, "ballot-not-open")
