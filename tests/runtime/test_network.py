"""A file ready to run: what it takes, batches of the size it wants, and files that are not for us."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.runtime.conftest import METADATA, SIDE, hand_made, squares
from yolotiny.errors import InputError
from yolotiny.runtime.inputs import as_picture, to_input, whole_strides
from yolotiny.runtime.network import Network


def test_a_picture_goes_through_and_a_cell_answers(bright):
    y, heat = Network(bright)([squares((1, 2, 255))])
    assert y.shape == (1, 6, 64) and heat is None
    assert y[0, :, 17].tolist() == pytest.approx([12, 20, 8, 8, 1, 0.5]) and y[0, 4].sum() == pytest.approx(1)


@pytest.mark.parametrize("batch", [1, 3, "n"])
def test_more_and_fewer_pictures_than_the_file_takes_at_once(tmp_path, batch):
    network = Network(hand_made(tmp_path / "a.onnx", batch=batch))
    images = [squares((i, i, 255)) for i in range(5)]
    y, _ = network(images)
    assert y.shape == (5, 6, 64) and y[:, 4].argmax(1).tolist() == [0, 9, 18, 27, 36]


def test_a_map_of_its_own_comes_with_the_boxes(tmp_path):
    _, heat = Network(hand_made(tmp_path / "a.onnx", heatmap=0.5))([squares((1, 2, 255))])
    assert heat.shape == (1, 8, 8) and heat[0, 2, 1] == pytest.approx(0.5)


def test_openvino_reads_the_same_file(bright):
    pytest.importorskip("openvino")
    image = squares((1, 2, 255), (5, 5, 100))
    ours, theirs = (Network(bright, backend, threads=1)([image])[0] for backend in ("onnxruntime", "openvino"))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_names_come_from_the_user_the_file_or_the_output(tmp_path):
    bare = hand_made(tmp_path / "bare.onnx", metadata={})
    assert Network(bare).names == {0: "class0", 1: "class1"} and "no metadata" in Network(bare).defaults
    assert Network(bare, names=["a", "b"]).names == {0: "a", 1: "b"}
    named = hand_made(tmp_path / "named.onnx")
    assert Network(named).names == {0: "bright", 1: "dull"} and not Network(named).defaults


def test_pixels_are_shares_in_rgb_exactly_as_torch_has_them():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    wanted = image[None].transpose(0, 3, 1, 2)[:, ::-1].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(to_input([image]), wanted)
    assert to_input([image, image], "float16").dtype == np.float16
    four = np.concatenate((image, image[..., :1]), 2)
    assert np.array_equal(to_input([four])[0, 3], image[..., 0].astype(np.float32) / np.float32(255))


@pytest.mark.parametrize(
    ("shape", "channels", "expected"), [((4, 5), 3, 3), ((4, 5, 1), 3, 3), ((4, 5, 4), 3, 3), ((4, 5, 3), 1, 1)]
)
def test_arrays_get_the_channels_of_the_network(shape, channels, expected):
    assert as_picture(np.full(shape, 9, np.uint8), channels, "x").shape == (4, 5, expected)
    assert as_picture(np.full(shape, 9 << 8, np.uint16), channels, "x").max() == 9


def test_arrays_that_are_no_pictures_are_one_line():
    for array in (np.zeros((3, 4, 5), np.float32), np.zeros((0, 4, 3), np.uint8), np.zeros((1, 2, 3, 4), np.uint8)):
        with pytest.raises(InputError, match="is no picture; give"):
            as_picture(array, 3, "source[0]")
    with pytest.raises(InputError, match="has 5 channels, and the network takes 3"):
        as_picture(np.zeros((4, 4, 5), np.uint8), 3, "source[0]")


def test_a_size_is_whole_strides():
    assert whole_strides(100, 32) == (128, 128) and whole_strides([64, 100], 32) == (64, 128)
    for size in (0, -64, "large", [1, 2, 3], 6.5, True):
        with pytest.raises(InputError, match="must be one or two whole numbers"):
            whole_strides(size, 32)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"output": "turned"}, {}, r"gives scores of 60 classes, and there are 2 names"),
        ({"output": "turned", "metadata": {}}, {}, r"is no detector of ours: it gives \(1, 64, 12\), not"),
        ({}, {"names": ["a"]}, "gives scores of 2 classes, and there are 1 names"),
        ({}, {"backend": "tensorflow"}, "unknown backend 'tensorflow'"),
        ({}, {"provider": "cudda"}, "unknown provider 'cudda' of onnxruntime"),
        ({}, {"provider": "tensorrt"}, "provider 'tensorrt' (is in another package: pip install|does not work on)"),
        ({}, {"backend": "openvino", "provider": "tpu"}, "unknown provider 'tpu' of openvino"),
        ({}, {"threads": 0}, "threads=0 must be a whole number from 1 up"),
        ({"metadata": METADATA | {"imgsz": "[0, 0]"}}, {}, "imgsz=0 in its metadata must be a whole number"),
    ],
)
def test_what_cannot_run_is_one_line(tmp_path, changes, options, message):
    if options.get("backend") == "openvino":
        pytest.importorskip("openvino")
    with pytest.raises(InputError, match=message) as caught:
        Network(hand_made(tmp_path / "a.onnx", **changes), **options)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_exports_are_one_line(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*none\.onnx"):
        Network(tmp_path / "none.onnx")
    (tmp_path / "a.pt").touch()
    with pytest.raises(InputError, match="no exported model that the runtime reads"):
        Network(tmp_path / "a.pt")
    pytest.importorskip("openvino")
    with pytest.raises(InputError, match="is no OpenVINO folder"):
        Network(tmp_path)


def test_a_graph_that_is_broken_inside_is_one_line(tmp_path):
    file = hand_made(tmp_path / "a.onnx")
    file.write_bytes(file.read_bytes().replace(b"AveragePool", b"AveragePuul"))
    for backend in ("onnxruntime", "openvino"):
        with pytest.raises(InputError, match=r"cannot load .*a\.onnx: ") as caught:
            Network(file, backend)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("library", ["onnxruntime", "openvino"])
def test_a_library_that_is_missing_is_named_with_its_pip_line(bright, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=f"is not installed: pip install {library}"):
        Network(bright, library)


def test_the_size_of_the_hand_made_file_is_its_only_one(bright):
    assert Network(bright).fixed == (SIDE, SIDE) and Network(bright).channels == 3
