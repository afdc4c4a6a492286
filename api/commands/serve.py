"""Serving: the unattended service."""

from typing import Annotated

import typer

from api.commands.frame import ADMINS, add


def serve(
    host: Annotated[str, typer.Option(help="On which address to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="On which port; 0: any that is free.")] = 8000,
    lease_seconds: Annotated[
        int, typer.Option(min=1, max=3600, hidden=True, help="How long another process waits before it takes over.")
    ] = 60,
) -> None:
    """Serve the API, run what falls due, and write what leaves, until stopped.

    A second one on the same database serves too, and takes over when the first no longer runs.
    """
    from datetime import timedelta

    from api.commands.desk import refuse_missing
    from api.serve import serve as run
    from api.settings import load_settings

    settings = load_settings()
    refuse_missing(settings.database.url)
    run(settings, host, port, timedelta(seconds=lease_seconds), _say)


def _say(line: str) -> None:
    """Print at once, also into a pipe."""
    print(line, flush=True)  # noqa: T201 typer's echo is not flushed


def register(app: typer.Typer) -> None:
    """Add these commands."""
    add(app, serve, ADMINS, "relance serve --port 8080")
