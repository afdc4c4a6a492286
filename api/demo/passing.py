"""How time passes in a demo: only when it is moved, forwards, through everything that is due on the way.

The demo's present is the instant up to which its database was run: every program that opens it reads the same. Time
passes as it does in a replay: moment by moment, and at noon of its day whoever pays in the fictional year does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import ClassVar

from api.demo.town import payers
from engine.ballots import Choice
from engine.clock import local_day, noon
from engine.engine import Engine
from engine.errors import Invalid, NotAllowed
from engine.listings import happenings, last_entry
from engine.tallies import voters_on
from engine.voting import Cast
from workflows.membership import ledger, members
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.errors import NothingOwed
from workflows.membership.words import FINAL, Trigger

FARTHEST = timedelta(days=2 * 366)
BY = "demo"
_LAST_MAIL = "SELECT coalesce(max(id), 0) FROM outbox_message"
_OPEN = "SELECT id, electorate FROM ballot WHERE status = 'open' ORDER BY id"


class ForwardsOnly(NotAllowed):
    """The clock of a demo only goes forwards, and it is {now} there already."""

    type: ClassVar[str] = "not-allowed"


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that was done to so many members; payments are counted once, from their first day."""

    on: date
    trigger: str
    number: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did: from when to when, what happened on the way, how many mails were written."""

    before: datetime
    now: datetime
    happened: Sequence[Happened]
    mails: int


class Passing:
    """Moves the clock of one demo; one move at a time."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of a demo."""
        self.engine = engine
        self._turn = Lock()

    def move(self, to: date | datetime) -> Moved:
        """Let time pass, to noon of a day, a local hour or an instant. Raises ForwardsOnly, Invalid for too far."""
        goal = to if isinstance(to, datetime) else noon(to, self.engine.rules.tz)
        if goal.tzinfo is None:
            goal = goal.replace(tzinfo=self.engine.rules.tz).astimezone(UTC)
        with self._turn:
            before = self.engine.upto()
            self._refuse(before, goal)
            marks = self._marks()
            self._pass(before, goal)
            happened, mails = self._since(*marks)
        return Moved(before, goal, happened, mails)

    def _refuse(self, before: datetime, goal: datetime) -> None:
        if goal < before:
            raise ForwardsOnly(now=f"{before.astimezone(self.engine.rules.tz):%Y-%m-%d %H:%M}")
        if goal - before > FARTHEST:
            raise Invalid(reason="the clock of a demo moves by two years at most")

    def _pass(self, before: datetime, goal: datetime) -> None:
        for row in payers():
            at = noon(row.paid_on, self.engine.rules.tz)
            if before < at <= goal:
                self._run_until(at)
                self._pay(row.number, row.year, row.cents, at)
        self._run_until(goal)

    def _run_until(self, instant: datetime) -> None:
        """Run each moment at its own hour: nothing is late in a demo."""
        while (moment := self.engine.next_moment(instant)) is not None:
            self.engine.tick(moment)
        self.engine.tick(instant)

    def _pay(self, number: str, year: int | None, cents: int, at: datetime) -> None:
        """Book a payment of the fictional year, unless somebody has settled it before, or the member is gone."""
        with self.engine.acting(MEMBERSHIP, at) as work:
            member = members.find(work, number)
            try:
                owed = 0 if member.state in FINAL else ledger.default_amount(work, member, year)
            except NothingOwed:
                owed = 0
            if owed:
                share = ledger.Share(member.id, min(cents, owed), year)
                on = local_day(at, self.engine.rules.tz)
                ledger.book(work, [ledger.NewPayment(BY, f"{number}/{on.isoformat()}", on, (share,))], BY)

    def _marks(self) -> tuple[int, int]:
        with self.engine.store.read() as connection:
            return last_entry(connection), int(connection.exec_driver_sql(_LAST_MAIL).scalar_one())

    def _since(self, entry: int, mail: int) -> tuple[list[Happened], int]:
        tz = self.engine.rules.tz
        found: dict[object, Happened] = {}
        with self.engine.store.read() as connection:
            for line in happenings(connection, entry):
                if not line.acted:
                    continue
                on = local_day(line.effective_at, tz)
                key = line.trigger if line.trigger == Trigger.PAY else (on, line.trigger)
                earlier = found.setdefault(key, Happened(on, line.trigger, 0))
                found[key] = Happened(earlier.on, earlier.trigger, earlier.number + line.number)
            mails = int(connection.exec_driver_sql(_LAST_MAIL).scalar_one()) - mail
        return list(found.values()), mails


def everybody_votes(engine: Engine, choice: Choice) -> int:
    """Let every seat say the same on every open ballot. Returns how many ballots. Raises NotAllowed where none is."""
    with engine.store.read() as connection:
        rows = connection.exec_driver_sql(_OPEN).fetchall()
        voters = voters_on(connection, [(row[0], row[1]) for row in rows])
    votes = [Cast(ballot, seat, choice) for ballot, seats in voters.items() for seat in seats]
    if not votes:
        hint = "a strike-off opens at the hour of its meeting, such as 2026-10-29T18:30"
        raise NotAllowed(reason=f"no ballot is open at this date; {hint}")
    engine.cast_votes(MEMBERSHIP, votes, engine.upto(), BY)
    return len(rows)
