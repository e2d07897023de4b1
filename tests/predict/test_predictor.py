"""The predictor: ordinary Results, of every picture that can be read, with caps that are said."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from ultralytics.engine.results import Results
from ultralytics.utils import LOGGER

from tests.tiny_data import trained
from yolotiny import YOLO
from yolotiny.errors import InputError


@pytest.fixture
def model():
    return YOLO(trained().best)


@pytest.fixture
def warned(monkeypatch):
    lines = []
    monkeypatch.setattr(LOGGER, "warning", lambda text, *a, **k: lines.append(str(text)))
    return lines


def certain(n):
    """A forward pass that sees `n` separate objects in a 64-px picture (and repeats itself beyond 256)."""
    i = torch.arange(n)
    rows = [i % 16 * 4 + 2, i // 16 % 16 * 4 + 2, torch.full((n,), 2), torch.full((n,), 2)]
    scores = [torch.linspace(0.9, 0.5, n), torch.zeros(n)]
    return lambda x, **k: (torch.stack([r.float() for r in (*rows, *scores)])[None].repeat(len(x), 1, 1), None)


def test_predictions_are_results_in_pixels_of_the_picture(model, monkeypatch, tmp_path):
    monkeypatch.setattr(model.model, "run_layers", lambda x, *a: certain(1)(x))
    (found,) = model.predict(np.zeros((128, 128, 3), np.uint8), imgsz=64, project=str(tmp_path), verbose=False)
    assert isinstance(found, Results) and found.names == {0: "a", 1: "b"}
    np.testing.assert_allclose(found.boxes.xyxy.numpy(), [[2, 2, 6, 6]], atol=1e-4)


def test_the_cap_is_said(model, monkeypatch, tmp_path, warned):
    monkeypatch.setattr(model.model, "run_layers", lambda x, *a: certain(200)(x))
    options = {"imgsz": 64, "project": str(tmp_path), "verbose": False}
    picture = np.zeros((64, 64, 3), np.uint8)
    assert len(model.predict(picture, **options)[0].boxes) == 200 and not warned
    assert len(model.predict(picture, max_det=150, **options)[0].boxes) == 150
    assert any("max_det=150 left out the 50 weakest" in line for line in warned)


def test_pictures_that_do_not_decode_are_named_counted_and_skipped(model, tmp_path, warned):
    for i in range(2):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"zzz")
    found = model.predict(tmp_path, imgsz=64, project=str(tmp_path), verbose=False)
    assert len(found) == 2 and model.predictor.unread == 1
    assert any("broken.png" in line for line in warned)


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 3)])
def test_sixteen_bit_pictures_are_scaled_not_clipped(model, tmp_path, shape):
    cv2.imwrite(str(tmp_path / "x.png"), np.full(shape, 180 << 8, np.uint16))
    (found,) = model.predict(tmp_path / "x.png", imgsz=64, project=str(tmp_path), verbose=False)
    assert found.orig_img.shape == (64, 64, 3) and int(found.orig_img.max()) == 180


@pytest.mark.parametrize("options", [{"augment": True}, {"embed": [4]}, {"classes": 1}])
def test_the_other_options_of_prediction_work_on_our_detectors(model, tmp_path, options):
    found = model.predict(trained().data.parent / "images/val/0.png", imgsz=64, project=str(tmp_path), **options)
    assert len(found) == 1
    if "embed" in options:
        assert found[0].ndim == 1


def test_suppression_by_nwd_is_asked_for_call_by_call_and_has_its_own_threshold(model, monkeypatch, tmp_path):
    """Two boxes of 4 px, 2 px apart: IoU 1/3; NWD .854 at C = 12.7, .78 at C = 8."""
    y = torch.tensor([[10.0, 10, 4, 4, 0.9, 0], [12, 10, 4, 4, 0.8, 0]]).T[None]
    monkeypatch.setattr(model.model, "run_layers", lambda x, *a, **k: (y.repeat(len(x), 1, 1), None))
    count = lambda **o: len(model.predict(np.zeros((64, 64, 3), np.uint8), **options, **o)[0].boxes)  # noqa: E731
    options = {"imgsz": 64, "project": str(tmp_path), "verbose": False}
    assert count() == 2
    assert count(nms_metric="nwd", nms_c=12.7) == 1
    assert count(nms_metric="nwd", nms_c=8.0) == 2 and count(nms_metric="nwd", nms_c=8.0, iou=0.7) == 1
    assert count() == 2
    with pytest.raises(InputError, match="^nms_metric=nwt: give iou, nwd or None"):
        count(nms_metric="nwt")


def clip(file, frames=6):
    """An MJPG video."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 5, (64, 64))
    for i in range(frames):
        writer.write(np.full((64, 64, 3), 40 * i, np.uint8))
    writer.release()
    return file


def test_detections_are_written_as_coco_rows_with_the_frame_of_a_video(model, monkeypatch, tmp_path):
    monkeypatch.setattr(model.model, "run_layers", lambda x, *a: certain(2)(x))
    for i in range(2):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.zeros((128, 128, 3), np.uint8))
    options = {"imgsz": 64, "project": str(tmp_path), "verbose": False, "save_json": True, "exist_ok": True}
    model.predict([tmp_path / "0.png", tmp_path / "1.png"], name="a", **options)
    rows = json.loads((tmp_path / "a" / "predictions.json").read_text())
    assert [(r["image_id"], r["file_name"], r["category_id"], r["score"]) for r in rows[::2]] == [
        (0, "0.png", 1, 0.9),
        (1, "1.png", 1, 0.9),
    ]
    assert rows[0]["bbox"] == [2, 2, 4, 4] and len(rows) == 4 and not list(tmp_path.rglob("*.part"))
    list(model.predict(clip(tmp_path / "clip.avi", frames=2), name="b", stream=True, **options))
    assert [r["frame"] for r in json.loads((tmp_path / "b" / "predictions.json").read_text())] == [1, 1, 2, 2]
    assert not (tmp_path / "predict").exists()
