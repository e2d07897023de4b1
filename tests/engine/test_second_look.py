"""Clusters looked at again: what the network is shown, what comes back, which options reach it, what results carry."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from tests.detectors import awake
from tests.tiny_data import QUICK, write_tiny
from yolotiny import YOLO
from yolotiny.detector import Detector
from yolotiny.engine.second_look import CropResults, SecondLook
from yolotiny.errors import InputError

CROPS = {"type": "lsm", "k": 2, "min_area": 0, "enlarge": 1.0}


def seen(size: tuple[int, int] = (64, 128)) -> torch.Tensor:
    """A heat map with one cluster in its upper left quarter."""
    heat = torch.zeros(size)
    heat[: size[0] // 2, : size[1] // 2] = 1
    return heat


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> YOLO:
    """yolc-n as from a checkpoint, with answers everywhere."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("yolc") / "yolc-n.pt"
    detector = awake(Detector("yolc-n.yaml", nc=2))
    detector.yaml["infer"]["crops"]["min_area"] = 0
    torch.save({"model": detector, "ema": None, "epoch": -1, "train_args": {"imgsz": 128, "task": "detect"}}, file)
    return YOLO(file)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8), (256, 192))


def test_crops_are_in_pixels_of_the_network_input_whatever_the_map_s_size():
    look = SecondLook({"crops": CROPS})
    assert look.choose(seen(), (64, 128)).tolist() == [[0, 0, 64, 36]]  # cells of 8 x 6 px
    assert look.choose(seen((16, 32)), (64, 128))[0, :2].tolist() == [0, 0]
    assert look.choose(seen() * 0, (64, 128)).shape == (0, 4)


def test_the_network_is_shown_the_file_s_own_pixels_at_the_scale_asked_for():
    shown = []
    look = SecondLook({"crops": CROPS, "scale": 2.0})
    picture = np.random.default_rng(0).integers(0, 255, (200, 400, 3), dtype=np.uint8)

    def detect(piece: np.ndarray) -> torch.Tensor:
        shown.append(piece)
        return torch.tensor([[10.0, 10, 30, 20, 0.9, 1], [500, 10, 510, 20, 0.8, 1]])  # the second in the padding

    coarse = torch.tensor([[110.0, 60, 118, 66, 0.5, 0], [300, 60, 308, 66, 0.4, 0]])
    rows = look(picture, coarse, torch.tensor([[100.0, 50, 200, 150]]), 0.5, detect)
    assert np.array_equal(shown[0], picture[50:150, 100:200])  # first look at half size, twice that is the file's own
    assert rows.tolist() == [pytest.approx([110, 60, 130, 70, 0.9, 1]), pytest.approx([300, 60, 308, 66, 0.4, 0])]
    assert (look.pictures, look.crops) == (1, 1) and look.summary.startswith("2.00 forwards")


def test_an_unknown_setting_is_refused_by_name():
    for section, said in (
        ({"crop": {}}, "infer.crop .*crops"),
        ({"crops": {"type": "lsm", "kk": 2}}, "'kk'"),
        ({"crops": "grids"}, "'grids'"),
        ({"merge": "replce"}, "replace"),
        ({"scale": 0}, "infer.scale"),
        ({"max_side": True}, "infer.max_side"),
    ):
        with pytest.raises(InputError, match=said):
            SecondLook(section)


def test_results_carry_their_crops_and_draw_them(model, picture):
    with_crops, without = (model.predict(picture, imgsz=128, verbose=False, k=k)[0] for k in (2, 0))
    assert isinstance(with_crops, CropResults) and 1 <= len(with_crops.crops) <= 2 and not len(without.crops)
    assert (with_crops.crops >= 0).all() and (with_crops.crops[:, 2] <= 256).all()
    assert not np.array_equal(with_crops.plot(boxes=False), picture)
    assert np.array_equal(without.plot(boxes=False), picture) and np.array_equal(with_crops.orig_img, picture)
    assert torch.equal(with_crops[0:1].cpu().crops, with_crops.crops)


