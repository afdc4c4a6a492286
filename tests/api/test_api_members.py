"""The API: associations, what they tell, what they pay."""

import pytest

from tests.api.counter import Counter, together

PAID = {"amount": "20.00", "paid_on": "2024-12-02", "method": "transfer", "reference": "VIR 1"}


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made.called()
    made.close()


@pytest.fixture
def treasurer(counter):
    return counter.as_("treasurer")


def test_associations_are_listed_in_pages(counter):
    reader = counter.as_("reader")
    first = reader.get("/associations", limit=2)
    assert [one["number"] for one in first["items"]] == ["A1", "A2"]
    second = reader.get("/associations", limit=2, cursor=first["next"])
    assert [one["number"] for one in second["items"]] == ["A3"]
    assert second["next"] is None
    assert first["items"][0] == {
        "number": "A1",
        "name": "A1",
        "kind": "association",
        "state": "called",
        "since": "2024-12-01T08:00:00Z",
        "owed": "20.00",
        "credit": "0.00",
        "hold_until": None,
        "unreachable": False,
    }
    assert reader.get("/associations", state="paid")["items"] == []


def test_one_association_says_why_it_is_where_it_is(counter):
    one = counter.as_("reader").get("/associations/A1")
    assert one["why"] == "called since 2024-12-01: dues were called; owes 2025 (20.00)"
    assert one["email"] == "contact@a1.example"
    assert one["dues"] == [
        {"year": 2025, "amount": "20.00", "settled": "0.00", "unpaid": "20.00", "called_at": "2024-12-01T08:00:00Z"}
    ]


def test_who_joins_is_called_at_once(treasurer):
    new = {"number": "A9", "name": "Chorale", "email": "c@chorale.example", "dues": "15.00", "themes": ["music"]}
    status, one = treasurer.post(
        "/associations", new | {"services": [{"kind": "list", "identifier": "c@lists.example"}]}
    )
    assert status == 201
    assert (one["state"], one["owed"], one["own_dues"], one["themes"]) == ("called", "15.00", "15.00", ["music"])
    assert one["services"] == [{"kind": "list", "identifier": "c@lists.example"}]
    assert one["dues"][0]["year"] == 2025
    assert treasurer.refused("POST", "/associations", new) == (422, "invalid")


def test_the_register_changes_field_by_field(treasurer, counter):
    status, one = treasurer.patch("/associations/A1", {"name": "Vélo", "city": "Ramonville", "dues": "18.50"})
    assert (status, one["name"], one["city"], one["own_dues"]) == (200, "Vélo", "Ramonville", "18.50")
    assert one["email"] == "contact@a1.example"
    assert treasurer.patch("/associations/A1", {"dues": None})[1]["own_dues"] is None
    assert treasurer.patch("/associations/A1", {"email": "", "treasurer_email": ""})[1]["unreachable"]
    assert not treasurer.patch("/associations/A1", {"email": "new@a1.example"})[1]["unreachable"]
    for wrong in ({"name": ""}, {"name": None}, {"state": "paid"}, {"email": "x"}, {"joined_on": "2099-01-01"}):
        assert treasurer.refused("PATCH", "/associations/A1", wrong) == (422, "invalid")


def test_a_payment_settles_the_oldest_owed(treasurer):
    status, booked = treasurer.post("/associations/A1/payments", PAID)
    assert status == 201
    assert (booked["state"], booked["owed"]) == ("paid", "0.00")
    assert booked["allocations"] == [{"association": "A1", "year": 2025, "amount": "20.00"}]
    lines = treasurer.get("/associations/A1/ledger")["items"]
    assert [(line["kind"], line["year"], line["amount"], line["payment"]) for line in lines] == [
        ("payment", 2025, "20.00", booked["payment"])
    ]
    assert [line["trigger"] for line in treasurer.get("/associations/A1/journal")["items"]] == ["import", "call", "pay"]


def test_a_payment_with_an_identity_is_booked_once(treasurer):
    known = PAID | {"source": "helloasso", "external_id": "42"}
    first, again = (
        treasurer.post("/associations/A1/payments", known),
        treasurer.post("/associations/A1/payments", known),
    )
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert treasurer.refused("POST", "/associations/A2/payments", known) == (422, "invalid")
    assert treasurer.refused("POST", "/associations/A1/payments", known | {"amount": "5.00"}) == (422, "invalid")


def test_the_same_payment_ten_times_in_parallel_counts_once(counter, treasurer):
    known = PAID | {"source": "bank", "external_id": "7"}
    got = together(10, lambda _: counter.as_("treasurer").post("/associations/A1/payments", known))
    assert sorted(status for status, _ in got) == [200] * 9 + [201]
    keyed = together(10, lambda _: counter.as_("treasurer").post("/associations/A2/payments", PAID, key="once"))
    assert [status for status, _ in keyed] == [201] * 10
    assert len({body["payment"] for _, body in keyed}) == 1
    assert counter.house.rows("SELECT count(*), sum(amount_cents) FROM payment") == [(2, 4000)]
    assert treasurer.get("/associations/A1")["credit"] == "0.00"


