"""What must hold after anything whatever happened: PRODUCT.md, read from the tables without the code under test."""

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from engine.store import instant_of, stored
from tests import played
from tests.properties.town import TZ, Town

ACTIVE = ("paid", "called", "reminded", "suspended", "proposed_for_removal")
CUT = ("suspended", "proposed_for_removal")
FINAL = ("removed", "left")
OUTCOMES = ("adopted", "rejected")
SHORT_OUTAGE = timedelta(days=2)
ESCALATIONS = ("call", "campaign", "remind", "suspend", "propose_removal", "summon", "remove", "lapse")
# Each yearly step: first day, last day of its window, whether that is in the next year; a call is about the next year.
WINDOWS = {
    "call": ((12, 1), (2, 28), 1),
    "campaign": ((1, 15), (3, 31), 0),
    "remind": ((6, 1), (8, 15), 0),
    "suspend": ((9, 1), (11, 30), 0),
    "summon": ((10, 3), (12, 31), 0),
    "lapse": ((11, 30), (12, 31), 0),
}
TASKS_IN = {
    "hearing_postponed": ("proposed_for_removal",),
    "confirm_deletion": FINAL,
    "re_suspension": ("reminded",),
}
"""Tasks that stand in these states only."""
MOVES = {
    "call": {("paid", "called")},
    "campaign": set(),
    "remind": {("called", "reminded")},
    "suspend": {("reminded", "suspended")},
    "propose_removal": {("suspended", "proposed_for_removal")},
    "summon": set(),
    "spare": {("proposed_for_removal", "suspended")},
    "remove": {("proposed_for_removal", "removed")},
    "lapse": {("reminded", "left")},
    "pay": {(old, new) for old in ("called", "reminded", *CUT) for new in ("paid", "called") if old != new},
    "reverse": {(old, new) for old in ("paid", "called") for new in ("called", "reminded") if old != new},
    "leave": {(old, "left") for old in ACTIVE},
}
"""The arrows of PRODUCT.md § 2; a correction may go anywhere back."""


@dataclass
class Memory:
    """What was seen before, and may not change any more."""

    last_entry: int = 0
    decided: dict[int, tuple[Any, ...]] = field(default_factory=dict)


def table(town: Town, name: str) -> list[dict[str, Any]]:
    """Every row of a table, by column."""
    columns = [row[1] for row in town.rows(f"PRAGMA table_info({name})")]
    return [dict(zip(columns, row, strict=True)) for row in town.rows(f"SELECT {', '.join(columns)} FROM {name}")]


class Facts:
    """The tables, read once per look."""

    def __init__(self, town: Town) -> None:
        """Read them."""
        self.town = town
        self.members = {row["id"]: row for row in table(town, "workflow_instance")}
        self.register = {row["instance_id"]: row for row in table(town, "association")}
        self.dues = table(town, "due")
        self.ledger = table(town, "ledger_entry")
        self.payments = {row["id"]: row for row in table(town, "payment")}
        self.contacts = table(town, "contact")
        self.letters = sorted(table(town, "letter"), key=lambda row: int(row["id"]))
        self.meetings = {row["id"]: row for row in table(town, "meeting")}
        self.ballots = sorted(table(town, "ballot"), key=lambda row: int(row["id"]))
        self.votes = table(town, "vote")
        self.tasks = table(town, "task")
        self.occurrences = table(town, "occurrence")
        self.journal = sorted(table(town, "journal_entry"), key=lambda row: int(row["id"]))
        self.orders = sorted(table(town, "service_order"), key=lambda row: int(row["id"]))
        self.services = {row["id"]: row["association_id"] for row in table(town, "service")}
        self.pauses = table(town, "pause")
        self.runs = table(town, "event_run")

    def unpaid(self, member: int) -> dict[int, int]:
        """Called dues that are not settled, by year."""
        return {
            due["year"]: due["amount_cents"] - due["settled_cents"]
            for due in self.dues
            if due["association_id"] == member and due["called_at"] and due["settled_cents"] < due["amount_cents"]
        }

    def concerned(self, member: int) -> list[int]:
        """The years that its reminder or its cut is about."""
        return [int(year) for year in self.register[member]["concerned"].split("|") if year]

    def latest(self, member: int, trigger: str) -> dict[str, Any] | None:
        """Its latest ballot on a question."""
        found = [row for row in self.ballots if row["instance_id"] == member and row["trigger"] == trigger]
        return found[-1] if found else None

    def signs_of_life(self, member: int) -> list[date]:
        """Days of its contacts, and of its payments that were not reversed."""
        said = [row["on_day"] for row in self.contacts if row["association_id"] == member and row["kind"] == "contact"]
        payments = {row["payment_id"] for row in self.ledger if row["association_id"] == member} - {None}
        paid = [self.payments[number]["paid_on"] for number in payments if not self.payments[number]["reversed_at"]]
        told = self.register[member]["last_contact_on"]
        return [date.fromisoformat(text) for text in (*said, *paid, *([told] if told else []))]

    def open_tasks(self, kind: str) -> set[int | None]:
        """Members about whom a task of this kind is open."""
        return {row["instance_id"] for row in self.tasks if row["kind"] == kind and row["done_at"] is None}


