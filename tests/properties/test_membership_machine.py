"""Anything people may do, in any order, through the real engine: what PRODUCT.md promises holds after each step."""

import os
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.properties.promises import Memory, check
from tests.properties.town import Town, at_hour

SEATS = ["S1", "S2", "S3", "S4", "S5"]
OUTCOMES = ["refused", "unclaimed", "unknown_address"]
TRIGGERS = st.sampled_from(["suspend", "propose_removal", "remove", "correct"])
CHOICES = st.sampled_from(["approve", "approve", "reject", "abstain"])
VOTES = st.dictionaries(st.sampled_from(SEATS), CHOICES, min_size=1)
HOURS = st.sampled_from([1, 7, 24, 3 * 24, 8 * 24, 20 * 24, 45 * 24, 100 * 24])
MOMENTS = st.sampled_from(["publish_at", "held_at", "closes_at", "step"])
AMOUNTS = st.sampled_from([None, None, "5.00", "10.00", "20.00", "50.00"])
WHO = st.integers(0, 5)
DAYS = st.integers(0, 40)
# Where a member may stand when it is taken over: state, whether it is a person, years it owes (before the start's).
STANDINGS = st.sampled_from(["paid", "called", "reminded", "suspended", "proposed", "person", "reminded person"])
STARTS = [date(2024, 11, 30), date(2025, 5, 25), date(2025, 8, 10), date(2025, 9, 10), date(2025, 10, 2)]
EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "pays": ("pay", {}),
    "pays a part": ("pay", {"amount": "5.00"}),
    "bounces": ("reverse", {}),
    "stay": ("hold", {"to": date(2028, 1, 1)}),
    "call": ("contact", {}),
    "mail": ("bounce", {}),
    "goes": ("leave", {}),
    "waiver": ("waive", {"year": 2025, "reason": "a decision"}),
    "corrected": ("correct", {"reason": "a mistake", "by": ["Ana", "Bilal"]}),
}
DECIDED = """SELECT i.subject FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id
    WHERE b.status IN ('adopted', 'rejected') AND b.meeting_id = (SELECT max(meeting_id) FROM ballot) ORDER BY b.id"""
LAST_DAY_OF_CUT = date(2024, 9, 2)


def standing(number, kind, start):
    """The row of a member as it is taken over on a day."""
    row = {"number": number, "name": f"Association {number}", "joined_on": date(2019, 3, 1)}
    row |= {"kind": "person" if "person" in kind else "association", "services": ["website", "list"]}
    state = {"proposed": "proposed_for_removal", "person": "paid"}.get(kind, kind.split()[0])
    year = start.year if start.month < 12 else start.year + 1
    if state == "reminded":
        return row | {"state": state, "since": start - timedelta(days=20), "owes": [year], "reminded_for": year}
    if state in {"suspended", "proposed_for_removal"}:
        since = LAST_DAY_OF_CUT if state == "suspended" else start - timedelta(days=3)
        return row | {"state": state, "since": since, "owes": [2024]}
    return row | ({"state": state, "owes": [year]} if state == "called" else {"state": state})


