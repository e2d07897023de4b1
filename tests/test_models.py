"""What every shipped model YAML can do, at its smallest scale; a new YAML is tested by being there."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from ultralytics.nn.autobackend import AutoBackend
from ultralytics.utils import DEFAULT_CFG

from benchmarks.export import graphs, smallest
from tests.detectors import (
    assert_agree,
    assert_same_detections,
    assert_same_rows,
    awake,
    batch,
    best_class,
    crowd,
    photographs,
)
from yolotiny import YOLO
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.nn.rcnn_head import RCNNDetect
from yolotiny.nn.retina_head import TowerDetect
from yolotiny.ops.postprocess import NMSConfig, nms
from yolotiny.shipped import read
from yolotiny.structures import CenterPreds, RCNNPreds

MODELS = sorted((config.cfg_dir() / "models").glob("*.yaml"))
OWN = [p for p in MODELS if config.load(p)["head"][-1][2] != "Detect"]  # the others end in a head of ultralytics


@pytest.fixture(params=MODELS, ids=lambda p: p.stem)
def cfg(request, tmp_path):
    """The model's file, at the first of its scales where it names another one as its usual."""
    content = read(request.param)
    if "scale" not in content:
        return request.param
    file = tmp_path / request.param.name
    file.write_text(yaml.safe_dump(content | {"scale": next(iter(content["scales"]))}))
    return file


@pytest.fixture
def detector(cfg) -> Detector:
    torch.manual_seed(0)
    made = Detector(cfg, nc=2)
    made.args = DEFAULT_CFG  # what the trainer gives; heads of ultralytics read their gains there
    return made


def test_there_are_models():
    assert {"yolov5", "yolov5-p2", "yolox", "yolox-p2"} <= {p.stem for p in OWN} < {p.stem for p in MODELS}


@pytest.mark.parametrize("cfg", OWN, indirect=True, ids=lambda p: p.stem)
def test_it_runs_in_training_and_gives_boxes_and_scores_in_evaluation(detector):
    x = batch()["img"]
    preds = detector(x)
    priors = preds.priors
    a = len(priors.centers)
    assert a == sum(priors.counts)
    with torch.no_grad():
        y, _ = detector.eval()(x)
    assert torch.isfinite(y).all()
    if isinstance(preds, CenterPreds):
        assert all(m.shape[:2] == (2, 2) for m in preds.heat) and all(m[0, 0].numel() == a for m in preds.box)
        k = min(detector.model[-1].max_det, preds.heat[-1][0].numel())
        assert y.shape == (2, k, 6) and (y[..., 2:4] >= y[..., :2]).all()
        assert ((y[..., 4] >= 0) & (y[..., 4] <= 1)).all() and set(y[..., 5].unique().tolist()) <= {0, 1}
        return
    assert preds.box.shape[:2] == (2, a)
    assert len(priors.shapes) == len(detector.model[-1].stride)
    if isinstance(preds, RCNNPreds):  # a prediction is a proposal, and classes come with these
        assert preds.cls.shape == (2, a, 0) and y.shape == (2, 4 + 2, preds.proposals.shape[1])
    else:
        most = getattr(detector.model[-1], "candidates", a)  # of a level, where a head counts them
        assert preds.cls.shape == (2, a, 2) and y.shape == (2, 4 + 2, sum(min(most, n) for n in priors.counts))
    assert (y[:, 2:4] >= 0).all() and ((y[:, 4:] >= 0) & (y[:, 4:] <= 1)).all()


def test_every_parameter_learns(detector):
    for name, p in detector.named_parameters():
        # An identity at first: gates, and the last norms of a ResNet's blocks, wait for it to move.
        if name.endswith("gamma") or (name.endswith("bn2.weight") and not p.any()):
            p.data.fill_(0.1)
    vector, parts = detector.loss(batch())
    assert torch.isfinite(vector).all() and len(vector) == len(parts)
    vector.sum().backward()
    detector.loss(crowd(objects=200))[0].sum().backward()  # a level without objects has nothing to say
    learning = [(n, p) for n, p in detector.named_parameters() if p.requires_grad]
    untouched = [n for n, p in learning if p.grad is None or not torch.isfinite(p.grad).all()]
    assert untouched == []
    idle = [n for n, p in learning if not p.grad.any()]
    assert idle == []


