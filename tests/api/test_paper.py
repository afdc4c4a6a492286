"""Letters, their sheet and calls on paper: from a database, by command and by API."""

import pytest

from tests.api.counter import Counter
from tests.printed import codes, texts

TOML = """
[database]
url = "sqlite:///relance.db"
[organisation]
name = "Le PIC"
address = "1 place de la Mairie"
postcode = "31520"
city = "Ramonville"
iban = "FR7630006000011234567890189"
account_holder = "Le PIC"
[legal]
removal = "Article 7. La radiation est prononcée par le conseil."
"""


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made
    made.close()


@pytest.fixture
def house(desk):
    """Its letterhead, an account, a clause, and where A0021 lives, in a meeting hall."""
    (desk.folder / "relance.toml").write_text(TOML, encoding="utf-8")
    desk.at("2025-09-28")
    standing = ("proposed_for_removal", "2024-09-01", "2024|2025")
    desk.enter(("A0021", "Œuvre « d'Été »", *standing), ("A0022", "Deux", *standing), more="state since owes")
    desk.damage(
        "UPDATE association SET address = '2 rue Haute', postcode = '31000', city = 'Toulouse' WHERE name <> 'Deux'"
    )
    return desk.at("2025-10-04")


def printed(desk, *words):
    """What a command wrote into a file: the text of its pages."""
    said = desk.say(*words, "--output", desk.folder / "out.pdf")
    assert said[-1].startswith(f"Written: {desk.folder / 'out.pdf'}")
    return texts((desk.folder / "out.pdf").read_bytes())


def flat(pages):
    return " ".join(" ".join(pages).split())


def test_every_letter_not_yet_posted_is_printed_into_one_file(house):
    house.say("tick")
    pages = printed(house, "letter", "print")
    assert len(pages) == 4
    one, other = flat(pages[:2]), flat(pages[2:])
    for words in ("Œuvre « d'Été »", "2 rue Haute", "31000 TOULOUSE", "Cotisation 2024 20,00 €", "Total 40,00 €"):
        assert words in one
    for words in ("jeudi 30 octobre 2025 à 18 h 30", "Article 7.", "2024 2025 A0021", "depuis l’interruption"):
        assert words in one
    assert "A0022" not in one
    assert "A0021" not in other


def test_what_was_printed_last_before_the_posting_is_kept_for_ever(house):
    house.say("tick")
    printed(house, "letter", "print", "A0021")
    house.say("pay", "A0021", "5.00", "--year", "2024")
    pages = printed(house, "letter", "print", "A0021")
    assert "Cotisation 2024 15,00 €" in flat(pages)
    house.say("letter", "A0021", "--posted", "2025-10-04")
    house.damage("UPDATE association SET address = 'elsewhere'")
    house.at("2025-10-20").say("pay", "A0021", "5.00", "--year", "2024")
    assert printed(house, "letter", "print", "A0021") == pages
    assert "A0021" not in flat(printed(house, "letter", "print"))


def test_a_letter_posted_without_being_printed_here_says_what_was_owed_that_day(house):
    house.say("tick")
    house.say("letter", "*", "--posted", "2025-10-04")
    house.at("2025-10-20").say("pay", "A0021", "5.00", "--year", "2024")
    text = flat(printed(house, "letter", "print", "A0021"))
    assert "Cotisation 2024 20,00 €" in text
    assert "le 4 octobre 2025" in text
    assert house.rows("SELECT count(*) FROM letter_print") == [(0,)]


def test_the_sheet_shows_the_last_useful_day_to_post(house):
    house.say("tick")
    text = flat(printed(house, "letter", "sheet"))
    assert "À poster au plus tard le 10 octobre 2025" in text  # 30 October, 15 days, 5 days of post
    assert "première présentation au plus tard le 15 octobre 2025" in text
    assert "adresse incomplète" in text  # of A0022
    house.at("2025-10-11")
    late = flat(printed(house, "letter", "sheet"))
    assert "Le dernier jour utile (10 octobre 2025) est passé" in late
    assert "Il faut une première présentation au plus tard le 15 octobre 2025" in late


def test_nothing_is_printed_when_no_letter_is_meant(house):
    house.say("tick")
    house.say("letter", "*", "--posted", "2025-10-04", "--presented", "2025-10-04")
    assert house.refused("letter", "sheet") == "no letter waits to be posted"
    assert house.refused("letter", "print") == "no letter waits to be posted"
    assert house.refused("letter", "print", "A0001") == "A0001 has no letter"
    assert house.refused("letter", "print", "A0099") == "There is no association A0099"


def test_calls_are_printed_for_those_whom_no_mail_reaches(house):
    house.at("2025-12-02").say("tick")
    assert house.refused("calls", "--year", "2026") == "no call for 2026 is to be printed: see --all"
    house.damage("UPDATE association SET email = '' WHERE name = 'Chorale d''Oc'")
    (page,) = printed(house, "calls", "--year", "2026")
    assert "2026-A0002" in page
    assert "avant le 20 janvier 2026" in flat([page])
    first, *others = printed(house, "calls", "--year", "2026", "--all")
    assert "2026-A0002" in first
    assert len(others) == 4
    house.say("pay", "A0002")
    assert house.refused("calls", "--year", "2026") == "no call for 2026 is to be printed: see --all"
    house.at("2026-03-01")
    assert "Dites-le-nous avant" not in flat(printed(house, "calls", "--year", "2026", "--all"))


