"""The API: meetings, ballots, votes, the secretary's sheet, letters."""

from threading import Barrier

import pytest

from tests.api.counter import Counter, together

SEATS = ("S1", "S2", "S3")


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made
    made.close()


def ballots(client, **only):
    """Ballots by association."""
    return {one["association"]: one for one in client.get("/ballots", **only)["items"]}


def meeting(client, month):
    """The meeting of a month."""
    return next(one for one in client.get("/meetings", limit=200)["items"] if one["month"] == month)


def test_meetings_are_moved_confirmed_and_placed(counter):
    secretary = counter.called().as_("secretary")
    august = meeting(secretary, "2025-08")
    assert (august["held_at"], august["confirmed"]) == ("2025-08-28T16:30:00Z", False)
    path = f"/meetings/{august['id']}"
    moved = secretary.patch(path, {"held_at": "2025-08-29T18:30:00+02:00", "place": "Mairie", "confirmed": True})
    assert moved[0] == 200
    assert (moved[1]["held_at"], moved[1]["place"], moved[1]["confirmed"]) == ("2025-08-29T16:30:00Z", "Mairie", True)
    assert secretary.patch(path, {"confirmed": False})[1]["confirmed"] is False
    assert secretary.get(path)["publish_at"] == "2025-08-19T16:30:00Z"
    assert secretary.refused("PATCH", path, {"held_at": "2024-01-01T00:00:00Z"}) == (409, "not-allowed")
    assert secretary.refused("PATCH", path, {"held_at": "2025-10-01T00:00:00Z"}) == (409, "not-allowed")
    assert secretary.refused("PATCH", path, {"held_at": "2025-08-29T18:30:00"}) == (422, "invalid")
    assert secretary.refused("PATCH", "/meetings/999", {"place": "x"}) == (404, "not-found")


def test_a_meeting_is_called_in_a_month_that_has_none(counter):
    secretary = counter.called().as_("secretary")
    new = {"held_at": "2025-07-10T18:30:00+02:00", "place": "Mairie"}
    status, called = secretary.post("/meetings", new, key="july")
    assert (status, called["month"], called["place"]) == (201, "2025-07", "Mairie")
    assert called["publish_at"] == "2025-06-30T16:30:00Z"
    assert secretary.post("/meetings", new, key="july") == (201, called)
    assert secretary.refused("POST", "/meetings", new) == (409, "not-allowed")
    for held_at in ("2025-08-01T18:30:00Z", "2024-07-10T18:30:00Z", "2099-07-10T18:30:00Z"):
        assert secretary.refused("POST", "/meetings", {"held_at": held_at}) == (409, "not-allowed")
    months = [one["month"] for one in secretary.get("/meetings", limit=200)["items"]]
    assert months.count("2025-07") == 1


def test_the_agenda_is_the_list_with_its_digest(counter):
    reader = counter.summer().as_("reader")
    agenda = reader.get(f"/meetings/{meeting(reader, '2025-08')['id']}/agenda")
    assert [(one["association"], one["trigger"], one["status"]) for one in agenda["items"]] == [
        (number, "suspend", "open") for number in ("A1", "A2", "A3")
    ]
    assert agenda["meeting"]["published_at"] is not None
    assert len(agenda["list"]) == 32
    october = reader.get(f"/meetings/{meeting(reader, '2025-10')['id']}/agenda")
    assert october["items"] == []
    assert october["list"] != agenda["list"]


def test_a_seat_votes_and_changes_its_mind_until_the_ballot_closes(counter):
    seat = counter.summer().as_("S1")
    ballot = ballots(seat, status="open")["A1"]
    assert ballot["seats"] == list(SEATS)
    assert ballot["took_part"] == 0
    path = f"/ballots/{ballot['id']}/vote"
    assert seat.put(path, {"choice": "approve"})[0] == 200
    status, counted = seat.put(path, {"choice": "reject", "comment": "they wrote\nto me"})
    assert (status, counted["seat"], counted["choice"]) == (200, "S1", "reject")
    shown = seat.get(f"/ballots/{ballot['id']}")
    assert (shown["took_part"], shown["approve"], shown["outcome"]) == (1, None, None)
    assert counter.house.rows("SELECT count(*) FROM vote") == [(2,)]
    assert seat.refused("PUT", path, {"choice": "perhaps"}) == (422, "invalid")
    assert seat.refused("PUT", "/ballots/999/vote", {"choice": "approve"}) == (404, "not-found")
    counter.pass_time("2025-08-29")
    assert seat.refused("PUT", path, {"choice": "approve"}) == (409, "ballot-not-open")
    assert seat.get(f"/ballots/{ballot['id']}")["outcome"] == "no_quorum"


