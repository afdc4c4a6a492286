"""What comes next, for all and for one: a dry run on today's facts."""

from dataclasses import replace
from datetime import date

import pytest

from engine.outlook import Status, ended_steps, horizon, outlook
from engine.prospects import Kind, prospects
from engine.rules import Mode
from workflows.membership import members
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.words import State


@pytest.fixture
def looked(house):
    """What comes within a year, by (event, year), as of an hour."""

    def look(text):
        now = house.at(text)
        with house.engine.context.reading(MEMBERSHIP, now) as work:
            return {(coming.event, coming.year): coming for coming in outlook(work, now, horizon(now))}

    return look


@pytest.fixture
def ahead(house):
    """What comes for one member, as of an hour."""

    def look(number, text):
        now = house.at(text)
        with house.engine.context.reading(MEMBERSHIP, now) as work:
            return prospects(work, members.find(work, number), horizon(now))

    return look


def with_modes(house, **modes):
    """The same house under other modes."""
    context = house.engine.context
    house.engine.context = replace(context, rules=replace(context.rules, modes=modes))


def test_it_names_whom_the_next_step_would_touch(house, looked):
    house.enter("A1", "A2", kind="association")
    house.enter("A3", state=State.LEFT)
    call = looked("2024-11-30T10:00")["call", 2025]
    assert (call.status, call.touches, call.names) == (Status.DUE, 2, ("A1", "A2"))
    assert call.at == house.at("2024-12-01T09:00")


def test_it_writes_nothing(house, looked):
    house.enter("A1")
    house.tick("2024-12-02")
    tables = ("event_run", "occurrence", "journal_entry", "ballot", "task", "outbox_message", "timer", "agenda_list")
    before = [house.rows(f"SELECT * FROM {table}") for table in tables]
    looked("2024-12-02")
    assert [house.rows(f"SELECT * FROM {table}") for table in tables] == before


def test_a_step_that_ran_is_done_with_the_number_it_touched(house, looked):
    house.enter("A1", "A2")
    house.tick("2024-12-02")
    call = looked("2024-12-02")["call", 2025]
    assert (call.status, call.touches) == (Status.DONE, 2)


def test_steps_due_before_the_register_was_entered_are_done(house, looked):
    house.enter("A1", state=State.CALLED, owes=(2024,), now="2025-02-01")
    assert looked("2025-02-01T13:00")["campaign", 2025].status is Status.DONE


def test_a_step_that_nobody_ran_yet_is_due_though_it_is_late(house, looked):
    house.enter("A1")
    call = looked("2024-12-05")["call", 2025]
    assert (call.status, call.touches) == (Status.DUE, 1)


def test_a_step_above_the_brake_says_that_it_would_wait(house, looked):
    numbers = [f"A{number:02}" for number in range(30)]
    house.enter(*numbers, state=State.CALLED, owes=(2025,), now="2025-02-01")
    coming = looked("2025-02-02")["remind", 2025]
    assert coming.prevents == ("waits for the treasurer: 30 are more than 15",)


def test_a_step_that_waits_for_the_treasurer_is_waiting(house, looked):
    numbers = [f"A{number:02}" for number in range(30)]
    house.enter(*numbers, state=State.CALLED, owes=(2025,), now="2025-02-01")
    house.tick("2025-06-02")
    coming = looked("2025-06-02")["remind", 2025]
    assert (coming.status, coming.touches) == (Status.WAITING, 30)


def test_a_step_that_is_switched_off_or_only_proposed_says_so(house, looked):
    house.enter("A1")
    with_modes(house, call=Mode.OFF, campaign=Mode.PROPOSE)
    found = looked("2024-11-30T10:00")
    assert found["call", 2025].prevents == ("switched off in the configuration",)
    assert found["campaign", 2025].prevents == ("waits for the treasurer: it is only proposed",)


def test_a_pause_is_named(house, looked):
    house.enter("A1")
    house.engine.pause(date(2024, 12, 10), "checking", house.at("2024-11-30"), "me")
    assert looked("2024-11-30T13:00")["call", 2025].prevents == ("paused until 2024-12-10: checking",)


def test_a_missed_step_is_counted_when_its_window_has_ended(house):
    house.enter("A1")
    house.late_tick("2025-04-02")
    now = house.at("2025-04-02")
    with house.engine.context.reading(MEMBERSHIP, now) as work:
        found = {coming.event: coming for coming in ended_steps(work, house.start, now)}
    assert (found["call"].status, found["call"].touches) == (Status.MISSED, 1)


