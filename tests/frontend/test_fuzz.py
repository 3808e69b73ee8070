"""Damaged and hostile files give a Graph that verifies, or a ModelError; nothing else, with little work."""

from __future__ import annotations

import functools
import random
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.frontend.test_operators import convolution
from tests.support.flat_model import FlatModel, _Serialiser
from tests.support.tflite_writer import write_tflite
from tests.support.tflm import run_tflm
from tinyc.errors import ModelError
from tinyc.frontend.tflite import import_tflite, inspect
from tinyc.ir.interpreter import evaluate
from tinyc.ir.text import parse_graph
from tinyc.ir.verifier import verify

SECONDS = 2.0
MEMORY_BYTES = 1 << 30

ZOO = """graph @zoo {
  %x = input : int8[1,6,6,4] q(0.05;3)
  @w = const : int8[4,3,3,4] q(axis=0;0.01,0.02,0.03,0.04;0,0,0,0) hex"W"
  @b = const : int32[4] hex"B"
  @dw = const : int8[1,3,3,4] q(0.02;0) hex"D"
  @c = const : int8[4] q(0.05;1) hex"01020304"
  @dense = const : int8[3,8] q(0.03;0) hex"F"
  %conv = conv2d(%x, @w, @b) {padding=(1, 1, 1, 1), clamp=(0, 127)} : int8[1,6,6,4] q(0.05;0)
  %depthwise = depthwise_conv2d(%conv, @dw, none) {stride=(2, 2), padding=(0, 0, 1, 1)}
    : int8[1,3,3,4] q(0.05;0)
  %sum = add(%depthwise, @c) : int8[1,3,3,4] q(0.05;0)
  %pad = pad(%sum) {before=(0, 1, 0, 0), after=(0, 0, 1, 0), value=0} : int8[1,4,4,4] q(0.05;0)
  %pool = average_pool2d(%pad) {extent=(2, 2), stride=(2, 2)} : int8[1,2,2,4] q(0.05;0)
  %turned = transpose(%pool) {perm=(0, 2, 1, 3)} : int8[1,2,2,4] q(0.05;0)
  %large = resize_nearest(%turned) {size=(4, 4)} : int8[1,4,4,4] q(0.05;0)
  %part = strided_slice(%large) {begin=(0, 3, 0, 0), stride=(1, -2, 2, 1), shape=(1, 2, 2, 4)}
    : int8[1,2,2,4] q(0.05;0)
  %leaky = leaky_relu(%part) {alpha=0.25} : int8[1,2,2,4] q(0.05;0)
  %both = concatenation(%leaky, %pool) {axis=3} : int8[1,2,2,8] q(0.05;0)
  %mean = mean(%both) {axes=(1, 2)} : int8[1,8] q(0.05;0)
  %flat = reshape(%mean) {shape=(1, 8)} : int8[1,8] q(0.05;0)
  %scores = fully_connected(%flat, @dense, none) : int8[1,3] q(0.05;0)
  %y = softmax(%scores) : int8[1,3] q(0.00390625;-128)
  return %y
}"""


@functools.cache
def zoo() -> bytes:
    """A small model with an operator of every family."""
    text = ZOO.replace('"W"', f'"{"01ff" * 72}"').replace('"B"', f'"{"00" * 16}"')
    return write_tflite(parse_graph(text.replace('"D"', f'"{"7f" * 36}"').replace('"F"', f'"{"10" * 24}"')))


def survives(data: bytes) -> bool:
    """Import and inspect; whether the model was accepted. Anything but a Graph or a ModelError escapes."""
    start = time.process_time()
    accepted = True
    try:
        verify(import_tflite(data, "fuzz"))
    except ModelError as error:
        accepted = False
        assert error.problems and all(error.problems)
    try:
        assert inspect(data).supported == accepted
    except ModelError:
        assert not accepted
    assert time.process_time() - start < SECONDS
    return accepted


def mutate(data: bytes, source: random.Random) -> bytes:
    """One to four changes: flipped bits, overwritten words, moved or lost pieces."""
    changed = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(changed) - 8)
        kind = source.randrange(6)
        if kind == 0:
            changed[at] ^= 1 << source.randrange(8)
        elif kind == 1:
            changed[at] = source.randrange(256)
        elif kind == 2:
            words = (0, 1, 4, -1, 2**31 - 1, -(2**31), len(data), source.randrange(len(data)))
            struct.pack_into("<i", changed, at & ~3, source.choice(words))
        elif kind == 3:
            struct.pack_into("<H", changed, at & ~1, source.choice((0, 1, 4, 0xFFFF, source.randrange(64))))
        elif kind == 4:
            size = source.randint(1, 32)
            other = source.randrange(len(data) - 32)
            changed[at : at + size] = data[other : other + size]
        else:
            del changed[at : at + source.choice((1, 4, 16))]
    return bytes(changed)