def day_of(text: str) -> date:
    """The local day of a stored instant."""
    return instant_of(text).astimezone(TZ).date()


def local(day: date, hour: int) -> datetime:
    """An hour of a local day."""
    return datetime.combine(day, time(hour), TZ)


def check(town: Town, memory: Memory) -> None:
    """Every promise, one after the other."""
    facts = Facts(town)
    for promise in PROMISES:
        promise(facts)
    for entry in facts.journal:
        if entry["id"] > memory.last_entry and entry["acted"]:
            _check_entry(facts, entry)
    memory.last_entry = max((entry["id"] for entry in facts.journal), default=0)
    _nothing_decided_changes(facts, memory)


# The journal


def the_journal_replays_to_the_state(facts: Facts) -> None:
    """Following it from its first line ends where the member is; time goes on."""
    journal = played.journal_of(facts.town.engine.store)
    assert played.replayed_states(journal) == played.states_of(facts.town.engine.store)
    for entry in journal:
        assert entry.effective_at <= entry.at, f"{entry} took effect after it was recorded"
    for before, after in itertools.pairwise(journal):
        assert before.at <= after.at, f"time went back between {before} and {after}"


def final_states_move_only_by_correction(facts: Facts) -> None:
    """Removed and left are final."""
    for entry in facts.journal:
        if entry["from_state"] in FINAL and entry["to_state"] != entry["from_state"]:
            assert entry["trigger"] == "correct", entry


def _check_entry(facts: Facts, entry: dict[str, Any]) -> None:
    """One new line of the journal: its arrow exists, and what had to come before it came."""
    trigger, before, after = entry["trigger"], entry["from_state"], entry["to_state"]
    if before is not None and before != after and trigger != "correct":
        assert (before, after) in MOVES[trigger], f"no arrow: {entry}"
    if trigger in ESCALATIONS:
        assert not _was_paused(facts, entry), f"escalated during a pause: {entry}"
    rule = REASONS.get(trigger)
    if rule is not None and before is not None:
        rule(facts, entry)


def _was_paused(facts: Facts, entry: dict[str, Any]) -> bool:
    """Whether it was done in a pause, or as a yearly step dated into one; the board's decisions bear their own date."""
    by_itself = entry["cause"].startswith("calendar:")
    instants = (entry["at"], *([entry["effective_at"]] if by_itself else []))
    return any(pause["at"] <= at < pause["ends_at"] for pause in facts.pauses for at in instants)


def _suspended_for_a_reason(facts: Facts, entry: dict[str, Any]) -> None:
    """Reminded this year, an adopted ballot of this year, its clear days over, and no stay."""
    member, at = entry["instance_id"], instant_of(entry["effective_at"])
    year = at.astimezone(TZ).year
    assert _acted(facts, member, "remind", year), f"not reminded in {year}: {entry}"
    ballots = [
        row
        for row in facts.ballots
        if (row["instance_id"], row["trigger"], row["year"], row["status"]) == (member, "suspend", year, "adopted")
    ]
    assert ballots, f"without a ballot of its own: {entry}"
    held = day_of(facts.meetings[ballots[-1]["meeting_id"]]["held_at"])
    assert at >= local(held + timedelta(days=4), 9), f"the clear days were not over: {entry}"
    assert not _is_held(facts, member, at), f"had a stay: {entry}"
    assert facts.register[member]["kind"] == "association", entry


