import json

import numpy as np
import pytest
import yaml

from yolotiny.data import scene, write_demo
from yolotiny.data.scenery import FINE, Canvas, Pose, boat, vehicle
from yolotiny.data.scenes import NAMES
from yolotiny.errors import InputError


@pytest.mark.parametrize("size", [64, 128, 320])
def test_a_scene_holds_tiny_objects_inside_the_picture(size):
    for seed in range(4):
        image, boxes, labels = scene(np.random.default_rng(seed), size)
        side = boxes[:, 2:] - boxes[:, :2]
        assert image.shape == (size, size, 3) and image.dtype == np.uint8
        assert len(boxes) == len(labels) >= 1
        assert boxes.min() >= 0 and boxes.max() <= size
        assert side.min() >= 4 and side.max() <= 24
        assert set(labels.tolist()) <= {0, 1}


def test_the_same_seed_gives_the_same_scene_and_another_seed_another():
    first, again, other = (scene(np.random.default_rng(s), 96) for s in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_an_empty_scene_is_a_picture_without_boxes():
    image, boxes, labels = scene(np.random.default_rng(0), 96, empty=True)
    assert boxes.shape == (0, 4) and labels.shape == (0,) and image.std() > 5


@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0])
def test_the_outline_of_a_vehicle_or_boat_is_what_is_painted(angle):
    for draw, shape in ((vehicle, Pose.outline), (boat, Pose.hull)):
        canvas = Canvas(np.zeros((40, 40, 3)), sun=np.zeros(2))
        pose = Pose(np.array([20.0, 19.0]), 16, 7, angle)
        draw(canvas, np.random.default_rng(0), pose, *([False] if draw is vehicle else []))
        y, x = np.nonzero(canvas.image.any(-1))
        painted = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) / FINE
        points = shape(pose)
        assert painted == pytest.approx(np.array([*points.min(0), *points.max(0)]), abs=0.5)


def test_the_demo_is_ready_to_train_on_and_one_picture_in_eight_is_empty(tmp_path):
    path = write_demo(tmp_path / "demo", train=8, val=8, imgsz=96)
    content = yaml.safe_load(path.read_text())
    assert content["train"] == "images/train" and list(content["names"].values()) == NAMES
    for split in ("train", "val"):
        labels = sorted((path.parent / "labels" / split).glob("*.txt"))
        assert len(labels) == len(list((path.parent / "images" / split).glob("*.jpg"))) == 8
        assert [p.read_text() == "" for p in labels] == [False] * 7 + [True]
        coco = json.loads((path.parent / "annotations" / f"{split}.json").read_text())
        assert len(coco["annotations"]) == sum(len(p.read_text().splitlines()) for p in labels)


def test_the_demo_is_byte_identical_for_a_seed_and_train_differs_from_val(tmp_path):
    def labels(folder, **options):
        path = write_demo(tmp_path / folder, train=2, val=2, imgsz=96, **options)
        return [p.read_bytes() for p in sorted((path.parent / "labels").rglob("*.txt"))]

    first = labels("a", seed=1)
    assert first == labels("b", seed=1) != labels("c", seed=2)
    assert first[:2] != first[2:]


def test_the_demo_overwrites_only_with_force(tmp_path):
    write_demo(tmp_path, train=1, val=1, imgsz=64)
    with pytest.raises(InputError, match="not empty"):
        write_demo(tmp_path, train=1, val=1, imgsz=64)
    assert write_demo(tmp_path, train=2, val=1, imgsz=64, force=True).is_file()
    assert len(list((tmp_path / "images" / "train").iterdir())) == 2
