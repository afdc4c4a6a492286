"""What a bounce does to an address, to its member and to the people who have to know; and what it can never do."""

from datetime import UTC, datetime

import pytest

from api.bounced import StillLeaving, take_bounce
from api.links import key_of
from api.settings import settings_from_mapping
from api.wiring import engine_of
from engine.store import Store
from notifications.mail import token_of
from tests.house import House
from tests.notifications.returned import recipient, report
from workflows.membership import members

START = datetime(2024, 11, 29, 23, 0, tzinfo=UTC)
ANA = "contact@a0001.example"
BOTH = ("contact@a0002.example", "treasurer@a0002.example")
FULL = {"status": "5.2.2", "said": "552 5.2.2 mailbox full"}
SPAM = {"status": "5.7.1", "said": "550 5.7.1 looks like spam"}


class Returns:
    """A house whose mail was taken by a server, and some of it comes back."""

    def __init__(self, folder):
        self.settings = settings_from_mapping({"database.url": f"sqlite:///{folder / 'relance.db'}"})
        self.store = Store(self.settings.database.url)
        self.store.create_tables()
        self.house = House(engine_of(self.settings, self.store), START)
        self.house.enter("A0001")
        self.house.enter("A0002", treasurer_email=BOTH[1])
        self.leave("2024-12-02")

    def leave(self, day):
        """Time passes, and a server takes every mail."""
        self.house.tick(day)
        self.house.accept(day)

    def token(self, address, kind="call_for_dues"):
        """What the latest mail of a kind to an address was marked with."""
        sql = "SELECT dedupe_key FROM outbox_message WHERE recipient = ? AND kind = ? ORDER BY id DESC"
        return key_of(self.settings).token(self.house.rows(sql, address, kind)[0][0])

    def hear(self, raw, day="2024-12-03"):
        """A message comes in."""
        return take_bounce(self.settings, self.house.engine, raw, House.at(day))

    def bounce(self, address, kind="call_for_dues", day="2024-12-03", **said):
        """The latest mail of a kind to an address comes back."""
        return self.hear(report(recipient(address, **said), token=self.token(address, kind)), day)

    def status(self, address, kind="call_for_dues"):
        """Status and error of the latest mail of a kind to an address."""
        sql = "SELECT status, error FROM outbox_message WHERE recipient = ? AND kind = ? ORDER BY id DESC"
        return self.house.rows(sql, address, kind)[0]

    def unreachable(self):
        """Who is."""
        sql = """SELECT subject FROM association JOIN workflow_instance i ON i.id = instance_id
            WHERE unreachable_since IS NOT NULL ORDER BY 1"""
        return [row[0] for row in self.house.rows(sql)]

    def tasks(self):
        """Open tasks: (kind, instance, about)."""
        return self.house.rows("SELECT kind, instance_id, about FROM task WHERE done_at IS NULL ORDER BY id")

    def proven(self, number, event="call"):
        """Whether a step of a member is."""
        sql = """SELECT proven_at IS NOT NULL FROM occurrence JOIN workflow_instance i ON i.id = instance_id
            WHERE subject = ? AND event = ? ORDER BY year DESC"""
        return bool(self.house.rows(sql, number, event)[0][0])

    def change(self, sql, *values):
        """Change a row behind the house's back."""
        with self.store.write() as connection:
            connection.exec_driver_sql(sql, values)

    def everything(self):
        """Whatever a bounce could touch."""
        tables = ("outbox_message", "association", "task", "journal_entry", "occurrence")
        return [self.house.rows(f"SELECT * FROM {table}") for table in tables]


@pytest.fixture
def returns(tmp_path):
    made = Returns(tmp_path)
    yield made
    made.store.close()


def test_a_hard_bounce_of_the_only_address_makes_unreachable(returns):
    assert returns.bounce(ANA).endswith("hard bounce: A0001 is unreachable (550 5.1.1 no such user)")
    assert returns.unreachable() == ["A0001"]
    assert returns.tasks() == [("unreachable", 1, "")]
    assert returns.status(ANA) == ("bounced", "550 5.1.1 no such user")
    sql = "SELECT reason FROM journal_entry WHERE trigger = 'bounce'"
    assert returns.house.rows(sql) == [(f"hard bounce of {ANA}: 550 5.1.1 no such user",)]
    assert returns.proven("A0001")  # as in a scenario: being unreachable says what follows


def test_while_an_address_is_left_it_is_reachable(returns):
    returns.bounce(BOTH[0])
    assert (returns.unreachable(), returns.tasks(), returns.proven("A0002")) == ([], [], True)
    returns.bounce(BOTH[1])
    assert returns.unreachable() == ["A0002"]


