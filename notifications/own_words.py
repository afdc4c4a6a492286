"""The organisation's own wording: a folder laid over the built-in templates, file by file. What it lacks is built in.

It is read with distrust: plain files of UTF-8, of a reasonable size, that lie in the folder itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jinja2 import TemplateNotFound

from engine.errors import RelanceError

FOLDER = Path(__file__).parent / "templates"
LARGEST_FILE = 20_000
"""Bytes. The longest built-in text has 3,000."""
NAMES = re.compile(r"(?:fr|en)/(?:[a-z]+/)?_?[a-z][a-z0-9_]*\.txt|(?:fr|en)/[a-z][a-z0-9_]*\.html|layout\.html")
# Controls, marks that turn the direction of writing, and the signs that stand for tags while words are typeset.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ue000-\uf8ff]")


class BrokenTemplate(RelanceError):  # noqa: N818 named for what happened, as one says it
    """{place}: {reason}."""


@dataclass(frozen=True, slots=True)
class Source:
    """A template as it was found. `own`: it is the organisation's."""

    name: str
    text: str
    own: bool = False


class Origin(NamedTuple):
    """Where a line of a whole text comes from."""

    name: str
    line: int
    own: bool


@dataclass(frozen=True, slots=True)
class Overlay:
    """Finds templates: the organisation's in its folder, else the built-in ones."""

    folder: Path | None = None

    def read(self, name: str) -> Source:
        """Return a template by its name, such as fr/reminder.txt. Raises TemplateNotFound, BrokenTemplate."""
        if not NAMES.fullmatch(name):
            raise TemplateNotFound(name)
        own = self._own(name)
        if own is not None:
            return Source(name, own, own=True)
        try:
            return Source(name, (FOLDER / name).read_text(encoding="utf-8"))
        except OSError as error:
            raise TemplateNotFound(name) from error

    def has(self, name: str) -> bool:
        """Whether there is such a template, built in or not."""
        return (FOLDER / name).is_file() or self.is_own(name)

    def is_own(self, name: str) -> bool:
        """Whether the organisation has its own file of that name."""
        return self.folder is not None and ((self.folder / name).exists() or (self.folder / name).is_symlink())

    def files(self) -> Iterator[str]:
        """Name what lies in the folder, in order, whether it is of use or not."""
        if self.folder is not None and self.folder.is_dir():
            for path in sorted(self.folder.rglob("*")):
                if not path.is_dir() and not path.name.startswith("."):
                    yield path.relative_to(self.folder).as_posix()

    @staticmethod
    def kinds(room: str = "") -> list[str]:
        """Name every kind of mail that has a built-in text; of a room, such as papers, every kind of paper."""
        return sorted(path.stem for path in (FOLDER / "fr" / room).glob("[!_]*.txt"))

    def _own(self, name: str) -> str | None:
        if self.folder is None or not self.is_own(name):
            return None
        path = self.folder / name
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self.folder.resolve()) or not real.is_file():
                raise BrokenTemplate(place=name, reason="it must be a plain file within the folder itself")
            if real.stat().st_size > LARGEST_FILE:
                raise BrokenTemplate(place=name, reason=f"it is larger than {LARGEST_FILE} bytes")
            text = real.read_text(encoding="utf-8-sig")
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise BrokenTemplate(place=name, reason=f"cannot be read: {getattr(error, 'strerror', error)}") from None
        except UnicodeDecodeError:
            raise BrokenTemplate(place=name, reason="it is not in UTF-8") from None
        return _fit(name, text.replace("\r\n", "\n"))


def _fit(name: str, text: str) -> str:
    """Return a text that holds nothing but what one sees. Raises BrokenTemplate."""
    found = _UNFIT.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        reason = f"holds a sign that cannot be seen (U+{ord(found[0]):04X})"
        raise BrokenTemplate(place=f"{name}:{line}", reason=reason)
    return text if text.endswith("\n") else f"{text}\n"
