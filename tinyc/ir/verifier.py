"""The Graph verifier: everything that a pass must leave true. Runs after every pass in tests."""

from __future__ import annotations

from collections import Counter

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import TypeRuleError
from tinyc.ir.region import Region


class InvalidGraph(Exception):
    """A graph that breaks an invariant: a bug in the pass that ran last, never the user's fault."""


def verify(graph: Graph) -> None:
    """Raise InvalidGraph listing every broken invariant."""
    problems = _problems(graph)
    if problems:
        raise InvalidGraph(f"graph {graph.name!r}:\n  " + "\n  ".join(problems))


def _problems(graph: Graph) -> list[str]:
    problems = _structure(graph)
    for node in graph.nodes:
        inside = _problems(node.op.body.graph) if isinstance(node.op, Region) else []
        problems += [f"{node}: in its body, {problem}" for problem in inside] or check_types(node)
    return problems


def _structure(graph: Graph) -> list[str]:
    problems: list[str] = []
    defined = {id(v) for v in (*graph.inputs, *graph.constants.values())}
    names = Counter(v.name for v in graph.values())
    problems += [f"two values are called {name!r}" for name, count in names.items() if count > 1]
    for node in graph.nodes:
        for index, value in enumerate(node.inputs):
            if value is None:
                continue
            if id(value) not in defined:
                problems.append(f"{node}: reads {value.name!r} before it is defined")
            if (node, index) not in value.uses:
                problems.append(f"{node}: {value.name!r} does not know this use")
        for value in node.outputs:
            if value.producer is not node:
                problems.append(f"{node}: {value.name!r} names another producer")
            defined.add(id(value))
    known = {id(n) for n in graph.nodes}
    for value in graph.values():
        stale = [n for n, _ in value.uses if id(n) not in known]
        problems += [f"{value.name!r} counts a use by {n}, which is gone" for n in stale]
    problems += [f"output {v.name!r} is never defined" for v in graph.outputs if id(v) not in defined]
    return problems


def check_types(node: Node) -> list[str]:
    """What is wrong with one node's operands, one sentence each."""
    op, sig = node.op, node.signature
    problem = _operand_problem(node)
    if problem:
        return [f"{node}: {problem}"]
    try:
        inferred = op.infer(*sig.inputs)
        found = tuple((t.shape, t.dtype) for t in sig.outputs)
        if inferred != found:
            return [f"{node}: expected outputs {_show(inferred)}, got {_show(found)}"]
        op.check(sig)
    except TypeRuleError as error:
        return [f"{node}: {error}"]
    return [p for v in node.outputs for p in _quant_problems(node, v)]


def _operand_problem(node: Node) -> str | None:
    """A wrong number of operands, or an absent one. A last input "..." stands for any number of them."""
    op, given = node.op, node.inputs
    named = tuple(n for n in op.inputs if n != "...")
    required = [n for n in named if n not in op.optional]
    if len(given) < len(required) or (len(given) > len(named) and named == op.inputs):
        return f"expected inputs ({', '.join(op.inputs)}), got {len(given)}"
    for index, value in enumerate(given):
        name = named[index] if index < len(named) else "..."
        if value is None and name not in op.optional:
            return f"input {index} ({name}) is absent, and it is not optional"
    return None


def _quant_problems(node: Node, value: Value) -> list[str]:
    quant = value.type.quant
    if quant is None:
        return []
    channels = 1 if quant.axis is None else value.type.shape[quant.axis]
    if len(quant.scale) != channels:
        return [f"{node}: {value.name!r} has {len(quant.scale)} scales for {channels} channels"]
    return []


def _show(types: object) -> str:
    assert isinstance(types, tuple)
    return ", ".join(f"{d.value}[{','.join(map(str, s))}]" for s, d in types)
