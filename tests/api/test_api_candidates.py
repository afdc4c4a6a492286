"""Candidates over HTTP: they apply, the board answers, the sheet tells the conditions, a member is there."""

import pytest

from tests.api.counter import Counter

VELO = {
    "name": "Vélo Lauragais",
    "email": "contact@velo.example",
    "contact_name": "Ana Puech",
    "presented_by": "S2",
    "themes": ["vélo"],
    "services": [{"kind": "website", "identifier": "velo.example"}],
}


@pytest.fixture
def counter(tmp_path):
    """A0246 is a member; it is 2 September 2025."""
    made = Counter(tmp_path)
    made.house.enter("A0246")
    made.pass_time("2025-09-02")
    yield made
    made.close()


def applied(counter, **more):
    status, body = counter.as_("secretary").post("/candidates", VELO | more)
    assert status == 201, body
    return body


def evening(counter):
    """25 September 2025, at the hour of the meeting: the ballot, and the meeting."""
    counter.pass_time("2025-09-16", "2025-09-25T19:00")
    [ballot] = counter.as_("reader").get("/ballots", status="open")["items"]
    meeting = counter.house.rows("SELECT id FROM meeting WHERE month = '2025-09'")[0][0]
    return ballot["id"], meeting


def test_it_applies_under_the_next_number_and_is_shown(counter):
    body = applied(counter)
    assert (body["number"], body["state"], body["member"]) == ("A0247", "candidate", False)
    assert body["services"] == VELO["services"]
    assert body["themes"] == ["vélo"]
    reader = counter.as_("reader")
    assert reader.get("/candidates/A0247") == body
    assert [one["number"] for one in reader.get("/candidates", state="candidate")["items"]] == ["A0247"]
    assert reader.get("/candidates", state="refused")["items"] == []
    assert [one["trigger"] for one in reader.get("/candidates/A0247/journal")["items"]] == ["apply"]
    assert reader.get("/status")["candidates"] == 1
    assert "candidate" not in reader.get("/status")["states"]


def test_it_is_written_by_the_secretary_or_treasurer_once_for_a_key(counter):
    assert counter.as_("board").refused("POST", "/candidates", VELO) == (403, "not-allowed")
    assert counter.as_("admin").refused("PATCH", "/candidates/A0247", {"note": "x"}) == (403, "not-allowed")
    first = counter.as_("treasurer").post("/candidates", VELO, key="once")
    assert counter.as_("treasurer").post("/candidates", VELO, key="once") == first
    assert [one["number"] for one in counter.as_("reader").get("/candidates")["items"]] == ["A0247"]


def test_what_cannot_be_is_refused(counter):
    secretary = counter.as_("secretary")
    assert secretary.refused("GET", "/candidates/A0001") == (404, "unknown-candidate")
    assert secretary.refused("POST", "/candidates", VELO | {"number": "A0246"}) == (422, "invalid")
    assert secretary.refused("POST", "/candidates", VELO | {"presented_by": "Z1"}) == (422, "invalid")
    assert secretary.refused("POST", "/candidates", VELO | {"applied_on": "2026-01-01"}) == (422, "future-date")
    twice = {"services": [VELO["services"][0]] * 2}
    assert secretary.refused("POST", "/candidates", VELO | twice) == (422, "invalid")
    assert secretary.refused("POST", "/candidates", VELO | {"dues": "5.00"}) == (422, "invalid")
    assert secretary.refused("PATCH", "/candidates/A0246", {"note": "x"}) == (404, "unknown-candidate")
    applied(counter)
    assert secretary.refused("PATCH", "/candidates/A0247", {"name": ""}) == (422, "invalid")
    assert secretary.refused("PATCH", "/candidates/A0247", {"name": None}) == (422, "invalid")
    late = {"on": "2025-09-03"}
    assert secretary.refused("POST", "/candidates/A0247/withdrawal", late) == (422, "future-date")
    new = {"number": "A0247", "name": "Une autre"}
    assert counter.as_("treasurer").refused("POST", "/associations", new) == (422, "invalid")


def test_it_is_changed_and_withdrawn_before_the_board_answers(counter):
    applied(counter)
    secretary = counter.as_("secretary")
    status, body = secretary.patch("/candidates/A0247", {"note": "vu le 3 septembre", "email": ""})
    assert (status, body["note"], body["waits_for"]) == (200, "vu le 3 septembre", ["no e-mail address to answer to"])
    status, body = secretary.post("/candidates/A0247/withdrawal", {"on": "2025-09-02", "reason": "trouvé ailleurs"})
    assert (status, body["state"]) == (201, "withdrawn")
    assert secretary.refused("POST", "/candidates/A0247/withdrawal", {"on": "2025-09-02"}) == (409, "not-allowed")
    assert secretary.refused("PATCH", "/candidates/A0247", {"note": "x"}) == (409, "not-allowed")


