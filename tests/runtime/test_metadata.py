"""What an exported file says of itself: read without its library, with defaults, and refused where it cannot be."""

from __future__ import annotations

import pytest

from tests.runtime.conftest import METADATA, hand_made
from yolotiny.errors import InputError
from yolotiny.runtime.metadata import Metadata, read_metadata

FULL = {
    "names": "{0: 'car', 1: 'van'}",
    "stride": "32",
    "imgsz": "[640, 512]",
    "batch": "2",
    "channels": "3",
    "task": "detect",
    "args": "{'nms': True, 'dynamic': False}",
    "object_size": "12.5",
    "crop_threshold": "0.01",
    "infer": '{"crops": {"type": "lsm", "k": 2}, "full": true}',
    "eval": '{"nms_metric": "nwd"}',
    "description": "a model: {of ours",
}


def test_values_as_text_are_read_as_what_they_are():
    made = Metadata.of(FULL, "a.onnx")
    assert made.names == {0: "car", 1: "van"} and made.size == (640, 512) and made.batch == 2 and made.suppressed
    assert made.training.object_size == 12.5 and made.training.crop_threshold == 0.01
    assert made.infer == {"crops": {"type": "lsm", "k": 2}, "full": True} and made.rules == {"nms_metric": "nwd"}


def test_without_anything_there_are_defaults():
    made = Metadata.of({}, "a.onnx")
    assert not made.there and (made.names, made.size, made.infer, made.channels) == (None,) * 4
    assert made.stride == 32 and made.training.known() == {} and not made.suppressed
    assert Metadata.of({"names": ["a", "b"], "imgsz": 64}, "x").names == {0: "a", 1: "b"}
    assert Metadata.of({"imgsz": 64.0}, "x").size == (64, 64)


def test_those_of_an_onnx_file_are_read_without_its_graph(tmp_path):
    assert read_metadata(hand_made(tmp_path / "a.onnx")) == METADATA


def test_those_of_a_folder_lie_beside_the_graph(tmp_path):
    (tmp_path / "metadata.yaml").write_text("names:\n  0: car\nstride: 32\nimgsz:\n- 64\n- 64\n")
    for place in (tmp_path, tmp_path / "a.xml"):
        assert Metadata.of(read_metadata(place), place).names == {0: "car"}
    (tmp_path / "metadata.yaml").unlink()
    assert read_metadata(tmp_path) == {}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_that_ends_early_is_one_line(tmp_path, share):
    whole = hand_made(tmp_path / "a.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"cut\.onnx is no whole ONNX file"):
        read_metadata(tmp_path / "cut.onnx")


def test_a_file_of_another_kind_is_one_line(tmp_path):
    for content in (b"PK\x03\x04 a zip and some more of it", b"text that is no model\n" * 9):
        (tmp_path / "a.onnx").write_bytes(content)
        with pytest.raises(InputError, match=r"a\.onnx is no whole ONNX file"):
            read_metadata(tmp_path / "a.onnx")
    (tmp_path / "b.onnx").mkdir()
    with pytest.raises(InputError, match="cannot read .*b.onnx: is a directory"):
        read_metadata(tmp_path / "b.onnx")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imgsz": "[0, 640]"}, "imgsz=0 in its metadata must be a whole number from 1 up"),
        ({"imgsz": "[640, -1]"}, "imgsz=-1 in its metadata must be"),
        ({"imgsz": "[640]"}, r"imgsz=\[640\] in its metadata is no size"),
        ({"imgsz": "large"}, "imgsz='large' in its metadata must be"),
        ({"stride": "0"}, "stride=0 in its metadata must be"),
        ({"stride": "1.5"}, "stride=1.5 in its metadata must be"),
        ({"batch": "-1"}, "batch=-1 in its metadata must be"),
        ({"names": "{0: 'a', 2: 'b'}"}, "names in its metadata are no list of classes; give --names"),
        ({"names": "3"}, "names in its metadata are no list of classes"),
        ({"infer": "lsm"}, "infer='lsm' in its metadata is no section"),
        ({"task": "segment"}, "a.onnx is a model for segment; the runtime takes detectors of boxes"),
        ({"object_size": "large"}, "object_size='large' must be a number"),
    ],
)
def test_what_cannot_be_is_one_line(changes, message):
    with pytest.raises(InputError, match=message):
        Metadata.of(FULL | changes, "a.onnx")
