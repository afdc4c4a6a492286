"""Minutes over the API: forms, languages, versions, who may read which, and what is never in the public one."""

import re
from html.parser import HTMLParser

import pytest

from api.settings import settings_from_mapping
from tests.api.counter import Counter
from tests.boardroom import ANNULLED, ASIDE, COMMENT, HOSTILE, LONG, NAMES, NOTE, PEOPLE, agenda_of_25, evening_of_25

SUSPENSION = "Statuts, art. 7 : « Le conseil peut interrompre les services. »"
FORMS = ("text/markdown", "text/html", "application/pdf", "application/json")
TEXTS = ("text/markdown", "text/html", "application/json")
NB = "\u00a0"


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    """After the meeting of twenty-five items."""
    made = evening_of_25(tmp_path_factory.mktemp("minutes"))
    settings = {"organisation.name": "Le Pic", "organisation.city": "Ramonville", "legal.suspension": SUSPENSION}
    made.api.settings = settings_from_mapping({"database.url": f"sqlite:///{made.path}"} | settings)
    yield made
    made.close()


def path_of(counter, month="2025-08"):
    return f"/meetings/{counter.house.rows('SELECT id FROM meeting WHERE month = ?', month)[0][0]}/minutes"


def read(counter, role, accept="application/json", **params):
    response = counter.as_(role).ask("GET", path_of(counter), params=params, headers={"Accept": accept})
    assert response.status_code == 200, response.text
    return response


class Page(HTMLParser):
    """The words of a page, and what it would fetch or run."""

    def __init__(self, text):
        super().__init__()
        self.words, self.tags, self.attributes = [], set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.words.append(data)


def shown(text):
    """What Markdown shows of a text."""
    return re.sub(r"\\([\\`*_\[\]<>|~&$.#=+-])", r"\1", text)


def test_it_tells_who_took_part_each_question_counts_outcome_and_numbered_decisions(counter):
    minutes = read(counter, "secretary", version="signed").json()
    assert [one["presence"] for one in minutes["attendance"]] == ["present"] * 3 + ["voted", "remote", "excused"]
    assert [one["number"] for one in minutes["items"]] == [f"2025-08/{rank}" for rank in range(1, 26)]
    third, fifth, seventh, last = (minutes["items"][rank - 1] for rank in (3, 5, 7, 25))
    assert (third["status"], third["approve"], third["reject"], third["abstain"]) == ("rejected", 1, 3, 1)
    assert (third["took_part"], third["seats"], third["quorum"]) == (5, 6, True)
    assert [vote["choice"] for vote in third["votes"]] == ["reject", "reject", "approve", "reject", "abstain"]
    assert [vote["remote"] for vote in third["votes"]] == [False] * 4 + [True]
    assert third["owed"] == [{"year": 2025, "amount": "20.00"}]
    assert (fifth["by_hand"], [vote["seat"] for vote in fifth["votes"]], fifth["approve"]) == (True, ["S5"], 2)
    assert (seventh["status"], seventh["reason"], seventh["approve"]) == ("withdrawn", "nothing owed", None)
    assert (last["status"], last["quorum"]) == ("no_quorum", False)
    eighth, annulled = minutes["items"][7], minutes["items"][13]["annulled"]
    assert (eighth["took_part"], eighth["seats"], eighth["aside_count"]) == (3, 5, 1)
    assert eighth["aside"] == [{"seat": "S2", "reason": ASIDE}]
    assert annulled == {"at": "2025-08-30T10:00:00Z", "by": "Ana Pujol + Cléo Marty", "reason": ANNULLED}
    numbers = [one["number"] for one in minutes["decisions"]]
    assert numbers == [f"2025-08/{rank}" for rank in range(1, 25) if rank != 7]
    assert minutes["decisions"][0]["text"] == (
        f"Le conseil décide d’interrompre les services de A0001 Vélo Lauragais (3{NB}pour, 1{NB}abstention)."
    )
    assert minutes["draft"] is False


def test_it_quotes_the_clauses_and_names_a_missing_one(counter):
    minutes = read(counter, "reader").json()
    assert minutes["clauses"] == [{"name": "suspension", "text": SUSPENSION}, {"name": "remote_votes", "text": None}]
    assert minutes["warnings"] == ["aucune clause n’est citée qui permet de voter à distance ([legal] remote_votes)"]
    text = read(counter, "reader", "text/markdown", language="en").text
    assert "> Statuts, art. 7 : « Le conseil peut interrompre les services. »" in text.replace(NB, " ")
    assert r"> **Warning** – no clause is quoted that allows voting from elsewhere (\[legal\] remote\_votes)" in text


