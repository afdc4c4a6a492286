"""What people tell of a member: it joins, leaves, was heard from, was reached, gets a stay, was corrected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from engine.batch import Beginning
from engine.calendar import stay_end
from engine.clock import local_day, noon
from engine.errors import FutureDate, Invalid, NotAllowed
from engine.store import rows_of, stored
from engine.work import NOBODY, Work, set_timer
from workflows.membership import statements as sql
from workflows.membership.errors import UnknownAssociation
from workflows.membership.facts import Member
from workflows.membership.models import ContactKind
from workflows.membership.options import first_year
from workflows.membership.takeover import NewMember, enter_all, usual_amount
from workflows.membership.words import FINAL, State, TaskKind, Trigger


@dataclass(frozen=True, slots=True)
class Told:
    """A contact or a notice: when, how, what was said, who records it."""

    on: date
    channel: str
    note: str = ""
    actor: str = NOBODY


def find(work: Work, number: str) -> Member:
    """Load one member by its number. Raises UnknownAssociation."""
    row = work.connection.exec_driver_sql(
        "SELECT id FROM workflow_instance WHERE workflow = ? AND subject = ?", (work.workflow.name, number)
    ).fetchone()
    if row is None:
        raise UnknownAssociation(number=number)
    member: Member = work.cases([row[0]])[0]
    return member


def join(
    work: Work,
    number: str,
    fields: Mapping[str, object],
    services: Sequence[tuple[str, str]] = (),
    actor: str = NOBODY,
    since: datetime | None = None,
) -> int:
    """A new member: it owes the year of joining (from 1 December the next) and is called at once.

    `since`: when it began, where that was earlier. Raises Invalid when the number is taken.
    """
    joined = {"joined_on": local_day(work.at, work.rules.tz), **fields}
    joined_on, amount = joined["joined_on"], usual_amount(work, joined)
    year = first_year(joined_on if isinstance(joined_on, date) else local_day(work.at, work.rules.tz))
    state = State.CALLED if amount else State.PAID
    new = NewMember(number, joined, state, owes=(year,), services=tuple(services), started_at=since)
    return enter_all(work, [new], Trigger.JOIN, actor)[0]


def begin_membership(work: Work, beginning: Beginning) -> None:
    """A membership that another workflow starts: what it tells are the register's fields, by column, and services.

    Raises Invalid when the number is taken.
    """
    fields = dict(beginning.told)
    services = fields.pop("services", ())
    joined = {"joined_on": local_day(beginning.since, work.rules.tz), **fields}
    join(work, beginning.subject, joined, services, beginning.actor, beginning.since)


def leave(work: Work, member: Member, on: date, reason: str, actor: str = NOBODY) -> None:
    """A member leaves; any procedure ends. Raises FutureDate, NotAllowed for one that is gone already."""
    if on > local_day(work.at, work.rules.tz):
        raise FutureDate(day=on.isoformat())
    if on < member.joined_on:
        raise Invalid(reason=f"{member.subject} joined on {member.joined_on.isoformat()}: it cannot have left before")
    occasion = work.occasion(work.at, "departure", actor, key=f"leave-{on.isoformat()}", reason=reason, data=on)
    if work.fire(member, Trigger.LEAVE, occasion) is None:
        raise NotAllowed(reason=f"{member.subject} is already {member.state}")
    member.undeleted = _count_services(work, member)
    work.look([member], work.at)


def _count_services(work: Work, member: Member) -> int:
    sql_text = "SELECT count(*) FROM service WHERE association_id = ?"
    return int(work.connection.exec_driver_sql(sql_text, (member.id,)).scalar_one())


def hold(work: Work, member: Member, until: date, reason: str, actor: str = NOBODY) -> None:
    """Grant a stay up to and including a day. Raises Invalid for a day that is past."""
    if member.state in FINAL:
        raise NotAllowed(reason=f"{member.subject} is {member.state}: there is nothing to hold back")
    if until < local_day(work.at, work.rules.tz):
        raise Invalid(reason=f"a stay until {until.isoformat()} is already over")
    member.hold_until = until
    work.batch.add(sql.SET_HOLD, until.isoformat(), reason, member.id)
    set_timer(work.batch, member, stay_end(until, work.rules.tz), work.at)
    _journal(work, member, "hold", actor, f"stay until {until.isoformat()}: {reason}".rstrip(": "))
    work.look([member], work.at)


def contact(work: Work, member: Member, told: Told) -> None:
    """They were heard from: a sign of life, and no longer unreachable. Raises FutureDate."""
    _record_contact(work, member, ContactKind.CONTACT, told)
    member.last_contact_on = max(filter(None, (member.last_contact_on, told.on)))
    since = member.unreachable_since
    if since is not None and told.on >= local_day(since, work.rules.tz):
        since = member.unreachable_since = None
    text = None if since is None else stored(since)
    work.batch.add(sql.SET_CONTACT, member.last_contact_on.isoformat(), text, member.id)
    work.look([member], work.at)


def notice(work: Work, member: Member, told: Told) -> None:
    """We reached them otherwise: that proves the steps before it, and ends being unreachable after a reminder."""
    _record_contact(work, member, ContactKind.NOTICE, told)
    given = work.at if told.on == local_day(work.at, work.rules.tz) else noon(told.on, work.rules.tz)
    member.notified_at = max(filter(None, (member.notified_at, given)))
    if member.reminded_at is not None and given >= member.reminded_at and member.state == State.REMINDED:
        member.unreachable_since = None
    since = None if member.unreachable_since is None else stored(member.unreachable_since)
    work.batch.add(sql.SET_NOTIFIED, stored(member.notified_at), since, member.id)
    for event, year in member.unproven:
        work.batch.add(sql.PROVE, stored(given), member.id, event, year, stored(given))
    work.batch.write(work.connection)
    work.look(work.cases([member.id]), work.at)


def _record_contact(work: Work, member: Member, kind: ContactKind, told: Told) -> None:
    if told.on > local_day(work.at, work.rules.tz):
        raise FutureDate(day=told.on.isoformat())
    row = (member.id, kind.value, told.on.isoformat(), told.channel, told.note, stored(work.at), told.actor)
    work.batch.add(sql.NEW_CONTACT, *row)
    _journal(work, member, kind.value, told.actor, f"{told.channel}: {told.note}".rstrip(": "))


def _journal(work: Work, member: Member, trigger: str, actor: str, reason: str) -> None:
    """Note in the journal what was told and moved no state."""
    occasion = work.occasion(work.at, trigger, actor, reason=reason)
    work.batch.journal(member, occasion, trigger, member.state)


def bounced(work: Work, member: Member, addresses: Sequence[str], said: str = "") -> None:
    """A hard bounce of these addresses; when none is left that takes mail, the member is unreachable."""
    marks = ", ".join("?" * len(addresses))
    for column in ("email", "treasurer_email"):
        text = f"UPDATE association SET {column}_bounced_at = ? WHERE instance_id = ? AND {column} IN ({marks})"  # noqa: S608 columns from here
        work.connection.exec_driver_sql(text, (stored(work.at), member.id, *addresses))
    member.bounced = tuple(dict.fromkeys((*member.bounced, *addresses)))
    _journal(work, member, "bounce", NOBODY, f"hard bounce of {', '.join(addresses)}: {said}".rstrip(": "))
    if set(member.addresses) <= set(member.bounced) and member.unreachable_since is None:
        member.unreachable_since = work.at
        work.batch.add(sql.SET_UNREACHABLE, stored(work.at), member.id)
        work.batch.open_task(TaskKind.UNREACHABLE, member, work.at)
    work.look([member], work.at)


def address_failed(work: Work, member: Member, address: str, written: datetime, said: str = "") -> None:
    """A server says that an address takes no mail: news, unless it is known and nothing was heard meanwhile.

    `written`: when the mail was that came back; one that is older than their last sign of life tells nothing of today.
    """
    if address not in member.bounced or _lost_again(work, member, written):
        bounced(work, member, [address], said)


def _lost_again(work: Work, member: Member, written: datetime) -> bool:
    """Whether a member without a good address, who was heard from or reached since, is lost once more."""
    if member.unreachable_since is not None or not set(member.addresses) <= set(member.bounced):
        return False
    heard, notified, reminded = member.last_contact_on, member.notified_at, member.reminded_at
    if heard is not None and heard >= local_day(written, work.rules.tz):
        return False
    return notified is None or (reminded is not None and notified < reminded)


def came_back(work: Work, member: Member, why: str) -> None:
    """A mail came back, and the address is not to blame: a line of the journal."""
    _journal(work, member, "bounce", NOBODY, why)


def last_mail(work: Work, member: Member) -> list[str]:
    """Addresses that the last mail to a member went to. Raises Invalid when none was sent."""
    rows = rows_of(
        work.connection,
        """SELECT recipient, kind, occasion FROM outbox_message WHERE instance_id IN {ids}
        AND status IN ('sent', 'bounced') ORDER BY id DESC""",
        [member.id],
    )
    if not rows:
        raise Invalid(reason=f"no mail was sent to {member.subject} that could bounce")
    return [row[0] for row in rows if row[1:] == rows[0][1:]]
