"""What a scenario file cannot say: captured mail, late instants, pauses, corrections, clocks that go back."""

from datetime import date

import pytest

from engine.ballots import Choice
from engine.errors import BallotNotOpen, Invalid, NotAllowed
from workflows.membership import corrections, ledger, members
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.models import ReversalReason
from workflows.membership.words import State


def test_it_lists_nobody_whose_reminder_no_server_has_accepted(house):
    house.enter("A1")
    house.tick("2025-08-20")
    assert house.mails("A1") == ["call_for_dues", "renewal_campaign", "reminder"]
    assert house.rows("SELECT * FROM ballot") == []


def test_it_takes_a_notice_given_by_hand_for_the_mail_that_proves_nothing(house):
    house.enter("A1")
    house.tick("2025-06-02")
    with house.acting("2025-07-01") as work:
        members.notice(work, members.find(work, "A1"), members.Told(house.at("2025-07-01").date(), "telephone"))
    house.tick("2025-08-20")
    assert house.rows("SELECT trigger, status FROM ballot") == [("suspend", "open")]


def test_it_dates_what_a_late_server_does_from_the_day_it_was_due(house):
    house.enter("A1")
    house.tick("2025-05-20")
    house.late_tick("2025-06-26T10:00")
    trigger, at, effective_at = house.journal("A1")[-1]
    assert (trigger, at[:16], effective_at[:16]) == ("remind", "2025-06-26 08:00", "2025-06-01 07:00")


def test_it_dates_a_cut_from_the_end_of_the_stay_however_late_the_server_is(house):
    house.enter("A1")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-28T19:00")
    house.vote("2025-08-28T19:00", "suspend", S1="approve", S2="approve")
    house.tick("2025-08-29")
    with house.acting("2025-08-30") as work:
        members.hold(work, members.find(work, "A1"), house.at("2025-09-15").date(), "the treasurer is ill")
    house.late_tick("2025-10-10")
    trigger, at, effective_at = house.journal("A1")[-1]
    assert (trigger, at[:10], effective_at[:16]) == ("suspend", "2025-10-10", "2025-09-16 07:00")


def test_it_does_nothing_twice_when_run_every_hour_or_with_a_clock_that_goes_back(house):
    house.enter("A1", "A2")
    for hour in range(24):
        house.late_tick(f"2024-12-01T{hour:02d}:00")
    house.late_tick("2024-11-15")
    house.late_tick("2023-12-02")
    house.late_tick("2024-12-02")
    assert house.mails("A1") == house.mails("A2") == ["call_for_dues"]
    assert house.rows("SELECT count(*) FROM journal_entry WHERE trigger = 'call'") == [(2,)]


def test_it_lets_nothing_escalate_during_a_pause_and_nothing_burst_afterwards(house):
    house.enter("A1", "A2")
    house.tick("2025-05-20")
    house.engine.pause(house.at("2025-06-10").date(), "the mail server moves", house.at("2025-05-20"), "Bilal")
    house.tick("2025-06-05")
    house.pay("2025-06-05", ("A2", 2000))
    assert (house.state("A1"), house.state("A2"), house.tasks()) == ("called", "paid", [])
    house.tick("2025-06-12")
    assert (house.state("A1"), house.tasks()) == ("called", ["brake"])
    house.engine.confirm_brake(house.at("2025-06-12"), "Bilal")
    assert (house.state("A1"), house.tasks()) == ("reminded", [])
    assert house.mails("A2") == ["call_for_dues", "renewal_campaign", "receipt"]


def test_it_carries_out_after_a_pause_what_the_board_decided_during_it(house):
    house.enter("A1", state=State.SUSPENDED, owes=(2024,), since=date(2024, 9, 1))
    house.tick("2025-09-20")
    house.engine.pause(house.at("2025-09-30").date(), "holidays", house.at("2025-09-20"), "Bilal")
    house.vote("2025-09-25T19:00", "propose_removal", S1="approve", S2="approve")
    house.tick("2025-09-29")
    assert house.state("A1") == "suspended"
    house.tick("2025-10-01")
    assert house.state("A1") == "proposed_for_removal"


def test_it_ends_a_pause_by_hand_and_then_waits_for_the_treasurer(house):
    house.enter("A1")
    house.tick("2025-05-20")
    house.engine.pause(house.at("2025-08-01").date(), "holidays", house.at("2025-05-20"), "Bilal")
    house.tick("2025-06-20")
    assert house.engine.end_pauses(house.at("2025-06-20")) == 1
    assert (house.state("A1"), house.tasks()) == ("called", ["brake"])


