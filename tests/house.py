"""A small hoster that tests live with: what people do to it, in their words."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from engine.ballots import Choice
from engine.outbox import accept_everything
from engine.voting import Cast
from workflows.membership import ledger, members
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.takeover import NewMember, enter_all
from workflows.membership.words import State, Trigger

PARIS = ZoneInfo("Europe/Paris")


class House:
    """The real engine over a database in memory. Hours are Paris hours."""

    def __init__(self, engine, start):
        self.engine = engine
        engine.start_clock(start)
        with engine.store.write() as connection:
            rows = [(name, name, f"{name}@ca.example", "member") for name in ("S1", "S2", "S3")]
            connection.exec_driver_sql("INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)", rows)
        self.start = start

    @staticmethod
    def at(text):
        """An instant written as 2025-06-01 or 2025-06-01T18:30, Paris time; a day means noon."""
        local = datetime.fromisoformat(text if "T" in text else f"{text}T12:00")
        return local.replace(tzinfo=PARIS)

    def enter(self, *numbers, state=State.PAID, owes=(), now=None, since=None, **fields):
        """Take over members as they stand."""
        when = self.start if now is None else self.at(now)
        with self.engine.context.work(MEMBERSHIP, when, when) as work:
            for number in numbers:
                row = {"name": number, "kind": "association", "joined_on": date(2010, 1, 1)}
                row |= {"email": f"contact@{number.lower()}.example"} | fields
                enter_all(work, [NewMember(number, row, state, since, owes)], Trigger.IMPORT)

    def tick(self, text):
        """Let everything due up to then run, as a server would: at each instant of its own."""
        until = self.at(text)
        while (moment := self.engine.next_moment(until)) is not None:
            self.engine.tick(moment)
        self.engine.tick(until)

    def late_tick(self, text):
        """Run once, at that instant, whatever was missed."""
        self.engine.tick(self.at(text))

    def accept(self, text):
        """A mail server accepted what waited."""
        with self.engine.store.write() as connection:
            accept_everything(connection, self.at(text))

    def acting(self, text):
        """One action at that instant."""
        return self.engine.acting(MEMBERSHIP, self.at(text))

    def pay(self, text, *shares, source="test", external_id=None):
        """A payment: shares are (number, cents) or (number, cents, year)."""
        with self.acting(text) as work:
            parts = tuple(ledger.Share(members.find(work, number).id, *rest) for number, *rest in shares)
            payment = ledger.NewPayment(source, external_id or f"{text}{shares}", self.at(text).date(), parts)
            return ledger.book(work, [payment])

    def vote(self, text, trigger, **choices):
        """Seats vote on every open ballot of a question."""
        ballots = [row[0] for row in self.rows("SELECT id FROM ballot WHERE trigger = ? AND status = 'open'", trigger)]
        votes = [Cast(ballot, seat, Choice(choice)) for ballot in ballots for seat, choice in choices.items()]
        self.engine.cast_votes(MEMBERSHIP, votes, self.at(text), "test")

    def rows(self, sql, *values):
        """Rows of a SELECT."""
        with self.engine.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    def state(self, number):
        """The state of a member."""
        return self.rows("SELECT state FROM workflow_instance WHERE subject = ?", number)[0][0]

    def mails(self, number):
        """Kinds of mail in the outbox for a member, in order."""
        sql = """SELECT kind FROM outbox_message m JOIN workflow_instance i ON i.id = m.instance_id
            WHERE i.subject = ? GROUP BY kind, occasion ORDER BY min(m.id)"""
        return [row[0] for row in self.rows(sql, number)]

    def tasks(self):
        """Kinds of open tasks."""
        return sorted(row[0] for row in self.rows("SELECT kind FROM task WHERE done_at IS NULL"))

    def journal(self, number):
        """What happened to a member: (trigger, at, effective at)."""
        sql = """SELECT j.trigger, j.at, j.effective_at FROM journal_entry j
            JOIN workflow_instance i ON i.id = j.instance_id WHERE i.subject = ? AND j.acted ORDER BY j.id"""
        return self.rows(sql, number)
