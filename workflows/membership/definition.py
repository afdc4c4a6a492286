"""The page: the assembly's slide as rows. Nothing else decides what moves a member.

Read it from the top: the year's dates, what the board decides and when, then every arrow with its conditions. Every
condition is a sentence of guards.py, under the name used here. What the assembly did not vote but the house rules and
prudence add: the last days, the brake, stays, persons, corrections, and that nobody is cut whom no reminder reached.
"""

from engine.calendar import YearlyRule
from engine.definition import BallotRule, CalendarEvent, Lift, On, Transition, Workflow
from workflows.membership.corrections import correct
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
    by_two_people,
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
from workflows.membership.members import begin_membership, hold
from workflows.membership.models import LetterKind, OrderAction
from workflows.membership.tasks import settle_tasks
from workflows.membership.words import ACTIVE, FINAL, Mail, State, Trigger

PAID, CALLED, REMINDED, SUSPENDED, PROPOSED, REMOVED, LEFT = State
STAYS = None

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

# The year. Each step runs on its day at 09:00; whoever it could not concern then is still taken up to its last day
# (`until`), and not after it. `brake`: how many it may touch before the treasurer says yes. `asks`: whose « no » is noted.
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
        on_rejected=Trigger.SPARE, sends_again=(Mail.LAST_CALL,), invited_by=(Mail.SUMMONS, Mail.LAST_CALL),
    ),
    BallotRule(
        Trigger.CORRECT, month=1, every_meeting=True, source=(REMOVED,), question="It has paid, and the letter has not left: annul the strike-off?",
        lists=(has_paid_since_struck_off, letter_not_posted, not_asked_yet), drops_out=(has_paid_since_struck_off, letter_not_posted),
    ),
)

