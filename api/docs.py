"""The API's documentation: one page made from openapi.json. No script, nothing from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response

STYLE = "docs.css"
METHODS = ("get", "post", "put", "patch", "delete")
router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> Response:
    """Show every operation, what it takes and what it answers."""
    page = "".join(_page(request.app.openapi(), request.scope.get("root_path", "")))
    return Response(page, media_type="text/html; charset=utf-8")


@router.get("/static/docs.css")
def docs_style() -> Response:
    """Give the style of the documentation."""
    return _style("docs")


@router.get("/static/pages.css")
def pages_style() -> Response:
    """Give the style of the pages."""
    return _style("pages")


def _style(name: str) -> Response:
    text = files("api").joinpath("static", f"{name}.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css; charset=utf-8")


def _page(api: Mapping[str, Any], root: str) -> Iterator[str]:
    title = escape(f"{api['info']['title']} {api['info']['version']}")
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<title>{title}</title><link rel="stylesheet" href="{escape(root)}/static/{STYLE}"></head><body>'
    yield f"<header><h1>{title}</h1><p>{escape(api['info'].get('description', ''))}</p>"
    yield f'<p><a href="{escape(root)}/openapi.json">openapi.json</a></p></header><main>'
    for tag in dict.fromkeys(operation["tags"][0] for _, _, operation in _operations(api)):
        yield f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>'
        for path, method, operation in _operations(api):
            if operation["tags"][0] == tag:
                yield from _operation(path, method, operation)
        yield "</section>"
    yield "<section><h2>shapes</h2>"
    for name, schema in sorted(api["components"]["schemas"].items()):
        yield from _shape(name, schema)
    yield "</section></main></body></html>"


def _operations(api: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    return [(path, method, item[method]) for path, item in api["paths"].items() for method in METHODS if method in item]


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<article id="{escape(operation["operationId"])}">'
    yield f"<h3><b>{method.upper()}</b> <code>{escape(path)}</code></h3>"
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    takes = [
        (one["name"], one["in"], _type(one.get("schema", {})), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    body = operation.get("requestBody")
    if body is not None:
        takes += [("", "body", _type(content["schema"]), "") for content in body["content"].values()]
    if takes:
        yield "<table><tr><th>takes</th><th>in</th><th>kind</th><th></th></tr>"
        for name, place, kind, about in takes:
            yield f"<tr><td><code>{escape(name)}</code></td><td>{escape(place)}</td><td>{kind}</td>"
            yield f"<td>{escape(about)}</td></tr>"
        yield "</table>"
    yield "<table><tr><th>answers</th><th>kind</th><th></th></tr>"
    for status, answer in sorted(operation["responses"].items()):
        kinds = ", ".join(_type(content.get("schema", {})) for content in answer.get("content", {}).values())
        yield f"<tr><td>{escape(status)}</td><td>{kinds}</td><td>{escape(answer.get('description', ''))}</td></tr>"
    yield "</table></article>"


def _shape(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<article id="shape-{escape(name)}"><h3>{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
    needed = schema.get("required", ())
    if schema.get("properties"):
        yield "<table><tr><th>field</th><th>kind</th><th></th></tr>"
        for field, value in schema["properties"].items():
            must = "required" if field in needed else ""
            yield f"<tr><td><code>{escape(field)}</code></td><td>{_type(value)}</td><td>{must}</td></tr>"
        yield "</table>"
    yield "</article>"


def _type(schema: Mapping[str, Any]) -> str:
    """Write a kind in words, with a link to the shape it names."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return escape(" | ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(schema.get("format") or schema.get("type") or "")
