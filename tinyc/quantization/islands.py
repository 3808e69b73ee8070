"""Functions of one tensor, put aside while the model is quantised, so that nothing inside them is rounded.

x · sigmoid(x), the Div–Erf–Add–Mul–Mul of older Gelu exports: tinyc makes one exact table of such a chain, from the
quantisation of its input and its output. A quantiser that knows only single operators would round between them as
well. So each becomes a function of the model (ONNX's own means) before quantisation and is inlined after it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from tinyc.frontend.onnx.package import require_onnx

DOMAIN = "tinyc.island"
LEAST_IR = 8  # the format's version that brought functions
_UNARY = {
    "Abs", "Ceil", "Clip", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu",
    "Log", "Mish", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Swish",
    "Tanh",
}  # fmt: skip
_BINARY = {"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"}
_LIMITS = {"Clip", "Relu"}


def outline(model: Any) -> list[str]:
    """Change a ModelProto so that its islands are calls of functions; returns the names of these operators."""
    helper = require_onnx().helper
    islands = list(_islands(model))
    if islands:
        model.ir_version = max(model.ir_version, LEAST_IR)
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    names = [f"Island{number}" for number in range(len(islands))]
    for name, (source, nodes) in zip(names, islands, strict=True):
        _replace(model, name, source, nodes)
    return names


def restore(model: Any) -> Any:
    """The ModelProto with the functions' nodes back in their places."""
    require_onnx()
    import onnx.inliner

    if not model.functions:
        return model
    return onnx.inliner.inline_local_functions(model)


def _islands(model: Any) -> Iterator[tuple[str, list[Any]]]:
    """(the tensor, its functions' nodes in the graph's order), wherever these are two or more."""
    graph = model.graph
    scalars = {t.name for t in graph.initializer if math.prod(t.dims) == 1}
    readers = Counter(name for node in graph.node for name in set(node.input))
    root: dict[str, str] = {}
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for node in graph.node:
        sources = {root.get(name, name) for name in node.input if name and name not in scalars}
        if len(sources) != 1 or node.domain not in ("", "ai.onnx") or node.op_type not in _UNARY | _BINARY:
            continue
        (source,) = sources
        if node.op_type in _LIMITS and source in node.input and readers[source] == 1:
            continue  # the operator before takes the limit over
        root[node.output[0]] = source
        found[source].append(node)
    floats = _float_tensors(model)
    yield from ((source, nodes) for source, nodes in found.items() if len(nodes) > 1 and source in floats)


def _float_tensors(model: Any) -> set[str]:
    """Computed or given at run time, by ONNX's type inference."""
    onnx = require_onnx()
    graph = onnx.shape_inference.infer_shapes(model).graph
    known = [*graph.value_info, *graph.input, *graph.output]
    floats = {v.name for v in known if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    return floats - {t.name for t in graph.initializer}


def _replace(model: Any, name: str, source: str, nodes: Sequence[Any]) -> None:
    """One call where the first of the nodes was; constants go into the function, where nothing quantises them."""
    helper, graph = require_onnx().helper, model.graph
    written = {output for node in nodes for output in node.output}
    rest = [node for node in graph.node if written.isdisjoint(node.output)]
    outside = {n for node in rest for n in node.input} | {port.name for port in graph.output}
    outputs = [n for node in nodes for n in node.output if n in outside]
    used = {n for node in nodes for n in node.input} - written - {source}
    constants = [helper.make_node("Constant", [], [t.name], value=t) for t in graph.initializer if t.name in used]
    opsets = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    model.functions.append(helper.make_function(DOMAIN, name, [source], outputs, [*constants, *nodes], opsets))
    call = helper.make_node(name, [source], outputs, name=f"{outputs[0]}_island", domain=DOMAIN)
    place = next(i for i, node in enumerate(graph.node) if not written.isdisjoint(node.output))  # all before it stays
    del graph.node[:]
    graph.node.extend([*rest[:place], call, *rest[place:]])
    for tensor in [t for t in graph.initializer if t.name in used - outside]:
        graph.initializer.remove(tensor)