def _listed_for_a_reason(facts: Facts, entry: dict[str, Any]) -> None:
    """Its own ballot; cut before October of last year; silent since; no stay."""
    member, at = entry["instance_id"], instant_of(entry["effective_at"])
    ballot = _ballot_of(facts, entry, "adopted", "propose_removal")
    cut = day_of(facts.register[member]["cut_at"])
    assert cut < date(ballot["year"] - 1, 10, 1), f"cut less than a year ago: {entry}"
    assert not _signs_since_the_cut(facts, ballot), f"gave a sign of life: {entry}"
    assert not _is_held(facts, member, at), f"had a stay: {entry}"


def _removed_after_being_heard(facts: Facts, entry: dict[str, Any]) -> None:
    """Its own ballot, the list decision, a letter presented in time with its outcome, no stay, no early vote."""
    member = entry["instance_id"]
    ballot = _ballot_of(facts, entry, "adopted", "remove")
    held = facts.meetings[ballot["meeting_id"]]["held_at"]
    taken_over = next(row for row in facts.journal if row["instance_id"] == member)["to_state"]
    listed = [row for row in facts.ballots if row["instance_id"] == member and row["trigger"] == "propose_removal"]
    assert taken_over == "proposed_for_removal" or [row for row in listed if row["status"] == "adopted"], entry
    assert [letter for letter in facts.letters if _heard_by(letter, member, held)], f"not heard: {entry}"
    assert not _is_held(facts, member, instant_of(held)), f"had a stay: {entry}"
    votes = [row for row in facts.votes if row["ballot_id"] == ballot["id"]]
    assert all(row["at"] >= held for row in votes), f"voted before the meeting: {entry}"
    assert {year for year in facts.concerned(member) if year in facts.unpaid(member)}, f"has settled: {entry}"


def _heard_by(letter: dict[str, Any], member: int, held: str) -> bool:
    if letter["association_id"] != member or letter["kind"] != "summons" or not letter["posted_on"]:
        return False
    last = day_of(held) - timedelta(days=15)
    searched = letter["outcome"] == "unknown_address" and letter["search_note"]
    presented = letter["first_presented_on"] or (letter["posted_on"] if searched else None)
    in_time = presented is not None and date.fromisoformat(presented) <= last
    return bool(in_time and (letter["outcome"] in {"delivered", "refused", "unclaimed"} or searched))


def _spared_by_the_board(facts: Facts, entry: dict[str, Any]) -> None:
    _ballot_of(facts, entry, "rejected", "remove")


def _lapsed_as_a_person(facts: Facts, entry: dict[str, Any]) -> None:
    assert facts.register[entry["instance_id"]]["kind"] == "person", entry


def _summoned_in_the_procedure(facts: Facts, entry: dict[str, Any]) -> None:
    assert entry["from_state"] == "proposed_for_removal", entry


REASONS = {
    "suspend": _suspended_for_a_reason,
    "propose_removal": _listed_for_a_reason,
    "remove": _removed_after_being_heard,
    "spare": _spared_by_the_board,
    "lapse": _lapsed_as_a_person,
    "summon": _summoned_in_the_procedure,
}


def _ballot_of(facts: Facts, entry: dict[str, Any], outcome: str, trigger: str) -> dict[str, Any]:
    kind, _, number = entry["cause"].partition(":")
    found = [row for row in facts.ballots if kind == "ballot" and row["id"] == int(number)]
    assert found, f"without a ballot: {entry}"
    asked = (found[0]["instance_id"], found[0]["trigger"], found[0]["status"])
    assert asked == (entry["instance_id"], trigger, outcome), f"not by a ballot of its own: {entry} {found}"
    return found[0]


