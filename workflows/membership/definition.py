"""The page: the assembly's slide as rows. Nothing else decides what moves a member.

Read it from the top: the year's dates, what the board decides and when, then every arrow with its conditions.
"""

from engine.calendar import YearlyRule
from engine.definition import BallotRule, CalendarEvent, Lift, On, Transition, Workflow
from workflows.membership.deeds import (
    ask_about_payment,
    ask_to_cut_again,
    cancel_free_dues,
    forget_years,
    go_back,
    issue_due,
    keep_cut,
    memory_of,
    order,
    remember_cut,
    remember_reminder,
    wait_for_deletion,
    write_letter,
)
from workflows.membership.facts import load_members
from workflows.membership.guards import (
    annulled_by_the_board,
    back_to,
    cut_for_a_year,
    decided_by_the_board,
    due_is_unsettled,
    has_paid_since_struck_off,
    is_association,
    is_person,
    letter_not_posted,
    not_asked_yet,
    not_called_when_it_joined,
    not_held,
    not_unreachable,
    owed_again,
    owes,
    owes_nothing,
    owes_this_year_or_earlier,
    reached_by_the_reminder,
    reminded_this_year,
    silent_since_the_cut,
    still_concerned,
    was_cut_before,
    was_reminded_before,
    years_concerned_are_settled,
)
from workflows.membership.hearing import heard, missing_gates
from workflows.membership.mailing import put_in_outbox
from workflows.membership.models import LetterKind, OrderAction
from workflows.membership.tasks import settle_tasks
from workflows.membership.words import ACTIVE, FINAL, Mail, State, Trigger

PAID, CALLED, REMINDED, SUSPENDED, PROPOSED, REMOVED, LEFT = State

LABELS: dict[str, str] = {
    PAID: "à jour",
    CALLED: "cotisation à régler",
    REMINDED: "relance envoyée",
    SUSPENDED: "services interrompus",
    PROPOSED: "procédure ouverte",
    REMOVED: "radiée",
    LEFT: "départ",
}

# fmt: off
# ruff: noqa: E501  A row is read as one line, like the slide's.

# The year. Each step runs from its day at 09:00 until its last day. `asks`: whose « no » is noted too.
CALENDAR = (
    CalendarEvent(Trigger.CALL,     YearlyRule("call",     month=12, day=1,  until="02-28", year_offset=1)),
    CalendarEvent(Trigger.CAMPAIGN, YearlyRule("campaign", month=1,  day=15, until="03-31"), asks=(PAID,)),
    CalendarEvent(Trigger.REMIND,   YearlyRule("remind",   month=6,  day=1,  until="08-15"), asks=(PAID,), brake=Lift.LAST_YEAR),
    CalendarEvent(Trigger.SUSPEND,  YearlyRule("suspend",  month=9,  day=1,  until="11-30"), brake=Lift.SHARE_OF_MEMBERS, decided_by=Trigger.SUSPEND),
    CalendarEvent(Trigger.SUMMON,   YearlyRule("summon",   month=10, day=3,  until="12-31")),
    CalendarEvent(Trigger.LAPSE,    YearlyRule("lapse",    month=11, day=30, until="12-31")),
)

# The board: which meeting settles what, who is on its list, and what must go on holding while the ballot is open.
BALLOTS = (
    BallotRule(
        Trigger.SUSPEND, month=8, carried_until_month=11, question="Interrupt its services?",
        lists=(is_association, reminded_this_year, reached_by_the_reminder, not_unreachable, owes, not_held),
        drops_out=(owes, not_held, not_unreachable), sends=(Mail.LAST_CALL,),
    ),
    BallotRule(
        Trigger.PROPOSE_REMOVAL, month=9, question="Open the procedure of striking off, and hear the association?",
        lists=(is_association, cut_for_a_year, silent_since_the_cut, owes, not_held),
        drops_out=(still_concerned, silent_since_the_cut, not_held),
    ),
    BallotRule(
        Trigger.REMOVE, month=10, every_meeting=True, question="Strike it off, having heard it?",
        lists=(owes,), drops_out=(still_concerned,), hearing=missing_gates,
        on_rejected=Trigger.SPARE, sends_again=(Mail.LAST_CALL,),
    ),
    BallotRule(
        Trigger.CORRECT, month=1, every_meeting=True, source=(REMOVED,), question="It has paid, and the letter has not left: annul the strike-off?",
        lists=(has_paid_since_struck_off, letter_not_posted, not_asked_yet), drops_out=(has_paid_since_struck_off, letter_not_posted),
    ),
)

