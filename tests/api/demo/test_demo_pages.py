"""The demo's pages and its own part of the API."""

import pytest
from fastapi.testclient import TestClient

from api.demo.guide import Place, guide
from api.demo.passing import Passing
from api.demo.words import EVENTS, QUESTIONS, WORDS, of_browser, of_terminal
from engine.clock import noon
from tests.api.counter import Counter
from tests.house import PARIS

DEMO_ROUTES = (
    *(("GET", "/demo"), ("GET", "/demo/mails"), ("POST", "/demo/clock"), ("POST", "/demo/votes"), ("GET", "/")),
    *(("GET", "/api/v1/demo/clock"), ("POST", "/api/v1/demo/clock"), ("POST", "/api/v1/demo/votes")),
)


def test_a_service_that_serves_has_none_of_it(tmp_path):
    counter = Counter(tmp_path)
    client = TestClient(counter.app)
    assert {client.request(*route).status_code for route in DEMO_ROUTES} == {404}
    assert not [path for path in client.get("/openapi.json").json()["paths"] if "demo" in path]
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/demo/clock", content="to=2026-01-01", headers=form).status_code == 415
    counter.close()


def test_its_part_of_the_api_is_documented(browser):
    assert {"/api/v1/demo/clock", "/api/v1/demo/votes"} <= set(browser.get("/openapi.json").json()["paths"])
    assert '<section id="demo">' in browser.get("/docs").text


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"to": "2026-02-30"}, 422, "invalid"),
        ({"to": "tomorrow"}, 422, "invalid"),
        ({"to": "2026-01-01T10:00:00"}, 422, "invalid"),
        ({"to": 20260101}, 422, "invalid"),
        ({}, 422, "invalid"),
        ({"to": "2030-01-01"}, 422, "invalid"),
        ({"to": "2025-11-27"}, 409, "not-allowed"),
    ],
)
def test_a_date_that_cannot_be_is_a_problem_and_nothing_moves(browser, body, status, kind):
    answer = browser.post("/api/v1/demo/clock", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["type"].rpartition("/")[2] == kind
    assert browser.get("/api/v1/demo/clock").json() == {"now": "2025-11-28T11:00:00Z", "today": "2025-11-28"}


def test_its_date_stands_still_and_may_be_moved_to_itself(browser):
    before = browser.get("/api/v1/demo/clock").json()
    moved = browser.post("/api/v1/demo/clock", json={"to": "2025-11-28"}).json()
    assert moved == {**before, "before": before["now"], "happened": [], "mails": 0}


def test_it_moves_to_an_hour_of_the_organisations(browser):
    moved = browser.post("/api/v1/demo/clock", json={"to": "2025-12-01T18:30"})
    assert (moved.status_code, moved.json()["now"]) == (200, "2025-12-01T17:30:00Z")
    assert browser.post("/api/v1/demo/clock", json={"to": "2025-13-01T18:30"}).status_code == 422


def test_every_page_has_its_style(browser):
    for name in ("demo", "pages", "docs"):
        assert browser.get(f"/static/{name}.css").headers["content-type"].startswith("text/css")


def test_the_page_moves_the_date_and_shows_it_again(browser):
    moved = browser.post("/demo/clock?lang=fr", data={"to": "2025-12-01T08:00:00Z"})
    assert (moved.status_code, moved.headers["location"]) == (303, "/demo?lang=fr")
    page = browser.get(moved.headers["location"]).text
    assert "lundi 1er décembre 2025, 09:00" in page
    assert '<td class="number">143</td><td>cotisation à régler</td>' in page
    assert "Appel à cotisation 2026" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("2025-01-01", "the date does not go back"),
        ("soon", "a date is needed, such as 2026-06-02"),
        ("", "a date is needed, such as 2026-06-02"),
        ("2031-01-01", "two years at a time at most"),
    ],
)
def test_the_page_says_what_it_refuses(browser, to, said):
    moved = browser.post("/demo/clock?lang=en", data={"to": to})
    assert f"Refused: {said}." in browser.get(moved.headers["location"]).text


