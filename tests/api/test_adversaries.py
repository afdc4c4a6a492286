"""Whoever holds a token, a link or a secret gets no further: no second vote, no early count, no other seat."""

import base64
import json
from urllib.parse import urlencode

import pytest
import structlog

from api import auth
from api.mailroom import hooks_of
from api.settings import settings_from_mapping
from api.signatures import key_of, sign
from api.tables import Role
from tests.api.counter import Counter
from tests.api.test_api_board import meeting
from tests.api.test_personal_links import FORM, browser, handed_in, ids, opened, token_of, votes

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
EVERYBODY = ("reader", "board", "treasurer", "secretary", "chair", "admin")
MINUTES = ("application/json", "text/markdown", "text/html")
OVER_THE_MEETING = {"from": "2025-08-20", "until": "2025-09-05"}


def house(folder):
    """A counter in August, with links and one source that speaks for S1."""
    folder.mkdir(exist_ok=True)
    made = Counter(folder)
    (folder / "secret").write_text(SECRET)
    source = {"secret_file": str(folder / "secret"), "seats": ["S1"]}
    settings = {
        "database.url": f"sqlite:///{made.path}",
        "webhooks.in": {"chat": source},
        "pages.url": "https://r.example",
    }
    made.settings = made.api.settings = settings_from_mapping(settings)
    with made.store.write() as connection:
        connection.exec_driver_sql("UPDATE seat SET email = name || '@board.example'")
    return made.summer()


@pytest.fixture
def counter(tmp_path):
    made = house(tmp_path)
    yield made
    made.close()


# Nobody learns the counts before the closing


def all_say(counter, choice):
    """Every seat says the same about A1, S1 by its link."""
    found = ids(counter)["A1"]
    form = opened(counter, token_of(counter)).hidden()
    assert handed_in(counter, token_of(counter), **form, **{f"b{found}": choice}).status_code == 200
    for seat in ("S2", "S3"):
        assert counter.as_(seat).put(f"/ballots/{found}/vote", {"choice": choice})[0] == 200


def write_mails(counter):
    """Let the words of what waits be written, as before it leaves."""
    hooks_of(counter.settings, counter.house.engine).write_words()


def everything_seen(counter):
    """What every role can read of the evening, and what it can have simulated."""
    held, found = meeting(counter.as_("reader"), "2025-08")["id"], ids(counter)["A1"]
    paths = [
        *("/ballots", f"/ballots/{found}", f"/meetings/{held}/agenda", "/journal?limit=200", "/tasks", "/calendar"),
        *(f"/associations/A1{more}" for more in ("", "/journal", "/next")),
        *("/outbox?limit=200", "/meetings", "/associations?limit=10"),
        *(f"/outbox/{row[0]}" for row in counter.house.rows("SELECT id FROM outbox_message WHERE instance_id IS NULL")),
    ]
    seen: dict[object, object] = {}
    for role in EVERYBODY:
        desk = counter.as_(role)
        seen |= {(role, path): desk.ask("GET", path).text for path in paths}
        path = f"/meetings/{held}/minutes?version=signed&comments=true"
        seen |= {(role, kind): desk.ask("GET", path, headers={"Accept": kind}).text for kind in MINUTES}
    for board in ("absent", "adopts", "rejects"):
        answer = counter.as_("reader").ask("POST", "/simulations", OVER_THE_MEETING | {"board": board}).json()
        seen["simulated", board] = {name: value for name, value in answer.items() if name != "seconds"}
    return seen


def test_it_shows_nobody_before_the_closing_which_way_the_votes_go(tmp_path):
    worlds = []
    for choice in ("approve", "reject"):
        counter = house(tmp_path / choice)
        all_say(counter, choice)
        write_mails(counter)
        worlds.append(everything_seen(counter))
        counter.close()
    one, other = worlds
    assert [what for what, text in one.items() if text != other[what]] == []


