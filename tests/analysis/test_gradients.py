"""The analysis of localisation gradients."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from tests.detectors import crowd
from tests.tiny_data import trained
from yolotiny.analysis.gradients import Pull, analyze_gradients, box_gradients, measure
from yolotiny.cli import main as cli
from yolotiny.criterion import targets_of
from yolotiny.detector import Detector
from yolotiny.errors import InputError


@pytest.fixture(scope="module", params=["yolov5n", "yolov5n-ugs", "yolox-nano-ugs"])
def model(request) -> Detector:
    torch.manual_seed(0)
    return Detector(f"{request.param}.yaml", nc=2)


def test_known_variance():
    assert Pull([np.array([1.0, 2.0]), np.array([3.0])], 0).variance == 1
    assert math.isnan(Pull([np.array([1.0])], 0).variance)


def test_the_gradient_is_that_of_autograd_and_the_network_stays_as_it_was(model):
    batch, criterion = crowd(), model.init_criterion()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    norm, gt = box_gradients(model, criterion, batch["img"], targets_of(batch))
    assert len(norm) == len(gt) > 0 and torch.isfinite(norm).all() and (norm > 0).any()
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_logarithms_do_not_depend_on_the_weight_of_the_loss(model):
    batches = [crowd(), crowd(objects=30)]
    one = measure(model, iter(batches), 32.0)
    heavy = Detector(model.yaml | {"nc": 2}, nc=2)
    heavy.load_state_dict(model.state_dict())
    if "bins" not in heavy.yaml["loss"]:
        heavy.yaml["loss"]["box"]["weight"] *= 10
        assert measure(heavy, iter(batches), 32.0).variance == pytest.approx(one.variance, rel=1e-3)
    fewer = measure(model, iter(batches), 8.0)
    assert 0 < sum(map(len, fewer.logs)) < sum(map(len, one.logs))


def test_two_models_are_compared_on_the_command_line(tmp_path, capsys):
    model, data = str(trained().best), str(trained().data)
    words = [f"model={model}", f"data={data}", "baseline=yolov5n-ugs", "imgsz=64", "batch=2", "iterations=3"]
    assert cli.main(["analyze", "gradients", *words, f"to={tmp_path}"]) == 0
    said = capsys.readouterr().out
    report = json.loads((tmp_path / "gradients.json").read_text())
    first, second = (row["variance"] for row in report["models"].values())
    assert report["ratio"] == pytest.approx(second / first) and f"model: {report['ratio']:.3g}" in said
    assert (tmp_path / "gradients.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["iterations=0"], "iterations=0 is below 1"),
        (["below=-1"], "below=-1: give a number above 0"),
        (["below=0.01", "iterations=1", "batch=1", "imgsz=64"], "matched no object below 0.01 px"),
        (["baseline=yolov5n"], "model and baseline are the same"),
        (["baseline=yolo11n", "iterations=1", "batch=1", "imgsz=64"], "has a head of ultralytics"),
    ],
)
def test_bad_input_is_one_line(words, said, capsys, tmp_path):
    base = ["analyze", "gradients", "model=yolov5n", f"data={trained().data}", f"to={tmp_path}"]
    assert cli.main([*base, *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not list(tmp_path.iterdir())


def test_a_detector_with_too_few_classes_is_refused():
    with pytest.raises(InputError, match="has 1 classes"):
        analyze_gradients({"small": Detector("yolov5n.yaml", nc=1)}, str(trained().data))
