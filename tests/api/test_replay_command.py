"""`relance replay` and `relance tour`: a year as a file, played in memory."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

YEARS = Path(__file__).parents[1] / "years"
STORY = """title = "Été"
from = 2024-11-30
until = 2025-01-31
seats = ["S1"]

[[association]]
number = "A0001"
name = "Vélo Lauragais"
joined_on = 2019-03-01
state = "paid"
"""


def step(text):
    """A scenario with one step more."""
    return f"{STORY}\n[[step]]\n{text}\n"


def test_json_has_the_shape_of_the_interface(bare):
    result = bare.json("replay", bare.write("year.toml", STORY))
    assert list(result) == ["ok", "final", "journal", "failures", "seconds"]
    assert (result["ok"], result["final"], result["failures"]) == (True, {"A0001": "called"}, [])
    assert isinstance(result["seconds"], float)
    assert result["journal"] == [
        {
            "at": "2024-12-01T08:00:00Z",
            "effective_at": "2024-12-01T08:00:00Z",
            "association": "A0001",
            "trigger": "call",
            "from": "paid",
            "to": "called",
            "cause": "calendar:call",
            "actor": "relance",
            "mails": ["call_for_dues"],
        },
        {
            "at": "2025-01-15T08:00:00Z",
            "effective_at": "2025-01-15T08:00:00Z",
            "association": "A0001",
            "trigger": "campaign",
            "from": "called",
            "to": "called",
            "cause": "calendar:campaign",
            "actor": "relance",
            "mails": ["renewal_campaign"],
        },
    ]


def test_a_member_that_joins_has_a_first_line_without_a_state_before(bare):
    joins = step('on = 2025-01-20\ndo = "join"\nassociation = "A0002"\nname = "Chorale"')
    last = bare.json("replay", bare.write("year.toml", joins))["journal"][-1]
    assert (last["association"], last["trigger"], last["from"], last["to"]) == ("A0002", "join", None, "called")


def test_it_tells_the_story_day_by_day_then_how_it_went(bare):
    lines = bare.say("replay", YEARS / "never-pays.toml")
    assert lines[0] == "Never pays, never heard from again"
    assert "2024-12-01  call              A0001  paid → called  [call_for_dues]" in lines
    assert "2025-08-28  board             A0001  suspend adopted (3 for, 0 against)" in lines
    assert "2026-10-30  remove            A0001  proposed_for_removal → removed  [removal]" in lines
    assert lines[-1].startswith("ok, 20 expectations held, ")
    assert lines[-1].endswith(" s")


def test_the_same_thing_to_many_is_one_line(bare):
    rows = "".join(f'[[association]]\nnumber = "B{number}"\nname = "B"\n' for number in range(5))
    lines = bare.say("replay", bare.write("year.toml", STORY + rows))
    assert "2024-12-01  call              6: A0001, B0, B1 …  paid → called  [call_for_dues]" in lines
    everybody = bare.say("replay", bare.write("year.toml", STORY + rows), "--all")
    assert "2024-12-01  call              A0001, B0, B1, B2, B3, B4  paid → called  [call_for_dues]" in everybody


def test_an_expectation_that_fails_is_told_and_exits_1(bare):
    story = bare.write("year.toml", step('on = 2024-12-02\nexpect = { A0001 = "paid" }'))
    result = bare.type("replay", story, code=1)
    assert "✗ step 1 (2024-12-02 11:00 UTC): expected A0001 = paid, got called" in result.stdout.splitlines()
    assert result.stderr.startswith("relance: failed, 1 expectation does not hold, ")
    printed = json.loads(bare.type("replay", story, "--json", code=1).stdout)
    assert printed["ok"] is False
    assert printed["failures"] == [
        {"step": "step 1 (2024-12-02 11:00 UTC)", "expected": "A0001 = paid", "got": "called"}
    ]


def test_a_step_that_is_refused_ends_it(bare):
    story = bare.write("year.toml", step('on = 2024-11-30\ndo = "pay"\nassociation = "A0001"'))
    result = bare.type("replay", story, code=1)
    assert "refused: nothing-owed" in result.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "year.toml: Invalid value (at end of document)"),
        ("until = 2025-01-01", "from must be a date such as 2024-11-30"),
        (STORY.replace("title", "titel"), "unknown key 'titel'"),
        (STORY.replace('"paid"', '"payed"'), "association A0001: state must be one of paid, called"),
        (STORY.replace("2019-03-01", '"2019"'), "association A0001: joined_on must be a day such as 2025-08-28"),
        (STORY.replace("[[association]]", "[association]"), "association must be a list of tables"),
        (STORY.replace('["S1"]', "7"), "seats must be a list of texts, not 7"),
        (step('do = "pay"'), "step 1 has no `on`"),
        (step("on = 2025-01-01"), "step 1 needs either `do` or `expect`"),
        (
            step('on = 2025-01-01\ndo = "pay"\nassociation = "A0001"\nyear = "x"'),
            "year.toml: step 1: year must be a ye",
        ),
        (
            step('on = 2025-01-01\ndo = "hold"\nassociation = "A0001"\nto = "x"'),
            "year.toml: step 1: to must be a day s",
        ),
        (step('on = 2025-01-01\ndo = "vote"\ntrigger = "suspend"\nvotes = ["S1"]'), "step 1: votes must be a table"),
        (
            step('on = 2025-01-01\ndo = "letter"\nassociation = "*"\noutcome = "x"'),
            "step 1: outcome must be one of deli",
        ),
        (step("on = 2025-01-01\nexpect = { counts = 3 }"), "step 1: expect counts must be a table of numbers, not 3"),
        (step("on = 2025-01-01\nexpect = { no_task = ['brake'] }"), "step 1: expect no_task must be a text"),
        (step("on = 2025-01-01\nexpect = { no_task = ['brake'] }"), "did you mean no_tasks?"),
        (step("on = 2025-01-01\nexpect = { no_tasks = ['brak'] }"), "'brak' is unknown; did you mean brake?"),
        (step("on = 2025-01-01\nexpect = { counts = { payed = 0 } }"), "'payed' is unknown; did you mean paid?"),
        (step("on = 2025-01-01\nexpect = { A0001 = 'payed' }"), "expect A0001: 'payed' is unknown"),
        (step("on = 2025-01-01\nexpect.board_mails = { S2 = [] }"), "'S2' is unknown; it is one of S1"),
        (step("on = 2025-01-01\nexpect.board_mails = { S1 = ['agend'] }"), "'agend' is unknown; did you mean agenda?"),
        (
            step("on = 2025-01-01\ndo = 'record'\ntrigger = 'suspend'\ncounts = { aprove = 1 }"),
            "'aprove' is unknown; did you mean approve?",
        ),
        (step("on = 2025-01-01\ndo = 'record'\nrest = 'yes'"), "rest must be one of approve, reject, abstain"),
        (step("on = 2025-01-01\ndo = 'postpone'\nuntil = 'soon'"), "until must be a day such as 2025-08-28"),
        (step("on = 2025-01-01\nexpect = { A0002 = 'paid' }"), "'A0002' is unknown; did you mean A0001?"),
        (
            step("on = 2025-01-01\nexpect.ballots = { 'suspnd/A0001' = 'none' }"),
            "'suspnd' is unknown; did you mean susp",
        ),
        (
            step("on = 2025-01-01\nexpect.ballots = { 'suspend/A0001' = 'adoptd' }"),
            "'adoptd' is unknown; did you mean ad",
        ),
        (step("on = 2025-01-01\nexpect.mails = { A0001 = ['remind'] }"), "'remind' is unknown; did you mean reminder?"),
        (
            step("on = 2025-01-01\nexpect.orders = { A0001 = ['cut website'] }"),
            "'cut' is unknown; it is one of suspend",
        ),
        (step('on = 2025-01-01\ndo = "close"\ntrigger = "suspnd"'), "trigger: 'suspnd' is unknown"),
        (STORY.replace('["S1"]', '["S1|S2"]'), "seats: 'S1|S2' is not made of letters"),
        (STORY.replace('["S1"]', '["S1", "S1"]'), "seats: S1 is there twice"),
        (f'{STORY}email = "a@b.example\\r\\nBcc: c@d.example"\n', "A0001: email: contains a line break"),
        (f'{STORY}email = "a.example"\n', "A0001: email: 'a.example' is no mail address"),
        (f'{STORY}services = ["web site"]\n', "A0001: services: 'web site' is no plain word"),
        (f"{STORY}[config]\nx = 3\n", "x: unknown key; expected one of organisation"),
        (f"{STORY}[config.calendar.remind]\nmonth = 2\nday = 29\n", "29 February comes once in four years"),
    ],
)
def test_a_malformed_scenario_is_refused_in_one_line(bare, text, said):
    assert said in bare.refused("replay", bare.write("year.toml", text))


def test_a_file_that_is_not_there_or_not_text_is_refused(bare):
    assert "there is no such file" in bare.refused("replay", "none.toml")
    (bare.folder / "bytes.toml").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in bare.refused("replay", "bytes.toml")


def test_a_field_that_no_verb_reads_is_named(bare):
    story = bare.write("year.toml", step('on = 2025-01-05\ndo = "pay"\nassociation = "A0001"\nanount = "5.00"'))
    result = bare.type("replay", story)
    assert result.stderr == "relance: step 1: pay does not know 'anount': ignored\n"


def test_the_tour_shows_the_dates_that_matter(bare):
    lines = bare.say("tour")
    assert lines[0] == "The whole register, two years: 152 members"
    assert "2025-06-01 reminder     120    ·   32    ·    ·    ·    ·    127   1\u202f820     630" in lines
    assert "2026-10-29 hearing      139    ·    ·    9    ·    4    ·      4       ·     340" in lines
    register = str(files("workflows.membership").joinpath("demo"))  # where it is installed is nobody's to shorten
    assert max(len(line.replace(register, "demo")) for line in lines) <= 80
    assert any(line.startswith("paid = à jour · called = cotisation à régler") for line in lines)
    assert [line for line in lines if " show " in line]


def test_the_tour_uses_a_wide_terminal(bare, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    lines = bare.say("tour")
    assert any(line.startswith("2024-12-01 call for dues · appel à cotisation") for line in lines)
    assert max(map(len, lines[:25])) <= 120


def test_the_tour_says_when_its_register_is_missing(bare, monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.resources.files", lambda _package: tmp_path / "nowhere")
    assert bare.refused("tour").startswith("the fictional register is not installed here: ")


def test_files_of_a_scenario_are_looked_for_beside_it(bare):
    folder = bare.folder / "years"
    folder.mkdir()
    shutil.copy(YEARS / "board-of-five.csv", folder)
    (folder / "year.toml").write_text(STORY.replace('seats = ["S1"]', 'board = "board-of-five.csv"'), encoding="utf-8")
    assert bare.json("replay", "years/year.toml")["ok"]
