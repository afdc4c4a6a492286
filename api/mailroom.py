"""The mail room: a pump that knows the mail server and is told everything that it asks the rest of the house."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from threading import Thread
from typing import Any

from sqlalchemy import Connection

from api import board_relevance
from api.addressees import letterhead_of, members_of
from api.board_matters import matters_of
from api.links import HIDDEN, key_of
from api.settings import Settings
from api.settings_sections import MailMode
from api.standing import mail_mode
from engine.board import seats_in_office
from engine.calendar import slots_between
from engine.clock import at_local, local_day, utc_now
from engine.engine import Engine
from engine.errors import BadConfiguration
from notifications.claims import ClosesAt
from notifications.enclosures import Enclosures
from notifications.mail import Composer, Outgoing, Sender, token_of
from notifications.outbox import any_wordless, render_pending
from notifications.pump import Habits, Hindered, Hooks, Pump, log_fault
from notifications.render import Renderer
from notifications.smtp import Answer, Postman, Server, Timeouts
from notifications.variables import NO_MEMBER, UNTOLD
from workflows.membership import members
from workflows.membership.definition import MEMBERSHIP
from workflows.relevance import no_longer_right

LOG = logging.getLogger("relance.mail")
NOBODY = "nobody@relance.example"
"""Stands for the sender where there is none: nothing leaves then, the settings see to it."""
TEST_MAIL = "test_mail"
WORDS_AT_ONCE = 2000
"""Messages that get their words, and their files, before what is written leaves: half a minute's work at the most."""
PATIENCE = 120.0
"""Seconds without a sign of life after which a pump does not count as alive: longer than a locked database takes."""
ALARM_PATIENCE = Timeouts(connect=20, command=20, content=60)
"""An alarm holds up nothing else for long."""
LAST_ANSWER = 10.0
"""Seconds that a server has left, when the pump is stopped, to answer for the mail that it was given."""


def pump_of(settings: Settings, engine: Engine, hindered: Hindered = log_fault) -> Pump:
    """Return the pump of a database. It captures where the configuration, or the database's switch, says so."""
    habits = Habits(live=settings.mail.mode is MailMode.LIVE, max_per_minute=settings.mail.max_per_minute)
    return Pump(engine.store, postman_of(settings), hooks_of(settings, engine, hindered), habits)


def is_live(connection: Connection, settings: Settings) -> bool:
    """Whether mail leaves: only if the configuration and the database both say so."""
    sql = "SELECT value FROM switch WHERE name = 'mail_mode'"
    return mail_mode(settings, connection.exec_driver_sql(sql).scalar_one_or_none()) == MailMode.LIVE


def postman_of(settings: Settings, timeouts: Timeouts | None = None) -> Postman:
    """Return who hands mail over to the configured server. Raises BadAddress for a sender that no server would take."""
    mail, organisation = settings.mail, settings.organisation
    server = Server(mail.host, mail.port, mail.tls.value, mail.username, mail.secret)
    sender = Sender(
        settings.sender or NOBODY, organisation.name, mail.reply_to, organisation.timezone, mail.bounce_address
    )
    return Postman(server, Composer(sender, _marks_of(settings)), timeouts)


def _marks_of(settings: Settings) -> Callable[[str], str]:
    """Return what marks each mail, for its bounce to be recognised. Without the key: better such a mail than none."""
    try:
        return key_of(settings).token
    except BadConfiguration as error:
        LOG.error("bounces of what leaves now will not be recognised: %s", error)  # noqa: TRY400 what is wrong is said
        return token_of


def hooks_of(settings: Settings, engine: Engine, hindered: Hindered = log_fault) -> Hooks:
    """Return the answers to what a pump asks."""
    return Hooks(
        write_words=_words_of(settings, engine),
        closes_at=windows_of(engine),
        no_longer_right=lambda connection, ids: (
            no_longer_right(connection, ids) | board_relevance.no_longer_right(connection, ids)
        ),
        refused_for_good=_refusals_of(engine),
        fill=links_of(settings, engine),
        hindered=hindered,
    )


def _words_of(settings: Settings, engine: Engine) -> Callable[[], object]:
    letterhead, matters, store = letterhead_of(settings), matters_of(settings), engine.store

    def write_words() -> None:
        with store.read() as connection:
            wordless = any_wordless(connection)
        if wordless:
            # Made anew each time: the organisation may have changed its own words.
            render_pending(store, letterhead, members_of, matters, Enclosures(letterhead), WORDS_AT_ONCE)

    return write_words


