"""Configuration: what the shipped file says, what wins over what, and how each mistake is named."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from api.settings import Settings, config_template, load_settings, settings_from_mapping
from api.settings_sections import Language, MailMode, Tls
from engine.ballots import Base, CountingRule, QuorumCounts
from engine.calendar import MeetingRule, YearlyRule
from engine.errors import BadConfiguration
from engine.rules import Mode

IBAN = "FR76 3000 6000 0112 3456 7890 189"


def one_line(error: BadConfiguration) -> str:
    assert "\n" not in str(error)
    return str(error)


@pytest.fixture
def written(tmp_path: Path):
    """Write a relance.toml and return its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "relance.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def load_refusal(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(BadConfiguration) as caught:
        load_settings(path, environ or {})
    return one_line(caught.value)


# --- what is shipped -------------------------------------------------------------------------------------------------


def test_it_ships_a_file_that_says_the_defaults_for_an_example_organisation():
    shipped = settings_from_mapping(tomllib.loads(config_template()))
    assert shipped.organisation.name == "Les Hébergeurs associés"
    assert shipped == Settings(organisation=shipped.organisation)


def test_it_shows_every_key_in_the_shipped_file():
    text = config_template()

    def keys(kind: type[BaseModel]) -> set[str]:
        inner = [field.annotation for field in kind.model_fields.values()]
        deeper = (keys(kind) for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel))
        return {field.alias or name for name, field in kind.model_fields.items()}.union(*deeper)

    hidden = {"password"}  # never in the file
    assert [key for key in sorted(keys(Settings) - hidden) if key not in text] == []


def test_it_starts_from_the_year_of_the_assembly():
    steps = settings_from_mapping({}).calendar.steps()
    assert {name: (step.month, step.day, step.until) for name, step in steps.items()} == {
        "call": (12, 1, "02-28"),
        "campaign": (1, 15, "03-31"),
        "remind": (6, 1, "08-15"),
        "suspend": (9, 1, "11-30"),
        "summon": (10, 3, "12-31"),
        "lapse": (11, 30, "12-31"),
    }
    assert {(step.hour, step.minute, step.mode) for step in steps.values()} == {(9, 0, Mode.ACT)}
    assert steps["call"].until_month_day == (2, 28)


def test_it_starts_from_the_rules_of_the_board():
    board = settings_from_mapping({}).board
    assert board.meetings.month_numbers == (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12)
    assert (board.meetings.day, board.meetings.hour, board.meetings.minute) == ("last thu", 18, 30)
    assert (board.quorum, board.quorum_counts, board.base, board.fraction) == (
        "1/2",
        QuorumCounts.TOOK_PART,
        Base.CAST,
        "1/2",
    )
    assert (board.strict, board.casting_vote, board.remote_votes) == (True, False, True)
    assert (board.publish_days, board.notice_days, board.clear_days) == (10, 15, 3)


def test_it_starts_from_the_dues_the_brake_and_captured_mail():
    found = settings_from_mapping({})
    assert (found.dues.association_cents, found.dues.person_cents, found.dues.currency) == (2000, 1000, "EUR")
    assert found.dues.due_month_day == (1, 31)
    assert (found.organisation.tz.key, found.organisation.language) == ("Europe/Paris", Language.FRENCH)
    assert (found.safety.brake_share, found.safety.brake_min) == (0.10, 5)
    assert (found.database.url, found.scheduler.heartbeat_seconds) == ("sqlite:///relance.db", 300)
    assert (found.mail.mode, found.mail.tls, found.mail.secret()) == (MailMode.CAPTURE, Tls.NONE, None)


def test_it_cannot_be_changed_once_read():
    with pytest.raises(ValidationError, match="frozen"):
        settings_from_mapping({}).dues.association = "0.00"


def test_it_does_not_load_the_database_or_the_web_with_it():
    heavy = "import sys, api.settings_sections; print(sorted({'fastapi', 'sqlmodel'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- what wins over what ---------------------------------------------------------------------------------------------


