"""The board while it changes: successors, hands beside remote votes, records after closing, annulled twice."""

import json

import pytest

from api.board_relevance import no_longer_right
from api.mailroom import Kept, with_link
from engine.audit import frozen_counts
from tests.api.counter import Counter
from tests.api.test_api_board import SEATS, ballots
from tests.api.test_api_procedure import hearing, kinds_to
from workflows.membership.definition import MEMBERSHIP


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made
    made.close()


def do(counter, sql, *values):
    """Change the database by hand."""
    with counter.store.write() as connection:
        connection.exec_driver_sql(sql, values)


def succeed(counter, seat, day, **fields):
    """Somebody else sits in a seat from a day on."""
    do(counter, "UPDATE seat SET until_on = date(?, '-1 day') WHERE name = ?", day, seat)
    row = {"person": "Nouvelle", "email": "nouvelle@board.example", "role": "member", "interests": None} | fields
    sql = "INSERT INTO seat (name, person, email, role, from_on, interests) VALUES (?, ?, ?, ?, ?, ?)"
    do(counter, sql, seat, row["person"], row["email"], row["role"], day, row["interests"])


def recorded(counter, found, **sheet):
    """Hand in the secretary's sheet; returns (status, ballots by association)."""
    path = f"/meetings/{next(iter(found.values()))['meeting']}/record"
    status, answer = counter.as_("secretary").put(path, sheet)
    return status, {one["association"]: one for one in answer.get("ballots", ())}, answer


def test_a_predecessor_gets_no_link_of_the_successors(counter):
    counter.summer()
    old = counter.house.rows("SELECT email FROM seat WHERE name = 'S1'")[0][0]
    succeed(counter, "S1", "2025-08-19")
    key = f"seat-S1:agenda:meeting-{ballots(counter.as_('reader'))['A1']['meeting']}"
    for recipient, gets in ((old, False), ("nouvelle@board.example", True)):
        mail = Kept(key, recipient, "/vote/••••••••")
        body = with_link(counter.settings, counter.house.engine, mail, counter.now)
        assert (body != mail.body) is gets


def test_who_declared_what_is_asked_again_when_a_hearing_opens(counter):
    counter.heard()
    do(counter, "UPDATE seat SET interests = 'A1' WHERE name = 'S2'")
    secretary = counter.as_("secretary")
    letter = secretary.get("/letters")["items"][0]["id"]
    news = {"posted_on": "2026-10-05", "first_presented_on": "2026-10-07", "outcome": "delivered"}
    counter.pass_time("2026-10-20")
    secretary.patch(f"/letters/{letter}", news)
    succeed(counter, "S2", "2026-10-25")
    succeed(counter, "S3", "2026-10-25", person="Présidente", interests="A1")
    counter.pass_time("2026-10-29T19:00")
    assert ballots(secretary, status="open")["A1"]["recused"] == ["S3"]


def test_hands_in_the_room_count_beside_votes_from_elsewhere(counter):
    counter.evening()
    found = ballots(counter.as_("secretary"))
    path = f"/ballots/{found['A1']['id']}/vote"
    for seat, choice in (("S1", "reject"), ("S2", "approve"), ("S3", "approve")):
        counter.as_(seat).put(path, {"choice": choice})
    hands = {"ballot": found["A1"]["id"], "counts": {"approve": 1}}
    _, said, _ = recorded(counter, found, present=["S1"], decisions=[hands])
    shown = said["A1"]
    assert (shown["outcome"], shown["approve"], shown["reject"], shown["took_part"]) == ("adopted", 3, 0, 3)
    with counter.store.read() as connection:
        assert list(frozen_counts(connection, MEMBERSHIP)) == []


def test_a_former_chair_decides_no_tie(counter):
    counter.evening()
    do(
        counter,
        "INSERT INTO seat (name, person, role, until_on, email) VALUES ('S1', 'Ancien', 'chair', '2022-01-01', '')",
    )
    do(counter, "UPDATE seat SET role = 'Chair' WHERE name = 'S2' AND until_on IS NULL")
    ballot = ballots(counter.as_("reader"))["A1"]
    do(counter, "UPDATE ballot SET rule = ?", json.dumps(ballot["rule"] | {"casting_vote": True}))
    for seat, choice in (("S1", "approve"), ("S2", "reject")):
        counter.as_(seat).put(f"/ballots/{ballot['id']}/vote", {"choice": choice})
    assert counter.as_("chair").post(f"/ballots/{ballot['id']}/close")[1]["outcome"] == "rejected"


def test_somebody_who_took_office_after_the_agenda_is_present_without_a_vote(counter):
    counter.summer()
    succeed(counter, "S4", "2025-08-25")
    counter.pass_time("2025-08-28T19:00")
    found = ballots(counter.as_("secretary"))
    status, said, answer = recorded(counter, found, present=[*SEATS, "S4"], the_rest="approve")
    assert (status, answer["present"]) == (200, [*SEATS, "S4"])
    assert {one["approve"] for one in said.values()} == {3}
    assert recorded(counter, found, present=["S9"])[0] == 403


