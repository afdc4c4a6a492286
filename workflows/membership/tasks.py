"""Tasks that follow from a member's facts: opened when their reason is there, closed when it ends."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo

from engine.batch import Batch
from engine.board_models import BallotStatus
from engine.cases import Occasion
from engine.clock import at_local, local_day
from workflows.membership.deeds import deletion_day_after
from workflows.membership.facts import HEARD, Member
from workflows.membership.models import LetterKind
from workflows.membership.words import ACTIVE, FINAL, State, TaskKind, Trigger

FIRST_DELETION = (11, 15)
PROCEDURE_STARTS = 9
"""Month of the list: a hearing postponed beyond the winter still belongs to the autumn before."""
BEFORE_TAKEOVER = "written before the takeover: when was it posted?"
CAME_BACK = "address unknown: a new letter elsewhere (letter --again), or the search made (letter --search)"


def settle_tasks(member: Member, occasion: Occasion, batch: Batch) -> None:
    """Open and close what follows from the facts; what a person was asked explicitly stays theirs."""
    if member.unreachable_since is not None and member.state in ACTIVE:
        batch.open_task(TaskKind.UNREACHABLE, member, occasion.at)
    if member.undeleted and (ready := deletion_ready_at(member, occasion)) is not None and ready <= occasion.moment:
        batch.open_task(TaskKind.CONFIRM_DELETION, member, occasion.at)
    if member.state in HEARD and not member.all_posted():
        known = member.letters[-1].created_at >= member.started_at
        batch.open_task(TaskKind.POST_LETTER, member, occasion.at, note="" if known else BEFORE_TAKEOVER)
    if member.letter_came_back():
        batch.open_task(TaskKind.POST_LETTER, member, occasion.at, note=CAME_BACK)
    if _hearing_was_blocked(member):
        batch.open_task(TaskKind.HEARING_POSTPONED, member, occasion.at)
    for kind, about in tuple(member.tasks):
        if not still_stands(member, kind):
            batch.close_task(kind, member, occasion.at, about, note="its reason ended")


def _hearing_was_blocked(member: Member) -> bool:
    """Whether its latest hearing could not be held, and the procedure goes on."""
    if member.state != State.PROPOSED:
        return False
    ballot = member.latest(Trigger.REMOVE)
    return ballot is not None and ballot.status == BallotStatus.BLOCKED


def still_stands(member: Member, kind: str) -> bool:
    """Whether the reason of an open task is still there."""
    reason = REASONS.get(kind)
    return reason is None or reason(member)


REASONS: Mapping[str, Callable[[Member], bool]] = {
    TaskKind.UNREACHABLE: lambda member: member.unreachable_since is not None and member.state in ACTIVE,
    TaskKind.POST_LETTER: lambda member: (
        member.state in HEARD and (not member.all_posted() or member.letter_came_back())
    ),
    TaskKind.HEARING_POSTPONED: lambda member: member.state == State.PROPOSED,
    TaskKind.CONFIRM_DELETION: lambda member: member.state in FINAL and member.undeleted > 0,
    TaskKind.PAYMENT_AFTER_REMOVAL: lambda member: member.state in FINAL,
    TaskKind.RE_SUSPENSION: lambda member: member.state == State.REMINDED,
    TaskKind.SURPLUS: lambda member: member.credit > 0,
}
"""Why each kind of task is open; kinds that are not here are closed by a person only."""


def deletion_ready_at(member: Member, occasion: Occasion) -> datetime | None:
    """When the services of whoever is gone may be deleted; None while a letter has still to be posted.

    Struck off: ten days after the removal letter's posting and not before 15 November. Left: ten days after.
    """
    if member.state == State.LEFT:
        return deletion_day_after(local_day(member.since, occasion.rules.tz), occasion)
    written = [letter for letter in member.letters if letter.created_at >= member.since]
    posted = [letter.posted_on for letter in written if letter.kind == LetterKind.REMOVAL and letter.posted_on]
    if member.state != State.REMOVED or not posted:
        return None
    earliest = at_local(no_deletion_before(member.since, occasion.rules.tz), 9, 0, occasion.rules.tz)
    return max(deletion_day_after(min(posted), occasion), earliest)


def no_deletion_before(struck_off: datetime, tz: tzinfo) -> date:
    """Before which day nothing is deleted of whoever was struck off: 15 November of that autumn."""
    day = local_day(struck_off, tz)
    return date(day.year if day.month >= PROCEDURE_STARTS else day.year - 1, *FIRST_DELETION)