def test_it_simulates_where_a_seat_stands_aside(counter):
    found = ids(counter)["A1"]
    body = {"seat": "S1", "reason": "its treasurer"}
    assert counter.as_("S1").post(f"/ballots/{found}/recusals", body)[0] == 201
    status, played = counter.as_("reader").post("/simulations", OVER_THE_MEETING)
    assert (status, played["final"]["A1"]) == (200, "suspended")


# Nobody speaks for another seat


def test_a_seat_speaks_for_itself_alone(counter):
    found = ids(counter)["A1"]
    desk = counter.as_("S1")
    assert desk.put(f"/ballots/{found}/vote", {"choice": "approve", "seat": "S2"})[0] == 422
    assert desk.post(f"/ballots/{found}/recusals", {"seat": "S2", "reason": "I say so"})[0] == 403
    for name in ("s1", "\uff331", "S1\u200b", "S1\x00", "S1|S2", "S\u0661"):
        status, _ = desk.post(f"/ballots/{found}/recusals", {"seat": name, "reason": "I say so"})
        assert status in {403, 422}
        assert counter.as_("secretary").post(f"/ballots/{found}/recusals", {"seat": name, "reason": "x"})[0] in {
            409,
            403,
            422,
        }
    assert votes(counter) == []
    assert counter.house.rows("SELECT seat FROM recusal") == []


def test_a_token_ends_with_its_holders_term(counter):
    found, held = ids(counter)["A1"], meeting(counter.as_("reader"), "2025-08")["id"]
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE seat SET until_on = '2025-08-20' WHERE name = 'S3'")
        sql = "INSERT INTO seat (name, person, email, role, from_on) VALUES ('S3', 'Lise Roques', '', 'member', ?)"
        connection.exec_driver_sql(sql, ("2025-08-21",))
    desk, vote = counter.as_("S3"), {"choice": "reject"}
    assert desk.put(f"/ballots/{found}/vote", vote)[0] == 200  # on its last day
    counter.pass_time("2025-08-22")
    assert desk.refused("PUT", f"/ballots/{found}/vote", vote) == (403, "seat-not-yours")
    named = {"votes": [{"ballot": found, "choice": "reject"}]}
    assert desk.refused("POST", f"/meetings/{held}/votes", named) == (403, "seat-not-yours")
    aside = {"seat": "S3", "reason": "x"}
    assert desk.refused("POST", f"/ballots/{found}/recusals", aside) == (403, "seat-not-yours")
    with counter.store.write() as connection:
        counter.tokens["S3"] = auth.create(connection, "Lise", Role.BOARD, "S3", counter.now)[1]
    assert counter.as_("S3").put(f"/ballots/{found}/vote", {"choice": "approve"})[0] == 200


def test_a_key_that_another_token_used_is_no_key_of_mine(counter):
    found, held = ids(counter)["A1"], meeting(counter.as_("reader"), "2025-08")["id"]
    body = {"votes": [{"ballot": found, "choice": "approve"}]}
    for seat in ("S1", "S2"):
        status, said = counter.as_(seat).post(f"/meetings/{held}/votes", body, key="the-same")
        assert (status, said["seat"]) == (200, seat)
    assert [row[0] for row in votes(counter)] == ["S1", "S2"]


def test_a_reader_changes_nothing(counter):
    found, held = ids(counter)["A1"], meeting(counter.as_("reader"), "2025-08")["id"]
    desk = counter.as_("reader")
    assert desk.put(f"/ballots/{found}/vote", {"choice": "approve"})[0] == 403
    for path, body in (
        (f"/meetings/{held}/votes", {"votes": [{"ballot": found, "choice": "approve"}]}),
        (f"/ballots/{found}/recusals", {"seat": "S1", "reason": "x"}),
        (f"/ballots/{found}/withdrawal", {"reason": "x"}),
        (f"/ballots/{found}/annulment", {"reason": "x", "by": ["a", "b"]}),
        (f"/ballots/{found}/close", None),
        (f"/meetings/{held}/close", None),
        (f"/meetings/{held}/items", {"association": "A1", "trigger": "suspend", "reason": "x"}),
        (f"/meetings/{held}/absences", {"seat": "S1", "note": "x"}),
    ):
        assert desk.post(path, body)[0] == 403, path
    assert votes(counter) == []