def test_the_same_bounce_twice_does_nothing(returns):
    for said in ({}, FULL, SPAM):
        returns.bounce(ANA, **said)
        before = returns.everything()
        assert "known already" in returns.bounce(ANA, **said)
        assert returns.everything() == before
        returns.change("UPDATE outbox_message SET status = 'sent' WHERE recipient = ?", ANA)


def test_the_head_that_came_back_is_enough(returns):
    returned = f"Message-ID: <{returns.token(ANA)}@lepic.example>"
    returns.hear(report(recipient(ANA), token="", returned=returned))
    assert returns.unreachable() == ["A0001"]


def test_an_address_is_one_however_it_is_spelled(returns):
    returns.hear(report(recipient("Contact@A0001.EXAMPLE"), token=returns.token(ANA)))
    assert returns.unreachable() == ["A0001"]


def test_what_is_delayed_is_noted(returns):
    said = returns.bounce(ANA, action="delayed", status="4.4.1", said="timed out")
    assert "delayed, and noted (4.4.1 timed out)" in said
    assert returns.status(ANA) == ("sent", "delayed: 4.4.1 timed out")
    assert (returns.unreachable(), returns.tasks(), returns.proven("A0001")) == ([], [], True)
    returns.bounce(ANA, status="4.4.1", said="timed out")
    assert returns.status(ANA) == ("bounced", "4.4.1 timed out")


@pytest.mark.parametrize("said", [SPAM, {"status": "5.7.1", "said": "550 blocked"}])
def test_what_is_refused_for_policy_is_not_the_first_of_two_in_a_row(returns, said):
    returns.bounce(ANA, **said)
    returns.leave("2025-01-16")
    assert "unreachable" not in returns.bounce(ANA, "renewal_campaign", "2025-01-17", **FULL)


def test_the_second_mail_in_a_row_that_comes_back_counts_as_hard(returns):
    returns.bounce(ANA, **FULL)
    assert returns.unreachable() == []
    assert returns.tasks() == [("bounced_mail", 1, ANA)]
    assert not returns.proven("A0001")
    returns.leave("2025-01-16")
    assert "A0001 is unreachable" in returns.bounce(ANA, "renewal_campaign", "2025-01-17", **FULL)
    assert returns.tasks() == [("unreachable", 1, "")]


def test_a_mail_that_arrived_between_begins_anew(returns):
    returns.bounce(ANA, **FULL)
    returns.leave("2025-01-16")
    returns.leave("2025-06-02")
    returns.bounce(ANA, "reminder", "2025-06-03", **FULL)
    assert returns.unreachable() == []


def test_two_mails_of_one_week_are_one_occasion(returns):
    returns.house.pay("2024-12-04", ("A0001", 500, 2025))
    returns.house.accept("2024-12-04")
    returns.bounce(ANA, **FULL)
    returns.bounce(ANA, "receipt", **FULL)
    assert returns.unreachable() == []


def test_policy_is_no_fault_of_the_address(returns):
    for address in (ANA, *BOTH):
        assert "refused for policy" in returns.bounce(address, **SPAM)
    assert returns.unreachable() == []
    assert returns.tasks() == [
        ("bounced_mail", None, "refused by a0001.example"),
        ("bounced_mail", None, "refused by a0002.example"),
    ]
    assert not returns.proven("A0001")
    assert not returns.proven("A0002")
    assert returns.status(ANA) == ("bounced", "550 5.7.1 looks like spam")


def test_a_reminder_that_nobody_got_puts_nobody_on_the_list(returns):
    returns.leave("2025-06-02")
    returns.bounce(ANA, "reminder", "2025-06-03", **SPAM)
    returns.bounce(BOTH[0], "reminder", "2025-06-03", **SPAM)
    returns.leave("2025-08-20")
    sql = "SELECT subject FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id"
    assert returns.house.rows(sql) == [("A0002",)]  # its treasurer was told


def test_what_was_told_otherwise_stays_proven(returns):
    returns.leave("2025-06-02")
    with returns.house.acting("2025-06-04") as work:
        members.notice(work, members.find(work, "A0001"), members.Told(House.at("2025-06-04").date(), "letter"))
    returns.bounce(ANA, "reminder", "2025-06-05", **SPAM)
    assert returns.proven("A0001", "remind")


