"""The tables that an export writes for people: money, journal, letters, board, tasks, mail."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from workflows.membership.money import money_text


@dataclass(frozen=True, slots=True)
class Table:
    """One file: its columns, and the SELECT that fills them. Columns named amount or settled are cents there."""

    name: str
    columns: tuple[str, ...]
    sql: str

    def rows(self, connection: Connection) -> Iterable[Sequence[object]]:
        """The rows, amounts written as people do."""
        money = {position for position, name in enumerate(self.columns) if name in {"amount", "settled"}}
        for row in connection.exec_driver_sql(self.sql):
            yield [money_text(value) if position in money else value for position, value in enumerate(row)]


TABLES = (
    Table(
        "dues",
        ("number", "year", "amount", "settled", "issued_at", "called_at"),
        """SELECT i.subject, d.year, d.amount_cents, d.settled_cents, d.issued_at, d.called_at
        FROM due d JOIN workflow_instance i ON i.id = d.association_id ORDER BY i.subject, d.year""",
    ),
    Table(
        "ledger",
        ("number", "year", "kind", "amount", "on_day", "at", "reason", "payment", "source", "external_id"),
        """SELECT i.subject, l.year, l.kind, l.amount_cents, l.on_day, l.at, l.reason, p.id, p.source, p.external_id
        FROM ledger_entry l JOIN workflow_instance i ON i.id = l.association_id
        LEFT JOIN payment p ON p.id = l.payment_id ORDER BY l.id""",
    ),
    Table(
        "journal",
        (
            *("at", "effective_at", "workflow", "number", "trigger", "from", "to"),
            *("acted", "cause", "actor", "reason", "mails"),
        ),
        """SELECT j.at, j.effective_at, i.workflow, i.subject, j.trigger, j.from_state, j.to_state,
        CASE WHEN j.acted THEN 'yes' ELSE 'no' END, j.cause, j.actor, j.reason, j.mails
        FROM journal_entry j JOIN workflow_instance i ON i.id = j.instance_id ORDER BY j.id""",
    ),
    Table(
        "contacts",
        ("number", "kind", "on_day", "channel", "note", "at", "actor"),
        """SELECT i.subject, c.kind, c.on_day, c.channel, c.note, c.at, c.actor
        FROM contact c JOIN workflow_instance i ON i.id = c.association_id ORDER BY c.id""",
    ),
    Table(
        "letters",
        ("number", "kind", "created_at", "posted_on", "tracking", "first_presented_on", "outcome", "search_note"),
        """SELECT i.subject, l.kind, l.created_at, l.posted_on, l.tracking, l.first_presented_on, l.outcome,
        l.search_note FROM letter l JOIN workflow_instance i ON i.id = l.association_id ORDER BY l.id""",
    ),
    Table(
        "meetings",
        ("month", "held_at", "place", "confirmed", "published_at", "opened_at", "closed_at", "present"),
        """SELECT month, held_at, place, CASE WHEN confirmed THEN 'yes' ELSE 'no' END, published_at, opened_at,
        closed_at, present FROM meeting ORDER BY month""",
    ),
    Table(
        "ballots",
        (
            *("ballot", "workflow", "number", "meeting", "trigger", "year", "status", "opens_at", "closes_at"),
            *("electorate", "approve", "reject", "abstain", "took_part", "decided_at", "missing", "reason"),
            *("rule", "hands", "annulled_at", "annulled_by", "annulled_reason"),
        ),
        """SELECT b.id, i.workflow, i.subject, m.month, b.trigger, b.year, b.status, b.opens_at, b.closes_at,
        b.electorate, b.approve, b.reject, b.abstain, b.took_part, b.decided_at, b.missing, b.reason,
        b.rule, b.hands, b.annulled_at, b.annulled_by, b.annulled_reason
        FROM ballot b JOIN workflow_instance i ON i.id = b.instance_id JOIN meeting m ON m.id = b.meeting_id
        ORDER BY b.id""",
    ),
    Table(
        "votes",
        ("ballot", "number", "trigger", "seat", "choice", "comment", "channel", "at", "superseded_at"),
        """SELECT v.ballot_id, i.subject, b.trigger, v.seat, v.choice, v.comment, v.channel, v.at, v.superseded_at
        FROM vote v JOIN ballot b ON b.id = v.ballot_id JOIN workflow_instance i ON i.id = b.instance_id
        ORDER BY v.id""",
    ),
    Table(
        "recusals",
        ("ballot", "number", "trigger", "seat", "reason", "actor", "at"),
        """SELECT r.ballot_id, i.subject, b.trigger, r.seat, r.reason, r.actor, r.at
        FROM recusal r JOIN ballot b ON b.id = r.ballot_id JOIN workflow_instance i ON i.id = b.instance_id
        ORDER BY r.ballot_id, r.seat""",
    ),
    Table(
        "absences",
        ("meeting", "seat", "note", "actor", "at"),
        """SELECT m.month, a.seat, a.note, a.actor, a.at FROM absence a JOIN meeting m ON m.id = a.meeting_id
        ORDER BY m.month, a.seat""",
    ),
    Table(
        "service_orders",
        ("number", "kind", "identifier", "action", "occasion", "ordered_at", "status", "acked_at", "acked_by", "note"),
        """SELECT i.subject, s.kind, s.identifier, o.action, o.occasion, o.ordered_at, o.status, o.acked_at,
        o.acked_by, o.note FROM service_order o JOIN service s ON s.id = o.service_id
        JOIN workflow_instance i ON i.id = s.association_id ORDER BY o.id""",
    ),
    Table(
        "tasks",
        ("kind", "number", "about", "opened_at", "due", "done_at", "done_by", "note"),
        """SELECT t.kind, i.subject, t.about, t.opened_at, t.due, t.done_at, t.done_by, t.note
        FROM task t LEFT JOIN workflow_instance i ON i.id = t.instance_id ORDER BY t.id""",
    ),
    Table(
        "outbox",
        (
            "kind",
            "number",
            "occasion",
            "to",
            "language",
            "status",
            "created_at",
            "due_at",
            "sent_at",
            "subject",
            "error",
        ),
        """SELECT m.kind, i.subject, m.occasion, m.recipient, m.language, m.status, m.created_at, m.due_at, m.sent_at,
        m.subject, m.error FROM outbox_message m LEFT JOIN workflow_instance i ON i.id = m.instance_id ORDER BY m.id""",
    ),
)