def windows_of(engine: Engine) -> ClosesAt:
    """Return what tells when the window of a yearly step ends; of an event that no calendar has, nothing."""
    rules, workflows = engine.rules, engine.context.workflows
    dates = {rule.name: rule for workflow in workflows for rule in rules.dates_of(workflow)}

    @lru_cache(maxsize=256)
    def closes_at(event: str, year: int) -> datetime | None:
        if event not in dates:
            return None
        begin, end = (at_local(date(day, 1, 1), 0, 0, rules.tz) for day in (year - 1, year + 1))
        slots = slots_between([dates[event]], rules.tz, begin, end)
        return next((slot.closes for slot in slots if slot.year == year), None)

    return closes_at


def links_of(settings: Settings, engine: Engine) -> Callable[[Outgoing], Outgoing]:
    """Return what puts a seat's personal link into a mail that has a place for it."""

    def fill(mail: Outgoing) -> Outgoing:
        if HIDDEN not in mail.body or mail.instance_id is not None:
            return mail
        try:
            return replace(
                mail, body=with_link(settings, engine, Kept(mail.dedupe_key, mail.recipient, mail.body), utc_now())
            )
        except BadConfiguration as error:  # without its key no link can be made: better no door than no mail
            LOG.error("mail %s: no personal link: %s", mail.id, error)  # noqa: TRY400 what is wrong is said
            return mail

    return fill


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail to a seat as it is kept: without its link."""

    dedupe_key: str
    recipient: str
    body: str


def with_link(settings: Settings, engine: Engine, mail: Kept, now: datetime) -> str:
    """Put the personal link of the seat that a mail is for where its place is kept. Raises BadConfiguration.

    Whoever no longer holds the seat, or no longer has that address, gets none: the link would be the successor's.
    """
    seat, meeting_id = seat_and_meeting(mail.dedupe_key)
    with engine.store.write() as connection:
        for sitting in seats_in_office(connection, local_day(now, engine.rules.tz)):
            if (sitting.name, sitting.email) == (seat, mail.recipient):
                token = key_of(settings).make(connection, meeting_id, seat, sitting.person, now)
                return mail.body.replace(HIDDEN, token)
    return mail.body


def seat_and_meeting(dedupe_key: str) -> tuple[str, int]:
    """Read for which seat, about which meeting a mail to the board is: from « seat-S1:agenda:meeting-3 »."""
    seat, _, occasion = dedupe_key.split(":")[:3]
    return seat.removeprefix("seat-"), int(occasion.removeprefix("meeting-"))


def _refusals_of(engine: Engine) -> Callable[[int | None, str, datetime], None]:
    def refused_for_good(instance_id: int | None, address: str, at: datetime) -> None:
        """A hard bounce, heard at once. A seat's address is nobody's membership: its mail stays `failed`."""
        if instance_id is None:
            return
        with engine.context.work(MEMBERSHIP, at, at) as work:  # what is due by then is the scheduler's to run
            for member in work.cases([instance_id]):
                members.address_failed(work, member, address, at)

    return refused_for_good


async def send_test(settings: Settings, to: str, now: datetime) -> Answer:
    """Send the test mail to one address, and return what the server said. Raises BadAddress."""
    key = f"{TEST_MAIL}:{now.isoformat()}:{to}"
    return await send_at_once(settings, (TEST_MAIL, key, to), {}, now)


async def send_at_once(
    settings: Settings,
    letter: tuple[str, str, str],
    values: Mapping[str, Any],
    now: datetime,
    timeouts: Timeouts | None = None,
) -> Answer:
    """Send one mail past the outbox, of a kind, under a key, to an address; return what the server said.

    Raises BadAddress. Whether mail may leave at all is the caller's to ask.
    """
    kind, key, to = letter
    language = settings.organisation.language.value
    renderer = Renderer(letterhead_of(settings))
    told = {**UNTOLD, **NO_MEMBER, "written": local_day(now, settings.organisation.tz).isoformat(), **values}
    text = renderer.render(kind, language, told)
    page = renderer.pages[text.layout]
    mail = Outgoing(0, key, None, kind, None, None, to, language, text.subject, text.body, now, layout=page)
    postman = postman_of(settings, timeouts)
    try:
        return await postman.deliver(mail, lambda: True)
    finally:
        await postman.close()


class Sending:
    """A pump in a thread of its own, as the service starts and stops it."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        self._thread = Thread(target=pump.run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End. A mail whose content is on its way may still be answered for a moment; else it is uncertain."""
        self.pump.stop()
        self._thread.join(LAST_ANSWER)

    def alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive() and self.pump.silent_for() < PATIENCE
