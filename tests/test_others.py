"""Programs that know ultralytics' models take ours as an object."""

import numpy as np
import pytest

from tests.test_checkpoint import SMALL, ours
from tests.tiny_data import write_tiny
from yolotiny import YOLO
from yolotiny.detector import Detector


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    import torch

    from tests.detectors import awake

    torch.manual_seed(0)
    made = awake(Detector(SMALL))
    made.names = {0: "car", 1: "boat"}
    return ours(made, tmp_path_factory.mktemp("others") / "best.pt")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    import cv2

    folder = tmp_path_factory.mktemp("picture")
    write_tiny(folder, train=1, val=1, size=128)
    return cv2.imread(str(folder / "images" / "val" / "0.png"))


def test_sahi_slices_with_a_model_of_ours(file, picture):
    pytest.importorskip("sahi", reason="needs sahi: pip install sahi")
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    model = AutoDetectionModel.from_pretrained(
        "ultralytics", model=YOLO(file), confidence_threshold=0.25, device="cpu", image_size=64
    )
    found = get_sliced_prediction(picture[..., ::-1], model, slice_height=64, slice_width=64, verbose=0)
    assert model.category_mapping == {"0": "car", "1": "boat"}
    assert found.object_prediction_list
    assert {p.category.name for p in found.object_prediction_list} <= {"car", "boat"}


def test_supervision_reads_results_of_ours(file, picture):
    sv = pytest.importorskip("supervision", reason="needs supervision: pip install supervision")
    result = YOLO(file).predict(picture, imgsz=64, verbose=False)[0]
    found = sv.Detections.from_ultralytics(result)
    assert len(found) == len(result.boxes) > 0
    assert np.array_equal(found.xyxy, result.boxes.xyxy.numpy())


def test_what_they_ask_of_a_model_is_there(file, picture):
    model = YOLO(file)
    assert model.names == {0: "car", 1: "boat"} and model.task == "detect" and model.overrides["task"] == "detect"
    assert bool(model) and callable(model.to) and callable(model.fuse)
    (result,) = model([picture], imgsz=64, conf=0.25, device="cpu", verbose=False)
    assert result.boxes.data.shape[1] == 6