def test_the_board_votes_and_its_membership_starts(counter):
    applied(counter)
    ballot, meeting = evening(counter)
    agenda = counter.as_("reader").get(f"/meetings/{meeting}/agenda")["items"]
    assert [(one["association"], one["trigger"]) for one in agenda] == [("A0247", "admit")]
    for seat in ("S1", "S2"):
        assert counter.as_(seat).put(f"/ballots/{ballot}/vote", {"choice": "approve"})[0] == 200
    assert counter.as_("chair").post(f"/ballots/{ballot}/close")[0] == 200
    body = counter.as_("reader").get("/candidates/A0247")
    assert (body["state"], body["member"], body["ballots"][0]["status"]) == ("admitted", True, "adopted")
    member = counter.as_("reader").get("/associations/A0247")
    assert (member["state"], member["owed"], member["joined_on"]) == ("called", "20.00", "2025-09-25")
    assert member["services"] == VELO["services"]
    assert counter.house.mails("A0247") == ["application_received", "admitted", "call_for_dues"]
    paid = {"amount": "20.00", "paid_on": "2025-09-25", "method": "transfer", "reference": ""}
    assert counter.as_("treasurer").post("/associations/A0247/payments", paid)[1]["state"] == "paid"
    two = {"reason": "une erreur", "by": ["Ana Puech", "Bilal Khelif"]}
    response = counter.as_("secretary").ask("POST", f"/ballots/{ballot}/annulment", two)
    assert response.status_code == 409
    assert response.json()["detail"] == (
        "A0247 cannot go back from admitted, its membership has begun: record its departure instead "
        "(relance leave A0247)."
    )


def test_the_sheet_tells_on_which_conditions(counter):
    applied(counter)
    ballot, meeting = evening(counter)
    said = {"ballot": ballot, "unanimous": "approve", "conditions": "signs the charter"}
    sheet = {"present": ["S1", "S2"], "decisions": [said]}
    status, body = counter.as_("secretary").put(f"/meetings/{meeting}/record", sheet)
    assert status == 200, body
    assert counter.as_("reader").get("/candidates/A0247")["conditions"] == "signs the charter"
    reasons = [one["reason"] for one in counter.as_("reader").get("/candidates/A0247/journal")["items"]]
    assert reasons[-1] == "on conditions: signs the charter"
    assert "changed: conditions: signs the charter" in reasons
    minutes = counter.as_("secretary").ask("GET", f"/meetings/{meeting}/minutes", params={"version": "signed"}).text
    assert "Le conseil admet A0247" in minutes.replace("**", "")
    assert "signs the charter" in minutes


def test_the_room_puts_it_off(counter):
    applied(counter)
    ballot, meeting = evening(counter)
    put_off = {"ballot": ballot, "postponed": {"who": "Ana", "what": "its statutes", "until": "2025-10-15"}}
    status, _ = counter.as_("secretary").put(f"/meetings/{meeting}/record", {"present": [], "decisions": [put_off]})
    body = counter.as_("reader").get("/candidates/A0247")
    assert (status, body["state"], body["put_off_until"]) == (200, "candidate", "2025-10-15")
    assert body["waits_for"] == ["put off until 2025-10-15"]


def test_conditions_are_for_candidates_only(tmp_path):
    counter = Counter(tmp_path)
    counter.evening()
    ballot, meeting = counter.house.rows("SELECT id, meeting_id FROM ballot WHERE status = 'open' ORDER BY id")[0]
    said = {"ballot": ballot, "unanimous": "approve", "conditions": "signs the charter"}
    sheet = {"present": ["S1", "S2"], "decisions": [said]}
    assert counter.as_("secretary").refused("PUT", f"/meetings/{meeting}/record", sheet) == (422, "invalid")
    counter.close()


def test_the_journal_and_the_calendar_tell_of_it(counter):
    applied(counter)
    last = counter.as_("reader").get("/journal", limit=200)["items"][-1]
    assert (last["association"], last["trigger"], last["to"]) == ("A0247", "apply", "candidate")
    coming = counter.as_("reader").get("/calendar", **{"from": "2025-09-02", "until": "2025-09-30"})["items"]
    assert [(one["event"], one["touches"]) for one in coming if one["touches"]] == [("agenda", 1), ("meeting", 1)]
