"""UGS in whole detectors: what is trained, when it is refined, and what it leaves behind."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.detectors import assert_agree, awake, batch, crowd
from tests.tiny_data import QUICK, write_tiny
from yolotiny import YOLO
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.nn.head import statistics_kept

MODELS = ["yolov5n-ugs", "yolox-nano-ugs"]


def detector(name: str, **changes) -> Detector:
    torch.manual_seed(0)
    return Detector(config.load(name, {k.replace("__", "."): v for k, v in changes.items()}), nc=2)


@pytest.fixture(params=MODELS)
def ugs(request) -> Detector:
    return detector(request.param)


def test_the_head_gets_the_channels_of_its_coder():
    assert [m.out_channels for m in detector("yolov5n-ugs").model[-1].m] == [3 * (44 + 1 + 2)] * 3
    assert [m.out_channels for m in detector("yolox-nano-ugs").model[-1].reg_preds] == [2 * 11 + 2 * 17] * 3
    assert detector("yolov5n").model[-1].no == 7


def test_the_terms_are_there_in_every_step_and_refinement_only_in_training(ugs):
    _, parts = ugs.loss(crowd())
    assert {"box_loss", "ce_loss", "um_loss", "ur_loss"} < set(parts) and parts["ur_loss"] > parts["um_loss"] * 0.9
    for images in (batch(), batch(empty=True)):
        assert list(ugs.loss(images)[1]) == list(parts)
    ugs.eval()
    with torch.inference_mode():
        _, seen = ugs.loss(crowd())
    assert list(seen) == list(parts) and seen["ur_loss"] == 0 and seen["um_loss"] > 0
    ugs.train()
    with torch.no_grad():
        assert ugs.loss(crowd())[1]["ur_loss"] == 0


def test_running_the_box_branch_again_gives_the_same_boxes_and_no_new_statistics(ugs):
    preds = ugs(crowd()["img"])
    before = copy.deepcopy(ugs.state_dict())
    again = preds.again(preds.features)
    assert torch.allclose(again, preds.box, atol=1e-4)
    assert all(torch.equal(v, before[k]) for k, v in ugs.state_dict().items())


def test_statistics_are_kept_also_when_something_fails_inside():
    norm = torch.nn.BatchNorm2d(3)
    with pytest.raises(ValueError), statistics_kept(norm):
        norm(torch.randn(2, 3, 4, 4))
        raise ValueError
    assert norm.track_running_stats and not norm.running_mean.any()


def test_training_leaves_nothing_on_the_network(ugs):
    vector, _ = ugs.loss(crowd())
    clone = copy.deepcopy(ugs)  # an average of weights is made so
    file = io.BytesIO()
    torch.save(ugs, file)
    vector.sum().backward()
    assert clone.loss(crowd())[0].isfinite().all() and not any(p.grad is not None for p in clone.parameters())


def test_box_terms_can_go_and_uncertainty_and_refinement_too():
    parts = detector("yolov5n-ugs", loss__bins__keep_iou=False).loss(crowd())[1]
    assert parts["box_loss"] == 0 and parts["ce_loss"] > 0
    parts = detector("yolov5n-ugs", loss__bins__gamma=0, loss__bins__entropy=0).loss(crowd())[1]
    assert parts["ur_loss"] == parts["um_loss"] == 0 and parts["ce_loss"] > 0


def test_yolox_measures_l1_on_the_expected_box(ugs):
    if "l1" not in ugs.init_criterion().loss or ugs.model[-1].criterion != "yolox":
        pytest.skip("YOLOX alone has an L1 term by default")
    first = ugs.loss(crowd())[1]["l1_loss"]
    ugs.criterion.last_epochs()
    assert first == 0 < ugs.loss(crowd())[1]["l1_loss"]


def test_a_frozen_neck_is_no_obstacle(ugs):
    head = ugs.model[-1]
    for p in ugs.parameters():
        p.requires_grad_(False)
    for p in head.parameters():
        p.requires_grad_(True)
    ugs.loss(crowd())[0].sum().backward()
    assert all(p.grad is not None for p in head.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_gives_finite_gradients_near_those_of_float32(ugs, dtype):
    plain = ugs.loss(crowd())[1]
    with torch.autocast("cpu", dtype=dtype):
        vector, parts = ugs.loss(crowd())
    vector.sum().backward()
    assert all(p.grad.isfinite().all() for p in ugs.parameters() if p.grad is not None)
    for key in ("ce_loss", "um_loss", "ur_loss"):
        assert parts[key].item() == pytest.approx(plain[key].item(), rel=0.05)


def test_a_few_steps_on_one_batch_bring_the_boxes_home(ugs):
    images, optimizer = crowd(objects=8), torch.optim.AdamW(ugs.parameters(), lr=2e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        vector, parts = ugs.loss(images)
        vector.sum().backward()
        optimizer.step()
        losses.append(parts["ce_loss"].item())
    assert losses[-1] < 0.9 * losses[0]


def test_pretrained_weights_reach_all_but_the_head_and_what_is_new_is_said(caplog):
    start = detector("yolov5n")
    model = detector("yolov5n-ugs")
    with caplog.at_level("INFO", logger="ultralytics"):
        model.load({k: v + 1 for k, v in start.state_dict().items() if v.is_floating_point()})
    same = [k for k, v in model.state_dict().items() if v.is_floating_point() and k in start.state_dict()]
    new = [k for k in same if model.state_dict()[k].shape != start.state_dict()[k].shape]
    assert {k.partition(".m.")[0] for k in new} == {"model.24"} and len(new) == 6
    assert "6 tensors have another shape here and start new: model.24.m.0.weight" in caplog.text


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("yolov5n", {"loss.bins.weight": 1}, "loss.bins"),
        ("yolov5n-ugs", {"coder.n": 0}, "n=0 must be a whole number from 1 to 1,000"),
        ("yolov5n-ugs", {"coder.alpha": 0}, "alpha=0 must be a number above 0"),
        ("yolov5n-ugs", {"coder.bta": 1}, "coder 'bins' in yolov5n-ugs.yaml: coder takes no argument 'bta'"),
        ("yolov5n-ugs", {"loss.bins.rho": -1}, "rho=-1 must be a number from 0 up"),
        ("yolov5n-ugs", {"loss.bins.ur": "au"}, "ur must be um, ce or ce+um"),
        ("yolov5n-ugs", {"coder": "v5"}, "loss.bins in yolov5n-ugs.yaml needs a coder of distributions"),
        ("yolo11n", {"coder": {"type": "bins"}}, "'coder' in yolo11n.yaml is asked for by no layer"),
    ],
)
def test_bad_input_is_one_line(name, changes, said):
    with pytest.raises(InputError) as error:
        Detector(config.load(name, changes), nc=2).init_criterion()
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.slow
def test_it_trains_with_accumulated_gradients_resumes_and_loads_safely(tmp_path, monkeypatch):
    data = write_tiny(tmp_path / "data")
    options = QUICK | {"epochs": 3, "batch": 2, "nbs": 8, "data": str(data), "project": str(tmp_path), "name": "run"}
    made = YOLO("yolov5n-ugs")

    def stop(trainer):
        if trainer.epoch == 1:
            raise KeyboardInterrupt

    made.add_callback("on_train_epoch_start", stop)
    with pytest.raises(KeyboardInterrupt):
        made.train(**options)
    last = tmp_path / "run" / "weights" / "last.pt"
    YOLO(last).train(resume=True)
    head, *rows = (tmp_path / "run" / "results.csv").read_text().splitlines()
    columns = head.replace(" ", "").split(",")
    refined = [float(row.split(",")[columns.index("train/ur_loss")]) for row in rows]
    validated = [float(row.split(",")[columns.index("val/ur_loss")]) for row in rows]
    assert len(rows) == 3 and min(refined) > 0 and max(validated) == 0
    best = YOLO(tmp_path / "run" / "weights" / "best.pt")
    assert best.model.model[-1].coder.channels == 44 and best.model.yaml["coder"]["type"] == "bins"


@pytest.mark.slow
def test_compiling_is_refused_where_the_refinement_needs_gradients_inside(tmp_path):
    data = write_tiny(tmp_path / "data", train=2, val=1)
    with pytest.raises(InputError, match="compile=True does not go with the refinement of UGS") as error:
        YOLO("yolov5n-ugs").train(**QUICK | {"data": str(data), "project": str(tmp_path), "compile": True})
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_openvino_decodes_the_expectation_as_pytorch_does(name, tmp_path, monkeypatch):
    openvino = pytest.importorskip("openvino")
    monkeypatch.chdir(tmp_path)
    made = YOLO(name)
    args, made.model = made.model.args, awake(detector(name))
    made.model.args = args
    x = batch()["img"][:1]
    with torch.no_grad():
        wanted = made.model(x)[0]
    folder = Path(made.export(format="openvino", imgsz=128))
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(next(folder.glob("*.xml")), "CPU", exact)
    assert_agree(compiled(x.numpy())[0], wanted)


BINS_OF_CELLS = {"type": "bins", "alpha": [1.0, 5.0], "beta": [1.0, 0.5], "n": [8, 16], "one_sided": True}


@pytest.mark.parametrize("name", ["yolc-n", "centernet-n"])
def test_heads_with_a_heat_map_learn_distributions(name):
    made = detector(name, coder=BINS_OF_CELLS)
    vector, parts = made.loss(crowd())
    stages = {"coarse_loss"} if name == "yolc-n" else set()
    assert set(parts) == {"heat_loss", "box_loss", "ce_loss", "um_loss"} | stages
    assert list(made.loss(batch(empty=True))[1]) == list(parts)
    vector.sum().backward()
    assert not [k for k, p in made.model[-1].named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert detector(name, coder=BINS_OF_CELLS, loss__bins={"keep_iou": False}).loss(crowd())[1]["box_loss"] == 0


def test_known_value_a_heat_map_s_peak_becomes_the_box_of_its_distribution():
    head = detector("yolc-n", coder=BINS_OF_CELLS).eval().model[-1]
    preds = head.raw([torch.zeros(1, c, 4, 4) for c in [64]])
    cell = 2 * 4 + 3  # of row 2, column 3
    box = torch.tensor([[12.5, 9.0, 15.0, 10.0]])
    preds.box[-1][0, :, 2, 3] = head.coder.encode(box, preds.priors.at(torch.tensor([cell])))[0]
    heat = torch.full((1, 2, 16, 16), 0.01)
    heat[0, 1, 9, 14] = 0.9
    assert head.top(heat, preds)[0, 0].tolist() == pytest.approx([*box[0].tolist(), 0.9, 1], abs=1e-2)
    raw = preds.box[-1][:, :, 2:3, 3:4]  # centre (13.75, 9.5), sides 2.5 and 1 of a cell of 4 px that starts at (12, 8)
    assert head.in_cells(raw).flatten().tolist() == pytest.approx([1.75 / 4, 1.5 / 4, 1.25 / 4, 0.5 / 4], abs=1e-3)


def test_a_head_with_a_heat_map_says_what_it_does_not_do(tmp_path):
    with pytest.raises(InputError, match="gamma .* must be 0"):
        detector("yolc-n", coder=BINS_OF_CELLS, loss__bins={"gamma": 0.5}).init_criterion()
    with pytest.raises(InputError, match="feature_l2 .* must be 0"):
        detector("yolc-n", coder=BINS_OF_CELLS, loss__bins={"feature_l2": 0.5}).init_criterion()
    file = tmp_path / "yolc.pt"
    made = detector("yolc-n", coder=BINS_OF_CELLS)
    torch.save({"model": made, "ema": None, "epoch": -1, "train_args": {"imgsz": 128, "task": "detect"}}, file)
    with pytest.raises(InputError, match="heat map"):
        YOLO(file).predict(np.zeros((64, 64, 3), np.uint8), uncertainty=True, crops="none", verbose=False)
