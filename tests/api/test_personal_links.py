"""The personal link: what scanners do votes on nothing; a form counts once; one receipt for a sitting; whose it is."""

import stat
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
import structlog
from fastapi.testclient import TestClient

from api import links
from api.mailroom import hooks_of
from api.settings import settings_from_mapping
from engine.errors import BadConfiguration
from notifications.mail import Outgoing
from tests.api.counter import Counter
from tests.api.test_api_board import ballots, meeting

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Page(HTMLParser):
    """A page as a program sees it: its fields, its links, its words."""

    def __init__(self, text):
        super().__init__()
        self.fields, self.links, self.words, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        given = dict(attrs)
        if tag == "input":
            self.fields.append(given)
        if tag == "a":
            self.links.append(given["href"])

    def handle_data(self, data):
        self.words.append(data)

    def hidden(self):
        return {field["name"]: field["value"] for field in self.fields if field["type"] == "hidden"}


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    settings = {"database.url": f"sqlite:///{made.path}", "pages.url": "https://relance.example/"}
    made.settings = made.api.settings = settings_from_mapping(settings)
    made.summer()
    with made.store.write() as connection:
        connection.exec_driver_sql("UPDATE seat SET email = name || '@board.example'")
    yield made
    made.close()


def token_of(counter, seat="S1", month="2025-08"):
    """The token of a seat's link to a meeting."""
    held = meeting(counter.as_("reader"), month)["id"]
    with counter.store.write() as connection:
        person = connection.exec_driver_sql("SELECT person FROM seat WHERE name = ?", (seat,)).scalar_one()
        return links.key_of(counter.settings).make(connection, held, seat, person, counter.now)


def browser(counter):
    """Somebody's browser."""
    return TestClient(counter.app, raise_server_exceptions=False)


def opened(counter, token):
    """The page behind a link."""
    response = browser(counter).get(f"/vote/{token}")
    assert response.status_code == 200
    return Page(response.text)


def handed_in(counter, token, **fields):
    """Hand in a form; returns the response."""
    return browser(counter).post(f"/vote/{token}", content=urlencode(fields), headers=FORM)


def votes(counter):
    """All votes there are."""
    return counter.house.rows("SELECT seat, choice, channel, comment, superseded_at IS NULL FROM vote ORDER BY id")


def ids(counter):
    """Ballot ids by association."""
    return {number: one["id"] for number, one in ballots(counter.as_("reader")).items()}


def test_it_votes_when_a_form_with_a_choice_is_handed_in(counter):
    token, found = token_of(counter), ids(counter)
    page = opened(counter, token)
    said = {f"b{found['A1']}": "approve", f"b{found['A3']}": "reject", f"c{found['A3']}": "ils ont écrit"}
    response = handed_in(counter, token, **page.hidden(), **said)
    assert response.status_code == 200
    assert votes(counter) == [("S1", "approve", "link", "", 1), ("S1", "reject", "link", "ils ont écrit", 1)]
    again = opened(counter, token)
    assert "pour" in again.words
    changed = handed_in(counter, token, **again.hidden(), **{f"b{found['A1']}": "abstain"})
    assert changed.status_code == 200
    assert [row[1] for row in votes(counter) if row[4]] == ["reject", "abstain"]


def test_what_scanners_do_yields_no_vote(counter):
    token = token_of(counter)
    client, path = browser(counter), f"/vote/{token}"
    for _ in range(3):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200
    page = opened(counter, token)
    assert not [given for tag, given in page.tags if "checked" in given or "selected" in given]
    for link in page.links:
        client.get(link)
    for fields in (page.hidden(), {}, dict.fromkeys(page.hidden(), "")):
        client.post(path, content=urlencode(fields), headers=FORM)
    empty = {field["name"]: field.get("value", "") for field in page.fields if field["type"] != "radio"}
    assert "Rien n’était coché" in client.post(path, content=urlencode(empty), headers=FORM).text
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        assert client.request(method, path).status_code in {400, 404, 405, 415}
    assert votes(counter) == []
    assert counter.house.rows("SELECT count(*) FROM outbox_message WHERE kind = 'vote_receipt'") == [(0,)]


def test_a_form_counts_once(counter):
    token, found = token_of(counter), ids(counter)
    form = opened(counter, token).hidden() | {f"b{found['A1']}": "approve"}
    assert "Enregistré" in handed_in(counter, token, **form).text
    assert "une seconde fois" in handed_in(counter, token, **(form | {f"b{found['A1']}": "reject"})).text
    assert [row[1] for row in votes(counter)] == ["approve"]


def test_a_form_belongs_to_its_link_and_ages(counter):
    first, second, found = token_of(counter, "S1"), token_of(counter, "S2"), ids(counter)
    form = opened(counter, first).hidden() | {f"b{found['A1']}": "approve"}
    assert handed_in(counter, second, **form).headers["x-problem-type"] == "unknown-link"
    for forged in ("", "1.2.3", "é", "9" * 400, form["form"][:-1], "x" + form["form"]):
        response = handed_in(counter, first, **(form | {"form": forged}))
        assert response.status_code in {404, 422}
    counter.at("2025-08-21T20:00")
    assert handed_in(counter, first, **form).headers["x-problem-type"] == "unknown-link"
    assert votes(counter) == []


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"b1", b"b1=approve", b"bx=approve&form=1&list=2", b"&" * 9000, b"b1=maybe&form=1&list=2"]
)
def test_what_no_page_sends_is_refused(counter, body):
    response = browser(counter).post(f"/vote/{token_of(counter)}", content=body, headers=FORM)
    assert (response.status_code, response.headers["x-problem-type"]) == (422, "invalid")
    assert votes(counter) == []