# The arrows: what triggers them, from which state, to which (STAYS: it stays), caused by what, on what conditions
# (`guards`, each a sentence in guards.py), what is done then, and what leaves. The first row whose guards hold is taken.
TRANSITIONS = (
    # December: call for dues. Whoever settled in advance stays; the call leaves if that payment is reversed in time.
    Transition(Trigger.CALL, source=(PAID,), dest=CALLED, on=On.CALENDAR, guards=(not_called_when_it_joined, due_is_unsettled), does=(issue_due,), sends=(Mail.CALL_FOR_DUES,)),
    Transition(Trigger.CALL, source=(CALLED, REMINDED, SUSPENDED, PROPOSED), dest=STAYS, on=On.CALENDAR, guards=(not_called_when_it_joined, due_is_unsettled), does=(issue_due,), sends=(Mail.CALL_FOR_DUES,)),
    Transition(Trigger.CALL, source=ACTIVE, dest=STAYS, on=On.CALENDAR, does=(issue_due,), closes=False),
    # January: renewal campaign.
    Transition(Trigger.CAMPAIGN, source=(CALLED,), dest=STAYS, on=On.CALENDAR, guards=(owes,), sends=(Mail.RENEWAL_CAMPAIGN,)),
    # June: reminder to those that still have not paid.
    Transition(Trigger.REMIND, source=(CALLED, REMINDED), dest=REMINDED, on=On.CALENDAR, guards=(owes_this_year_or_earlier,), does=(remember_reminder,), sends=(Mail.REMINDER,)),
    # September: interruption of the services of those on the board's list of end of August.
    Transition(Trigger.SUSPEND, source=(REMINDED,), dest=SUSPENDED, on=On.CALENDAR, guards=(decided_by_the_board, owes, not_held), does=(remember_cut, order(OrderAction.SUSPEND)), sends=(Mail.SUSPENSION,)),
    # End of September: the board's list to strike off, those interrupted a year ago that have not made contact again.
    Transition(Trigger.PROPOSE_REMOVAL, source=(SUSPENDED,), dest=PROPOSED, on=On.ADOPTED, guards=(cut_for_a_year, silent_since_the_cut, owes, not_held)),
    # Early October: registered letter to them, inviting them to the board meeting of end of October.
    Transition(Trigger.SUMMON, source=(PROPOSED,), dest=STAYS, on=On.CALENDAR, does=(write_letter(LetterKind.SUMMONS),), sends=(Mail.SUMMONS,)),
    # End of October: final decisions. Adopted: struck off, if it was heard. Rejected: spared, and still interrupted.
    Transition(Trigger.REMOVE, source=(PROPOSED,), dest=REMOVED, on=On.ADOPTED, guards=(heard,), does=(write_letter(LetterKind.REMOVAL),), sends=(Mail.REMOVAL,)),
    Transition(Trigger.SPARE, source=(PROPOSED,), dest=SUSPENDED, on=On.REJECTED, does=(keep_cut,), sends=(Mail.SPARED,)),
    # November: deletion of the services of those struck off. No arrow: a task, which an admin confirms, from the 15th on
    # and ten days after the letter was posted (tasks.py).
    # End of November: a person's membership lapses.
    Transition(Trigger.LAPSE, source=(REMINDED,), dest=LEFT, on=On.CALENDAR, guards=(is_person, owes), does=(wait_for_deletion,), sends=(Mail.FAREWELL,)),

    # At any time: it pays, or a year is waived. Back to normal when the years concerned are settled.
    Transition(Trigger.PAY, source=(CALLED, REMINDED), dest=PAID, guards=(owes_nothing,), does=(forget_years,), sends=(Mail.RECEIPT,)),
    Transition(Trigger.PAY, source=(REMINDED,), dest=CALLED, guards=(years_concerned_are_settled,), does=(forget_years,), sends=(Mail.RECEIPT,)),
    Transition(Trigger.PAY, source=(SUSPENDED, PROPOSED), dest=PAID, guards=(owes_nothing,), does=(forget_years, order(OrderAction.RESTORE)), sends=(Mail.RECEIPT, Mail.RESTORED)),
    Transition(Trigger.PAY, source=(SUSPENDED, PROPOSED), dest=CALLED, guards=(years_concerned_are_settled,), does=(forget_years, order(OrderAction.RESTORE)), sends=(Mail.RECEIPT, Mail.RESTORED)),
    Transition(Trigger.PAY, source=ACTIVE, dest=STAYS, sends=(Mail.RECEIPT,)),
    Transition(Trigger.PAY, source=FINAL, dest=STAYS, does=(ask_about_payment,), sends=(Mail.RECEIPT,)),
    # At any time: a payment is undone. Back to before it; whoever had been cut is asked about, not cut by itself.
    Transition(Trigger.REVERSE, source=(PAID, CALLED), dest=REMINDED, guards=(owed_again, was_reminded_before), does=(go_back,), sends=(Mail.PAYMENT_REVERSED,)),
    Transition(Trigger.REVERSE, source=(PAID, CALLED), dest=REMINDED, guards=(owed_again, was_cut_before), does=(go_back, ask_to_cut_again), sends=(Mail.PAYMENT_REVERSED,)),
    Transition(Trigger.REVERSE, source=(PAID,), dest=CALLED, guards=(owed_again,), sends=(Mail.PAYMENT_REVERSED,)),
    Transition(Trigger.REVERSE, source=tuple(State), dest=STAYS, sends=(Mail.PAYMENT_REVERSED,)),
    # At any time: it leaves. Before 20 January (or within 30 days of the call) that cancels the year's due; what else
    # is unpaid stays owed.
    Transition(Trigger.LEAVE, source=ACTIVE, dest=LEFT, does=(cancel_free_dues, forget_years, wait_for_deletion), sends=(Mail.FAREWELL,)),

    # Corrections: a strike-off annulled by the board before its letter left; else two people, a reason, one state back.
    # Whoever was struck off by mistake and has settled everything meanwhile is up to date, as if it had paid before.
    Transition(Trigger.CORRECT, source=(REMOVED,), dest=PAID, on=On.ADOPTED, guards=(annulled_by_the_board, owes_nothing), does=(forget_years, order(OrderAction.RESTORE)), sends=(Mail.RESTORED,)),
    Transition(Trigger.CORRECT, source=(REMOVED,), dest=CALLED, on=On.ADOPTED, guards=(annulled_by_the_board, years_concerned_are_settled), does=(forget_years, order(OrderAction.RESTORE)), sends=(Mail.RESTORED,)),
    Transition(Trigger.CORRECT, source=(REMOVED,), dest=SUSPENDED, on=On.ADOPTED, guards=(annulled_by_the_board,), does=(keep_cut,), sends=(Mail.SPARED,)),
    Transition(Trigger.CORRECT, source=(REMOVED,), dest=PAID, guards=(by_two_people, years_concerned_are_settled, owes_nothing), does=(forget_years, order(OrderAction.RESTORE)), sends=(Mail.RESTORED,)),
    Transition(Trigger.CORRECT, source=(REMOVED,), dest=CALLED, guards=(by_two_people, years_concerned_are_settled), does=(forget_years, order(OrderAction.RESTORE)), sends=(Mail.RESTORED,)),
    *(Transition(Trigger.CORRECT, source=tuple(State), dest=state, guards=(back_to(state), owes_nothing if state == PAID else owes), does=(go_back,)) for state in ACTIVE),
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
    undo=correct,
    grant=hold,
    begin=begin_membership,
)
