"""What a replay's board does beside voting: it stands aside, is excused, changes an agenda, records, puts off, annuls.

Each verb is done as the secretary's sheet and the terminal do it: one transaction, with what it causes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from engine import by_hand, recusals
from engine.across import Part, latest_ballot, parts_of, subject_of, write_parts
from engine.annulment import annul
from engine.ballots import Choice
from engine.board_models import BallotStatus
from engine.errors import BallotNotOpen, Invalid
from engine.meetings import meeting, meeting_of_month
from engine.replay import EVERYBODY, Player, choices_of
from engine.scenario import Step
from engine.sheet import Postponed, attend, postpone, record, record_counts, the_rest, unanimous
from engine.store import stored
from engine.work import Work

ACTOR = "scenario"
SAID = ("votes", "counts", "unanimous")
"""How a room says what it decides; a sheet has one of them."""
RECORDABLE = (BallotStatus.OPEN, BallotStatus.NO_QUORUM)


@contextmanager
def _about(player: Player, step: Step, *statuses: BallotStatus) -> Iterator[list[Part]]:
    """Act on the ballots a step means, each with the work of its workflow. Raises BallotNotOpen where there is none."""
    ids = player.ballots(step, *statuses)
    if not ids:
        raise BallotNotOpen(ballot=f"{step.fields.get('trigger')}/*")
    with player.engine.acting(player.workflow, player.now) as work:
        parts = parts_of(work, ids)
        yield parts
        write_parts(parts)


def _text(player: Player, step: Step, name: str) -> str:
    return str(player.field(step, name))


def _reason(step: Step) -> str:
    return str(step.fields.get("reason", ""))


def _recuse(player: Player, step: Step) -> None:
    seat = _text(player, step, "seat")
    with _about(player, step, BallotStatus.SCHEDULED, BallotStatus.OPEN) as parts:
        for part in parts:
            if step.fields.get("undo"):
                recusals.take_back(part.work, part.case, part.ballot, seat, ACTOR)
            else:
                recusals.recuse(part.work, part.case, part.ballot, seat, _reason(step), ACTOR)


def _absent(player: Player, step: Step) -> None:
    month, seat = _text(player, step, "month"), _text(player, step, "seat")
    with player.engine.acting(player.workflow, player.now) as work:
        held = meeting_of_month(work.connection, month)
        if step.fields.get("undo"):
            recusals.take_back_absence(work, held, seat)
        else:
            recusals.announce_absence(work, held, seat, str(step.fields.get("note", "")), ACTOR)


def _put_on(player: Player, step: Step) -> None:
    month, trigger, number = (_text(player, step, name) for name in ("month", "trigger", "association"))
    with player.engine.acting(player.workflow, player.now) as work:
        own, case = subject_of(work, number, trigger)
        by_hand.add_item(own, case, meeting_of_month(work.connection, month), trigger, _reason(step), ACTOR)
        own.write()


def _take_off(player: Player, step: Step) -> None:
    with _about(player, step, BallotStatus.SCHEDULED, BallotStatus.OPEN) as parts:
        for part in parts:
            by_hand.take_off(part.work, part.case, part.ballot, _reason(step), ACTOR)


def _annul(player: Player, step: Step) -> None:
    trigger, number, people = (player.field(step, name) for name in ("trigger", "association", "by"))
    with player.engine.acting(player.workflow, player.now) as work:
        part = latest_ballot(work, number, trigger)
        annul(part.work, part.case, part.ballot, _reason(step), people)
        write_parts([part])


def _postpone(player: Player, step: Step) -> None:
    who, what = _text(player, step, "who"), _text(player, step, "what")
    with _about(player, step, *RECORDABLE) as parts:
        for part in parts:
            postponed = Postponed(who, what, player.field(step, "until"))
            postpone(part.work, part.case, part.ballot, postponed, ACTOR)


# The secretary's sheet


def _record(player: Player, step: Step) -> None:
    """Record one ballot or all of a question; with `rest`, the others of that meeting alike."""
    ids = _named(player, step)
    with player.engine.acting(player.workflow, player.now) as work:
        parts = parts_of(work, ids)
        for part in parts:
            _write_down(player, part, step)
        write_parts([*parts, *_record_rest(player, work, step, parts)])


def _named(player: Player, step: Step) -> list[int]:
    """Return the ballots that a step names. Raises BallotNotOpen, Invalid where it is not one thing that is said."""
    given = [name for name in SAID if name in step.fields]
    if "trigger" not in step.fields and "rest" in step.fields and not given:
        return []
    if len(given) != 1:
        raise Invalid(reason=f"{step.do} needs one of {', '.join(SAID)}")
    ids = player.ballots(step, *RECORDABLE)
    if step.fields.get("association", EVERYBODY) == EVERYBODY:
        ids = _recent_enough(player, ids)
    if not ids:
        raise BallotNotOpen(ballot=f"{step.fields.get('trigger')}/*")
    return ids


def _recent_enough(player: Player, ballots: Sequence[int]) -> list[int]:
    """Of these ballots, those whose meeting is recent enough for its record."""
    oldest = player.now - timedelta(days=player.engine.rules.board.record_days + 1)
    sql = """SELECT b.id FROM ballot b JOIN meeting m ON m.id = b.meeting_id
        WHERE m.held_at >= ? AND b.id IN (SELECT value FROM json_each(?)) ORDER BY b.id"""
    return [row[0] for row in player.rows(sql, stored(oldest), str(list(ballots)))]


def _write_down(player: Player, part: Part, step: Step) -> None:
    present: Sequence[str] = step.fields.get("present", ())
    work, case, ballot = part.work, part.case, part.ballot
    if "counts" in step.fields:
        said = {Choice(choice): number for choice, number in step.fields["counts"].items()}
        counts = (said.get(Choice.APPROVE, 0), said.get(Choice.REJECT, 0), said.get(Choice.ABSTAIN, 0))
        record_counts(work, case, ballot, counts, present)
    elif "unanimous" in step.fields:
        record(work, case, ballot, unanimous(work, ballot, Choice(step.fields["unanimous"]), present), present)
    else:
        record(work, case, ballot, choices_of(player, step), present)


def _record_rest(player: Player, work: Work, step: Step, named: Sequence[Part]) -> list[Part]:
    """Record « the same for all the rest » of the meeting: that of the ballots named, or of a month."""
    if "rest" not in step.fields:
        return []
    held = (
        meeting(work.connection, named[0].ballot.meeting_id)
        if named
        else meeting_of_month(work.connection, _text(player, step, "month"))
    )
    present: Sequence[str] = step.fields.get("present", ())
    rest = parts_of(work, the_rest(work, held, [part.ballot.id for part in named]))
    if not named and not rest:
        attend(work, held, present)
    for part in rest:
        said = unanimous(part.work, part.ballot, Choice(step.fields["rest"]), present)
        record(part.work, part.case, part.ballot, said, present)
    return rest


BOARD_VERBS: Mapping[str, Callable[[Player, Step], None]] = {
    "recuse": _recuse,
    "absent": _absent,
    "put_on": _put_on,
    "take_off": _take_off,
    "annul": _annul,
    "postpone": _postpone,
    "record": _record,
}


def _check_board_mails(player: Player, wanted: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
    problems = []
    for seat, kinds in wanted.items():
        got = _sent_to(player, seat)
        if got != list(kinds):
            problems.append((f"board_mails.{seat}", ", ".join(kinds) or "none", ", ".join(got) or "none"))
    return problems


def _sent_to(player: Player, seat: str) -> list[str]:
    """Kinds of mail sent to a seat, in order."""
    sql = """SELECT kind FROM outbox_message WHERE substr(dedupe_key, 1, ?) = ? AND status IN ('sent', 'bounced')
        ORDER BY id"""
    prefix = f"seat-{seat}:"
    return [row[0] for row in player.rows(sql, len(prefix), prefix)]


BOARD_EXPECTS: Mapping[str, Callable[[Player, Any], list[tuple[str, str, str]]]] = {"board_mails": _check_board_mails}
