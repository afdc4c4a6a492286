"""A terminal to type commands in: an empty folder, or one with a small register."""

import os
import shutil

import pytest

from tests.terminal import BOARD, SERVICES, Terminal

START = "2024-12-02"


def sit_down(folder, monkeypatch):
    """A terminal in a folder, in nobody else's environment."""
    for name in [name for name in os.environ if name.startswith("RELANCE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LOGNAME", "treasurer")
    return Terminal(folder, monkeypatch).at(START)


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """An empty folder, on 2 December 2024."""
    return sit_down(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The folder that every desk is a copy of."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as monkeypatch:
        desk = sit_down(folder, monkeypatch)
        desk.type("init")
        desk.enter(("A0001", "Vélo Lauragais"), ("A0002", "Chorale d'Oc"), ("A0003", "Les Amis du Pic"))
        desk.type("import", "services", desk.write("services.csv", SERVICES))
        desk.type("import", "board", desk.write("board.csv", BOARD))
    return folder


@pytest.fixture
def desk(bare, prepared):
    """Three associations that are paid, a board of three, two services, on 2 December 2024."""
    shutil.copytree(prepared, bare.folder, dirs_exist_ok=True)
    return bare


@pytest.fixture
def called(bare):
    """Three associations, entered on 30 November 2024, called since; it is 2 December, before the server ran."""
    bare.at("2024-11-30").type("init")
    bare.enter(("A0001", "Vélo Lauragais"), ("A0002", "Chorale d'Oc"), ("A0003", "Les Amis du Pic"))
    bare.type("import", "services", bare.write("services.csv", SERVICES))
    bare.type("import", "board", bare.write("board.csv", BOARD))
    return bare.at(START)
