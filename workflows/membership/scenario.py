"""What the membership workflow adds to replays: members from a file, what happens to them, what may be expected."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from engine import outbox
from engine.clock import local_day, noon
from engine.errors import Invalid
from engine.replay import EVERYBODY, Player, Script
from engine.replay_board import BOARD_EXPECTS, BOARD_VERBS
from engine.scenario import Scenario, Step
from workflows.membership import corrections, ledger, letters, members, services
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.facts import Member, years_of
from workflows.membership.models import Kind, LetterOutcome, ReversalReason
from workflows.membership.money import cents_of, money_text
from workflows.membership.register import read_associations, read_board, read_payments, read_services
from workflows.membership.register.associations import year_meant
from workflows.membership.takeover import NewMember, enter_all
from workflows.membership.words import State, Trigger

ROW_FIELDS = {
    *("number", "name", "kind", "joined_on", "state", "since", "owes", "reminded_for", "last_sign_of_life"),
    *("services", "dues", "email", "treasurer_email", "language", "contact_name", "treasurer_name", "address"),
    *("postcode", "city", "region", "country", "phone", "themes", "contact_role", "left_on"),
}


def sink(connection: Connection, at: datetime) -> None:
    """Let everything arrive: mail is accepted, and service orders are acknowledged at once."""
    outbox.accept_everything(connection, at)
    services.acknowledge_everything(connection, at)


def prepare(player: Player, scenario: Scenario) -> Sequence[Step]:
    """Enter the scenario's members and board; payments of its files become steps."""
    new = [_member_of(player, row) for row in scenario.associations]
    files = scenario.files
    if "associations" in files:
        start = local_day(player.now, player.engine.rules.tz)
        new += _with_services(scenario, read_associations(scenario.folder / files["associations"], start))
    with player.engine.context.work(MEMBERSHIP, player.now, player.now) as work:
        enter_all(work, new, Trigger.IMPORT)
    if scenario.board is not None:
        _seat(player, scenario)
    return _payment_steps(scenario)


def _with_services(scenario: Scenario, new: Sequence[NewMember]) -> list[NewMember]:
    hosted: dict[str, list[tuple[str, str]]] = {}
    if "services" in scenario.files:
        for number, kind, identifier in read_services(scenario.folder / scenario.files["services"]):
            hosted.setdefault(number, []).append((kind, identifier))
    return [replace(member, services=tuple(hosted.get(member.number, ()))) for member in new]


def _seat(player: Player, scenario: Scenario) -> None:
    """Seat the board of a file: in office throughout, where it does not say from when or until when."""
    rows = [
        (
            *(row.seat, row.name, row.email, row.role, "|".join(row.member_of)),
            *(None if day is None else day.isoformat() for day in (row.from_on, row.until_on)),
        )
        for row in read_board(scenario.folder / str(scenario.board))
    ]
    sql = "INSERT INTO seat (name, person, email, role, interests, from_on, until_on) VALUES (?, ?, ?, ?, ?, ?, ?)"
    with player.engine.store.write() as connection:
        connection.exec_driver_sql(sql, rows)


def _payment_steps(scenario: Scenario) -> list[Step]:
    """Rows dated from the start on are steps at noon of their day; earlier ones are history."""
    paths = scenario.files.get("payments", ())
    rows = [
        row for path in ([paths] if isinstance(paths, str) else paths) for row in read_payments(scenario.folder / path)
    ]
    steps = []
    for row in rows:
        on = noon(row.paid_on, scenario.tz)
        if scenario.start <= on <= scenario.end:
            fields = {"association": row.number, "year": row.year, "amount": money_text(row.cents)}
            steps.append(Step(0, on, "pay", fields))
    return steps


def _member_of(player: Player, row: Mapping[str, Any]) -> NewMember:
    for key in row.keys() - ROW_FIELDS:
        raise Invalid(reason=f"unknown key {key!r} of an association")
    number = _needed(row, "number")
    state = State(row.get("state", State.PAID))
    since = row.get("since")
    default = local_day(player.now, player.engine.rules.tz).year if since is None else year_meant(state, since)
    owes = _years(row["owes"]) if "owes" in row else (() if state in {State.PAID, State.LEFT} else (default,))
    reminded_for = row.get("reminded_for", default if state == State.REMINDED else None)
    return NewMember(
        number, _fields(number, row), state, since, owes, reminded_for, _services(number, row.get("services", ()))
    )


def _needed(row: Mapping[str, Any], name: str) -> str:
    if name not in row:
        raise Invalid(reason=f"an association has no {name!r}")
    return str(row[name])


def _years(value: object) -> tuple[int, ...]:
    if isinstance(value, list):
        return tuple(int(year) for year in value)
    return years_of(str(value))


def _fields(number: str, row: Mapping[str, Any]) -> dict[str, object]:
    """Register fields by column; without an e-mail one is made up, since people have one."""
    same = ROW_FIELDS - {
        *("number", "state", "since", "owes", "reminded_for", "last_sign_of_life", "services", "dues"),
    }
    fields: dict[str, object] = {"name": number, "kind": Kind.ASSOCIATION.value, "joined_on": date(2000, 1, 1)}
    fields |= {name: row[name] for name in same if name in row}
    if not fields.get("email") and "email" not in row:
        fields["email"] = f"contact@{number.lower()}.example"
    if "dues" in row:
        fields["dues_cents"] = cents_of(str(row["dues"]))
    if "last_sign_of_life" in row:
        fields["last_contact_on"] = row["last_sign_of_life"]
    return fields


