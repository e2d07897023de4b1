"""How sure a detector of distributions is of its boxes."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from ultralytics.engine.results import Results

from tests.detectors import awake, pictures
from tests.loaders.test_reader import write_video
from yolotiny import YOLO
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.ops.postprocess import NMSConfig, nms
from yolotiny.predict.uncertainty import UncertainPredictor, UncertainResults

PICTURE = np.ascontiguousarray((pictures(1, (128, 128))[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> YOLO:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("ugs") / "ugs.pt"
    detector = awake(Detector("yolov5n-ugs.yaml", nc=2))
    torch.save({"model": detector, "ema": None, "epoch": -1, "train_args": {"imgsz": 128, "task": "detect"}}, file)
    return YOLO(file)


def test_suppression_carries_further_values_along():
    y = torch.tensor([[[10.0, 10, 4, 4, 0.9], [10, 10, 4, 4, 0.8], [30, 30, 4, 4, 0.95]]]).transpose(1, 2)
    (rows,) = nms(y, NMSConfig(), extra=torch.tensor([[[1.0, 2], [3, 4], [5, 6]]]))
    assert rows[:, 6:].tolist() == [[5, 6], [1, 2]]


def test_the_spread_comes_with_the_boxes_in_pixels_of_the_picture(model, tmp_path):
    options = {"imgsz": 128, "verbose": False, "project": str(tmp_path)}
    (plain,) = model.predict(PICTURE, **options)
    (small,) = model.predict(PICTURE, uncertainty=True, **options)
    large = model.predict(cv2.resize(PICTURE, (256, 256), interpolation=cv2.INTER_NEAREST), uncertainty=True, **options)
    assert isinstance(small, UncertainResults) and isinstance(small, Results) and len(small) == len(plain) > 0
    assert torch.equal(small.boxes.data, plain.boxes.data)
    assert small.spread.shape == (len(small), 4) and (small.spread > 0).all()
    assert torch.allclose(small.uncertainty, small.spread.square().mean(1).sqrt())
    assert large[0].spread.median() == pytest.approx(2 * small.spread.median().item(), rel=0.3)
    assert not isinstance(model.predict(PICTURE, **options)[0], UncertainResults)  # and not unasked


def test_the_spread_is_that_of_its_box_where_a_head_keeps_the_best_of_each_level(tmp_path):
    torch.manual_seed(0)
    bins = {"coder": {"type": "bins", "alpha": 2, "n": 4}, "assigner": {"type": "max_iou"}, "loss": {"box": "giou"}}
    base = config.load("retina.yaml")
    cfg = base | bins | {"loss": {k: v for k, v in base["loss"].items() if k != "box"} | bins["loss"]}
    detector = awake(Detector(cfg, nc=2))
    torch.save({"model": detector, "ema": None, "epoch": -1, "train_args": {"imgsz": 128}}, tmp_path / "retina.pt")
    made = YOLO(tmp_path / "retina.pt")
    options = {"imgsz": 128, "verbose": False, "uncertainty": True, "project": str(tmp_path), "max_det": 5}
    (found,) = made.predict(PICTURE, **options)
    head, x = detector.model[-1], torch.from_numpy(PICTURE.copy()).flip(2).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        preds = detector.eval()(x)[1]
    boxes, spread = (f(preds.box, preds.priors)[0] for f in (head.coder.decode, head.coder.spread))
    away = (boxes.clamp(0, 128)[:, None] - found.boxes.xyxy).abs().amax(2)  # what is found ends at the border
    assert len(found) == 5 and away.amin(0).max() < 0.1
    torch.testing.assert_close(spread[away.argmin(0)], torch.as_tensor(found.spread), atol=1e-2, rtol=1e-2)


def test_it_goes_through_selection_and_json_and_picture(model, tmp_path):
    (found,) = model.predict(PICTURE, uncertainty=True, imgsz=128, verbose=False, project=str(tmp_path))
    first = found[:1].cpu()
    assert isinstance(first, UncertainResults) and torch.equal(first.spread, found.spread[:1])
    (row,) = json.loads(first.to_json())
    assert row["uncertainty"] == pytest.approx(float(found.uncertainty[0]), abs=1e-4)
    assert list(row["spread"]) == ["cx", "cy", "w", "h"]
    assert row["spread"]["w"] == pytest.approx(float(found.spread[0, 2]), abs=1e-4)
    drawn = found.plot()
    assert drawn.shape == PICTURE.shape and not np.array_equal(drawn, Results.plot(found))


def test_saving_writes_a_file_beside_the_pictures(model, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), PICTURE)
    options = {"imgsz": 128, "verbose": False, "project": str(tmp_path), "name": "out"}
    found = model.predict(tmp_path / "a.png", uncertainty=True, save=True, **options)
    written = json.loads((tmp_path / "out" / "uncertainty.json").read_text())
    assert [len(rows) for rows in written.values()] == [len(found[0])] and (tmp_path / "out" / "a.jpg").exists()


def test_boxes_of_a_video_say_their_frame(model, tmp_path):
    video = write_video(tmp_path / "a.avi", 4)
    options = {"imgsz": 64, "verbose": False, "project": str(tmp_path), "name": "out", "conf": 0.0001, "batch": 2}
    found = model.predict(video, uncertainty=True, save=True, vid_stride=2, **options)
    (rows,) = json.loads((tmp_path / "out" / "uncertainty.json").read_text()).values()
    assert all(len(result) for result in found)
    assert [row["frame"] for row in rows] == [2] * len(found[0]) + [4] * len(found[1])


def test_what_cannot_be_said_is_refused_in_one_line(model, tmp_path):
    with pytest.raises(InputError, match="needs a checkpoint whose boxes are distributions"):
        YOLO("yolov5n").predict(PICTURE, uncertainty=True, verbose=False, project=str(tmp_path))
    with pytest.raises(InputError, match="does not go with augment=True"):
        model.predict(PICTURE, uncertainty=True, augment=True, imgsz=128, verbose=False, project=str(tmp_path))
    with pytest.raises(InputError, match="val does not read uncertainty=: use it in predict"):
        model.val(data="x.yaml", uncertainty=True)


def test_a_head_of_two_stages_cannot_say_it():
    bins = {"coder.type": "bins", "coder.stds": [1, 1, 1, 1], "loss.bins.gamma": 0}
    with pytest.raises(InputError, match="does not go with a head of two stages"):
        made = Detector(config.override(config.load("frcnn"), bins, terms=["bins"]), nc=2)
        UncertainPredictor.__new__(UncertainPredictor).setup_model(made)
