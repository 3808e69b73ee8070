"""Gives the network int8 ends where the model file has float32 ones."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ops import Dequantize, Quantize


@graph_pass("drop-float-ends", opt_level=0)
@dataclass(frozen=True)
class DropFloatEnds(Pass):
    """Removes QUANTIZE at the inputs and DEQUANTIZE at the outputs: the caller then exchanges int8 codes.

    An input and an output keep their names and positions and get the type of the codes. A float32 input
    stays where something else reads it too, or where two QUANTIZE want different codes of it; a float32
    output stays where its codes are a network input or another output. This pass changes the network's
    interface, so it is not in the default pipeline: the compiler adds it for `--io int8`.
    """

    def run(self, graph: Graph) -> bool:
        inputs = [self._drop_quantize(graph, value) for value in list(graph.inputs)]
        outputs = [self._drop_dequantize(graph, n) for n in graph.nodes if isinstance(n.op, Dequantize)]
        return any(inputs) or any(outputs)

    def _drop_quantize(self, graph: Graph, image: Value) -> bool:
        readers = image.users
        types = {node.output.type for node in readers}
        only_quantize = all(isinstance(node.op, Quantize) for node in readers)
        if not only_quantize or len(types) != 1 or graph.is_output(image):
            return False
        if any(graph.is_output(node.output) for node in readers):
            return False
        graph.retype(image, types.pop())
        image.source = readers[0].output.source
        for node in readers:
            graph.replace_value(node.output, image)
            graph.erase(node)
        return True

    def _drop_dequantize(self, graph: Graph, node: Node) -> bool:
        real, codes = node.output, node.input(0)
        if real.uses or not graph.is_output(real) or codes.producer is None or graph.is_output(codes):
            return False
        graph.outputs = [codes if value is real else value for value in graph.outputs]
        graph.erase(node)
        graph.rename(codes, real.name)
        return True
