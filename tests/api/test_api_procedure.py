"""The API: standing aside, absences, the agenda changed by hand, the whole list at once, putting off, annulling."""

import json

import pytest

from tests.api.counter import Counter
from tests.api.test_api_board import SEATS, ballots, meeting


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made
    made.close()


def kinds_to(counter, kind):
    """Recipients of the mails of a kind, in order."""
    rows = counter.house.rows("SELECT recipient FROM outbox_message WHERE kind = ? ORDER BY id", kind)
    return [row[0] for row in rows]


def with_addresses(counter):
    """Every seat gets an address."""
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE seat SET email = name || '@board.example'")
    return counter


# Standing aside


def test_a_seat_that_stands_aside_neither_votes_nor_counts(counter):
    counter.summer()
    secretary, found = counter.as_("secretary"), ballots(counter.as_("secretary"))
    path = f"/ballots/{found['A1']['id']}"
    assert counter.as_("S3").put(f"{path}/vote", {"choice": "approve"})[0] == 200
    status, aside = secretary.post(f"{path}/recusals", {"seat": "S3", "reason": "presides A1"})
    assert (status, aside["recused"], aside["took_part"], aside["seats"]) == (201, ["S3"], 0, list(SEATS))
    assert counter.as_("S3").refused("PUT", f"{path}/vote", {"choice": "approve"}) == (409, "recused")
    counter.pass_time("2025-08-28T19:00")
    counter.as_("S1").put(f"{path}/vote", {"choice": "approve"})
    closed = secretary.post(f"{path}/close")[1]
    assert (closed["outcome"], closed["approve"], closed["took_part"]) == ("adopted", 1, 1)  # one of the two that count
    assert counter.house.rows("SELECT count(*) FROM vote WHERE ballot_id = ?", found["A1"]["id"]) == [(2,)]


def test_a_seat_may_stand_aside_for_itself_alone(counter):
    counter.summer()
    path = f"/ballots/{ballots(counter.as_('reader'))['A1']['id']}/recusals"
    assert counter.as_("S2").refused("POST", path, {"seat": "S3", "reason": "x"}) == (403, "seat-not-yours")
    assert counter.as_("S2").post(path, {"seat": "S2", "reason": "treasurer of A1"})[0] == 201
    assert counter.as_("S2").refused("DELETE", f"{path}/S3") == (403, "seat-not-yours")
    assert counter.as_("S2").ask("DELETE", f"{path}/S2").json()["recused"] == []
    assert counter.as_("S2").refused("DELETE", f"{path}/S2") == (409, "not-allowed")
    secretary = counter.as_("secretary")
    assert secretary.refused("POST", path, {"seat": "S9", "reason": "x"}) == (403, "not-a-seat")
    assert secretary.refused("POST", path, {"seat": "S1", "reason": " "}) == (422, "invalid")
    counter.pass_time("2025-08-29")
    assert secretary.refused("POST", path, {"seat": "S1", "reason": "late"}) == (409, "ballot-not-open")


def test_a_seat_that_declared_to_belong_to_a_member_stands_aside_from_the_start(counter):
    counter.called()
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE seat SET interests = 'A0|A1' WHERE name = 'S2'")
    counter.pass_time("2025-01-16", "2025-06-02", "2025-08-20")
    found = ballots(counter.as_("reader"))
    assert {number: one["recused"] for number, one in found.items()} == {"A1": ["S2"], "A2": [], "A3": []}