class MembershipMachine(RuleBasedStateMachine):
    """A few members, five seats, three years, and everything that can happen to them."""

    town: Town

    @initialize(
        start=st.sampled_from(STARTS),
        kinds=st.lists(STANDINGS, min_size=4, max_size=4),
        seats=st.integers(3, 5),
    )
    def begin(self, start, kinds, seats):
        rows = [standing(f"A{number}", kind, start) for number, kind in enumerate(kinds, 1)]
        self.town, self.memory = Town(start, SEATS[:seats], rows), Memory()

    def check(self):
        check(self.town, self.memory)

    def number(self, who):
        return self.town.numbers[who % len(self.town.numbers)]

    def do(self, verb, **fields):
        self.town.do(verb, **fields)
        self.check()

    def is_over(self):
        return self.town.now >= self.town.end

    # Time

    @rule(hours=HOURS)
    def time_passes(self, hours):
        self.town.pass_time(self.town.now + timedelta(hours=hours))
        self.check()

    @rule(what=MOMENTS, minutes=st.sampled_from([-60, 0, 30, 180]))
    def time_passes_to_what_comes_next(self, what, minutes):
        moment = self.town.next_of(what)
        if moment is not None:
            self.town.pass_time(max(self.town.now, moment + timedelta(minutes=minutes)))
        self.check()

    @rule(month=st.integers(1, 12), day=st.integers(1, 28), hour=st.integers(8, 20))
    def time_passes_to_a_day_of_the_year(self, month, day, hour):
        today = self.town.today
        year = today.year + ((month, day) <= (today.month, today.day))
        self.town.pass_time(at_hour(date(year, month, day), hour))
        self.check()

    @rule()
    def nothing_new_happens(self):
        self.town.run_again()

    @precondition(lambda self: not self.town.player.down)
    @rule()
    def server_stops(self):
        self.do("stop")

    @precondition(lambda self: self.town.player.down)
    @rule()
    def server_starts(self):
        self.do("start")

    # Money

    @rule(who=WHO, amount=AMOUNTS, ahead=st.sampled_from([None, None, -1, 0, 1]))
    def pays(self, who, amount, ahead):
        year = None if ahead is None else self.town.today.year + ahead
        self.do("pay", association=self.number(who), amount=amount, year=year)

    @precondition(lambda self: not self.town.player.down)
    @rule(who=st.lists(WHO, min_size=2, max_size=3), cents=st.sampled_from([700, 2000, 4000]))
    def federation_pays_for_several(self, who, cents):
        self.town.transfer([self.number(one) for one in who], cents)
        self.check()

    @rule(who=WHO, ahead=st.sampled_from([None, None, 0, 1]), reason=st.sampled_from(["bounced", "entered_wrongly"]))
    def payment_is_undone(self, who, ahead, reason):
        year = None if ahead is None else self.town.today.year + ahead
        self.do("reverse", association=self.number(who), year=year, reason=reason)

    @rule(who=WHO, ahead=st.sampled_from([-1, 0, 0, 1]))
    def is_waived(self, who, ahead):
        self.do("waive", association=self.number(who), year=self.town.today.year + ahead, reason="a decision")

    @precondition(lambda self: not self.town.player.down)
    @rule()
    def same_payment_is_told_again(self):
        self.town.tell_payment_again()

    # People

    @rule(who=WHO)
    def is_heard_from(self, who):
        self.do("contact", association=self.number(who), channel="telephone")

    @precondition(lambda self: not self.town.player.down)
    @rule(who=WHO)
    def somebody_asks_what_comes_next(self, who):
        self.town.ask_what_comes(self.number(who))

    @rule(who=WHO)
    def is_reached_otherwise(self, who):
        self.do("notice", association=self.number(who), channel="letter")

    @rule(who=WHO, days=st.sampled_from([-1, 0, 10, 30, 120]))
    def gets_a_stay(self, who, days):
        self.do("hold", association=self.number(who), to=self.town.today + timedelta(days=days))

    @rule(who=WHO)
    def mail_bounces(self, who):
        self.do("bounce", association=self.number(who))

    @rule(who=WHO)
    def leaves(self, who):
        self.do("leave", association=self.number(who))

    @precondition(lambda self: len(self.town.numbers) < 6)
    @rule(kind=st.sampled_from(["association", "association", "person"]))
    def joins(self, kind):
        number = f"A{len(self.town.numbers) + 1}"
        if self.town.do("join", association=number, name=number, kind=kind, services=["website"]):
            self.town.numbers.append(number)
        self.check()

    @rule(who=WHO)
    def is_corrected(self, who):
        self.do("correct", association=self.number(who), reason="a mistake", by=["Ana", "Bilal"])

    # The board

    @rule(trigger=TRIGGERS, who=st.none() | WHO, votes=VOTES)
    def seats_vote(self, trigger, who, votes):
        self.do("vote", trigger=trigger, association=self.board_of(who), votes=votes)

    @rule(choice=CHOICES, minutes=st.sampled_from([1, 30, 400]))
    def board_meets_as_one(self, choice, minutes):
        self.goes_to_the_next_meeting_with_items(minutes)
        for trigger in self.asked():
            self.do("vote", trigger=trigger, association="*", votes=dict.fromkeys(self.town.seats, choice))

    @rule(votes=VOTES, minutes=st.sampled_from([-600, 30]))
    def board_meets_divided(self, votes, minutes):
        self.goes_to_the_next_meeting_with_items(minutes)
        for trigger in self.asked():
            self.do("vote", trigger=trigger, association="*", votes=votes)

    @rule()
    def board_approves_and_the_evening_ends(self):
        self.board_meets_as_one("approve", 30)
        self.time_passes(7)

    @rule()
    def procedure_runs_its_course(self):
        self.letters_are_delivered(0, 16)
        self.board_approves_and_the_evening_ends()

    @rule(days=st.sampled_from([3, 14, 15, 16]))
    def letters_arrive_days_before_the_hearing(self, days):
        """The summons of everybody in the procedure, so many days before it: fifteen are enough."""
        self.time_passes_to_a_day_of_the_year(10, 4, 12)
        held = next((held for month, held in self.town.planned_meetings() if month.endswith("-10")), None)
        if held is not None:
            self.town.pass_time(max(self.town.now, held - timedelta(days=days)))
            self.letters_are_delivered(0, 0)
            self.board_approves_and_the_evening_ends()

    @rule(who=WHO, events=st.lists(st.sampled_from(sorted(EVENTS)), min_size=1, max_size=2))
    def something_happens_to_whom_the_board_decided_on(self, who, events):
        self.board_approves_and_the_evening_ends()
        found = self.town.rows(DECIDED)
        if found:
            for event in events:
                verb, fields = EVENTS[event]
                self.do(verb, association=found[who % len(found)][0], **fields)
        self.time_passes_to_what_comes_next("step", 30)

    @precondition(lambda self: not self.town.player.down)
    @rule(days=st.sampled_from([2, 30, 70, 400]))
    def server_is_down_for_days(self, days):
        self.do("stop")
        self.time_passes(24 * days)
        self.do("start")

    @rule(who=WHO, days=st.sampled_from([40, 70]))
    def server_is_down_when_a_stay_ends(self, who, days):
        """Decided on in August, a stay into the last month of the window, then no server until after it."""
        self.time_passes_to_a_day_of_the_year(8, 20, 12)
        self.board_approves_and_the_evening_ends()
        found = self.town.rows(DECIDED)
        if found and not self.town.player.down:
            stay = date(self.town.today.year, 11, 10)
            self.do("hold", association=found[who % len(found)][0], to=max(stay, self.town.today))
            self.time_passes_to_a_day_of_the_year(11, 5, 12)
            self.server_is_down_for_days(days)

    def goes_to_the_next_meeting_with_items(self, minutes):
        """To its hour, waiting for up to a year for an agenda that has something on it."""
        for _ in range(12):
            published = self.town.next_of("publish_at")
            if self.town.next_item() is None and published is not None:
                self.town.pass_time(published + timedelta(minutes=1))
                self.check()
        moment = self.town.next_item()
        if moment is not None:
            self.town.pass_time(max(self.town.now, moment + timedelta(minutes=minutes)))
            self.check()

    def asked(self):
        sql = "SELECT DISTINCT trigger FROM ballot WHERE status = 'open' ORDER BY 1"
        return [row[0] for row in self.town.rows(sql)]

    @rule(trigger=TRIGGERS, choice=CHOICES)
    def whole_board_agrees(self, trigger, choice):
        self.do("vote", trigger=trigger, association="*", votes=dict.fromkeys(self.town.seats, choice))

    @rule(trigger=TRIGGERS, who=st.none() | WHO, votes=VOTES)
    def secretary_records(self, trigger, who, votes):
        self.do("record", trigger=trigger, association=self.board_of(who), votes=votes)

    @rule(trigger=TRIGGERS, who=st.none() | WHO)
    def ballots_are_closed(self, trigger, who):
        self.do("close", trigger=trigger, association=self.board_of(who))

    def board_of(self, who):
        return "*" if who is None else self.number(who)

    @rule(which=st.integers(0, 2), hours=st.sampled_from([-24, 2, 20, 30, 72, 200, 300, 500]), still=st.booleans())
    def meeting_is_moved(self, which, hours, still):
        """To so many hours from now, or from when it was to be held."""
        planned = self.town.planned_meetings()
        if planned:
            month, held_at = planned[which % len(planned)]
            held = (held_at if still else self.town.now) + timedelta(hours=hours)
            self.do("meeting", month=month, held=held.replace(second=0, microsecond=0))

    # The post, and what waits for a person

    @rule(who=st.none() | WHO, posted=DAYS, after=st.none() | DAYS, again=st.none() | st.just(value=True))
    def letter_goes_by_post(self, who, posted, after, again):
        day = self.town.today - timedelta(days=posted)
        presented = None if after is None else day + timedelta(days=after)
        self.do("letter", association=self.board_of(who), posted=day, presented=presented, again=again)

    @rule(days=st.sampled_from([0, 0, 3, 16]), then=st.sampled_from([0, 16]))
    def letters_are_delivered(self, days, then):
        """Those that wait, or that are written in the autumn to come; then, perhaps, the days of notice pass."""
        if not self.town.rows("SELECT 1 FROM letter WHERE posted_on IS NULL"):
            self.time_passes_to_a_day_of_the_year(10, 5, 12)
        day = self.town.today - timedelta(days=days)
        self.do("letter", association="*", posted=day, presented=day)
        self.time_passes(24 * then)

    @rule(who=WHO, outcome=st.sampled_from(OUTCOMES), search=st.none() | st.just("x"))
    def letter_comes_back(self, who, outcome, search):
        self.do("letter", association=self.number(who), outcome=outcome, search=search)

    @rule(what=st.sampled_from(["brake", "deletion", "re_suspension"]), who=WHO)
    def is_confirmed(self, what, who):
        self.do("confirm", what=what, association=self.number(who) if what == "re_suspension" else None)

    @rule(days=st.sampled_from([-1, 0, 5, 40, 100]))
    def everything_is_paused(self, days):
        self.do("pause", until=self.town.today + timedelta(days=days), reason="holidays")

    @rule()
    def pauses_end(self):
        self.do("resume")
        self.town.pass_time(self.town.now + timedelta(minutes=1))  # they end just after this instant
        self.check()

    def teardown(self):
        if hasattr(self, "town"):
            note(self.town.toml())
            self.town.close()


def played_with(examples, steps, *, derandomize):
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=derandomize,
        suppress_health_check=quiet,
    )
    run_state_machine_as_test(MembershipMachine, settings=profile)


def test_it_keeps_its_promises_whatever_people_do_in_whatever_order():
    played_with(examples=int(os.environ.get("RELANCE_EXAMPLES", "100")), steps=50, derandomize=True)


@pytest.mark.torture
def test_it_keeps_its_promises_whatever_people_do_however_long():
    played_with(examples=int(os.environ.get("RELANCE_EXAMPLES", "3000")), steps=120, derandomize=False)