def test_pictures_without_objects_give_a_finite_loss_with_the_same_parts(detector):
    full = detector.loss(batch())[1]
    vector, parts = detector.loss(batch(empty=True))
    assert list(parts) == list(full) and torch.isfinite(vector).all()
    vector.sum().backward()
    learning = [p for p in detector.parameters() if p.requires_grad]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in learning)


def test_the_loss_is_finite_and_near_in_bfloat16(detector):
    plain = detector.loss(batch())[0].sum()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        vector, _ = detector.loss(batch())
    near = pytest.approx(plain.item(), rel=0.2)  # a pair of prior and object may change
    assert vector.dtype == torch.float32 and vector.sum().item() == near
    vector.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in detector.parameters() if p.requires_grad)


KINDS: dict[str, dict[str, Any]] = {
    "torchscript": {"format": "torchscript"},
    "onnx": {"format": "onnx"},
    "dynamic": {"format": "onnx", "dynamic": True, "simplify": False},
    "nms": {"format": "onnx", "nms": True, "simplify": False},
    "openvino": {"format": "openvino"},
}


@pytest.fixture(scope="module")
def distinct() -> set[str]:
    """Of model files that differ in loss or assigner alone, one is exported."""
    return set(graphs())


@lru_cache(maxsize=1)
def answering(file: Path) -> YOLO:
    """A model that sees something, at its smallest scale; kept for the kinds that follow."""
    torch.manual_seed(0)
    model = YOLO(str(file))
    args, model.model = model.model.args, awake(smallest(file), x=photographs())
    model.model.args = args
    return model


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", MODELS, ids=lambda p: p.stem)
def test_an_exported_file_agrees_and_predicts(file, kind, distinct, tmp_path, monkeypatch, exact_openvino):
    if file.stem not in distinct:
        pytest.skip("another file has the same graph")
    monkeypatch.chdir(tmp_path)
    # Of hundreds of random boxes some lie on a threshold: one thread, so that sums are taken in one order.
    monkeypatch.setattr("ultralytics.utils.torch_utils.NUM_THREADS", 1)
    model, x = answering(file), photographs()[:1]
    head = model.model.model[-1]
    if kind == "dynamic" and isinstance(head, TowerDetect):
        monkeypatch.setattr(head, "candidates", 65_536)  # such a file keeps all
        monkeypatch.setattr(model, "predictor", None)
    with torch.no_grad():
        wanted = model.model.eval()(x)[0]
    ready = wanted.shape[-1] == 6
    best = float(wanted[..., 4].max() if ready else wanted[:, 4:].max())
    conf = min(0.25, best / 2)
    options = {"imgsz": 128, "max_det": 1000, "conf": conf, "iou": 0.6}
    two_stage = isinstance(head, RCNNDetect)
    if two_stage and kind == "dynamic":
        with pytest.raises(InputError, match="proposals are counted for one size"):
            model.export(**KINDS[kind], imgsz=128)
        return
    exported = model.export(
        **KINDS[kind], **{k: v for k, v in options.items() if kind == "nms" or k in ("imgsz", "max_det")}
    )
    got = AutoBackend(exported, device=torch.device("cpu"), verbose=False)(x)
    if ready:
        assert_same_rows(got[0], wanted[0], above=conf)
    elif kind == "nms":
        assert_same_detections(nms(wanted, NMSConfig(conf, 0.6, 1000))[0], got[0][got[0, :, 4] > conf], conf, 0.6)
    elif isinstance(head, (RCNNDetect, TowerDetect)):  # of equally good ones rounding says which is first
        assert_same_rows(*(best_class(torch.as_tensor(y))[0] for y in (got, wanted)), above=conf)
    else:
        assert_agree(got, wanted)
    picture = (x[0].permute(1, 2, 0).flip(2).numpy() * 255).round().astype(np.uint8)
    ours, theirs = (m.predict(picture, **options, crops="none", verbose=False)[0] for m in (model, YOLO(exported)))
    assert_same_detections(ours.boxes.data, theirs.boxes.data, conf, 0.6)