def test_a_token_without_a_seat_of_the_ballot_does_not_vote(counter):
    counter.summer()
    path = f"/ballots/{ballots(counter.as_('reader'))['A1']['id']}/vote"
    assert counter.as_("chair").refused("PUT", path, {"choice": "approve"}) == (403, "not-a-seat")
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE ballot SET electorate = 'S2|S3'")
    assert counter.as_("S1").refused("PUT", path, {"choice": "approve"}) == (403, "not-a-seat")


def test_a_ballot_is_closed_during_the_meeting_not_before(counter):
    counter.summer()
    chair, ballot = counter.as_("chair"), ballots(counter.as_("chair"))["A1"]
    assert chair.refused("POST", f"/ballots/{ballot['id']}/close") == (409, "not-allowed")
    assert chair.refused("POST", f"/meetings/{ballot['meeting']}/close") == (409, "not-allowed")
    counter.pass_time("2025-08-28T19:00")
    for seat in SEATS:
        assert counter.as_(seat).put(f"/ballots/{ballot['id']}/vote", {"choice": "approve"})[0] == 200
    status, closed = chair.post(f"/ballots/{ballot['id']}/close")
    assert (status, closed["outcome"], closed["approve"], closed["took_part"]) == (200, "adopted", 3, 3)
    assert chair.refused("POST", f"/ballots/{ballot['id']}/close") == (409, "ballot-not-open")
    assert chair.refused("POST", "/ballots/999/close") == (404, "not-found")
    status, all_ = chair.post(f"/meetings/{ballot['meeting']}/close")
    assert status == 200
    assert {one["association"]: one["outcome"] for one in all_["ballots"]} == {
        "A1": "adopted",
        "A2": "no_quorum",
        "A3": "no_quorum",
    }
    counter.pass_time("2025-09-02")
    assert counter.house.state("A1") == "suspended"


def test_the_sheet_records_unanimity_counts_and_names(counter):
    counter.evening()
    secretary = counter.as_("secretary")
    found = ballots(secretary)
    counter.as_("S3").put(f"/ballots/{found['A2']['id']}/vote", {"choice": "reject"})
    sheet = {
        "present": ["S1", "S2", "S3"],
        "decisions": [
            {"ballot": found["A1"]["id"], "unanimous": "approve"},
            {"ballot": found["A2"]["id"], "counts": {"approve": 2, "abstain": 1}},
            {"ballot": found["A3"]["id"], "votes": {"S1": "reject", "S2": "reject"}},
        ],
    }
    status, recorded = secretary.put(f"/meetings/{found['A1']['meeting']}/record", sheet)
    assert status == 200
    assert recorded["present"] == ["S1", "S2", "S3"]
    said = {one["association"]: one for one in recorded["ballots"]}
    assert [said[number]["outcome"] for number in ("A1", "A2", "A3")] == ["adopted", "adopted", "rejected"]
    assert (said["A2"]["approve"], said["A2"]["reject"], said["A2"]["abstain"]) == (2, 0, 1)
    assert said["A3"]["took_part"] == 3