def test_the_sheet_counts_nobody_who_stands_aside(counter):
    counter.evening()
    secretary, found = counter.as_("secretary"), ballots(counter.as_("secretary"))
    for number in ("A1", "A2", "A3"):
        path = f"/ballots/{found[number]['id']}/recusals"
        assert secretary.post(path, {"seat": "S3", "reason": "its treasurer"})[0] == 201
    path = f"/meetings/{found['A1']['meeting']}/record"
    named = {"ballot": found["A1"]["id"], "votes": {"S3": "approve"}}
    assert secretary.refused("PUT", path, {"present": ["S1"], "decisions": [named]}) == (409, "recused")
    many = {"ballot": found["A1"]["id"], "counts": {"approve": 3}}
    assert secretary.refused("PUT", path, {"present": list(SEATS), "decisions": [many]}) == (422, "invalid")
    hands = {"ballot": found["A1"]["id"], "counts": {"approve": 2}}
    everybody = {"ballot": found["A2"]["id"], "unanimous": "approve"}
    status, done = secretary.put(path, {"present": list(SEATS), "decisions": [hands, everybody]})
    said = {one["association"]: (one["approve"], one["took_part"], one["outcome"]) for one in done["ballots"]}
    assert status == 200
    assert (said["A1"], said["A2"]) == ((2, 2, "adopted"), (2, 2, "adopted"))


def test_a_ballot_keeps_the_rule_it_was_opened_under(counter):
    counter.summer()
    shown = ballots(counter.as_("reader"))["A1"]
    assert (shown["rule"]["quorum"], shown["rule"]["fraction"], shown["rule"]["strict"]) == ("1/2", "1/2", True)
    with counter.store.write() as connection:  # as if the board had asked for everybody when it opened
        rule = json.dumps(shown["rule"] | {"quorum": "1/1"})
        connection.exec_driver_sql("UPDATE ballot SET rule = ?", (rule,))
    counter.pass_time("2025-08-28T19:00")
    for seat in ("S1", "S2"):
        counter.as_(seat).put(f"/ballots/{shown['id']}/vote", {"choice": "approve"})
    assert counter.as_("chair").post(f"/ballots/{shown['id']}/close")[1]["outcome"] == "no_quorum"


# Absences


def test_an_absence_is_announced_and_shown_and_hinders_no_vote(counter):
    counter.summer()
    found = ballots(counter.as_("S2"))["A1"]
    path = f"/meetings/{found['meeting']}"
    assert counter.as_("S2").refused("POST", f"{path}/absences", {"seat": "S3"}) == (403, "seat-not-yours")
    status, told = counter.as_("S2").post(f"{path}/absences", {"seat": "S2", "note": "en voyage"})
    assert (status, told["absences"]) == (201, [{"seat": "S2", "note": "en voyage"}])
    assert counter.as_("reader").get(f"{path}/agenda")["excused"] == ["S2"]
    assert counter.as_("S2").put(f"/ballots/{found['id']}/vote", {"choice": "abstain"})[0] == 200
    assert counter.as_("secretary").ask("DELETE", f"{path}/absences/S2").json()["absences"] == []
    assert counter.as_("secretary").refused("DELETE", f"{path}/absences/S2") == (409, "not-allowed")
    counter.pass_time("2025-08-29")
    assert counter.as_("S2").refused("POST", f"{path}/absences", {"seat": "S2"}) == (409, "not-allowed")


# The agenda, by hand


def test_a_question_is_taken_off_and_put_on_by_hand_and_the_seats_are_told(counter):
    with_addresses(counter.summer())
    secretary, found = counter.as_("secretary"), ballots(counter.as_("secretary"))
    path = f"/meetings/{found['A1']['meeting']}"
    before = secretary.get(f"{path}/agenda")
    status, off = secretary.post(f"/ballots/{found['A1']['id']}/withdrawal", {"reason": "paid in cash, being booked"})
    assert (status, off["status"]) == (200, "withdrawn")
    assert "paid in cash" in off["reason"]
    after = secretary.get(f"{path}/agenda")
    assert [one["association"] for one in after["items"]] == ["A2", "A3"]
    assert after["list"] != before["list"]
    item = {"association": "A1", "trigger": "suspend", "reason": "it was not booked after all"}
    status, on = secretary.post(f"{path}/items", item)
    assert (status, [one["association"] for one in on["items"]]) == (201, ["A2", "A3", "A1"])
    assert kinds_to(counter, "agenda_changed") == [f"{seat}@board.example" for seat in (*SEATS, *SEATS)]
    assert len(kinds_to(counter, "last_call")) == 3  # A1 was told of this agenda already


