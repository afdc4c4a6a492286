"""Canonical CSV: a file into rows with their line numbers; every line that is wrong is named, with all its reasons."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from engine.errors import Invalid
from workflows.membership.register.cells import LINE_BREAK, unprotect, why_unreadable
from workflows.membership.register.refusals import Refusal, refuse, refuse_file

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one kind of file."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A file that was read: its rows, the columns it has, and the lines that were refused."""

    file: str
    columns: frozenset[str]
    rows: tuple[T, ...]
    refused: tuple[Refusal, ...] = ()

    def all_rows(self) -> list[T]:
        """Return the rows. Raises RegisterRefused when a line was refused."""
        refuse(self.refused)
        return list(self.rows)


@dataclass(slots=True)
class Cells:
    """The cells of one line by column, being read: what is wrong is noted and the reading goes on."""

    line: int
    cells: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def refuse(self, reason: str) -> None:
        """Note what is wrong with this line."""
        self.problems.append(reason)

    def has(self, column: str) -> bool:
        """Whether the cell is there and says something."""
        return bool(self.cells.get(column))

    def get(self, column: str, read: Callable[[str], T], default: D) -> T | D:
        """Read a cell; an empty one, or one that is refused, is the default."""
        text = self.cells.get(column, "")
        if not text:
            return default
        try:
            return read(text)
        except Invalid as error:
            self.refuse(f"{column}: {error}")
            return default

    def need(self, column: str, read: Callable[[str], T], instead: T) -> T:
        """Read a cell that must say something; `instead` only stands in for what is refused."""
        if not self.has(column):
            self.refuse(f"{column} is empty")
        return self.get(column, read, instead)


def parse_file(path: Path, layout: Layout, parse: Callable[[Cells], T]) -> Parsed[T]:
    """Read a file line by line. Raises RegisterRefused when it is no such file at all."""
    file = str(path)
    lines = _records(file, _text_of(path))
    first = next(lines, None)
    if first is None:
        raise refuse_file(file, "the file is empty")
    columns = _check_header(file, first, layout)
    rows: list[T] = []
    refused: list[Refusal] = []
    for line, record in lines:
        cells = Cells(line, *_cells_of(columns, record))
        row = None if cells.problems else parse(cells)
        if cells.problems or row is None:
            refused.append(Refusal(file, line, "; ".join(cells.problems)))
        else:
            rows.append(row)
    return Parsed(file, frozenset(columns), tuple(rows), tuple(refused))


def refuse_twice(
    parsed: Parsed[T], key: Callable[[T], object], line: Callable[[T], int], what: Callable[[T], str]
) -> Parsed[T]:
    """Refuse every row whose key an earlier row has, naming that one."""
    first: dict[object, int] = {}
    again = []
    for row in parsed.rows:
        before = first.setdefault(key(row), line(row))
        if before != line(row):
            again.append(Refusal(parsed.file, line(row), f"{what(row)} is already on line {before}"))
    return Parsed(parsed.file, parsed.columns, parsed.rows, (*parsed.refused, *again))


def _text_of(path: Path) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise refuse_file(str(path), "there is no such file") from None
    except OSError as error:
        raise refuse_file(str(path), error.strerror or "it cannot be read") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        position = error.start - (before.rfind(b"\n") + 1) + 1
        raise refuse_file(
            str(path), f"not UTF-8: byte 0x{content[error.start]:02X} at position {position}", line
        ) from None


def _records(file: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that says something, with the number of the line it starts on."""
    reader = csv.reader(_lines(text), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise refuse_file(file, f"cannot be read as CSV: {error}", line) from None
        if record is None:
            return
        if any(cell.strip() for cell in record):
            yield line, record


def _lines(text: str) -> Iterator[str]:
    """Physical lines: only a newline ends one, as in an editor, and a carriage return before it is no sign."""
    text = text.replace("\r\n", "\n")
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _check_header(file: str, first: tuple[int, list[str]], layout: Layout) -> list[str]:
    """Return the columns, in the file's order. Raises RegisterRefused naming those that are wrong."""
    line, columns = first[0], [name.strip() for name in first[1]]
    known = (*layout.required, *layout.optional)
    wrong = []
    if len(columns) == 1 and any(sign in columns[0] for sign in ";\t"):
        raise refuse_file(file, "the columns must be separated by commas", line)
    wrong += [f"unknown column {name!r}" for name in columns if name not in known]
    wrong += [f"column {name!r} is there twice" for name in dict.fromkeys(columns) if columns.count(name) > 1]
    wrong += [f"column {name!r} is missing" for name in layout.required if name not in columns]
    if wrong:
        raise refuse_file(file, "; ".join(wrong), line)
    return columns


def _cells_of(columns: Sequence[str], record: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    if len(record) != len(columns):
        hint = " (a cell with a comma in it stands in quotes)" if len(record) > len(columns) else ""
        return {}, [f"{len(record)} cells, the header has {len(columns)}{hint}"]
    cells = {column: unprotect(cell.strip()) for column, cell in zip(columns, record, strict=True)}
    problems = [_unreadable(column, why) for column, cell in cells.items() if (why := why_unreadable(cell)) is not None]
    return cells, problems


def _unreadable(column: str, why: str) -> str:
    """Say what is wrong with a cell; an address of several lines is one line with commas, which letters break there."""
    hint = ": separate its lines by commas" if column == "address" and why == LINE_BREAK else ""
    return f"{column} {why}{hint}"
