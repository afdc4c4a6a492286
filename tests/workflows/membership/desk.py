"""A treasurer's desk: an empty database, files that are written, imported and exported."""

import csv
from contextlib import contextmanager
from datetime import datetime
from io import StringIO
from zoneinfo import ZoneInfo

from engine.engine import Engine
from engine.rules import Rules
from engine.store import Store
from workflows import WORKFLOWS
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.register import RegisterKind, apply_import, export_register, plan_import
from workflows.membership.register.associations import REQUIRED

PARIS = ZoneInfo("Europe/Paris")
CANONICAL = ("associations.csv", "services.csv", "payments.csv", "board.csv")
USUAL = {
    "number": "A0001",
    "name": "Vélo Lauragais",
    "kind": "association",
    "joined_on": "2019-03-01",
    "email": "contact@velo.example",
    "country": "FR",
    "language": "fr",
}


def csv_of(columns, *rows):
    """Text of a CSV file; rows are dicts."""
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def members_csv(*rows):
    """associations.csv of rows that say only what matters; the rest is usual."""
    full = [USUAL | row for row in rows]
    more = [name for row in rows for name in row if name not in REQUIRED]
    return csv_of((*REQUIRED, *dict.fromkeys(more)), *full)


def payments_csv(*rows):
    """payments.csv: rows are (number, year, amount, paid_on, reference)."""
    lines = [f"{number},{year},{amount},{on},transfer,{reference}" for number, year, amount, on, reference in rows]
    return "\n".join(["number,year,amount,paid_on,method,reference", *lines, ""])


class Desk:
    """One database, at an instant that tests move."""

    def __init__(self, folder, now="2025-07-15T10:00"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.store = Store("sqlite://")
        self.store.create_tables()
        self.engine = Engine(self.store, Rules(PARIS), WORKFLOWS)
        self.at(now)
        self.engine.start_clock(self.now)

    def at(self, text):
        """Move to an instant, Paris time."""
        self.now = datetime.fromisoformat(text).replace(tzinfo=PARIS)

    def write(self, name, content):
        """Write a file; returns its path."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    @contextmanager
    def work(self):
        """One transaction, now."""
        with self.engine.context.work(MEMBERSHIP, self.now, self.now) as work:
            yield work

    def plan(self, kind, content):
        """What an import would do."""
        path = self.write(f"{kind}.csv", content)
        with self.engine.context.reading(MEMBERSHIP, self.now) as work:
            return plan_import(work, RegisterKind(kind), path)

    def load(self, kind, content):
        """Import; returns the plan that was carried out."""
        path = content if not isinstance(content, str | bytes) else self.write(f"{kind}.csv", content)
        with self.work() as work:
            plan = plan_import(work, RegisterKind(kind), path)
            apply_import(work, plan, "treasurer")
        return plan

    def load_folder(self, folder):
        """Import the four canonical files of an export."""
        for kind in ("associations", "services", "payments", "board"):
            self.load(kind, folder / f"{kind}.csv")

    def export(self, name):
        """Export into a folder; returns it."""
        with self.store.read() as connection:
            export_register(connection, self.engine.rules, self.folder / name)
        return self.folder / name

    def tick(self, text):
        """Let time pass, as a server would see it."""
        self.at(text)
        while (moment := self.engine.next_moment(self.now)) is not None:
            self.engine.tick(moment)
        self.engine.tick(self.now)

    def rows(self, sql, *values):
        """Rows of a SELECT."""
        with self.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    def dump(self, *tables):
        """Everything in some tables."""
        return {table: self.rows(f"SELECT * FROM {table}") for table in tables}


def canonical(folder):
    """Bytes of the four canonical files."""
    return {name: (folder / name).read_bytes() for name in CANONICAL}
