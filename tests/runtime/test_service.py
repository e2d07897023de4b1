"""What a service finds is what the runtime finds in the same file."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.runtime.conftest import squares
from yolotiny.errors import InputError
from yolotiny.runtime import Detector
from yolotiny.runtime.service import Loader, answer

IMAGE = squares((20, 9, 255), (3, 4, 250), size=(256, 256))


@pytest.fixture(scope="module")
def look(bright):
    return Loader(str(bright), {})()


@pytest.mark.parametrize("options", [{}, {"crops": "grid"}, {"crops": "auto", "conf": 0.1}, {"classes": [1]}])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp"])
def test_a_file_gives_the_boxes_that_the_runtime_gives(bright, look, tmp_path, suffix, options):
    file = tmp_path / f"p{suffix}"
    cv2.imwrite(str(file), IMAGE)
    (found,) = Detector(bright)(str(file), **options)
    assert look(file.read_bytes(), options) == answer(found)


def test_boxes_crops_and_classes_are_plain_values(look):
    found = look(cv2.imencode(".png", squares((1, 2, 255), (6, 6, 200)))[1].tobytes(), {})
    assert found["width"] == found["height"] == 64 and found["crops"] == [] and "pixels" in found["unit"]
    assert found["detections"] == [
        {"box": [8, 16, 16, 24], "score": 1.0, "class": 0, "name": "bright"},
        {"box": [48, 48, 56, 56], "score": 0.78431, "class": 0, "name": "bright"},
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conf": float("nan")}, "^conf=nan must be a number from 0 to 1$"),
        ({"crops": "gird"}, "^unknown slicer 'gird'; did you mean 'grid'"),  # not in which file of ours
    ],
)
def test_an_option_that_cannot_be_is_one_line(look, options, message):
    with pytest.raises(InputError, match=message):
        look(cv2.imencode(".png", IMAGE)[1].tobytes(), options)


@pytest.mark.parametrize("content", [b"x", b"\x89PNG\r\n\x1a\n" + bytes(99), b"II*\0" + bytes(99), b""])
def test_a_file_that_does_not_decode_is_one_line(look, content):
    with pytest.raises(InputError, match="cannot be decoded"):
        look(content, {})


def test_deep_pictures_are_read_from_bytes_as_from_the_file(bright, look, tmp_path):
    file = tmp_path / "p.png"
    cv2.imwrite(str(file), IMAGE.astype(np.uint16) << 4)
    (found,) = Detector(bright)(str(file), crops="grid")
    seen = look(file.read_bytes(), {"crops": "grid"})
    assert "12 bits" in seen.pop("notes")[0]
    assert seen == answer(found) and found.scores.any()
