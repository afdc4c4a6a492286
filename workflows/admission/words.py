"""The closed sets of the admission workflow: states, triggers, mails, tasks. Values are stored and stay."""

from enum import StrEnum

NAME = "admission"
MEMBERSHIP = "membership"
"""The workflow that an admission starts."""


class State(StrEnum):
    """Where an application is."""

    CANDIDATE = "candidate"
    ADMITTED = "admitted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Trigger(StrEnum):
    """What may happen to an application."""

    APPLY = "apply"
    IMPORT = "import"
    CHANGE = "change"
    POSTPONE = "postpone"
    ADMIT = "admit"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    RECONSIDER = "reconsider"


class Mail(StrEnum):
    """Every kind of mail to a candidate."""

    APPLICATION_RECEIVED = "application_received"
    ADMITTED = "admitted"
    NOT_ADMITTED = "not_admitted"


class TaskKind(StrEnum):
    """What an application may make a person do."""

    COMPLETE_APPLICATION = "complete_application"
    SET_UP_SERVICES = "set_up_services"


FINAL = (State.ADMITTED, State.REFUSED, State.WITHDRAWN)
