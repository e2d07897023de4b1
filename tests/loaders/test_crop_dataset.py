"""Whole pictures and tiles of them in one data set: sharp, mixed, in mosaics, and with every kind of cache."""

from __future__ import annotations

import os
import random
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from ultralytics.cfg import get_cfg

from tests.tiny_data import QUICK, add_picture, write_tiny
from yolotiny import YOLO
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.loaders.build import build_dataset
from yolotiny.slicing.samplers.fitted import FittedSampler
from yolotiny.slicing.samplers.tiles import ClusterSampler, GridSampler
from yolotiny.train.autofit import fit, measure, training_samples

SHARP = np.zeros((256, 256, 3), np.uint8)
SHARP[::2, ::2] = 255  # a pattern that shrinking destroys
PLAIN = {"mosaic": 0.0, "degrees": 0.0, "translate": 0.0, "scale": 0.0, "fliplr": 0.0}
PLAIN |= {"hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "augmentations": []}


@pytest.fixture(autouse=True)
def same_windows_every_time():
    random.seed(0)


@pytest.fixture
def folder(tmp_path):
    """Four pictures of 256 px with one object of 16 px each, the last one without, and a region of no interest."""
    for i in range(4):
        row = [(0, 0.5, 0.5, 16 / 256, 16 / 256)] if i < 3 else []
        add_picture(tmp_path, "train", f"{i}.png", SHARP, row, ignore=[(0.5, 0.25, 1.0, 0.1)])
    return tmp_path


def dataset(folder, crops, size=64, **options):
    args = get_cfg(overrides={"imgsz": size, **PLAIN, **options})
    data = {"names": {0: "a"}, "nc": 1, "channels": 3}
    return build_dataset(args, str(folder / "images/train"), data, "train", 2, 32, rect=False, crops=crops)


def picture(sample):
    """(H, W, C) of a transformed sample."""
    return sample["img"].permute(1, 2, 0).numpy()


def test_a_window_is_cut_from_the_file_and_not_from_the_shrunk_picture(folder):
    made = dataset(folder, GridSampler(probability=1.0, objects=1.0))
    assert set(np.unique(picture(made[0]))) == {0, 255}
    assert made[0]["bboxes"][:, 2:].mul(64).round().tolist()[0] == [16, 16]
    whole = dataset(folder, GridSampler(probability=0.0))
    assert set(np.unique(picture(whole[0]))) != {0, 255}
    assert whole[0]["bboxes"][:, 2:].mul(64).round().tolist()[0] == [4, 4]


def test_the_object_is_where_the_window_shows_it(tmp_path):
    dark = np.zeros((256, 256, 3), np.uint8)
    dark[100:112, 40:60] = 255
    add_picture(tmp_path, "train", "a.png", dark, [(0, 50 / 256, 106 / 256, 20 / 256, 12 / 256)])
    made = dataset(tmp_path, GridSampler(probability=1.0, objects=1.0, tile=128))  # shown at half size
    for _ in range(5):
        sample = made[0]
        ys, xs = np.nonzero(picture(sample)[..., 0] > 127)
        x, y, w, h = (sample["bboxes"][0] * 64).tolist()
        assert abs(w - 10) < 0.1 and abs(h - 6) < 0.1
        assert abs(xs.mean() + 0.5 - x) < 0.6 and abs(ys.mean() + 0.5 - y) < 0.6


def test_probability_says_how_many_samples_are_windows(folder):
    for probability, least, most in ((0.0, 0, 0), (0.5, 60, 140), (1.0, 200, 200)):
        made = dataset(folder, GridSampler(probability=probability))
        cut = sum(made.get_image_and_label(0)["ori_shape"] == (64, 64) for _ in range(200))
        assert least <= cut <= most


def test_pictures_without_objects_and_their_regions_are_cut_too(folder):
    made = dataset(folder, GridSampler(probability=1.0))
    samples = [made[3] for _ in range(40)]
    assert all((s["cls"] == 1).all() for s in samples)
    assert {len(s["cls"]) for s in samples} == {0, 1}  # the region crosses the whole picture, and some tiles


@pytest.mark.parametrize("cache", [False, "ram", "disk"])
@pytest.mark.parametrize("crops", [GridSampler(probability=0.5), ClusterSampler(probability=0.5, min_area=0)])
def test_every_cache_gives_sharp_windows_and_the_same_whole_pictures(folder, cache, crops):
    made = dataset(folder, crops, cache=cache)
    plain = dataset(folder, None)
    for i in range(4):
        (whole, own, shown), (expected, *_) = made.load_image(i), plain.load_image(i)
        assert own == (256, 256) and shown == (64, 64) and (whole == expected).all()
        assert (made.full(i) == SHARP).all()
    made.crop_train = GridSampler(probability=1.0, objects=1.0)
    assert set(np.unique(picture(made[0]))) == {0, 255}


def test_pictures_cached_in_memory_are_read_no_more(folder):
    made = dataset(folder, GridSampler(probability=0.5), cache="ram", deterministic=False)
    for file in (folder / "images/train").iterdir():
        file.unlink()
    samples = [made[i % 4] for i in range(20)]
    assert {s["img"].shape for s in samples} == {(3, 64, 64)}


def test_an_old_npy_file_is_not_taken_for_the_picture(folder):
    np.save(folder / "images/train/0.npy", np.zeros((256, 256, 3), np.uint8))
    cv2.imwrite(str(folder / "images/train/0.png"), SHARP)
    os.utime(folder / "images/train/0.npy", (1, 1))
    assert (dataset(folder, GridSampler()).full(0) == SHARP).all()


@pytest.mark.parametrize("probability", [0.5, 1.0])
def test_a_mosaic_may_be_made_of_windows(folder, probability):
    made = dataset(folder, GridSampler(probability=probability, objects=1.0), mosaic=1.0)
    sizes = {tuple(wh) for i in range(24) for wh in made[i % 3]["bboxes"][:, 2:].mul(64).round().tolist()}
    assert (16, 16) in sizes and ((4, 4) in sizes) == (probability < 1)
    assert len(made.buffer) <= made.max_buffer_length and sum(x is not None for x in made.ims) <= len(made.buffer)


@pytest.mark.parametrize("cache", [False, "ram"])
def test_an_input_may_be_full_of_pieces_with_their_labels(tmp_path, cache):
    for i in range(3):
        img = np.full((256, 256, 3), 50, np.uint8)
        img[120:136, 90:98] = 250
        add_picture(tmp_path, "train", f"{i}.png", img, [(0, 94 / 256, 0.5, 8 / 256, 16 / 256)])
    made = dataset(tmp_path, FittedSampler(probability=1.0, pieces=1.0, scale=0.5, objects=1.0), size=96, cache=cache)
    assert made.room(0) == (96, 96)
    for i in range(3):
        sample = made[i]
        bright, boxes = picture(sample)[..., 0] > 120, sample["bboxes"].mul(96).round().long()
        assert len(boxes) > 5 and boxes[:, 2:].unique(dim=0).tolist() == [[4, 8]]  # shown at half size
        for x, y, w, h in boxes.tolist():
            assert bright[y - h // 2 : y + h // 2, x - w // 2 : x + w // 2].mean() > 0.6
        assert bright.sum() == pytest.approx(len(boxes) * 32, rel=0.4)  # no object without a label
    some = dataset(tmp_path, FittedSampler(probability=1.0, pieces=0.5, scale=0.5, objects=1.0), size=96)
    counts = [len(some[i % 3]["bboxes"]) for i in range(40)]
    assert 10 <= counts.count(1) <= 30  # tiles of a grid beside them


def test_rectangular_batches_take_windows_of_their_shape(tmp_path):
    for i in range(2):
        add_picture(tmp_path, "train", f"{i}.png", SHARP[:128], [(0, 0.5, 0.5, 0.05, 0.1)])
    made = dataset(tmp_path, GridSampler(probability=1.0, objects=1.0), rect=True)
    sample = made[0]
    assert sample["img"].shape == (3, 32, 64) and set(np.unique(picture(sample))) == {0, 255}
    assert measure(training_samples(made, 64)).pixel_scale == 1.0


def test_what_is_measured_is_what_training_sees(folder):
    whole = measure(training_samples(dataset(folder, None), 64))
    assert whole.object_size == 4 and whole.pixel_scale == 0.25 and whole.crop_object_size is None
    mixed = measure(training_samples(dataset(folder, GridSampler(probability=0.5, objects=1.0)), 64))
    assert mixed.object_size == pytest.approx(10, abs=0.1) and mixed.pixel_scale == 1.0  # 4 and 16 px, half each
    assert mixed.crop_object_size == 16
    tiles = measure(training_samples(dataset(folder, GridSampler(probability=1.0, objects=1.0, tile=128)), 64))
    assert tiles.object_size == pytest.approx(8, abs=0.1) and tiles.pixel_scale == 0.5
    few = training_samples(dataset(folder, GridSampler(probability=0.25)), 64)
    assert sum(sample.cropped for sample in few) == len(few) / 4


def test_pieces_of_pictures_that_one_tile_covers_are_measured(tmp_path):
    add_picture(tmp_path, "train", "0.png", SHARP[:48, :48], [(0, 0.5, 0.5, 8 / 48, 8 / 48)])
    found = training_samples(
        dataset(tmp_path, FittedSampler(objects=1.0)), 96
    )  # whole pictures are shown twice as large
    assert {(sample.cropped, sample.scale) for sample in found} == {(False, 2.0), (True, 1.0)}
    assert measure(found).pixel_scale == 1.0 and measure(found).crop_object_size == 8
    assert not any(
        sample.cropped for sample in training_samples(dataset(tmp_path, GridSampler(objects=1.0), size=96), 96)
    )


def test_training_on_pieces_leaves_word_of_what_suits_auto(folder):
    advice = {"crop_threshold": 0.05, "crop_context": 12.0}
    for crops, known in (
        (FittedSampler(scale=0.5), advice),
        (GridSampler(tile=64), {}),
        (FittedSampler(0.0), {}),
    ):
        made = Detector("yolov5n.yaml", nc=1)
        fit(made, dataset(folder, crops, size=96), 96)
        assert {k: v for k, v in made.yaml["measured"].items() if k in advice} == known


MODELS = ["yolov5n.yaml", "yolox-nano.yaml", "yolc-n.yaml", "yolo11n.yaml"]


@pytest.mark.parametrize("model", MODELS)
def test_every_family_trains_on_windows_by_one_word(model, tmp_path):
    data = write_tiny(tmp_path / "data", train=4, val=2, size=160)
    made = YOLO(model)
    options = {**QUICK, "optimizer": "SGD", "workers": 2, "pretrained": False}
    made.train(data=str(data), project=str(tmp_path), name="run", crop_train="grid", recipe="none", **options)
    assert made.model.yaml["measured"]["pixel_scale"] == 1.0
    off = YOLO(model)
    off.train(data=str(data), project=str(tmp_path), name="off", crop_train="none", recipe="none", **options)
    assert "crop_train" not in off.model.yaml and off.model.yaml["measured"]["pixel_scale"] == 0.4


def test_training_on_pieces_by_one_word(tmp_path):
    data = write_tiny(tmp_path / "data", train=4, val=2, size=160)
    made = YOLO("yolov5n.yaml")
    options = {**QUICK, "optimizer": "SGD", "pretrained": False, "crop_train": "auto", "crop_train.pieces": 0.9}
    made.train(data=str(data), project=str(tmp_path), name="run", recipe="none", **options)
    assert made.model.yaml["crop_train"] == {"type": "auto", "pieces": 0.9}
    assert made.model.yaml["measured"]["pixel_scale"] == 1.0 and "crop_object_size" in made.model.yaml["measured"]


def test_a_set_of_small_pictures_is_told_that_it_has_no_windows(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("yolotiny.train.autofit.LOGGER", SimpleNamespace(warning=said.append))
    data = write_tiny(tmp_path / "data", train=4, val=2, size=64)
    made = YOLO("yolov5n.yaml")
    made.train(data=str(data), project=str(tmp_path), name="run", crop_train="grid", **QUICK)
    assert "no picture gives a tile" in said[0] and made.model.yaml["measured"]["pixel_scale"] == 1.0


def test_crop_train_is_for_training_alone(tmp_path):
    data = write_tiny(tmp_path / "data", train=2, val=2)
    with pytest.raises(InputError, match="val does not read crop_train="):
        YOLO("yolov5n.yaml").val(data=str(data), crop_train="grid")