def test_a_default_leaves_out_a_ballot_of_another_electorate(counter):
    counter.summer()
    found = ballots(counter.as_("S1"))
    do(counter, "UPDATE ballot SET electorate = 'S2|S3' WHERE id = ?", found["A3"]["id"])
    path = f"/meetings/{found['A1']['meeting']}"
    digest = counter.as_("S1").get(f"{path}/agenda")["list"]
    assert counter.as_("S1").post(f"{path}/votes", {"list": digest, "default": "approve"})[1]["counted"] == 2


def test_the_rest_leaves_out_who_has_paid_since(counter):
    counter.summer().pass_time("2025-08-29")
    found = ballots(counter.as_("secretary"))
    counter.as_("treasurer").post("/associations/A2/payments", {"amount": "20.00", "paid_on": "2025-08-29"})
    status, said, _ = recorded(counter, found, present=list(SEATS), the_rest="approve")
    assert (status, {number: one["outcome"] for number, one in said.items()}) == (
        200,
        {"A1": "adopted", "A2": "no_quorum", "A3": "adopted"},
    )


def test_a_sheet_that_only_puts_off_keeps_who_was_there(counter):
    counter.evening()
    found = ballots(counter.as_("secretary"))
    put_off = {"who": "Ana", "what": "calls", "until": "2025-09-20"}
    decisions = [{"ballot": found["A1"]["id"], "postponed": put_off}]
    assert recorded(counter, found, present=["S1", "S2"], decisions=decisions)[2]["present"] == ["S1", "S2"]


def test_what_is_recorded_after_closing_on_the_same_evening_is_told(counter):
    counter.evening()
    found = ballots(counter.as_("secretary"))
    counter.as_("chair").post(f"/meetings/{found['A1']['meeting']}/close")
    assert len(kinds_to(counter, "decisions")) == 3
    do(counter, "UPDATE outbox_message SET status = 'sent', body = 'no quorum' WHERE kind = 'decisions'")
    recorded(counter, found, present=list(SEATS), the_rest="approve")
    assert len(kinds_to(counter, "decisions")) == 6


def test_a_decision_that_was_corrected_is_annulled_without_moving_back_again(counter):
    counter.evening()
    found = ballots(counter.as_("secretary"))
    recorded(counter, found, present=list(SEATS), the_rest="approve")
    counter.pass_time("2025-09-02")
    by = {"reason": "wrong", "by": ["Ana", "Bilal"]}
    counter.as_("treasurer").post("/associations/A1/correction", by)
    assert counter.house.state("A1") == "reminded"
    status, shown = counter.as_("secretary").post(f"/ballots/{found['A1']['id']}/annulment", by)
    assert (status, shown["annulled_at"] is not None, counter.house.state("A1")) == (200, True, "reminded")
    counter.as_("treasurer").post("/associations/A2/correction", by)
    counter.as_("treasurer").post("/associations/A2/correction", by)  # the correction was the mistake
    assert counter.house.state("A2") == "suspended"
    assert counter.as_("secretary").post(f"/ballots/{found['A2']['id']}/annulment", by)[0] == 200
    assert counter.house.state("A2") == "reminded"


def test_a_reminder_to_vote_is_dropped_once_the_seat_has_voted_or_the_meeting_is_over(counter):
    counter.summer().pass_time("2025-08-22")
    ids = [
        row[0] for row in counter.house.rows("SELECT id FROM outbox_message WHERE kind = 'vote_reminder' ORDER BY id")
    ]
    found = ballots(counter.as_("S1"))
    for one in found.values():
        counter.as_("S1").put(f"/ballots/{one['id']}/vote", {"choice": "approve"})
    with counter.store.read() as connection:
        assert no_longer_right(connection, ids) == {ids[0]: "this seat has voted meanwhile"}
    counter.pass_time("2025-08-29")
    with counter.store.read() as connection:
        assert set(no_longer_right(connection, ids).values()) == {"the meeting is over"}


def test_a_simulation_leaves_those_aside_who_stand_aside(counter):
    counter.called()
    do(counter, "UPDATE seat SET interests = 'A1' WHERE name = 'S2'")
    body = {"from": "2024-12-03", "until": "2025-12-31", "assume": "nobody-pays"}
    status, answer = counter.as_("treasurer").post("/simulations", body)
    assert status == 200
    assert answer["final"]["A1"] == "suspended"


def test_a_hearing_that_has_no_hands_keeps_its_votes(counter):
    ballot = hearing(counter)
    for seat in SEATS:
        counter.as_(seat).put(f"/ballots/{ballot['id']}/vote", {"choice": "approve"})
    assert counter.as_("chair").post(f"/ballots/{ballot['id']}/close")[1]["approve"] == 3
