"""A file whose columns have other names, read as if they had ours."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.errors import Invalid
from workflows.membership.register import RegisterRefused


@contextmanager
def mapped(path: Path, words: Sequence[str]) -> Iterator[Path]:
    """Give a file to read instead, its header renamed as FIELD=COLUMN says; refusals still name the file itself.

    Raises Invalid for a column that the file does not have.
    """
    if not words:
        yield path
        return
    text = _text_of(path)
    header, end, rest = text.partition("\n")
    renamed = _renamed(header, _columns(words))
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_text(f"{renamed}{end}{rest}", encoding="utf-8", newline="")
        try:
            yield copy
        except RegisterRefused as error:
            raise RegisterRefused(
                refusals=tuple(replace(refusal, file=str(path)) for refusal in error.refusals)
            ) from None


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(reason=f"{path}: not UTF-8 (byte {error.start + 1})") from None


def _columns(words: Sequence[str]) -> dict[str, str]:
    """Read FIELD=COLUMN, as our field by their column. Raises Invalid."""
    columns = {}
    for word in words:
        ours, equals, theirs = word.partition("=")
        if not ours or not equals or not theirs:
            raise Invalid(reason=f"--map: {word!r} is not FIELD=COLUMN, such as email=Courriel")
        columns[theirs] = ours
    return columns


def _renamed(header: str, columns: Mapping[str, str]) -> str:
    names = [name.strip() for name in next(csv.reader([header.rstrip("\r")]), [])]
    for theirs in columns:
        if theirs not in names:
            raise Invalid(reason=f"--map: the file has no column {theirs!r}; it has {', '.join(names)}")
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([columns.get(name, name) for name in names])
    return written.getvalue()
