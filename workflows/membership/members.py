"""What people tell of a member: it joins, leaves, was heard from, was reached, gets a stay, was corrected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from engine.calendar import stay_end
from engine.clock import at_local, local_day, noon
from engine.errors import FutureDate, Invalid, NotAllowed
from engine.store import reserve_ids, rows_of, stored
from engine.work import NOBODY, Work, set_timer
from workflows.membership import statements as sql
from workflows.membership.errors import UnknownAssociation
from workflows.membership.facts import Member, years_text
from workflows.membership.ledger import first_year, undo_of
from workflows.membership.mailing import put_in_outbox
from workflows.membership.models import Association, ContactKind, EntryKind
from workflows.membership.options import options_of
from workflows.membership.words import CUT, FINAL, Mail, State, TaskKind, Trigger

CORRECTORS = 2


@dataclass(frozen=True, slots=True)
class NewMember:
    """A member to enter: its register fields by column name, and where it stands when it is taken over."""

    number: str
    fields: Mapping[str, object]
    state: State = State.PAID
    since: date | None = None
    owes: tuple[int, ...] = ()
    reminded_for: int | None = None
    services: tuple[tuple[str, str], ...] = field(default=())


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


def enter(work: Work, new: NewMember, cause: str, actor: str = NOBODY) -> int:
    """Write the rows of a new member as it stands, with what it owes. Returns its id.

    Steps due before now count as done: they are not for whoever was not there.
    """
    member_id = reserve_ids(work.connection, "workflow_instance")
    since = _since(work, new)
    work.connection.exec_driver_sql(
        """INSERT INTO workflow_instance (id, workflow, version, subject, state, since, started_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (
            member_id,
            work.workflow.name,
            work.workflow.version,
            new.number,
            new.state.value,
            stored(since),
            stored(work.at),
        ),
    )
    _insert_association(work, member_id, new, since)
    _insert_services(work, member_id, new.services)
    _call_dues(work, member_id, new)
    _prove_reminder(work, member_id, new, since)
    member = find(work, new.number)
    occasion = work.occasion(min(work.at, since), cause, actor, key=cause)
    if cause == Trigger.JOIN:
        occasion.year = new.owes[0]
        put_in_outbox(member, Mail.CALL_FOR_DUES, f"join-{occasion.year}", occasion, work.batch)
    work.batch.journal(member, occasion, cause, None)
    work.look([member], work.at)
    return member_id


def enter_all(work: Work, new: Sequence[NewMember], cause: str, actor: str = NOBODY) -> None:
    """Enter many members at once: the register at take-over."""
    for member in new:
        enter(work, member, cause, actor)


def with_services(member: NewMember, services: tuple[tuple[str, str], ...]) -> NewMember:
    """The same member, hosting these services (kind, identifier)."""
    return replace(member, services=services)


def _since(work: Work, new: NewMember) -> datetime:
    return work.at if new.since is None else min(work.at, at_local(new.since, 0, 0, work.rules.tz))


def _insert_association(work: Work, member_id: int, new: NewMember, since: datetime) -> None:
    """Write the register row; without any address it is unreachable from the start."""
    cut_at = since if new.state in CUT else None
    reminded_at = since if new.state == State.REMINDED else None
    known = {name: value for name, value in new.fields.items() if name in Association.model_fields}
    unreachable = None if known.get("email") or known.get("treasurer_email") else stored(work.at)
    row = known | {
        "instance_id": member_id,
        "concerned": years_text(new.owes) if new.state in {State.REMINDED, *CUT} else "",
        "cut_at": None if cut_at is None else stored(cut_at),
        "reminded_at": None if reminded_at is None else stored(reminded_at),
        "unreachable_since": unreachable,
    }
    filled = {name: field.default for name, field in Association.model_fields.items() if not field.is_required()} | row
    columns, marks = ", ".join(filled), ", ".join("?" * len(filled))
    values = tuple(value.isoformat() if isinstance(value, date) else value for value in filled.values())
    work.connection.exec_driver_sql(f"INSERT INTO association ({columns}) VALUES ({marks})", values)  # noqa: S608 columns of the model


def _insert_services(work: Work, member_id: int, services: Sequence[tuple[str, str]]) -> None:
    if services:
        work.connection.exec_driver_sql(
            "INSERT INTO service (association_id, kind, identifier) VALUES (?, ?, ?)",
            [(member_id, kind, identifier) for kind, identifier in services],
        )


def _call_dues(work: Work, member_id: int, new: NewMember) -> None:
    """What it owes was called before now."""
    own = new.fields.get("dues_cents")
    amount = options_of(work.rules).amount_for(str(new.fields.get("kind")), own if isinstance(own, int) else None)
    now = stored(work.at)
    for year in new.owes:
        work.connection.exec_driver_sql(sql.ISSUE_DUE.sql, (member_id, year, amount, 0, now, now))


def _prove_reminder(work: Work, member_id: int, new: NewMember, since: datetime) -> None:
    """A reminder told of at take-over counts as sent and received."""
    if new.reminded_for is not None:
        work.connection.exec_driver_sql(
            """INSERT INTO occurrence (instance_id, event, year, status, at, effective_at, proven_at)
            VALUES (?, 'remind', ?, 'acted', ?, ?, ?)""",
            (member_id, new.reminded_for, stored(work.at), stored(since), stored(since)),
        )


def join(
    work: Work, number: str, fields: Mapping[str, object], services: Sequence[tuple[str, str]] = (), actor: str = NOBODY
) -> int:
    """A new member: it owes the year of joining (from 1 December the next) and is called at once.

    Raises Invalid when the number is taken.
    """
    _refuse_taken(work, number)
    today = local_day(work.at, work.rules.tz)
    joined = {"joined_on": today, **fields}
    year = first_year(today)
    new = NewMember(number, joined, State.CALLED, owes=(year,), services=tuple(services))
    return enter(work, new, Trigger.JOIN, actor)


