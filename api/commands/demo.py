"""The demo: started, and its date moved from another terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.frame import SEEING, add_group

if TYPE_CHECKING:
    import httpx2

HOST, PORT = "127.0.0.1", 8000
NOISE = "Value error, "
"""What pydantic says before a reason of ours."""
SECONDS = 300.0
"""How long a move may take; two years take a few."""
Host = Annotated[str, typer.Option(help="Its address.")]


def demo(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="On which address to listen.")] = HOST,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="On which port (default: the first that is free from 8000 on)."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where it stays, to go on another day (default: nowhere).")
    ] = None,
) -> None:
    """Try everything on a fictional register; no mail leaves.

    The same as `serve`, with a page at /demo. The date stands still until it is moved: on the page, by `move`, or by
    POST /api/v1/demo/clock. What falls due on the way is done, and most members pay as time passes.
    """
    if ctx.invoked_subcommand is not None:
        return
    import os

    from api.demo.run import Wish
    from api.demo.run import demo as run
    from api.demo.words import of_terminal
    from api.screens.tour import own_name

    run(Wish(folder, host, port, own_name(), of_terminal(os.environ)), _say)


def _say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)  # noqa: T201 typer's echo is not flushed


def move(
    to: Annotated[
        str, typer.Argument(metavar="DATE", help="A day (its noon), or an hour: 2026-10-29T18:30.", show_default=False)
    ],
    host: Host = HOST,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = PORT,
) -> None:
    """Move the date of a demo that runs, forwards.

    Everything that is due on the way is done, each at its own hour.
    """
    import os
    from datetime import date

    from api.demo.words import EVENTS, MOVED, in_words, of_terminal

    moved = _ask(f"[{host}]" if ":" in host else host, port, to)
    language = of_terminal(os.environ)
    for step in moved["happened"]:
        what = EVENTS[language].get(step["trigger"], step["trigger"])
        typer.echo(f"  {step['on']}  {step['number']:>4}  {what}")
    today = in_words(date.fromisoformat(moved["today"]), language)
    typer.echo(MOVED[language].format(today=today, mails=moved["mails"]))


def _ask(host: str, port: int, to: str) -> dict[str, Any]:
    """Ask the demo to move. Raises NotAllowed when it refuses, or is not there."""
    import httpx2

    from engine.errors import NotAllowed

    where = f"http://{host}:{port}"
    try:
        answer = httpx2.Client(trust_env=False).post(
            f"{where}/api/v1/demo/clock", json={"to": to}, timeout=httpx2.Timeout(SECONDS, connect=5)
        )
    except (httpx2.TransportError, httpx2.InvalidURL):
        raise NotAllowed(reason=f"no demo answers on {where}: start one with `relance demo`") from None
    if not answer.is_success:
        raise NotAllowed(reason=_why(answer, where))
    found: dict[str, Any] = answer.json()
    return found


def _why(answer: "httpx2.Response", where: str) -> str:
    """Say in one line what was refused."""
    from http import HTTPStatus

    try:
        problem = answer.json()
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return f"what answers on {where} is no demo"
        reasons = [error["reason"].removeprefix(NOISE) for error in problem.get("errors", ())]
        return "; ".join(reasons) or str(problem["detail"]).removesuffix(".")
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"what answers on {where} is no demo"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, demo, SEEING, "relance demo")
    group.command("move", epilog="Example: relance demo move 2026-06-02")(move)