def test_it_refuses_a_pause_until_a_day_that_is_past(house):
    with pytest.raises(Invalid, match="is past"):
        house.engine.pause(house.at("2024-11-01").date(), "", house.at("2024-12-05"), "Bilal")


def test_it_goes_back_to_the_state_before_when_two_people_correct_a_human_error(house):
    house.enter("A1")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-28T19:00")
    house.vote("2025-08-28T19:00", "suspend", S1="approve", S2="approve")
    house.tick("2025-09-02")
    assert house.state("A1") == "suspended"
    with house.acting("2025-09-03") as work:
        corrections.correct(work, members.find(work, "A1"), "it had paid by cheque", ["Ana", "Bilal"])
    assert house.state("A1") == "reminded"


@pytest.mark.parametrize(("people", "reason"), [(["Ana"], "x"), (["Ana", "Ana "], "x"), (["Ana", "Bilal"], " ")])
def test_it_refuses_a_correction_without_two_people_and_a_reason(house, people, reason):
    house.enter("A1")
    house.tick("2024-12-02")
    with pytest.raises(Invalid, match="two different people"), house.acting("2024-12-03") as work:
        corrections.correct(work, members.find(work, "A1"), reason, people)


def test_it_refuses_to_correct_what_never_moved(house):
    house.enter("A1")
    with pytest.raises(NotAllowed, match="nothing moved"), house.acting("2024-11-30") as work:
        corrections.correct(work, members.find(work, "A1"), "a mistake", ["Ana", "Bilal"])


def test_it_spreads_one_transfer_of_a_federation_over_its_associations(house):
    house.enter("A1", "A2", "A3")
    house.tick("2024-12-02")
    house.pay("2024-12-10", ("A1", 2000), ("A2", 2000, 2025))
    assert [house.state(number) for number in ("A1", "A2", "A3")] == ["paid", "paid", "called"]
    assert house.mails("A2") == ["call_for_dues", "receipt"]


def test_it_counts_a_payment_once_however_often_it_is_told(house):
    house.enter("A1")
    house.tick("2024-12-02")
    assert house.pay("2024-12-10", ("A1", 1000), external_id="VIR1") != []
    assert house.pay("2024-12-11", ("A1", 1000), external_id="VIR1") == []
    assert house.state("A1") == "called"
    assert house.rows("SELECT settled_cents FROM due") == [(1000,)]


def test_it_asks_for_the_confirmation_of_a_date_on_which_the_board_has_something_to_decide(house):
    house.enter("A1")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-13T18:00")
    assert house.tasks() == []
    house.tick("2025-08-13T19:00")
    assert house.tasks() == ["meeting_unconfirmed"]
    house.engine.confirm_meeting("2025-08", house.at("2025-08-14"), "Dora")
    assert house.tasks() == []


def test_it_asks_for_no_confirmation_of_a_meeting_without_items(house):
    house.enter("A1")
    house.tick("2025-05-31")
    assert house.tasks() == []


def test_it_sends_the_agenda_to_every_seat_when_there_is_something_on_it(house):
    house.enter("A1")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-19")
    sent = house.rows("SELECT recipient FROM outbox_message WHERE kind = 'agenda' ORDER BY 1")
    assert sent == [("S1@ca.example",), ("S2@ca.example",), ("S3@ca.example",)]


def test_it_keeps_every_change_of_a_vote_and_counts_the_last(house):
    house.enter("A1")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-20")
    house.vote("2025-08-20", "suspend", S1="approve", S2="approve")
    house.vote("2025-08-21", "suspend", S1="reject", S2="reject")
    house.tick("2025-08-29")
    assert house.rows("SELECT count(*) FROM vote") == [(4,)]
    assert house.rows("SELECT status, approve, reject FROM ballot") == [("rejected", 0, 2)]


def test_it_marks_unreachable_whoever_has_no_address_and_still_writes_down_what_should_have_left(house):
    house.enter("A1", email="")
    house.tick("2024-12-02")
    assert house.tasks() == ["unreachable"]
    assert house.rows("SELECT kind, recipient, status, error FROM outbox_message") == [
        ("call_for_dues", "", "failed", "no address")
    ]


