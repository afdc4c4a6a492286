"""What two rooms that do not know each other must both know is the same in both."""

import notifications.outbox
from notifications.invitations import ENDS, INVITES, MOVES
from workflows import WORKFLOWS
from workflows.membership import deeds
from workflows.membership.words import Mail


def test_the_mails_that_name_a_hearings_hour_bring_its_invitation():
    rules = [rule for workflow in WORKFLOWS for rule in workflow.ballots if rule.invited_by]
    assert len(rules) > 0
    for rule in rules:
        assert set(rule.invited_by) == INVITES | MOVES
        assert set(rule.sends_again) == MOVES
    assert set(Mail) >= ENDS


def test_a_call_tells_the_last_day_to_leave_that_the_rule_counts_with():
    told = (notifications.outbox.FREE_DEPARTURE, notifications.outbox.FREE_DAYS_AFTER_CALL)
    assert told == (deeds.FREE_DEPARTURE, deeds.FREE_DAYS_AFTER_CALL)