@pytest.mark.parametrize(
    ("language", "headings"),
    [
        (
            "fr",
            [
                "Présences",
                "Règles de vote",
                "Questions soumises au vote",
                "Votes nominatifs",
                "Décisions",
                "Signatures",
            ],
        ),
        (
            "en",
            [
                "Attendance",
                "How votes are counted",
                "Questions put to the vote",
                "Votes by name",
                "Decisions",
                "Signatures",
            ],
        ),
    ],
)
def test_it_is_written_in_both_languages_and_all_names_are_there(counter, language, headings):
    text = read(counter, "chair", "text/markdown", version="signed", language=language).text
    assert re.findall("^## (.*)$", text, re.MULTILINE) == headings
    page = Page(read(counter, "chair", "text/html", version="signed", language=language).text)
    words = "".join(page.words).replace(NB, " ").replace("\u202f", " ")
    for name in (*NAMES, *HOSTILE):
        assert name in words
        assert name in shown(text).replace(NB, " ").replace("\u202f", " ")
    for _, person, _ in PEOPLE:
        assert person in words
    assert LONG in words


def test_it_shows_what_people_wrote_and_a_page_fetches_and_runs_nothing(counter):
    page = Page(read(counter, "secretary", "text/html", version="signed", comments="true").text)
    assert not page.tags & {"script", "img", "a", "link", "iframe", "b", "i", "form", "object"}
    assert not page.attributes & {"src", "href", "style", "onclick", "onload"}
    text = read(counter, "secretary", "text/markdown", version="signed", comments="true").text
    assert re.search(r"(?<!\\)[\[\]<`$]", text) is None
    tables = [line for line in text.splitlines() if line.startswith("| 2025-08")]
    assert len(tables) == 25 + 23
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {8, 5}


def test_the_public_version_has_no_name_by_vote_no_amount_no_comment_no_reason(counter):
    for language in ("fr", "en"):
        for accept in TEXTS:
            text = read(counter, "reader", accept, language=language, comments="true").text
            assert not re.search(r"€|EUR|\b20[.,]00\b|devait|owed \d", text), accept
            for said in (COMMENT, ASIDE, ANNULLED, NOTE):
                assert said not in text
            assert "nothing owed" not in text
            assert "plus rien" not in text
            for _, person, _ in PEOPLE:
                assert text.count(person) == 1, "only where it says who took part"
        minutes = read(counter, "secretary", language=language).json()
        assert minutes["version"] == "public"
        for item in minutes["items"]:
            assert [item[name] for name in ("votes", "aside", "owed", "reason", "missing")] == [None] * 5


def test_the_signed_version_has_names_amounts_and_lines_to_sign_and_comments_only_when_asked(counter):
    text = read(counter, "treasurer", "text/markdown", version="signed").text
    assert f"devait 20,00{NB}€{NB}(2025)" in text
    assert "| 2025-08/3 | Cléo Marty | Ana Pujol, Bilal Haddad, Driss Benali | Élise Vidal-Roux \\* |" in text.replace(
        NB, " "
    )
    assert f"déport{NB}: Bilal Haddad ({ASIDE})" in text
    assert f"décision annulée le 30 août 2025 par Ana Pujol et Cléo Marty{NB}: {ANNULLED}" in text
    assert NOTE not in text
    assert f"Le secrétariat (Cléo Marty){NB}: " in text
    assert f"La présidence (Ana Pujol){NB}: " in text
    assert COMMENT.replace(" :", f"{NB}:") not in text
    asked = read(counter, "treasurer", "text/markdown", version="signed", comments="true").text
    assert COMMENT.replace(" :", f"{NB}:") in asked


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("secretary", 200),
        ("chair", 200),
        ("board", 200),
        ("S2", 200),
        ("treasurer", 200),
        ("reader", 403),
        ("admin", 403),
    ],
)
def test_the_signed_version_is_for_the_board_and_its_officers(counter, role, status):
    response = counter.as_(role).ask("GET", path_of(counter), params={"version": "signed"})
    assert response.status_code == status
    assert counter.as_(role).ask("GET", path_of(counter)).status_code == 200


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/markdown"),
        ("text/html", "text/html"),
        ("TEXT/HTML ; charset=utf-8", "text/html"),
        ("text/html;q=0.4, application/pdf;q=0.8", "application/pdf"),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "text/html"),
        ("*/*;q=0.1, application/json;q=0, text/markdown;q=0.2", "text/markdown"),
        ("nonsense, application/pdf", "application/pdf"),
        ("image/png, */*;q=0", 406),
        ("image/png", 406),
        ("application/json;q=0", 406),
    ],
)
def test_it_is_written_as_the_header_asks(counter, accept, media):
    client = counter.as_("reader")
    client.client.headers.pop("accept")
    response = client.ask("GET", path_of(counter), headers={} if accept is None else {"Accept": accept})
    if media == 406:
        assert response.status_code == 406
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["type"].endswith("/not-acceptable")
    else:
        assert response.headers["content-type"].partition(";")[0] == media
        assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize("accept", FORMS)
