"""Calibration data: where it may lie, which array belongs to which input, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinyc.errors import UsageError
from tinyc.frontend.onnx.model_file import FilePort
from tinyc.ir.types import Array
from tinyc.quantization import read_samples
from tinyc.quantization.data import check_samples

F32 = np.float32
IMAGE = FilePort("image", "FLOAT", (None, 3, 4, 4))
SIZE = FilePort("size", "FLOAT", (1, 2))


def numbers(*shape: int) -> Array:
    return np.arange(np.prod(shape), dtype=F32).reshape(shape)


def test_an_npz_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", size=numbers(9, 2), image=numbers(9, 3, 4, 4))
    found = check_samples(read_samples(tmp_path / "d.npz"), [IMAGE, SIZE], 8, "d.npz")
    assert {name: a.shape for name, a in found.items()} == {"image": (9, 1, 3, 4, 4), "size": (9, 1, 2)}
    assert (found["image"].reshape(-1) == numbers(9, 3, 4, 4).reshape(-1)).all()


def test_a_folder_with_a_file_per_input(tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", numbers(9, 1, 3, 4, 4).astype(np.float64))
    np.save(tmp_path / "size.npy", numbers(9, 2).astype(np.float16))
    found = check_samples(read_samples(tmp_path), [IMAGE, SIZE], 8, "it")
    assert all(a.dtype == F32 and len(a) == 9 for a in found.values())


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 3, 4, 4)])
def test_a_folder_with_a_file_per_sample(tmp_path: Path, shape: tuple[int, ...]) -> None:
    for index in range(9):
        np.save(tmp_path / f"{index:02}.npy", numbers(*shape) + index)
    found = check_samples(read_samples(tmp_path), [IMAGE], 8, "it")
    assert found["image"].shape == (9, 1, 3, 4, 4) and found["image"][:, 0, 0, 0, 0].tolist() == list(range(9))


@pytest.mark.parametrize("name", ["image", "input_0", "x", "whatever"])
def test_names_of_a_single_input(name: str) -> None:
    assert check_samples({name: numbers(8, 3, 4, 4)}, [IMAGE], 8, "d")["image"].shape[0] == 8


REFUSED = {
    "no such input": ({"size": numbers(8, 2), "photo": numbers(8, 3, 4, 4)}, "d has no array 'image' or 'input_0'"),
    "wrong shape": ({"image": numbers(8, 4, 4, 3), "size": numbers(8, 2)}, "takes samples of shape [1, 3, 4, 4]"),
    "no sample axis": ({"image": numbers(3, 4, 4), "size": numbers(8, 2)}, "got an array of [3, 4, 4]"),
    "a number": ({"image": F32(1), "size": numbers(8, 2)}, "got an array of []"),
    "integers": ({"image": np.zeros((8, 3, 4, 4), np.uint8), "size": numbers(8, 2)}, "takes float32; got uint8"),
    "complex": ({"image": numbers(8, 3, 4, 4), "size": numbers(8, 2) + 1j}, "'size' takes float32; got complex"),
    "NaN": ({"image": numbers(8, 3, 4, 4), "size": numbers(8, 2) * [[F32("nan")]]}, "'size': sample 0 holds numbers"),
    "overflow": ({"image": numbers(8, 3, 4, 4), "size": numbers(8, 2).astype(float) * 1e38}, "'size': sample 2 holds"),
    "too few": ({"image": numbers(7, 3, 4, 4), "size": numbers(7, 2)}, "d holds 7 samples, too few"),
    "none": ({"image": numbers(0, 3, 4, 4), "size": numbers(0, 2)}, "d holds 0 samples, too few"),
    "not as many": ({"image": numbers(8, 3, 4, 4), "size": numbers(9, 2)}, "('image' 8, 'size' 9)"),
    "nothing": ({}, "it has none"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_refused(why: str) -> None:
    arrays, sentence = REFUSED[why]
    with pytest.raises(UsageError) as caught:
        check_samples(arrays, [IMAGE, SIZE], 8, "d")
    assert sentence in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "a.npy").write_bytes(b"\x93NUMPY")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects.npy").rename(tmp_path / "objects" / "a.npy")
    np.save(tmp_path / "one.npy", numbers(8, 3, 4, 4))
    for name, sentence in (
        ("missing.npz", "cannot read the inputs"), ("empty", "holds no .npy file"), ("text.npz", "cannot read"),
        ("damaged", "cannot read the samples"), ("objects", "cannot read the samples"), ("one.npy", "numpy.savez"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=sentence):
            read_samples(tmp_path / name)