def test_it_takes_the_environment_over_the_file_and_overrides_over_both(written):
    path = written('[dues]\nassociation = "30.00"\nperson = "15.00"\n[board]\nmeetings = { day = "last tue" }\n')
    environ = {
        "RELANCE_DUES__PERSON": "12.00",
        "RELANCE_BOARD__MEETINGS__HOUR": "20",
        "RELANCE_CALENDAR__REMIND__DAY": "3",
    }
    found = load_settings(path, environ, {"calendar.remind.day": 4})
    assert (found.dues.association, found.dues.person) == ("30.00", "12.00")
    assert (found.board.meetings.day, found.board.meetings.hour, found.board.meetings.minute) == ("last tue", 20, 30)
    assert (found.calendar.remind.day, found.calendar.remind.month, found.calendar.remind.until) == (4, 6, "08-15")


def test_it_reads_each_kind_of_value_from_the_environment(written):
    environ = {
        "RELANCE_BOARD__CASTING_VOTE": "true",
        "RELANCE_SAFETY__BRAKE_SHARE": "0.25",
        "RELANCE_CALENDAR__SUSPEND__MODE": "propose",
        "RELANCE_LEGAL__REMOVAL": "[Statuts, art. 7]",
        "RELANCE_BOARD__MEETINGS": '{ day = "2nd mon", months = "9" }',
        "RELANCE_WEBHOOKS__IN__LOOMIO__SEATS": '["S1", "S2"]',
        "RELANCE_MAIL__PASSWORD": "[]",
    }
    found = load_settings(written('[webhooks.in.Loomio]\nsecret_file = "s"\n'), environ)
    assert found.board.casting_vote is True
    assert found.safety.brake_share == 0.25
    assert found.calendar.suspend.mode is Mode.PROPOSE
    assert found.legal.removal == "[Statuts, art. 7]"
    assert (found.board.meetings.day, found.board.meetings.month_numbers) == ("2nd mon", (9,))
    assert found.webhooks.incoming["Loomio"].seats == ("S1", "S2")
    assert found.mail.secret() == "[]"


def test_it_finds_the_file_named_in_the_environment_or_else_in_the_current_folder(written, tmp_path, monkeypatch):
    path = written('[dues]\nperson = "11.00"\n')
    assert load_settings(environ={"RELANCE_CONFIG": str(path)}).dues.person == "11.00"
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ={}).dues.person == "11.00"


def test_it_counts_relative_files_from_the_folder_of_the_file(written, tmp_path):
    path = written('[mail]\npassword_file = "smtp"\n')
    (tmp_path / "smtp").write_text("s3cret\n")
    found = load_settings(path, {})
    assert found.mail.secret() == "s3cret"
    assert found.database.url == f"sqlite:///{tmp_path}/relance.db"
    absolute = load_settings(path, {"RELANCE_DATABASE__URL": "sqlite:////srv/relance.db"})
    assert absolute.database.url == "sqlite:////srv/relance.db"


@pytest.mark.parametrize(
    "config",
    [
        {"calendar": {"suspend": {"mode": "off"}}},
        {"calendar.suspend.mode": "off"},
        {"calendar": {"suspend.mode": "off"}},
        {"calendar": {"suspend": {"minute": 0}}, "calendar.suspend.mode": "off"},
    ],
)
def test_it_takes_single_keys_of_a_scenario_as_tables_or_dotted(config):
    suspend = settings_from_mapping(config).calendar.suspend
    assert suspend == settings_from_mapping({}).calendar.suspend.model_copy(update={"mode": Mode.OFF})


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"month": "jun"}, (6, 1, 9)),
        ({"month": "06", "day": " Last  THU "}, (6, "last thu", 9)),
        ({"day": "15", "hour": "10"}, (6, 15, 10)),
        ({"month": 2, "day": "last"}, (2, "last", 9)),
    ],
)
def test_it_reads_cron_fields_as_numbers_or_texts(config, expected):
    remind = settings_from_mapping({"calendar": {"remind": config}}).calendar.remind
    assert (remind.month, remind.day, remind.hour) == expected


@pytest.mark.parametrize(
    ("months", "expected"), [(10, (10,)), ("*", tuple(range(1, 13))), ("*/6", (1, 7)), ("sep-nov,1", (1, 9, 10, 11))]
)
def test_it_reads_the_months_of_the_meetings(months, expected):
    assert settings_from_mapping({"board.meetings.months": months}).board.meetings.month_numbers == expected


