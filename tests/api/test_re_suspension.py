"""Cutting again whom an undone payment had restored, and going back one state: at a terminal and by the API."""

import pytest

from tests.api.counter import Counter
from tests.api.test_api_board import SEATS, meeting


@pytest.fixture
def counter(tmp_path):
    """A1 was cut on 1 September 2025, paid, and its payment bounced."""
    made = Counter(tmp_path)
    made.evening()
    path = f"/meetings/{meeting(made.as_('secretary'), '2025-08')['id']}/record"
    made.as_("secretary").put(path, {"present": list(SEATS), "the_rest": "approve"})
    made.pass_time("2025-09-02")
    treasurer = made.as_("treasurer")
    paid = treasurer.post("/associations/A1/payments", {"amount": "20.00", "paid_on": "2025-09-02"})[1]
    treasurer.post(f"/payments/{paid['payment']}/reversal", {"on": "2025-09-02", "reason": "bounced"})
    yield made
    made.close()


def test_a_person_cuts_it_again_under_this_years_decision(counter):
    assert counter.house.state("A1") == "reminded"
    treasurer = counter.as_("treasurer")
    assert treasurer.refused("POST", "/associations/A2/re-suspension") == (409, "not-allowed")
    assert counter.as_("secretary").refused("POST", "/associations/A1/re-suspension") == (403, "not-allowed")
    status, cut = treasurer.post("/associations/A1/re-suspension", key="again")
    assert (status, cut["state"]) == (201, "suspended")
    assert treasurer.post("/associations/A1/re-suspension", key="again") == (201, cut)
    assert "re_suspension" not in {task["kind"] for task in treasurer.get("/tasks")["items"]}


def test_it_goes_back_one_state_by_two_people(counter):
    path = "/associations/A2/correction"
    treasurer = counter.as_("treasurer")
    assert treasurer.refused("POST", path, {"reason": "wrong", "by": ["Ana", "ANA"]}) == (422, "invalid")
    assert treasurer.refused("POST", path, {"reason": "wrong", "by": ["Ana"]}) == (422, "invalid")
    status, back = treasurer.post(path, {"reason": "wrong line", "by": ["Ana", "Bilal"]})
    assert (status, back["state"]) == (201, "reminded")
