"""Global pooling from sums over the rows so far equals that of the image; rows of every operator equal its slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.graphs import graphs
from tests.support.operator_cases import int8, per_tensor, rngs
from tinyc import ops
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate_all
from tinyc.ir.operator import ROWS, Operator
from tinyc.ir.types import Signature, TensorType
from tinyc.ops.sums import sums_type
from tinyc.program.rows import row_stages


@pytest.mark.parametrize("name", ["average_pool2d", "average_pool2d_even", "mean", "mean rounded once"])
def test_pooling_from_sums_is_exact(name: str) -> None:
    @given(st.data())
    def check(data: st.DataObject) -> None:
        rows, cols, channels = (data.draw(st.integers(1, 9)) for _ in range(3))
        x = data.draw(int8((1, rows, cols, channels)))
        op: Operator = {
            "average_pool2d": ops.AveragePool2D(extent=(rows, cols)),
            "average_pool2d_even": ops.AveragePoolEven2D(extent=(rows, cols), of_codes=data.draw(st.booleans())),
            "mean": ops.Mean((1, 2)),
            "mean rounded once": ops.Mean((1, 2), rounds_once=True),
        }[name]
        ((shape, dtype),) = op.infer(x)
        quant = x.quant if name == "average_pool2d" or data.draw(st.booleans()) else data.draw(per_tensor())
        sig = Signature((x,), (TensorType(shape, dtype, quant),))
        try:
            op.check(sig)
        except Exception:  # an operator that is refused needs no rows
            return
        finish = op.from_sums(sig)
        assert finish is not None
        codes = data.draw(rngs()).integers(-128, 128, x.shape).astype(np.int8)
        sums = np.zeros(sums_type(x).shape, np.int32)
        for row in range(rows):
            (sums,) = ops.AddRows().reference(sig, codes[:, row : row + 1], sums)
        got = finish.reference(Signature((sums_type(x),), sig.outputs), sums)
        np.testing.assert_array_equal(got, op.reference(sig, codes))

    check()


@given(graphs(), rngs())
def test_rows_are_slices(graph: Graph, random: np.random.Generator) -> None:
    """What `tile` computes from the rows that the access map names is a slice of the whole result."""
    inputs = [random.integers(-128, 128, v.type.shape).astype(np.int8) for v in graph.inputs]
    known = evaluate_all(graph, inputs)
    for node in graph.nodes:
        stages = row_stages(node)
        if isinstance(stages, str) or len(stages) > 1:
            continue
        (stage,) = stages
        for number, variant in enumerate(stage.variants):
            last = stage.variants[number + 1].first if number + 1 < len(stage.variants) else stage.rows
            for row in {variant.first, last - 1}:
                needs = {id(v): feed.needs(row, v.type.shape[ROWS]) for v, feed in stage.reads}
                operands = [
                    None if v is None else known[v.name] if id(v) not in needs
                    else known[v.name][:, needs[id(v)][0] : needs[id(v)][1]]
                    for v in variant.inputs
                ]
                (got,) = variant.site.op.reference(variant.site.sig, *operands)
                np.testing.assert_array_equal(got, known[node.output.name][:, row : row + 1], err_msg=str(node))