def test_it_is_the_same_byte_for_byte(counter, accept):
    first = read(counter, "secretary", accept, version="signed")
    assert first.content == read(counter, "secretary", accept, version="signed").content
    assert first.content != read(counter, "secretary", accept, version="public").content


def test_a_page_may_use_its_own_style_and_nothing_else(counter):
    response = read(counter, "reader", "text/html")
    policy = response.headers["content-security-policy"]
    from base64 import b64encode
    from hashlib import sha256

    style = re.search("<style>(.*?)</style>", response.text, re.DOTALL)
    assert style is not None
    assert f"style-src 'sha256-{b64encode(sha256(style[1].encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'")
    assert response.headers["content-disposition"] == 'inline; filename="proces-verbal-2025-08-public.html"'


def test_a_pdf_has_pages_and_a_title(counter):
    made = read(counter, "board", "application/pdf", version="signed").content
    assert made.startswith(b"%PDF-1.7")
    assert "Le Pic – Procès-verbal du conseil d’administration – 28 août 2025".encode() in made


def test_a_meeting_that_was_not_held_or_is_not_there_has_no_minutes(tmp_path):
    counter = Counter(tmp_path)
    try:
        counter.summer()
        path = path_of(counter)
        assert counter.as_("secretary").refused("GET", path) == (409, "not-allowed")
        assert counter.as_("secretary").refused("GET", "/meetings/999/minutes") == (404, "not-found")
        assert counter.as_("secretary").refused("GET", f"{path}?version=secret") == (422, "invalid")
        assert counter.as_(None).refused("GET", path) == (401, "unauthenticated")
        counter.pass_time("2025-08-28T19:00")
        minutes = counter.as_("secretary").get(path, language="en", version="signed")
        assert minutes["draft"] is True
        assert minutes["warnings"][:2] == [
            "draft: ballots that are not closed yet: 3",
            "who was in the room was not recorded",
        ]
        assert [item["votes"] for item in minutes["items"]] == [[], [], []]
    finally:
        counter.close()


def test_open_ballots_tell_no_count_and_no_vote(tmp_path):
    counter = agenda_of_25(tmp_path)
    try:
        ballots = counter.house.rows("SELECT id FROM ballot")
        counter.as_("S1").put(f"/ballots/{ballots[0][0]}/vote", {"choice": "approve"})
        counter.pass_time("2025-08-28T19:00")
        first = counter.as_("chair").get(path_of(counter), version="signed")["items"][0]
        assert (first["status"], first["approve"], first["votes"], first["took_part"]) == ("open", None, [], None)
    finally:
        counter.close()


def test_what_was_owed_is_that_of_the_meetings_hour(tmp_path):
    counter = Counter(tmp_path)
    try:
        counter.summer()
        counter.house.pay("2025-08-21", ("A2", 500))
        counter.pass_time("2025-08-30")
        counter.house.pay("2025-09-02", ("A1", 2000))
        counter.house.pay("2025-09-02", ("A2", 1500))
        items = counter.as_("chair").get(path_of(counter), version="signed")["items"]
        assert [[one["amount"] for one in item["owed"]] for item in items] == [["20.00"], ["15.00"], ["20.00"]]
    finally:
        counter.close()


def test_a_hearing_that_could_not_be_held_names_what_was_missing_and_other_clauses_are_quoted(tmp_path):
    counter = Counter(tmp_path)
    try:
        counter.heard().pass_time("2026-10-30")
        text = (
            counter.as_("secretary")
            .ask("GET", path_of(counter, "2026-10"), params={"version": "signed"}, headers={"Accept": "text/markdown"})
            .text
        )
        assert "la lettre recommandée n’a pas été postée, sa première présentation n’est pas établie" in text
        assert "Sans décision" in text
        assert "2026-10/1 (reportée)" in text
        assert r"\[legal\] removal" in text
        assert r"\[legal\] suspension" not in text
        public = counter.as_("reader").ask("GET", path_of(counter, "2026-10"), headers={"Accept": "text/markdown"}).text
        assert "reportée" in public
        assert "postée" not in public
    finally:
        counter.close()