def test_one_transfer_pays_for_several(treasurer):
    parts = [{"association": "A1", "year": 2025, "amount": "20.00"}, {"association": "A2", "amount": "12"}]
    status, booked = treasurer.post("/payments", {"amount": "32.00", "paid_on": "2024-12-02", "allocations": parts})
    assert status == 201
    assert [(one["association"], one["state"], one["owed"]) for one in booked["associations"]] == [
        ("A1", "paid", "0.00"),
        ("A2", "called", "8.00"),
    ]
    wrong = {"amount": "30.00", "paid_on": "2024-12-02", "allocations": parts}
    assert treasurer.refused("POST", "/payments", wrong) == (422, "invalid")


def test_a_reversal_undoes_a_payment_once(treasurer):
    payment = treasurer.post("/associations/A1/payments", PAID)[1]["payment"]
    undone = {"on": "2024-12-02", "reason": "bounced"}
    status, reversed_ = treasurer.post(f"/payments/{payment}/reversal", undone)
    assert (status, reversed_["associations"][0]["state"]) == (200, "called")
    assert treasurer.refused("POST", f"/payments/{payment}/reversal", undone) == (409, "not-allowed")
    assert treasurer.refused("POST", "/payments/999/reversal", undone) == (404, "not-found")
    assert treasurer.refused("POST", f"/payments/{payment}/reversal", {"on": "2024-12-02", "reason": "x"})[0] == 422


def test_what_is_told_of_an_association_is_recorded(counter):
    secretary = counter.as_("secretary")
    told = {"on": "2024-12-02", "channel": "telephone", "note": "will pay"}
    assert secretary.post("/associations/A1/contacts", told)[0] == 201
    assert secretary.post("/associations/A1/notices", told)[0] == 201
    assert secretary.post("/associations/A1/holds", {"until": "2025-09-30", "reason": "grant"})[0] == 201
    assert secretary.post("/associations/A2/waivers", {"year": 2025, "reason": "flood"})[1]["state"] == "paid"
    assert (
        secretary.post("/associations/A3/departure", {"on": "2024-12-02", "reason": "dissolved"})[1]["state"] == "left"
    )
    assert secretary.get("/associations/A1")["hold_until"] == "2025-09-30"
    assert secretary.get("/associations/A1")["last_contact_on"] == "2024-12-02"
    assert secretary.get("/associations/A3")["left_on"] == "2024-12-02"
    assert secretary.refused("POST", "/associations/A3/departure", {"on": "2024-12-02"}) == (409, "not-allowed")
    assert secretary.refused("POST", "/associations/A2/waivers", {"year": 2025, "reason": "x"}) == (409, "nothing-owed")
    assert secretary.refused("POST", "/associations/A1/holds", {"until": "2020-01-01", "reason": "x"}) == (
        422,
        "invalid",
    )


def test_what_comes_next_names_what_blocks_it(counter, treasurer):
    treasurer.post("/associations/A1/payments", PAID)
    items = treasurer.get("/associations/A1/next")["items"]
    call = next(one for one in items if one["event"] == "call" and one["year"] == 2026)
    assert (call["at"], call["happens"], call["to"], call["blockers"]) == ("2025-12-01T08:00:00Z", True, "called", [])
    counter.as_("secretary").post("/associations/A2/holds", {"until": "2025-12-31", "reason": "grant"})
    items = treasurer.get("/associations/A2/next")["items"]
    assert next(one for one in items if one["event"] == "remind")["happens"]
    assert all(one["blockers"] for one in items if not one["happens"])


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        ("/associations/NONE/payments", PAID, 404, "unknown-association"),
        ("/associations/A1/payments", PAID | {"year": 1999}, 422, "unknown-year"),
        ("/associations/A1/payments", PAID | {"paid_on": "2024-12-03"}, 422, "future-date"),
        ("/associations/A1/payments", PAID | {"amount": "0.00"}, 422, "invalid"),
        ("/associations/A1/payments", PAID | {"amount": "-1.00"}, 422, "invalid"),
        ("/associations/A1/payments", PAID | {"amount": 20}, 422, "invalid"),
        ("/associations/A1/payments", PAID | {"amount": "20.001"}, 422, "invalid"),
        ("/associations/A1/payments", PAID | {"paid_on": "02/12/2024"}, 422, "invalid"),
        ("/associations/A1/payments", PAID | {"paid_on": 20241202}, 422, "invalid"),
        ("/associations/A1/payments", PAID | {"extra": 1}, 422, "invalid"),
        ("/associations/A1/payments", PAID | {"reference": "a\u0000b"}, 422, "invalid"),
    ],
)
def test_a_payment_that_cannot_be_is_refused(treasurer, path, body, status, kind):
    assert treasurer.refused("POST", path, body) == (status, kind)