# The arrows: trigger, from, to (None: it stays), what causes it, on what conditions, what is done, what leaves.
TRANSITIONS = (
    Transition(Trigger.CALL, (PAID,), CALLED, On.CALENDAR, (not_called_when_it_joined, due_is_unsettled), (issue_due,), (Mail.CALL_FOR_DUES,)),
    Transition(Trigger.CALL, (CALLED, REMINDED, SUSPENDED, PROPOSED), None, On.CALENDAR, (not_called_when_it_joined, due_is_unsettled), (issue_due,), (Mail.CALL_FOR_DUES,)),
    Transition(Trigger.CALL, ACTIVE, None, On.CALENDAR, (), (issue_due,), closes=False),  # settled in advance: it leaves if that payment is reversed in time
    Transition(Trigger.CAMPAIGN, (CALLED,), None, On.CALENDAR, (owes,), sends=(Mail.RENEWAL_CAMPAIGN,)),
    Transition(Trigger.REMIND, (CALLED, REMINDED), REMINDED, On.CALENDAR, (owes_this_year_or_earlier,), (remember_reminder,), (Mail.REMINDER,)),
    Transition(Trigger.SUSPEND, (REMINDED,), SUSPENDED, On.CALENDAR, (decided_by_the_board, owes, not_held), (remember_cut, order(OrderAction.SUSPEND)), (Mail.SUSPENSION,)),
    Transition(Trigger.PROPOSE_REMOVAL, (SUSPENDED,), PROPOSED, On.ADOPTED, (cut_for_a_year, silent_since_the_cut, owes, not_held)),
    Transition(Trigger.SUMMON, (PROPOSED,), None, On.CALENDAR, (), (write_letter(LetterKind.SUMMONS),), (Mail.SUMMONS,)),
    Transition(Trigger.SPARE, (PROPOSED,), SUSPENDED, On.REJECTED, (), (keep_cut,), (Mail.SPARED,)),
    Transition(Trigger.REMOVE, (PROPOSED,), REMOVED, On.ADOPTED, (heard,), (write_letter(LetterKind.REMOVAL),), (Mail.REMOVAL,)),
    Transition(Trigger.LAPSE, (REMINDED,), LEFT, On.CALENDAR, (is_person, owes), (wait_for_deletion,), (Mail.FAREWELL,)),

    Transition(Trigger.PAY, (CALLED, REMINDED), PAID, On.EVENT, (owes_nothing,), (forget_years,), (Mail.RECEIPT,)),
    Transition(Trigger.PAY, (REMINDED,), CALLED, On.EVENT, (years_concerned_are_settled,), (forget_years,), (Mail.RECEIPT,)),
    Transition(Trigger.PAY, (SUSPENDED, PROPOSED), PAID, On.EVENT, (owes_nothing,), (forget_years, order(OrderAction.RESTORE)), (Mail.RECEIPT, Mail.RESTORED)),
    Transition(Trigger.PAY, (SUSPENDED, PROPOSED), CALLED, On.EVENT, (years_concerned_are_settled,), (forget_years, order(OrderAction.RESTORE)), (Mail.RECEIPT, Mail.RESTORED)),
    Transition(Trigger.PAY, ACTIVE, None, On.EVENT, sends=(Mail.RECEIPT,)),
    Transition(Trigger.PAY, FINAL, None, On.EVENT, (), (ask_about_payment,), (Mail.RECEIPT,)),
    Transition(Trigger.REVERSE, (PAID, CALLED), REMINDED, On.EVENT, (owed_again, was_reminded_before), (go_back,), (Mail.PAYMENT_REVERSED,)),
    Transition(Trigger.REVERSE, (PAID, CALLED), REMINDED, On.EVENT, (owed_again, was_cut_before), (go_back, ask_to_cut_again), (Mail.PAYMENT_REVERSED,)),
    Transition(Trigger.REVERSE, (PAID,), CALLED, On.EVENT, (owed_again,), sends=(Mail.PAYMENT_REVERSED,)),
    Transition(Trigger.REVERSE, tuple(State), None, On.EVENT, sends=(Mail.PAYMENT_REVERSED,)),
    Transition(Trigger.LEAVE, ACTIVE, LEFT, On.EVENT, (), (cancel_free_dues, forget_years, wait_for_deletion), (Mail.FAREWELL,)),
    Transition(Trigger.CORRECT, (REMOVED,), PAID, On.ADOPTED, (annulled_by_the_board, owes_nothing), (forget_years, order(OrderAction.RESTORE)), (Mail.RESTORED,)),
    Transition(Trigger.CORRECT, (REMOVED,), CALLED, On.ADOPTED, (annulled_by_the_board, years_concerned_are_settled), (forget_years, order(OrderAction.RESTORE)), (Mail.RESTORED,)),
    Transition(Trigger.CORRECT, (REMOVED,), SUSPENDED, On.ADOPTED, (annulled_by_the_board,), (keep_cut,), (Mail.SPARED,)),
    *(Transition(Trigger.CORRECT, tuple(State), state, On.EVENT, (back_to(state), owes_nothing if state == PAID else owes), (go_back,)) for state in ACTIVE),
)
# fmt: on

MEMBERSHIP = Workflow(
    name="membership",
    version=1,
    states=tuple(State),
    initial=(PAID, CALLED),
    final=FINAL,
    calendar=CALENDAR,
    ballots=BALLOTS,
    transitions=TRANSITIONS,
    labels=LABELS,
    load=load_members,
    mails=put_in_outbox,
    memory=memory_of,
    settle=settle_tasks,
)
