"""Every operation, by hand: odd path parameters, queries, cursors, headers, methods. No 5xx, refusals are problems.

The operations are those of the API's own description, so that a new one is asked too.
"""

import base64
import re
from typing import Any

import pytest

from tests.api.counter import V1, Counter
from tests.api.test_api_strangers import role_for

ODD_NUMBERS = (
    *("0", "-1", "1.5", "1e999", "NaN", "9" * 30, "9223372036854775808", "%00", "%F0%9F%98%80", "x'; --", "\u0661"),
    *("%ED%A0%80", "..%2f..%2fetc%2fpasswd", "%2e%2e", "A1%0d%0aX: y", " ", "a" * 5000),
)
"""For what names something: ids and numbers of associations."""
ODD_VALUES = (
    *(
        "",
        "-1",
        "NaN",
        "1e999",
        "9" * 400,
        "\x00",
        "é" * 300,
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ),
    *("9999-12-31", "0001-01-01", "2025-02-30", "true", "null", "[]", "x" * 60_000),
)
ODD_CURSORS = tuple(
    base64.urlsafe_b64encode(raw).decode().rstrip("=")
    for raw in (b"", b"\x00", b"\xff\xfe", b"-1", b"9" * 100, "\u0661".encode(), b"A1' OR 1=1", b"\xed\xa0\x80", b"1e5")
)
ODD_BYTES = (
    b"",
    b"\xff\xfe\x00"[:2],
    b"\xe9",
    b" ",
    b"a" * 5000,
    b'"',
    b"\\ud800",
    b"\xed\xa0\x80",
    b"k, k",
    b"\x01\x02",
)
LEFT_OUT = (f"{V1}/events", "/readyz")
"""One never ends, one says 503 on purpose."""


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    """The API with something in most lists."""
    made = Counter(tmp_path_factory.mktemp("by-hand"))
    made.evening()
    yield made
    made.close()


def operations(counter):
    """What there is: (method, path, its parameters)."""
    paths = counter.app.openapi()["paths"]
    return [
        (method.upper(), path, told.get("parameters", ()))
        for path, methods in paths.items()
        if path not in LEFT_OUT
        for method, told in methods.items()
    ]


def ask(counter, method, path, headers=None, **more):
    """One request by whoever may; the answer must be no failure of ours, and a refusal a problem."""
    client = counter.as_(role_for(path)).client
    response = client.request(method, path, headers=headers or {}, **more)
    assert response.status_code < 500, (method, path[:200], more, response.text[:300])
    if response.status_code >= 400 and method != "HEAD":
        assert response.headers["content-type"] == "application/problem+json", (method, path[:200], response.text[:300])
    return response


def filled(path, value="1"):
    """A path with its parameters filled in."""
    return re.sub(r"\{\w+\}", lambda _: value, path)


def test_odd_names_in_paths(counter):
    asked = 0
    for method, path, _ in operations(counter):
        for value in ODD_NUMBERS if "{" in path else ():
            body: dict[str, Any] = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
            response = ask(counter, method, filled(path, value), **body)
            assert response.status_code in {400, 401, 403, 404, 405, 409, 415, 422}, (method, path, value)
            asked += 1
    assert asked > 300


def test_odd_values_of_every_query_parameter(counter):
    asked = 0
    for method, path, parameters in operations(counter):
        if method != "GET":
            continue
        names = [one["name"] for one in parameters if one["in"] == "query"]
        for name in names:
            for value in (*ODD_VALUES, *(ODD_CURSORS if name == "cursor" else ())):
                ask(counter, method, filled(path), params={name: value})
                asked += 1
            ask(counter, method, f"{filled(path)}?{name}=%ff&{name}=%00&{name}")
        ask(counter, method, f"{filled(path)}?{'&'.join(f'x{number}=1' for number in range(5000))}")
    assert asked > 300


def test_odd_bytes_in_headers(counter):
    for method, path, parameters in operations(counter):
        names = [one["name"] for one in parameters if one["in"] == "header"]
        common = ("Authorization", "Accept", "Content-Type") if method == "GET" else ()
        for name in (*common, *names):
            for value in ODD_BYTES:
                head = {name: b"Bearer " + value if name == "Authorization" else value}
                ask(counter, method, filled(path), headers=head)


def test_every_path_refuses_other_methods_in_its_own_words(counter):
    for path in {path: None for _, path, _ in operations(counter)}:
        for method in ("HEAD", "OPTIONS", "DELETE", "TRACE", "PROPFIND", "GET\u0131"[:3]):
            ask(counter, method, filled(path))


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml", ""])
def test_every_body_of_another_kind_is_refused(counter, kind):
    for method, path, _ in operations(counter):
        if method in {"POST", "PUT", "PATCH"}:
            response = ask(counter, method, filled(path), headers={"Content-Type": kind}, content=b"\xff\xfe{\x00}\x00")
            assert response.status_code in {400, 401, 403, 404, 409, 415, 422}, (method, path)


def test_every_body_is_hostile(counter):
    bodies = (b'{"\\ud800": NaN}', b"[" * 50_000, b'{"a": 1e999, "on": 1e999, "votes": 1e999}', b"1" * 900_000, b"{}x")
    for method, path, _ in operations(counter):
        for body in bodies if method in {"POST", "PUT", "PATCH"} else ():
            ask(counter, method, filled(path), headers={"Content-Type": "application/json"}, content=body)


def test_a_body_of_ten_megabytes_is_refused_everywhere(counter):
    large = b'{"x": "' + b"x" * 10_000_000 + b'"}'
    for method, path, _ in operations(counter):
        if method in {"POST", "PUT", "PATCH"}:
            response = ask(counter, method, filled(path), headers={"Content-Type": "application/json"}, content=large)
            assert response.status_code in {401, 403, 404, 409, 413, 422}, (method, path, response.status_code)