def _services(number: str, kinds: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((kind, f"{number.lower()}-{position}") for position, kind in enumerate(kinds, 1))


def _acting(player: Player, step: Step) -> tuple[Any, str]:
    return player.engine.acting(MEMBERSHIP, player.now), str(player.field(step, "association"))


def _pay(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        member = members.find(work, number)
        year = step.fields.get("year")
        given = step.fields.get("amount")
        cents = ledger.default_amount(work, member, year) if given is None else cents_of(str(given))
        identity = str(player.count())
        on = local_day(player.now, player.engine.rules.tz)
        ledger.book(work, [ledger.NewPayment("scenario", identity, on, (ledger.Share(member.id, cents, year),))])


def _reverse(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        payment = ledger.latest_payment(work, members.find(work, number), step.fields.get("year"))
        reason = ReversalReason(step.fields.get("reason", ReversalReason.BOUNCED))
        ledger.reverse(work, ledger.Reversal(payment, local_day(player.now, player.engine.rules.tz), reason))


def _waive(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        ledger.waive(work, members.find(work, number), player.field(step, "year"), step.fields.get("reason", ""))


def _hold(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        members.hold(work, members.find(work, number), player.field(step, "to"), step.fields.get("reason", ""))


def _contact(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        today = local_day(player.now, player.engine.rules.tz)
        members.contact(work, members.find(work, number), members.Told(today, step.fields.get("channel", "mail")))


def _notice(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        today = local_day(player.now, player.engine.rules.tz)
        members.notice(work, members.find(work, number), members.Told(today, step.fields.get("channel", "letter")))


def _leave(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        today = local_day(player.now, player.engine.rules.tz)
        members.leave(work, members.find(work, number), today, step.fields.get("reason", ""))


def _join(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    row = {name: value for name, value in step.fields.items() if name != "association"}
    fields = _fields(number, row)
    del fields["joined_on"]
    if "joined_on" in row:
        fields["joined_on"] = row["joined_on"]
    with acting as work:
        members.join(work, number, fields, _services(number, row.get("services", ())))


def _bounce(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        member = members.find(work, number)
        members.bounced(work, member, members.last_mail(work, member))


def _correct(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        corrections.correct(work, members.find(work, number), player.field(step, "reason"), player.field(step, "by"))


def _letter(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    outcome = step.fields.get("outcome")
    news = letters.PostNews(
        posted_on=step.fields.get("posted"),
        first_presented_on=step.fields.get("presented"),
        outcome=None if outcome is None else LetterOutcome(outcome),
        search_note=step.fields.get("search"),
    )
    with acting as work:
        found = letters.waiting_to_be_posted(work) if number == EVERYBODY else [members.find(work, number)]
        for member in found:
            if step.fields.get("again"):
                letters.write_again(work, member)
                work.batch.write(work.connection)
                member = members.find(work, number)  # noqa: PLW2901 the new letter has its id now
            if news != letters.PostNews():
                letters.tell(work, member, letters.latest_letter(member), news)


def _confirm_deletion(player: Player, step: Step) -> None:
    number = step.fields.get("association", EVERYBODY)
    with player.engine.acting(MEMBERSHIP, player.now) as work:
        waiting: list[Member] = work.cases(services.waiting_for_deletion(work))
        services.confirm_deletion(work, [m for m in waiting if number in {EVERYBODY, m.subject}], "scenario")


def _confirm_re_suspension(player: Player, step: Step) -> None:
    acting, number = _acting(player, step)
    with acting as work:
        corrections.suspend_again(work, members.find(work, number), "scenario")


def _check_owed(player: Player, wanted: Mapping[str, str]) -> list[tuple[str, str, str]]:
    problems = []
    for number, amount in wanted.items():
        sql = """SELECT coalesce(sum(amount_cents - settled_cents), 0) FROM due
            WHERE association_id = ? AND called_at IS NOT NULL"""
        got = money_text(player.rows(sql, player.instance_id(number))[0][0])
        if got != amount:
            problems.append((f"owed.{number}", amount, got))
    return problems


def _check_orders(player: Player, wanted: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
    problems = []
    for number, orders in wanted.items():
        sql = """SELECT o.action || ' ' || s.kind FROM service_order o JOIN service s ON s.id = o.service_id
            WHERE s.association_id = ? ORDER BY o.id"""
        got = [row[0] for row in player.rows(sql, player.instance_id(number))]
        if Counter(got) != Counter(orders):
            problems.append((f"orders.{number}", ", ".join(orders) or "none", ", ".join(got) or "none"))
    return problems


SCRIPT = Script(
    workflow=MEMBERSHIP.name,
    prepare=prepare,
    verbs={
        **BOARD_VERBS,
        "pay": _pay,
        "reverse": _reverse,
        "waive": _waive,
        "hold": _hold,
        "contact": _contact,
        "notice": _notice,
        "leave": _leave,
        "join": _join,
        "bounce": _bounce,
        "correct": _correct,
        "letter": _letter,
        "confirm deletion": _confirm_deletion,
        "confirm re_suspension": _confirm_re_suspension,
    },
    expects={**BOARD_EXPECTS, "owed": _check_owed, "orders": _check_orders},
)
