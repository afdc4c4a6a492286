"""Candidates at a terminal: entered, changed, withdrawn, voted on; candidates.csv in and out without loss."""

import pytest

HEADER = (
    "number,name,kind,applied_on,contact_name,contact_role,email,treasurer_name,treasurer_email,address,postcode,city,"
    "region,country,language,themes,services,presented_by,note,phone,conditions,put_off_until,state,since"
)
ADD = ("candidate", "add", "--name", "Ciné-club", "--email", "contact@cine.example")


def row(number, name, *, email="a@b.example", services="", note="", conditions="", state="", since=""):
    cells = [number, name, "association", "2024-11-15", "", "", email, *[""] * 6, "FR", "fr", "", services, "S1", note]
    return ",".join([*cells, "", conditions, "", state, since])


def file_of(*rows):
    return "\n".join([HEADER, *rows]) + "\n"


def test_it_is_added_under_the_next_number_shown_and_listed(desk):
    said = desk.say(*ADD, "--presented-by", "S2", "--service", "website:cine.example", "--note", "vu en novembre")
    assert any("apply" in line and "A0004" in line for line in said)
    shown = desk.json("candidate", "show", "A0004")
    assert (shown["state"], shown["presented_by"], shown["note"]) == ("candidate", "S2", "vu en novembre")
    assert shown["services"] == [{"kind": "website", "identifier": "cine.example"}]
    assert [(one["event"], one["happens"]) for one in shown["next"]] == [("admit", True)]
    assert desk.json("candidate")[0]["number"] == "A0004"
    assert desk.say("candidate", "--state", "refused") == ["No candidate."]
    text = desk.say("candidate", "show", "A0004")
    assert text[0] == "A0004  Ciné-club"
    assert text[2] == "candidate · candidature"
    assert "Asks  website cine.example" in text
    assert any("agenda: Admit it?" in line for line in text)


def test_show_and_status_know_candidates_too(desk):
    desk.say(*ADD)
    assert desk.say("show", "A0004")[0] == "A0004  Ciné-club"
    assert desk.json("show", "A0004")["state"] == "candidate"
    assert any(line.split()[:2] == ["1", "candidate"] for line in desk.say("status"))
    assert desk.refused("show", "A0999") == "There is no association A0999"
    assert desk.refused("candidate", "show", "A0001") == "There is no candidate A0001"


def test_it_is_changed_and_withdrawn(desk):
    desk.say(*ADD)
    said = desk.say("candidate", "change", "A0004", "--conditions", "signe la charte", "--city", "Ramonville")
    assert any("conditions: signe la charte" in line for line in said)
    assert any("Conditions: signe la charte" in line for line in desk.say("candidate", "show", "A0004"))
    desk.say("candidate", "withdraw", "A0004", "--reason", "ailleurs", "--by", "Dora")
    assert desk.json("candidate")[0]["state"] == "withdrawn"
    assert "already withdrawn" in desk.refused("candidate", "withdraw", "A0004")
    assert "kept as it was" in desk.refused("candidate", "change", "A0004", "--note", "x")


def test_what_cannot_be_is_refused_in_one_line(desk):
    assert "A0001 is taken" in desk.refused(*ADD, "--number", "A0001")
    assert desk.refused(*ADD, "--email", "nowhere").startswith("--email: 'nowhere' is no mail address")
    assert "KIND:IDENTIFIER" in desk.refused(*ADD, "--service", "website")
    assert "neither a seat nor a member's number" in desk.refused(*ADD, "--presented-by", "S9")
    assert "in the future" in desk.refused(*ADD, "--on", "2025-06-01")
    desk.say(*ADD)
    assert "board has not decided yet" in desk.refused("join", "A0004", "--name", "Une autre")


@pytest.fixture
def evening(desk):
    """The meeting of January 2025: Ciné-club and another are asked about."""
    desk.say(*ADD, "--conditions", "signe la charte")
    desk.say("candidate", "add", "--name", "Autre", "--email", "autre@autre.example")
    desk.at("2025-01-21").type("tick")
    return desk.at("2025-01-30T19:00")


def test_the_board_s_commands_answer_it(evening):
    desk = evening
    assert [(one["association"], one["trigger"]) for one in desk.json("ballots")] == [
        ("A0004", "admit"),
        ("A0005", "admit"),
    ]
    desk.say("vote", "admit", "A0004", "S1=approve", "S2=approve")
    said = desk.say("close", "admit", "A0004")
    assert any("Ballot 1, admit A0004: adopted" in line for line in said)
    desk.say("record", "admit", "A0005", "--present", "S1,S2", "--unanimous", "reject", "--conditions", "aucune")
    assert {one["number"]: one["state"] for one in desk.json("candidate")} == {"A0004": "admitted", "A0005": "refused"}
    member = desk.json("show", "A0004")
    assert (member["state"], member["joined_on"], member["owed"]) == ("called", "2025-01-30", "20.00")
    assert "relance leave A0004" in desk.refused(
        *("annul", "admit", "A0004", "--reason", "une erreur", "--by", "Ana", "--by", "Bilal")
    )
    assert desk.say("verify")[-1].startswith("ok, 4 members")
    bodies = dict(desk.rows("SELECT kind, body FROM outbox_message WHERE recipient LIKE '%cine%' OR kind LIKE 'not_%'"))
    assert "signe la charte" in bodies["admitted"]
    assert "n’a pas pu y répondre favorablement" in bodies["not_admitted"].replace("\u00a0", " ")
    assert "Appel à cotisation" in dict(desk.rows("SELECT kind, subject FROM outbox_message"))["call_for_dues"]