def _acted(facts: Facts, member: int, event: str, year: int) -> bool:
    wanted = (member, event, year, "acted")
    return any((row["instance_id"], row["event"], row["year"], row["status"]) == wanted for row in facts.occurrences)


def _is_held(facts: Facts, member: int, at: datetime) -> bool:
    until = facts.register[member]["hold_until"]
    return until is not None and at < local(date.fromisoformat(until) + timedelta(days=1), 9)


# Steps and notices


def no_step_is_outside_its_window(facts: Facts) -> None:
    """What acted took effect from its day to its last day, and was recorded by then (or after a short outage)."""
    for row in facts.occurrences:
        started = facts.members[row["instance_id"]]["started_at"]
        if row["status"] == "acted" and row["effective_at"] > started:
            due, closes = _window(row["event"], row["year"])
            assert due <= instant_of(row["effective_at"]) < closes, f"outside of its window: {row}"
            assert instant_of(row["at"]) < closes + SHORT_OUTAGE, f"run after its window: {row}"
            assert due > instant_of(started), f"a step due before it joined: {row}"


def _window(event: str, year: int) -> tuple[datetime, datetime]:
    first, last, ahead = WINDOWS[event]
    due = date(year - ahead, *first)
    return local(due, 9), local(date(year, *last) + timedelta(days=1), 0)


def each_notice_leaves_once(facts: Facts) -> None:
    """Once for a year's step; for a last call, an agenda."""
    assert played.repeated_notices(facts.town.engine.store) == []


# Ballots


def ballots_are_counted_from_their_votes(facts: Facts) -> None:
    """One current vote per seat, cast while the ballot was open; the outcome follows from them and who was there."""
    votes: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for vote in facts.votes:
        votes[vote["ballot_id"]].append(vote)
    for ballot in facts.ballots:
        cast = votes[ballot["id"]]
        current = [vote for vote in cast if vote["superseded_at"] is None]
        seats = ballot["electorate"].split("|") if ballot["electorate"] else []
        assert not [seat for seat, number in Counter(vote["seat"] for vote in current).items() if number > 1], ballot
        for vote in cast:
            assert vote["seat"] in seats, f"{vote} is no seat of {ballot}"
            assert vote["at"] >= ballot["opens_at"], f"{vote} came before {ballot}"
            assert vote["channel"] == "sheet" or vote["at"] < ballot["closes_at"], f"{vote} came after {ballot}"
        if ballot["status"] in OUTCOMES:
            _check_outcome(ballot, Counter(vote["choice"] for vote in current), len(seats))


def _check_outcome(ballot: dict[str, Any], counts: Counter[str], seats: int) -> None:
    assert (ballot["approve"], ballot["reject"], ballot["abstain"]) == (
        counts["approve"],
        counts["reject"],
        counts["abstain"],
    ), ballot
    assert ballot["took_part"] >= counts.total(), ballot
    assert 2 * ballot["took_part"] >= seats, f"without quorum: {ballot}"
    adopted = counts["approve"] > counts["reject"] and counts["approve"] >= 1
    assert (ballot["status"] == "adopted") == adopted, ballot


def ballots_stand_for_a_reason(facts: Facts) -> None:
    """An open question is still one; nothing is asked twice at once."""
    live = [row for row in facts.ballots if row["status"] in {"scheduled", "open"}]
    assert len({(row["instance_id"], row["trigger"]) for row in live}) == len(live)
    for ballot in live:
        member, state = ballot["instance_id"], facts.members[ballot["instance_id"]]["state"]
        if ballot["trigger"] == "suspend":
            assert state == "reminded", f"asked of one that is {state}: {ballot}"
            assert facts.unpaid(member), f"asked of one that owes nothing: {ballot}"
        elif ballot["trigger"] == "propose_removal":
            assert state == "suspended", f"asked of one that is {state}: {ballot}"
            assert facts.unpaid(member), f"asked of one that owes nothing: {ballot}"
        elif ballot["trigger"] == "remove":
            assert state == "proposed_for_removal", f"asked of one that is {state}: {ballot}"
        if ballot["trigger"] == "propose_removal":
            assert not _signs_since_the_cut(facts, ballot), f"asked of one that gave a sign of life: {ballot}"
        if ballot["trigger"] == "suspend":
            assert _can_be_told(facts.register[member]), f"asked of one that is unreachable: {ballot}"
        if ballot["trigger"] in {"suspend", "propose_removal"}:
            assert not _is_held(facts, member, facts.town.now), f"has a stay: {ballot}"


