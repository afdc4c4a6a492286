"""Where configuration comes from (file, environment, overriding tables) and how a refusal of it reads."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.settings_values import shown
from engine.errors import BadConfiguration

PREFIX = "RELANCE_"
SECRETS = {"password": "password_file", "secret": "secret_file"}
"""A secret's key, and the key that names a file holding it."""

_EXPECTED: dict[str, str] = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "int_parsing_size": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "enum": "{expected}",
    "string_type": "text between quotes",
    "string_unicode": "text in UTF-8",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "some text",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
    "tuple_type": "a list",
    "path_type": "the name of a file, between quotes",
    "string_pattern_mismatch": "a name of letters, digits, - and _",
}
"""What was expected, by the kind of pydantic's error."""


# --- reading ---------------------------------------------------------------------------------------------------------


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; refuse in one line, naming file and line, what cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise BadConfiguration(reason=f"there is no {path}; `relance init` writes one") from error
    except OSError as error:
        raise BadConfiguration(reason=f"{path} cannot be read: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")  # Windows editors put a mark in front
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadConfiguration(reason=f"{path}, line {line}: not UTF-8; save the file in that encoding") from error
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise BadConfiguration(reason=f"{path}: brackets nested too deeply") from error
    except ValueError as error:
        # « Expected '=' … (at line 3, column 8) », or « (at end of document) »
        what, _, where = str(error).rpartition(" (at ")
        found = re.search(r"line (\d+)", where)
        line = found[1] if found else len(text.splitlines())
        raise BadConfiguration(reason=f"{path}, line {line}: {what or error}") from error


def from_environment(environ: Mapping[str, str], sections: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Return RELANCE_<SECTION>__<KEY> as nested tables. `sections`: the keys of each.

    A variable that names no section, or a key of one with too few underscores, is refused: whoever set it
    believes that it counts.
    """
    almost = {f"{PREFIX}{section}_{key}".upper(): (section, key) for section, keys in sections.items() for key in keys}
    tables: dict[str, Any] = {}
    for name in sorted(environ):
        if name in almost:
            raise BadConfiguration(reason=f"{name}: unknown; did you mean {variable(almost[name])}?")
        path = name.removeprefix(PREFIX).lower().split("__")
        if not name.startswith(PREFIX) or len(path) == 1:
            continue
        if not all(path) or path[0] not in sections:
            raise BadConfiguration(reason=f"{name}: unknown section; {_known(path[0], sections)}")
        text = environ[name]
        _put(tables, path, text if path[-1] in SECRETS else _environment_value(text))
    return tables


def variable(path: Iterable[object]) -> str:
    """Return the environment variable that overrides the key at `path`."""
    return PREFIX + "__".join(str(part) for part in path).upper()


def _environment_value(text: str) -> Any:
    """Read a list or a table written as in TOML; anything else is text, which each key reads in its own way."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


# --- merging ---------------------------------------------------------------------------------------------------------


def expand(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables in which "calendar.suspend.mode" is written as nested tables."""
    tables: dict[str, Any] = {}
    for key, value in mapping.items():
        _put(tables, key.split("."), expand(value) if isinstance(value, Mapping) else value)
    return tables


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, `above` winning key by key. Names already there are found again whatever their case."""
    merged = dict(below)
    written = {key.lower(): key for key in below}
    for name, value in above.items():
        key = written.get(name.lower(), name)
        both = isinstance(merged.get(key), Mapping) and isinstance(value, Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def _put(tables: dict[str, Any], path: list[str], value: object) -> None:
    *outer, last = path
    nested = {last: value}
    for part in reversed(outer):
        nested = {part: nested}
    tables.update(merge(tables, nested))


# --- refusing --------------------------------------------------------------------------------------------------------


def refuse_secrets(tables: Mapping[str, Any], path: tuple[int | str, ...] = ()) -> None:
    """Refuse passwords and secrets written in the file itself: it gets copied, mailed and versioned."""
    for key, value in tables.items():
        here = (*path, key)
        if key in SECRETS and here[0] in {"mail", "webhooks"} and not isinstance(value, Mapping):
            reason = f"{dotted(here)}: a secret is not written in the configuration; name a file with {SECRETS[key]}"
            in_a_list = any(isinstance(part, int) for part in here)
            raise BadConfiguration(reason=reason if in_a_list else f"{reason}, or set {variable(here)}")
        if isinstance(value, Mapping):
            refuse_secrets(value, here)
        for place, inner in enumerate(value) if isinstance(value, list) else ():
            if isinstance(inner, Mapping):
                refuse_secrets(inner, (*here, place))


def dotted(path: Iterable[int | str]) -> str:
    """Write the place of a key: webhooks.out[0].url."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path if part != "[key]")
    return text.removeprefix(".") if text.isprintable() else repr(text.removeprefix("."))


def _known(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"


def explain(error: ValidationError, environ: Mapping[str, str]) -> str:
    """Write all that pydantic refused on one line, naming the variables of `environ` that are to blame."""
    return "; ".join(_explained(detail, environ) for detail in error.errors(include_url=False))


def _explained(detail: ErrorDetails, environ: Mapping[str, str]) -> str:
    path = (*detail["loc"], detail["ctx"]["key"]) if detail["type"] == "unknown_key" else detail["loc"]
    if not path:
        return _reason(detail)
    blame = f" (from {variable(path)})" if variable(path) in environ else ""
    return f"{dotted(path)}{blame}: {_reason(detail)}"


def _reason(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "unknown_key":
        return f"unknown key; {_known(context['key'], context['known'])}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "missing; it is needed here"
    expected = _EXPECTED.get(kind, "a value of another kind").format(**context)
    secret = str(detail["loc"][-1]) in SECRETS
    return f"expected {expected}" if secret else f"got {shown(detail['input'])}; expected {expected}"