def test_the_next_agenda_and_its_meeting_name_who_would_be_on_them(house, looked):
    house.enter("A1", "A2", now="2024-11-30")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    agendas = [coming for key, coming in sorted(looked_at(house, "2025-07-01").items()) if key[0] == "agenda"]
    august = next(coming for coming in agendas if coming.touches)
    assert august.at == house.at("2025-08-18T18:30")
    assert (august.names, august.what) == (("A1", "A2"), "suspend 2")
    assert sum(coming.touches for coming in agendas) == 2, "the list is settled by the first agenda that carries it"


def looked_at(house, text):
    """What comes, by (event, instant)."""
    now = house.at(text)
    with house.engine.context.reading(MEMBERSHIP, now) as work:
        return {(coming.event, coming.at): coming for coming in outlook(work, now, horizon(now))}


def test_a_published_meeting_has_its_ballots(house):
    house.enter("A1")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-20")
    meeting = looked_at(house, "2025-08-20")["meeting", house.at("2025-08-28T18:30")]
    assert (meeting.touches, meeting.names) == (1, ("A1",))
    assert meeting.what == "suspend 1, date not confirmed"


def test_a_hearing_that_cannot_be_held_says_why(house):
    house.enter("A1", state=State.PROPOSED, owes=(2024,), since=date(2024, 11, 1))
    house.tick("2024-12-20")
    found = [coming for coming in looked_at(house, "2024-12-20").values() if coming.event == "meeting"]
    assert found[0].prevents == ("A1 cannot be heard: letter_posted",)


def test_who_is_asked_about_at_one_meeting_is_not_counted_at_the_next(house):
    house.enter("A1", state=State.PROPOSED, owes=(2024,), since=date(2024, 11, 1))
    found = [coming for coming in looked_at(house, "2024-12-01").values() if coming.event == "meeting"]
    assert [coming.touches for coming in found if coming.touches] == [1]
    house.tick("2024-12-20")
    found = [coming for coming in looked_at(house, "2024-12-20").values() if coming.event == "meeting"]
    assert [coming.touches for coming in found if coming.touches] == [1]


# One member


def test_whoever_is_paid_is_called_next(house, ahead):
    house.enter("A1")
    call = ahead("A1", "2024-11-30T10:00")[0]
    assert (call.kind, call.event, call.happens, call.to) == (Kind.STEP, "call", True, "called")
    assert call.mails == ("call_for_dues",)
    assert call.conditions == (
        "Whoever joined for the year called got its call then",
        "The due of the year called is not settled or waived in advance",
    )


def test_what_prevents_a_step_is_told_in_the_guards_words(house, ahead):
    house.enter("A1", now="2024-11-30")
    house.tick("2025-06-02")
    cut = next(prospect for prospect in ahead("A1", "2025-06-02") if prospect.event == "suspend")
    assert cut.kind is Kind.AGENDA
    cut = next(p for p in ahead("A1", "2025-06-02") if p.event == "suspend" and p.kind is Kind.STEP)
    assert (cut.happens, cut.blockers) == (False, ("not decided by the board",))


def test_a_stay_moves_the_step_to_the_day_after(house, ahead):
    house.enter("A1", now="2024-11-30")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-28T19:00")
    house.vote("2025-08-28T19:00", "suspend", S1="approve", S2="approve")
    house.tick("2025-08-29")
    with house.acting("2025-08-29") as work:
        members.hold(work, members.find(work, "A1"), date(2025, 9, 15), "asked")
    cut = next(p for p in ahead("A1", "2025-08-29") if p.event == "suspend" and p.kind is Kind.STEP)
    assert (cut.happens, cut.at) == (True, house.at("2025-09-16T09:00"))


def test_clear_days_move_the_step_too(house, ahead):
    house.enter("A1", now="2024-11-30")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.engine.move_meeting("2025-08", house.at("2025-08-31T18:30"), house.at("2025-06-03"))
    house.tick("2025-08-31T19:00")
    house.vote("2025-08-31T19:00", "suspend", S1="approve", S2="approve")
    house.tick("2025-09-01T08:00")
    cut = next(p for p in ahead("A1", "2025-09-01T08:00") if p.event == "suspend" and p.kind is Kind.STEP)
    assert (cut.happens, cut.at) == (True, house.at("2025-09-04T09:00"))


def test_an_open_ballot_leads_where_the_board_would_send_it(house, ahead):
    house.enter("A1", state=State.SUSPENDED, owes=(2023,), since=date(2023, 9, 1), now="2024-11-30")
    house.tick("2025-09-20")
    ballot = next(p for p in ahead("A1", "2025-09-20") if p.kind is Kind.BALLOT)
    assert (ballot.event, ballot.to) == ("propose_removal", "proposed_for_removal")
    assert ballot.at == house.at("2025-09-25T18:30")


def test_whoever_is_gone_has_nothing_ahead(house, ahead):
    house.enter("A1", state=State.LEFT)
    assert ahead("A1", "2024-11-30T10:00") == []