def what_the_board_rejected_is_over(facts: Facts) -> None:
    """Whoever was heard and not struck off is spared; during a pause that waits."""
    paused = any(pause["ends_at"] > stored(facts.town.now) for pause in facts.pauses)
    for number, member in facts.members.items():
        hearing = facts.latest(number, "remove")
        if hearing is not None and hearing["status"] == "rejected" and hearing["decided_at"] >= member["since"]:
            assert member["state"] != "proposed_for_removal" or paused, f"rejected, and yet not spared: {hearing}"


def _signs_since_the_cut(facts: Facts, ballot: dict[str, Any]) -> list[date]:
    member = ballot["instance_id"]
    since = max(day_of(facts.register[member]["cut_at"]), date(ballot["year"] - 1, 9, 1))
    return [day for day in facts.signs_of_life(member) if day >= since]


def _can_be_told(row: dict[str, Any]) -> bool:
    """Some address takes mail, or it was notified otherwise since this year's reminder."""
    notified = row["notified_at"] and row["reminded_at"] and row["notified_at"] >= row["reminded_at"]
    return not row["unreachable_since"] or bool(notified)


def _nothing_decided_changes(facts: Facts, memory: Memory) -> None:
    """A closed ballot with an outcome never changes, nor does one that was withdrawn for good."""
    final = (*OUTCOMES, "withdrawn")
    for ballot in facts.ballots:
        current = sorted(
            (vote["seat"], vote["choice"])
            for vote in facts.votes
            if vote["ballot_id"] == ballot["id"] and vote["superseded_at"] is None
        )
        told = tuple(ballot[name] for name in ("status", "approve", "reject", "abstain", "took_part", "decided_at"))
        if ballot["status"] in final:
            known = memory.decided.setdefault(ballot["id"], (*told, current))
            assert known == (*told, current), f"decided, and yet it changed: {known} {told} {current}"
        else:
            assert ballot["id"] not in memory.decided, f"decided, and yet it changed: {ballot}"


# Money


def money_adds_up(facts: Facts) -> None:
    """The ledger, the dues, the credits and the payments say the same; nothing is negative or more than due."""
    by_due: Counter[tuple[int, int | None]] = Counter()
    by_payment: Counter[tuple[int, str]] = Counter()
    for line in facts.ledger:
        by_due[line["association_id"], line["year"]] += line["amount_cents"]
        if line["payment_id"] is not None:
            by_payment[line["payment_id"], line["kind"]] += line["amount_cents"]
    for due in facts.dues:
        assert due["settled_cents"] == by_due.pop((due["association_id"], due["year"]), 0), due
        assert 0 <= due["settled_cents"] <= due["amount_cents"], due
    for number, row in facts.register.items():
        assert row["credit_cents"] == by_due.pop((number, None), 0), row
        assert row["credit_cents"] >= 0, row
    assert not by_due, f"lines without a due: {by_due}"
    for number, payment in facts.payments.items():
        assert payment["amount_cents"] == by_payment[number, "payment"], payment
        undone = payment["amount_cents"] if payment["reversed_at"] else 0
        assert by_payment[number, "reversal"] == -undone, payment


def states_follow_from_money(facts: Facts) -> None:
    """Paid: nothing called is owed; called: something is; a reminder or a cut stands for years not settled."""
    for number, member in facts.members.items():
        unpaid, state = facts.unpaid(number), member["state"]
        if state == "paid":
            assert not unpaid, f"paid, and yet it owes {unpaid}: {member}"
        elif state == "called":
            assert unpaid, f"called, and yet it owes nothing: {member}"
        elif state in {"reminded", *CUT}:
            unsettled = [year for year in facts.concerned(number) if year in unpaid]
            assert unsettled, f"{state} about settled years only: {facts.concerned(number)}, {unpaid}, {member}"
        if state in ACTIVE:
            cut = facts.register[number]["cut_at"] is not None
            assert (state in CUT) == cut, (
                f"the day of its cut and its state disagree: {member} {facts.register[number]}"
            )


