"""The text form of a Graph: printer and parser, each the inverse of the other.

    graph @digits {
      %image = input : int8[1,8,8,1] q(0.00392156862745098;-128)
      @w = const : int8[8,3,3,1] q(0.01;0) hex"00ff…"
      %conv = conv2d(%image, @w, none) {stride=(1, 1), padding=(1, 1, 1, 1)} : int8[1,8,8,8] q(0.02;-128) from "conv"
      return %conv
    }

Attributes equal to their default are left out. Several results read `%a, %b = split(…) : type, type`. Names that are
not plain identifiers are quoted: %"model/conv:0". `from "…"` is the model file's tensor that holds the same numbers.

An operator with a body has its nodes behind it. They see the operands, under other names where `as` says so, and the
constants around it, which then are operands as well; what the body returns are the results.

      %sum = segment(%image.1 as %image) {heights=(2, 1)} : int8[1,8,8,1] q(0.02;-128) {
        %conv = conv2d(%image, @w, none) {padding=(1, 1, 1, 1)} : int8[1,8,8,1] q(0.02;-128)
        %sum = add(%conv, %image) : int8[1,8,8,1] q(0.02;-128)
        return %sum
      }
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from enum import Enum
from textwrap import indent
from typing import Any

import numpy as np

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import Operator, operators
from tinyc.ir.region import Body, Region
from tinyc.ir.types import Array, DType, Quant, TensorType

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


class TextError(ValueError):
    """The text is not a graph; the message names the line and what was expected."""


# ---------------------------------------------------------------------- printing
def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _reference(value: Value | None) -> str:
    if value is None:
        return "none"
    sigil = "@" if value.is_constant else "%"
    return sigil + (value.name if _PLAIN.match(value.name) else _quote(value.name))


def _attribute(value: Any) -> str:
    return _quote(str(value.value)) if isinstance(value, Enum) else repr(value)


def _attributes(op: Operator) -> str:
    given = ((f.name, value) for f in fields(op) if (value := getattr(op, f.name)) != f.default)
    shown = [f"{name}={_attribute(value)}" for name, value in given if not isinstance(value, Body)]
    return f" {{{', '.join(shown)}}}" if shown else ""


def _operands(node: Node) -> Iterator[str]:
    inside = node.op.body.parameters if isinstance(node.op, Region) else node.inputs
    hidden = isinstance(node.op, Region) and _sees_constants(node.op.body, node.inputs)
    for value, seen in zip(node.inputs, inside, strict=True):
        shown, own = _reference(value), _reference(seen)
        if not hidden or seen is None or not seen.is_constant:
            yield shown if shown == own else f"{shown} as {own}"


def _sees_constants(body: Body, operands: Sequence[Value | None]) -> bool:
    """Whether the nodes of a body tell which constants are operands: these have their own names, and that order."""
    used = dict.fromkeys(_reference(v) for node in body.nodes for v in node.inputs if v is not None and v.is_constant)
    inside = [_reference(v) for v in body.graph.constants.values()]
    return inside == list(used) == [_reference(v) for v in operands[len(operands) - len(inside) :]]


def _body(op: Operator) -> str:
    if not isinstance(op, Region):
        return ""
    lines = [*map(print_node, op.body.nodes), f"return {', '.join(map(_reference, op.body.results))}"]
    return " {\n" + indent("\n".join(lines), "  ") + "\n}"


def print_node(node: Node) -> str:
    """One node as text, without indentation."""
    results = ", ".join(map(_reference, node.outputs))
    inputs = ", ".join(_operands(node))
    types = ", ".join(str(v.type) for v in node.outputs)
    sources = [_quote(v.source) if v.source else "none" for v in node.outputs]
    origin = f" from {', '.join(sources)}" if any(v.source for v in node.outputs) else ""
    label = f" as {_quote(node.name)}" if node.name != node.output.name else ""
    return f"{results} = {node.op.name}({inputs}){_attributes(node.op)} : {types}{origin}{label}{_body(node.op)}"


def print_graph(graph: Graph, *, weights: bool = True) -> str:
    """The whole graph as text. Without weights, constants become abstract and the text stays short."""
    lines = [f"graph @{graph.name if _PLAIN.match(graph.name) else _quote(graph.name)} {{"]
    for value in graph.inputs:
        source = f" from {_quote(value.source)}" if value.source else ""
        lines.append(f"  {_reference(value)} = input : {value.type}{source}")
    for value in graph.constants.values():
        data = f' hex"{value.data.tobytes().hex()}"' if weights and value.data is not None else ""
        lines.append(f"  {_reference(value)} = const : {value.type}{data}")
    lines += [indent(print_node(node), "  ") for node in graph.nodes]
    lines += [f"  return {', '.join(map(_reference, graph.outputs))}", "}"]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------------- parsing
_TOKEN = re.compile(
    r"""\s*(?:(?P<comment>//[^\n]*)|(?P<value>[%@](?:[A-Za-z_][A-Za-z0-9_.]*|"(?:[^"\\]|\\.)*"))"""
    r"""|(?P<hex>hex"[0-9a-f]*")|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<number>-?(?:inf|nan|\d+\.?\d*(?:e[-+]?\d+)?))|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark>[={}()\[\],:;]))"""
)


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, int]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if not match:
                rest = text[position:].lstrip()
                line = text.count("\n", 0, len(text) - len(rest)) + 1
                raise TextError(f"line {line}: cannot read {rest[:20]!r}")
            position = match.end()
            kind = match.lastgroup or ""
            if kind != "comment":
                self.tokens.append((kind, match.group(kind), text.count("\n", 0, match.start(kind)) + 1))
        self.at = 0
        self.values: dict[str, Value] = {}
        self.bodies: list[tuple[Graph, list[Value | None], dict[str, Value]]] = []  # with operands and what is around

    # -- tokens
    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def next(self, kind: str | None = None, text: str | None = None) -> str:
        if self.at >= len(self.tokens):
            raise TextError(f"the text ends where {text or kind} was expected")
        found_kind, found, line = self.tokens[self.at]
        if (kind and found_kind != kind) or (text and found != text):
            raise TextError(f"line {line}: expected {text or kind}, got {found!r}")
        self.at += 1
        return found

    def accept(self, text: str) -> bool:
        if self.peek() != text:
            return False
        self.at += 1
        return True

    def string(self) -> str:
        return str(ast.literal_eval(self.next("string")))

    # -- pieces
    def name(self) -> str:
        token = self.next("value")[1:]
        return str(ast.literal_eval(token)) if token.startswith('"') else token

    def operand(self) -> Value | None:
        if self.accept("none"):
            return None
        line = self.tokens[self.at][2] if self.at < len(self.tokens) else 0
        constant, name = self.peek().startswith("@"), self.name()
        if constant and name not in self.values and self.bodies:
            return self.seen(name, line)
        if name not in self.values:
            raise TextError(f"line {line}: {name!r} is not defined")
        return self.values[name]

    def seen(self, name: str, line: int) -> Value:
        """A constant around the body that is being read: one more operand of it."""
        graph, operands, outside = self.bodies[-1]
        if name not in outside or not outside[name].is_constant:
            raise TextError(f"line {line}: {name!r} is not defined")
        operands.append(outside[name])
        self.values[name] = graph.add_constant(name, outside[name].type, None)
        return self.values[name]

    def list_until(self, end: str) -> list[str]:
        items: list[str] = []
        while not self.accept(end):
            items.append(self.next("number"))
            self.accept(",")
        return items

    def type(self) -> TensorType:
        word = self.next("word")
        if word not in DType.__members__:
            raise TextError(f"line {self.tokens[self.at - 1][2]}: {word!r} is no element type")
        self.next(text="[")
        shape = tuple(int(n) for n in self.list_until("]"))
        return TensorType(shape, DType(word), self.quant() if self.peek() == "q" else None)

    def quant(self) -> Quant:
        self.next(text="q")
        self.next(text="(")
        axis = None
        if self.accept("axis"):
            self.next(text="=")
            axis = int(self.next("number"))
            self.next(text=";")
        scales = tuple(float(n) for n in self.list_until(";"))
        return Quant(scales, tuple(int(n) for n in self.list_until(")")), axis)

    def literal(self) -> Any:
        """A Python literal: number, string, True/False/None, or a tuple of literals."""
        if self.accept("("):
            items = []
            while not self.accept(")"):
                items.append(self.literal())
                self.accept(",")
            return tuple(items)
        kind, text, _ = self.tokens[self.at]
        self.at += 1
        return float(text) if text in ("inf", "-inf", "nan") else ast.literal_eval(text) if kind else None

    def origins(self) -> list[str | None]:
        if not self.accept("from"):
            return []
        found: list[str | None] = []
        while True:
            found.append(None if self.accept("none") else self.string())
            if not self.accept(","):
                return found

    # -- statements
    def graph(self) -> Graph:
        self.next(text="graph")
        graph = Graph(self.name())
        self.statements(graph)
        if self.at != len(self.tokens):
            raise TextError(f"line {self.tokens[self.at][2]}: text after the graph's end")
        return graph

    def statements(self, graph: Graph) -> None:
        self.next(text="{")
        while not self.accept("return"):
            self.statement(graph)
        graph.outputs = [v for v in self.operands("}") if v is not None]

    def operands(self, end: str) -> list[Value | None]:
        found: list[Value | None] = []
        while not self.accept(end):
            found.append(self.operand())
            self.accept(",")
        return found

    def renamed(self, end: str) -> tuple[list[Value | None], list[str]]:
        """Operands, and the names under which a body sees them."""
        found: list[Value | None] = []
        names: list[str] = []
        while not self.accept(end):
            value = self.operand()
            found.append(value)
            names.append(self.name() if self.accept("as") else value.name if value else "none")
            self.accept(",")
        return found, names

    def body(self, operands: list[Value | None], names: list[str]) -> Body:
        """The nodes of a region, which see its operands under these names. Adds the constants that they see."""
        line = self.tokens[self.at - 1][2]
        graph, outside = Graph("body"), self.values
        self.values = {}
        for name, value in zip(names, operands, strict=True):
            if value is None or name in self.values:
                raise TextError(f"line {line}: a body must see every operand under a name of its own")
            self.values[name] = (
                graph.add_constant(name, value.type, None) if value.is_constant else graph.add_input(name, value.type)
            )
        self.bodies.append((graph, operands, outside))
        self.statements(graph)
        self.bodies.pop()
        self.values, body = outside, Body(graph)
        if [v and v.is_constant for v in operands] != [v.is_constant for v in body.parameters]:
            raise TextError(f"line {line}: constants must be the last operands")
        return body

    def statement(self, graph: Graph) -> None:
        names = [self.name()]
        while self.accept(","):
            names.append(self.name())
        self.next(text="=")
        line = self.tokens[self.at][2]
        word = self.next("word")
        if word == "input":
            self.next(text=":")
            value = graph.add_input(names[0], self.type())
            value.source = (self.origins() or [None])[0]
            self.values[names[0]] = value
        elif word == "const":
            self.next(text=":")
            type_ = self.type()
            self.values[names[0]] = graph.add_constant(names[0], type_, self.data(type_))
        else:
            self.node(graph, names, word, line)

    def data(self, type_: TensorType) -> Array | None:
        if not self.peek().startswith('hex"'):
            return None
        raw = bytes.fromhex(self.next("hex")[4:-1])
        if len(raw) != type_.bytes:
            raise TextError(f"line {self.tokens[self.at - 1][2]}: expected {type_.bytes} bytes of data, got {len(raw)}")
        return np.frombuffer(raw, dtype=type_.dtype.numpy).reshape(type_.shape)

    def node(self, graph: Graph, names: list[str], word: str, line: int) -> None:
        if word not in operators():
            raise TextError(f"line {line}: there is no operator {word!r}")
        cls = operators()[word]
        self.next(text="(")
        inputs, seen = self.renamed(")")
        attributes: dict[str, Any] = {}
        if self.accept("{"):
            while not self.accept("}"):
                key = self.next("word")
                self.next(text="=")
                attributes[key] = self.literal()
                self.accept(",")
        self.next(text=":")
        types = [self.type()]
        while self.accept(","):
            types.append(self.type())
        sources = self.origins()
        label = self.string() if self.accept("as") else names[0]
        if issubclass(cls, Region):
            attributes["body"] = self.body(inputs, seen)
        try:
            op = cls(**attributes)
        except TypeError as error:
            raise TextError(f"line {line}: {word}: {error}") from None
        made = graph.add(op, inputs, types, name=label)
        for name, value in zip(names, made.outputs, strict=True):
            graph.rename(value, name)
            self.values[name] = value
        for value, source in zip(made.outputs, sources, strict=False):
            value.source = source


def parse_graph(text: str) -> Graph:
    """Read a graph from its text form. Raises TextError naming the line."""
    if text.lstrip().startswith("graph @"):
        return _Parser(text).graph()
    raise TextError("line 1: expected 'graph @name {'")