def test_before_the_call_of_a_year_a_preview_is_named(house):
    said = (
        "the dues of 2027 have not been called yet: relance template preview papers/call_for_dues --pdf FILE shows one"
    )
    assert house.refused("calls", "--year", "2027") == said
    assert house.refused("calls", "--year", "2027", "--all") == said


def test_when_all_called_dues_are_settled_there_is_no_call_and_nothing_to_see(house):
    house.at("2025-12-02").say("tick")
    house.damage("UPDATE due SET settled_cents = amount_cents WHERE year = 2026")
    assert house.refused("calls", "--year", "2026") == "no call for 2026 is to be printed"
    assert house.refused("calls", "--year", "2026", "--all") == "no call for 2026 is to be printed"


@pytest.mark.parametrize("words", [("calls",), ("letter", "print"), ("letter", "sheet")])
def test_the_help_says_that_without_a_file_a_pipe_gets_it(house, words):
    said = " ".join(house.type(*words, "--help").stdout.replace("│", " ").split())
    assert "(default: the output itself, for a pipe)" in said


def test_own_words_that_cannot_be_used_are_told_when_calls_are_printed(house):
    folder = house.folder / "templates" / "fr" / "papers"
    folder.mkdir(parents=True)
    (folder / "call_for_dues.txt").write_text("Subject: x\n\n{{ oops }}\n", encoding="utf-8")
    mail = '[mail]\ntemplates = "templates"\n'
    (house.folder / "relance.toml").write_text(TOML + mail, encoding="utf-8")
    house.at("2025-12-02").say("tick")
    said = house.type("calls", "--year", "2026", "--all", "--output", "calls.pdf")
    assert said.stderr.startswith("relance: fr/papers/call_for_dues.txt:3: « oops » is nothing that it may name here")
    assert "fr/papers/call_for_dues.txt:3" in {task["about"] for task in house.json("tasks")}


def test_a_call_leaves_with_its_file_which_an_admin_can_see(counter):
    counter.house.enter("A1", treasurer_email="tresor@a1.example")
    counter.pass_time("2024-12-02")
    write_words(counter)
    admin = counter.as_("admin")
    one, other = [message["id"] for message in admin.get("/outbox")["items"]]
    (file,) = admin.get(f"/outbox/{one}")["attachments"]
    assert (file["name"], file["media_type"]) == ("appel-2025-A1.pdf", "application/pdf")
    response = admin.ask("GET", f"/outbox/{one}/attachments/{file['name']}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/pdf"
    assert len(response.content) == file["size"]
    assert "Appel à cotisation 2025" in texts(response.content)[0]
    assert codes(response.content) == []  # no account is configured
    assert admin.ask("GET", f"/outbox/{other}/attachments/{file['name']}").content == response.content
    assert admin.refused("GET", f"/outbox/{one}/attachments/x.pdf") == (404, "not-found")
    assert admin.refused("GET", f"/outbox/99/attachments/{file['name']}") == (404, "not-found")
    assert counter.as_("treasurer").refused("GET", f"/outbox/{one}/attachments/{file['name']}")[0] == 403


def write_words(counter):
    """The outbox gets its words, as the service does it."""
    from api.mailroom import hooks_of

    with counter.store.write() as connection:  # accepted in the test without words
        connection.exec_driver_sql("UPDATE outbox_message SET status = 'pending'")
    hooks_of(counter.settings, counter.house.engine).write_words()


def test_the_secretary_prints_a_letter_and_the_decision_follows(counter):
    counter.heard()
    secretary = counter.as_("secretary")
    (summons,) = secretary.get("/letters")["items"]
    path = f"/letters/{summons['id']}"
    response = secretary.ask("GET", f"{path}.pdf")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/pdf")
    assert response.headers["content-disposition"] == f'inline; filename="summons-{summons["id"]}.pdf"'
    text = flat(texts(response.content))
    assert "à sa réunion du 24 septembre 2026 (décision 2026-09/1 – unanimité : 2 pour)" in text
    assert "jeudi 29 octobre 2026 à 18 h 30" in text
    assert secretary.ask("GET", f"{path}.pdf").content == response.content
    secretary.patch(path, {"posted_on": "2026-10-04"})
    counter.pass_time("2026-10-08")
    secretary.patch(path, {"first_presented_on": "2026-10-07", "outcome": "refused"})
    counter.pass_time("2026-10-29T19:00")
    assert secretary.ask("GET", f"{path}.pdf").content == response.content
    counter.house.vote("2026-10-29T19:30", "remove", S1="approve", S2="approve", S3="reject")
    counter.pass_time("2026-10-30")
    removal = secretary.get("/letters")["items"][-1]
    text = flat(texts(secretary.ask("GET", f"/letters/{removal['id']}.pdf").content))
    assert "réunion du 29 octobre 2026" in text
    assert "décision 2026-10/1 – 2 pour, 1 contre" in text
    assert "postée le 4 octobre 2026, présentée le 7 octobre 2026 et refusée" in text
    assert "l’interruption des services du 1er septembre 2025" in text
    assert "pas avant le 15 novembre 2026" in text


@pytest.mark.parametrize("role", ["treasurer", "reader", "S1"])
def test_only_the_secretary_prints_letters(counter, role):
    counter.heard()
    assert counter.as_(role).refused("GET", "/letters/1.pdf") == (403, "not-allowed")


def test_a_letter_that_is_not_there(counter):
    assert counter.as_("secretary").refused("GET", "/letters/1.pdf") == (404, "not-found")
    assert counter.as_("secretary").refused("GET", "/letters/x.pdf") == (422, "invalid")