def test_a_late_bounce_of_a_replaced_address_marks_nothing(returns):
    returns.change("UPDATE association SET email = 'new@a0001.example' WHERE email = ?", ANA)
    assert "replaced meanwhile: nothing marked" in returns.bounce(ANA)
    assert (returns.unreachable(), returns.tasks()) == ([], [])
    assert returns.status(ANA)[0] == "bounced"
    assert not returns.proven("A0001")  # it went where nobody is
    assert returns.house.rows("SELECT count(*) FROM association WHERE email_bounced_at IS NOT NULL") == [(0,)]


def test_a_seat_whose_mail_comes_back_is_a_task(returns):
    row = "seat-S1:agenda:meeting-3', NULL, 'agenda', 'meeting-3', 'S1@ca.example', 'fr', '{}', 'sent', 0, ''"
    columns = "dedupe_key, instance_id, kind, occasion, recipient, language, context, status, attempts, error"
    at = "'2024-12-02 08:00:00.000000'"
    returns.change(f"INSERT INTO outbox_message ({columns}, created_at, due_at) VALUES ('{row}, {at}, {at})")
    assert "a task says so" in returns.bounce("S1@ca.example", "agenda")
    assert returns.tasks() == [("bounced_mail", None, "S1@ca.example")]


def test_a_bounce_settles_what_was_uncertain(returns):
    returns.change("UPDATE outbox_message SET status = 'uncertain' WHERE recipient = ?", ANA)
    returns.change(
        """INSERT INTO task (dedupe_key, kind, instance_id, about, opened_at, note)
        VALUES ('uncertain_mail:1:message 1', 'uncertain_mail', 1, 'message 1', '2024-12-02 08:00:00', '?')"""
    )
    returns.bounce(ANA)
    assert returns.tasks() == [("unreachable", 1, "")]


def test_who_was_heard_from_is_unreachable_again_when_a_later_mail_comes_back(returns):
    returns.bounce(ANA)
    with returns.house.acting("2024-12-10") as work:
        members.contact(work, members.find(work, "A0001"), members.Told(House.at("2024-12-10").date(), "mail"))
    assert (returns.unreachable(), returns.tasks()) == ([], [])
    returns.change("UPDATE outbox_message SET status = 'sent' WHERE recipient = ?", ANA)
    returns.bounce(ANA, day="2024-12-11")  # of a mail that is older than what they said
    assert returns.unreachable() == []
    returns.leave("2025-01-16")
    assert "A0001 is unreachable" in returns.bounce(ANA, "renewal_campaign", "2025-01-17")
    assert returns.tasks() == [("unreachable", 1, "")]


def test_who_was_reached_otherwise_since_the_reminder_is_not_asked_for_again(returns):
    returns.leave("2025-06-02")
    returns.bounce(ANA, "reminder", "2025-06-03")
    with returns.house.acting("2025-06-20") as work:
        members.notice(work, members.find(work, "A0001"), members.Told(House.at("2025-06-20").date(), "letter"))
    returns.leave("2025-08-20")
    returns.bounce(ANA, "last_call", "2025-08-20")
    assert returns.status(ANA, "last_call")[0] == "bounced"
    assert returns.unreachable() == []
    assert "unreachable" not in [kind for kind, _, _ in returns.tasks()]


# What it can never do


def test_only_a_token_of_ours_marks_an_address(returns):
    key = returns.house.rows("SELECT dedupe_key FROM outbox_message WHERE recipient = ?", ANA)[0][0]
    before = returns.everything()
    for token in ("", "0" * 32, token_of(key), returns.token(ANA)[:-1]):
        assert "nothing done" in returns.hear(report(recipient(ANA), token=token))
    assert returns.everything() == before


def test_a_token_marks_only_the_address_that_its_mail_went_to(returns):
    said = returns.hear(report(recipient(BOTH[0]), token=returns.token(ANA)))
    assert "the bounce is about another address" in said
    assert returns.unreachable() == []
    assert returns.status(ANA)[0] == returns.status(BOTH[0])[0] == "sent"
    assert returns.tasks() == [("bounced_mail", 1, ANA)]
    said = returns.hear(report(recipient("x@y.example"), token=returns.token(BOTH[0])))
    assert "about another address (x@y.example)" in said


@pytest.mark.parametrize("status", ["pending", "failed", "captured", "dropped"])
def test_what_did_not_leave_cannot_come_back(returns, status):
    returns.change("UPDATE outbox_message SET status = ? WHERE recipient = ?", status, ANA)
    before = returns.everything()
    assert "nothing done" in returns.bounce(ANA)
    assert returns.everything() == before


def test_what_is_being_sent_is_asked_again(returns):
    returns.change("UPDATE outbox_message SET status = 'sending' WHERE recipient = ?", ANA)
    with pytest.raises(StillLeaving):
        returns.bounce(ANA)
    assert returns.unreachable() == []