def fuzz(data: bytes, seed: int, count: int) -> int:
    """How many of `count` mutations were accepted."""
    source = random.Random(seed)
    return sum(survives(mutate(data, source)) for _ in range(count))


def test_the_zoo_is_accepted() -> None:
    assert survives(zoo())


def test_every_prefix_is_refused() -> None:
    data = zoo()
    assert not any(survives(data[:size]) for size in range(0, len(data), 37))
    assert not survives(data[:-1])


@pytest.mark.parametrize("seed", range(3))
def test_mutations(seed: int) -> None:
    accepted = fuzz(zoo(), seed, 400)
    assert 0 < accepted < 400  # both outcomes are exercised


def test_mutations_of_a_real_model(shared_models: Path) -> None:
    fuzz((shared_models / "kws_ref_model.tflite").read_bytes(), 0, 60)


def test_words_of_minus_one() -> None:
    """Words all over the file, one at a time, become -1."""
    data = zoo()
    for at in range(0, len(data) - 4, 20):
        survives(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])


def test_tensors_that_share_one_long_shape() -> None:
    """Offsets from everywhere to one vector would cost tensors times elements, were reading not limited."""
    flat = FlatModel()
    serialiser = _Serialiser(flat)
    shape = serialiser.builder.CreateNumpyVector(np.ones(100_000, np.int32))
    for index in range(2000):
        flat.tensor(f"t{index}", (), fields={"Shape": shape})
    data = serialiser.run()
    with pytest.raises(ModelError, match="overlap so often"):
        import_tflite(data, "m")
    assert not survives(data)


def test_operators_that_share_one_long_constant() -> None:
    flat = convolution("CONV_2D", 4000, 0, 0)
    first, y = flat.operators[0], flat.tensors[3]
    for _ in range(60):
        index = flat.tensor("more", y.shape, scale=y.scale, zero_point=y.zero_point)
        flat.operators.append(replace(first, outputs=[index]))
    with pytest.raises(ModelError, match="operators share add up to more than 16 times the file"):
        import_tflite(flat.to_bytes(), "m")


def agreements(seed: int, count: int) -> int:
    """Of `count` mutations, how many are accepted and run in TFLM; all of these compute the same there.

    TFLM may refuse or die where we accept: it does not check the parts of a file that nobody needs.
    """
    source, codes, agreed = random.Random(seed), np.random.default_rng(seed), 0
    for _ in range(count):
        data = mutate(zoo(), source)
        try:
            graph = import_tflite(data, "fuzz")
            inputs = [
                codes.integers(-128, 128, v.type.shape).astype(v.type.dtype.numpy) for v in graph.inputs
            ]
            ours, theirs = evaluate(graph, inputs), run_tflm(data, inputs)
        except ModelError:
            continue
        assert len(ours) == len(theirs)
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
        agreed += 1
    return agreed


def test_what_is_accepted_computes_what_tflm_computes() -> None:
    assert agreements(seed=1, count=400) > 5


# ---------------------------------------------------------------------- long
@pytest.mark.long
def test_many_that_are_accepted_compute_what_tflm_computes() -> None:
    assert agreements(seed=2, count=8000) > 200


WORKER = """
import resource, sys
sys.path.insert(0, {root!r})
from tests.frontend import test_fuzz
data = open({path!r}, "rb").read() if {path!r} else test_fuzz.zoo()
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
print(test_fuzz.fuzz(data, {seed}, {count}))
"""


def fuzz_in_bounded_memory(path: str, seed: int, count: int) -> None:
    root = str(Path(__file__).resolve().parents[2])
    script = WORKER.format(root=root, path=path, limit=MEMORY_BYTES, seed=seed, count=count)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-2000:]


def test_memory_is_bounded() -> None:
    fuzz_in_bounded_memory("", 99, 50)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_many_mutations(seed: int) -> None:
    fuzz_in_bounded_memory("", 1000 + seed, 10_000)


@pytest.mark.long
@pytest.mark.parametrize("name", ["kws_ref_model", "person_detect", "mcunet_vww"])
def test_many_mutations_of_real_models(name: str, shared_models: Path) -> None:
    fuzz_in_bounded_memory(str(shared_models / f"{name}.tflite"), 5, 500)