@pytest.mark.parametrize(
    ("item", "refusal"),
    [
        ({"association": "A1", "trigger": "suspend"}, (409, "not-allowed")),  # asked already
        ({"association": "A4", "trigger": "suspend"}, (409, "gate-not-met")),  # it has paid
        ({"association": "A1", "trigger": "propose_removal"}, (409, "not-allowed")),  # not a question of August
        ({"association": "A1", "trigger": "dance"}, (422, "invalid")),
        ({"association": "A9", "trigger": "suspend"}, (404, "unknown-association")),
    ],
)
def test_what_cannot_be_put_on_an_agenda(counter, item, refusal):
    counter.house.enter("A4")
    counter.summer()
    counter.as_("treasurer").post("/associations/A4/payments", {"amount": "20.00", "paid_on": "2025-08-20"})
    path = f"/meetings/{meeting(counter.as_('reader'), '2025-08')['id']}/items"
    assert counter.as_("secretary").refused("POST", path, item | {"reason": "why not"}) == refusal


def test_an_agenda_is_not_added_to_on_the_day_before_or_before_it_is_out(counter):
    counter.summer()
    secretary = counter.as_("secretary")
    found = ballots(secretary)["A1"]
    secretary.post(f"/ballots/{found['id']}/withdrawal", {"reason": "mistake"})
    item = {"association": "A1", "trigger": "suspend", "reason": "mistaken mistake"}
    october = meeting(secretary, "2025-10")["id"]
    assert secretary.refused("POST", f"/meetings/{october}/items", item) == (409, "not-allowed")
    counter.pass_time("2025-08-27T18:31")
    assert secretary.refused("POST", f"/meetings/{found['meeting']}/items", item) == (409, "not-allowed")


# The whole list at once


def test_a_seat_votes_on_the_whole_list_with_exceptions(counter):
    counter.summer()
    seat, found = counter.as_("S1"), ballots(counter.as_("S1"))
    path = f"/meetings/{found['A1']['meeting']}"
    digest = seat.get(f"{path}/agenda")["list"]
    votes = {"list": digest, "default": "approve", "votes": [{"ballot": found["A2"]["id"], "choice": "reject"}]}
    status, voted = seat.post(f"{path}/votes", votes, key="my-list")
    assert (status, voted["counted"], voted["seat"]) == (200, 3, "S1")
    assert seat.post(f"{path}/votes", votes, key="my-list") == (200, voted)
    rows = counter.house.rows("SELECT ballot_id, choice FROM vote ORDER BY ballot_id")
    assert rows == [(found["A1"]["id"], "approve"), (found["A2"]["id"], "reject"), (found["A3"]["id"], "approve")]


def test_yesterdays_list_is_refused_whole(counter):
    counter.summer()
    seat, found = counter.as_("S1"), ballots(counter.as_("S1"))
    path = f"/meetings/{found['A1']['meeting']}"
    digest = seat.get(f"{path}/agenda")["list"]
    counter.as_("treasurer").post("/associations/A3/payments", {"amount": "20.00", "paid_on": "2025-08-20"})
    assert seat.refused("POST", f"{path}/votes", {"list": digest, "default": "approve"}) == (422, "list-changed")
    assert seat.refused("POST", f"{path}/votes", {"default": "approve"}) == (422, "invalid")
    assert seat.refused("POST", f"{path}/votes", {"votes": []}) == (422, "invalid")
    gone = {"votes": [{"ballot": found["A1"]["id"], "choice": "approve"}, {"ballot": 999, "choice": "approve"}]}
    assert seat.refused("POST", f"{path}/votes", gone) == (422, "invalid")
    assert counter.as_("chair").refused("POST", f"{path}/votes", gone) == (403, "not-a-seat")
    assert counter.house.rows("SELECT count(*) FROM vote") == [(0,)]


