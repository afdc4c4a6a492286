"""Applications: who asks to become a member, for what, and who presents it. Days are local to the organisation."""

from datetime import date

from sqlmodel import Field

from engine.models import one_of
from workflows.membership.models import Kind, Reached


class Candidate(Reached, table=True):
    """An application, kept whatever becomes of it. Its row has the id of its workflow instance.

    `services`: what it asks for, as kind:identifier separated by |. `presented_by`: a seat, or a member's number.
    `conditions`: on which the board admits it. `put_off_until`: the question is asked after that day.
    """

    __tablename__ = "candidate"
    __table_args__ = (one_of("kind", Kind),)
    instance_id: int = Field(primary_key=True, foreign_key="workflow_instance.id")
    name: str
    kind: str = Kind.ASSOCIATION
    applied_on: date
    services: str = ""
    presented_by: str = ""
    note: str = ""
    conditions: str = ""
    put_off_until: date | None = None
