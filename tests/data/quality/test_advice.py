"""The sentences, on data sets of which one figure is known."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from yolotiny.data.quality import advice
from yolotiny.data.quality.samples import Sample
from yolotiny.data.quality.statistics import Stats


def made_of(side, width=640, height=640, n=20, imgsz=640, pictures=2, names=("car",), labels=None, cluster=1.0):
    """Pictures with `n` squares of `side` px, scattered over the first `cluster` of each picture's sides."""
    rng = np.random.default_rng(0)
    samples = []
    for i in range(pictures):
        centre = rng.random((n, 2)) * [width, height] * cluster
        boxes = np.concatenate((centre - side / 2, centre + side / 2), 1)
        each = np.zeros(n, int) if labels is None else np.array(labels)
        samples.append(Sample(Path(f"{i}.jpg"), "train", width, height, boxes, each, np.arange(n), np.zeros((0, 4))))
    return Stats(Path("data.yaml"), "train", imgsz, list(names), samples, Counter())


def test_the_size_at_which_the_median_object_has_8_12_16_px():
    text = advice.resolution(made_of(20, 2000, 1000))
    assert "20.0 px in the picture" in text and "6.4 px at imgsz=640" in text
    assert "8 px at imgsz=800, 12 px at imgsz=1216, 16 px at imgsz=1600" in text
    assert "tiles of at most 1600 px (8 px), 1056 px (12 px), 800 px (16 px)" in text and "enlarging" not in text


def test_beyond_the_pictures_own_pixels_it_says_so():
    text = advice.resolution(made_of(10))
    assert "8 px at imgsz=512" in text and "(12 px and more by enlarging pictures of 640 px" in text
    assert "tiles" not in text


def test_a_p2_level_pays_for_tiny_objects_only():
    tiny = advice.levels(made_of(6))
    assert "100 % of the objects are below 8 px" in tiny and "P2 level (stride 4, the -p2 models) pays" in tiny
    assert "strides 4 and 8 are enough" in tiny
    medium = advice.levels(made_of(40))
    assert "0 % of the objects are below 8 px" in medium and "hardly pays" in medium and "stride 32 is hardly" in medium
    assert "coarse levels are needed" in advice.levels(made_of(200))


def test_crowding_alone_asks_for_a_p2_level():
    assert "P2 level (stride 4, the -p2 models) pays" in advice.levels(made_of(20, n=300, cluster=0.2))


def test_tiling_pays_where_pictures_are_larger_than_the_input():
    assert "1.0 times imgsz=640: tiling brings no detail back" in advice.crops(made_of(10))
    even = advice.crops(made_of(10, 1920, 1280, n=200))
    assert "3.0 times imgsz=640: imgsz=1920 shows all of it, and so do 6.0 tiles of 640 px" in even
    assert "0 % of these tiles hold no object: crops chosen by content would save little" in even
    packed = advice.crops(made_of(10, 1920, 1280, n=200, cluster=0.3))
    assert "83 % of these tiles hold no object" in packed and "could leave out many" in packed
    assert "has 67 px already" in advice.crops(made_of(200, 1920, 1280))


@pytest.mark.parametrize(
    ("n", "says"),
    [
        (20, ["above 20", "1500 is enough", "300 usual elsewhere would do", "up to 20 (car)", "are enough"]),
        (400, ["above 400", "1500 is enough", "300 usual elsewhere cut 2 pictures short", "are too few"]),
        (1600, ["above 1600", "1500 is raised"]),
    ],
)
def test_max_det_is_the_fullest_picture(n, says):
    text = advice.caps(made_of(10, n=n))
    assert all(s in text for s in says), text


def test_anchors_far_from_the_boxes_are_to_be_fitted():
    text = advice.anchors(made_of(2.4))
    assert "100 % by more than 4" in text and "six fitted ones (2x2" in text and text.endswith("anchors=auto pays.")
    assert advice.anchors(made_of(100)).endswith("by 1.0: anchors=auto changes little.")  # one of the nine is 116x90


def test_classes_with_few_objects_and_without_any():
    text = advice.classes(made_of(10, n=120, names=("car", "ship", "bus"), labels=[0] * 118 + [1] * 2))
    assert text.startswith("Without any object: bus;") and "Fewer than 100 objects: ship (4 in 2 pictures)" in text
    assert "car is 59 times as frequent as ship" in text
    assert advice.classes(made_of(10, n=120)) is None


def test_objects_below_2_px_are_counted():
    assert advice.lost(made_of(2, imgsz=320)).startswith("40 of 40 objects")
    assert advice.lost(made_of(2, imgsz=641)) is None


def test_every_sentence_has_a_figure():
    for sentence in advice.advice(made_of(10, 1920, 1280)):
        assert any(c.isdigit() for c in sentence) and sentence.endswith((".", ")"))
