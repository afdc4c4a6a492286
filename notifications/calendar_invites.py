"""The board's meeting as an invitation for a calendar: sent, moved, cancelled. Pure: the same values, the same bytes.

iTIP (RFC 5546): one event keeps its UID for ever; each change has a higher SEQUENCE, and what is cancelled says so
under the same UID. Whoever shows it is told no more than the invited know: that a meeting is held, where and when.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from notifications.mail import ascii_address
from notifications.typography import one_line

LASTS = timedelta(hours=2)
"""An evening of the board, for the calendar's sake: nobody is held to it."""
FILE = "invitation.ics"
PRODUCT = "-//Relance//Relance//FR"
_SUMMARY = {
    "fr": "Réunion du conseil d’administration – {short_name}",
    "en": "Board meeting – {short_name}",
}
_DESCRIPTION = {
    "fr": "{name} vous invite à cette réunion de son conseil d’administration, pour y être entendus ({number}). "
    "Vous pouvez vous y faire assister, et écrire jusque-là. Le détail est dans le courriel.",
    "en": "{name} invites you to this meeting of its board, to be heard ({number}). You may be assisted there, and "
    "may write until then. The details are in the mail.",
}


class Method(StrEnum):
    """What a calendar is to do: note or move it, or strike it out."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Host:
    """Who invites. `address`: where answers go."""

    name: str
    short_name: str
    address: str
    timezone: str = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class Invitation:
    """One invitation for one recipient.

    `procedure` names what it is about, for ever (of one association in one procedure: `summon-2026`); `sequence` is
    how many were sent to it about that before; `written_at` is when the mail was written.
    """

    number: str
    procedure: str
    recipient: str
    recipient_name: str
    held_at: datetime
    written_at: datetime
    sequence: int = 0
    place: str = ""
    language: str = "fr"
    method: Method = Method.REQUEST


def media_type(method: Method) -> str:
    """Return the type of the mail's part: readers act on its method, not on the file's."""
    return f"text/calendar; charset=utf-8; method={method.value}"


def uid_of(host: Host, number: str, procedure: str) -> str:
    """Return what names the event in every calendar, whenever it is moved or cancelled."""
    domain = ascii_address(host.address).rpartition("@")[2]
    key = f"{number}\n{procedure}".encode()
    return f"{sha256(key).hexdigest()[:32]}@{domain}"


def invite(host: Host, invitation: Invitation) -> bytes:
    """Write the invitation, the change or the cancellation. Raises BadAddress."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", invitation.method.value)
    zone = ZoneInfo(host.timezone)
    calendar.add_component(_zone(host.timezone, invitation.held_at.astimezone(zone).year))
    calendar.add_component(_event(host, invitation, zone))
    content: bytes = calendar.to_ical()
    return content


def _event(host: Host, invitation: Invitation, zone: ZoneInfo) -> Event:
    language = invitation.language if invitation.language in _SUMMARY else "fr"
    said = {"name": host.name, "short_name": host.short_name or host.name, "number": invitation.number}
    cancelled = invitation.method is Method.CANCEL
    event = Event()
    event.add("uid", uid_of(host, invitation.number, invitation.procedure))
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", invitation.written_at.replace(microsecond=0))
    event.add("dtstart", invitation.held_at.astimezone(zone))
    event.add("dtend", (invitation.held_at + LASTS).astimezone(zone))
    event.add("summary", _text(_SUMMARY[language].format(**said)))
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
    event.add("organizer", _person(host.address, host.name), encode=False)
    event.add("attendee", _guest(invitation), encode=False)
    if not cancelled:
        event.add("description", _text(_DESCRIPTION[language].format(**said)))
    if invitation.place:
        event.add("location", _text(invitation.place))
    return event


def _guest(invitation: Invitation) -> vCalAddress:
    guest = _person(invitation.recipient, invitation.recipient_name)
    if invitation.method is Method.REQUEST:
        guest.params |= {"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"}
    return guest


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{ascii_address(address)}")
    plain = _text(name).replace('"', "’")  # a parameter can hold no quotation mark
    if plain:
        person.params["CN"] = vText(plain)
    return person


def _text(text: str) -> str:
    return " ".join(one_line(text).split())


@lru_cache(maxsize=16)
def _zone(name: str, year: int) -> Timezone:
    """Describe the zone's clock changes around a year, for readers that know no names of zones."""
    first, last = datetime(year - 1, 1, 1), datetime(year + 2, 1, 1)  # noqa: DTZ001 local to the zone itself
    return Timezone.from_tzinfo(ZoneInfo(name), name, first_date=first.date(), last_date=last.date())
