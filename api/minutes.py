"""Minutes of one meeting, put together: the engine's facts, the register's names and amounts, the house's clauses."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from api.addressees import letterhead_of, members_of
from api.schemas.minutes import (
    Annulment,
    Aside,
    Clause,
    Decision,
    MinutesItem,
    MinutesShape,
    NamedVote,
    OwedYear,
    Sitting,
)
from api.settings import Settings
from engine.errors import NotAllowed
from engine.minutes import Item, MinutesFacts, Said, minutes_of
from engine.store import rows_of, stored
from notifications.minutes import House, Owed, Style, document_of, html, markdown, pdf, quoted_clauses, sentence
from notifications.minutes_words import question
from workflows import WORKFLOWS
from workflows.membership.money import money_text

# What was called by then, less what the ledger had settled by then.
_OWED = """WITH asked(id) AS {ids}
    SELECT d.association_id, d.year, d.amount_cents - coalesce(sum(l.amount_cents), 0)
    FROM asked JOIN due d ON d.association_id = asked.id
    LEFT JOIN ledger_entry l ON l.association_id = d.association_id AND l.year = d.year AND l.at <= ?
    WHERE d.called_at <= ? GROUP BY d.association_id, d.year, d.amount_cents ORDER BY d.association_id, d.year"""


COUNTED = ("approve", "reject", "abstain", "took_part", "seats")


class Format(StrEnum):
    """What minutes can be written as."""

    MARKDOWN = "md"
    HTML = "html"
    PDF = "pdf"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Minutes:
    """One meeting's minutes, before they have a language and a version."""

    facts: MinutesFacts
    house: House
    owed: Owed

    def written(self, form: Format, style: Style) -> bytes:
        """Write them in one of the forms."""
        if form is Format.JSON:
            return self.shape(style).model_dump_json(indent=2).encode()
        return _WRITERS[form](self.facts, self.house, style, self.owed)

    def shape(self, style: Style) -> MinutesShape:
        """Return them as JSON has them."""
        facts, document = self.facts, document_of(self.facts, self.house, style, self.owed)
        return MinutesShape(
            meeting=facts.meeting,
            month=facts.month,
            held_at=facts.held_at,
            place=facts.place,
            closed_at=facts.closed_at,
            version=style.version.value,
            language=style.language,
            draft=facts.open_items > 0,
            attendance_recorded=facts.attendance_recorded,
            attendance=[
                Sitting(seat=one.seat, person=one.person, role=one.role, presence=one.presence.value)
                for one in facts.seats
            ],
            rules=document["rules"],
            clauses=[Clause(name=name, text=text) for name, text in quoted_clauses(facts, self.house).items()],
            items=[item_shape(item, style, self.owed.get(item.instance, ())) for item in facts.items],
            decisions=[Decision(number=item.number, text=sentence(item, style.language)) for item in facts.decisions],
            warnings=document["warnings"],
        )


def item_shape(item: Item, style: Style, owed: Sequence[tuple[int, int]]) -> MinutesItem:
    """Return one question: with names, amounts and reasons in the signed version only."""
    signed = style.signed
    return MinutesItem(
        number=item.number,
        ballot=item.ballot,
        association=item.subject,
        name=item.name,
        workflow=item.workflow,
        trigger=item.trigger,
        question=question(item, style.language),
        status=item.status.value,
        **_counts(item),
        quorum=item.quorum,
        by_hand=item.by_hand,
        aside_count=len(item.aside),
        annulled=_annulled(item, style),
        votes=[_vote(said, style) for said in item.votes] if signed else None,
        aside=[Aside(seat=one.seat, reason=one.reason) for one in item.aside] if signed else None,
        owed=[OwedYear(year=year, amount=money_text(cents)) for year, cents in owed] if signed else None,
        reason=item.reason if signed else None,
        missing=list(item.missing) if signed else None,
    )


def _counts(item: Item) -> dict[str, int | None]:
    counts = item.counts
    return {name: None if counts is None else getattr(counts, name) for name in COUNTED}


def _vote(said: Said, style: Style) -> NamedVote:
    comment = said.comment if style.comments else None
    return NamedVote(seat=said.seat, choice=said.choice, remote=said.remote, comment=comment)


def _annulled(item: Item, style: Style) -> Annulment | None:
    annulled = item.annulled
    if annulled is None:
        return None
    by, reason = (annulled.by, annulled.reason) if style.signed else (None, None)
    return Annulment(at=annulled.at, by=by, reason=reason)


Writer = Callable[[MinutesFacts, House, Style, Owed], bytes]
_WRITERS: Mapping[Format, Writer] = {
    Format.MARKDOWN: lambda *given: markdown(*given).encode(),
    Format.HTML: lambda *given: html(*given).encode(),
    Format.PDF: pdf,
}


def read_minutes(connection: Connection, settings: Settings, meeting_id: int, now: datetime) -> Minutes:
    """Read what a meeting did. Raises Invalid when there is none, NotAllowed before it was held."""
    facts = minutes_of(connection, settings.organisation.tz, WORKFLOWS, meeting_id, names_of)
    if now < facts.held_at:
        raise NotAllowed(reason=f"the meeting of {facts.month} has not been held yet: it has no minutes")
    return Minutes(
        facts, house_of(settings), owed_at(connection, [item.instance for item in facts.items], facts.held_at)
    )


def house_of(settings: Settings) -> House:
    """Return whose minutes they are."""
    legal = settings.legal
    clauses = {"suspension": legal.suspension, "removal": legal.removal, "remote_votes": legal.remote_votes}
    return House(letterhead_of(settings), clauses, settings.board.remote_votes)


def names_of(connection: Connection, instance_ids: Sequence[int]) -> dict[int, str]:
    """Return what members are called, by id."""
    return {key: str(member["name"]) for key, member in members_of(connection, instance_ids).items()}


def owed_at(connection: Connection, ids: Sequence[int], at: datetime) -> Owed:
    """What each of these owed at an instant, as it was known then: (year, cents), oldest first."""
    owed: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for instance_id, year, unpaid in rows_of(connection, _OWED, ids, stored(at), stored(at)):
        if unpaid > 0:
            owed[instance_id].append((year, unpaid))
    return owed
