"""What a bounce does: its mail is found, and whoever it was for; an address is marked only by a mail that we sent it.

What it marks, and what not: docs/decisions/0009-bounces.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from api.links import key_of
from api.settings import Settings
from engine.batch import CLOSE_TASK, OPEN_TASK, task_key
from engine.engine import Engine
from engine.errors import RelanceError
from engine.models import OutboxStatus
from engine.outbox import take_back
from engine.store import instant_of, stored
from engine.work import NOBODY, Work
from notifications.bounces import Bounce, Kind, kind_kept, read_bounce
from notifications.claims import UNCERTAIN_MAIL
from notifications.mail import BadAddress, ascii_address
from workflows.membership import members
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.facts import Member

BOUNCED_MAIL = "bounced_mail"
"""The task: a mail came back, and no rule follows from it; a person has to see to it."""
APART = timedelta(days=7)
"""Two mails that come back in a row count as a hard bounce when one was written this much before the other."""
HAD_LEFT = {OutboxStatus.SENT, OutboxStatus.UNCERTAIN}
_COLUMNS = "id, dedupe_key, instance_id, kind, recipient, status, created_at"
_TO = f"SELECT {_COLUMNS} FROM outbox_message WHERE lower(recipient) IN ({{marks}})"  # noqa: S608 constants
_ALL = f"SELECT {_COLUMNS} FROM outbox_message WHERE status NOT IN ('pending', 'captured', 'dropped')"  # noqa: S608 constants
_WORKFLOW = "SELECT workflow FROM workflow_instance WHERE id = ?"
_BOUNCED = "UPDATE outbox_message SET status = 'bounced', error = ? WHERE id = ?"
_DELAYED = "UPDATE outbox_message SET error = ? WHERE id = ?"
_BEFORE = """SELECT status, created_at, error FROM outbox_message
    WHERE instance_id = ? AND lower(recipient) = lower(?) AND id <> ? AND created_at < ?
    AND status IN ('sent', 'bounced') ORDER BY created_at DESC, id DESC"""


class StillLeaving(RelanceError):  # noqa: N818 named for what happened, as one says it
    """Message {message} is still being sent: its bounce is to be read again in a moment."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of the outbox, as a bounce is about it."""

    id: int
    dedupe_key: str
    instance_id: int | None
    kind: str
    recipient: str
    status: str
    created_at: datetime

    @property
    def about(self) -> str:
        """Name it in a sentence."""
        return f"message {self.id}, {self.kind} to {self.recipient}"


def take_bounce(settings: Settings, engine: Engine, raw: bytes, now: datetime) -> str:
    """Read one message and do what follows from it; return what was done. Raises StillLeaving, DatabaseFault."""
    bounce = read_bounce(raw)
    if bounce.kind is Kind.NONE:
        return "not a bounce: nothing done"
    if bounce.token is None:
        return f"a bounce that names no mail of ours: nothing done ({_named(bounce)}: {bounce.said})"
    token_of = key_of(settings).token
    with engine.store.read() as connection:
        mail = _find(connection, bounce, token_of)
    if mail is None:
        return f"a bounce of a mail that we did not send: nothing done ({_named(bounce)}: {bounce.said})"
    with engine.context.work(MEMBERSHIP, now, now) as work:  # what is due by then is the scheduler's to run
        status = work.connection.exec_driver_sql("SELECT status FROM outbox_message WHERE id = ?", (mail.id,))
        return Reader(work, mail, bounce).read(status.scalar_one())


def _named(bounce: Bounce) -> str:
    return ", ".join(bounce.addresses) or "no address"


def _find(connection: Connection, bounce: Bounce, token_of: Callable[[str], str]) -> Sent | None:
    """Find the mail whose token it is: among those to the addresses that bounced, else among all that left."""
    wanted = tuple(address.lower() for address in bounce.addresses)
    to = connection.exec_driver_sql(_TO.format(marks=", ".join("?" * len(wanted))), wanted)
    for row in to:
        if token_of(row[1]) == bounce.token:
            return _sent(row)
    everything = connection.execution_options(stream_results=True).exec_driver_sql(_ALL)
    return next((_sent(row) for row in everything if token_of(row[1]) == bounce.token), None)