def _refuse_taken(work: Work, number: str) -> None:
    sql_text = "SELECT 1 FROM workflow_instance WHERE workflow = ? AND subject = ?"
    if work.connection.exec_driver_sql(sql_text, (work.workflow.name, number)).fetchone():
        raise Invalid(reason=f"there is already a member {number}")


def leave(work: Work, member: Member, on: date, reason: str, actor: str = NOBODY) -> None:
    """A member leaves; any procedure ends. Raises FutureDate, NotAllowed for one that is gone already."""
    if on > local_day(work.at, work.rules.tz):
        raise FutureDate(day=on.isoformat())
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
    member.unreachable_since = None
    work.batch.add(sql.SET_CONTACT, member.last_contact_on.isoformat(), None, member.id)
    work.look([member], work.at)


def notice(work: Work, member: Member, told: Told) -> None:
    """We reached them otherwise: that proves the steps so far, and ends being unreachable after a reminder."""
    _record_contact(work, member, ContactKind.NOTICE, told)
    given = work.at if told.on == local_day(work.at, work.rules.tz) else noon(told.on, work.rules.tz)
    member.notified_at = given
    if member.reminded_at is not None and given >= member.reminded_at and member.state == State.REMINDED:
        member.unreachable_since = None
    since = None if member.unreachable_since is None else stored(member.unreachable_since)
    work.batch.add(sql.SET_NOTIFIED, stored(given), since, member.id)
    for event, year in member.unproven:
        work.batch.add(sql.PROVE, stored(given), member.id, event, year)
    member.unproven = ()
    work.look([member], work.at)


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


def bounced(work: Work, member: Member, addresses: Sequence[str]) -> None:
    """A hard bounce of these addresses; when none is left that takes mail, the member is unreachable."""
    marks = ", ".join("?" * len(addresses))
    for column in ("email", "treasurer_email"):
        text = f"UPDATE association SET {column}_bounced_at = ? WHERE instance_id = ? AND {column} IN ({marks})"  # noqa: S608 columns from here
        work.connection.exec_driver_sql(text, (stored(work.at), member.id, *addresses))
    member.bounced = tuple(dict.fromkeys((*member.bounced, *addresses)))
    _journal(work, member, "bounce", NOBODY, f"hard bounce of {', '.join(addresses)}")
    if set(member.addresses) <= set(member.bounced) and member.unreachable_since is None:
        member.unreachable_since = work.at
        work.batch.add(sql.SET_UNREACHABLE, stored(work.at), member.id)
        work.batch.open_task(TaskKind.UNREACHABLE, member, work.at)
    work.look([member], work.at)


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


def _owe_again(work: Work, member: Member) -> None:
    """A departure recorded in error cancelled dues: they are owed again."""
    text = """SELECT year, sum(amount_cents) FROM ledger_entry WHERE association_id = ? AND kind = 'cancellation'
        GROUP BY year HAVING sum(amount_cents) > 0"""
    day = local_day(work.at, work.rules.tz).isoformat()
    for year, cents in work.connection.exec_driver_sql(text, (member.id,)).fetchall():
        row = (member.id, year, EntryKind.CANCELLATION.value, -cents, None, day, stored(work.at), "corrected")
        work.batch.add(sql.NEW_ENTRY, *row)
        due = member.dues[year]
        due.settled -= cents
        work.batch.add(sql.SETTLE_DUE, due.settled, member.id, year)
    work.batch.add(sql.SET_LEFT, None, member.id)


def suspend_again(work: Work, member: Member, actor: str = NOBODY) -> None:
    """Cut again whom a payment had restored that is undone now, under the ballot of this year, once more asked.

    Raises NotAllowed when the task does not stand, or the decision of this year does not allow it.
    """
    if (TaskKind.RE_SUSPENSION, "") not in member.tasks:
        raise NotAllowed(reason=f"{member.subject} has no task {TaskKind.RE_SUSPENSION.value}")
    occasion = work.occasion(work.at, "re-suspension", actor, key=f"again-{stored(work.at)}")
    if work.fire(member, Trigger.SUSPEND, occasion) is None:
        raise NotAllowed(reason=f"{member.subject} cannot be suspended again: {member.why_not}")
    work.look([member], work.at)


def correct(work: Work, member: Member, reason: str, people: Sequence[str]) -> State:
    """Go back to the state before the last move: two people, a reason. Returns the state gone back to.

    Raises Invalid without two different people or a reason, NotAllowed when nothing was moved.
    """
    if len({name.strip() for name in people if name.strip()}) < CORRECTORS or not reason.strip():
        raise Invalid(reason="a correction takes two different people and a reason")
    row = work.connection.exec_driver_sql(
        """SELECT from_state, details FROM journal_entry WHERE instance_id = ? AND acted
        AND from_state IS NOT NULL AND from_state <> to_state ORDER BY id DESC LIMIT 1""",
        (member.id,),
    ).fetchone()
    if row is None:
        raise NotAllowed(reason=f"nothing moved {member.subject} that could be corrected")
    occasion = work.occasion(
        work.at,
        "correction",
        " + ".join(people),
        key=f"correct-{stored(work.at)}",
        reason=reason,
        data=undo_of(row[0], row[1]),
    )
    if member.state == State.LEFT:
        _owe_again(work, member)
    if work.fire(member, Trigger.CORRECT, occasion) is None:
        raise NotAllowed(reason=f"{member.subject} cannot be {row[0]} with what it owes now: undo the payment instead")
    work.look([member], work.at)
    return State(member.state)
