"""Pasted objects: whole, alone, with their labels, on free ground; rare classes more often; none in the last epochs."""

from __future__ import annotations

import random

import numpy as np
import pytest
from ultralytics.cfg import get_cfg

from tests.tiny_data import QUICK, add_picture, write_tiny
from yolotiny import YOLO
from yolotiny.data.augment import Sample
from yolotiny.errors import InputError
from yolotiny.loaders.build import build_dataset
from yolotiny.loaders.pasting import Paste, check_paste
from yolotiny.slicing.samplers.tiles import GridSampler

GROUND, OBJECT = 60, 250
PLAIN = {"mosaic": 0.0, "translate": 0.0, "scale": 0.0, "fliplr": 0.0, "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0}


@pytest.fixture(autouse=True)
def same_every_time():
    random.seed(0)


def picture(*boxes, ground=GROUND, size=100):
    """(H, W, 3) even ground with bright boxes."""
    image = np.full((size, size, 3), ground, np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = OBJECT
    return image


def paste(boxes, labels, most=5, image=None, nc=2):
    """A step whose one picture has these boxes, pixels of 100."""
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    image = picture(*boxes.astype(int)) if image is None else image
    return Paste(
        [{"cls": np.array(labels, np.float32)[:, None]}], lambda i: (image, boxes, np.array(labels)), most, 100, nc
    )


def shown(step, image=None, boxes=(), labels=(), times=20):
    """Samples after the step."""
    boxes, labels = np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, int)
    image = picture(size=80) if image is None else image
    return [step(Sample(image.copy(), boxes, labels)) for _ in range(times)]


def test_an_object_is_where_its_box_says_and_keeps_its_size_and_its_class():
    seen = shown(paste([(20, 30, 30, 36)], [1]))
    for sample in seen:
        bright = (sample.image == OBJECT).all(-1)
        assert bright.sum() == 60 * len(sample.boxes) and sample.labels.tolist() == [1] * len(sample.boxes)
        for x1, y1, x2, y2 in sample.boxes.astype(int):
            assert (x2 - x1, y2 - y1) == (10, 6) and bright[y1:y2, x1:x2].all()
    assert {len(sample.boxes) for sample in seen} == set(range(6))  # any number up to `most`


def test_the_margin_fades_into_the_ground_and_takes_its_brightness():
    lent = picture((20, 20, 30, 30), ground=90)
    sample = next(x for x in shown(paste([(20, 20, 30, 30)], [0], 1, lent)) if len(x.boxes))
    (box,) = sample.boxes.astype(int)
    assert (sample.image[box[1] : box[3], box[0] : box[2]] == OBJECT - 30).all()
    assert np.unique(sample.image).tolist() == [GROUND, OBJECT - 30]  # no seam


def test_ground_that_is_much_brighter_or_is_padding_takes_nothing():
    step = paste([(20, 20, 30, 30)], [0])
    for image in (picture(ground=200, size=80), picture(ground=114, size=80), picture(size=8)):
        assert all(len(sample.boxes) == 0 and (sample.image == image).all() for sample in shown(step, image))


def test_objects_and_regions_stay_free_and_so_do_pasted_ones():
    step = paste([(20, 20, 28, 28)], [0])
    old = [(0, 0, 80, 40), (10, 60, 30, 70)]
    for sample in shown(step, boxes=old, labels=[-1, 1]):
        assert sample.boxes[:2].tolist() == [list(map(float, box)) for box in old]
        for i, a in enumerate(sample.boxes):
            for b in sample.boxes[:i] if i > 1 else ():
                assert (np.maximum(a[:2], b[:2]) >= np.minimum(a[2:], b[2:])).any()


@pytest.mark.parametrize(
    ("boxes", "labels", "why"),
    [
        ([(20, 20, 30, 30), (31, 20, 41, 30)], [0, 0], "each reaches into the other's margin"),
        ([(20, 20, 30, 30), (0, 0, 50, 50)], [0, 2], "it lies in an ignore region"),
        ([(0, 20, 10, 30)], [0], "the border may cut it"),
        ([(20, 20, 40, 40)], [0], "it is larger than a tenth of the input"),
        ([(20, 20, 30, 21)], [0], "there is nothing to see"),
    ],
)
def test_what_is_not_whole_alone_and_small_is_not_pasted(boxes, labels, why):
    assert all(len(sample.boxes) == 0 for sample in shown(paste(boxes, labels))), why


def test_rare_classes_come_by_the_square_root_of_their_number():
    labels = [{"cls": np.array([[0.0]] * 25)}, {"cls": np.array([[1.0]])}, {"cls": np.array([[2.0]])}]
    asked = []

    def lend(i):
        asked.append(i)
        return picture(), np.zeros((0, 4)), np.zeros(0)

    shown(Paste(labels, lend, 5, 100, 2), times=1200)
    assert asked.count(2) == 0  # a region of no class
    assert asked.count(0) / asked.count(1) == pytest.approx(5, rel=0.25)


def dataset(folder, count, crops=None, **options):
    args = get_cfg(overrides={"imgsz": 64, **PLAIN, **options})
    data = {"names": {0: "a"}, "nc": 1, "channels": 3}
    return build_dataset(args, str(folder / "images/train"), data, "train", 2, 32, False, crops, paste=count)


@pytest.fixture
def folder(tmp_path):
    """A picture with one object of 6 px, to be shown at half its size, and one without."""
    row = (0, 46 / 128, 46 / 128, 6 / 128, 6 / 128)
    add_picture(tmp_path, "train", "0.png", picture((43, 43, 49, 49), size=128), [row])
    add_picture(tmp_path, "train", "1.png", picture(size=128), [])
    return tmp_path


@pytest.mark.parametrize("options", [{}, {"mosaic": 1.0}, {"cache": "ram"}, {"mixup": 1.0}, {"rect": True}])
def test_a_data_set_pastes_what_it_shows(folder, options):
    plain, made = dataset(folder, 0, **options), dataset(folder, 4, **options)
    sizes = [wh for _ in range(10) for wh in made[1]["bboxes"][:, 2:].mul(64).round().int().tolist()]
    assert sizes.count([3, 3]) > 10
    assert sum(len(plain[1]["bboxes"]) for _ in range(10)) < len(sizes)


def test_mosaic_is_not_offered_the_pictures_that_lend(folder):
    made = dataset(folder, 4)
    for _ in range(10):
        made[1]
    assert set(made.buffer) <= {1}


def test_tiles_lend_at_their_own_size(folder):
    made = dataset(folder, 4, GridSampler(probability=1.0, objects=1.0, tile=64))
    sizes = [tuple(wh) for _ in range(10) for wh in made[1]["bboxes"][:, 2:].mul(64).round().int().tolist()]
    assert set(sizes) == {(6, 6)}


def test_the_last_epochs_show_pictures_as_they_are(folder):
    made = dataset(folder, 4)
    made.close_mosaic(get_cfg(overrides=PLAIN | {"imgsz": 64}))
    assert all(len(made[1]["bboxes"]) == 0 for _ in range(10))


def test_training_pastes_by_one_word_and_its_checkpoint_knows(tmp_path, monkeypatch):
    counts = []
    monkeypatch.setattr(Paste, "__call__", lambda self, sample: counts.append(self.most) or sample)
    data = write_tiny(tmp_path / "data", train=4, val=2)
    model = YOLO("yolov5n.yaml")
    model.train(data=str(data), project=str(tmp_path), name="run", paste=3, close_mosaic=0, **QUICK)
    assert counts == [3] * 4 and model.model.yaml["paste"] == 3


@pytest.mark.parametrize("count", [-1, 101, 1.5, "much"])
def test_a_number_of_objects_that_makes_no_sense_is_refused(count, tmp_path):
    data = write_tiny(tmp_path / "data", train=2, val=2)
    with pytest.raises(InputError, match="paste"):
        YOLO("yolov5n.yaml").train(data=str(data), project=str(tmp_path), paste=count, **QUICK)
    with pytest.raises(InputError, match="paste in mine.yaml"):
        check_paste(count, "mine.yaml")