def _sent(row: Sequence[Any]) -> Sent:
    number, key, instance_id, kind, recipient, status, created_at = row
    return Sent(number, key, instance_id, kind, recipient, status, instant_of(created_at))


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses are one, however they are spelled."""
    return _plain(one) == _plain(other)


def _plain(address: str) -> str:
    try:
        return ascii_address(address).casefold()
    except BadAddress:
        return address.casefold()


class Reader:
    """One bounce about one mail, within one transaction."""

    def __init__(self, work: Work, mail: Sent, bounce: Bounce) -> None:
        """Take what is known; nothing is done yet."""
        self.work = work
        self.mail = mail
        self.bounce = bounce

    def read(self, status: str) -> str:
        """Do what follows; return it as a sentence. The same bounce a second time does nothing."""
        mail, bounce = self.mail, self.bounce
        if status == OutboxStatus.SENDING:
            raise StillLeaving(message=mail.id)
        if status == OutboxStatus.BOUNCED:
            return f"{mail.about}: known already"
        if status not in HAD_LEFT:
            return f"{mail.about}: nothing done, it is {status} and did not leave"
        if not any(same_mailbox(address, mail.recipient) for address in bounce.addresses):
            self._ask(f"a bounce of it is about another address ({_named(bounce)}: {bounce.said})")
            return f"{mail.about}: the bounce is about another address ({_named(bounce)}), which marks nothing"
        if not bounce.final:
            self._write(_DELAYED, f"delayed: {bounce.said}")
            return f"{mail.about}: delayed, and noted ({bounce.said})"
        coded = bounce.said if bounce.status in bounce.said else f"{bounce.status} {bounce.said}"
        self._write(_BOUNCED, coded)
        if status == OutboxStatus.UNCERTAIN:
            self._close(UNCERTAIN_MAIL, f"message {mail.id}", "; it had left, and came back")
        member = self._member()
        done = self._came_back(member)
        return f"{mail.about}: {done}{self._unproven(member)} ({bounce.said})"

    def _unproven(self, member: Member | None) -> str:
        """A step that nobody was told of is not proven: being unreachable, or a notice, says what follows instead."""
        if member is None or member.unreachable_since is not None:
            return ""
        if member.notified_at is not None and member.notified_at >= self.mail.created_at:
            return ""
        if not take_back(self.work.connection, self.mail.id):
            return ""
        members.came_back(self.work, member, f"no {self.mail.kind} has reached it: nothing proves that step any more")
        return "; nothing proves that step any more"

    def _came_back(self, member: Member | None) -> str:
        if self.bounce.kind is Kind.POLICY:
            return self._refused_for_policy(member)
        if member is None:
            self._ask(f"it came back: {self.bounce.said}")
            return "it came back, and a task says so"
        current = [address for address in member.addresses if same_mailbox(address, self.mail.recipient)]
        if not current:
            members.came_back(self.work, member, f"{self.mail.about} came back, which it has no longer as an address")
            return "the address was replaced meanwhile: nothing marked"
        if self.bounce.kind is Kind.HARD or self._second_in_a_row():
            return self._hard(member, current)
        self._ask(f"it came back: {self.bounce.said}. The next one that comes back counts as a hard bounce")
        members.came_back(self.work, member, f"{self.mail.about} came back: {self.bounce.said}")
        return "came back, not for good: a task says so, and the next one will count as a hard bounce"

    def _hard(self, member: Member, addresses: Sequence[str]) -> str:
        was_reached = member.unreachable_since is None
        for address in addresses:
            members.address_failed(self.work, member, address, self.mail.created_at, self.bounce.said)
        self._close(BOUNCED_MAIL, self.mail.recipient, "; it counts as a hard bounce now")
        lost = was_reached and member.unreachable_since is not None
        return f"hard bounce: {member.subject} is unreachable" if lost else f"hard bounce of {member.subject}"

    def _refused_for_policy(self, member: Member | None) -> str:
        """Their rules, or our reputation: one task per domain that refuses, not one per member."""
        said, domain = self.bounce.said, self.mail.recipient.rpartition("@")[2].lower()
        note = f"mail is refused there, beginning with {self.mail.about}: {said}"
        self._open(None, f"refused by {domain}", note)
        if member is not None:
            members.came_back(self.work, member, f"{self.mail.about} was refused, not for its address: {said}")
        return f"refused for policy, which is not the address's fault: a task about {domain} says so"

    def _second_in_a_row(self) -> bool:
        """Whether the mail before this one to this address, a week older or more, came back too, and not for policy."""
        mail = self.mail
        values = (mail.instance_id, mail.recipient, mail.id, stored(mail.created_at))
        for status, created_at, said in self.work.connection.exec_driver_sql(_BEFORE, values):
            if status != OutboxStatus.BOUNCED:
                return False
            if kind_kept(said) is Kind.POLICY:
                continue
            if mail.created_at - instant_of(created_at) >= APART:
                return True
        return False

    def _member(self) -> Member | None:
        """Load the member that the mail was for; None for a seat, and for what belongs to another workflow."""
        number = self.mail.instance_id
        if number is None:
            return None
        of = self.work.connection.exec_driver_sql(_WORKFLOW, (number,)).scalar_one()
        if of != MEMBERSHIP.name:
            return None
        found: Member = self.work.cases([number])[0]
        return found

    # Rows

    def _write(self, sql: str, said: str) -> None:
        self.work.connection.exec_driver_sql(sql, (said, self.mail.id))

    def _ask(self, note: str) -> None:
        self._open(self.mail.instance_id, self.mail.recipient, f"{self.mail.about}: {note}")

    def _open(self, instance_id: int | None, about: str, note: str) -> None:
        key, at = task_key(BOUNCED_MAIL, instance_id, about), stored(self.work.at)
        row = (key, BOUNCED_MAIL, instance_id, about, at, None, note)
        self.work.connection.exec_driver_sql(OPEN_TASK.sql, row)

    def _close(self, kind: str, about: str, note: str) -> None:
        key = task_key(kind, self.mail.instance_id, about)
        self.work.connection.exec_driver_sql(CLOSE_TASK.sql, (stored(self.work.at), NOBODY, note, key))
