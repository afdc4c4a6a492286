"""Admissions as values: the page, its guards, the next number; and applications in a house."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.across import parts_of
from engine.annulment import annul
from engine.audit import audit
from engine.ballots import Choice
from engine.cases import BallotFacts, Case, Occasion
from engine.errors import FutureDate, Invalid, NotAllowed
from engine.rules import Rules
from engine.sheet import Postponed, postpone, record
from workflows.admission import applications
from workflows.admission.audit import audit as audit_admissions
from workflows.admission.definition import ADMISSION, LABELS
from workflows.admission.facts import COLUMNS, Applicant, services_of, services_text
from workflows.admission.guards import is_complete, not_put_off
from workflows.admission.numbers import after
from workflows.admission.relevance import TELLS, no_longer_right
from workflows.admission.words import Mail, State
from workflows.membership import members
from workflows.membership.definition import MEMBERSHIP

NOON = datetime(2025, 9, 15, 10, 0, tzinfo=UTC)


def applicant(**row):
    return Applicant(1, "A1", "candidate", NOON, NOON, row=dict.fromkeys(COLUMNS, "") | {"put_off_until": None} | row)


def occasion(meeting=None):
    made = Occasion(NOON, NOON, Rules(ZoneInfo("Europe/Paris")), 2025, "agenda", "relance", "")
    made.meeting_at = meeting
    return made


def apply(house, when, number=None, name="Vélo", **fields):
    """Somebody applies; returns its number."""
    with house.engine.acting(ADMISSION, house.at(when)) as work:
        row = {"name": name, "email": "contact@velo.example"} | fields
        return applications.apply(work, number, row, "the secretary").subject


def states(house, number):
    """Its states by workflow."""
    sql = "SELECT workflow, state FROM workflow_instance WHERE subject = ? ORDER BY id"
    return dict(house.rows(sql, number))


def act(house, when, number, do):
    with house.engine.acting(ADMISSION, house.at(when)) as work:
        return do(work, applications.find(work, number))


def latest_pair(work) -> tuple[Case, BallotFacts]:
    """The latest ballot, with the candidate that it is about."""
    latest = work.connection.exec_driver_sql("SELECT max(id) FROM ballot").scalar_one()
    part = parts_of(work, [latest])[0]
    return part.case, part.ballot


def admitted(house):
    """A1 applied on 2 September 2025, and was admitted on the 25th."""
    house.tick("2025-09-02")
    apply(house, "2025-09-02", "A1")
    house.tick("2025-09-25T20:00")
    house.vote("2025-09-25T20:00", "admit", S1="approve", S2="approve")
    house.tick("2025-09-26")
    return house


def test_it_needs_an_address_to_be_on_an_agenda():
    assert is_complete(applicant(email="a@b.example"), occasion()) is None
    assert is_complete(applicant(treasurer_email="a@b.example"), occasion()) is None
    assert is_complete(applicant(), occasion()) == "no e-mail address to answer to"


def test_it_is_put_off_up_to_and_including_a_day():
    until = applicant(put_off_until="2025-09-25")
    assert not_put_off(until, occasion(datetime(2025, 9, 25, 16, 30, tzinfo=UTC))) == "put off until 2025-09-25"
    assert not_put_off(until, occasion(datetime(2025, 9, 26, 16, 30, tzinfo=UTC))) is None
    assert not_put_off(applicant(), occasion(NOON)) is None


@pytest.mark.parametrize(
    ("numbers", "kind", "expected"),
    [
        ((), "association", "A0001"),
        ((("A0246", "association"),), "association", "A0247"),
        ((("A0009", "association"), ("A0010", "association"), ("P0003", "person")), "association", "A0011"),
        ((("A0009", "association"), ("A0010", "association"), ("P0003", "person")), "person", "P0004"),
        ((("A0246", "association"),), "person", "A0247"),
        ((("A9999", "association"),), "association", "A10000"),
        ((("7", "association"), ("12", "association")), "association", "13"),
        ((("velo", "association"), ("2025-x", "association")), "association", "A0001"),
        ((("B1", "association"), ("A2", "association"), ("A9", "association")), "association", "A10"),
    ],
)
def test_the_next_number_goes_on_with_the_register_s(numbers, kind, expected):
    assert after(numbers, kind) == expected


def test_services_are_written_and_read_back():
    wanted = (("website", "velo.example"), ("list", "infos:x@velo.example"))
    assert services_of(services_text(wanted)) == wanted
    assert services_of("") == ()


def test_every_state_has_its_french_label_and_every_mail_the_states_it_is_true_in():
    assert set(LABELS) == set(State)
    assert set(TELLS) == set(Mail)
    assert set(ADMISSION.mail_kinds) == set(Mail)
    assert {row.dest for row in ADMISSION.transitions if row.dest} == set(State)


def test_it_gets_the_next_number_and_keeps_it(house):
    house.enter("A0246")
    assert apply(house, "2024-12-02") == "A0247"
    assert apply(house, "2024-12-03") == "A0248"
    with pytest.raises(Invalid, match="A0247 is taken: there is already a candidate"):
        apply(house, "2024-12-04", "A0247")
    with pytest.raises(Invalid, match="A0246 is taken: there is already a member"):
        apply(house, "2024-12-04", "A0246")
    with pytest.raises(Invalid, match="A0247 is the number of a candidate"), house.acting("2024-12-04") as work:
        members.join(work, "A0247", {"name": "x", "kind": "association"})


def test_an_application_to_come_is_refused_and_so_is_one_that_nobody_presents(house):
    with pytest.raises(FutureDate):
        apply(house, "2024-12-02", applied_on=date(2024, 12, 3))
    with pytest.raises(Invalid, match="neither a seat nor a member's number"):
        apply(house, "2024-12-02", presented_by="Z9")
    assert apply(house, "2024-12-02", presented_by="S2") == "A0001"


def test_the_membership_starts_with_the_meeting_s_day_and_what_it_asked_for(house):
    apply(house, "2025-09-02", "A1", services="website:velo.example", city="Ramonville", language="en")
    house.tick("2025-09-25T20:00")
    house.vote("2025-09-25T20:00", "admit", S1="approve", S2="approve")
    house.tick("2025-09-26")
    assert states(house, "A1") == {"admission": "admitted", "membership": "called"}
    sql = "SELECT name, joined_on, city, language FROM association"
    assert house.rows(sql) == [("Vélo", "2025-09-25", "Ramonville", "en")]
    assert house.rows("SELECT kind, identifier FROM service") == [("website", "velo.example")]
    assert house.rows("SELECT year, amount_cents FROM due") == [(2025, 2000)]
    assert house.rows("SELECT kind, note FROM task WHERE done_at IS NULL AND kind = 'set_up_services'") == [
        ("set_up_services", "website velo.example")
    ]


def test_conditions_are_told_and_kept_in_the_journal(house):
    apply(house, "2025-09-02", "A1", conditions="signs the charter")
    house.tick("2025-09-25T20:00")
    house.vote("2025-09-25T20:00", "admit", S1="approve", S2="approve")
    house.tick("2025-09-26")
    sql = "SELECT reason FROM journal_entry WHERE trigger = 'admit' AND acted"
    assert house.rows(sql) == [("on conditions: signs the charter",)]
    [(context,)] = house.rows("SELECT context FROM outbox_message WHERE kind = 'admitted'")
    assert '"conditions": "signs the charter"' in context
    with pytest.raises(NotAllowed, match="A1 is admitted: its application is kept as it was"):
        act(house, "2025-09-27", "A1", lambda work, one: applications.change(work, one, {"conditions": "more"}))


def test_one_without_an_address_asks_a_person_and_is_on_the_agenda_once_it_has_one(house):
    apply(house, "2025-09-02", "A1", email="")
    assert house.tasks() == ["complete_application"]
    assert house.rows("SELECT status, error FROM outbox_message") == [("failed", "no address")]
    house.tick("2025-09-16")
    assert house.rows("SELECT count(*) FROM ballot") == [(0,)]
    act(house, "2025-09-17", "A1", lambda work, one: applications.change(work, one, {"email": "a@b.example"}))
    assert house.tasks() == []
    house.tick("2025-10-21")
    assert house.rows("SELECT status FROM ballot") == [("open",)]


def test_a_postponed_question_comes_back_at_the_first_meeting_after_that_day(house):
    apply(house, "2025-09-02", "A1")
    house.tick("2025-09-25T20:00")
    with house.engine.acting(ADMISSION, house.at("2025-09-25T20:00")) as work:
        case, ballot = latest_pair(work)
        postpone(work, case, ballot, Postponed("Ana", "asks for its statutes", date(2025, 10, 30)), "Ana")
    assert house.rows("SELECT status FROM ballot") == [("withdrawn",)]
    assert "follow_up" in house.tasks()
    house.tick("2025-11-16")
    assert house.rows("SELECT status FROM ballot") == [("withdrawn",)]
    house.tick("2025-11-18")
    assert house.rows("SELECT status FROM ballot ORDER BY id") == [("withdrawn",), ("open",)]


def test_an_admission_is_not_annulled_the_member_leaves_instead(house):
    admitted(house)
    instead = r"its membership has begun: record its departure instead \(relance leave A1\)"
    with pytest.raises(NotAllowed, match=instead), house.engine.acting(ADMISSION, house.at("2025-09-27")) as work:
        annul(work, *latest_pair(work), "a mistake", ("Ana", "Bilal"))
    assert house.rows("SELECT annulled_at FROM ballot") == [(None,)]
    assert states(house, "A1")["admission"] == "admitted"


def test_a_refusal_that_two_people_annul_is_asked_again(house):
    apply(house, "2025-09-02", "A1")
    house.tick("2025-09-25T20:00")
    house.vote("2025-09-25T20:00", "admit", S1="reject", S2="reject")
    house.tick("2025-09-26")
    assert states(house, "A1") == {"admission": "refused"}
    with house.engine.acting(ADMISSION, house.at("2025-09-27")) as work:
        case, ballot = latest_pair(work)
        assert annul(work, case, ballot, "the wrong line", ("Ana", "Bilal")) == "candidate"
    house.tick("2025-10-30T20:00")
    house.vote("2025-10-30T20:00", "admit", S1="approve", S2="approve")
    house.tick("2025-10-31")
    assert states(house, "A1") == {"admission": "admitted", "membership": "called"}
    with house.engine.store.read() as connection:
        assert [*audit(connection, ADMISSION), *audit(connection, MEMBERSHIP), *audit_admissions(connection)] == []


def test_a_seat_of_the_association_that_asks_stands_aside_and_one_that_presents_it_votes(house):
    with house.engine.store.write() as connection:
        connection.exec_driver_sql("UPDATE seat SET interests = 'A1' WHERE name = 'S3'")
    apply(house, "2025-09-02", "A1", presented_by="S1")
    house.tick("2025-09-16")
    assert house.rows("SELECT seat FROM recusal") == [("S3",)]


def test_what_the_room_decided_is_recorded_later_dated_by_the_meeting(house):
    apply(house, "2025-09-02", "A1")
    house.tick("2025-09-30")
    with house.engine.acting(ADMISSION, house.at("2025-10-01")) as work:
        case, ballot = latest_pair(work)
        record(work, case, ballot, {"S1": Choice.APPROVE, "S2": Choice.APPROVE})
    sql = "SELECT workflow, since FROM workflow_instance ORDER BY id"
    assert [(flow, since[:16]) for flow, since in house.rows(sql)] == [
        ("admission", "2025-09-25 16:30"),
        ("membership", "2025-09-25 16:30"),
    ]
    assert house.rows("SELECT joined_on FROM association") == [("2025-09-25",)]


def test_mails_that_were_overtaken_do_not_leave(house):
    apply(house, "2025-09-02", "A1")
    with house.engine.store.read() as connection:
        assert no_longer_right(connection, [1]) == {}
    act(house, "2025-09-03", "A1", lambda work, one: applications.withdraw(work, one, date(2025, 9, 3), "elsewhere"))
    with house.engine.store.read() as connection:
        assert no_longer_right(connection, [1]) == {1: "is withdrawn by now"}


def test_a_withdrawal_is_refused_before_the_application_to_come_or_once_answered(house):
    apply(house, "2025-09-02", "A1")
    for day in (date(2025, 9, 1), date(2025, 9, 4)):
        with pytest.raises((Invalid, FutureDate)):
            act(house, "2025-09-03", "A1", lambda work, one, day=day: applications.withdraw(work, one, day, ""))
    house.tick("2025-09-25T20:00")
    house.vote("2025-09-25T20:00", "admit", S1="approve", S2="approve")
    house.tick("2025-09-26")
    with pytest.raises(NotAllowed, match="A1 is already admitted, its membership has begun"):
        act(house, "2025-09-27", "A1", lambda work, one: applications.withdraw(work, one, date(2025, 9, 27), ""))


def test_an_admission_without_a_membership_is_found_and_so_is_a_candidate_with_one(house):
    apply(house, "2025-09-02", "A1")
    house.enter("A2", now="2025-09-02")
    apply(house, "2025-09-02", "A3")
    with house.engine.store.write() as connection:
        connection.exec_driver_sql("UPDATE workflow_instance SET state = 'admitted' WHERE subject = 'A1'")
        connection.exec_driver_sql("UPDATE workflow_instance SET subject = 'A2' WHERE subject = 'A3'")
    with house.engine.store.read() as connection:
        assert [finding.subject for finding in audit_admissions(connection)] == ["A1", "A2"]


def test_nothing_can_be_put_off_once_it_is_answered(house):
    admitted(house)
    with pytest.raises(NotAllowed, match="there is nothing to put off"):
        act(house, "2025-09-27", "A1", lambda work, one: applications.postpone(work, one, date(2025, 12, 1), "", "x"))


def test_a_refusal_whose_number_a_member_has_by_now_stays(house):
    apply(house, "2025-09-02", "A1")
    house.tick("2025-09-25T20:00")
    house.vote("2025-09-25T20:00", "admit", S1="reject", S2="reject")
    house.tick("2025-09-26")
    house.enter("A1", now="2025-09-27")
    by_now = pytest.raises(NotAllowed, match="A1 is a member by now")
    with by_now, house.engine.acting(ADMISSION, house.at("2025-09-28")) as work:
        annul(work, *latest_pair(work), "the wrong line", ("Ana", "Bilal"))


def test_what_could_not_be_written_out_and_read_back_is_refused(house):
    with pytest.raises(Invalid, match="note contains a line break"):
        apply(house, "2025-09-02", note="two\nlines")
    for services in ([("list", "a|b")], [("list", "a"), ("list", "a")]):
        with pytest.raises(Invalid):
            services_text(services)
