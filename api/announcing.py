"""Outgoing webhooks, wired: the configured hooks, with their keys, and the threads that tell them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import partial

from sqlalchemy import Connection

from api.mailroom import is_live
from api.settings import Settings
from api.settings_sections import OutgoingWebhook
from api.signatures import key_of, sign
from api.standing import own_version
from engine.definition import Workflow
from engine.engine import Engine
from engine.errors import BadConfiguration, Invalid
from notifications.announcing import DECISION, DECISIONS, TEST, Crier, Surroundings, Triggers, known_events
from notifications.deliveries import Reply, listen
from notifications.pump import Hindered, log_fault
from notifications.webhooks import Hook, body_of, post
from workflows import WORKFLOWS

PATIENCE = 12.0
"""Seconds that a message on its way has left when the service stops: longer than one attempt."""


def triggers_of(workflows: Iterable[Workflow] = WORKFLOWS) -> Triggers:
    """Return the transitions of each workflow."""
    return {flow.name: frozenset(row.trigger for row in flow.transitions) for flow in workflows}


def hooks_of(settings: Settings) -> tuple[Hook, ...]:
    """Return the configured hooks. Raises BadConfiguration for an event that does not exist, a secret that is none."""
    known = known_events(triggers_of())
    return tuple(_hook(one, place, known) for place, one in enumerate(settings.webhooks.outgoing))


def _hook(given: OutgoingWebhook, place: int, known: Collection[str]) -> Hook:
    where = f"webhooks.out[{place}]"
    secret = given.signing_secret()
    if secret is None:
        raise BadConfiguration(reason=f"{where}.secret_file: missing; what leaves is signed with the secret in it")
    try:
        key = key_of(secret)
    except BadConfiguration as error:
        raise BadConfiguration(reason=f"{where}.secret_file: {error.reason}") from None
    events = tuple(one for event in given.events for one in _meant(event, known, f"{where}.events"))
    return Hook(
        given.label, given.url, partial(sign, key), events, given.allow_private, agent=f"Relance/{own_version()}"
    )


def _meant(event: str, known: Collection[str], where: str) -> Sequence[str]:
    """Return what a configured event stands for. Raises BadConfiguration for one that does not exist."""
    if event == DECISION:
        return DECISIONS
    topics = sorted({kind.partition(".")[0] for kind in known})
    if event in known or event in topics:
        return (event,)
    near = get_close_matches(event, [*known, *topics, DECISION], n=1)
    hint = f"did you mean {near[0]}?" if near else f"expected {', '.join([*topics, DECISION])}, or one of their types"
    raise BadConfiguration(reason=f'{where}: there is no event "{event}"; {hint}')


def announce(settings: Settings, engine: Engine, now: datetime) -> tuple[Hook, ...]:
    """Let the database note what the configured hooks are to be told of, from now on. Raises BadConfiguration."""
    hooks = hooks_of(settings)
    listen(engine.store, [hook.name for hook in hooks], now)
    return hooks


def criers_of(settings: Settings, engine: Engine, hooks: Iterable[Hook], hindered: Hindered = log_fault) -> list[Crier]:
    """Return who tells the hooks. Where mail is kept for reading, so is what they would be told."""

    def live(connection: Connection) -> bool:
        return is_live(connection, settings)

    around = Surroundings(triggers_of(engine.context.workflows), live, hindered)
    return [Crier(engine.store, hook, around) for hook in hooks]


def try_out(settings: Settings, name: str, message_id: str, now: datetime) -> Reply:
    """Send a hook the message `test`, now. Raises Invalid for a hook that is not configured, BadConfiguration."""
    hooks = {hook.name: hook for hook in hooks_of(settings)}
    if name not in hooks:
        known = f"there are {', '.join(hooks)}" if hooks else "none is configured"
        raise Invalid(reason=f"there is no webhook {name}: {known}")
    body = body_of(TEST, now, {"organisation": settings.organisation.name})
    return post(hooks[name], message_id, body, now)
