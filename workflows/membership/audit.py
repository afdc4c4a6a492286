"""The money and the decisions against themselves: what does not add up, or stands without its reason.

Beside engine.audit; each check names what it finds, and mends nothing.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

from engine.audit import Check, Finding
from engine.definition import Workflow
from workflows.membership.money import money_text
from workflows.membership.words import State, Trigger

_DUES = """SELECT i.subject, d.year, d.amount_cents, d.settled_cents, coalesce(sum(l.amount_cents), 0)
    FROM due d JOIN workflow_instance i ON i.id = d.association_id
    LEFT JOIN ledger_entry l ON l.association_id = d.association_id AND l.year = d.year
    WHERE i.workflow = ? GROUP BY d.association_id, d.year ORDER BY d.association_id, d.year"""
_NO_DUE = """SELECT i.subject, l.year, sum(l.amount_cents) FROM ledger_entry l
    JOIN workflow_instance i ON i.id = l.association_id
    WHERE i.workflow = ? AND l.year IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM due d WHERE d.association_id = l.association_id AND d.year = l.year)
    GROUP BY l.association_id, l.year ORDER BY l.association_id"""
_CREDIT = """SELECT i.subject, a.credit_cents, coalesce(sum(l.amount_cents), 0)
    FROM association a JOIN workflow_instance i ON i.id = a.instance_id
    LEFT JOIN ledger_entry l ON l.association_id = a.instance_id AND l.year IS NULL
    WHERE i.workflow = ? GROUP BY a.instance_id HAVING a.credit_cents <> coalesce(sum(l.amount_cents), 0)"""
_PAYMENTS = """SELECT p.id, p.amount_cents, p.reversed_at IS NOT NULL,
    coalesce(sum(CASE WHEN l.kind = 'payment' THEN l.amount_cents END), 0),
    coalesce(sum(CASE WHEN l.kind = 'reversal' THEN l.amount_cents END), 0), min(i.subject)
    FROM payment p LEFT JOIN ledger_entry l ON l.payment_id = p.id
    LEFT JOIN workflow_instance i ON i.id = l.association_id GROUP BY p.id ORDER BY p.id"""
_OWED = """SELECT i.subject, i.state, coalesce(sum(CASE WHEN d.called_at IS NOT NULL
        THEN max(d.amount_cents - d.settled_cents, 0) END), 0)
    FROM workflow_instance i LEFT JOIN due d ON d.association_id = i.id WHERE i.workflow = ? AND i.state = ?
    AND ? <> (SELECT j.trigger FROM journal_entry j WHERE j.instance_id = i.id AND j.acted
        AND j.from_state IS NOT j.to_state ORDER BY j.id DESC LIMIT 1)
    GROUP BY i.id ORDER BY i.id"""
_CUT = """SELECT i.subject, i.state FROM workflow_instance i JOIN association a ON a.instance_id = i.id
    WHERE i.workflow = ? AND (i.state IN ('suspended', 'proposed_for_removal')) <> (a.cut_at IS NOT NULL)
    AND i.state NOT IN ('removed', 'left') ORDER BY i.id"""
_DELETED = """SELECT i.subject, s.kind, s.identifier FROM service_order o JOIN service s ON s.id = o.service_id
    JOIN workflow_instance i ON i.id = s.association_id
    WHERE i.workflow = ? AND o.action = 'delete' AND NOT EXISTS (SELECT 1 FROM service_order archive
        WHERE archive.service_id = o.service_id AND archive.action = 'archive' AND archive.status = 'done')"""


def audit(connection: Connection, workflow: Workflow) -> list[Finding]:
    """Run every check of the membership."""
    return [finding for check in CHECKS for finding in check(connection, workflow)]


def dues_against_ledger(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """What is settled of a due is what the ledger says, and no more than the due."""
    for subject, year, amount, settled, told in connection.exec_driver_sql(_DUES, (workflow.name,)):
        if settled != told:
            what = f"{year} is settled by {money_text(settled)}, its ledger says {_signed(told)}"
            yield Finding(subject, what)
        elif not 0 <= settled <= amount:
            yield Finding(subject, f"{year} is settled by {_signed(settled)} of {money_text(amount)}")
    for subject, year, told in connection.exec_driver_sql(_NO_DUE, (workflow.name,)):
        yield Finding(subject, f"the ledger has {_signed(told)} on {year}, for which there is no due")


def credit_against_ledger(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """What is kept as credit is what the ledger says."""
    for subject, credit, told in connection.exec_driver_sql(_CREDIT, (workflow.name,)):
        yield Finding(subject, f"has a credit of {_signed(credit)}, its ledger says {_signed(told)}")


def payments_against_entries(connection: Connection, _workflow: Workflow) -> Iterator[Finding]:
    """A payment is spread whole over the ledger; undone, it is undone whole."""
    for number, amount, is_undone, spread, undone, subject in connection.exec_driver_sql(_PAYMENTS):
        name = subject or "the books"
        if amount != spread:
            yield Finding(name, f"payment {number} of {money_text(amount)} is spread over {_signed(spread)}")
        if undone != (-amount if is_undone else 0):
            how = "is undone" if is_undone else "is not undone"
            yield Finding(name, f"payment {number} of {money_text(amount)} {how}, its reversal says {_signed(undone)}")


def states_against_dues(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """Whoever is up to date owes nothing, whoever is called owes something; a correction may have said otherwise."""
    for state, owes in ((State.PAID, False), (State.CALLED, True)):
        rows = connection.exec_driver_sql(_OWED, (workflow.name, state.value, Trigger.CORRECT.value))
        for subject, name, owed in rows:
            if (owed > 0) != owes:
                yield Finding(subject, f"is {name}, but owes {money_text(owed) if owed else 'nothing'}")


def cuts_against_states(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """Whoever's services are interrupted has the day since when, and nobody else has."""
    for subject, state in connection.exec_driver_sql(_CUT, (workflow.name,)):
        yield Finding(subject, f"is {state}, which does not go with the day of its interruption")


def deletions_after_archives(connection: Connection, workflow: Workflow) -> Iterator[Finding]:
    """Nothing is deleted that was not archived."""
    for subject, kind, identifier in connection.exec_driver_sql(_DELETED, (workflow.name,)):
        yield Finding(subject, f"{kind} {identifier} is to be deleted, but was not archived")


def _signed(cents: int) -> str:
    return money_text(cents) if cents >= 0 else f"-{money_text(-cents)}"


CHECKS: tuple[Check, ...] = (
    dues_against_ledger,
    credit_against_ledger,
    payments_against_entries,
    states_against_dues,
    cuts_against_states,
    deletions_after_archives,
)
"""What `audit` runs: true of every database, whatever was configured when."""
