"""A year of the register through a real Postfix on loopback; what cannot be delivered comes back and is read."""

import shutil
import smtplib
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.bounced import take_bounce
from api.demo.town import home
from api.links import key_of
from api.mailroom import hooks_of, postman_of
from api.settings import settings_from_mapping
from api.wiring import engine_of
from engine.migrate import migrate
from engine.store import Store
from notifications.pump import Habits, Pump
from tests.house import House
from tests.notifications.postfix import ACCOUNT, RETURN_PATH, Postfix, why_not
from tests.notifications.posting import Clocks
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.register import read_associations, read_payments
from workflows.membership.takeover import enter_all
from workflows.membership.words import Trigger

START = datetime(2024, 11, 29, 23, 0, tzinfo=UTC)
STAGES = "2024-12-02 2025-01-16 2025-06-02 2025-08-19 2025-09-02 2025-11-30"
"""After the call, the campaign, the reminder, the agenda of August, the interruption; and the rest of the year."""
# Nine of the register do not pay in 2025. Both of its addresses, or the first, fare like this:
GONE, GONE_AT_ONCE, HALF_GONE, FULL, REFUSED, SLOW = "A0004", "A0075", "A0027", "A0151", "A0168", "A0184"
ANSWERS = {
    GONE: "550 5.1.1 no such user here",
    HALF_GONE: "550 5.1.1 no such user here",
    FULL: "552 5.2.2 mailbox full",
    REFUSED: "550 5.7.1 rejected as spam",
    SLOW: "450 4.2.0 try again later",
}
SEAT = "S3@ca.example"


@pytest.fixture(scope="module")
def workshop():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="relance-postfix-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def register():
    return read_associations(home() / "associations.csv", START.date())


def addresses(register, number):
    (fields,) = [member.fields for member in register if member.number == number]
    return [fields["email"], fields["treasurer_email"]]


def settings_for(port, folder):
    """Relance as it is configured in a folder, handing its mail to a port."""
    return settings_from_mapping(
        {
            "organisation": {"name": "Le PIC", "short_name": "PIC", "email": "bureau@lepic.example"},
            "database.url": f"sqlite:///{folder / 'relance.db'}",
            "mail": {
                "mode": "live",
                "host": "127.0.0.1",
                "port": port,
                "from_address": "tresorerie@lepic.example",
                "bounce_address": RETURN_PATH,
            },
        }
    )


class Year:
    """A house whose mail leaves by a Postfix."""

    def __init__(self, folder, postfix, register):
        self.postfix = postfix
        self.settings = settings_for(postfix.near, folder)
        self.store = Store(self.settings.database.url)
        migrate(self.store)
        self.engine = engine_of(self.settings, self.store)
        self.house = House(self.engine, START)
        with self.engine.context.work(MEMBERSHIP, START, START) as work:
            enter_all(work, register, Trigger.IMPORT)
        with self.store.write() as connection:
            connection.exec_driver_sql("INSERT OR REPLACE INTO switch (name, value) VALUES ('mail_mode', 'live')")
        self.clocks = Clocks()
        self.pump = Pump(
            self.store,
            postman_of(self.settings),
            hooks_of(self.settings, self.engine),
            Habits(live=True, max_per_minute=None),
            self.clocks,
        )
        self.accepted: Counter[str] = Counter()
        self.told: dict[str, list[str]] = defaultdict(list)

    def send(self, day):
        """Let everything leave that waits, and everything arrive or come back; then read what came back."""
        self.clocks.at = House.at(day)
        while done := self.pump.round():
            self.accepted.update(done)
        self.postfix.settle(self.accepted["accepted"])
        for raw in self.postfix.came_back():
            self.told[day].append(take_bounce(self.settings, self.engine, raw, self.clocks.at))

    def bounced(self, number):
        """What came of the addresses of a member: (chair's bounced, treasurer's bounced, unreachable)."""
        sql = """SELECT email_bounced_at IS NOT NULL, treasurer_email_bounced_at IS NOT NULL,
            unreachable_since IS NOT NULL FROM association JOIN workflow_instance i ON i.id = instance_id
            WHERE subject = ?"""
        return [bool(value) for value in self.house.rows(sql, number)[0]]

    def tasks(self):
        """Open tasks about mail: (kind, number, about)."""
        sql = """SELECT kind, subject, about FROM task LEFT JOIN workflow_instance i ON i.id = instance_id
            WHERE done_at IS NULL AND kind IN ('unreachable', 'bounced_mail', 'uncertain_mail') ORDER BY 1, 2, 3"""
        return self.house.rows(sql)

    def close(self):
        self.pump.close()
        self.store.close()