def test_the_page_lets_the_board_vote(browser):
    refused = browser.post("/demo/votes?lang=en", data={"choice": "approve"})
    assert "Refused: no ballot is open at this date." in browser.get(refused.headers["location"]).text
    browser.post("/demo/clock", data={"to": "2026-08-20"})
    assert "Tous les sièges votent pour" in browser.get("/demo").text
    browser.post("/demo/votes", data={"choice": "reject"})
    browser.post("/demo/clock", data={"to": "2026-09-02"})
    chair = {"Authorization": "Bearer demo-chair"}
    found = browser.get("/api/v1/ballots?status=rejected", headers=chair).json()["items"]
    assert len(found) == 9
    assert {one["took_part"] for one in found} == {7}


def test_forms_of_other_sites_and_other_bodies_are_refused(browser):
    elsewhere = browser.post("/demo/clock", data={"to": "2025-12-02"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert elsewhere.status_code == 409
    assert browser.post("/demo/clock", json={"to": "2025-12-02"}).status_code == 415
    assert browser.post("/api/v1/demo/clock", data={"to": "2025-12-02"}).status_code == 415
    assert browser.post("/demo/clock", data={str(number): "2025-12-02" for number in range(9)}).status_code == 422
    assert browser.post("/demo/clock", data={"to": "2025-12-02" * 200}).status_code == 413
    assert browser.get("/api/v1/demo/clock").json()["today"] == "2025-11-28"


def test_every_mail_of_the_past_can_be_read(browser):
    assert browser.get("/").headers["location"] == "/demo"
    page = browser.get("/demo/mails?lang=en").text
    assert page.count("<tr>") == 100
    older = page.split("before=")[1].split('"')[0]
    assert browser.get(f"/demo/mails?before={older}").text.count("<tr>") == 100
    assert "No mail." in browser.get("/demo/mails?lang=en&before=1").text
    mail = browser.get("/demo/mails/1?lang=en").text
    assert "<pre>" in mail
    assert "(no words)" not in mail
    assert browser.get("/demo/mails/999999").status_code == 404


def test_what_somebody_settled_is_not_paid_again_by_the_fictional_year(house):
    passing = Passing(house.engine)
    passing.move(noon(house.engine.upto().date().replace(month=12, day=1), PARIS))
    client_pays(house, "A0038")
    passing.move(noon(house.engine.upto().date().replace(day=3), PARIS))
    with house.engine.store.read() as connection:
        sql = """SELECT count(DISTINCT e.payment_id) FROM ledger_entry e JOIN workflow_instance i
            ON i.id = e.association_id WHERE i.subject = 'A0038' AND e.year = 2026"""
        assert connection.exec_driver_sql(sql).scalar_one() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM task WHERE kind = 'surplus'").scalar_one() == 0


def client_pays(house, number):
    """Somebody pays by the API."""
    from api.demo.run import app_of

    client = TestClient(app_of(house), headers={"Authorization": "Bearer demo-treasurer"})
    paid = {"amount": "20.00", "paid_on": "2025-12-01", "year": 2026}
    assert client.post(f"/api/v1/associations/{number}/payments", json=paid).status_code == 201


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_it_prints_fits_80_columns(language, tmp_path, house):
    place = Place("http://127.0.0.1:8000", tmp_path, stays=False, relance=".venv/bin/relance")
    text = guide(place, house.clock(), PARIS, language).replace(str(tmp_path), "/tmp/relance-demo-abcdefgh")  # noqa: S108 as long as one
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("demo move") == 4


def test_both_languages_say_the_same_things():
    for table in (WORDS, EVENTS, QUESTIONS):
        assert table["fr"].keys() == table["en"].keys()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "fr"),
        ("de, es;q=0.9", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("en;q=0.5, fr-CA", "fr"),
        ("fr;q=0, en;q=0.1", "en"),
        ("en;q=x, fr;q=0.1", "fr"),
    ],
)
def test_a_page_is_in_the_language_that_its_reader_likes_better(accepted, language):
    assert of_browser(accepted) == language


@pytest.mark.parametrize(
    ("environ", "language"),
    [({}, "en"), ({"LANG": "fr_FR.UTF-8"}, "fr"), ({"LANG": "fr_FR", "LC_ALL": "C"}, "en"), ({"LANG": "de_DE"}, "en")],
)
def test_a_terminal_speaks_the_language_of_its_locale(environ, language):
    assert of_terminal(environ) == language
