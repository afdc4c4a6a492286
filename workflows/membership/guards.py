"""The conditions of the page, one sentence each. None means yes; else the reason for « no », in plain words."""

from datetime import date

from engine.board_models import BallotStatus
from engine.calendar import stay_end
from engine.cases import Occasion
from engine.clock import local_day
from engine.definition import Guard, Why
from workflows.membership.facts import Member
from workflows.membership.models import Kind
from workflows.membership.options import first_year, options_of
from workflows.membership.words import State, Trigger


def owes(member: Member, _occasion: Occasion) -> Why:
    """Some called due is not settled."""
    return None if member.owed_years() else "nothing owed"


def owes_nothing(member: Member, _occasion: Occasion) -> Why:
    """Every called due is settled."""
    years = member.owed_years()
    return f"still owes {years[0]}" if years else None


def owes_this_year_or_earlier(member: Member, occasion: Occasion) -> Why:
    """A due of the step's year or before is owed."""
    years = member.owed_years()
    return None if years and years[0] <= occasion.year else "nothing owed"


def due_is_unsettled(member: Member, occasion: Occasion) -> Why:
    """The due of the year called is not settled or waived in advance."""
    due = member.dues.get(occasion.year)
    if due is None:
        amount = options_of(occasion.rules).amount_for(member.kind, member.dues_cents)
        return None if amount else f"owes nothing for {occasion.year}"
    return None if due.unpaid else f"{occasion.year} was settled in advance"


def not_called_when_it_joined(member: Member, occasion: Occasion) -> Why:
    """Whoever joined for the year called got its call then."""
    due = member.dues.get(occasion.year)
    called = due is not None and due.called and first_year(member.joined_on) == occasion.year
    return "was called when it joined" if called else None


def years_concerned_are_settled(member: Member, _occasion: Occasion) -> Why:
    """All the years that the present reminder or cut-off is about are settled."""
    if not member.concerned:
        return owes_nothing(member, _occasion)
    unsettled = [year for year in member.concerned if (due := member.dues.get(year)) is not None and due.unpaid]
    return f"{unsettled[0]} is not settled" if unsettled else None


def not_held(member: Member, occasion: Occasion) -> Why:
    """No stay runs; it ends at 09:00 of the day after its last day."""
    if member.hold_until is None or stay_end(member.hold_until, occasion.rules.tz) <= occasion.moment:
        return None
    return f"has a stay until {member.hold_until.isoformat()}"


def decided_by_the_board(member: Member, occasion: Occasion) -> Why:
    """The ballot of this year was adopted, and the clear days after the decision have passed."""
    ballot = member.adopted(Trigger.SUSPEND, occasion.year)
    if ballot is None:
        return "not decided by the board"
    ready = ballot.carried_out_from(occasion.rules)
    return None if ready <= occasion.moment else "the clear days after the decision have not passed"


def is_association(member: Member, _occasion: Occasion) -> Why:
    """Persons are on no list."""
    return None if member.kind == Kind.ASSOCIATION else "is a person"


def is_person(member: Member, _occasion: Occasion) -> Why:
    """Only persons lapse."""
    return None if member.kind == Kind.PERSON else "is an association"


def reminded_this_year(member: Member, occasion: Occasion) -> Why:
    """This year's reminder was sent to it."""
    return None if (Trigger.REMIND, occasion.year) in member.acted else f"not reminded in {occasion.year}"


def reached_by_the_reminder(member: Member, occasion: Occasion) -> Why:
    """A server accepted this year's reminder, or a notice was given after it."""
    if (Trigger.REMIND, occasion.year) not in member.unproven or _notified_since_the_reminder(member):
        return None
    return "the reminder has not reached it"


def not_unreachable(member: Member, _occasion: Occasion) -> Why:
    """Some address still takes mail, or it was notified otherwise since this year's reminder."""
    return "unreachable" if member.unreachable_since and not _notified_since_the_reminder(member) else None


def _notified_since_the_reminder(member: Member) -> bool:
    return (
        member.notified_at is not None and member.reminded_at is not None and member.notified_at >= member.reminded_at
    )


def cut_for_a_year(member: Member, occasion: Occasion) -> Why:
    """Its services were interrupted before 1 October of the year before."""
    cut = member.cut_at
    if cut is not None and local_day(cut, occasion.rules.tz) < date(occasion.year - 1, 10, 1):
        return None
    return "services interrupted less than a year ago"


def silent_since_the_cut(member: Member, occasion: Occasion) -> Why:
    """No sign of life since the cut-off or 1 September of the year before, whichever is later."""
    start = max(local_day(member.cut_at or member.since, occasion.rules.tz), date(occasion.year - 1, 9, 1))
    sign = member.last_sign_of_life()
    return f"gave a sign of life on {sign.isoformat()}" if sign is not None and sign >= start else None


def still_concerned(member: Member, _occasion: Occasion) -> Why:
    """The years that the cut-off is about are not all settled."""
    if any(due.unpaid for year in member.concerned if (due := member.dues.get(year)) is not None):
        return None
    return None if not member.concerned and member.owed_years() else "has settled the years concerned"


def owed_again(_member: Member, occasion: Occasion) -> Why:
    """Something called is owed again because that payment is undone."""
    return None if occasion.data.reopened else "nothing is owed again"


def was_reminded_before(_member: Member, occasion: Occasion) -> Why:
    """Before the payment that is undone, a reminder stood."""
    return None if occasion.data.before == State.REMINDED else f"was {occasion.data.before} before that payment"


def was_cut_before(_member: Member, occasion: Occasion) -> Why:
    """Before the payment that is undone, its services were interrupted."""
    before = occasion.data.before
    return None if before in {State.SUSPENDED, State.PROPOSED, State.REMOVED} else f"was {before} before that payment"


def has_paid_since_struck_off(member: Member, occasion: Occasion) -> Why:
    """A payment came in after the strike-off."""
    paid_on = member.last_payment_on
    paid = paid_on is not None and paid_on >= local_day(member.since, occasion.rules.tz)
    return None if paid else "has not paid since"


def letter_not_posted(member: Member, _occasion: Occasion) -> Why:
    """The letter that tells it of the strike-off has not been posted."""
    return "the letter was posted" if member.all_posted() else None


def not_asked_yet(member: Member, _occasion: Occasion) -> Why:
    """The board has not answered this question yet."""
    ballot = member.latest(Trigger.CORRECT)
    answered = ballot is not None and ballot.status == BallotStatus.REJECTED and ballot.opens_at >= member.since
    return "the board has answered" if answered else None


def annulled_by_the_board(_member: Member, occasion: Occasion) -> Why:
    """It is a decision of the board, not a correction by two people."""
    return None if occasion.ballot is not None else "not put to the board"


def by_two_people(_member: Member, occasion: Occasion) -> Why:
    """It is a correction by two people, not a decision of the board."""
    return None if occasion.data is not None else "not a correction"


def back_to(state: State) -> Guard:
    """Build the guard of a correction by two people: the state before was this one."""

    def guard(member: Member, occasion: Occasion) -> Why:
        if occasion.data is None:
            return "not a correction"
        years = occasion.data.concerned
        if years and not set(years) & set(member.owed_years()):
            return "has settled the years it was about"
        return None if occasion.data.before == state else f"was {occasion.data.before} before"

    return guard
