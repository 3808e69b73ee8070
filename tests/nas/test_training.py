# ruff: noqa: E402  (what follows importorskip needs PyTorch)
"""Supernets: what is shared, what is trained, and that the network taken out is the one that was planned.

Needs PyTorch (the extra `train`, which CI asks for); tests/nas/test_trainer.py covers the rest.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

WHY = 'supernets need PyTorch: pip install "tinyc[train]"'
torch = pytest.importorskip("torch", reason=WHY)
pytest.importorskip("onnxscript", reason=WHY)

import tinyc
from tests.conftest import ROOT
from tests.nas.support import SMALL_AUDIO
from tinyc import nas
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.nas.spaces import CnnSpace, Space, VitSpace
from tinyc.nas.spaces.cnn import Block, CnnSpec, Stage
from tinyc.nas.spaces.vit import DENSE, VitLayer, VitSpec
from tinyc.nas.training import Images, Recipe, supernet
from tinyc.nas.training.engine import Supernet, shifted
from tinyc.nas.training.families import family_of
from tinyc.nas.training.weights import SharedWeights, cut
from tinyc.quantization import quantize
from tinyc.reference.ort import open_session

CNN = CnnSpace(
    resolutions=(8, 12), widths=(0.25, 0.5), depths=(1, 2), kernels=(3, 5), expansions=(2, 3),
    stages=(Stage(16, 1), Stage(32, 2)), classes=3, channels_in=1, onnx=True,
)
VIT = VitSpace(
    tokens=(2, 3), embeddings=(8, 16), depths=(1, 2), heads=(1, 2), mlp_ratios=(1.5, 2.0), ranks=(0.5, 0.75, DENSE),
    head_channels=8, resolution=8, channels_in=1, classes=3,
)
SPACES = pytest.mark.parametrize("space", [CNN, VIT], ids=["cnn", "vit"])
SPECS: list[tuple[Space[Any], Any]] = [
    (CNN, CnnSpec(8, 0.5, ((Block(5, 3), Block(3, 2)), (Block(5, 2),)))),
    (CNN, CnnSpec(12, 0.25, ((Block(3, 2),), (Block(3, 3), Block(5, 3))))),
    (VIT, VitSpec(2, 16, (VitLayer(2, 1.5, DENSE, 0.5), VitLayer(1, 2.0, 0.75, DENSE)))),
    (VIT, VitSpec(3, 8, (VitLayer(2, 2.0, 0.5, 0.75),))),
]
TAKEN = pytest.mark.parametrize(("space", "spec"), SPECS, ids=["cnn-r8", "cnn-r12", "vit-2", "vit-3"])


def bars(count: int, seed: int) -> Images:
    """Bars in one of three directions, in noise: learnt within seconds."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 0.3, (count, 1, 8, 8)).astype(np.float32)
    y = rng.integers(0, 3, count)
    for image, kind, place in zip(x[:, 0], y, rng.integers(1, 7, count), strict=True):
        image[[np.s_[place, :], np.s_[:, place], np.s_[range(8), range(8)]][kind]] = 1
    return Images(x, y.astype(np.int64))


def trainer_of(space: Space[Any], **more: Any) -> Supernet[Any]:
    torch.set_num_threads(1)
    recipe = Recipe(**{"epochs": 1, "batch": 32, "rate": 1e-2, "shift": 0, "device": "cpu"} | more)
    return supernet(space, bars(256, 0), bars(96, 1), recipe)


# ---------------------------------------------------------------------- sharing
def test_a_cut_is_the_first_channels_and_the_middle_of_the_kernel() -> None:
    whole = torch.arange(4 * 1 * 5 * 5).reshape(4, 1, 5, 5)
    assert torch.equal(cut(whole, (2, 1, 3, 3)), whole[:2, :, 1:4, 1:4])
    assert torch.equal(cut(whole[:, 0], (4, 3, 5)), whole[:, 0, :3])
    assert torch.equal(cut(whole, tuple(whole.shape)), whole)


@SPACES
def test_the_corners_hold_every_parameter_of_every_network(space: Space[Any]) -> None:
    family, rng = family_of(space), Random(0)
    shared = SharedWeights(family)
    for spec in (*family.corners, family.smallest, *(space.sample(rng) for _ in range(20))):
        network = family.build(spec)
        part = shared.part(network)
        assert {name: tuple(p.shape) for name, p in part.items()} == {
            name: tuple(p.shape) for name, p in network.named_parameters()
        }
    assert all(p.data_ptr() in {w.data_ptr() for w in shared.all} for p in shared.part(
        family.build(family.corners[0])).values())  # views, no copies  # fmt: skip


