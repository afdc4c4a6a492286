"""Mails that wait while the member pays, leaves or is dealt with otherwise: which of them may still leave."""

from datetime import date

import pytest

from workflows.membership import members
from workflows.membership.relevance import TELLS, no_longer_right
from workflows.membership.words import Mail, State

SETTLED = "what it asks for was settled meanwhile"


def wrong(house, number="A0001"):
    """By kind: why a mail to a member has become wrong."""
    sql = """SELECT m.id, m.kind FROM outbox_message m JOIN workflow_instance i ON i.id = m.instance_id
        WHERE i.subject = ? ORDER BY m.id"""
    kinds = dict(house.rows(sql, number))
    with house.engine.store.read() as connection:
        found = no_longer_right(connection, list(kinds))
    return {kinds[message]: why for message, why in found.items()}


def leave(house, text, number="A0001"):
    with house.acting(text) as work:
        members.leave(work, members.find(work, number), house.at(text).date(), "")


@pytest.fixture
def called(house):
    """A0001 and A0002 are called for 2025."""
    house.enter("A0001", "A0002")
    house.tick("2024-12-02")
    assert house.mails("A0001") == ["call_for_dues"]
    return house


@pytest.fixture
def reminded(called):
    """They got the campaign, and are reminded."""
    called.tick("2025-06-02")
    assert called.mails("A0001") == ["call_for_dues", "renewal_campaign", "reminder"]
    return called


@pytest.fixture
def listed(reminded):
    """The board will look at them."""
    reminded.accept("2025-06-02")
    reminded.tick("2025-08-20")
    assert reminded.mails("A0001")[-1] == "last_call"
    return reminded


@pytest.fixture
def cut(listed):
    """Their services are interrupted."""
    listed.vote("2025-08-28", "suspend", S1="approve", S2="approve")
    listed.tick("2025-09-02")
    assert listed.state("A0001") == "suspended"
    return listed


def test_as_long_as_nothing_happens_all_is_right(cut):
    assert wrong(cut) == {
        "reminder": "is suspended by now",
        "renewal_campaign": "is suspended by now",
        "last_call": "is suspended by now",
    }


def test_whoever_has_paid_is_not_asked(called):
    assert wrong(called) == {}
    called.pay("2024-12-05", ("A0001", 2000, 2025))
    assert wrong(called) == {"call_for_dues": SETTLED}
    assert wrong(called, "A0002") == {}


def test_a_part_does_not_settle_it(reminded):
    assert wrong(reminded) == {}
    reminded.pay("2025-06-03", ("A0001", 500, 2025))
    assert wrong(reminded) == {}
    reminded.pay("2025-06-04", ("A0001", 1500, 2025))
    assert wrong(reminded) == {
        "call_for_dues": SETTLED,
        "renewal_campaign": "is paid by now",
        "reminder": "is paid by now",
    }


def test_one_of_two_years_settled_leaves_the_other(house):
    house.enter("A0001", state=State.CALLED, owes=(2023, 2024))
    house.tick("2025-01-16")
    assert house.mails("A0001") == ["call_for_dues", "renewal_campaign"]
    house.pay("2025-01-17", ("A0001", 2000, 2023))
    assert wrong(house) == {}
    house.pay("2025-01-18", ("A0001", 2000, 2025))
    assert wrong(house) == {"call_for_dues": SETTLED}
    house.pay("2025-01-19", ("A0001", 2000, 2024))
    assert set(wrong(house)) == {"call_for_dues", "renewal_campaign"}


def test_whoever_has_left_gets_only_the_farewell(reminded):
    leave(reminded, "2025-06-03")
    assert reminded.mails("A0001")[-1] == "farewell"
    assert wrong(reminded) == dict.fromkeys(("call_for_dues", "renewal_campaign", "reminder"), "is left by now")


def test_a_receipt_is_never_wrong(called):
    called.pay("2024-12-05", ("A0001", 2000, 2025), external_id="one")
    leave(called, "2024-12-06")
    assert called.mails("A0001") == ["call_for_dues", "receipt", "farewell"]
    assert set(wrong(called)) == {"call_for_dues"}


def test_a_last_call_is_wrong_once_the_board_does_not_look(listed):
    assert "last_call" not in wrong(listed)
    with listed.acting("2025-08-21") as work:
        members.hold(work, members.find(work, "A0001"), date(2025, 10, 1), "waits for a grant")
    assert wrong(listed)["last_call"] == "the board does not look at it any more"
    assert "last_call" not in wrong(listed, "A0002")


def test_a_last_call_is_wrong_after_the_meeting(listed):
    listed.vote("2025-08-28", "suspend", S1="reject", S2="reject")
    listed.tick("2025-08-30")
    assert wrong(listed)["last_call"] == "the board does not look at it any more"


def test_services_that_were_restored_are_not_told_to_be_cut(cut):
    assert "suspension" not in wrong(cut)
    cut.pay("2025-09-03", ("A0001", 2000, 2025))
    assert cut.mails("A0001")[-2:] == ["receipt", "restored"]
    found = wrong(cut)
    assert found["suspension"] == "is paid by now"
    assert "restored" not in found
    assert "receipt" not in found


def test_every_kind_that_tells_a_state_is_listed():
    always = {Mail.RECEIPT, Mail.PAYMENT_REVERSED}
    assert set(TELLS) == set(Mail) - always


def test_mails_to_the_board_and_none_at_all_are_left_alone(listed):
    ids = [row[0] for row in listed.rows("SELECT id FROM outbox_message WHERE instance_id IS NULL")]
    assert ids
    with listed.engine.store.read() as connection:
        assert no_longer_right(connection, ids) == {}
        assert no_longer_right(connection, []) == {}


def test_rows_are_found_by_their_keys(called):
    from workflows.membership import relevance

    with called.engine.store.read() as connection:
        sql = relevance._MESSAGES.replace("{ids}", "(SELECT value FROM json_each(?))")
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("[1]",))]
    assert not [step for step in plan if "SCAN" in step and "json_each" not in step]
    assert "SEARCH i USING INTEGER PRIMARY KEY (rowid=?)" in plan
