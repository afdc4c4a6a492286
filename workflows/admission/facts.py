"""What guards and mails may know of a candidate. Loaded for many at once, decided on as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection

from engine.cases import Case
from engine.errors import Invalid
from engine.rules import Rules
from engine.store import instant_of, maybe_day, rows_of
from workflows.admission.models import Candidate

COLUMNS = tuple(name for name in Candidate.model_fields if name != "instance_id")
REGISTER = (
    *("name", "kind", "contact_name", "contact_role", "email", "treasurer_name", "treasurer_email", "phone"),
    *("address", "postcode", "city", "region", "country", "language", "themes"),
)
"""What a membership takes over from an application."""
_CANDIDATES = f"""SELECT i.id, i.subject, i.state, i.since, i.started_at, {", ".join(f"c.{name}" for name in COLUMNS)}
    FROM workflow_instance i JOIN candidate c ON c.instance_id = i.id
    WHERE i.id IN {{ids}} ORDER BY i.id"""  # noqa: S608 columns from the model


@dataclass(slots=True, eq=False)
class Applicant(Case):
    """One application, with its row as the database keeps it."""

    row: dict[str, Any] = field(default_factory=dict)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it can be written to, each once."""
        return tuple(dict.fromkeys(filter(None, (self.row["email"], self.row["treasurer_email"]))))

    @property
    def put_off_until(self) -> date | None:
        """The last day on which the question is not asked."""
        return maybe_day(self.row["put_off_until"])

    @property
    def services(self) -> tuple[tuple[str, str], ...]:
        """What it asks for: kinds and identifiers."""
        return services_of(self.row["services"])


def load_candidates(connection: Connection, ids: Sequence[int], _rules: Rules) -> list[Applicant]:
    """Load the facts of these applications, in the order of their ids."""
    return [_applicant(row) for row in rows_of(connection, _CANDIDATES, ids)]


def _applicant(row: Sequence[Any]) -> Applicant:
    number, subject, state, since, started_at, *rest = row
    told = dict(zip(COLUMNS, rest, strict=True))
    return Applicant(number, subject, state, instant_of(since), instant_of(started_at), row=told)


def services_of(text: str) -> tuple[tuple[str, str], ...]:
    """Read services as the database keeps them: website:velo.example|list:infos@velo.example."""
    parts = (part.partition(":") for part in text.split("|") if part)
    return tuple((kind, identifier) for kind, _, identifier in parts)


def services_text(services: Sequence[tuple[str, str]]) -> str:
    """Write services as the database keeps them. Raises Invalid for one that is named twice, or cannot be read back."""
    if len(set(services)) < len(services):
        raise Invalid(reason="a service is named twice")
    if any("|" in identifier for _, identifier in services):
        raise Invalid(reason="the identifier of a service has no « | » in it")
    return "|".join(f"{kind}:{identifier}" for kind, identifier in services)
