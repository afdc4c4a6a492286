"""Documents as Markdown and as HTML: one template each, filled with plain values in the mails' sandbox.

Whatever a value holds is text: in HTML it is escaped, in Markdown every sign that would mean something is.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from notifications.own_words import FOLDER as TEMPLATES
from notifications.sandbox import Sandbox
from notifications.typography import one_line_isolated

FOLDER = TEMPLATES / "documents"
STYLE = "document.css"
_MEANT = re.compile(r"([\\`*_\[\]<>|~&$])")
_BEGINS = re.compile(r"[-+#=]|[0-9]+(?=[.)])")
_THREE_LINES = re.compile(r"\n{3,}")


def as_markdown(name: str, data: Mapping[str, Any]) -> str:
    """Fill `documents/NAME.md`."""
    text = _markdown().get_template(f"{name}.md").render(data)
    return _THREE_LINES.sub("\n\n", text).strip("\n") + "\n"


def as_html(name: str, data: Mapping[str, Any]) -> str:
    """Fill `documents/NAME.html`: a page that asks for nothing else, its style inside."""
    return _html().get_template(f"{name}.html").render(data)


@cache
def style_source() -> str:
    """Return what a content security policy must allow for the style inside the page."""
    style = (FOLDER / STYLE).read_text(encoding="utf-8").removesuffix("\n")
    return f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"


def plain_markdown(text: str) -> str:
    """Write a value so that Markdown shows it as it is: no link, no markup, no list, no table cell."""
    escaped = _MEANT.sub(r"\\\1", one_line_isolated(text).strip(" "))
    begins = _BEGINS.match(escaped)
    if begins is None:
        return escaped
    # « 1. » is escaped at its full stop: a backslash before a digit would be printed.
    at = begins.end() if escaped[0].isdigit() else 0
    return f"{escaped[:at]}\\{escaped[at:]}"


@cache
def _markdown() -> Environment:
    return _environment(finalize=lambda value: plain_markdown(value) if isinstance(value, str) else value)


@cache
def _html() -> Environment:
    return _environment(
        autoescape=True, finalize=lambda value: one_line_isolated(value) if isinstance(value, str) else value
    )


def _environment(**more: Any) -> Environment:
    """Build a sandbox without globals and with hardly a filter; lines of nothing but tags leave no line."""
    sandbox = Sandbox(
        loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **more
    )
    sandbox.globals.clear()
    sandbox.filters = {name: sandbox.filters[name] for name in ("join",)}
    return sandbox
