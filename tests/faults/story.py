"""A year of twenty associations, or of any number of twenties, as people live it: who stands where, who does what when.

Every deed is a request to the API. What is asked depends on what is there: a deed that was cut short is done again,
and asks only for what is still to be done, or for the same under the same key.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from workflows.membership.takeover import NewMember
from workflows.membership.words import State

PARIS = ZoneInfo("Europe/Paris")
START, END = datetime(2025, 11, 29, tzinfo=PARIS), datetime(2026, 12, 12, tzinfo=PARIS)
CUT = date(2025, 9, 1)
BLOCK = 20
CUT_BEFORE = range(1, 5)
PERSONS = (19, 20)
SEATS = ("S1", "S2", "S3")
ROLES = ("treasurer", "secretary", "admin")

Rows = Callable[..., list[Any]]


@dataclass(frozen=True)
class Ask:
    """One request: who asks what. A `key` makes a POST that is sent again the same."""

    who: str
    method: str
    path: str
    json: dict[str, Any] | None = None
    key: str | None = None


@dataclass(frozen=True)
class Deed:
    """Something that people do at an instant (Paris time), as the requests that it takes now."""

    on: str
    asks: Callable[[Rows, int], Iterator[Ask]] = field(repr=False)

    @property
    def at(self) -> datetime:
        """The instant."""
        return datetime.fromisoformat(self.on).replace(tzinfo=PARIS)


def number_of(block: int, place: int) -> str:
    """The number of a member: its block of twenty, its place in it."""
    return f"A{block:02}{place:02}"


def members(blocks: int) -> list[NewMember]:
    """Everybody, as they are taken over in November: four of each twenty were cut in September."""
    return [_member(number_of(block, place), place) for block in range(blocks) for place in range(1, BLOCK + 1)]


def _member(number: str, place: int) -> NewMember:
    fields = {"name": f"Association {number}", "joined_on": date(2010, 1, 1), "email": f"{number.lower()}@ca.example"}
    if place in PERSONS:
        return NewMember(number, fields | {"kind": "person"})
    fields |= {"kind": "association", "language": "en" if place % 3 == 0 else "fr"}
    services = (("website", f"{number}.example"), ("list", number.lower()))[: 1 + (place % 7 == 0)]
    if place in CUT_BEFORE:
        return NewMember(number, fields, State.SUSPENDED, CUT, (2025,), services=services)
    return NewMember(number, fields, services=services)


# What they do, each for its places in every block of twenty


def pay(on: str, *places: int, amount: str = "20.00", name: str = "") -> Deed:
    """Each pays; the bank's own number makes a payment what it is."""

    def asks(_rows: Rows, blocks: int) -> Iterator[Ask]:
        for number in _numbers(blocks, places):
            paid = {"amount": amount, "paid_on": on[:10], "source": "bank", "external_id": f"{on}{number}{name}"}
            yield Ask("treasurer", "POST", f"/associations/{number}/payments", paid, f"{on}{number}")

    return Deed(on, asks)


def transfer(on: str, *places: int) -> Deed:
    """A federation pays for several at once. No number of its own: only the key tells that it was sent again."""

    def asks(_rows: Rows, blocks: int) -> Iterator[Ask]:
        for block in range(blocks):
            parts = [{"association": number_of(block, place), "amount": "20.00"} for place in places]
            paid = {"amount": f"{20 * len(parts)}.00", "paid_on": on[:10], "allocations": parts}
            yield Ask("treasurer", "POST", "/payments", paid, f"{on}{block}")

    return Deed(on, asks)


def tell(on: str, what: str, place: int, who: str = "secretary", /, **said: object) -> Deed:
    """Something is told of one of each twenty: a contact, a waiver, a departure, a stay."""

    def asks(_rows: Rows, blocks: int) -> Iterator[Ask]:
        for number in _numbers(blocks, (place,)):
            yield Ask(who, "POST", f"/associations/{number}/{what}", dict(said), f"{on}{number}")

    return Deed(on, asks)


def bounce(on: str, paid: str, place: int) -> Deed:
    """A payment that was made comes back."""

    def asks(rows: Rows, blocks: int) -> Iterator[Ask]:
        for number in _numbers(blocks, (place,)):
            [(payment,)] = rows("SELECT id FROM payment WHERE external_id = ?", f"{paid}{number}")
            said = {"on": on[:10], "reason": "bounced"}
            yield Ask("treasurer", "POST", f"/payments/{payment}/reversal", said, f"{on}{number}")

    return Deed(on, asks)


def join(on: str) -> Deed:
    """One more in each block."""

    def asks(_rows: Rows, blocks: int) -> Iterator[Ask]:
        for block in range(blocks):
            number = number_of(block, BLOCK + 1)
            new = {"number": number, "name": f"Association {number}", "email": f"{number.lower()}@ca.example"}
            yield Ask("treasurer", "POST", "/associations", new, f"{on}{number}")

    return Deed(on, asks)