def suspended(house):
    """Reminded, balloted and cut on 1 September 2025."""
    house.enter("A1")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-28T19:00")
    house.vote("2025-08-28T19:00", "suspend", S1="approve", S2="approve")
    house.tick("2025-09-02")


def test_it_owes_again_when_a_departure_was_recorded_in_error(house):
    house.enter("A1")
    house.tick("2024-12-02")
    with house.acting("2024-12-05") as work:
        members.leave(work, members.find(work, "A1"), house.at("2024-12-05").date(), "a letter misread")
    assert house.rows("SELECT settled_cents FROM due") == [(2000,)]
    with house.acting("2024-12-06") as work:
        corrections.correct(work, members.find(work, "A1"), "it was another association", ["Ana", "Bilal"])
    assert house.state("A1") == "called"
    assert house.rows("SELECT settled_cents FROM due") == [(0,)]


def test_it_refuses_to_go_back_to_owing_what_is_paid(house):
    house.enter("A1")
    house.tick("2024-12-02")
    house.pay("2024-12-05", ("A1", 2000))
    with pytest.raises(NotAllowed, match="undo the payment"), house.acting("2024-12-06") as work:
        corrections.correct(work, members.find(work, "A1"), "wrong", ["Ana", "Bilal"])


def test_it_cuts_again_by_hand_when_the_payment_that_restored_services_is_undone(house):
    suspended(house)
    house.pay("2025-09-10", ("A1", 2000), external_id="VIR1")
    assert house.state("A1") == "paid"
    with house.acting("2025-09-20") as work:
        payment = ledger.latest_payment(work, members.find(work, "A1"))
        ledger.reverse(work, ledger.Reversal(payment, house.at("2025-09-20").date(), ReversalReason.BOUNCED))
    assert (house.state("A1"), house.tasks()) == ("reminded", ["re_suspension"])
    with house.acting("2025-09-21") as work:
        corrections.suspend_again(work, members.find(work, "A1"), "Bilal")
    assert (house.state("A1"), house.tasks()) == ("suspended", [])
    assert house.mails("A1")[-3:] == ["restored", "payment_reversed", "suspension"]


def test_it_goes_on_with_a_confirmed_step_that_a_crash_cut_short(house):
    numbers = [f"A{number:02}" for number in range(12)]
    house.enter(*numbers)
    house.tick("2025-06-01T12:00")
    assert house.tasks() == ["brake"]
    with house.engine.context.work(MEMBERSHIP, house.at("2025-06-02"), house.at("2025-06-02")) as work:
        work.runs.confirm("remind", 2025, work.at, "Bilal")  # and then the power went
    house.tick("2025-06-02T13:00")
    assert {house.state(number) for number in numbers} == {"reminded"}


def test_it_owes_again_what_was_waived_in_error(house):
    house.enter("A1")
    house.tick("2024-12-02")
    with house.acting("2024-12-05") as work:
        ledger.waive(work, members.find(work, "A1"), 2025, "the wrong line")
    assert house.state("A1") == "paid"
    with house.acting("2024-12-06") as work:
        corrections.correct(work, members.find(work, "A1"), "it was A2", ["Ana", "Bilal"])
    assert house.state("A1") == "called"
    assert house.rows("SELECT settled_cents FROM due") == [(0,)]
    assert house.rows("SELECT sum(amount_cents) FROM ledger_entry") == [(0,)]


def test_it_refuses_a_departure_before_the_member_joined(house):
    house.enter("A1")
    house.tick("2024-12-02")
    with pytest.raises(Invalid, match="cannot have left before"), house.acting("2024-12-05") as work:
        members.leave(work, members.find(work, "A1"), date(1950, 1, 1), "")


def test_it_does_not_overturn_a_later_no_of_the_board_by_recording_an_earlier_meeting(house):
    house.enter("A1")
    house.tick("2025-06-02")
    house.accept("2025-06-02")
    house.tick("2025-08-29T10:00")
    house.engine.move_meeting("2025-09", house.at("2025-09-04T18:30"), house.at("2025-08-29T10:00"))
    house.vote("2025-09-04T19:00", "suspend", S1="reject", S2="reject")
    house.tick("2025-09-06")
    first = house.rows("SELECT min(id) FROM ballot")[0][0]
    with pytest.raises(BallotNotOpen):
        house.engine.record_decision(
            MEMBERSHIP, first, {"S1": Choice.APPROVE, "S2": Choice.APPROVE}, house.at("2025-09-06")
        )
    assert house.state("A1") == "reminded"
