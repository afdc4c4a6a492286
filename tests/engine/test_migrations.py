"""Migrations: they make what the models declare, lose no row, run once, and undo themselves when they fail."""

import difflib
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from freezegun import freeze_time
from sqlmodel import SQLModel

import api.tables  # noqa: F401 every table of the house is declared
import workflows.admission.models
import workflows.membership.models  # noqa: F401 the same
from engine.announcements import start_announcing
from engine.engine import Engine
from engine.faults import DatabaseFault
from engine.migrate import current_revision, draft, migrate
from engine.revisions import SCRIPTS, known_revisions
from engine.rules import Rules
from engine.store import Store
from tests.house import House
from workflows import WORKFLOWS
from workflows.membership.words import Trigger

ROOT = Path(__file__).parents[2]
LAST = known_revisions()[-1]
NEXT = f"{int(LAST) + 1:04}"
REMEDY = """
The models and engine/migrations differ (above, or below: - what the migrations make, + what the models declare).
Write the next migration, read it, and commit it (before the first release: delete 0001_initial.py first):

  .venv/bin/python -c 'import api.tables, workflows; from sqlmodel import SQLModel; from engine.migrate import draft; draft("What changes", SQLModel.metadata)'
  .venv/bin/ruff format -q engine/migrations; .venv/bin/ruff check -q --fix engine/migrations
"""  # noqa: E501 a command to be copied


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path / 'dues.db'}")
    yield made
    made.close()


@pytest.fixture
def lived_in(store):
    """A database in which a board has voted, cut, been paid, and summoned."""
    migrate(store)
    house = House(Engine(store, Rules(ZoneInfo("Europe/Paris")), WORKFLOWS), datetime(2024, 11, 29, 23, 0, tzinfo=UTC))
    house.enter("A0001", "A0002", "A0003")
    house.tick("2025-06-01")
    house.accept("2025-06-01T13:00")
    house.tick("2025-08-27")
    house.vote("2025-08-28", Trigger.SUSPEND, S1="approve", S2="approve", S3="abstain")
    house.tick("2025-09-05")
    house.pay("2025-09-06", ("A0003", 2000))
    return store


@pytest.fixture
def scripts(tmp_path):
    """A copy of the migrations, to which a test adds."""
    return shutil.copytree(SCRIPTS, tmp_path / "100 % migrations", ignore=shutil.ignore_patterns("__pycache__"))


def add(scripts, *lines, number=NEXT):
    """Write one more migration. `metadata` is what the database has when it runs."""
    (scripts / "versions" / f"{number}_more.py").write_text(
        "\n".join(
            [
                "import sqlalchemy as sa",
                "from alembic import op",
                f"revision, down_revision = {number!r}, '{int(number) - 1:04}'",
                "def upgrade():",
                "    tables = sa.inspect(op.get_bind()).get_table_names()",
                *(f"    {line}" for line in lines),
            ]
        )
    )


def normal(sql):
    """A CREATE statement, whatever its white space, its quotes and the order of columns and constraints."""
    plain = " ".join(sql.replace('"', "").split()).replace("( ", "(").replace(" )", ")")
    head, _, rest = plain.partition("(")
    body, _, tail = rest.rpartition(")")
    parts = re.split(r", (?![^()]*\))", body)
    return "\n".join([head.strip(), *sorted(parts), tail.strip()])


