"""Clusters in the place of training pictures: which, how large, and what becomes of the objects they cut."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from yolotiny.engine.crop_train import ClusterCrops, crop_train, fill, inside
from yolotiny.errors import InputError


def label(file: str, img: np.ndarray, boxes: list[tuple[float, ...]], original=None) -> dict:
    """Boxes as class, centre x, centre y, width, height in pixels of `img`."""
    rows = np.array(boxes, np.float32).reshape(-1, 5)
    h, w = img.shape[:2]
    return {
        "img": img,
        "im_file": file,
        "ori_shape": original or (h, w),
        "resized_shape": (h, w),
        "ratio_pad": (1.0, 1.0),
        "cls": rows[:, :1],
        "bboxes": rows[:, 1:] / np.array([w, h, w, h], np.float32),
    }


def cluster() -> list[tuple[float, ...]]:
    """Nine objects of 6 px in the upper left of 160x100 px, and one alone."""
    return [(0, x, y, 6, 6) for x in (15, 25, 35) for y in (15, 25, 35)] + [(1, 150, 90, 6, 6)]


def test_the_largest_cluster_fills_the_input_at_the_scale_asked_for():
    img = np.zeros((100, 160, 3), np.uint8)
    img[12:38, 12:38] = 255
    crop = ClusterCrops(probability=1.0, scale=2.0, min_area=0)
    found = crop(label("a", img, cluster()), 160, 2)
    assert found["img"].shape == (160, 160, 3) and found["ori_shape"] == (160, 160)  # 80 px of the picture, twice
    assert found["cls"].tolist() == [[0.0]] * 9
    assert found["bboxes"][:, 2:] * 160 == pytest.approx(12)  # twice as large
    x, y = (found["bboxes"][0, :2] * 160).astype(int)
    assert (found["img"][y, x] == 255).all()


def test_probability_0_and_pictures_without_objects_leave_the_picture():
    img = np.zeros((100, 160, 3), np.uint8)
    whole = label("a", img, cluster())
    assert ClusterCrops(probability=0.0, min_area=0)(whole, 160, 2) is whole
    none = label("b", img, [])
    assert ClusterCrops(probability=1.0, min_area=0)(none, 160, 2) is none


def test_a_picture_shrunk_for_training_is_cut_from_its_file(tmp_path):
    big = np.zeros((400, 640, 3), np.uint8)
    big[::2, ::2] = 255  # a pattern that shrinking destroys
    cv2.imwrite(str(tmp_path / "a.png"), big)
    small = label(str(tmp_path / "a.png"), cv2.resize(big, (160, 100)), cluster(), original=(400, 640))
    found = ClusterCrops(probability=1.0, scale=4.0, min_area=0)(small, 160, 2)
    assert found["img"].shape == (160, 160, 3)  # 40 px of the small picture, which are 160 of the file
    assert set(np.unique(found["img"])) == {0, 255}


def test_objects_that_the_window_cuts_are_ignored_and_those_beside_it_go():
    window = fill((0.1, 0.1, 0.5, 0.5), (100, 100), 1.0, 40)
    assert window.box == (10, 10, 50, 50)
    boxes = np.array([[30, 30, 10, 10], [50, 30, 10, 10], [80, 80, 10, 10], [30, 48, 8, 8]], np.float32)
    kept, cls = inside(boxes, np.array([[0], [1], [0], [4]], np.float32), window, 2)
    assert cls.tolist() == [[0], [2], [4]]  # whole, cut and so ignored, a region before that stays one of its class
    assert (kept * 40).tolist() == [[20, 20, 10, 10], [37.5, 20, 5, 10], [20, 37, 8, 6]]


def test_the_window_stays_in_the_picture_and_a_large_cluster_is_shown_smaller():
    assert fill((0.9, 0.9, 1.0, 1.0), (100, 200), 1.0, 50).box == (150, 50, 200, 100)
    large = fill((0.0, 0.0, 1.0, 1.0), (100, 200), 2.0, 100)
    assert large.box == (0, 0, 200, 100) and large.shown == (100, 50)


@pytest.mark.parametrize(
    ("section", "said"),
    [({"probability": 1.5}, "probability=1.5"), ({"scale": 0}, "scale=0"), ({"k": -1}, "k=-1"), ({"kk": 1}, "'kk'")]
    + [({"type": "grids"}, "'grids'")],
)
def test_settings_that_make_no_sense_are_refused(section, said):
    with pytest.raises(InputError, match=said):
        crop_train({"type": "lsm"} | section, "yolc.yaml")


def test_no_section_cuts_nothing():
    assert crop_train(None, "yolov5.yaml") is None