def test_it_takes_only_dates_that_the_engine_takes():
    found = settings_from_mapping({"board.meetings.months": "sep-nov/2, 1", "calendar.remind.month": "jun-jul/5"})
    assert found.board.meetings.months == "1,9,11"
    rules = [YearlyRule(name, step.month, step.day, step.hour) for name, step in found.calendar.steps().items()]
    assert [rule.name for rule in rules] == list(type(found.calendar).model_fields)
    assert MeetingRule(found.board.meetings.day, months=found.board.meetings.months).hour == 18


def test_it_takes_only_board_rules_that_the_engine_takes():
    board = settings_from_mapping({}).board
    assert CountingRule.from_texts(board.quorum, board.quorum_counts, board.base, board.fraction) == CountingRule()


def test_it_accepts_what_an_organisation_writes_about_itself():
    found = settings_from_mapping(
        {
            "organisation": {
                "name": "Fédération\u00a0: l’Autan",  # a no-break space is French, not a control character
                "iban": IBAN,
                "bic": "agri frpp",
                "email": "Bureau@asso.example",
                "website": "https://asso.example/adhérer",
                "address": "2 rue Haute\nBâtiment B",
            },
            "database.url": "postgresql+psycopg://relance:pw@localhost/relance",
        }
    )
    assert found.organisation.iban == "FR7630006000011234567890189"
    assert found.organisation.bic == "AGRIFRPP"
    assert found.sender == "Bureau@asso.example"
    assert "pw" not in repr(found)


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        ({"tls": True, "port": 465}, Tls.IMPLICIT),
        ({"tls": True, "port": 587}, Tls.STARTTLS),
        ({"tls": "false"}, Tls.NONE),
        ({"tls": "starttls"}, Tls.STARTTLS),
    ],
)
def test_it_reads_tls_as_a_word_or_as_yes_and_no(mail, expected):
    assert settings_from_mapping({"mail": mail}).mail.tls is expected


def test_it_takes_a_quorum_as_a_share_or_as_a_number_of_people():
    assert settings_from_mapping({"board.quorum": 5}).board.quorum == "5"
    assert settings_from_mapping({"board.quorum": "1/3"}).board.quorum == "1/3"
    assert settings_from_mapping({"board.fraction": "1/1", "board.strict": False}).board.fraction == "1/1"


def test_it_keeps_webhooks_by_their_secret_files(written, tmp_path):
    path = written(
        '[[webhooks.out]]\nurl = "https://a.example/h"\nevents = ["ballot"]\nsecret_file = "out"\n'
        '[webhooks.in.loomio]\nsecret_file = "in"\nseats = ["S1"]\n'
    )
    (tmp_path / "out").write_text("whsec_1")
    (tmp_path / "in").write_text("whsec_2")
    hooks = load_settings(path, {}).webhooks
    assert (hooks.outgoing[0].events, hooks.outgoing[0].signing_secret()) == (("ballot",), "whsec_1")
    assert (hooks.incoming["loomio"].seats, hooks.incoming["loomio"].verifying_secret()) == (("S1",), "whsec_2")


# --- refusals of a file, a secret or a variable -----------------------------------------------------------------------


def test_it_refuses_a_missing_file_and_says_how_to_get_one(tmp_path):
    message = load_refusal(tmp_path / "relance.toml")
    assert str(tmp_path / "relance.toml") in message
    assert "`relance init`" in message


def test_it_refuses_a_folder_in_place_of_the_file(tmp_path):
    assert "cannot be read" in load_refusal(tmp_path)


def test_it_names_the_line_that_is_not_utf8(written):
    message = load_refusal(written('[organisation]\nname = "Fédération"\n'.encode("latin-1")))
    assert "relance.toml, line 2: not UTF-8" in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[dues]\nassociation = 20.00 €\n", 2),
        ("[dues]\n\nassociation\n", 3),
        ('[dues]\nperson = "1.00"\nperson = "2.00"\n', 3),
        ("[dues]\n[dues]\n", 2),
        ("[dues]\nassociation =", 2),
        ('[dues]\ndue_on = "01', 2),
        ("[dues]\ndue_on = 2026-02-30\n", 2),
    ],
)
def test_it_names_the_line_that_is_not_toml(written, text, line):
    assert f"relance.toml, line {line}: " in load_refusal(written(text))


