"""Minutes as JSON. What only the signed version tells is null in the public one."""

from api.schemas.kinds import Given, Instant, Money


class Sitting(Given):
    """A seat at the meeting: present, remote, voted, excused or absent."""

    seat: str
    person: str
    role: str
    presence: str


class NamedVote(Given):
    """Who voted what. `remote`: before the meeting's hour."""

    seat: str
    choice: str
    remote: bool
    comment: str | None


class Aside(Given):
    """Who stood aside, and why."""

    seat: str
    reason: str


class OwedYear(Given):
    """What was owed of one year when the meeting was held."""

    year: int
    amount: Money


class Annulment(Given):
    """When a decision was annulled; by whom and why, in the signed version."""

    at: Instant
    by: str | None
    reason: str | None


class MinutesItem(Given):
    """One question. Counts are null where nothing was counted. `aside_count`: how many seats stood aside."""

    number: str
    ballot: int
    association: str
    name: str
    workflow: str
    trigger: str
    question: str
    status: str
    approve: int | None
    reject: int | None
    abstain: int | None
    took_part: int | None
    seats: int | None
    quorum: bool | None
    by_hand: bool
    aside_count: int
    annulled: Annulment | None
    votes: list[NamedVote] | None
    aside: list[Aside] | None
    owed: list[OwedYear] | None
    reason: str | None
    missing: list[str] | None


class Decision(Given):
    """A numbered decision in plain words."""

    number: str
    text: str


class Clause(Given):
    """A clause that makes the board competent, quoted; null where the configuration quotes none."""

    name: str
    text: str | None


class MinutesShape(Given):
    """The minutes of one meeting. `draft`: some ballot is not closed yet."""

    meeting: int
    month: str
    held_at: Instant
    place: str
    closed_at: Instant | None
    version: str
    language: str
    draft: bool
    attendance_recorded: bool
    attendance: list[Sitting]
    rules: list[str]
    clauses: list[Clause]
    items: list[MinutesItem]
    decisions: list[Decision]
    warnings: list[str]
