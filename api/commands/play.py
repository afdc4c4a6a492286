"""Playing: a scenario in memory, the future of a copy, and the fictional register through two years."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.commands.frame import SEEING, Json, add

if TYPE_CHECKING:
    from api.commands.desk import Desk
    from api.futures import Future
    from api.wiring import Replayed
    from engine.results import Result

Scenario = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A TOML file.", show_default=False)]
Assumed = Literal["nobody-pays", "everybody-pays", "as-last-year"]
BoardSays = Literal["adopts", "rejects", "absent"]
Everybody = Annotated[bool, typer.Option("--all", help="Name every association, where many did the same.")]


def replay(scenario: Scenario, as_json: Json = False, everybody: Everybody = False) -> None:
    """Replay a scenario in memory: a year as a file. Exit 1 when an expectation fails."""
    replayed, result = _played(scenario)
    if as_json:
        _print_json(result)
    else:
        _tell_replay(replayed, result, everybody=everybody)
    if not result.ok:
        from api.screens.story import verdict

        typer.echo(f"relance: {verdict(result.failures, 0, result.seconds)}", err=True)
        raise typer.Exit(1)


def _played(path: Path) -> "tuple[Replayed, Result]":
    from time import perf_counter

    from api.commands.shown import busy
    from api.wiring import replay as play
    from engine.results import Result, journal_after, states_of
    from engine.scenario import read_toml
    from workflows.membership.scenario_shape import check, ignored
    from workflows.membership.words import Trigger

    began = perf_counter()
    data = read_toml(path)
    check(data, path.name)
    for line in ignored(data):
        typer.secho(f"relance: {line}", fg="yellow", err=True)
    with busy(path.name):
        replayed = play(path)
    with replayed.player.engine.store.read() as connection:
        final = states_of(connection, None)
        journal = journal_after(connection, None, without=(Trigger.IMPORT,))
    return replayed, Result(final, journal, replayed.failures, perf_counter() - began)


def _print_json(result: "Result") -> None:
    import json

    from api.shapes import result_json

    typer.echo(json.dumps(result_json(result), ensure_ascii=False, indent=1))


def _tell_replay(replayed: "Replayed", result: "Result", *, everybody: bool) -> None:
    from api.screens.story import events, expectations, failed, story, verdict
    from engine.results import decisions_of

    with replayed.player.engine.store.read() as connection:
        decisions = decisions_of(connection, None)
    typer.secho(replayed.scenario.title or "(no title)", bold=True)
    for line in story(events(result.journal, decisions), replayed.scenario.tz, everybody=everybody):
        typer.echo(line)
    for failure in result.failures:
        typer.secho(failed(failure), fg="red")
    if result.ok:
        typer.secho(verdict((), expectations(replayed.scenario), result.seconds), fg="green", bold=True)


def simulate(
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="From this day on.", show_default=False)],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="To the end of this day.", show_default=False)],
    assume: Annotated[Assumed, typer.Option(help="What members pay.")] = "nobody-pays",
    board: Annotated[BoardSays, typer.Option(help="What the board says to every question.")] = "adopts",
    everybody: Annotated[bool, typer.Option("--all", help="Tell everything, not only the months.")] = False,
    as_json: Json = False,
) -> None:
    """Play the future of the current database, on a copy: nothing leaves.

    everybody-pays: all that is owed, the day after the start and after each call and reminder.

    as-last-year: whoever paid in the year before does so again, on the same days.

    The board says the same to every question; absent: nobody votes.

    What waits for the treasurer is confirmed the next day.

    Letters are posted after five days, and delivered the day after.

    Nobody leaves or writes back, and no deletion is confirmed.

    The time from now to --from is played too, but not told.
    """
    from api.commands.desk import open_desk

    with open_desk() as desk:
        future = _future(desk, (first, until), assume, board)
        if as_json:
            _print_json(future.result)
        else:
            _tell_future(future, everybody=everybody)


def _future(desk: "Desk", days: tuple[str, str], assume: str, board: str) -> "Future":
    from api.commands.shown import busy
    from api.commands.typed import day
    from api.futures import Question, play_future
    from engine.simulation import Board
    from workflows.membership.assumptions import Assume

    question = Question(
        day(days[0], "--from"),
        day(days[1], "--until"),
        Assume(assume),
        Board(board),
    )
    with busy("the future"):
        return play_future(desk.engine, desk.now, question)


def _tell_future(future: "Future", *, everybody: bool) -> None:
    from api.screens.months import months
    from api.screens.story import events, story

    for note in future.notes:
        typer.secho(note, fg="yellow", err=True)
    if everybody:
        for line in story(events(future.result.journal), future.tz, everybody=True):
            typer.echo(line)
    months(future)


def tour() -> None:
    """Show a fictional register of 139 associations and 13 persons through two years, then what to try next."""
    from importlib.resources import files

    from engine.errors import Invalid

    path = Path(str(files("workflows.membership"))) / "demo" / "two-years.toml"
    if not path.is_file():
        raise Invalid(reason=f"the fictional register is not installed here: {path} is missing")
    replayed, result = _played(path)
    _tell_tour(replayed, result)


def _tell_tour(replayed: "Replayed", result: "Result") -> None:
    from shutil import get_terminal_size

    from api.screens.story import failed
    from api.screens.tour import lines, next_steps, show, stops
    from engine.results import decisions_of, journal_after
    from workflows.membership.figures import money_at

    player, scenario = replayed.player, replayed.scenario
    with player.engine.store.read() as connection:
        journal = journal_after(connection, player.workflow.name)
        found = stops(journal, decisions_of(connection, player.workflow.name), scenario.end, scenario.tz)
        money = money_at(connection, [stop.at for stop in found])
    typer.secho(f"{scenario.title}: {len(result.final)} members", bold=True)
    show(lines(found, journal), money, scenario.tz, get_terminal_size((80, 24)).columns)
    for failure in result.failures:
        typer.secho(failed(failure), fg="red")
    typer.echo(f"\nPlayed in {result.seconds:.1f} s, in memory. Nothing was sent, nothing was written.")
    for line in next_steps(scenario.folder):
        typer.echo(line)


def register(app: typer.Typer) -> None:
    """Register the commands of this subject."""
    add(app, replay, SEEING, "relance replay tests/years/never-pays.toml")
    add(app, tour, SEEING, "relance tour")
    add(app, simulate, SEEING, "relance simulate --from 2026-01-01 --until 2026-12-31 --assume as-last-year")