def test_a_sheet_is_recorded_whole_or_not_at_all(counter):
    counter.summer()
    secretary = counter.as_("secretary")
    found = ballots(secretary)
    path = f"/meetings/{found['A1']['meeting']}/record"
    one = {"ballot": found["A1"]["id"], "unanimous": "approve"}
    assert secretary.refused("PUT", path, {"present": ["S1"], "decisions": [one]}) == (409, "not-allowed")
    assert secretary.refused("PUT", path, {"present": ["S1"]}) == (409, "not-allowed")
    counter.pass_time("2025-08-28T19:00")
    wrong = [
        ({"ballot": found["A2"]["id"], "counts": {"approve": 3}}, (422, "invalid")),
        ({"ballot": found["A2"]["id"], "votes": {"S9": "approve"}}, (403, "not-a-seat")),
        ({"ballot": found["A2"]["id"]}, (422, "invalid")),
        ({"ballot": found["A1"]["id"], "unanimous": "reject"}, (422, "invalid")),
        ({"ballot": 999, "unanimous": "approve"}, (422, "invalid")),
    ]
    for decision, refusal in wrong:
        assert secretary.refused("PUT", path, {"present": ["S1", "S2"], "decisions": [one, decision]}) == refusal
    assert {ballot["status"] for ballot in ballots(secretary).values()} == {"open"}
    assert secretary.refused("PUT", path, {"present": ["S9"]}) == (403, "not-a-seat")
    assert secretary.put(path, {"present": ["S2"]})[1]["present"] == ["S2"]


def test_every_vote_acknowledged_while_the_ballot_closes_is_counted_and_none_after(counter):
    counter.evening()
    ballot = ballots(counter.as_("chair"))["A1"]["id"]
    barrier = Barrier(4)

    def act(number):
        barrier.wait()
        if number == 3:
            return counter.as_("chair").post(f"/ballots/{ballot}/close")
        return counter.as_(SEATS[number]).put(f"/ballots/{ballot}/vote", {"choice": "approve"})

    *votes, (closed, outcome) = together(4, act)
    assert closed == 200
    assert {status for status, _ in votes} <= {200, 409}
    counted = [status for status, _ in votes].count(200)
    assert outcome["approve"] == outcome["took_part"] == counted
    assert counter.house.rows("SELECT count(*) FROM vote WHERE ballot_id = ?", ballot) == [(counted,)]


def test_votes_that_come_in_together_are_each_counted_or_refused_for_themselves(counter):
    counter.summer()
    found = ballots(counter.as_("reader"))
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE ballot SET electorate = 'S1|S2' WHERE id = ?", (found["A3"]["id"],))
    barrier = Barrier(12)

    def act(number):
        barrier.wait()
        seat, ballot = SEATS[number % 3], found[f"A{number // 3 % 3 + 1}"]["id"] if number < 9 else 999
        return counter.as_(seat).put(f"/ballots/{ballot}/vote", {"choice": "approve"})[0]

    assert together(12, act) == [200] * 8 + [403] + [404] * 3
    current = "SELECT count(*) FROM vote WHERE superseded_at IS NULL"
    assert counter.house.rows(current) == [(8,)]
    again = together(12, lambda _: counter.as_("S1").put(f"/ballots/{found['A1']['id']}/vote", {"choice": "reject"})[0])
    assert again == [200] * 12
    assert counter.house.rows(current) == [(8,)]
    assert counter.house.rows("SELECT count(*) FROM vote") == [(20,)]


def test_a_token_that_has_voted_votes_no_more_once_it_is_revoked(counter):
    counter.summer()
    found = ballots(counter.as_("reader"))
    path, other = (f"/ballots/{found[number]['id']}/vote" for number in ("A1", "A2"))
    seat = counter.as_("S1")
    assert seat.put(path, {"choice": "approve"})[0] == 200
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE api_token SET revoked_at = created_at WHERE seat = 'S1'")
    barrier = Barrier(6)

    def act(number):
        barrier.wait()
        return counter.as_(SEATS[number % 3]).put(other if number < 3 else path, {"choice": "reject"})[0]

    assert together(6, act) == [401, 200, 200, 401, 200, 200]
    assert seat.refused("PUT", path, {"choice": "reject"}) == (401, "unauthenticated")
    assert seat.refused("PUT", path, {"choice": "nothing"}) == (401, "unauthenticated")
    assert counter.house.rows("SELECT choice FROM vote WHERE seat = 'S1'") == [("approve",)]


