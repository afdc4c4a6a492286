from typing import Any

import pytest

from engine.calendar import YearlyRule
from engine.definition import BallotRule, CalendarEvent, On, Transition, Workflow
from engine.errors import BadConfiguration, BadDefinition

NO_GUARD: Any = "owes"


def yes(_case, _occasion):
    return None


def workflow(**changes: Any):
    rows: dict[str, Any] = {
        "name": "loan",
        "version": 1,
        "states": ("in", "out", "lost"),
        "initial": ("in",),
        "final": ("lost",),
        "calendar": (CalendarEvent("count", YearlyRule("count", month=6, day=1)),),
        "ballots": (),
        "transitions": (
            Transition("lend", ("in",), "out"),
            Transition("count", ("out",), "lost", On.CALENDAR),
        ),
    }
    return Workflow(**(rows | changes))


def test_it_finds_the_rows_of_a_trigger_from_a_state_in_the_pages_order():
    first, second = Transition("lend", ("in",), "out", guards=(yes,)), Transition("lend", ("in",), None)
    flow = workflow(transitions=(first, second, Transition("count", ("out",), "lost", On.CALENDAR)))
    assert flow.arrows("lend", "in") == (first, second)
    assert flow.arrows("lend", "lost") == ()
    assert flow.sources("count") == ("out",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"states": ("in", "out", "lost", "found")}, "no arrow leads to state 'found'"),
        ({"states": ("in", "out", "lost", "in")}, "state 'in' is there twice"),
        ({"initial": ("home",)}, "unknown state 'home'"),
        (
            {"transitions": (Transition("lend", ("in",), "out"), Transition("lend", ("in",), "lost"))},
            "two arrows for 'lend' from 'in'",
        ),
        (
            {"transitions": (Transition("lend", ("in",), "out", guards=(NO_GUARD,)), *workflow().transitions[1:])},
            "unknown guard 'owes'",
        ),
        (
            {"calendar": (CalendarEvent("burn", YearlyRule("burn", month=6, day=1)),)},
            "the calendar's 'burn' moves nothing",
        ),
        (
            {"calendar": (CalendarEvent("count", YearlyRule("count", month=6, day=1), decided_by="count"),)},
            "waits for a ballot that nobody holds",
        ),
        (
            {"ballots": (BallotRule("sell", 9, "Sell it?", lists=(yes,), drops_out=()),)},
            "the ballot on 'sell' moves nothing",
        ),
    ],
)
def test_it_refuses_at_import_what_could_not_run(changes, said):
    with pytest.raises(BadDefinition, match=said):
        workflow(**changes)


@pytest.mark.parametrize(
    "day",
    [{"month": 2, "day": 29}, {"month": 6, "day": 1, "hour": 2}, {"month": 6, "day": 1, "until": "02-29"}],
)
def test_it_refuses_a_day_or_an_hour_that_some_years_lack(day):
    with pytest.raises(BadConfiguration, match="nothing"):
        YearlyRule("nothing", **day)
