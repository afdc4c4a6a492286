"""The program on one database: its API, its alarm clock and its pump, at an hour that the test sets."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from smtplib import SMTP
from typing import Any

from fastapi.testclient import TestClient

from api import auth
from api.addressees import letterhead_of
from api.app import create_app
from api.deps import House
from api.duty import Runner
from api.links import key_of
from api.mailroom import hooks_of, postman_of
from api.settings import settings_from_mapping
from api.tables import Role
from api.wiring import engine_of
from engine.audit import audit, steps_outside_their_window, unknown_definitions
from engine.migrate import migrate
from notifications import claims, outbox
from notifications.own_words import Overlay
from notifications.pump import Habits, Pump
from notifications.render import LANGUAGES, Renderer
from tests.faults.postmaster import FORGET, TAKEN
from tests.faults.story import ROLES, SEATS, START, Ask, members
from workflows import WORKFLOWS
from workflows.membership.audit import audit as audit_money
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.takeover import enter_all
from workflows.membership.words import Mail, Trigger

LEASE = Habits().lease
ROUNDS = 10
"""A pump has emptied its outbox long before."""


class Clocks:
    """The hour, as a test sets it; it goes on when the pump waits."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """The hour."""
        return self.at

    def monotonic(self) -> float:
        """Seconds that go on."""
        return self.at.timestamp()

    def wait(self, seconds: float, _until: object) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


class Program:
    """Made once, before anything is forked: no connection is open until it is used."""

    def __init__(self, path: Path, port: int) -> None:
        """Take the database's path, and the mail server's port."""
        self.path, self.port = path, port
        key = path.parent.with_suffix(".key")  # apart from the database: it stays when that is laid as it was
        key.parent.mkdir(parents=True, exist_ok=True)
        key.write_bytes(bytes(32))
        self.settings = settings_from_mapping(
            {
                "database.url": f"sqlite:///{path}",
                "board.meetings.months": "1,6,8-11",
                "organisation.email": "bureau@lepic.example",
                "pages.key_file": str(key),
                "mail.mode": "live",
                "mail.host": "127.0.0.1",
                "mail.port": port,
            }
        )
        self.engine = engine_of(self.settings)
        self.clocks = Clocks(START.astimezone(UTC))
        self.house = House(self.settings, self.engine, clock=self.clocks.now)
        self.app = create_app(self.settings, house=self.house)
        self.tokens: dict[str, str] = {}

    def at(self, instant: datetime) -> "Program":
        """Set the clock."""
        self.clocks.at = instant.astimezone(UTC)
        return self

    def begin(self, blocks: int) -> dict[str, str]:
        """Make the database, with everybody in it; returns the tokens of those who ask."""
        now = self.clocks.now()
        migrate(self.engine.store)
        self.engine.start_clock(now)
        with self.engine.store.write() as connection:
            connection.exec_driver_sql("INSERT INTO switch (name, value) VALUES ('mail_mode', 'live')")
            rows = [(seat, seat, f"{seat.lower()}@ca.example", "member") for seat in SEATS]
            connection.exec_driver_sql("INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)", rows)
            made = {role: auth.create(connection, role, Role(role), None, now)[1] for role in ROLES}
            made |= {seat: auth.create(connection, seat, Role.BOARD, seat, now)[1] for seat in SEATS}
        with self.engine.context.work(MEMBERSHIP, now, now) as work:
            enter_all(work, members(blocks), Trigger.IMPORT)
        return made

    def warm_up(self) -> None:
        """Do everything once, in a database that is thrown away: what is forked later need not learn it again."""
        made = cache(Renderer)
        vars(outbox)["Renderer"] = made  # each process would compile them anew
        for kind, language in product(Mail, LANGUAGES):
            renderer = made(letterhead_of(self.settings))
            renderer._whole(kind, language, Overlay())
            renderer._layout(kind, language)
        self.tokens = self.begin(1)
        self.at(START + timedelta(days=3)).run()
        self.ask(
            Ask("treasurer", "POST", "/associations", {"number": "B1", "name": "B1", "email": "b@ca.example"}, "1")
        )
        self.post()
        self.taken()
        self.engine.store.close()
        self.path.unlink()

    # What a running server does

    def run(self) -> None:
        """What is due is run, as the alarm clock does."""
        assert Runner(self.house).run(), "the run failed"

    def ask(self, ask: Ask) -> None:
        """One request, which is granted."""
        headers = {"Authorization": f"Bearer {self.tokens[ask.who]}"}
        headers |= {} if ask.key is None else {"Idempotency-Key": ask.key}
        client = TestClient(self.app, headers=headers)
        response = client.request(ask.method, f"/api/v1{ask.path}", json=ask.json)
        assert response.is_success, f"{ask}: {response.status_code} {response.text}"

    def post(self) -> None:
        """What waits is sent. Where nobody knows whether it arrived, a person asks the postmaster, and says so."""
        habits = Habits(live=True, max_per_minute=None)
        with Pump(
            self.engine.store, postman_of(self.settings), hooks_of(self.settings, self.engine), habits, self.clocks
        ) as pump:
            for _ in range(ROUNDS):
                pump.round()
                self.find_out()
                if not self.rows("SELECT 1 FROM outbox_message WHERE status IN ('pending', 'sending') LIMIT 1"):
                    return
                self.clocks.wait(LEASE.total_seconds() + 1, None)
        raise AssertionError(f"not sent: {self.rows('SELECT * FROM outbox_message WHERE sent_at IS NULL')}")

    def find_out(self) -> None:
        """A person asks whether what is uncertain has arrived."""
        token_of = key_of(self.settings).token
        uncertain = self.rows("SELECT id, dedupe_key FROM outbox_message WHERE status = 'uncertain'")
        taken = self.taken() if uncertain else {}
        for message, key in uncertain:
            with self.engine.store.write() as connection:
                settle = claims.arrived if token_of(key) in taken else claims.release
                settle(connection, message, self.clocks.now(), "admin")

    # What is looked at

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Rows of a SELECT."""
        with self.engine.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    def findings(self) -> list[str]:
        """What `relance verify` would say."""
        with self.engine.store.read() as connection:
            found = [*unknown_definitions(connection, WORKFLOWS), *audit(connection, MEMBERSHIP)]
            found += audit_money(connection, MEMBERSHIP)
            found += steps_outside_their_window(connection, MEMBERSHIP, self.engine.rules)
        return [str(finding) for finding in found]

    def taken(self) -> Counter[str]:
        """How often the mail server has taken each mail since it was last told to forget."""
        with SMTP("127.0.0.1", self.port, "localhost") as server:
            lines = server.docmd(TAKEN)[1].decode().splitlines()[1:]
        return Counter({token: int(times) for token, times in map(str.split, lines)})

    def forget(self) -> None:
        """Let the mail server forget what it took."""
        with SMTP("127.0.0.1", self.port, "localhost") as server:
            server.docmd(FORGET)