def test_a_token_without_a_seat_votes_for_nobody(counter):
    counter.summer()
    path = f"/ballots/{ballots(counter.as_('reader'))['A1']['id']}/vote"
    for role, answer in (("reader", (403, "not-allowed")), ("secretary", (403, "not-a-seat"))):
        for _ in range(2):
            assert counter.as_(role).refused("PUT", path, {"choice": "approve"}) == answer
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE api_token SET revoked_at = created_at")
    for role in ("reader", "secretary"):
        assert counter.as_(role).refused("PUT", path, {"choice": "approve"}) == (401, "unauthenticated")


def test_a_hearing_takes_votes_from_the_meetings_hour_on_not_before(counter):
    secretary = counter.heard().as_("secretary")
    letter = secretary.get("/letters", association="A1")["items"][0]
    told = {"posted_on": "2026-10-04", "first_presented_on": "2026-10-04", "outcome": "delivered"}
    assert secretary.patch(f"/letters/{letter['id']}", told)[0] == 200
    counter.pass_time("2026-10-20")
    ballot = ballots(secretary, status="scheduled")["A1"]
    path = f"/ballots/{ballot['id']}/vote"
    counter.at("2026-10-29T18:29")
    assert counter.as_("S1").refused("PUT", path, {"choice": "approve"}) == (409, "ballot-not-open")
    counter.at("2026-10-29T18:30")
    assert counter.as_("S1").put(path, {"choice": "approve"})[0] == 200
    assert counter.as_("S2").put(path, {"choice": "approve"})[0] == 200
    assert counter.as_("chair").post(f"/ballots/{ballot['id']}/close")[1]["outcome"] == "adopted"
    assert counter.house.state("A1") == "removed"


def test_letters_tell_what_the_post_did(counter):
    secretary = counter.heard().as_("secretary")
    letter = secretary.get("/letters", association="A1")["items"][0]
    assert (letter["kind"], letter["posted_on"], letter["outcome"]) == ("summons", None, None)
    path = f"/letters/{letter['id']}"
    assert secretary.refused("PATCH", path, {"first_presented_on": "2026-10-04"}) == (422, "invalid")
    assert secretary.refused("PATCH", path, {"posted_on": "2026-10-05"}) == (422, "future-date")
    assert secretary.patch(path, {"posted_on": "2026-10-03", "tracking": "1A 42"})[1]["tracking"] == "1A 42"
    told = secretary.patch(path, {"first_presented_on": "2026-10-04", "outcome": "unknown_address"})[1]
    assert (told["posted_on"], told["outcome"]) == ("2026-10-03", "unknown_address")
    status, again = secretary.post("/letters", {"association": "A1"})
    assert (status, again["kind"], again["posted_on"]) == (201, "summons", None)
    assert secretary.get(f"/letters/{again['id']}") == again
    assert secretary.refused("PATCH", "/letters/999", {"tracking": "x"}) == (404, "not-found")
    assert secretary.refused("POST", "/letters", {"association": "NONE"}) == (404, "unknown-association")
    counter.house.enter("A2")
    assert secretary.refused("POST", "/letters", {"association": "A2"}) == (409, "not-allowed")


def test_a_hearing_that_misses_a_gate_is_blocked_and_says_which(counter):
    counter.heard().pass_time("2026-10-19T19:00", "2026-10-29T19:00")
    ballot = ballots(counter.as_("reader"), status="blocked")["A1"]
    assert (ballot["trigger"], ballot["status"]) == ("remove", "blocked")
    assert ballot["missing"]


def test_a_decision_recorded_against_a_guard_is_refused(counter):
    counter.evening()
    secretary, found = counter.as_("secretary"), ballots(counter.as_("secretary"))
    path = f"/meetings/{found['A1']['meeting']}/record"
    counter.pass_time("2025-08-29T10:00")
    hold = {"until": "2025-12-01", "reason": "grant"}
    assert secretary.post("/associations/A1/holds", hold)[0] == 201
    sheet = {"present": ["S1", "S2"], "decisions": [{"ballot": found["A1"]["id"], "unanimous": "approve"}]}
    assert secretary.refused("PUT", path, sheet) == (409, "gate-not-met")