def test_a_year_of_the_register_arrives_and_what_bounces_is_matched(workshop, register):
    answers = {address: said for number, said in ANSWERS.items() for address in addresses(register, number)}
    del answers[addresses(register, HALF_GONE)[1]]
    refused = dict.fromkeys(addresses(register, GONE_AT_ONCE), "550 5.1.1 unknown here")
    payments = sorted(read_payments(home() / "payments-2025.csv"), key=lambda row: row.paid_on)
    (workshop / "postfix").mkdir()
    (workshop / "house").mkdir()
    with Postfix(
        workshop / "postfix", answers=answers | {SEAT: "550 5.1.1 gone"}, refused=refused, lifetime=2
    ) as relay:
        year = Year(workshop / "house", relay, register)
        for day in STAGES.split():
            while payments and payments[0].paid_on.isoformat() < day:
                row = payments.pop(0)
                year.house.pay(row.paid_on.isoformat(), (row.number, row.cents, row.year), external_id=str(row.line))
            year.house.tick(day)
            year.send(day)
            check_stage(year, day, register)
        check_post(year)
        check_end(year, register)
        year.close()


def check_stage(year, day, register):
    """What each stage has to leave behind."""
    reached = [False, False, False]
    assert year.bounced(GONE) == year.bounced(GONE_AT_ONCE) == [True, True, True]
    assert year.bounced(HALF_GONE) == [True, False, False]
    assert year.bounced(REFUSED) == reached
    first = day == STAGES.partition(" ")[0]
    assert year.bounced(FULL) == year.bounced(SLOW) == (reached if first else [True, True, True])
    waiting = [("bounced_mail", number, address) for number in (FULL, SLOW) for address in addresses(register, number)]
    assert [task for task in year.tasks() if task[1] in {FULL, SLOW} and task[0] == "bounced_mail"] == (
        sorted(waiting) if first else []
    )


def check_post(year):
    """Each mail that a server took is in one mailbox, once, or it came back and says so; nothing else is anywhere."""
    token = key_of(year.settings).token
    rows = year.house.rows("SELECT recipient, dedupe_key, status, error FROM outbox_message")
    wanted = Counter((to, f"<{token(key)}@lepic.example>") for to, key, status, _ in rows if status == "sent")
    arrived = year.postfix.arrived()
    came_back = len(arrived.pop(RETURN_PATH))
    assert Counter((to, message) for to, ids in arrived.items() for message in ids) == wanted
    statuses = Counter(status for _, _, status, _ in rows)
    assert statuses["sent"] + statuses["bounced"] == year.accepted["accepted"] > 700
    assert set(statuses) <= {"sent", "bounced", "failed", "dropped"}
    delayed = sum(": delayed, and noted" in line for lines in year.told.values() for line in lines)
    assert came_back == statuses["bounced"] + delayed == sum(map(len, year.told.values()))
    assert delayed >= 2


