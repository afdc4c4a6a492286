"""board.csv: who sits on the board, in which seat."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from workflows.membership.register.canonical import Cells, Layout, Parsed, parse_file
from workflows.membership.register.cells import as_code, as_codes, as_day, as_email, as_text
from workflows.membership.register.refusals import Refusal

BOARD = Layout(("seat", "name", "email", "role"), ("from", "until", "member_of"))
USUAL_ROLE = "member"


@dataclass(frozen=True, slots=True)
class SeatRow:
    """A seat and who holds it, from a day to a day (both included; None: open)."""

    seat: str
    name: str
    email: str
    role: str
    from_on: date | None = None
    until_on: date | None = None
    member_of: tuple[str, ...] = ()
    """Members it declares to belong to: it stands aside where they are voted on."""
    line: int = 0

    def overlaps(self, other: "SeatRow") -> bool:
        """Whether some day belongs to both terms."""
        starts = max(self.from_on or date.min, other.from_on or date.min)
        return starts <= min(self.until_on or date.max, other.until_on or date.max)


def read_board(path: Path) -> list[SeatRow]:
    """Read the board. Raises RegisterRefused."""
    return parse_board(path).all_rows()


def parse_board(path: Path) -> Parsed[SeatRow]:
    """Read the board and what is refused of it: nobody sits beside somebody else."""
    parsed = parse_file(path, BOARD, _seat)
    refused = [
        Refusal(parsed.file, row.line, f"seat {row.seat} is already on line {before.line}")
        for row in parsed.rows
        if (before := _overlapping(row, parsed.rows)) is not None
    ]
    return Parsed(parsed.file, parsed.columns, parsed.rows, (*parsed.refused, *refused))


def _overlapping(row: SeatRow, rows: Iterable[SeatRow]) -> SeatRow | None:
    return next(
        (other for other in rows if other.seat == row.seat and other.line < row.line and other.overlaps(row)), None
    )


def _seat(cells: Cells) -> SeatRow:
    row = SeatRow(
        seat=cells.need("seat", as_code, "?"),
        name=cells.need("name", as_text, "?"),
        email=cells.get("email", as_email, ""),
        role=cells.get("role", as_text, USUAL_ROLE),
        from_on=cells.get("from", as_day, None),
        until_on=cells.get("until", as_day, None),
        member_of=cells.get("member_of", as_codes, ()),
        line=cells.line,
    )
    if row.from_on is not None and row.until_on is not None and row.until_on < row.from_on:
        cells.refuse("until is before from")
    return row