@SPACES
def test_weights_are_those_of_the_spaces_graph(space: Space[Any]) -> None:
    """As many numbers in every weight, layer by layer; norms and biases are folded or counted elsewhere."""
    rng = Random(1)
    for spec in (space.sample(rng) for _ in range(20)):
        network = family_of(space).build(spec)
        mine = sorted(p.numel() for name, p in network.named_parameters() if p.ndim > 1 and "bias" not in name)
        constants = space.graph(spec).constants.values()
        assert mine == sorted(v.type.elements for v in constants if v.type.rank > 1)


@SPACES
def test_training_a_small_network_leaves_the_others_weights_alone(space: Space[Any]) -> None:
    trainer = trainer_of(space)
    family = trainer.family
    torch.autograd.backward(trainer._logits(family.smallest, torch.from_numpy(trainer.training.x[:16])).sum())
    network = family.build(family.smallest)
    inside = {name: tuple(p.shape) for name, p in network.named_parameters()}
    touched = 0
    for name, weight in zip(trainer.weights.names, trainer.weights.all, strict=True):
        if weight.grad is None:
            assert name not in inside
            continue
        outside = weight.grad.clone()
        cut(outside, inside[name]).zero_()
        assert not outside.any()
        touched += int(weight.grad.any())
    assert touched > len(inside) // 2


# ---------------------------------------------------------------------- training
@SPACES
def test_all_networks_learn_at_once(space: Space[Any]) -> None:
    trainer = trainer_of(space, epochs=10 if space is CNN else 30)
    losses: list[float] = []
    trainer.progress = lambda epoch, loss: losses.append(loss)
    before = trainer.score(trainer.family.smallest)
    trainer.train()
    assert losses[-1] < losses[0] / 1.5
    assert trainer.score(trainer.family.corners[0]) > 0.8
    assert trainer.score(trainer.family.smallest) > max(0.6, before)


