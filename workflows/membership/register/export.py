"""Exporting everything as CSV: four canonical files that import again without loss, and the rest for people to read."""

import csv
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection

from engine.errors import Invalid
from engine.rules import Rules
from workflows.membership.money import money_text
from workflows.membership.register import tables
from workflows.membership.register.associations import REQUIRED, STANDING
from workflows.membership.register.board import BOARD
from workflows.membership.register.cells import UNREADABLE, protect
from workflows.membership.register.payments import CREDIT, PAYMENTS
from workflows.membership.register.services import SERVICES
from workflows.membership.register.standing import standing_of

Row: TypeAlias = Sequence[object]
File: TypeAlias = tuple[str, Sequence[str], Iterable[Row]]
"""A name without its ending, the columns, the rows."""

_ASSOCIATIONS = f"""SELECT i.subject, a.phone, {", ".join(f"a.{name}" for name in REQUIRED[1:-1])}, a.dues_cents
    FROM workflow_instance i JOIN association a ON a.instance_id = i.id ORDER BY i.subject"""  # noqa: S608 columns from here
_SERVICES = """SELECT i.subject, s.kind, s.identifier FROM service s
    JOIN workflow_instance i ON i.id = s.association_id ORDER BY i.subject, s.kind, s.identifier"""
_PAYMENTS = """SELECT i.subject, l.year, l.amount_cents, p.paid_on, p.method, p.reference, p.source, p.external_id,
    p.reversed_on, p.reversal_reason
    FROM ledger_entry l JOIN payment p ON p.id = l.payment_id JOIN workflow_instance i ON i.id = l.association_id
    WHERE l.kind = 'payment'
    ORDER BY p.paid_on, p.source, p.external_id, i.subject, l.year IS NULL, l.year, l.amount_cents"""
_BOARD = "SELECT name, person, email, role, from_on, until_on, interests FROM seat ORDER BY name, from_on, person"


def export_register(connection: Connection, rules: Rules, folder: Path, also: Iterable[File] = ()) -> list[Path]:
    """Write every file into a folder, which is made if need be. Returns the files. Raises Invalid when it cannot be.

    `also`: files of other workflows.

    All are written under other names first, then renamed: an export that fails leaves the one before it whole, and
    whatever a name in the folder points to.
    """
    parts: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, columns, rows in (*_files(connection, rules), *also):
            parts.append(folder / f".{name}.csv.part")
            _write(parts[-1], columns, rows)
        return [part.replace(folder / part.name[1:].removesuffix(".part")) for part in parts]
    except OSError as error:
        for part in parts:
            part.unlink(missing_ok=True)
        raise Invalid(reason=f"{error.filename or folder}: {error.strerror}") from error


def _files(connection: Connection, rules: Rules) -> Iterable[File]:
    yield "associations", (*REQUIRED, "phone", *STANDING), _associations(connection, rules)
    yield "services", SERVICES.required, connection.exec_driver_sql(_SERVICES)
    yield "payments", (*PAYMENTS.required, *PAYMENTS.optional), _payments(connection)
    yield "board", (*BOARD.required, *BOARD.optional), connection.exec_driver_sql(_BOARD)
    for table in tables.TABLES:
        yield table.name, table.columns, table.rows(connection)


def _associations(connection: Connection, rules: Rules) -> Iterable[Row]:
    standing = standing_of(connection, rules)
    for number, phone, *fields, dues in connection.exec_driver_sql(_ASSOCIATIONS):
        money = "" if dues is None else money_text(dues)
        yield number, *fields, money, phone, *standing[number].values()


def _payments(connection: Connection) -> Iterable[Row]:
    for number, year, cents, *rest in connection.exec_driver_sql(_PAYMENTS):
        yield number, CREDIT if year is None else year, money_text(cents), *rest


def _write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    path.unlink(missing_ok=True)
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell(value) for value in row] for row in rows)


def cell(value: object) -> str:
    """Write a value so that no spreadsheet calculates it, no line breaks in it, and it can be read back."""
    if value is None:
        return ""
    text = str(value)
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(sign) in UNREADABLE else sign for sign in text).strip()
    return protect(text)