def test_the_board_s_mails_name_candidates(evening):
    [(body,)] = evening.rows("SELECT body FROM outbox_message WHERE kind = 'agenda' AND recipient LIKE 'ana%'")
    assert "A0004 Ciné-club" in body
    assert any("admit 2" in line for line in evening.say("next"))


def test_importing_twice_changes_nothing_and_a_changed_file_shows_its_differences(desk):
    path = desk.write(
        "candidates.csv", file_of(row("A0010", "Un", services="list:un@un.example"), row("A0011", "Deux"))
    )
    assert desk.say("import", "candidates", path, "--dry-run")[-1].startswith("2 added, 0 changed, 0 unchanged")
    assert desk.say("import", "candidates", path)[-1] == "2 added, 0 changed, 0 unchanged"
    before = desk.dump()
    assert desk.say("import", "candidates", path)[-1] == "0 added, 0 changed, 2 unchanged"
    assert desk.dump() == before
    desk.write("candidates.csv", file_of(row("A0010", "Un", note="vue"), row("A0011", "Deux")))
    said = desk.say("import", "candidates", path)
    assert "  A0010  note: (empty) → vue" in said
    assert "  A0010  services: list:un@un.example → (empty)" in said
    assert said[-1] == "0 added, 1 changed, 1 unchanged"
    assert desk.rows("SELECT count(*) FROM outbox_message") == [(0,)]


def test_every_refused_line_is_named_and_nothing_is_written(desk):
    rows = (
        row("A0001", "Déjà membre"),
        row("A0012", "", services="website"),
        row("A0013", "Bonne"),
        row("A0013", "Encore", state="paid"),
    )
    path = desk.write("candidates.csv", file_of(*rows))
    before = desk.dump()
    lines = desk.type("import", "candidates", path, code=1).stderr.splitlines()
    assert [line.split(": ")[1].rpartition(":")[2] for line in lines] == ["2", "3", "5"]
    assert "A0001 is a member" in lines[0]
    assert "name is empty" in lines[1]
    assert "'website' is not KIND:IDENTIFIER" in lines[1]
    assert "'paid' is unknown" in lines[2]
    assert desk.dump() == before


def test_it_comes_back_from_an_export_without_loss(desk, tmp_path_factory):
    rows = (
        row("A0010", "Attend", services="website:a.example|list:l@a.example", note="=1+1", conditions="signe"),
        row("A0011", "Refusée", state="refused", since="2024-11-28"),
        row("A0012", "Partie", state="withdrawn", since="2024-11-20"),
        row("A0002", "Chorale d'Oc", state="admitted", since="2024-10-31"),
    )
    desk.say("import", "candidates", desk.write("candidates.csv", file_of(*rows)))
    desk.say("export", "out")
    first = (desk.folder / "out" / "candidates.csv").read_text(encoding="utf-8")
    assert first.count("\n") == 5
    assert "'=1+1" in first
    assert desk.say("import", "candidates", "out/candidates.csv")[-1] == "0 added, 0 changed, 4 unchanged"
    (desk.folder / "relance.db").unlink()
    for path in desk.folder.glob("relance.db-*"):
        path.unlink()
    (desk.folder / "relance.toml").unlink()
    desk.type("init")
    for kind in ("associations", "services", "board", "candidates"):
        desk.type("import", kind, f"out/{kind}.csv")
    desk.say("export", "again")
    assert (desk.folder / "again" / "candidates.csv").read_text(encoding="utf-8") == first
    assert desk.say("verify")[-1].startswith("ok, 3 members")


def test_a_file_moves_nobody_that_is_already_there(desk):
    path = desk.write("candidates.csv", file_of(row("A0010", "Un")))
    desk.say("import", "candidates", path)
    desk.write("candidates.csv", file_of(row("A0010", "Un", state="admitted")))
    assert "a file moves nobody" in desk.refused("import", "candidates", path)


def test_the_statement_of_a_takeover_names_those_who_wait(desk):
    desk.say("import", "candidates", desk.write("candidates.csv", file_of(row("A0010", "Un"))))
    assert "1 waiting for the board to admit them: A0010 Un" in desk.say("takeover")
    assert [one["number"] for one in desk.json("takeover")["candidates"]] == ["A0010"]


def test_its_page_is_drawn(desk):
    said = desk.say("graph", "--workflow", "admission")
    assert "    candidate --> admitted : admit<br>board, at any meeting" in said


def test_a_simulated_board_admits_it(desk):
    desk.say(*ADD)
    asked = ("simulate", "--from", "2024-12-03", "--until", "2025-02-28", "--assume", "everybody-pays")
    final = desk.json(*asked)["final"]
    assert final["A0004"] == "paid"
    assert "A0004" not in desk.json(*asked, "--board", "rejects")["final"]