def services_follow_the_state(facts: Facts) -> None:
    """Whoever is served again has its services restored (or they were deleted before a correction); whoever is cut by
    us has them suspended.
    """
    latest: dict[int, str] = {row["service_id"]: row["action"] for row in facts.orders}
    cut_by_us = {row["instance_id"] for row in facts.journal if row["trigger"] == "suspend" and row["acted"]}
    for service, member in facts.services.items():
        state, last = facts.members[member]["state"], latest.get(service)
        if state in {"paid", "called", "reminded"}:
            assert last in {None, "restore", "delete"}, (
                f"{state}, and yet its last order is {last}: {facts.members[member]}"
            )
        elif state in CUT and member in cut_by_us:
            assert last in {"suspend", "delete"}, f"{state}, and yet its last order is {last}: {facts.members[member]}"


# Tasks


def tasks_stand_for_a_reason(facts: Facts) -> None:
    """Every open task has its reason, and what must be asked of a person is."""
    kinds = ("unreachable", "surplus", "post_letter", "hearing_postponed")
    wanted: dict[str, set[int]] = {kind: set() for kind in kinds}
    for number, member in facts.members.items():
        state, row = member["state"], facts.register[number]
        if row["unreachable_since"] and state in ACTIVE:
            wanted["unreachable"].add(number)
        if row["credit_cents"]:
            wanted["surplus"].add(number)
        if _waits_for_the_post(facts, number):
            wanted["post_letter"].add(number)
        hearing = facts.latest(number, "remove")
        blocked = hearing is not None and hearing["status"] == "blocked" and hearing["decided_at"] >= member["since"]
        if state == "proposed_for_removal" and blocked:
            wanted["hearing_postponed"].add(number)
    for kind in ("unreachable", "surplus", "post_letter"):
        assert facts.open_tasks(kind) == wanted[kind], f"{kind}: {facts.open_tasks(kind)}, not {wanted[kind]}"
    postponed = facts.open_tasks("hearing_postponed")
    assert wanted["hearing_postponed"] <= postponed, f"hearing_postponed: {postponed}, not {wanted}"
    for kind, states in TASKS_IN.items():
        for number in facts.open_tasks(kind):
            assert number is not None, kind
            assert facts.members[number]["state"] in states, f"{kind} is open: {facts.members[number]}"
    _brakes_hold_something(facts)


def _waits_for_the_post(facts: Facts, number: int) -> bool:
    kind = {"proposed_for_removal": "summons", "removed": "removal"}.get(facts.members[number]["state"])
    since = facts.members[number]["since"]
    letters = [
        row
        for row in facts.letters
        if (row["association_id"], row["kind"]) == (number, kind) and row["created_at"] >= since
    ]
    return bool(letters) and letters[-1]["posted_on"] is None


def _brakes_hold_something(facts: Facts) -> None:
    waiting = {f"{row['event']} {row['year']}" for row in facts.runs if row["braked_at"] and not row["confirmed_at"]}
    for task in facts.tasks:
        if task["kind"] == "brake" and task["done_at"] is None:
            assert task["about"] in waiting, task
            event, _, year = task["about"].partition(" ")
            assert facts.town.player.down or facts.town.now < _window(event, int(year))[1], f"its window ended: {task}"


def verify_finds_nothing(facts: Facts) -> None:
    """`relance verify` agrees."""
    assert facts.town.findings() == []


PROMISES = (
    the_journal_replays_to_the_state,
    final_states_move_only_by_correction,
    no_step_is_outside_its_window,
    each_notice_leaves_once,
    ballots_are_counted_from_their_votes,
    ballots_stand_for_a_reason,
    what_the_board_rejected_is_over,
    money_adds_up,
    states_follow_from_money,
    services_follow_the_state,
    tasks_stand_for_a_reason,
    verify_finds_nothing,
)