def deliver(counter, body, name="msg_1", signed_as=None):
    """A message of the source; `signed_as`: what the signature was made for."""
    stamp, text = int(counter.now.timestamp()), json.dumps(body).encode()
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(key_of(SECRET), signed_as or name, stamp, text),
    }
    return browser(counter).post("/api/v1/webhooks/votes", content=text, headers=headers)


def test_a_source_speaks_for_its_seats_and_once(counter):
    found = ids(counter)["A1"]
    said = {"ballot": found, "seat": "S1", "choice": "approve"}
    assert deliver(counter, said).json()["counted"] is True
    assert counter.as_("S1").put(f"/ballots/{found}/vote", {"choice": "reject"})[0] == 200
    assert deliver(counter, said).json()["counted"] is False
    assert deliver(counter, said, "msg_2", signed_as="msg_1").status_code == 401
    for seat in ("S2", "s1", "\uff331"):
        assert deliver(counter, said | {"seat": seat}, "msg_3").status_code in {403, 422}
    assert [row[1] for row in votes(counter) if row[4]] == ["reject"]


# The page behind a link


def test_two_choices_on_one_question_are_none(counter):
    token, found = token_of(counter), ids(counter)["A1"]
    said = urlencode([*opened(counter, token).hidden().items(), (f"b{found}", "approve"), (f"b{found}", "reject")])
    answer = browser(counter).post(f"/vote/{token}", content=said, headers=FORM)
    assert (answer.status_code, answer.headers["x-problem-type"]) == (422, "invalid")
    assert votes(counter) == []


def test_the_page_shows_names_and_places_as_text(counter):
    evil = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE association SET name = ?", (evil,))
        connection.exec_driver_sql("UPDATE meeting SET place = ?", (evil,))
        connection.exec_driver_sql("UPDATE seat SET person = ? WHERE name = 'S1'", (evil,))
    text = browser(counter).get(f"/vote/{token_of(counter)}").text
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "<img" not in text


@pytest.mark.parametrize("size", [200_001, 3_000_000])
def test_a_huge_form_is_refused(counter, size):
    answer = browser(counter).post(f"/vote/{token_of(counter)}", content=b"c1=" + b"x" * size, headers=FORM)
    assert answer.status_code in {413, 422}
    assert votes(counter) == []


def test_no_way_round_reaches_the_box(counter):
    token, found = token_of(counter), ids(counter)["A1"]
    form = urlencode(opened(counter, token).hidden() | {f"b{found}": "approve"})
    client = browser(counter)
    for path in (
        "/vote/",
        "/vote/../",
        f"/vote/{token}/",
        f"/vote/{token}/x",
        f"/vote/%2e%2e/{token}",
        f"/VOTE/{token}",
    ):
        answer = client.post(path, content=form, headers=FORM, follow_redirects=False)
        assert answer.status_code in {307, 404, 405, 415}, path
    for method in ("OPTIONS", "HEAD", "TRACE", "PUT"):
        assert client.request(method, f"/api/v1/ballots/{found}/vote").status_code in {401, 405}
    assert votes(counter) == []


def test_a_token_stands_in_no_log_wherever_it_is_put(counter):
    token = token_of(counter)
    with structlog.testing.capture_logs() as lines:
        for path in (f"//vote/{token}", f"/relance/vote/{token}", f"/vote/{token}/", f"/vote/x?lang={token}"):
            browser(counter).get(f"http://testserver{path}")
    assert lines
    assert not [line for line in lines if token in str(line)]
