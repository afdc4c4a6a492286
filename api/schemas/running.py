"""The calendar, tasks, the outbox, services, simulations, how the whole stands."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.kinds import Code, Day, Given, Id, Instant, Paragraph, Said, Told, Word


class Whole(Given):
    """How the whole stands."""

    states: dict[str, int]
    mail_mode: str
    last_tick: Instant | None
    version: str
    tasks: int
    paused_until: Day | None
    unproven_reminders: int
    candidates: int


class Occurrence(Given):
    """An occurrence of the calendar: how it stands, how many it touches, what would prevent it."""

    event: str
    year: int
    at: Instant
    until: Instant | None
    status: str
    touches: int
    names: list[str]
    prevents: list[str]
    what: str


class Task(Given):
    """Something that waits for a person, or did."""

    id: int
    kind: str
    association: str | None
    about: str
    opened_at: Instant
    due: Day | None
    done_at: Instant | None
    done_by: str | None
    note: str


class Done(Told):
    """A person did what a task asked for."""

    note: Paragraph = ""


class Message(Given):
    """A message of the outbox."""

    id: int
    kind: str
    association: str | None
    to: str
    status: str
    due_at: Instant
    sent_at: Instant | None
    attempts: int
    subject: str | None
    error: str


class Attachment(Given):
    """A file that goes with a message. `size` in bytes."""

    name: str
    media_type: str
    size: int


class WholeMessage(Message):
    """A message with its words, and the files that go with it."""

    body: str | None
    attachments: list[Attachment]


class Delivery(Given):
    """What a webhook was told, or is to be: `message` is the `webhook-id`, `response` the HTTP status it answered."""

    id: int
    hook: str
    type: str
    message: str
    sequence: int
    status: str
    attempts: int
    created_at: Instant
    due_at: Instant
    delivered_at: Instant | None
    response: int | None
    error: str


class Announced(Given):
    """What a webhook is told. `data` depends on the type: docs/webhooks.md."""

    type: str
    timestamp: Instant
    sequence: int
    data: dict[str, str | int | None]


class Order(Given):
    """What is to be done to a service."""

    id: int
    action: str
    status: str
    ordered_at: Instant
    acked_at: Instant | None
    acked_by: str | None
    note: str


class Service(Given):
    """Something hosted for an association, with its orders, the latest first."""

    id: int
    association: str
    kind: str
    identifier: str
    orders: list[Order]


class ChangedService(Told):
    """What changes of a service: fields that are not named stay."""

    kind: Word | None = None
    identifier: Said | None = None


class Ack(Told):
    """Whoever carried out an order says so."""

    ok: bool
    note: Paragraph = ""


class Confirmation(Told):
    """Whose services may be archived, then deleted: tasks `confirm_deletion` by id, or associations by number."""

    orders: list[Id | Code] = Field(max_length=1000)


class Confirmed(Given):
    """Whose deletion was confirmed; nobody, where nothing waits."""

    confirmed: list[str]


class Assumption(Told):
    """Which days are simulated, both included, and what is assumed."""

    first: Day = Field(alias="from")
    until: Day
    assume: Literal["nobody-pays", "everybody-pays", "as-last-year"] = "nobody-pays"
    board: Literal["adopts", "rejects", "absent"] = "adopts"


class SimulatedEntry(Given):
    """Something that would happen."""

    at: Instant
    effective_at: Instant
    association: str
    trigger: str
    before: str | None = Field(alias="from")
    to: str
    cause: str
    actor: str
    mails: list[str]


class Failure(Given):
    """An expectation that does not hold."""

    step: str
    expected: str
    got: str


class Simulated(Given):
    """What a simulation comes to: the result of a scenario."""

    ok: bool
    final: dict[str, str]
    journal: list[SimulatedEntry]
    failures: list[Failure]
    seconds: Annotated[float, Field(ge=0)]
