"""Each wrong value of the configuration is refused by the name of its key, with what was expected."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.settings import Settings, settings_from_mapping
from engine.errors import BadConfiguration

IBAN = "FR76 3000 6000 0112 3456 7890 189"


def refusal(mapping: dict[str, Any]) -> str:
    with pytest.raises(BadConfiguration) as caught:
        settings_from_mapping(mapping)
    message = str(caught.value)
    assert "\n" not in message
    return message


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    # unknown keys
    ({"borad": {}}, "borad", "did you mean board?"),
    ({"board.quorom": "1/2"}, "board.quorom", "did you mean quorum?"),
    ({"board.meetings.place": "x"}, "board.meetings.place", "expected one of months, day, hour, minute"),
    ({"calendar.relance.day": 1}, "calendar.relance", "expected one of call, campaign, remind, suspend, summon, lapse"),
    ({"calendar.remind.second": 1}, "calendar.remind.second", "unknown key"),
    ({"webhooks.incoming": {}}, "webhooks.incoming", "expected one of out, in"),
    (
        {"webhooks": {"out": [{"url": "https://a.example", "event": []}]}},
        "webhooks.out[0].event",
        "did you mean events?",
    ),
    ({"bad\nname": 1}, "bad\\nname", "unknown key"),
    # shapes
    ({"mail": 3}, "mail", "expected a table"),
    ({"calendar": "x"}, "calendar", "expected a table"),
    ({"calendar.call": 12}, "calendar.call", "expected a table"),
    ({"webhooks.in": []}, "webhooks.in", "expected a table"),
    ({"webhooks": {"out": {"url": "https://a.example"}}}, "webhooks.out", "expected a list"),
    ({"organisation.name": 3}, "organisation.name", "got 3; expected text between quotes"),
    ({"organisation.name": " "}, "organisation.name", "expected some text"),
    ({"organisation.name": "A\nBcc: b"}, "organisation.name", "expected text on one line"),
    ({"organisation.name": "A" * 301}, "organisation.name", "expected at most 300 characters"),
    ({"organisation.name": "\ud800"}, "organisation.name", "UTF-8"),
    ({"legal.removal": "art.\x00 7"}, "legal.removal", "without control characters"),
    ({"board.strict": "perhaps"}, "board.strict", "expected true or false"),
    # the organisation
    ({"organisation.timezone": "Europe/Ramonville"}, "organisation.timezone", 'such as "Europe/Paris"'),
    ({"organisation.timezone": "Europe"}, "organisation.timezone", "expected a time zone"),
    ({"organisation.timezone": "../etc"}, "organisation.timezone", "expected a time zone"),
    ({"organisation.timezone": ""}, "organisation.timezone", "expected a time zone"),
    ({"organisation.language": "de"}, "organisation.language", "expected 'fr' or 'en'"),
    ({"organisation.email": "bureau@"}, "organisation.email", "expected an e-mail address"),
    ({"organisation.email": "a@b.example, c@d.example"}, "organisation.email", "expected an e-mail address"),
    ({"organisation.website": "asso.example"}, "organisation.website", "https://"),
    ({"organisation.iban": IBAN.replace("189", "188")}, "organisation.iban", "checksum"),
    ({"organisation.iban": "FR76 3000"}, "organisation.iban", "expected an IBAN"),
    ({"organisation.iban": "FR" + "0" * 20}, "organisation.iban", "expected an IBAN"),
    ({"organisation.bic": "AGRI"}, "organisation.bic", "8 or 11"),
    # the database
    ({"database.url": "mysql://root:pw@h/d"}, "database.url", "sqlite:///relance.db or postgresql+psycopg://"),
    ({"database.url": "postgresql://h/d"}, "database.url", "got 'postgresql'"),
    ({"database.url": "relance.db"}, "database.url", "expected sqlite"),
    # dues
    ({"dues.association": "20"}, "dues.association", 'such as "20.00"'),
    ({"dues.association": "20,00"}, "dues.association", 'such as "20.00"'),
    ({"dues.association": 20.0}, "dues.association", "between quotes"),
    ({"dues.association": "-20.00"}, "dues.association", "got '-20.00'"),
    ({"dues.association": "20.005"}, "dues.association", "two decimals"),
    ({"dues.association": "NaN"}, "dues.association", "two decimals"),
    ({"dues.person": float("nan")}, "dues.person", "got nan"),
    ({"dues.person": float("inf")}, "dues.person", "got inf"),
    ({"dues.person": "²0.00"}, "dues.person", "two decimals"),
    ({"dues.person": "99999999.00"}, "dues.person", "two decimals"),
    ({"dues.currency": "€"}, "dues.currency", '"EUR"'),
    ({"dues.due_on": "31-01"}, "dues.due_on", "a month and a day"),
    ({"dues.due_on": "1-31"}, "dues.due_on", "a month and a day"),
    ({"dues.due_on": "02-29"}, "dues.due_on", "29 February"),
    # the calendar
    ({"calendar.remind.hour": 2}, "calendar.remind.hour", "got 2; expected one hour from 4 to 23"),
    ({"calendar.remind.hour": "2"}, "calendar.remind.hour", "clock change"),
    ({"calendar.remind.hour": 24}, "calendar.remind.hour", "from 4 to 23"),
    ({"calendar.remind.hour": "*/2"}, "calendar.remind.hour", "which is 10 hours"),
    ({"calendar.remind.hour": True}, "calendar.remind.hour", "got true"),
    ({"calendar.remind.minute": 60}, "calendar.remind.minute", "from 0 to 59"),
    ({"calendar.remind.minute": "*/0"}, "calendar.remind.minute", "from 0 to 59"),
    ({"calendar.remind.month": 13}, "calendar.remind.month", "from 1 to 12"),
    ({"calendar.remind.month": "juin"}, "calendar.remind.month", "from 1 to 12"),
    ({"calendar.remind.month": "6,7"}, "calendar.remind.month", "which is 2 months"),
    ({"calendar.remind.month": "9-6"}, "calendar.remind.month", "from 1 to 12"),
    ({"calendar.remind.month": 6.0}, "calendar.remind.month", "from 1 to 12"),
    ({"calendar.remind.day": 31}, "calendar.remind.day", 'got 31; expected 1 to 30 in month 6, or "last"'),
    ({"calendar.remind.day": 0}, "calendar.remind.day", "from 1 to 31"),
    ({"calendar.remind.day": "5th mon"}, "calendar.remind.day", '"2nd mon"'),
    ({"calendar.remind.day": "dernier jeudi"}, "calendar.remind.day", '"last thu"'),
    ({"calendar.remind.month": 2, "calendar.remind.day": 29}, "calendar.remind.day", "29 February"),
    ({"calendar.call.until": "02-29"}, "calendar.call.until", "29 February"),
    ({"calendar.call.until": "fin février"}, "calendar.call.until", 'such as "08-15"'),
    ({"calendar.remind.until": "05-31"}, "calendar.remind.until", "got '05-31', which is before the step's own day"),
    ({"calendar.suspend.month": 12}, "calendar.suspend.until", "or of the next within half a year"),
    ({"calendar.suspend.day": "last thu", "calendar.suspend.until": "09-27"}, "calendar.suspend.until", "same year"),
    ({"calendar.call.mode": "on"}, "calendar.call.mode", "expected 'act', 'propose' or 'off'"),
    # the board
    ({"board.meetings.hour": 3}, "board.meetings.hour", "from 4 to 23"),
    ({"board.meetings.months": "1-13"}, "board.meetings.months", "from 1 to 12"),
    ({"board.meetings.months": ""}, "board.meetings.months", "from 1 to 12"),
    ({"board.meetings.day": 30}, "board.meetings.day", "in month 2"),
    ({"board.meetings.day": "thursday"}, "board.meetings.day", '"last thu"'),
    ({"board.quorum": "3/2"}, "board.quorum", 'such as "1/2"'),
    ({"board.quorum": "1/0"}, "board.quorum", 'such as "1/2"'),
    ({"board.quorum": "-1/2"}, "board.quorum", 'such as "1/2"'),
    ({"board.quorum": 0.5}, "board.quorum", "got 0.5"),
    ({"board.fraction": "1/1"}, "board.fraction", "nobody exceeds all"),
    ({"board.quorum_counts": "all"}, "board.quorum_counts", "'took_part'"),
    ({"board.base": "members"}, "board.base", "'cast'"),
    ({"board.publish_days": 1}, "board.publish_days", "got 1; expected 2 or more"),
    ({"board.notice_days": -1}, "board.notice_days", "0 or more"),
    ({"board.clear_days": -1}, "board.clear_days", "0 or more"),
    ({"board.clear_days": True}, "board.clear_days", "a whole number"),
    ({"board.clear_days": 2.5}, "board.clear_days", "a whole number"),
    ({"board.clear_days": 1 << 20000}, "board.clear_days", "far too large"),
    # mail, webhooks
    ({"mail.mode": "test"}, "mail.mode", "expected 'capture' or 'live'"),
    ({"mail.mode": "live"}, "mail.from_address", "live mail needs a sender"),
    ({"mail.port": 0}, "mail.port", "1 or more"),
    ({"mail.port": 65536}, "mail.port", "65535 or less"),
    ({"mail.port": "smtp"}, "mail.port", "a whole number"),
    ({"mail.tls": "ssl3"}, "mail.tls", "'starttls'"),
    ({"mail.max_per_minute": 0}, "mail.max_per_minute", "1 or more"),
    ({"mail.from_address": "Le PIC"}, "mail.from_address", "expected an e-mail address"),
    ({"mail.password": "s3cret"}, "mail.password", "RELANCE_MAIL__PASSWORD"),
    ({"webhooks.in.loomio.secret": "s3cret"}, "webhooks.in.loomio.secret", "name a file with secret_file"),
    ({"webhooks": {"out": [{"secret": "s3cret"}]}}, "webhooks.out[0].secret", "name a file with secret_file"),
    ({"webhooks.in.loomio.seats": ["S1"]}, "webhooks.in.loomio.secret_file", "missing"),
    ({"webhooks": {"in": {"my source": {"secret_file": "s"}}}}, "webhooks.in.my source", "letters, digits"),
    ({"webhooks": {"out": [{"url": "ftp://a.example"}]}}, "webhooks.out[0].url", "https://"),
    ({"webhooks": {"out": [{"url": "https://évêché.example/x"}]}}, "webhooks.out[0].url", "expected xn--"),
    ({"webhooks": {"out": [{"url": "https://a.example/évêché"}]}}, "webhooks.out[0].url", "%C3%A9"),
    ({"webhooks": {"out": [{"url": "https://me:s3cret@[::1/x"}]}}, "webhooks.out[0].url", "https://"),
    ({"webhooks": {"out": [{"url": "https://a.example:x/s3cret"}]}}, "webhooks.out[0].url", "https://"),
    ({"webhooks": {"out": [{}]}}, "webhooks.out[0].url", "missing"),
    ({"webhooks": {"out": [{"url": "https://a.example", "events": "all"}]}}, "webhooks.out[0].events", "a list"),
    # safety, scheduler
    ({"safety.brake_share": 10}, "safety.brake_share", "a share from 0 to 1"),
    ({"safety.brake_share": "10 %"}, "safety.brake_share", "such as 0.10"),
    ({"safety.brake_share": float("nan")}, "safety.brake_share", "got nan"),
    ({"safety.brake_share": float("-inf")}, "safety.brake_share", "got -inf"),
    ({"safety.brake_share": True}, "safety.brake_share", "got true"),
    ({"safety.brake_min": -1}, "safety.brake_min", "0 or more"),
    ({"safety.ping_url": "hc-ping.example/x"}, "safety.ping_url", "https://"),
    ({"safety.ping_url": "http://a.example:99999/"}, "safety.ping_url", "https://"),
    ({"scheduler.heartbeat_seconds": 9}, "scheduler.heartbeat_seconds", "10 or more"),
]


@pytest.mark.parametrize(("config", "key", "what"), REFUSED)
def test_it_refuses_a_wrong_value_naming_its_key_and_what_is_expected(config, key, what):
    message = refusal(config)
    assert key in message
    assert what in message
    assert "s3cret" not in message
    assert "pw" not in message


def test_it_names_all_that_is_wrong_at_once():
    message = refusal({"dues.person": "free", "mail.port": 0, "calendar.call.hour": 1})
    assert all(key in message for key in ("dues.person", "mail.port", "calendar.call.hour"))


toml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
every_key = [
    f"{section}.{key}"
    for section, field in Settings.model_fields.items()
    for key in field.annotation.model_fields  # type: ignore[union-attr]
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*every_key, "calendar.call.day", "webhooks.in.a"]), toml_values, max_size=3))
def test_it_refuses_whatever_is_wrong_in_one_line_or_takes_it(config):
    try:
        taken = settings_from_mapping(config)
    except BadConfiguration:
        refusal(config)
    else:
        assert settings_from_mapping(taken.model_dump(by_alias=True, exclude_none=True)) == taken
