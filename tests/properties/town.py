"""A small hoster to which anything may happen. Every action is a scenario's step: any run is a scenario file."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from api.settings import settings_from_mapping
from api.wiring import rules_of
from engine import audit
from engine.calendar import slots_between
from engine.clock import at_local, local_day
from engine.engine import Engine
from engine.errors import RelanceError
from engine.outlook import horizon, outlook
from engine.replay import Player
from engine.scenario import Step, scenario_of
from engine.store import Store, instant_of, stored
from tests import played
from workflows import WORKFLOWS
from workflows.membership import audit as membership_audit
from workflows.membership import ledger, members
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.portrait import portrait
from workflows.membership.scenario import SCRIPT, sink

RULES = rules_of(settings_from_mapping({}), dates_confirmed=True)
TZ = RULES.tz
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'watermark' ORDER BY name"
_NEXT = "SELECT min(t) FROM (SELECT min({0}) AS t FROM meeting WHERE {0} > ? AND closed_at IS NULL)"


class Town:
    """The real engine in memory under the real rules, with the story of what was done to it."""

    def __init__(self, start: date, seats: list[str], associations: list[dict[str, Any]]) -> None:
        """Begin on a day with these seats and members."""
        self.data: dict[str, Any] = {
            "title": "Found by hypothesis",
            "from": start,
            "until": start.replace(year=start.year + 4),
        }
        self.data |= {"seats": seats, "association": associations}
        self.story: list[dict[str, Any]] = []
        store = Store("sqlite://")
        store.create_tables()
        self.engine = Engine(store, RULES, WORKFLOWS, sink)
        self.player = Player(self.engine, SCRIPT)
        self.seats = seats
        self.numbers = [str(row["number"]) for row in associations]
        self._begin()

    def _begin(self) -> None:
        scenario = scenario_of(self.data, folder=None, tz=TZ)  # type: ignore[arg-type]  # it names no other file
        self.player.now = scenario.start
        self.engine.start_clock(scenario.start)
        self.player._seat(scenario)
        SCRIPT.prepare(self.player, scenario)
        self.end = scenario.end

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.player.now

    @property
    def today(self) -> date:
        """The present day."""
        return local_day(self.now, TZ)

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Rows of a SELECT."""
        return played.rows(self.engine.store, sql, *values)

    def everything(self) -> dict[str, list[Any]]:
        """Every row of every table, but when the last run was."""
        return {row[0]: self.rows(f"SELECT * FROM {row[0]}") for row in self.rows(_TABLES)}

    def catch_up(self) -> None:
        """What every action does first: run what is due, and plan meetings far enough ahead."""
        if not self.player.down:
            self.engine.tick(self.now)

    def changed_since(self, before: Mapping[str, list[Any]]) -> list[str]:
        """Tables that are not as they were."""
        return [name for name, rows in self.everything().items() if rows != before[name]]

    def do(self, verb: str, **fields: Any) -> bool:
        """Do what a scenario's step does. False: it was refused, and changed nothing."""
        given = {name: value for name, value in fields.items() if value is not None}
        step = Step(len(self.story) + 1, self.now, verb, given)
        told = {"on": self.now.astimezone(TZ).replace(tzinfo=None), "do": verb} | given
        self.catch_up()
        before = self.everything()
        self.story.append(told)
        try:
            self.player._perform(step)
        except RelanceError as error:
            told["refused"] = error.type
            refusal = error
        else:
            return True
        changed = self.changed_since(before)
        assert not changed, f"refused, and yet it changed {changed}: {refusal}"
        return False

    def run_again(self) -> None:
        """Run what is due once more, with a clock that went back too, and look at everybody again: nothing is done."""
        self.catch_up()
        before = self.everything()
        if not self.player.down:
            self.engine.tick(self.now)
            self.engine.tick(self.now - timedelta(days=100))
            self.engine.look(MEMBERSHIP, [row[0] for row in self.rows("SELECT id FROM workflow_instance")], self.now)
        changed = self.changed_since(before)
        assert not changed, f"run again without anything new, and yet it changed {changed}"

    def tell_payment_again(self) -> None:
        """The latest payment is told of once more, by its own identity: it was booked."""
        found = self.rows("SELECT source, external_id, amount_cents, paid_on FROM payment ORDER BY id DESC LIMIT 1")
        self.catch_up()
        before = self.everything()
        for source, external_id, cents, paid_on in found:
            with self.engine.acting(MEMBERSHIP, self.now) as work:
                share = ledger.Share(members.find(work, self.numbers[0]).id, cents)
                known = ledger.NewPayment(source, external_id, date.fromisoformat(paid_on), (share,))
                assert ledger.book(work, [known]) == []
        changed = self.changed_since(before)
        assert not changed, f"told of the same payment twice, and yet it changed {changed}"

    def ask_what_comes(self, number: str) -> None:
        """Somebody reads why a member is where it is, and what comes next."""
        before = self.everything()
        with self.engine.context.reading(MEMBERSHIP, self.now) as work:
            assert portrait(work, number).why
            outlook(work, self.now, horizon(self.now))
        changed = self.changed_since(before)
        assert not changed, f"only read, and yet it changed {changed}"

    def findings(self) -> list[str]:
        """What `relance verify` would say."""
        with self.engine.store.read() as connection:
            found = [*audit.audit(connection, MEMBERSHIP), *membership_audit.audit(connection, MEMBERSHIP)]
            found += audit.steps_outside_their_window(connection, MEMBERSHIP, RULES)
        return [str(finding) for finding in found]

    def transfer(self, numbers: list[str], cents: int) -> None:
        """One payment for several members, which a scenario cannot tell."""
        on = self.now.astimezone(TZ).replace(tzinfo=None)
        self.story.append({"on": on, "do": "transfer", "to": numbers, "cents": cents})
        with self.engine.acting(MEMBERSHIP, self.now) as work:
            shares = tuple(ledger.Share(members.find(work, number).id, cents) for number in numbers)
            payment = ledger.NewPayment("federation", str(self.player.count()), self.today, shares)
            ledger.book(work, [payment])

    def pass_time(self, until: datetime) -> None:
        """Let time pass, up to the scenario's end."""
        self.player.run_until(min(until.astimezone(UTC), self.end))

    def next_of(self, what: str) -> datetime | None:
        """The next publication, meeting, closing (columns of a meeting) or yearly step."""
        if what == "step":
            dates = RULES.dates_of(MEMBERSHIP)
            return min(slot.due for slot in slots_between(dates, TZ, self.now, self.now + timedelta(days=400)))
        found = self.rows(_NEXT.format(what), stored(self.now))[0][0]
        return None if found is None else instant_of(found)

    def next_item(self) -> datetime | None:
        """The hour of the first meeting, from now on, that has something to decide."""
        sql = """SELECT min(m.held_at) FROM meeting m JOIN ballot b ON b.meeting_id = m.id
            WHERE b.status IN ('scheduled', 'open') AND m.closes_at > ?"""
        found = self.rows(sql, stored(self.now))[0][0]
        return None if found is None else instant_of(found)

    def planned_meetings(self) -> list[tuple[str, datetime]]:
        """The next meetings that were not held yet: (month, hour)."""
        sql = "SELECT month, held_at FROM meeting WHERE held_at > ? AND closed_at IS NULL ORDER BY held_at LIMIT 3"
        return [(row[0], instant_of(row[1])) for row in self.rows(sql, stored(self.now))]

    def close(self) -> None:
        """Forget it."""
        self.engine.store.close()

    def toml(self) -> str:
        """What happened, as a scenario file; a transfer is a comment."""
        lines = [f"{key} = {_toml(value)}" for key, value in self.data.items() if key != "association"]
        associations: list[dict[str, Any]] = self.data["association"]
        for kind, tables in (("association", associations), ("step", self.story)):
            for table in tables:
                body = [f"{key} = {_toml(value)}" for key, value in table.items()]
                block = ["", f"[[{kind}]]", *body]
                lines += [f"# {line}" for line in block] if table.get("do") == "transfer" else block
        return "\n".join(lines) + "\n"


def at_hour(day: date, hour: int) -> datetime:
    """An hour of a local day."""
    return at_local(day, hour, 0, TZ)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value) if isinstance(value, int) else f'"{value}"'
