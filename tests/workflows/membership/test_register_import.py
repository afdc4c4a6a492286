"""Importing files: what is new is added, what differs is changed field by field, twice is once, all or nothing."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.membership.desk import Desk, members_csv
from workflows.membership import members
from workflows.membership.errors import UnknownAssociation
from workflows.membership.register import Change, RegisterRefused
from workflows.membership.takeover import NewMember, TakenOver, enter_all
from workflows.membership.words import State, Trigger

TABLES = ("workflow_instance", "association", "service", "due", "ledger_entry", "occurrence", "journal_entry", "task")
EVERYTHING = (*TABLES, "payment", "seat", "outbox_message", "timer")


def state_of(desk, number):
    return desk.rows("SELECT state FROM workflow_instance WHERE subject = ?", number)[0][0]


def field_of(desk, number, name):
    sql = f"SELECT a.{name} FROM association a JOIN workflow_instance i ON i.id = a.instance_id WHERE i.subject = ?"
    return desk.rows(sql, number)[0][0]


new_members = st.builds(
    NewMember,
    number=st.uuids().map(lambda value: f"A{value.hex[:12]}"),
    fields=st.fixed_dictionaries(
        {
            "name": st.text(max_size=5),
            "kind": st.sampled_from(["association", "person"]),
            "joined_on": st.dates(date(2000, 1, 1), date(2025, 1, 1)),
            "email": st.sampled_from(["", "a@velo.example"]),
            "dues_cents": st.sampled_from([None, 0, 1800]),
            "last_contact_on": st.sampled_from([None, date(2025, 2, 3)]),
        }
    ),
    state=st.sampled_from(sorted(set(State) - {State.LEFT})),
    since=st.sampled_from([None, date(2024, 9, 2), date(2025, 6, 3)]),
    owes=st.sampled_from([(), (2024,), (2024, 2025)]),
    reminded_for=st.sampled_from([None, 2024]),
    services=st.sampled_from([(), (("list", "a"), ("website", "b"))]),
)


@settings(deadline=None, max_examples=30)
@given(st.lists(new_members, max_size=4, unique_by=lambda member: member.number))
def test_it_enters_many_as_it_enters_them_one_by_one(tmp_path_factory, new):
    one, many = (Desk(tmp_path_factory.getbasetemp() / name) for name in ("one", "many"))
    with one.work() as work:
        for member in new:
            enter_all(work, [member], Trigger.IMPORT, "treasurer")
    with many.work() as work:
        enter_all(work, new, Trigger.IMPORT, "treasurer")
    assert many.dump(*EVERYTHING) == one.dump(*EVERYTHING)
    one.store.close()
    many.store.close()


def test_it_enters_a_thousand_quickly(desk):
    rows = [{"number": f"A{number:05}", "state": "reminded", "since": "2025-06-03"} for number in range(1000)]
    assert len(desk.load("associations", members_csv(*rows)).added) == 1000
    assert desk.rows("SELECT count(*), count(DISTINCT instance_id) FROM journal_entry") == [(1000, 1000)]


def test_it_changes_nothing_the_second_time(desk):
    text = members_csv(
        {"number": "A1", "state": "suspended", "since": "2024-09-02", "owes": "2024|2025", "phone": "+33 5"},
        {"number": "A2", "state": "reminded", "since": "2025-06-03", "last_sign_of_life": "2025-01-02"},
        {"number": "A3", "state": "left", "left_on": "2024-01-02", "email": ""},
        {"number": "A4", "dues": "15.00", "language": "en"},
    )
    first = desk.load("associations", text)
    assert first.added == ["A1 Vélo Lauragais", "A2 Vélo Lauragais", "A3 Vélo Lauragais", "A4 Vélo Lauragais"]
    before = desk.dump(*EVERYTHING)
    desk.at("2025-07-20T11:00")
    second = desk.load("associations", text)
    assert (second.does_nothing, second.unchanged) == (True, 4)
    assert desk.dump(*EVERYTHING) == before


def test_it_shows_every_changed_field_and_applies_it(desk):
    desk.load("associations", members_csv({"number": "A1", "dues": "20.00"}, {"number": "A2"}))
    text = members_csv({"number": "A1", "dues": "25.00", "name": "Vélo", "city": "Foix"}, {"number": "A2"})
    plan = desk.plan("associations", text)
    assert plan.changed == [
        Change("A1", "name", "Vélo Lauragais", "Vélo"),
        Change("A1", "city", "", "Foix"),
        Change("A1", "dues", "20.00", "25.00"),
    ]
    assert (plan.unchanged, plan.added, plan.refused) == (1, [], [])
    assert field_of(desk, "A1", "name") == "Vélo Lauragais"
    desk.load("associations", text)
    assert [field_of(desk, "A1", name) for name in ("name", "city", "dues_cents")] == ["Vélo", "Foix", 2500]
    assert desk.plan("associations", text).does_nothing
    [reason] = desk.rows("SELECT reason FROM journal_entry WHERE from_state IS NOT NULL")
    assert reason == ("changed: name, city, dues",)


def test_it_leaves_alone_what_the_file_does_not_say(desk):
    desk.load("associations", members_csv({"number": "A1", "phone": "05"}, {"number": "A2", "phone": ""}))
    plan = desk.load("associations", members_csv({"number": "A1", "city": "Foix"}))
    assert plan.missing == ["A2"]
    assert field_of(desk, "A1", "phone") == "05"
    assert state_of(desk, "A2") == "paid"


def test_it_keeps_the_dues_that_are_called_when_the_amount_changes(desk):
    desk.load("associations", members_csv({"number": "A1", "state": "called", "since": "2025-01-02"}))
    desk.load("associations", members_csv({"number": "A1", "dues": "99.00"}))
    assert desk.rows("SELECT year, amount_cents FROM due") == [(2025, 2000)]


def test_it_reaches_a_member_again_at_its_new_address(desk):
    desk.load("associations", members_csv({"number": "A1"}))
    with desk.work() as work:
        members.bounced(work, members.find(work, "A1"), ["contact@velo.example"])
    assert desk.rows("SELECT kind FROM task WHERE done_at IS NULL") == [("unreachable",)]
    desk.load("associations", members_csv({"number": "A1", "city": "Foix"}))
    assert field_of(desk, "A1", "unreachable_since") is not None
    desk.load("associations", members_csv({"number": "A1", "city": "Foix", "email": "new@velo.example"}))
    assert field_of(desk, "A1", "unreachable_since") is None
    assert field_of(desk, "A1", "email_bounced_at") is None
    assert desk.rows("SELECT kind FROM task WHERE done_at IS NULL") == []


def test_it_cannot_reach_a_member_whose_last_address_is_taken_away(desk):
    desk.load("associations", members_csv({"number": "A1"}))
    desk.load("associations", members_csv({"number": "A1", "email": ""}))
    assert field_of(desk, "A1", "unreachable_since") is not None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"state": "paid"}, "state: A1 is there already with reminded, not paid: use relance pay, leave or correct"),
        ({"since": "2025-06-04"}, "since: A1 is there already with 2025-06-03, not 2025-06-04: use relance correct"),
        ({"owes": "2024|2025"}, "owes: A1 is there already with 2025, not 2024|2025: use relance pay or waive"),
        ({"last_sign_of_life": "2025-07-01"}, "last_sign_of_life: A1 is there already with none, not 2025-07-01"),
        ({"hold_until": "2025-09-01"}, "hold_until: A1 is there already with none, not 2025-09-01: use relance hold"),
    ],
)
def test_it_moves_nobody_that_is_already_there(desk, row, said):
    usual = {"number": "A1", "state": "reminded", "since": "2025-06-03"}
    desk.load("associations", members_csv(usual))
    [refused] = desk.plan("associations", members_csv(usual | row)).refused
    assert refused.line == 2
    assert refused.reason.startswith(said)


def test_it_makes_no_person_of_a_member_in_the_procedure(desk):
    desk.load("associations", members_csv({"number": "A1", "state": "suspended", "since": "2024-09-02"}))
    [refused] = desk.plan("associations", members_csv({"number": "A1", "kind": "person"})).refused
    assert refused.reason == "kind: it is suspended, which a person never is"


def test_it_writes_all_or_nothing(desk):
    desk.load("associations", members_csv({"number": "A1"}))
    before = desk.dump(*EVERYTHING)
    with pytest.raises(RegisterRefused, match=r"associations.csv:4: kind: 'x' is unknown"):
        desk.load(
            "associations",
            members_csv({"number": "A1", "city": "Foix"}, {"number": "A2"}, {"number": "A3", "kind": "x"}),
        )
    assert desk.dump(*EVERYTHING) == before


def test_it_enters_each_as_it_stands(desk):
    text = members_csv(
        {
            "number": "A1",
            "state": "proposed_for_removal",
            "since": "2025-09-26",
            "cut_on": "2024-09-02",
            "owes": "2024:18.00|2025",
            "concerns": "2024",
            "waived": "2023:20.00",
            "hold_until": "2025-12-01",
            "hold_reason": "moving",
            "unreachable_since": "2025-02-01",
            "bounced": "email",
        },
        {"number": "A2", "state": "reminded", "since": "2025-06-03", "owes": "2025"},
    )
    desk.at("2025-11-15T10:00")
    desk.load("associations", text)
    assert desk.rows("SELECT year, amount_cents, settled_cents, called_at IS NOT NULL FROM due ORDER BY 1 LIMIT 3") == [
        (2023, 2000, 2000, 1),
        (2024, 1800, 0, 1),
        (2025, 2000, 0, 1),
    ]
    assert field_of(desk, "A1", "concerned") == "2024"
    assert field_of(desk, "A1", "cut_at").startswith("2024-09-01 22:00")
    assert field_of(desk, "A1", "unreachable_since").startswith("2025-01-31 23:00")
    assert field_of(desk, "A1", "email_bounced_at") is not None
    assert field_of(desk, "A2", "concerned") == "2025"
    assert desk.rows("SELECT event, year, status FROM occurrence") == [("remind", 2025, "acted")]
    assert desk.rows("SELECT at FROM timer") == [("2025-12-02 08:00:00.000000",)]
    assert desk.rows("SELECT kind, year, amount_cents FROM ledger_entry") == [("waiver", 2023, 2000)]


def test_it_looks_again_when_the_services_of_who_left_may_be_deleted(desk):
    with desk.work() as work:
        row = {"name": "x", "kind": "association", "joined_on": date(2010, 1, 1), "email": "a@velo.example"}
        gone = TakenOver("A1", row, State.LEFT, date(2025, 7, 10), services=(("list", "a"),))
        enter_all(work, [gone], Trigger.IMPORT)
    assert desk.rows("SELECT at FROM timer") == [("2025-07-20 07:00:00.000000",)]


def test_it_counts_steps_before_the_takeover_as_done(desk):
    desk.load("associations", members_csv({"number": "A1", "state": "called", "since": "2025-01-02"}))
    desk.at("2025-08-10T12:00")
    desk.engine.tick(desk.now)
    assert state_of(desk, "A1") == "called"
    assert desk.rows("SELECT kind FROM outbox_message") == []


def test_it_adds_services_and_takes_none_away(desk):
    desk.load("associations", members_csv({"number": "A1"}))
    desk.load("services", "number,kind,identifier\nA1,list,a@l.example\nA1,website,a.example\n")
    plan = desk.load("services", "number,kind,identifier\nA1,website,a.example\nA1,cloud,a\n")
    assert (plan.added, plan.unchanged, plan.missing) == (["A1 cloud a"], 1, ["A1 list a@l.example"])
    assert desk.rows("SELECT count(*) FROM service") == [(3,)]
    assert desk.plan("services", "number,kind,identifier\nA1,cloud,a\n").does_nothing


def test_it_names_the_services_of_nobody(desk):
    desk.load("associations", members_csv({"number": "A1"}))
    [refused] = desk.plan("services", "number,kind,identifier\nA1,list,a\nA9,list,b\n").refused
    assert str(refused).endswith("services.csv:3: there is no association A9")


BOARD = "seat,name,email,role\nS1,Ana,ana@ca.example,chair\nS2,Bilal,bilal@ca.example,member\n"


def terms(desk):
    return desk.rows("SELECT name, person, role, from_on, until_on FROM seat ORDER BY name, id")


def test_it_seats_the_board_once(desk):
    desk.load("board", BOARD)
    assert terms(desk) == [("S1", "Ana", "chair", None, None), ("S2", "Bilal", "member", None, None)]
    assert desk.load("board", BOARD).does_nothing


def test_it_ends_a_term_the_day_before_the_next_begins(desk):
    desk.load("board", BOARD)
    plan = desk.load("board", BOARD.replace("Bilal,bilal", "Claire,claire"))
    assert (plan.added, plan.changed) == (["S2 Claire"], [Change("S2", "until", "", "2025-07-14")])
    assert terms(desk)[1:] == [
        ("S2", "Bilal", "member", None, "2025-07-14"),
        ("S2", "Claire", "member", "2025-07-15", None),
    ]
    assert desk.load("board", BOARD.replace("Bilal,bilal", "Claire,claire")).does_nothing


def test_it_corrects_a_name_that_was_mistyped_today(desk):
    desk.load("board", BOARD)
    desk.load("board", BOARD.replace("Bilal", "Clair"))
    desk.load("board", BOARD.replace("Bilal", "Claire"))
    assert [term[1] for term in terms(desk)] == ["Ana", "Bilal", "Claire"]


def test_it_changes_a_role_and_leaves_a_missing_seat_alone(desk):
    desk.load("board", BOARD)
    plan = desk.load("board", "seat,name,email,role\nS2,Bilal,bilal@ca.example,treasurer\n")
    assert (plan.changed, plan.missing) == ([Change("S2", "role", "member", "treasurer")], ["S1 Ana"])


def test_it_ends_a_seat_where_the_file_says_until_when(desk):
    desk.load("board", BOARD)
    desk.load("board", "seat,name,email,role,until\nS2,Bilal,bilal@ca.example,member,2025-06-30\n")
    assert terms(desk)[1] == ("S2", "Bilal", "member", None, "2025-06-30")


def test_it_seats_somebody_again_who_was_there_before(desk):
    desk.load("board", BOARD)
    desk.load("board", BOARD.replace("Bilal", "Claire"))
    desk.at("2025-09-01T10:00")
    desk.load("board", BOARD)
    assert terms(desk)[1:] == [
        ("S2", "Bilal", "member", "2025-09-01", None),
        ("S2", "Claire", "member", "2025-07-15", "2025-08-31"),
    ]


def test_it_knows_only_whom_it_was_told_of(desk):
    with pytest.raises(UnknownAssociation), desk.work() as work:
        members.find(work, "A1")
