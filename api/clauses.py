"""The clauses of the organisation's statutes that make its board competent; what is not quoted is said."""

from collections.abc import Iterable

from api.settings import Settings

CLAUSES = {"suspend": "suspension", "propose_removal": "removal", "remove": "removal", "correct": "removal"}
"""Which clause of `[legal]` each question rests on; an admission needs none."""


def missing_clauses(settings: Settings, triggers: Iterable[str]) -> dict[str, list[str]]:
    """Say for each question which clauses that would make the board competent are not quoted."""
    legal = settings.legal
    remote = settings.board.remote_votes and not legal.remote_votes.strip()
    said: dict[str, list[str]] = {}
    for trigger in sorted(set(triggers)):
        clause = CLAUSES.get(trigger)
        missing = [clause] if clause is not None and not getattr(legal, clause).strip() else []
        if remote:
            missing.append("remote_votes")
        if missing:
            said[trigger] = [f"[legal] {name} quotes no clause" for name in missing]
    return said