def test_a_default_leaves_out_a_ballot_on_which_the_seat_stands_aside(counter):
    counter.summer()
    seat, found = counter.as_("S1"), ballots(counter.as_("S1"))
    seat.post(f"/ballots/{found['A1']['id']}/recusals", {"seat": "S1", "reason": "its treasurer"})
    path = f"/meetings/{found['A1']['meeting']}"
    digest = seat.get(f"{path}/agenda")["list"]
    assert seat.post(f"{path}/votes", {"list": digest, "default": "approve"})[1]["counted"] == 2
    named = {"votes": [{"ballot": found["A1"]["id"], "choice": "approve"}]}
    assert seat.refused("POST", f"{path}/votes", named) == (409, "recused")


def hearing(counter):
    """A1 may be heard: the meeting of October 2026 has begun."""
    counter.heard()
    secretary = counter.as_("secretary")
    letter = secretary.get("/letters")["items"][0]["id"]
    news = {"posted_on": "2026-10-05", "first_presented_on": "2026-10-07", "outcome": "delivered"}
    counter.pass_time("2026-10-20")
    assert secretary.patch(f"/letters/{letter}", news)[0] == 200
    counter.pass_time("2026-10-29T19:00")
    return ballots(secretary, status="open")["A1"]


def test_a_letters_news_told_twice_is_told_once(counter):
    counter.heard()
    secretary = counter.as_("secretary")
    path = f"/letters/{secretary.get('/letters')['items'][0]['id']}"
    counter.pass_time("2026-10-06")
    for _ in range(2):
        assert secretary.patch(path, {"posted_on": "2026-10-05", "tracking": "1A"})[0] == 200
    assert counter.house.rows("SELECT count(*) FROM journal_entry WHERE trigger = 'letter'") == [(1,)]


def test_no_default_ever_strikes_anybody_off(counter):
    ballot = hearing(counter)
    path = f"/meetings/{ballot['meeting']}"
    seat = counter.as_("S1")
    digest = seat.get(f"{path}/agenda")["list"]
    assert seat.post(f"{path}/votes", {"list": digest, "default": "approve"})[1]["counted"] == 0
    sheet = {"present": list(SEATS), "the_rest": "approve"}
    assert counter.as_("secretary").put(f"{path}/record", sheet)[0] == 200
    assert seat.get(f"/ballots/{ballot['id']}")["status"] == "open"
    named = {"votes": [{"ballot": ballot["id"], "choice": "approve"}]}
    assert seat.post(f"{path}/votes", named)[1]["counted"] == 1


# The sheet


def test_the_same_for_all_the_rest(counter):
    counter.evening()
    secretary, found = counter.as_("secretary"), ballots(counter.as_("secretary"))
    one = {"ballot": found["A2"]["id"], "unanimous": "reject"}
    sheet = {"present": list(SEATS), "decisions": [one], "the_rest": "approve"}
    recorded = secretary.put(f"/meetings/{found['A1']['meeting']}/record", sheet)[1]
    said = {one["association"]: one["outcome"] for one in recorded["ballots"]}
    assert said == {"A1": "adopted", "A2": "rejected", "A3": "adopted"}


def test_what_the_room_puts_off_is_a_stay_and_a_task(counter):
    counter.evening()
    secretary, found = counter.as_("secretary"), ballots(counter.as_("secretary"))
    put_off = {"who": "Ana", "what": "calls their treasurer", "until": "2025-09-20"}
    sheet = {"present": list(SEATS), "decisions": [{"ballot": found["A1"]["id"], "postponed": put_off}]}
    status, recorded = secretary.put(f"/meetings/{found['A1']['meeting']}/record", sheet)
    said = {one["association"]: one for one in recorded["ballots"]}["A1"]
    assert (status, said["status"]) == (200, "withdrawn")
    assert "Ana: calls their treasurer" in said["reason"]
    assert secretary.get("/associations/A1")["hold_until"] == "2025-09-20"
    task = next(one for one in secretary.get("/tasks")["items"] if one["kind"] == "follow_up")
    assert (task["association"], task["due"], task["note"]) == ("A1", "2025-09-20", "Ana: calls their treasurer")
    past = {"ballot": found["A2"]["id"], "postponed": put_off | {"until": "2025-08-01"}}
    path = f"/meetings/{found['A1']['meeting']}/record"
    assert secretary.refused("PUT", path, {"present": [], "decisions": [past]}) == (422, "invalid")


