"""Every story of this folder: it holds, and holds whatever the server does."""

import pytest

from api.wiring import replay
from tests import played


def test_it_holds(story):
    assert story.replayed.failures == []


def test_it_gives_the_same_journal_when_replayed_twice(story):
    again = replay(story.path).player.engine.store
    assert played.journal_of(again) == played.journal_of(story.store)
    assert played.outbox_of(again) == played.outbox_of(story.store)
    again.close()


def test_its_journal_replays_to_its_final_states(story):
    assert played.replayed_states(played.journal_of(story.store)) == played.states_of(story.store)


def test_it_sends_each_notice_once_for_one_occasion(story):
    assert played.repeated_notices(story.store) == []


def test_it_ends_the_same_with_the_server_stopped_over_any_day_on_which_something_acts(story):
    _compare(story, story.days(idle=False))


@pytest.mark.torture
def test_it_ends_the_same_with_the_server_stopped_over_any_day_on_which_something_might_act(story):
    _compare(story, story.days(idle=True))


def _compare(story, days):
    wanted, moves, differing = played.states_of(story.store), played.moves_of(story.store), {}
    for day in days:
        stopped = story.stopped_over(day)
        got, moved = (find(stopped.player.engine.store) for find in (played.states_of, played.moves_of))
        stopped.player.engine.store.close()
        if got != wanted or moved != moves or stopped.failures:
            differing[day.isoformat()] = stopped.failures or sorted(set(moves) ^ set(moved))
    assert differing == {}
