"""Invitations for calendars, as a calendar reads them back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from notifications.calendar_invites import FILE, Host, Invitation, Method, invite, media_type, uid_of
from notifications.mail import BadAddress

HOST = Host("Le PIC, hébergeur", "Le PIC", "bureau@lepic.example")
EVENING = datetime(2026, 10, 29, 17, 30, tzinfo=UTC)
WRITTEN = datetime(2026, 10, 3, 7, 0, 1, 5, tzinfo=UTC)
GIVEN = Invitation(
    *("A0042", "summon-2026", "contact@a0042.example", "Ana Roux", EVENING, WRITTEN),
    place="Maison des associations, 1 rue du Pic ; salle 2",
)


def read(content):
    """The calendar, and its one event."""
    calendar = Calendar.from_ical(content)
    [event] = calendar.walk("VEVENT")
    return calendar, event


def test_it_invites_to_the_meeting_at_the_hour_of_the_house():
    calendar, event = read(invite(HOST, GIVEN))
    assert (calendar["method"], calendar["version"]) == ("REQUEST", "2.0")
    start = event["dtstart"]
    assert (start.dt, start.params["TZID"]) == (EVENING, "Europe/Paris")
    assert start.dt.hour == 18  # winter has begun since it was written
    assert event["dtend"].dt - start.dt == timedelta(hours=2)
    assert event["dtstamp"].dt == WRITTEN.replace(microsecond=0)
    assert event["summary"] == "Réunion du conseil d’administration – Le PIC"
    assert event["location"] == GIVEN.place
    assert "A0042" in event["description"]
    assert (event["status"], event["sequence"]) == ("CONFIRMED", 0)


def test_the_organisation_invites_and_the_association_is_asked_to_answer():
    _, event = read(invite(HOST, GIVEN))
    assert event["organizer"] == "mailto:bureau@lepic.example"
    assert event["organizer"].params["CN"] == HOST.name
    guest = event["attendee"]
    assert guest == "mailto:contact@a0042.example"
    assert guest.params["CN"] == "Ana Roux"
    assert guest.params["PARTSTAT"] == "NEEDS-ACTION"
    assert guest.params["RSVP"] == "TRUE"


@pytest.mark.parametrize(("day", "offset"), [("2026-10-22", 2), ("2026-10-29", 1)])
def test_it_brings_the_clock_changes_of_its_time_zone(day, offset):
    held_at = datetime.fromisoformat(f"{day}T18:30:00+0{offset}:00")
    calendar, event = read(invite(HOST, replace(GIVEN, held_at=held_at)))
    [zone] = calendar.walk("VTIMEZONE")
    assert zone["tzid"] == event["dtstart"].params["TZID"] == "Europe/Paris"
    own = zone.to_tz(lookup_tzid=False)  # as a reader that knows no names of zones
    local = event["dtstart"].dt.replace(tzinfo=None)
    assert local.hour == 18
    assert own.utcoffset(local) == timedelta(hours=offset)


def test_moved_it_is_the_same_event_with_a_higher_number():
    _, first = read(invite(HOST, GIVEN))
    moved = replace(GIVEN, held_at=EVENING + timedelta(days=28), written_at=WRITTEN + timedelta(days=5), sequence=1)
    calendar, second = read(invite(HOST, moved))
    assert calendar["method"] == "REQUEST"
    assert second["uid"] == first["uid"]
    assert second["sequence"] > first["sequence"]
    assert second["dtstart"].dt == moved.held_at


def test_cancelled_it_is_the_same_event_struck_out():
    _, first = read(invite(HOST, GIVEN))
    content = invite(HOST, replace(GIVEN, method=Method.CANCEL, sequence=2, written_at=WRITTEN + timedelta(days=9)))
    calendar, event = read(content)
    assert calendar["method"] == "CANCEL"
    assert (event["uid"], event["status"], event["sequence"]) == (first["uid"], "CANCELLED", 2)
    assert "RSVP" not in event["attendee"].params
    assert "description" not in event


def test_another_association_and_another_procedure_have_events_of_their_own():
    uids = [uid_of(HOST, *about) for about in [("A1", "summon-2026"), ("A2", "summon-2026"), ("A1", "summon-2027")]]
    assert len(set(uids)) == 3
    assert all(uid.endswith("@lepic.example") for uid in uids)
    assert not any("A1" in uid for uid in uids)


def test_it_is_the_same_byte_for_byte_whenever_it_is_made():
    assert invite(HOST, GIVEN) == invite(HOST, replace(GIVEN))
    assert invite(HOST, GIVEN) != invite(HOST, replace(GIVEN, sequence=1))


def test_it_speaks_the_language_of_the_invited():
    _, event = read(invite(HOST, replace(GIVEN, language="en")))
    assert event["summary"] == "Board meeting – Le PIC"
    _, event = read(invite(HOST, replace(GIVEN, language="oc")))
    assert event["summary"].startswith("Réunion")


def test_an_address_that_is_none_is_refused():
    with pytest.raises(BadAddress):
        invite(HOST, replace(GIVEN, recipient="a:b:c;;"))


def test_as_a_part_of_a_mail_its_method_is_read():
    mail = EmailMessage()
    mail["Content-Type"] = media_type(Method.CANCEL)
    assert mail.get_content_type() == "text/calendar"
    assert mail["Content-Type"].params == {"charset": "utf-8", "method": "CANCEL"}
    assert FILE.endswith(".ics")


@given(st.text(max_size=200), st.text(max_size=100))
def test_no_place_and_no_name_breaks_out_of_its_line(place, name):
    content = invite(HOST, replace(GIVEN, place=place, recipient_name=name))
    calendar, event = read(content)
    assert len(calendar.walk()) == len(read(invite(HOST, GIVEN))[0].walk())
    assert set(event) - {"LOCATION"} == set(read(invite(HOST, GIVEN))[1]) - {"LOCATION"}
    assert event["attendee"] == "mailto:contact@a0042.example"
    assert event.get("location", "") == " ".join(event.get("location", "").split())
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
