"""A terminal in a folder with a small register: commands are typed, at an hour that the test sets."""

import json
import sqlite3
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import typer.main
import typer.testing
from typer.testing import CliRunner

from api.cli import main

PARIS = ZoneInfo("Europe/Paris")
# Built once: anew for each command that is typed, it would take longer than the command.
typer.testing._get_command = cache(typer.main.get_command)  # type: ignore[attr-defined]
HEADER = (
    "number,name,kind,joined_on,contact_name,contact_role,email,treasurer_name,treasurer_email,address,postcode,city,"
    "region,country,language,themes,dues"
)
BOARD = "seat,name,email,role\nS1,Ana,ana@ca.example,chair\nS2,Bilal,bilal@ca.example,treasurer\nS3,Cléo,,member\n"
SERVICES = "number,kind,identifier\nA0001,website,velo.example\nA0001,list,infos@velo.example\n"


def associations(*rows, more=""):
    """associations.csv: each row is a number, a name, and the values of the optional columns named in `more`."""
    lines = [HEADER + "".join(f",{column}" for column in more.split())]
    for number, name, *rest in rows:
        email = f"contact@{number.lower()}.example"
        cells = [number, name, "association", "2010-01-01", "", "", email, *[""] * 6, "FR", "fr", "", "20.00", *rest]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


class Terminal:
    """Types `relance …` in a folder. Hours are Paris hours; a day alone means noon."""

    def __init__(self, folder, monkeypatch):
        self.folder = Path(folder)
        self._monkeypatch = monkeypatch
        self._runner = CliRunner()

    def at(self, text):
        """Set the clock."""
        local = datetime.fromisoformat(text if "T" in text else f"{text}T12:00").replace(tzinfo=PARIS)
        self._monkeypatch.setattr("engine.clock.utc_now", lambda: local.astimezone(ZoneInfo("UTC")))
        return self

    def type(self, *words, code=0):
        """Type a command; returns what it did. The exit code must be as expected."""
        result = self._runner.invoke(main, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, f"{result.exit_code}: {result.stdout}{result.stderr}"
        return result

    def say(self, *words):
        """Type a command that does what it says; returns its lines."""
        result = self.type(*words)
        assert result.stderr == ""
        return result.stdout.splitlines()

    def json(self, *words):
        """Type a command with --json; returns what it printed, and nothing but JSON."""
        return json.loads(self.type(*words, "--json").stdout)

    def refused(self, *words):
        """Type a command that is refused: exit 1, one line, nothing changed. Returns that line."""
        before = self.dump()
        result = self.type(*words, code=1)
        lines = result.stderr.splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("relance: ")
        assert result.stdout == ""
        assert self.dump() == before
        return lines[0].removeprefix("relance: ")

    def misused(self, *words):
        """Type a command wrongly: exit 2, nothing changed. Returns what was said."""
        before = self.dump()
        said = self.type(*words, code=2).stderr
        assert self.dump() == before
        return said

    def dump(self):
        """Everything in the folder: the database row by row (but when it last ran), the other files as they are."""
        paths = [path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith("relance.db")]
        files = {str(path): path.read_bytes() for path in paths}
        database = self.folder / "relance.db"
        if not database.is_file():
            return files, []
        with sqlite3.connect(database) as connection:
            lines = [line for line in connection.iterdump() if 'INTO "watermark"' not in line]
        connection.close()
        return files, lines

    def rows(self, sql, *values):
        """Rows of a SELECT."""
        with sqlite3.connect(self.folder / "relance.db") as connection:
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    def damage(self, sql):
        """Change the database behind the program's back, constraints or not."""
        connection = sqlite3.connect(self.folder / "relance.db")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        with connection:
            connection.execute(sql)
        connection.close()

    def write(self, name, text):
        """Write a file; returns its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def enter(self, *rows, more=""):
        """Import associations as they stand."""
        self.type("import", "associations", self.write("associations.csv", associations(*rows, more=more)))

    def state(self, number):
        """The state of a member."""
        return self.rows("SELECT state FROM workflow_instance WHERE subject = ?", number)[0][0]
