"""What the passes for vision transformers that run on request change: python benchmarks/vit_passes.py [--models DIR]

First recognise-layer-norm, on the TFLite transformer of the tests: SRAM with --objective speed and sram, instructions
and code on the emulated Cortex-M4, and how far each normalisation is from float64 on its own input, in codes. Then
decompose-patch-embedding, on two transformers of DIR (default: ../shared/models beside the repository): SRAM of the
network with a stored and a streamed input (--objective sram), and of its first convolution alone bytes of weights and
tables, and instructions on emulated cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import tinyc
from tinyc.compiler import Compiled, InputMode, Objective, Options, compile_graph
from tinyc.frontend import load
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate_all
from tinyc.ir.transform import parse_pipeline
from tinyc.ir.types import Array
from tinyc.ops import Conv2D, LayerNorm
from tinyc.ops.conv import extent_of
from tinyc.passes import DEFAULT_PIPELINE, DeadCode, DecomposePatchEmbedding, DropFloatEnds, RecogniseLayerNorm
from tinyc.simulate import RunResult
from tinyc.verification import execute, make_samples

ROOT = Path(__file__).resolve().parents[1]
TFLITE = ROOT / "tests" / "data" / "tflite_vit" / "vit.tflite"
MODELS = ("vit_micro_qdq", "vit_240_qdq")
FIELDS = ((4, 4), (8, 8), (4, 24), (12, 24))
CORES = ("cortex-m4", "cortex-m55")
BUILDS: tuple[tuple[Objective, InputMode], ...] = (("speed", "stored"), ("sram", "stored"), ("sram", "stream"))
IMAGES = 20


def main() -> int:
    """Print both tables, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description="What passes for vision transformers change.")
    parser.add_argument("--models", type=Path, metavar="DIR", default=ROOT.parent / "shared" / "models")
    options = parser.parse_args()
    normalisation()
    for name in MODELS:
        decomposition(options.models / f"{name}.onnx")
    return 0


# ---------------------------------------------------------------------- recognise-layer-norm
def normalisation() -> None:
    """The literal chain against the operator."""
    print(f"{'layer normalisation':24}{'speed':>8}{'sram':>8}{'instructions':>14}{'code':>8}   error, mean and most")
    literal, recognised = errors()
    for pipeline, error in (("default", literal), ("recognise-layer-norm,default", recognised)):
        fast, small = (
            tinyc.compile(TFLITE, "cortex-m4", objective=goal, pipeline=parse_pipeline(pipeline))
            for goal in ("speed", "sram")
        )
        ran = profiled(fast)
        sizes = f"{fast.plan.arena_bytes:8,}{small.plan.arena_bytes:8,}{ran.instructions or 0:14,}"
        print(f"{pipeline.partition(',')[0]:24}{sizes}{ran.text_bytes or 0:8,}   {error.mean():.2f} {error.max():.2f}")


def errors() -> tuple[Array, Array]:
    """Distances in codes from float64: of what the chain computes, and of the operator on the same inputs."""
    chain, recognised = load(TFLITE), load(TFLITE)
    RecogniseLayerNorm().run(recognised)
    norms = [node for node in recognised.nodes if isinstance(node.op, LayerNorm)]
    found: tuple[list[Array], list[Array]] = ([], [])
    random = np.random.default_rng(0)
    for _ in range(IMAGES):
        kind = chain.inputs[0].type
        values = evaluate_all(chain, [random.integers(-128, 128, kind.shape).astype(np.int8)])
        for node in norms:
            x, y = values[node.input(0).name], node.output.type
            real = node.op.real(node.signature, (x - float(node.input(0).type.zero_point)) * node.input(0).type.scale)
            assert real is not None
            wanted = np.clip(real / y.scale + y.zero_point, -128, 127)
            (ours,) = node.op.reference(node.signature, x, *(None for _ in node.inputs[1:]))
            for distances, codes in zip(found, (values[node.output.name], ours), strict=True):
                distances.append(np.abs(codes - wanted).ravel())
    return np.concatenate(found[0]), np.concatenate(found[1])


# ---------------------------------------------------------------------- decompose-patch-embedding
def decomposition(model: Path) -> None:
    """One convolution against sums over fields of several sizes."""
    graph = load(model)
    DropFloatEnds().run(graph)
    alone = convolution(graph)
    window = extent_of(alone.nodes[0].input(1).type)
    print(f"\n{model.stem:16}{'stored':>9}{'streamed':>9}{'flash':>9}   instructions on {' and '.join(CORES)}")
    for field in (None, *(f for f in FIELDS if f[0] < window[0] and f[1] <= window[1])):
        pipeline = (*(() if field is None else (DecomposePatchEmbedding(field),)), *DEFAULT_PIPELINE)
        fast, *small = (Options(pipeline=pipeline, objective=goal, input_mode=mode) for goal, mode in BUILDS)
        arenas = [f"{compile_graph(graph, 'cortex-m4', o).plan.arena_bytes:9,}" for o in small]
        builds = [compile_graph(alone, core, fast) for core in CORES]
        project = builds[0].project()
        flash, counts = project.weights_bytes + project.tables_bytes, [profiled(b).instructions or 0 for b in builds]
        title = "one convolution" if field is None else f"field {field[0]}x{field[1]}"
        print(f"{title:16}{''.join(arenas)}{flash:9,}   {' and '.join(f'{n:,}' for n in counts)}", flush=True)


def convolution(graph: Graph) -> Graph:
    """The network up to its first convolution."""
    alone = graph.copy()
    alone.outputs = [next(node.output for node in alone.nodes if isinstance(node.op, Conv2D))]
    DeadCode().run(alone)
    return alone


def profiled(compiled: Compiled) -> RunResult:
    return execute(compiled, make_samples(compiled, 1), on="emulator", profile=True)


if __name__ == "__main__":
    raise SystemExit(main())
