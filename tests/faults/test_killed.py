"""Killed by `kill -9` at every commit of a year, and at any moment: nothing is told twice, nothing is lost."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from notifications.papers import Typesetter
from tests.faults.postmaster import Postmaster
from tests.faults.roulette import Game, Roulette
from tests.faults.walk import Tally, Walk

HALVES = 2
TO_THE_END, TO_THE_END_TORTURE = 100, 20


@pytest.fixture
def postmaster():
    with Postmaster() as made:
        yield made


def alone(act, *given):
    """Do it in a process of its own that has no other thread, so that it may fork; returns what it returned."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(act, *given).result()


def draw_without_threads():
    """In this process alone a drawing is its data: Typst draws with threads, and these do not outlive a fork."""
    setattr(Typesetter, "print", lambda _self, papers, _made_at, _title="": repr(papers).encode())  # noqa: B010 for mypy


def walk(folder, port, blocks, half, to_the_end) -> Tally:
    draw_without_threads()
    return Walk(folder / "walk", port, blocks, (half, HALVES)).go(to_the_end)


def play(folder, port, blocks, kills, seed) -> Game:
    draw_without_threads()
    return Roulette(folder / "game", port, blocks).play(kills, seed)


@pytest.mark.parametrize("half", range(HALVES))
def test_it_goes_on_as_if_it_had_not_been_killed_at_any_commit_of_a_year(tmp_path, postmaster, half):
    tally = alone(walk, tmp_path, postmaster.port, 1, half, TO_THE_END)
    assert tally.wrong == []
    assert (tally.steps > 200, tally.kills > 400, tally.to_the_end > 2) == (True, True, True), tally


def test_it_goes_on_as_if_it_had_not_been_killed_at_any_moment(tmp_path, postmaster):
    game = alone(play, tmp_path, postmaster.port, 1, 20, 2026)
    assert game.wrong == []


@pytest.mark.torture
@pytest.mark.parametrize("half", range(HALVES))
def test_it_goes_on_as_if_it_had_not_been_killed_at_any_commit_of_a_year_of_200(tmp_path, postmaster, half):
    tally = alone(walk, tmp_path, postmaster.port, 10, half, TO_THE_END_TORTURE)
    assert tally.wrong == []
    assert tally.kills > 1000, tally  # of some 2,500 in both halves


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(4))
def test_200_kills_at_any_moment_of_years_of_200_change_nothing(tmp_path, postmaster, seed):
    game = alone(play, tmp_path, postmaster.port, 10, 50, seed)
    assert game.wrong == []
