"""Registered letters: what the post did with them, and a new one where the first could not arrive."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from engine.batch import Statement
from engine.calendar import slots_between
from engine.clock import local_day
from engine.errors import FutureDate, Invalid, NotAllowed
from engine.work import NOBODY, Work, set_timer
from workflows.membership.deeds import start_letter
from workflows.membership.facts import LetterFacts, Member
from workflows.membership.listings import with_unposted_letters
from workflows.membership.models import LetterKind, LetterOutcome
from workflows.membership.tasks import deletion_ready_at
from workflows.membership.words import State, TaskKind, Trigger

STRUCK_OFF_LATELY = timedelta(days=365)

_UPDATE = Statement.update("letter", ("posted_on", "tracking", "first_presented_on", "outcome", "search_note"))


@dataclass(frozen=True, slots=True)
class PostNews:
    """What became known of a letter; None changes nothing."""

    posted_on: date | None = None
    tracking: str | None = None
    first_presented_on: date | None = None
    outcome: LetterOutcome | None = None
    search_note: str | None = None


def refuse_future(news: PostNews, today: date) -> None:
    """Refuse days to come: the post has not done yet what it will do. Raises FutureDate."""
    for day in (news.posted_on, news.first_presented_on):
        if day is not None and day > today:
            raise FutureDate(day=day.isoformat())


def latest_letter(member: Member) -> LetterFacts:
    """Return a member's latest letter. Raises Invalid when it has none."""
    if not member.letters:
        raise Invalid(reason=f"{member.subject} has no letter")
    return member.letters[-1]


def tell(work: Work, member: Member, letter: LetterFacts, news: PostNews, actor: str = NOBODY) -> None:
    """Record what became known of a letter; what was known is no news, and changes nothing.

    Raises Invalid when it would be presented before it was posted, or its posting is not known.
    """
    posted = news.posted_on or letter.posted_on
    presented = news.first_presented_on or letter.first_presented_on
    if news.posted_on is not None and news.posted_on < _written_on(work, member, letter):
        raise Invalid(reason="a letter is posted after it was written, not before")
    if presented is not None and posted is None:
        raise Invalid(reason="its posting is not recorded yet")
    if presented is not None and posted is not None and presented < posted:
        raise Invalid(reason="a letter is presented after it was posted, not before")
    outcome = news.outcome or letter.outcome or (LetterOutcome.DELIVERED if presented else None)
    if outcome is not None and posted is None:
        raise Invalid(reason="a letter that was not posted has no outcome")
    tracking = work.connection.exec_driver_sql("SELECT tracking FROM letter WHERE id = ?", (letter.id,)).scalar_one()
    note = news.search_note if news.search_note is not None else letter.search_note
    told = LetterFacts(letter.id, letter.kind, letter.created_at, posted, presented, outcome, note)
    if told == letter and news.tracking in {None, tracking}:
        return
    days = tuple(None if day is None else day.isoformat() for day in (posted, presented))
    work.batch.add(_UPDATE, days[0], news.tracking or tracking, days[1], outcome, note, letter.id)
    member.letters = tuple(told if known.id == letter.id else known for known in member.letters)
    occasion = work.occasion(work.at, f"letter:{letter.id}", actor)
    occasion.reason = f"{letter.kind} letter: {_became_of(told)}" + (f"; search made: {note}" if note else "")
    work.batch.journal(member, occasion, "letter", member.state)
    if member.letter_came_back():
        work.batch.close_task(TaskKind.POST_LETTER, member, work.at, note="posted")
        work.batch.write(work.connection)  # so that the task on what to do now is another one
    ready = deletion_ready_at(member, occasion)
    if ready is not None:
        set_timer(work.batch, member, ready, work.at)
    work.look([member], work.at)


def _became_of(letter: LetterFacts) -> str:
    if letter.posted_on is None:
        return "not posted yet"
    presented = "not yet" if letter.first_presented_on is None else letter.first_presented_on.isoformat()
    return f"posted {letter.posted_on.isoformat()}, presented {presented}, {letter.outcome or 'no outcome yet'}"


def ask_for_letters(work: Work, members: Iterable[Member]) -> None:
    """Whoever is taken over in a procedure had a letter written, whose posting nobody has told yet: it is asked for.

    A summons, where the step that writes it was due since, and does not come again before the board meets; of who was
    struck off, while something depends on it: for a year, or as long as services are hosted.
    """
    for member in members:
        kind = _letter_expected(work, member)
        if kind is not None and not any(letter.created_at >= member.since for letter in member.letters):
            start_letter(member, kind, member.since, work.batch)


def _letter_expected(work: Work, member: Member) -> LetterKind | None:
    if member.since > member.started_at:
        return None
    if member.state == State.PROPOSED:
        return LetterKind.SUMMONS if _was_summoned(work, member) else None
    matters = member.undeleted or work.at - member.since < STRUCK_OFF_LATELY
    return LetterKind.REMOVAL if member.state == State.REMOVED and matters else None


def _was_summoned(work: Work, member: Member) -> bool:
    dates = [rule for rule in work.rules.dates_of(work.workflow) if rule.name == Trigger.SUMMON]
    meeting_at = work.next_meeting(work.at) or work.at
    was_due = slots_between(dates, work.rules.tz, member.since, member.started_at)
    return bool(was_due) and not slots_between(dates, work.rules.tz, work.at, meeting_at)


def waiting_to_be_posted(work: Work) -> list[Member]:
    """Return the members whose latest letter has not been posted."""
    found: list[Member] = work.cases(with_unposted_letters(work.connection))
    return [member for member in found if not member.all_posted()]


def _written_on(work: Work, member: Member, letter: LetterFacts) -> date:
    """The day a letter was written; whoever was taken over in a procedure may have got it before."""
    taken_over = member.since <= member.started_at
    return local_day(member.since if taken_over else letter.created_at, work.rules.tz)


def write_again(work: Work, member: Member, actor: str = NOBODY) -> None:
    """Start a new letter of the kind that its procedure needs now. Raises NotAllowed outside of one."""
    kinds = {State.PROPOSED: LetterKind.SUMMONS, State.REMOVED: LetterKind.REMOVAL}
    kind = kinds.get(State(member.state))
    if kind is None:
        raise NotAllowed(reason=f"{member.subject} is {member.state}: there is no letter to send")
    start_letter(member, kind, work.at, work.batch)
    work.batch.open_task(TaskKind.POST_LETTER, member, work.at, note=kind.value)
    day = local_day(work.at, work.rules.tz).isoformat()
    occasion = work.occasion(work.at, "letter", actor, reason=f"a new {kind.value} letter on {day}")
    work.batch.journal(member, occasion, "letter", member.state)
