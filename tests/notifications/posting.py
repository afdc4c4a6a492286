"""An outbox with mails in it, a pump that empties it, and clocks that only the test moves."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlmodel import Session, select

from engine.models import OutboxMessage, Task, WorkflowInstance
from engine.store import Store
from notifications.mail import Composer, Sender
from notifications.pump import Habits, Hooks, Pump
from notifications.smtp import Postman, Server, Timeouts

START = datetime(2025, 6, 1, 7, tzinfo=UTC)
BODY = "Bonjour,\n\nVotre cotisation 2025 reste à régler\u00a0: 20,00\u00a0€.\n.\n..fin\n"
SENDER = Sender("tresorerie@lepic.example", "Le PIC", "bureau@lepic.example")
QUICK = Timeouts(connect=0.3, command=0.3, content=0.3, farewell=0.3)
"""For a server that hangs on purpose."""
CALM = Timeouts(connect=20, command=20, content=20, farewell=1)


class Clocks:
    """Time that passes when somebody waits."""

    def __init__(self):
        self.at = START
        self.seconds = 0.0

    def now(self):
        return self.at

    def monotonic(self):
        return self.seconds

    def wait(self, seconds, until):
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)


class Post:
    """The outbox of an organisation whose mail is live, and its pump."""

    def __init__(self, url="sqlite://", instances=3):
        self.store = Store(url)
        self.store.create_tables()
        self.clocks = Clocks()
        self.pumps = []
        with self.session() as session:
            for one in range(1, instances + 1):
                session.add(
                    WorkflowInstance(
                        id=one,
                        workflow="membership",
                        version=1,
                        subject=f"A{one:04}",
                        state="reminded",
                        since=START,
                        started_at=START,
                    )
                )
        self.switch("live")

    @contextmanager
    def session(self):
        """One writing transaction over the tables."""
        with Session(self.store._writer) as session, session.begin():
            yield session

    def switch(self, mode):
        """Turn the database's own switch."""
        with self.store.write() as connection:
            connection.exec_driver_sql("DELETE FROM switch")
            connection.exec_driver_sql("INSERT INTO switch (name, value) VALUES ('mail_mode', ?)", (mode,))

    def put(self, number=1, **fields):
        """Put that many mails into the outbox, with their words."""
        with self.session() as session:
            for one in range(number):
                given = {
                    "kind": "reminder",
                    "occasion": "remind-2025",
                    "event": "remind",
                    "year": 2025,
                    "language": "fr",
                }
                given |= {"instance_id": 1 + one % 3, "recipient": f"contact@a{one:04}.example"}
                given |= {"subject": f"Cotisation 2025 – rappel à A{one:04}", "body": BODY}
                given |= {"created_at": self.clocks.at, "due_at": self.clocks.at} | fields
                key = fields.get("dedupe_key", f"{given['instance_id']}:reminder:{one}")
                session.add(OutboxMessage(context=json.dumps({}), **{"dedupe_key": key} | given))

    def pump(self, server, timeouts=CALM, hooks=None, **habits):
        """A pump that sends to a server."""
        told = {"live": True, "max_per_minute": None, **habits}
        target = server if isinstance(server, Server) else Server("127.0.0.1", server.port)
        made = Pump(
            self.store, Postman(target, Composer(SENDER), timeouts), hooks or Hooks(), Habits(**told), self.clocks
        )
        self.pumps.append(made)
        return made

    def later(self, **delta):
        """Let time pass."""
        self.clocks.wait(timedelta(**delta).total_seconds(), None)

    def rows(self):
        """The outbox."""
        with Session(self.store.engine) as session:
            return session.exec(select(OutboxMessage).order_by("id")).all()

    def row(self):
        """The only row of the outbox."""
        (only,) = self.rows()
        return only

    def statuses(self):
        """Status of each row."""
        return [row.status for row in self.rows()]

    def due_in(self):
        """Until the only row is due."""
        return self.row().due_at - self.clocks.at

    def tasks(self):
        """Open tasks: (kind, about)."""
        with Session(self.store.engine) as session:
            return [(task.kind, task.about) for task in session.exec(select(Task).where(Task.done_at == None))]  # noqa: E711

    def close(self):
        for pump in self.pumps:
            pump.close()
        self.store.close()
