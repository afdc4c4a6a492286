"""services.csv: what is hosted for whom."""

from dataclasses import dataclass
from pathlib import Path

from workflows.membership.register.canonical import Cells, Layout, Parsed, parse_file, refuse_twice
from workflows.membership.register.cells import as_code, as_text, as_word

SERVICES = Layout(("number", "kind", "identifier"))


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One hosted service."""

    number: str
    kind: str
    identifier: str
    line: int


def read_services(path: Path) -> list[tuple[str, str, str]]:
    """Read services as (number, kind, identifier). Raises RegisterRefused."""
    return [(row.number, row.kind, row.identifier) for row in parse_services(path).all_rows()]


def parse_services(path: Path) -> Parsed[ServiceRow]:
    """Read services and what is refused of them."""
    return refuse_twice(
        parse_file(path, SERVICES, _service),
        lambda row: (row.number, row.kind, row.identifier),
        lambda row: row.line,
        lambda row: f"{row.kind} {row.identifier} of {row.number}",
    )


def _service(cells: Cells) -> ServiceRow:
    return ServiceRow(
        cells.need("number", as_code, "?"),
        cells.need("kind", as_word, "?"),
        cells.need("identifier", as_text, "?"),
        cells.line,
    )
