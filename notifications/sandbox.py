"""What a template may do: read plain values and put them out, in bounded time, size and depth. Nothing else.

What it may be written with is a list of allowed constructions, checked when it is read. What remains is counted while
it is filled in: turns of loops, signs, and the processor's own time, so that neither a busy nor a sleeping machine
changes the outcome.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST_TEXT = 100_000
MOST_TURNS = 100_000
MOST_SECONDS = 1.0
"""Of the processor, for one text; what is checked between two turns of a loop, or two pieces put out."""
BROKEN = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, NameError, RecursionError, SyntaxError, TypeError),
    ValueError,
    *(TemplateSyntaxError, SecurityError, RuntimeError),
)
"""What reading or filling in a hostile template may raise: jinja2's own errors are RuntimeErrors or these.

NameError: jinja2 writes a number beyond all bounds (1e400) into its code as the name « inf ».
"""
ALLOWED: frozenset[type[nodes.Node]] = frozenset(
    {
        *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Assign),
        *(nodes.If, nodes.CondExpr, nodes.For, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Keyword),
        *(nodes.Compare, nodes.Operand, nodes.Test, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Add, nodes.Sub),
        *(nodes.Concat, nodes.Tuple, nodes.List),
    }
)
WORDS = {
    nodes.Include: "including is for a line of its own in a mail's file, and not for its parts",
    nodes.Call: "calling something",
    nodes.Macro: "a macro",
    nodes.AssignBlock: "a block that is kept",
    nodes.Mul: "*",
    nodes.Pow: "**",
    nodes.Mod: "%",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Slice: "a slice",
    nodes.Dict: "a dictionary",
}
OF_LOOPS = frozenset({"index", "index0", "revindex", "first", "last", "length"})
TESTS = ("defined", "none")
_SCALARS = (str, int, float, Undefined)


class Sandbox(ImmutableSandboxedEnvironment):
    """A template reads values and nothing else: it calls nothing, and builds nothing large. For our own templates."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 jinja2's signature
        """Refuse the operators that make a short text a long one."""
        raise SecurityError(f"{operator} is not for templates")

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002 jinja2's signature
        """Refuse every call."""
        return False


class Missing(StrictUndefined):
    """What a template names and nobody told: refused wherever it is used."""

    @property
    def _undefined_message(self) -> str:
        return f"« {self._undefined_name} » is nothing that it may name here"


class OpenSandbox(Sandbox):
    """For templates that anybody may write: allowed constructions, counted. It belongs to one thread."""

    intercepted_binops = frozenset({"+", "-"})

    def __init__(self, **options: Any) -> None:
        """Begin with no globals, and no filters but `length` and `join`."""
        super().__init__(**{"undefined": Missing, "finalize": scalar, "keep_trailing_newline": True, **options})
        self.globals.clear()
        self.filters = {"length": len, "join": _join, "_turns": self._counted}
        self.tests = {name: self.tests[name] for name in TESTS}
        self._turns, self._until = 0, 0.0

    def fill_in(self, template: Template, values: Mapping[str, Any]) -> str:
        """Return a template's text. Raises what a template may raise (BROKEN, jinja2.TemplateError)."""
        self._turns, self._until = 0, time.thread_time() + MOST_SECONDS
        pieces: list[str] = []
        length = 0
        for piece in template.generate(values):
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST_TEXT:
                raise SecurityError(f"the text is longer than {LONGEST_TEXT} characters")
        return "".join(pieces)

    def _counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """Pass on what a loop runs over, and count its turns."""
        for value in values:
            self._turns += 1
            if self._turns > MOST_TURNS:
                raise SecurityError(f"its loops take more than {MOST_TURNS} turns")
            if time.thread_time() > self._until:
                raise SecurityError(f"it takes longer than {MOST_SECONDS:g} s")
            yield value

    # What it may be written with

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in list(tree.find_all(nodes.Node)):
            reason = _refusal(node)
            if reason:
                raise TemplateSyntaxError(f"{reason} is not for templates", node.lineno, name, filename)
            if isinstance(node, nodes.For):
                node.iter = _filtered(node.iter, "_turns", self)
            elif isinstance(node, nodes.Concat):  # bounded, as joining is
                values = nodes.List(node.nodes, lineno=node.lineno, environment=self)
                node.nodes = [_filtered(values, "join", self)]
        return tree

    # What it may reach

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read a key of a dictionary, or where a loop is; no attribute of anything."""
        if isinstance(obj, LoopContext) and attribute in OF_LOOPS:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read a key of a dictionary or a place of a list."""
        if isinstance(argument, str) and argument.startswith("_"):
            raise SecurityError(f"{argument} is not for templates")
        if isinstance(obj, Mapping) or (isinstance(obj, Sequence) and isinstance(argument, int)):
            try:
                return obj[argument]
            except LookupError:
                return self.undefined(obj=obj, name=argument)
        if isinstance(obj, Undefined):
            return obj[argument]  # says what is missing
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Add numbers, and nothing else: what is added to itself again and again would grow."""
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise SecurityError(f"{operator} is for numbers; texts are put together by ~")
        return ImmutableSandboxedEnvironment.call_binop(self, context, operator, left, right)


def scalar(value: Any) -> Any:
    """Let through what can be put out as it is. Raises SecurityError for lists and all that holds others."""
    if value is None or isinstance(value, _SCALARS):
        return value
    raise SecurityError(f"a {type(value).__name__} cannot be put out as it is")


def _refusal(node: nodes.Node) -> str:
    """Say what of a node is refused; empty: nothing."""
    if type(node) not in ALLOWED:
        return WORDS.get(type(node), f"« {type(node).__name__.lower()} »")
    if isinstance(node, nodes.For) and node.recursive:
        return "a recursive loop"
    if isinstance(node, nodes.Name) and node.name.startswith("_"):
        return node.name
    if isinstance(node, nodes.Filter) and node.name.startswith("_"):
        return node.name
    if isinstance(node, nodes.List | nodes.Tuple) and getattr(node, "ctx", "load") == "load" and not _constant(node):
        return "a list of anything but fixed values"
    return ""


def _constant(node: Any) -> bool:
    return all(isinstance(item, nodes.Const) for item in node.items)


def _filtered(value: Any, name: str, environment: OpenSandbox) -> nodes.Filter:
    filtered = nodes.Filter(value, name, [], [], None, None, lineno=value.lineno)
    filtered.set_environment(environment)
    return filtered


def _join(values: Iterable[Any], separator: str = "") -> str:
    """Put texts together, up to a length."""
    parts: list[str] = []
    length = 0
    between = str(scalar(separator))
    for value in values:
        parts.append(str(scalar(value)))
        length += len(parts[-1]) + len(between)
        if length > LONGEST_TEXT:
            raise SecurityError(f"the text is longer than {LONGEST_TEXT} characters")
    return between.join(parts)
