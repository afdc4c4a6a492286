"""Documents as PDF: a Typst template filled with plain data, archivable (PDF/A-2a) and tagged (PDF/UA-1).

The same data at the same instant gives the same bytes. A template reads its data by
`json(bytes(sys.inputs.data))`: what a member wrote is a value, never markup. Nothing is read but the templates and
the fonts inside Typst itself: no system font, no package, no network.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from engine.errors import BadDefinition
from notifications.typography import one_line_isolated

if TYPE_CHECKING:
    from typst import Compiler, PDFStandard

FOLDER = Path(__file__).parent / "templates" / "typst"
STANDARDS: "list[PDFStandard]" = ["a-2a", "ua-1"]
_NO_GLYPH = "could not be displayed"


class Press:
    """One compiler, whose fonts are read once. It makes one document at a time, whoever asks."""

    def __init__(self) -> None:
        self._lock = Lock()

    @cached_property
    def _compiler(self) -> "Compiler":
        import typst  # noqa: PLC0415 a server at rest that prints nothing has 7 MB less

        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
        return typst.Compiler(root=FOLDER, font_paths=fonts, ignore_system_fonts=True)

    def print(self, template: str, data: Mapping[str, Any], made_at: datetime) -> bytes:
        """Fill a template. Raises BadDefinition for one that is missing or wrong.

        A sign that no font here has (an emoji in a name) is drawn as an empty box, which PDF/A forbids: such a
        document is an ordinary, tagged PDF.
        """
        inputs = {"data": json.dumps(_printable(data), ensure_ascii=False)}
        with self._lock:
            try:
                return self._compile(template, inputs, made_at, STANDARDS)
            except RuntimeError as error:  # Typst's own, and of a file that is not there
                if _NO_GLYPH not in str(error):
                    raise BadDefinition(reason=f"{template}.typ: {error}") from error
            return self._compile(template, inputs, made_at, [])

    def _compile(
        self, template: str, inputs: dict[str, str], made_at: datetime, standards: "list[PDFStandard]"
    ) -> bytes:
        made = self._compiler.compile(
            FOLDER / f"{template}.typ",
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=standards,
            timestamp=int(made_at.astimezone(UTC).timestamp()),
        )
        if not isinstance(made, bytes):
            raise BadDefinition(reason=f"{template}.typ: not one document")
        return made


_PRESS = Press()


def compile_pdf(source_name: str, data: Mapping[str, Any], made_at: datetime) -> bytes:
    """Make the PDF of one document: the template's name without `.typ`, its data, and when it counts as made.

    Raises BadDefinition for a template that is missing or wrong.
    """
    return _PRESS.print(source_name, data, made_at)


def _printable(value: Any) -> Any:
    """Take from every text what ends or turns a line: paragraphs are lists of lines."""
    if isinstance(value, str):
        return one_line_isolated(value)
    if isinstance(value, Mapping):
        return {key: _printable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(inner) for inner in value]
    return value
