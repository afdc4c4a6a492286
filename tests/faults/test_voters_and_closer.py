"""A hundred seats vote by every door while the chair closes: what was acknowledged counts, all else was told 409.

Each evening is the real application on a database in a file; requests are all under way at once.
"""

import asyncio
import base64
import itertools
import json
import random
from datetime import date
from threading import Thread
from urllib.parse import urlencode

import httpx2
import pytest
import uvicorn

from api import auth, links
from api.settings import settings_from_mapping
from api.signatures import key_of, sign
from api.tables import Role
from tests.api.counter import V1, Counter
from tests.boardroom import REMINDED
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.takeover import NewMember, enter_all
from workflows.membership.words import State, Trigger

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SEATS = [f"S{number}" for number in range(1, 101)]
CHOICES = ("approve", "reject", "abstain")
FORM = {"content-type": "application/x-www-form-urlencoded"}
QUESTIONS = 50
MANY_EVENINGS = [(1701 + rank, QUESTIONS) for rank in range(10)]
PATIENCE = 120
CURRENT = "SELECT seat, choice FROM vote WHERE ballot_id = ? AND superseded_at IS NULL"


class Evening:
    """The hour of a meeting with so many questions: a hundred seats, each with its token, its link and its source."""

    def __init__(self, folder, seed, questions):
        self.counter = counter = Counter(folder)
        (folder / "secret").write_text(SECRET)
        source = {"secret_file": str(folder / "secret"), "seats": SEATS}
        settings = {"database.url": f"sqlite:///{counter.path}", "webhooks.in": {"mairie": source}}
        counter.settings = counter.api.settings = settings_from_mapping(settings)
        self._seat_all(counter)
        self._remind(counter, questions)
        counter.pass_time("2025-06-16", "2025-08-20", "2025-08-28T19:00")
        self.ballots = [row[0] for row in counter.house.rows("SELECT id FROM ballot ORDER BY id")]
        self.meeting = counter.house.rows("SELECT id FROM meeting WHERE month = '2025-08'")[0][0]
        self.digest = counter.as_("reader").get(f"/meetings/{self.meeting}/agenda")["list"]
        with counter.store.write() as connection:
            made = {seat: auth.create(connection, seat, Role.BOARD, seat, counter.now) for seat in SEATS}
            self.tokens = {seat: secret for seat, (_, secret) in made.items()}
            key = links.key_of(counter.settings)
            self.links = {seat: key.make(connection, self.meeting, seat, seat, counter.now) for seat in SEATS}
        self.random, self.messages = random.Random(seed), itertools.count()
        self.lasts = 0.1  # seconds that a ballot's votes take: the closer comes within them

    @staticmethod
    def _seat_all(counter):
        with counter.store.write() as connection:
            connection.exec_driver_sql("DELETE FROM seat")
            rows = [(seat, seat, "", "member") for seat in SEATS]
            connection.exec_driver_sql("INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)", rows)

    @staticmethod
    def _remind(counter, questions):
        when = counter.house.at("2025-06-15")
        row = {"kind": "association", "joined_on": date(2010, 1, 1), "email": "a@asso.example"}
        new = [
            NewMember(f"A{rank}", row | {"name": f"A{rank}"}, State.REMINDED, REMINDED, (2025,), reminded_for=2025)
            for rank in range(questions)
        ]
        with counter.house.engine.context.work(MEMBERSHIP, when, when) as work:
            enter_all(work, new, Trigger.IMPORT)

    # The doors: each returns the status it was answered with

    async def by_api(self, client, seat, ballot, choice):
        """The ballot itself."""
        path, headers = f"{V1}/ballots/{ballot}/vote", {"Authorization": f"Bearer {self.tokens[seat]}"}
        return (await client.put(path, headers=headers, json={"choice": choice})).status_code

    async def by_list(self, client, seat, ballot, choice):
        """The list, of which one ballot is named."""
        path, headers = f"{V1}/meetings/{self.meeting}/votes", {"Authorization": f"Bearer {self.tokens[seat]}"}
        votes = [{"ballot": ballot, "choice": choice}]
        return (await client.post(path, headers=headers, json={"list": self.digest, "votes": votes})).status_code

    async def by_webhook(self, client, seat, ballot, choice):
        """A message that a source signed."""
        body = json.dumps({"ballot": ballot, "seat": seat, "choice": choice}).encode()
        stamp, name = int(self.counter.now.timestamp()), f"msg_{next(self.messages)}"
        signed = {
            "webhook-id": name,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(key_of(SECRET), name, stamp, body),
        }
        headers = {"content-type": "application/json"} | signed
        return (await client.post(f"{V1}/webhooks/votes", headers=headers, content=body)).status_code

    async def by_link(self, client, seat, ballot, choice):
        """The form behind a personal link."""
        token = self.links[seat]
        with self.counter.store.read() as connection:
            link = links.open_link(connection, token)
        number = links.key_of(self.counter.settings).form(link, self.counter.now)
        said = urlencode({"form": number, "list": self.digest, f"b{ballot}": choice})
        return (await client.post(f"/vote/{token}", headers=FORM, content=said)).status_code

    # One ballot

    async def closed(self, client, ballot):
        """The chair closes it, at some moment."""
        await asyncio.sleep(self.random.random() * self.lasts)
        headers = {"Authorization": f"Bearer {self.counter.tokens['chair']}"}
        return (await client.post(f"{V1}/ballots/{ballot}/close", headers=headers)).status_code

    async def vote(self, client, seat, ballot, choices):
        """Vote by the door that is the seat's, once or twice; returns the last choice that was counted, and answers."""
        doors = (self.by_api, self.by_list, self.by_webhook, self.by_link)
        door, said, answers = doors[int(seat[1:]) % len(doors)], None, []
        for choice in choices:
            answers.append(await door(client, seat, ballot, choice))
            said = choice if answers[-1] == 200 else said
        return said, answers

    async def decide(self, client, ballot):
        """All at once; returns what each seat was told to be counted, and everybody's answers."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        voting = [
            self.vote(client, seat, ballot, self.random.choices(CHOICES, k=1 + (rank % 5 == 0)))
            for rank, seat in enumerate(SEATS)
        ]
        *told, closing = await asyncio.gather(*voting, self.closed(client, ballot))
        self.lasts = loop.time() - began
        assert closing == 200
        late = [await self.vote(client, seat, ballot, ["approve"]) for seat in SEATS[:4]]
        assert late == [(None, [409])] * 4
        counted = {seat: said for seat, (said, _) in zip(SEATS, told, strict=True) if said is not None}
        return counted, [answer for _, answers in told for answer in answers]

    def check(self, ballot, counted, answers):
        """Counted is what was acknowledged, no more and no less; the others were told that it is closed."""
        assert set(answers) <= {200, 409}
        assert dict(self.counter.house.rows(CURRENT, ballot)) == counted
        sql = "SELECT approve, reject, abstain, status FROM ballot WHERE id = ?"
        *counts, status = self.counter.house.rows(sql, ballot)[0]
        assert counts == [list(counted.values()).count(choice) for choice in CHOICES]
        assert status in {"adopted", "rejected", "no_quorum"}

    async def decide_all(self, client):
        """Every question of the evening, one after the other; returns how many votes were counted, how many refused."""
        everything = []
        for ballot in self.ballots:
            counted, answers = await self.decide(client, ballot)
            self.check(ballot, counted, answers)
            everything += answers
        return everything.count(200), everything.count(409)


@pytest.fixture
def evening(tmp_path, request):
    made = Evening(tmp_path, *request.param)
    yield made
    made.counter.close()


def decided(evening, **where):
    """Play the evening; both sides of the closing were met in it."""

    async def play():
        async with httpx2.AsyncClient(timeout=PATIENCE, **where) as client:
            return await evening.decide_all(client)

    counted, refused = asyncio.run(play())
    assert counted > 0
    assert refused > 0


@pytest.mark.parametrize("evening", [(1901, QUESTIONS)], ids=str, indirect=True)
def test_it_counts_every_vote_it_acknowledged_and_none_after_the_closing(evening):
    transport = httpx2.ASGITransport(app=evening.counter.app, raise_app_exceptions=False)
    decided(evening, transport=transport, base_url="http://relance.example")


@pytest.mark.torture
@pytest.mark.parametrize("evening", MANY_EVENINGS, ids=str, indirect=True)
def test_it_counts_them_on_five_hundred_ballots(evening):
    transport = httpx2.ASGITransport(app=evening.counter.app, raise_app_exceptions=False)
    decided(evening, transport=transport, base_url="http://relance.example")


@pytest.mark.parametrize("evening", [(1901, 2)], ids=str, indirect=True)
def test_it_counts_them_over_real_connections(evening):
    server = uvicorn.Server(uvicorn.Config(evening.counter.app, port=0, log_level="error", lifespan="off"))
    listening = server.config.bind_socket()
    thread = Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        limits = httpx2.Limits(max_connections=None)
        decided(evening, base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", limits=limits)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listening.close()
