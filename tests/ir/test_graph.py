"""Graph mutations keep uses right; the verifier sees every broken invariant."""

from __future__ import annotations

import pytest

from tinyc.ir.graph import Graph, Node
from tinyc.ir.text import parse_graph, print_graph
from tinyc.ir.types import Quant, TensorType
from tinyc.ir.verifier import InvalidGraph, verify
from tinyc.ops import Add, Reshape

T = TensorType((1, 4), quant=Quant.per_tensor(0.5, 0))


def diamond() -> Graph:
    """x → a, x → b, a + b → c."""
    graph = Graph("diamond")
    x = graph.add_input("x", T)
    a = graph.add(Reshape((1, 4)), [x], T, name="a").output
    b = graph.add(Reshape((1, 4)), [x], T, name="b").output
    graph.outputs = [graph.add(Add(), [a, b], T, name="c").output]
    verify(graph)
    return graph


def test_uses_follow_replacements() -> None:
    graph = diamond()
    x, (a, b, c) = graph.inputs[0], graph.nodes
    graph.replace_value(b.output, a.output)
    assert [v.name for v in graph.nodes[2].inputs if v] == ["a", "a"]
    assert len(a.output.uses) == 2 and not b.output.uses
    assert not graph.has(c) and graph.has(graph.nodes[2])
    graph.erase(b)
    assert len(x.uses) == 1
    verify(graph)


def test_what_is_still_read_cannot_be_erased() -> None:
    graph = diamond()
    with pytest.raises(ValueError, match="'a' is still read"):
        graph.erase(graph.nodes[0])
    with pytest.raises(ValueError, match="'c' is still read"):
        graph.erase(graph.nodes[2])


def test_a_copy_is_independent_and_equal() -> None:
    graph = diamond()
    twin = graph.copy()
    assert print_graph(twin) == print_graph(graph)
    twin.replace_value(twin.nodes[1].output, twin.nodes[0].output)
    twin.erase(twin.nodes[1])
    verify(graph)
    verify(twin)
    assert len(graph.nodes) == 3


def test_names_stay_unique() -> None:
    graph = diamond()
    assert graph.add_input("x", T).name == "x.1"
    assert graph.add_input("x", T).name == "x.2"


def test_sole_user_counts_the_caller() -> None:
    graph = diamond()
    assert graph.sole_user(graph.nodes[0].output) is graph.nodes[2]
    graph.outputs.append(graph.nodes[0].output)
    assert graph.sole_user(graph.nodes[0].output) is None


def test_reorder_respects_dependences() -> None:
    graph = diamond()
    a, b, c = graph.nodes
    graph.reorder([b, a, c])
    verify(graph)
    with pytest.raises(ValueError, match="c would run before 'a'"):
        graph.reorder([b, c, a])
    with pytest.raises(ValueError, match="every node of the graph once"):
        graph.reorder([a, b])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%c = add(%x, %x) : int8[1,5] q(1;0)", r"expected outputs int8\[1,4\], got int8\[1,5\]"),
        ("%c = add(%x) : int8[1,4] q(1;0)", r"expected inputs \(a, b\), got 1"),
        ("%c = add(%x, none) : int8[1,4] q(1;0)", "b.* is absent, and it is not optional"),
        ("%c = add(%x, %x) : int8[1,4]", "expected one scale"),
        ("%c = reshape(%x) {shape=(3,)} : int8[3] q(1;0)", r"4 elements cannot take the shape \[3\]"),
        ("%c = reshape(%x) {shape=(4,)} : int8[4] q(2;0)", "expected equal quantisation"),
    ],
)
def test_the_verifier_explains_type_errors(text: str, message: str) -> None:
    graph = parse_graph(f"graph @g {{\n %x = input : int8[1,4] q(1;0)\n {text}\n return %c\n}}")
    with pytest.raises(InvalidGraph, match=message):
        verify(graph)


def test_the_verifier_sees_broken_structure() -> None:
    graph = diamond()
    node = graph.nodes[0]
    graph._nodes.append(Node(Add(), [node.output, node.output], [], "stray"))
    graph._nodes[0], graph._nodes[2] = graph._nodes[2], graph._nodes[0]
    with pytest.raises(InvalidGraph) as caught:
        verify(graph)
    assert "reads 'a' before it is defined" in str(caught.value)
    assert "'a' does not know this use" in str(caught.value)