def test_options_reach_the_second_look_and_are_not_remembered(model, picture):
    def boxes(**options):
        return model.predict(picture, imgsz=128, verbose=False, **options)[0].boxes.data

    usual, merged = boxes(), boxes(merge="nms")
    assert usual.shape != merged.shape or not torch.equal(usual, merged)
    assert not torch.equal(boxes(**{"infer.scale": 1.0})[:5], usual[:5])
    assert len(model.predict(picture, imgsz=128, verbose=False, top_k=1)[0].crops) == 1
    assert torch.equal(boxes(), usual)


def test_validation_looks_twice_and_agrees_with_prediction(model, tmp_path):
    data = write_tiny(tmp_path / "data", val=2, size=128)
    common = {"data": str(data), "imgsz": 128, "plots": False, "verbose": False, "project": str(tmp_path), "conf": 0.25}
    common |= {"rect": False}  # rectangular batches have a border, which prediction has not
    rows = {}
    for k in (0, 2):
        model.val(k=k, save_json=True, name=str(k), batch=2, workers=0, **common)
        found = json.loads((tmp_path / str(k) / "predictions.json").read_text())
        rows[k] = [(r["file_name"], r["category_id"], *np.round(r["bbox"])) for r in found]
    assert rows[0] != rows[2]
    predicted = model.predict(str(tmp_path / "data/images/val/0.png"), imgsz=128, verbose=False, k=2)[0]
    ours = sum(r[0] == "0.png" for r in rows[2])
    assert len(predicted.crops) and abs(len(predicted) - ours) <= 0.02 * ours  # val leaves out rows beside the picture


def test_a_model_without_heat_map_and_an_exported_file_refuse_crops(picture):
    with pytest.raises(InputError, match="k= is not read here: this detector"):
        YOLO("yolov5n.yaml").predict(picture, k=2)
    for wrong, said in (({"k": -1}, "k=-1"), ({"merge": "sum"}, "unknown merge"), ({"top_k": 0}, "top_k=0")):
        with pytest.raises(InputError, match=said):
            YOLO("yolc-n.yaml").predict(picture, **wrong)


def test_test_time_augmentation_changes_what_is_found(model, picture):
    plain, augmented = (
        model.predict(picture, imgsz=128, verbose=False, k=0, augment=a)[0].boxes.data for a in (False, True)
    )
    assert len(plain) != len(augmented) or not torch.equal(plain, augmented)
    assert (augmented[:, [0, 2]] <= 256).all() and (augmented[:, [1, 3]] <= 192).all()


def test_a_video_is_looked_at_frame_by_frame(model, picture, tmp_path):
    file = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 5, (256, 192))
    for shift in (0, 8, 16):
        writer.write(np.roll(picture, shift, 1))
    writer.release()
    results = list(model.predict(str(file), imgsz=128, stream=True, save=True, project=str(tmp_path), verbose=False))
    assert len(results) == 3 and all(len(r.crops) for r in results)
    assert any((tmp_path / "predict").glob("clip.*"))


@pytest.mark.slow
def test_yolc_trains_on_clusters_and_validates(tmp_path):
    data = write_tiny(tmp_path / "data")
    model = YOLO("yolc-n.yaml")
    options = {**QUICK, "imgsz": 96, "epochs": 2, "crop_train.probability": 1.0, "crop_train.min_area": 0}
    model.train(data=str(data), project=str(tmp_path), name="run", **options)
    head, *rows = (tmp_path / "run" / "results.csv").read_text().splitlines()
    assert len(rows) == 2 and "train/heat_loss" in head and "train/coarse_loss" in head
    again = YOLO(tmp_path / "run" / "weights" / "best.pt")
    assert again.model.yaml["crop_train"]["probability"] == 1.0
    assert again.val(data=str(data), imgsz=96, batch=2, plots=False, verbose=False, project=str(tmp_path)).report