def test_the_seed_decides() -> None:
    def scores(seed: int) -> list[float]:
        trainer = trainer_of(CNN, seed=seed)
        trainer.train()
        return [p.sum().item() for p in trainer.weights.all]

    assert scores(3) == scores(3) != scores(4)


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trainer = trainer_of(CNN)
    trainer.train()
    trainer.network(trainer.family.smallest, epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_statistics_are_those_of_the_network_taken_out() -> None:
    trainer = trainer_of(CNN)
    spec = SPECS[0][1]
    network = trainer.network(spec)
    with torch.no_grad():
        x = network.stem.conv(torch.nn.functional.pad(torch.from_numpy(trainer.training.x), (0, 1, 0, 1)))
    torch.testing.assert_close(network.stem.norm.running_mean, x.mean((0, 2, 3)))
    torch.testing.assert_close(network.stem.norm.running_var, x.var((0, 2, 3)))


def test_a_network_taken_out_is_trained_alone() -> None:
    trainer = trainer_of(CNN)
    spec = trainer.family.smallest
    shared = [p.clone() for p in trainer.weights.all]
    alone = trainer.network(spec, epochs=8)
    assert trainer.accuracy(alone, spec, trainer.validation) > trainer.score(spec) + 0.2
    assert all(torch.equal(a, b) for a, b in zip(shared, trainer.weights.all, strict=True))


def test_images_move_each_their_own_way() -> None:
    x = torch.zeros(64, 1, 8, 8)
    x[:, :, 4, 4] = 1
    moved = shifted(x, 1, torch.Generator().manual_seed(0))
    places = {tuple(int(i) for i in image[0].nonzero()[0]) for image in moved}
    assert places == {(r, c) for r in (3, 4, 5) for c in (3, 4, 5)}
    assert torch.equal(shifted(x, 0, torch.Generator()), x)


def test_other_spaces_want_a_family() -> None:
    with pytest.raises(UsageError, match="no PyTorch networks for the space 'audio'.*Family"):
        supernet(SMALL_AUDIO, bars(8, 0), bars(8, 0))


# ---------------------------------------------------------------------- what is taken out
@TAKEN
def test_the_file_computes_what_the_network_does(space: Space[Any], spec: Any) -> None:
    trainer = trainer_of(space)
    network = trainer.network(spec, epochs=1)
    model = trainer.exported(network, spec)
    assert model == trainer.exported(network, spec)
    x = trainer.images(trainer.validation, spec).x[:8]
    with torch.no_grad():
        expected = network(torch.from_numpy(x))
        if space is CNN:
            expected = expected.softmax(-1)
    session = open_session(model)
    found = np.concatenate([session.run(["scores"], {"image": image[None]})[0] for image in x])
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


@TAKEN
def test_the_build_is_what_was_planned(space: Space[Any], spec: Any, tmp_path: Path) -> None:
    """The same layers, and the arena to the byte."""
    trainer = trainer_of(space)
    (tmp_path / "float.onnx").write_bytes(trainer.extract(spec))
    made = quantize(tmp_path / "float.onnx", {"image": trainer.images(trainer.training, spec).x[:32]})
    made.save(tmp_path / "int8.onnx")
    for objective in ("sram", "speed"):
        compiled = tinyc.compile(tmp_path / "int8.onnx", "cortex-m7", objective=objective)
        report = nas.plan(space.graph(spec), "cortex-m7", objective=objective)
        assert compiled.plan.arena_bytes == report.sram
        assert layers(compiled.imported) == layers(space.graph(spec))


def layers(graph: Graph) -> list[tuple[str, int, tuple[int, ...]]]:
    """Operators with weights in order: the kind, the size of the result, the shape of the weights."""
    kinds = ("conv2d", "depthwise_conv2d", "fully_connected")
    return [
        (node.op.name, node.output.type.elements, node.inputs[1].type.shape)
        for node in graph.nodes if node.op.name in kinds and node.inputs[1] is not None
    ]  # fmt: skip


# ---------------------------------------------------------------------- the whole loop
def test_the_loop_ends_on_the_core(tmp_path: Path) -> None:
    """With a fiftieth of the training: every step runs, the core computes what was promised from, and builds fit."""
    pytest.importorskip("sklearn", reason=WHY)
    if not (shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")):
        pytest.skip("needs the cross compiler and the emulator")
    script = [sys.executable, str(ROOT / "benchmarks" / "nas_digits.py"), "--seeds", "1", "--folds", "2"]
    done = subprocess.run(
        [*script, "--effort", "0.02", "--output", str(tmp_path)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode in (0, 5), done.stderr  # 5: so little training promises nothing to within one percent
    told = json.loads((tmp_path / "figures.json").read_text())
    assert [loop["family"] for loop in told["loops"]] == ["cnn", "vit"]
    assert done.returncode == (0 if all(v["kept"] for v in told["verdicts"]) else 5)
    for loop, verdict in zip(told["loops"], told["verdicts"], strict=True):
        assert verdict["fits"] and verdict["differing"] == 0 and verdict["kept"] == (abs(verdict["difference"]) <= 0.01)
        assert 0.05 <= loop["best"] <= 1 and loop["feasible"] < loop["networks"]
        for fold in loop["folds"]:
            assert fold["sram"] == loop["planned"]["sram"] <= loop["budget"]["sram"]
            assert fold["flash"] <= loop["budget"]["flash"]
            assert abs(fold["promised"] - fold["onnxruntime"]) <= 0.02  # a code here and there, where none is sure


def test_promise_and_core_are_compared_image_by_image() -> None:
    """Of the two folds each is promised from by one network and tested with the other."""
    first = {"right_when_promised": [True, True, False], "right_on_core": [True, False]}
    second = {"right_when_promised": [True, True], "right_on_core": [True, False, False]}
    gap, error = nas_digits().difference([{"folds": [first, second]}])
    assert gap == pytest.approx(-2 / 5)
    assert error == pytest.approx(2**0.5 / 5)


def test_every_image_has_one_use() -> None:
    pytest.importorskip("sklearn", reason=WHY)
    whole = nas_digits().split(3, 4)
    parts = [whole[0], whole[1], *whole[2]]
    assert [len(part.y) for part in parts[2:]] == pytest.approx([300] * 4, abs=2)
    images = np.concatenate([part.x for part in parts]).reshape(-1, 64)
    assert len(images) == 1797 == len(np.unique(images, axis=0))
    for part in parts:
        assert np.bincount(part.y) == pytest.approx(np.full(10, len(part.y) / 10), abs=0.03 * len(part.y))


def nas_digits() -> Any:
    """The benchmark as a module."""
    import importlib

    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module("nas_digits")
    finally:
        sys.path.pop(0)
