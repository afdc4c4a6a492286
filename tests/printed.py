"""What is on a printed page: its text, where each letter stands, its codes. Millimetres from the top left corner."""

from dataclasses import dataclass

import pypdfium2
import zxingcpp

MM = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Glyph:
    """A letter and its box."""

    sign: str
    left: float
    top: float
    right: float
    bottom: float


def texts(content):
    """The text of each page; lines end with a line end, soft hyphens are taken out."""
    with pypdfium2.PdfDocument(content) as document:
        return [_text(page) for page in document]


def _text(page):
    text = page.get_textpage().get_text_range()
    return text.replace("\r\n", "\n").replace("\ufffe", "").replace("\u00ad", "")


def glyphs(content, number=0):
    """Every letter of a page that leaves ink."""
    with pypdfium2.PdfDocument(content) as document:
        page = document[number]
        height, text = page.get_height(), page.get_textpage()
        found = []
        for index in range(text.count_chars()):
            sign = text.get_text_range(index, 1)
            left, bottom, right, top = text.get_charbox(index)
            if sign.strip(" \r\n\u00a0\u202f\u200b"):
                found.append(Glyph(sign, left * MM, (height - top) * MM, right * MM, (height - bottom) * MM))
        return found


def codes(content, number=0):
    """What a reader of codes makes of a page."""
    with pypdfium2.PdfDocument(content) as document:
        drawn = document[number].render(scale=3, grayscale=True)
        picture = memoryview(bytes(drawn.buffer)).cast("B", (drawn.height, drawn.stride))
        return [found.text for found in zxingcpp.read_barcodes(picture)]