def check_end(year, register):
    """The ones without an address are known, on no list, and each reason is with a person."""
    unreachable = sorted([GONE, GONE_AT_ONCE, FULL, SLOW])
    assert [number for kind, number, _ in year.tasks() if kind == "unreachable"] == unreachable
    others = [(about, number) for kind, number, about in year.tasks() if kind == "bounced_mail"]
    domain = addresses(register, REFUSED)[0].rpartition("@")[2]
    assert others == [(SEAT, None), (f"refused by {domain}", None)]
    balloted = [
        row[0]
        for row in year.house.rows("SELECT subject FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id")
    ]
    assert balloted
    assert not set(balloted) & {*unreachable, REFUSED}
    unproven = """SELECT subject FROM occurrence JOIN workflow_instance i ON i.id = instance_id
        WHERE event = 'remind' AND status = 'acted' AND proven_at IS NULL"""
    assert [row[0] for row in year.house.rows(unproven)] == sorted([GONE_AT_ONCE, REFUSED])
    errors = dict(year.house.rows("SELECT recipient, error FROM outbox_message WHERE status = 'bounced'"))
    assert "no such user here" in errors[addresses(register, GONE)[0]]
    assert "rejected as spam" in errors[addresses(register, REFUSED)[0]]


CONFIG = """
[organisation]
name = "Le PIC"
[mail]
from_address = "tresorerie@lepic.example"
"""
RELANCE = Path(sys.executable).with_name("relance")
ASKS = """#!/bin/sh
# What the mail server's pipe runs, as a user who may not even see where relance is installed: it passes the message on,
# and says and ends as relance did.
set -e
letter=$(mktemp "{folder}/XXXXXXXX")
cat > "$letter"
mkfifo "$letter.said"
mv "$letter" "$letter.asks"
{{ read -r code; cat; }} < "$letter.said"
exit "$code"
"""


class Door:
    """Between a pipe and `relance bounce`: the same words, the same end, as another user."""

    def __init__(self, folder, config):
        self.folder = folder
        self.environment = {"RELANCE_CONFIG": str(config)}
        self.ends: list[int] = []
        self.script = folder.with_suffix(".sh")
        folder.mkdir()
        shutil.chown(folder, ACCOUNT)
        self.script.write_text(ASKS.format(folder=folder))
        self.script.chmod(0o755)

    def answer(self):
        """Run `relance bounce` for each message that was handed over since."""
        for letter in sorted(self.folder.glob("*.asks")):
            with letter.open("rb") as message:
                done = subprocess.run(
                    [RELANCE, "bounce"], stdin=message, env=self.environment, capture_output=True, check=False
                )
            letter.unlink()
            self.ends.append(done.returncode)
            said = f"{done.returncode}\n{(done.stdout or done.stderr).decode()}"
            letter.with_suffix(".said").write_text(said)


def test_the_pipe_of_postfix_neither_loses_a_bounce_nor_returns_what_is_none(workshop, register):
    for name in ("relay", "piped"):
        (workshop / name).mkdir()
    config = workshop / "piped" / "relance.toml"
    door = Door(workshop / "door", config)
    gone = next(member for member in register if member.fields["kind"] == "person")
    answers = {gone.fields["email"]: "550 5.1.1 no such user here"}
    with Postfix(workshop / "relay", answers=answers, argv=door.script, lifetime=600, again=3, warning=600) as relay:
        year = Year(workshop / "piped", relay, [gone])
        year.house.tick("2024-12-02")
        assert year.pump.round() == Counter({"accepted": 1})
        with smtplib.SMTP("127.0.0.1", relay.near) as line:
            line.sendmail("ana@elsewhere.example", RETURN_PATH, "From: ana@elsewhere.example\r\n\r\nMerci !")
        relay.wait_for(lambda: door.answer() or door.ends, "the pipe was not used")
        assert set(door.ends) == {75}  # there is no relance.toml yet
        config.write_text(CONFIG)
        relay.wait_for(lambda: door.answer() or door.ends.count(0) == 2, "what waited was not tried again")
        relay.wait_for(relay.is_empty, "some mail is still on its way")
        assert relay.arrived() == {}
        assert relay.log().count("not a bounce: nothing done") == 1
        assert year.house.rows("SELECT status FROM outbox_message") == [("bounced",)]
        assert year.tasks() == [("unreachable", gone.number, "")]
        year.close()
