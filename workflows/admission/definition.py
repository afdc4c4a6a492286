"""The page of an admission, as rows: who is on the board's agenda, and what its answer causes.

A candidate is asked about at each meeting whose agenda is published after it applied, until there is an answer.
"""

from engine.definition import BallotRule, On, Transition, Workflow
from workflows.admission.applications import postpone, reconsider
from workflows.admission.deeds import ask_for_services, keep_conditions, settle_tasks, start_membership
from workflows.admission.facts import load_candidates
from workflows.admission.guards import is_complete, not_put_off
from workflows.admission.mailing import put_in_outbox
from workflows.admission.words import FINAL, NAME, Mail, State, Trigger

CANDIDATE, ADMITTED, REFUSED, WITHDRAWN = State

LABELS: dict[str, str] = {
    CANDIDATE: "candidature",
    ADMITTED: "admise",
    REFUSED: "non admise",
    WITHDRAWN: "candidature retirée",
}

# fmt: off
# ruff: noqa: E501  A row is read as one line.

# The board: every meeting's agenda carries whoever has applied before it is published, and is not put off.
BALLOTS = (
    BallotRule(
        Trigger.ADMIT, month=1, every_meeting=True, question="Admit it?",
        lists=(is_complete, not_put_off), drops_out=(not_put_off,), on_rejected=Trigger.REFUSE,
    ),
)

# The arrows. The membership that an admission starts has a page of its own: workflows/membership/definition.py.
TRANSITIONS = (
    Transition(Trigger.ADMIT, source=(CANDIDATE,), dest=ADMITTED, on=On.ADOPTED, does=(keep_conditions, start_membership, ask_for_services), sends=(Mail.ADMITTED,)),
    Transition(Trigger.REFUSE, source=(CANDIDATE,), dest=REFUSED, on=On.REJECTED, sends=(Mail.NOT_ADMITTED,)),
    # At any time before the board's answer: it changes its mind.
    Transition(Trigger.WITHDRAW, source=(CANDIDATE,), dest=WITHDRAWN),
    # A refusal that two people annul: the board is asked again. An admission is not annulled: the member leaves.
    Transition(Trigger.RECONSIDER, source=(REFUSED,), dest=CANDIDATE),
)
# fmt: on

ADMISSION = Workflow(
    name=NAME,
    version=1,
    states=tuple(State),
    initial=(CANDIDATE,),
    final=FINAL,
    calendar=(),
    ballots=BALLOTS,
    transitions=TRANSITIONS,
    labels=LABELS,
    welcomes=(Mail.APPLICATION_RECEIVED,),
    load=load_candidates,
    mails=put_in_outbox,
    settle=settle_tasks,
    undo=reconsider,
    grant=postpone,
)