def test_each_refusal_has_its_own_type(counter):
    token, found = token_of(counter), ids(counter)
    form = opened(counter, token).hidden()
    stranger = browser(counter).get("/vote/" + "A" * 32)
    assert (stranger.status_code, stranger.headers["x-problem-type"]) == (404, "unknown-link")

    september = token_of(counter, month="2025-09")
    other = opened(counter, september).hidden() | {f"b{found['A1']}": "approve"}
    assert handed_in(counter, september, **other).headers["x-problem-type"] == "invalid"

    counter.as_("secretary").post(f"/ballots/{found['A2']}/recusals", {"seat": "S1", "reason": "its treasurer"})
    aside = handed_in(counter, token, **form, **{f"b{found['A2']}": "approve"})
    assert (aside.status_code, aside.headers["x-problem-type"]) == (409, "recused")

    counter.as_("treasurer").post("/associations/A3/payments", {"amount": "20.00", "paid_on": "2025-08-20"})
    stale = handed_in(counter, token, **form, **{f"b{found['A1']}": "approve"})
    assert (stale.status_code, stale.headers["x-problem-type"]) == (422, "list-changed")

    form = opened(counter, token).hidden()
    counter.pass_time("2025-08-28T19:00")
    counter.as_("chair").post(f"/ballots/{found['A1']}/close")
    closed = handed_in(counter, token, **opened(counter, token).hidden(), **{f"b{found['A1']}": "approve"})
    assert (closed.status_code, closed.headers["x-problem-type"]) == (409, "ballot-not-open")
    assert votes(counter) == []


def test_a_link_is_its_persons_and_ends_when_it_is_revoked(counter):
    token = token_of(counter)
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE seat SET person = 'Somebody else' WHERE name = 'S1'")
    refused = browser(counter).get(f"/vote/{token}")
    assert (refused.status_code, refused.headers["x-problem-type"]) == (403, "seat-not-yours")
    other = token_of(counter)
    assert other != token
    opened(counter, other)
    with counter.store.write() as connection:
        assert links.revoke(connection, "S1", counter.now) == 2
    assert browser(counter).get(f"/vote/{other}").headers["x-problem-type"] == "unknown-link"
    opened(counter, token_of(counter))


def receipts(counter):
    """The receipts that wait or left: recipient, status."""
    return counter.house.rows("SELECT recipient, status FROM outbox_message WHERE kind = 'vote_receipt' ORDER BY id")


def test_one_receipt_leaves_for_a_sitting(counter):
    token, found = token_of(counter), ids(counter)
    for number in ("A1", "A2"):
        handed_in(counter, token, **opened(counter, token).hidden(), **{f"b{found[number]}": "approve"})
    assert receipts(counter) == [("S1@board.example", "pending")]
    created, due = counter.house.rows("SELECT created_at, due_at FROM outbox_message WHERE kind = 'vote_receipt'")[0]
    assert due > created  # it waits for what else is said in this sitting
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET status = 'sent' WHERE kind = 'vote_receipt'")
    counter.at("2025-08-21")
    handed_in(counter, token, **opened(counter, token).hidden(), **{f"b{found['A3']}": "reject"})
    assert receipts(counter) == [("S1@board.example", "sent"), ("S1@board.example", "pending")]


def test_a_mail_is_kept_without_the_token_and_leaves_with_it(counter):
    engine = counter.house.engine
    hooks = hooks_of(counter.settings, engine)
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET status = 'pending', body = NULL WHERE kind = 'agenda'")
    hooks.write_words()
    key, kept = counter.house.rows("SELECT dedupe_key, body FROM outbox_message WHERE kind = 'agenda' ORDER BY id")[0]
    assert f"https://relance.example/vote/{links.HIDDEN}" in kept
    mail = Outgoing(1, key, None, "agenda", None, None, "S1@board.example", "fr", "s", kept, counter.now)
    left = hooks.fill(mail)
    token = left.body.partition("/vote/")[2].split()[0]
    assert hooks.fill(mail) == left  # tried again, it is the same mail
    with counter.store.read() as connection:
        assert links.open_link(connection, token).seat == "S1"
        rows = connection.exec_driver_sql("SELECT digest FROM personal_link").fetchall()
    assert token not in str(rows)
    assert token.encode() not in counter.path.read_bytes()


def test_the_key_is_its_owners_and_is_made_once(counter):
    path = counter.path.with_name("relance.key")
    first = token_of(counter)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token_of(counter) == first
    path.write_bytes(b"short")
    with pytest.raises(BadConfiguration):
        links.key_of(counter.settings)


def test_the_token_stands_in_no_log(counter):
    token = token_of(counter)
    with structlog.testing.capture_logs() as lines:
        opened(counter, token)
    assert lines
    assert not [line for line in lines if token in str(line)]


def test_the_page_is_readable_without_a_script_in_both_languages(counter):
    token = token_of(counter)
    response = browser(counter).get(f"/vote/{token}", params={"lang": "en"})
    assert "Interrupt its services?" in response.text
    assert "<script" not in response.text
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    assert "Interrompre ses services" in browser(counter).get(f"/vote/{token}").text
    assert browser(counter).get("/static/pages.css").status_code == 200
    assert browser(counter).get("/static/secrets.css").status_code == 404
