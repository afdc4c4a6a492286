"""The page against the assembly's table: month, what happens, to whom."""

import pytest

from engine.definition import On
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.words import FINAL, Mail, State, Trigger

TABLE = [
    # When, what, from, to, what leaves: the slide of the general assembly, and its house rules.
    ((12, 1), "call", State.PAID, State.CALLED, Mail.CALL_FOR_DUES),
    ((1, 15), "campaign", State.CALLED, None, Mail.RENEWAL_CAMPAIGN),
    ((6, 1), "remind", State.CALLED, State.REMINDED, Mail.REMINDER),
    ((9, 1), "suspend", State.REMINDED, State.SUSPENDED, Mail.SUSPENSION),
    ((10, 3), "summon", State.PROPOSED, None, Mail.SUMMONS),
    ((11, 30), "lapse", State.REMINDED, State.LEFT, Mail.FAREWELL),
]


@pytest.mark.parametrize(("day", "trigger", "source", "dest", "mail"), TABLE)
def test_it_says_what_the_assemblys_table_says(day, trigger, source, dest, mail):
    event = MEMBERSHIP.event(trigger)
    row = MEMBERSHIP.arrows(trigger, source)[0]
    assert (event.rule.month, event.rule.day, event.rule.hour) == (*day, 9)
    assert (row.dest, row.on, row.sends) == (dest, On.CALENDAR, (mail,))


def test_it_lets_the_board_settle_suspensions_in_august_the_list_in_september_and_strike_offs_in_october():
    assert [(rule.trigger, rule.month) for rule in MEMBERSHIP.ballots][:3] == [
        (Trigger.SUSPEND, 8),
        (Trigger.PROPOSE_REMOVAL, 9),
        (Trigger.REMOVE, 10),
    ]


def test_it_cuts_and_strikes_off_by_a_ballot_only():
    """Every arrow into a cut-off or a strike-off waits for the board; only a reversal of its own goes back."""
    into = [row for row in MEMBERSHIP.transitions if row.dest in {State.SUSPENDED, State.PROPOSED, State.REMOVED}]
    decided = {Trigger.SUSPEND, Trigger.PROPOSE_REMOVAL, Trigger.REMOVE, Trigger.SPARE, Trigger.CORRECT}
    assert {row.trigger for row in into} == decided
    assert MEMBERSHIP.event(Trigger.SUSPEND).decided_by == Trigger.SUSPEND


def test_it_has_no_way_back_from_the_end_but_a_correction():
    ways = {row.trigger for row in MEMBERSHIP.transitions for state in FINAL if state in row.source and row.dest}
    assert ways == {Trigger.CORRECT}


def test_it_names_every_state_in_french():
    assert set(MEMBERSHIP.labels) == set(State)


def test_its_rows_send_every_kind_of_mail_that_there_is():
    assert set(MEMBERSHIP.mail_kinds) == set(Mail)