def test_it_refuses_brackets_nested_without_end(written):
    assert "nested too deeply" in load_refusal(written("a = " + "[" * 100_000))


def test_it_reads_a_file_saved_by_a_windows_editor(written):
    assert load_settings(written(b'\xef\xbb\xbf[dues]\r\nperson = "5.00"\r\n'), {}).dues.person_cents == 500


def test_it_names_the_file_in_which_a_key_is_wrong(written):
    message = load_refusal(written("[calendar.remind]\nhour = 2\n"))
    assert "relance.toml: calendar.remind.hour: got 2" in message


def test_it_does_not_split_dotted_names_of_the_file(written):
    assert "dues.person: unknown key" in load_refusal(written('"dues.person" = "5.00"\n'))


def test_it_refuses_a_password_in_the_file_and_says_where_it_belongs(written):
    message = load_refusal(written('[mail]\npassword = "s3cret"\n'))
    assert "mail.password: a secret is not written in the configuration" in message
    assert "password_file" in message
    assert "RELANCE_MAIL__PASSWORD" in message
    assert "s3cret" not in message


def test_it_never_shows_a_secret(written):
    environ = {"RELANCE_MAIL__PASSWORD": "s3cret", "RELANCE_WEBHOOKS__IN__L__SECRET": "s3cret"}
    found = load_settings(written(""), environ)
    assert "s3cret" not in repr(found)
    assert found.webhooks.incoming["l"].verifying_secret() == "s3cret"


def test_it_refuses_a_secret_given_twice(written):
    message = load_refusal(written('[mail]\npassword_file = "smtp"\n'), {"RELANCE_MAIL__PASSWORD": "s3cret"})
    assert "mail.password_file: the environment gives this secret too" in message


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_it_refuses_a_secret_file_that_says_nothing(written, tmp_path, content):
    found = load_settings(written('[mail]\npassword_file = "smtp"\n'), {})
    if content is not None:
        (tmp_path / "smtp").write_bytes(content)
    with pytest.raises(BadConfiguration) as caught:
        found.mail.secret()
    assert "mail.password_file" in one_line(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "what"),
    [
        ("RELANCE_MAIL__PROT", "25", "mail.prot (from RELANCE_MAIL__PROT): unknown key; did you mean port?"),
        ("RELANCE_MIAL__PORT", "25", "RELANCE_MIAL__PORT: unknown section; did you mean mail?"),
        ("RELANCE_MAIL_MODE", "capture", "RELANCE_MAIL_MODE: unknown; did you mean RELANCE_MAIL__MODE?"),
        ("RELANCE_MAIL____MODE", "capture", "RELANCE_MAIL____MODE"),
        ("RELANCE_CALENDAR__REMIND__HOUR", "2", "calendar.remind.hour (from RELANCE_CALENDAR__REMIND__HOUR): got '2'"),
        ("RELANCE_CALENDAR__RELANCE__DAY", "2", "calendar.relance: unknown key"),
        ("RELANCE_BOARD__CLEAR_DAYS", "", "board.clear_days (from RELANCE_BOARD__CLEAR_DAYS): got ''"),
        ("RELANCE_DUES", "5", None),
        ("RELANCE_DUES__PERSON__CENTS", "5", "dues.person: got a table; expected an amount"),
        ("RELANCE_ORGANISATION__NAME", "\udcff", "organisation.name (from RELANCE_ORGANISATION__NAME)"),
    ],
)
def test_it_refuses_a_wrong_variable_by_its_name(written, variable, value, what):
    path = written("")
    if what is None:
        assert load_settings(path, {variable: value}) == load_settings(path, {})
    else:
        assert what in load_refusal(path, {variable: value})


def test_it_leaves_other_programs_variables_alone(written):
    environ = {"PATH": "/bin", "OTHER__THING": "1", "RELANCE_CONFIG": "elsewhere", "RELANCE_SERVICE_HOST": "10.0.0.1"}
    assert load_settings(written(""), environ).dues.person == "10.00"
