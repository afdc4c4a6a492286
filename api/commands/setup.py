"""Setting up, and safe copies: init, backup, restore."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.frame import SETTING_UP, add

if TYPE_CHECKING:
    from api.settings import Settings

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="FOLDER", help="Where (default: where RELANCE_CONFIG says, else here).", show_default=False),
]


def init(folder: Folder = None) -> None:
    """Write a commented relance.toml and an empty database.

    Nothing that is there is overwritten.
    """
    from api.settings import CONFIG_NAME, config_template, load_settings

    place = Path(os.environ.get("RELANCE_CONFIG") or CONFIG_NAME) if folder is None else folder / CONFIG_NAME
    with ExitStack() as undo:
        undo.enter_context(_new_folder(place.parent))
        undo.enter_context(_new_file(place))
        place.write_text(config_template(), encoding="utf-8")
        settings = load_settings(place)
        _make_database(undo, settings)
    typer.echo(f"Wrote {place} and an empty database.")
    typer.echo("Read relance.toml from top to bottom and change what is yours; then:")
    typer.echo("  relance doctor\n  relance import associations associations.csv --dry-run")


@contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    """Make a folder where there is none; take it away again if what follows fails."""
    if folder.is_dir():
        yield
        return
    folder.mkdir(parents=True)
    try:
        yield
    except BaseException:
        folder.rmdir()
        raise


@contextmanager
def _new_file(path: Path, *more: Path) -> Iterator[None]:
    """Refuse a file that is there; take away what was written if what follows fails. Raises NotAllowed."""
    from engine.errors import NotAllowed

    if path.exists():
        raise NotAllowed(reason=f"{path} is there already, and is not overwritten")
    try:
        yield
    except BaseException:
        for made in (path, *more):
            made.unlink(missing_ok=True)
        raise


def _make_database(undo: ExitStack, settings: "Settings") -> None:
    """Make the tables, start the clock at this instant, keep mail for reading."""
    from api.wiring import engine_of
    from engine.clock import utc_now
    from engine.faults import file_of
    from engine.migrate import migrate

    path = file_of(settings.database.url)
    if path is not None:
        undo.enter_context(_new_file(path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))))
        path.touch(mode=0o600)  # people's addresses: only the owner reads them
    engine = engine_of(settings)
    try:
        migrate(engine.store)
        engine.start_clock(utc_now())
        with engine.store.write() as connection:
            sql = "INSERT INTO switch (name, value) VALUES ('mail_mode', 'capture') ON CONFLICT DO NOTHING"
            connection.exec_driver_sql(sql)
    finally:
        engine.store.close()


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that is not there yet.", show_default=False)],
) -> None:
    """Copy the database safely, while it is in use."""
    from api.commands.desk import open_desk
    from api.commands.shown import counted
    from engine.backup import backup as copy

    with open_desk() as desk, counted("Copying") as progress:
        file.parent.mkdir(parents=True, exist_ok=True)
        copy(desk.engine.store, file, progress)
    typer.echo(f"Copied into {file}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.", show_default=False)],
) -> None:
    """Make the database from a copy.

    Where there is none, or an empty one. Its mail is kept for reading (capture) until a person says otherwise.
    """
    from api.commands.shown import counted
    from api.settings import load_settings
    from engine.backup import restore as bring_back

    settings = load_settings()
    with counted("Copying") as progress:
        bring_back(file, settings.database.url, progress)
    typer.echo(f"Restored from {file}; mail is kept for reading until `relance mail live`")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    add(app, init, SETTING_UP, "relance init ~/dues")
    add(app, backup, SETTING_UP, "relance backup ~/copies/dues-2025-06-15.db")
    add(app, restore, SETTING_UP, "relance restore ~/copies/dues-2025-06-15.db")
