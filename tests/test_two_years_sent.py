"""Two years of the register, `relance tick --now` day by day, with `relance serve` sending to a real mail server."""

from collections import Counter
from contextlib import closing

import pytest

from api.wiring import replay
from engine.store import Store
from tests import played
from tests.notifications.smtp_server import SmtpServer
from tests.postbag import Postbag, rows_of
from tests.two_years import YEARS, InOneProcess, InProcesses, Register, TwoYears


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the organisation's server keeps its files, in nobody else's environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "treasurer")
    monkeypatch.delenv("RELANCE_CONFIG", raising=False)
    return tmp_path


def test_every_mail_leaves_once_to_the_right_person_in_the_right_language_about_the_right_year(folder, monkeypatch):
    _live(folder, InOneProcess(folder, monkeypatch))


@pytest.mark.torture
def test_the_same_with_each_command_a_process_of_its_own(folder):
    _live(folder, InProcesses(folder))


def _live(folder, typist):
    register = Register(folder)
    with SmtpServer() as server:
        years = TwoYears(folder, typist, register, server.port)
        years.live()
    first, *taken = server.taken
    assert first.recipient == "bureau@lepic.example"  # the test mail of `relance mail live`
    assert server.accepted == server.taken
    assert years.days == 762
    with closing(Store(f"sqlite:///{folder}/relance.db")) as store:
        bag = Postbag(taken, store, register)
        assert bag.more_or_less_than_once() == []
        assert bag.wrong_recipients() == []
        assert bag.wrong_languages() == []
        assert bag.wrong_sums() == []
        assert bag.wrong_years() == []
        assert bag.unknown_numbers() == []
        assert bag.sent_after_the_end() == []
        _compare(bag, store, replay(YEARS, register.change()))


def _compare(bag, store, replayed):
    """What left, and where everybody is, is what a replay says."""
    with closing(replayed.player.engine.store) as other:
        assert replayed.failures == []
        assert bag.about() == Counter({row.about: 1 for row in rows_of(other) if row.status == "sent"})
        assert played.states_of(store) == played.states_of(other)
        assert played.repeated_notices(store) == []
