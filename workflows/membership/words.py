"""The closed sets of the membership workflow: states, triggers, mails, tasks. Values are stored and stay."""

from enum import StrEnum


class State(StrEnum):
    """Where a member is in its year."""

    PAID = "paid"
    CALLED = "called"
    REMINDED = "reminded"
    SUSPENDED = "suspended"
    PROPOSED = "proposed_for_removal"
    REMOVED = "removed"
    LEFT = "left"


class Trigger(StrEnum):
    """What may move a member."""

    JOIN = "join"
    IMPORT = "import"
    CALL = "call"
    CAMPAIGN = "campaign"
    REMIND = "remind"
    SUSPEND = "suspend"
    PROPOSE_REMOVAL = "propose_removal"
    SUMMON = "summon"
    SPARE = "spare"
    REMOVE = "remove"
    PAY = "pay"
    REVERSE = "reverse"
    LEAVE = "leave"
    LAPSE = "lapse"
    CORRECT = "correct"


class Mail(StrEnum):
    """Every kind of mail to a member."""

    CALL_FOR_DUES = "call_for_dues"
    RENEWAL_CAMPAIGN = "renewal_campaign"
    REMINDER = "reminder"
    LAST_CALL = "last_call"
    SUSPENSION = "suspension"
    SUMMONS = "summons"
    REMOVAL = "removal"
    SPARED = "spared"
    RECEIPT = "receipt"
    PAYMENT_REVERSED = "payment_reversed"
    RESTORED = "restored"
    FAREWELL = "farewell"


class TaskKind(StrEnum):
    """What a member may make a person do."""

    UNREACHABLE = "unreachable"
    POST_LETTER = "post_letter"
    HEARING_POSTPONED = "hearing_postponed"
    CONFIRM_DELETION = "confirm_deletion"
    PAYMENT_AFTER_REMOVAL = "payment_after_removal"
    RE_SUSPENSION = "re_suspension"
    SURPLUS = "surplus"
    SERVICE_ORDER = "service_order"


ACTIVE = (State.PAID, State.CALLED, State.REMINDED, State.SUSPENDED, State.PROPOSED)
FINAL = (State.REMOVED, State.LEFT)
CUT = (State.SUSPENDED, State.PROPOSED)