def test_a_hearing_that_is_put_off_is_blocked_by_the_stay(counter):
    ballot = hearing(counter)
    put_off = {"who": "Ana", "what": "meets them", "until": "2026-11-10"}
    sheet = {"present": list(SEATS), "decisions": [{"ballot": ballot["id"], "postponed": put_off}]}
    recorded = counter.as_("secretary").put(f"/meetings/{ballot['meeting']}/record", sheet)[1]
    said = {one["id"]: one for one in recorded["ballots"]}[ballot["id"]]
    assert (said["status"], said["missing"]) == ("blocked", ["no_stay"])


# Annulling, and what the board is told


def test_an_annulled_decision_takes_back_what_it_did(counter):
    counter.evening()
    secretary, found = counter.as_("secretary"), ballots(counter.as_("secretary"))
    sheet = {"present": list(SEATS), "the_rest": "approve"}
    secretary.put(f"/meetings/{found['A1']['meeting']}/record", sheet)
    path = f"/ballots/{found['A2']['id']}/annulment"
    alone = {"reason": "wrong list", "by": ["Ana", "ana "]}
    assert secretary.refused("POST", path, alone) == (422, "invalid")
    assert secretary.post(path, {"reason": "wrong list", "by": ["Ana", "Bilal"]})[1]["annulled_at"] is not None
    counter.pass_time("2025-09-02")
    assert [counter.house.state(number) for number in ("A1", "A2")] == ["suspended", "reminded"]
    path = f"/ballots/{found['A1']['id']}/annulment"
    assert secretary.post(path, {"reason": "not competent", "by": ["Ana", "Bilal"]})[0] == 200
    assert counter.house.state("A1") == "reminded"
    counter.pass_time("2025-10-02")
    assert [counter.house.state(number) for number in ("A1", "A2", "A3")] == ["reminded", "reminded", "suspended"]
    assert secretary.refused("POST", path, {"reason": "again", "by": ["Ana", "Bilal"]})[0] in {409, 422}


def test_a_decision_after_which_it_moved_on_is_not_annulled(counter):
    counter.evening()
    secretary, found = counter.as_("secretary"), ballots(counter.as_("secretary"))
    secretary.put(f"/meetings/{found['A1']['meeting']}/record", {"present": list(SEATS), "the_rest": "approve"})
    counter.pass_time("2025-09-02")
    counter.as_("treasurer").post("/associations/A1/payments", {"amount": "20.00", "paid_on": "2025-09-02"})
    path = f"/ballots/{found['A1']['id']}/annulment"
    assert secretary.refused("POST", path, {"reason": "x", "by": ["Ana", "Bilal"]}) == (409, "not-allowed")
    assert counter.house.state("A1") == "paid"


def test_the_board_is_reminded_and_told_the_decisions(counter):
    with_addresses(counter.called())
    counter.pass_time("2025-01-16", "2025-06-02", "2025-08-09", "2025-08-20")
    seats = [f"{seat}@board.example" for seat in SEATS]
    assert kinds_to(counter, "any_news") == seats
    found = ballots(counter.as_("S1"))
    for number in ("A1", "A2", "A3"):
        counter.as_("S1").put(f"/ballots/{found[number]['id']}/vote", {"choice": "approve"})
    counter.pass_time("2025-08-22", "2025-08-26T19:00")
    assert kinds_to(counter, "vote_reminder") == [*seats[1:], *seats[1:]]  # seven and two days before
    counter.pass_time("2025-08-29")
    assert kinds_to(counter, "vote_reminder") == [*seats[1:]] * 3  # and one day before
    assert kinds_to(counter, "decisions") == seats
    path = f"/meetings/{found['A1']['meeting']}/record"
    assert counter.as_("secretary").put(path, {"present": list(SEATS), "the_rest": "approve"})[0] == 200
    assert kinds_to(counter, "decisions") == [*seats, *seats]