def vote(on: str, against: int, seats: tuple[str, ...] = SEATS[:2]) -> Deed:
    """Seats vote on every ballot that is open: for it, but for one of each twenty."""

    def asks(rows: Rows, _blocks: int) -> Iterator[Ask]:
        sql = """SELECT b.id, i.subject FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id
            WHERE b.status = 'open' ORDER BY b.id"""
        for ballot, number in rows(sql):
            choice = "reject" if int(number[-2:]) == against else "approve"
            for seat in seats:
                yield Ask(seat, "PUT", f"/ballots/{ballot}/vote", {"choice": choice})

    return Deed(on, asks)


def close(on: str, month: str) -> Deed:
    """The secretary closes the meeting's ballots."""

    def asks(rows: Rows, _blocks: int) -> Iterator[Ask]:
        [(meeting,)] = rows("SELECT id FROM meeting WHERE month = ?", month)
        yield Ask("secretary", "POST", f"/meetings/{meeting}/close", key=on)

    return Deed(on, asks)


def post_letters(on: str) -> Deed:
    """The secretary posts the letters that wait; two days later each is presented."""

    def asks(rows: Rows, _blocks: int) -> Iterator[Ask]:
        for (letter,) in rows("SELECT id FROM letter WHERE posted_on IS NULL ORDER BY id"):
            yield Ask("secretary", "PATCH", f"/letters/{letter}", {"posted_on": on[:10]})

    return Deed(on, asks)


def present_letters(on: str) -> Deed:
    """The post has presented what was posted."""

    def asks(rows: Rows, _blocks: int) -> Iterator[Ask]:
        for (letter,) in rows("SELECT id FROM letter WHERE first_presented_on IS NULL ORDER BY id"):
            yield Ask("secretary", "PATCH", f"/letters/{letter}", {"first_presented_on": on[:10]})

    return Deed(on, asks)


def serve_orders(on: str) -> Deed:
    """An admin carries out the orders that wait: suspend, restore, archive, delete."""

    def asks(rows: Rows, _blocks: int) -> Iterator[Ask]:
        for (order,) in rows("SELECT id FROM service_order WHERE status = 'pending' ORDER BY id"):
            yield Ask("admin", "POST", f"/service-orders/{order}/ack", {"ok": True}, f"{on}{order}")

    return Deed(on, asks)


def do_tasks(on: str, kind: str, who: str) -> Deed:
    """What waits for a person is agreed to: a step that the brake holds, a deletion."""

    def asks(rows: Rows, _blocks: int) -> Iterator[Ask]:
        for (task,) in rows("SELECT id FROM task WHERE kind = ? AND done_at IS NULL ORDER BY id", kind):
            yield Ask(who, "POST", f"/tasks/{task}/done", {}, f"{on}{task}")

    return Deed(on, asks)


def _numbers(blocks: int, places: tuple[int, ...]) -> Iterator[str]:
    for block in range(blocks):
        for place in places:
            yield number_of(block, place)


YEAR = (
    pay("2025-12-10T12:00", 5, 6, 7),
    transfer("2025-12-11T12:00", 8, 9),
    tell("2026-01-05T12:00", "departure", 10, on="2026-01-05"),
    bounce("2026-02-03T12:00", "2025-12-10T12:00", 7),
    tell("2026-02-04T12:00", "waivers", 12, "treasurer", year=2026, reason="assembly"),
    do_tasks("2026-02-20T12:00", "confirm_deletion", "admin"),
    serve_orders("2026-02-21T12:00"),
    serve_orders("2026-02-22T12:00"),
    join("2026-03-15T12:00"),
    pay("2026-04-02T12:00", 21),
    do_tasks("2026-06-02T12:00", "brake", "treasurer"),
    pay("2026-06-10T12:00", 19),
    pay("2026-06-11T12:00", 11, amount="5.00"),
    vote("2026-08-20T12:00", against=18, seats=("S1",)),
    vote("2026-08-21T12:00", against=17),
    pay("2026-08-22T12:00", 13),
    tell("2026-08-25T12:00", "holds", 16, until="2026-09-20", reason="asked for it"),
    close("2026-08-27T19:00", "2026-08"),
    do_tasks("2026-09-02T12:00", "brake", "treasurer"),
    serve_orders("2026-09-05T12:00"),
    pay("2026-09-10T12:00", 14),
    serve_orders("2026-09-11T12:00"),
    tell("2026-09-16T12:00", "contacts", 1, on="2026-09-16", channel="telephone"),
    do_tasks("2026-09-22T12:00", "brake", "treasurer"),
    vote("2026-09-24T19:00", against=0),
    post_letters("2026-10-05T12:00"),
    present_letters("2026-10-07T12:00"),
    vote("2026-10-29T19:00", against=4),
    post_letters("2026-11-02T12:00"),
    do_tasks("2026-11-20T12:00", "confirm_deletion", "admin"),
    serve_orders("2026-11-21T12:00"),
    serve_orders("2026-11-22T12:00"),
)