def schema(store):
    """Name of each table and index, and how it is made."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
        )
        return {name: normal(sql) for name, sql in rows}


def rows(store):
    """Everything in the database."""
    tables = [name for name, sql in schema(store).items() if sql.startswith("CREATE TABLE")]
    with store.read() as connection:
        found = {name: connection.exec_driver_sql(f"SELECT * FROM {name}").fetchall() for name in tables}
    return {name: sorted(map(repr, lines)) for name, lines in found.items()}


def foreign_keys(store):
    with store.read() as connection:
        return connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one()


def copies(store, tmp_path):
    return sorted(path.name for path in tmp_path.glob("*before*"))


# --- the schema ------------------------------------------------------------------------------------------------------


def test_the_migrations_make_what_the_models_declare(store):
    migrate(store)
    declared = Store("sqlite://")
    declared.create_tables()
    made, wanted = schema(store), schema(declared)
    lines = [
        line
        for name in sorted(made.keys() | wanted.keys())
        for line in difflib.unified_diff(
            made.get(name, "").splitlines(), wanted.get(name, "").splitlines(), name, name, lineterm="", n=0
        )
    ]
    assert lines == [], "\n".join([REMEDY, *lines])


def test_alembic_finds_nothing_left_to_do(store):
    migrate(store)
    with store.read() as connection:
        left = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    assert left == [], "\n".join([*map(str, left), REMEDY])


def test_they_are_numbered_without_a_gap():
    assert known_revisions() == [f"{number:04}" for number in range(1, len(known_revisions()) + 1)]


def test_a_draft_holds_what_is_missing(scripts, store):
    first = scripts / "versions" / "0001_initial.py"
    text = first.read_text()
    first.write_text(text.replace('        sa.Column("place", sa.String(), nullable=False),\n', ""))
    assert first.read_text() != text
    drafted = draft("Places", SQLModel.metadata, scripts)
    assert drafted.name == f"{NEXT}_places.py"
    assert "batch_op.add_column(sa.Column('place', sa.String(), nullable=False))" in drafted.read_text()
    migrate(store, scripts)
    migrated, declared = schema(store)["meeting"], Store("sqlite://")
    declared.create_tables()
    assert migrated == schema(declared)["meeting"]


# --- running ---------------------------------------------------------------------------------------------------------


def test_it_makes_a_database_and_then_leaves_it_alone(store, tmp_path):
    assert current_revision(store) is None
    assert not (tmp_path / "dues.db").exists()
    migrate(store)
    before = rows(store)
    migrate(store)
    assert current_revision(store) == LAST
    assert rows(store) == before
    assert foreign_keys(store) == 1
    assert copies(store, tmp_path) == []


def test_it_works_in_memory(scripts):
    store = Store("sqlite://")
    migrate(store)
    add(scripts, "op.execute(\"INSERT INTO switch VALUES ('a', 'b')\")")
    migrate(store, scripts)
    assert current_revision(store) == NEXT
    assert rows(store)["switch"] == ["('a', 'b')"]


def test_it_copies_an_existing_database_first(lived_in, scripts, tmp_path):
    before = rows(lived_in)
    add(scripts, 'op.execute("DELETE FROM outbox_message")')
    with freeze_time("2025-10-01 08:30"):
        migrate(lived_in, scripts)
    assert copies(lived_in, tmp_path) == [f"dues.before-{NEXT}.2025-10-01T083000Z.db"]
    assert rows(lived_in)["outbox_message"] == []
    copy = Store(f"sqlite:///{tmp_path / copies(lived_in, tmp_path)[0]}")
    assert current_revision(copy) == LAST
    assert rows(copy) == before
    copy.close()


def test_rebuilding_every_table_loses_nothing(lived_in, scripts):
    made, before = schema(lived_in), rows(lived_in)
    assert {"vote", "due", "occurrence", "ballot", "ledger_entry"} <= {name for name, lines in before.items() if lines}
    add(
        scripts,
        "for name in tables:",
        "    if name != 'alembic_version':",
        "        with op.batch_alter_table(name, recreate='always'):",
        "            pass",
    )
    migrate(lived_in, scripts)
    assert current_revision(lived_in) == NEXT
    assert rows(lived_in) == before
    assert schema(lived_in) == made
    assert foreign_keys(lived_in) == 1


def test_what_is_announced_goes_on_being_announced(lived_in, scripts):
    with lived_in.write() as connection:
        start_announcing(connection)
    made = schema(lived_in)
    add(
        scripts, *(f"with op.batch_alter_table({name!r}, recreate='always'): pass" for name in ("announcement", "task"))
    )
    migrate(lived_in, scripts)
    assert current_revision(lived_in) == NEXT
    assert schema(lived_in) == made
    with lived_in.write() as connection:
        connection.exec_driver_sql("UPDATE task SET done_at = NULL WHERE id = 1")
        connection.exec_driver_sql("UPDATE task SET done_at = opened_at WHERE id = 1")
        found = connection.exec_driver_sql("SELECT topic, what, ref FROM announcement").fetchall()
    assert found == [("task", "closed", 1)]


def test_rebuilding_a_parent_keeps_children_that_would_be_deleted_with_it(lived_in, scripts):
    add(
        scripts,
        "op.execute('CREATE TABLE badge (id INTEGER PRIMARY KEY, of INTEGER NOT NULL"
        " REFERENCES association (instance_id) ON DELETE CASCADE)')",
        "op.execute('INSERT INTO badge (of) SELECT instance_id FROM association')",
    )
    migrate(lived_in, scripts)
    before = rows(lived_in)
    add(
        scripts,
        "with op.batch_alter_table('association', recreate='always') as batch:",
        "    batch.add_column(sa.Column('nickname', sa.String(), nullable=False, server_default=''))",
        number=f"{int(NEXT) + 1:04}",
    )
    migrate(lived_in, scripts)
    after = rows(lived_in)
    assert len(after["badge"]) == 3
    assert {name: lines for name, lines in after.items() if name != "association"} == {
        name: lines for name, lines in before.items() if name != "association"
    }
    with pytest.raises(Exception, match="FOREIGN KEY"), lived_in.write() as connection:
        connection.exec_driver_sql("INSERT INTO badge (of) VALUES (999)")


# --- two at once -----------------------------------------------------------------------------------------------------


PROGRAM = """
import sys
from pathlib import Path
from engine.migrate import migrate
from engine.store import Store
store = Store(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    migrate(store, Path(line.strip()))
    print("done", flush=True)
"""


@pytest.fixture
def two_programs(store):
    """Two processes, which migrate at the same moment when told so."""
    with ExitStack() as stack:
        command = [sys.executable, "-c", PROGRAM, store.url]
        both: list[Any] = [
            stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True))
            for _ in range(2)
        ]
        assert [one.stdout.readline() for one in both] == ["ready\n"] * 2

        def migrate_at_once(scripts):
            for one in both:
                one.stdin.write(f"{scripts}\n")
                one.stdin.flush()
            assert [one.stdout.readline() for one in both] == ["done\n"] * 2

        yield migrate_at_once


def test_of_two_processes_only_one_migrates(store, scripts, tmp_path, two_programs):
    two_programs(scripts)
    assert current_revision(store) == LAST
    add(scripts, "op.execute(\"INSERT INTO switch VALUES (hex(randomblob(8)), 'once')\")")
    two_programs(scripts)
    assert current_revision(store) == NEXT
    assert len(rows(store)["switch"]) == 1
    assert len(copies(store, tmp_path)) == 1


# --- what is refused -------------------------------------------------------------------------------------------------


def refused(store, scripts=SCRIPTS):
    with pytest.raises(DatabaseFault) as refusal:
        migrate(store, scripts)
    line = str(refusal.value)
    assert len(line.splitlines()) == 1
    return line.removeprefix(f"{store.url.removeprefix('sqlite:///')}: ")


def test_a_newer_database(store, scripts):
    add(scripts, "pass")
    migrate(store, scripts)
    before = schema(store)
    assert refused(store) == (
        f"it is of a newer version of relance (revision {NEXT}; this one knows {LAST}): install that one"
    )
    assert current_revision(store) == NEXT
    assert schema(store) == before


def test_a_database_of_another_program(store):
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE recipe (name TEXT)")
    assert refused(store) == "it has tables but no revision: it was not made by relance"
    assert schema(store).keys() == {"recipe"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("op.execute('DELETE FROM association WHERE instance_id = 1')", "without its association; nothing was changed"),
        ("op.execute('UPDATE association SET kind = 1')", "nothing was changed: CHECK constraint failed"),
        ("op.execute('DROP TABLE nowhere')", "nothing was changed: no such table: nowhere"),
    ],
)
def test_a_migration_that_fails(lived_in, scripts, tmp_path, line, said):
    made, before = schema(lived_in), rows(lived_in)
    add(scripts, "op.execute('CREATE TABLE half_done (x INTEGER)')", "op.execute('DELETE FROM task')", line)
    assert said in refused(lived_in, scripts)
    assert schema(lived_in) == made
    assert rows(lived_in) == before
    assert current_revision(lived_in) == LAST
    assert foreign_keys(lived_in) == 1
    assert copies(lived_in, tmp_path) == []


def test_a_mistake_in_a_migration_keeps_its_traceback(lived_in, scripts, tmp_path):
    before = rows(lived_in)
    add(scripts, "op.execute('DELETE FROM task')", "1 / 0")
    with pytest.raises(ZeroDivisionError):
        migrate(lived_in, scripts)
    assert rows(lived_in) == before
    assert copies(lived_in, tmp_path) == []
