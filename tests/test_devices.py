"""Training, validation and prediction on tensors that claim to be on another device, see `tests.elsewhere`.

A new model joins by its name in MODELS. A wait of the training step that cannot be avoided joins KNOWN.
"""

from __future__ import annotations

import copy
import functools
import inspect
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ultralytics.cfg import get_cfg
from ultralytics.utils.torch_utils import ModelEMA

from tests.detectors import awake, batch, pictures
from tests.elsewhere import DEVICE, ROOT, DeviceFault, Remote, Watch
from tests.tiny_data import add_picture, room, write_tiny
from yolotiny import YOLO
from yolotiny.assigners import ASSIGNERS
from yolotiny.config import load as config
from yolotiny.criterion import CRITERIA
from yolotiny.detector import Detector
from yolotiny.losses import BOX_LOSSES
from yolotiny.nn import MODULES
from yolotiny.predict import sliced
from yolotiny.registry import build
from yolotiny.slicing import SLICERS
from yolotiny.train.trainer import Trainer

MODELS = ["yolov5n", "yolox-nano", "yolc-n", "yolov5n-p2p3-ugs", "yolov5n-p2-sarl-srtod", "yolo11n"]
MODELS += ["retina", "fcos", "frcnn"]
# What R-CNN learns from is drawn at random, from proposals whose order hangs on rounding: here it is all there is.
EVERY = {"frcnn": {"loss.obj.samples": 100_000, "loss.cls.samples": 100_000, "loss.cls.positive": 0.5}}
VARIANTS = ["yolov5n-nwd-rka", "yolox-nano-ugs", "yolov5n-sal"]  # whose training step differs and nothing else
NC = 2
ASSIGNED = "how many priors or objects are found has to be known"
KNOWN = {  # (file, function, operation): how often in a step of MODELS on the batch below, and why
    ("yolotiny/criterion/base.py", "targets_of", "from_cpu"): (1, "the size of the input"),
    ("yolotiny/criterion/dense.py", "pairs_of_levels", "tolist"): (1, "a mean over the pairs of each level"),
    ("yolotiny/assigners/wh_ratio.py", "match", "nonzero"): (8, f"two for each of four levels: {ASSIGNED}"),
    ("yolotiny/assigners/wh_ratio.py", "match", "from_cpu"): (1, "directions of the neighbours"),
    ("yolotiny/assigners/simota.py", "class_cost", "mask"): (1, ASSIGNED),
    ("yolotiny/assigners/simota.py", "class_cost", "unique2"): (1, "each prior is asked once"),
    ("yolotiny/assigners/simota.py", "_match", "nonzero"): (3, ASSIGNED),
    ("yolotiny/assigners/simota.py", "dynamic_k", "tolist"): (1, "objects of each picture"),
    ("yolotiny/assigners/simota.py", "dynamic_k", "nonzero"): (4, f"two for each picture with objects: {ASSIGNED}"),
    ("yolotiny/assigners/rka.py", "radii", "item"): (3, "sizes of tables, from the strides of three levels"),
    ("yolotiny/assigners/rka.py", "match", "mask"): (1, ASSIGNED),
    ("yolotiny/assigners/rka.py", "match", "nonzero"): (1, ASSIGNED),
    ("yolotiny/assigners/gaussian_center.py", "__call__", "nonzero"): (1, ASSIGNED),
    ("yolotiny/assigners/center_sampling.py", "match", "nonzero"): (1, ASSIGNED),
    ("yolotiny/assigners/geometric.py", "pairs_of", "nonzero"): (1, ASSIGNED),
    ("yolotiny/assigners/gaussian_center.py", "heat", "from_cpu"): (1, "the size of the map"),
    ("yolotiny/nn/retina_head.py", "prior_sizes", "from_cpu"): (4, "once for each level, until priors are kept"),
    ("yolotiny/nn/rcnn_head.py", "prior_sizes", "from_cpu"): (4, "once for each level, until priors are kept"),
    ("yolotiny/nn/rcnn_head.py", "propose", "nms"): (1, "suppression, of all pictures at once"),
    ("yolotiny/nn/rcnn_head.py", "propose", "from_cpu"): (1, "suppression keeps groups apart by a number"),
    ("yolotiny/nn/rcnn_head.py", "ask", "nonzero"): (4, "which proposals each level has"),
    ("yolotiny/criterion/rcnn.py", "parts", "mask"): (2, "pictures have different numbers of proposals"),
    ("yolotiny/criterion/rcnn.py", "first", "nonzero"): (4, f"samples of two pictures: {ASSIGNED}"),
    ("yolotiny/criterion/rcnn.py", "first", "mask"): (5, "as many samples as there are"),
    ("yolotiny/criterion/rcnn.py", "samples", "nonzero"): (4, f"as in `first`: {ASSIGNED}"),
    ("yolotiny/criterion/rcnn.py", "samples", "mask"): (14, "seven for each picture: its objects and its proposals"),
    ("yolotiny/criterion/rcnn.py", "second", "mask"): (3, "boxes are regressed for objects alone"),
    ("yolotiny/ops/gaussian.py", "draw_gaussians", "unique2"): (1, "a patch for each radius"),
    ("yolotiny/ops/gaussian.py", "draw_gaussians", "tolist"): (2, "sizes of the patches"),
    ("yolotiny/losses/heatmap.py", "gaussian_focal", "mask"): (1, "centres are few of many pixels"),
    ("yolotiny/coders/bins.py", "expected", "from_cpu"): (4, "two grids of some dozen numbers, in two passes"),
    ("yolotiny/coders/bins.py", "sizes", "from_cpu"): (1, "as in `expected`"),
    ("yolotiny/coders/bins.py", "distributions", "from_cpu"): (2, "as in `expected`"),
    ("tests/test_devices.py", "backward", "mask"): (2, "the gradient of masks, in `gaussian_focal` and R-CNN"),
}


def rows(empty: bool = False) -> dict[str, Any]:
    """A batch as a loader gives it: 96 px, grey levels, ignore regions among the objects; or nothing in it."""
    made = batch((96, 96), empty)
    if not empty:
        made["batch_idx"] = torch.cat((made["batch_idx"], torch.tensor([0.0, 1, 1])))
        made["cls"] = torch.cat((made["cls"], torch.full((3, 1), float(NC))))
        boxes = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2], [0.95, 0.5, 0.2, 0.1]])
        made["bboxes"] = torch.cat((made["bboxes"], boxes))
    return made | {"img": (made["img"] * 255).to(torch.uint8)}


def trainer_of(model: Detector, device: torch.device) -> Trainer:
    """As much of a trainer as a step needs."""
    made = Trainer.__new__(Trainer)
    made.args = model.args = get_cfg(overrides={"imgsz": 96, "batch": 2, "nbs": 2, "compile": False})
    made.data, made.device, made.batch_size = {"nc": NC}, device, 2
    made.model = model.to(device).train()
    made.optimizer = made.build_optimizer(made.model, "SGD", 0.01, 0.9, 5e-4)
    made.scaler = torch.amp.GradScaler(enabled=False)
    made.ema = ModelEMA(made.model)
    return made


def backward(loss: Any) -> None:
    loss.sum().backward()


def step(trainer: Trainer, given: dict[str, Any]) -> Any:
    """A step as ultralytics' loop makes it; the loss."""
    made = trainer.preprocess_batch(given)
    with torch.autocast(trainer.device.type, enabled=False):
        loss, _ = trainer.model.loss(made)
    backward(loss)
    trainer.optimizer_step()
    return loss.detach()


@functools.cache
def stepped(name: str) -> Watch:
    """Two steps of a model there, the second without objects; the same on the CPU give the same, but for rounding."""
    torch.manual_seed(0)
    model = Detector(config.override(config.load(f"{name}.yaml"), EVERY.get(name, {})), nc=NC)
    model_here = copy.deepcopy(model)
    with Watch() as watch:
        trainer = trainer_of(model, DEVICE)
        there = []
        for given in (rows(), rows(empty=True)):
            with watch.step():
                there.append(step(trainer, given))
    trainer_here = trainer_of(model_here, torch.device("cpu"))
    for got, given in zip(there, (rows(), rows(empty=True)), strict=True):
        assert isinstance(got, Remote)
        torch.testing.assert_close(got.here, step(trainer_here, given), rtol=1e-4, atol=1e-4)
    for got, wanted in zip(trainer.ema.ema.parameters(), trainer_here.ema.ema.parameters(), strict=True):
        torch.testing.assert_close(got.here, wanted, rtol=1e-4, atol=1e-5)
    return watch


@pytest.mark.parametrize("name", MODELS + VARIANTS)
def test_a_training_step_stays_on_its_device_and_waits_no_more_than_is_known(name):
    assert stepped(name).excess(KNOWN) == []


def test_every_family_and_every_assigner_is_stepped():
    cfgs = [config.load(f"{name}.yaml") for name in MODELS + VARIANTS]
    heads = [MODULES.get(cfg["head"][-1][2]) for cfg in cfgs]
    families = {head.criterion for head in heads if head is not None}
    assert families == set(CRITERIA)
    chosen = {CRITERIA[family].assigner for family in families}
    chosen |= {(cfg.get("assigner") or {}).get("type") for cfg in cfgs}
    assert chosen >= set(ASSIGNERS)


def test_what_is_known_to_wait_is_still_there():
    for file, function, _ in KNOWN:
        assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), file


@pytest.mark.parametrize("name", BOX_LOSSES)
def test_no_box_loss_waits(name):
    loss = build(name, BOX_LOSSES, where="loss.box")
    a, b = torch.tensor([[[1.0, 2, 9, 8], [3, 3, 6, 7]], [[2.0, 2, 8, 8], [4, 1, 7, 7]]])
    with Watch() as watch:
        a, b = a.to(DEVICE).requires_grad_(), b.to(DEVICE)
        with watch.step():
            backward(loss(a, b))
    assert isinstance(a.grad, Remote) and watch.waits == {}


@functools.cache
def seeing(name: str) -> YOLO:
    """A model that finds something without having been trained."""
    torch.manual_seed(0)
    made = YOLO(f"{name}.yaml")
    args, made.model = made.model.args, awake(Detector(f"{name}.yaml", nc=NC))
    made.model.args = args
    return made


@pytest.fixture
def as_on_a_card(monkeypatch):
    """Batches of crops as on a GPU and tensors in the usual order, so that a CPU gives the same to the last bit."""
    monkeypatch.setattr(sliced, "CPU_PIXELS", sliced.GPU_PIXELS)
    return {"imgsz": 64, "channels_last": False, "verbose": False}


@pytest.mark.parametrize("name", MODELS)
def test_prediction_gives_the_boxes_of_the_cpu_with_each_kind_of_crops(name, as_on_a_card):
    picture = (pictures(1, (96, 120))[0].permute(1, 2, 0) * 255).byte().numpy()
    here, away = copy.deepcopy(seeing(name)), copy.deepcopy(seeing(name))
    for crops in ("none", *SLICERS):
        options = as_on_a_card | {"crops": crops, "max_det": 100} | ({} if crops == "none" else {"pixel_scale": 1.0})
        (wanted,) = here.predict(picture, device="cpu", **options)
        with Watch():
            (got,) = away.predict(picture, device=DEVICE, **options)
        assert isinstance(got.boxes.data, Remote) and len(wanted.boxes.data), crops
        assert torch.equal(got.boxes.data.here, wanted.boxes.data), crops
        assert crops == "none" or torch.equal(got.crops, wanted.crops), crops


@pytest.mark.parametrize("name", MODELS)
def test_prediction_in_half_precision_finds_nearly_the_same(name, as_on_a_card):
    picture = (pictures(1, (96, 120))[0].permute(1, 2, 0) * 255).byte().numpy()
    options = as_on_a_card | {"crops": "auto", "max_det": 100, "pixel_scale": 1.0}
    wanted = copy.deepcopy(seeing(name)).predict(picture, device="cpu", **options)[0].boxes.data
    with Watch():
        got = copy.deepcopy(seeing(name)).predict(picture, device=DEVICE, quantize=16, **options)[0].boxes.data.here
    reach = torch.tensor([1.0, 1, 1, 1, 0.02, 0])  # pixels, score, class
    again = ((wanted[:, None] - got).abs() <= reach).all(2).any(1)
    assert len(wanted) and again.float().mean() > 0.9


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("yolov5n", {"augment": True}),
        ("yolc-n", {"augment": True}),
        ("yolov5n", {"nms_metric": "nwd"}),
        ("yolov5n", {"crops": "grid", "full": False, "merge": "nms", "classes": [0]}),
        ("yolov5n", {"crops": "auto", "budget": 5.0, "prior": 0.1, "merge": "replace"}),
        ("yolov5n-p2p3-ugs", {"uncertainty": True}),
    ],
)
def test_other_ways_to_predict_stay_there_until_the_results_are_drawn(name, options, as_on_a_card):
    picture = (pictures(1, (96, 120))[0].permute(1, 2, 0) * 255).byte().numpy()
    with Watch():
        (found,) = copy.deepcopy(seeing(name)).predict(picture, device=DEVICE, max_det=50, **as_on_a_card | options)
        assert isinstance(found.boxes.data, Remote) and len(found)
        assert found.plot().shape == picture.shape and len(found.summary()) == len(found)


@functools.cache
def data() -> Path:
    """Pictures, one of them with an ignore region."""
    to = room()
    made = write_tiny(to, train=1, val=2)
    noise = np.random.default_rng(0).integers(40, 80, (96, 96, 3), dtype=np.uint8)
    add_picture(to, "val", "ignored.png", noise, [(0, 0.5, 0.5, 0.1, 0.1)], [(0.2, 0.2, 0.4, 0.4)])
    return made


@pytest.mark.parametrize(("name", "crops"), [*((name, "none") for name in MODELS), ("yolov5n", "grid")])
def test_validation_gives_the_figures_of_the_cpu(name, crops, as_on_a_card, tmp_path):
    options = as_on_a_card | {"data": str(data()), "batch": 2, "plots": False, "save_json": True, "crops": crops}
    options |= {"conf": 0.25, "max_det": 100, "project": str(tmp_path), "workers": 0}
    wanted = copy.deepcopy(seeing(name)).val(device="cpu", name="here", **options)
    with Watch():
        got = copy.deepcopy(seeing(name)).val(device=DEVICE, name="there", **options)
    files = (tmp_path / name / "predictions.json" for name in ("here", "there"))
    here, there = (sorted(row["score"] for row in json.loads(file.read_text())) for file in files)
    # Crops of several pictures share batches there, and batches of other sizes round in other ways.
    assert here and there == pytest.approx(here, abs=1e-4)
    assert got.results_dict == pytest.approx(wanted.results_dict, abs=1e-3)


@pytest.fixture(scope="module")
def said() -> Any:
    """A criterion, and what it is called with, there."""
    torch.manual_seed(0)
    model = Detector("yolov5n.yaml", nc=NC)
    with Watch():
        trainer = trainer_of(model, DEVICE)
        given = trainer.preprocess_batch(rows())
        return model.criterion, model(given["img"]), given


def mixed(pred, gt):
    return (pred - gt).abs().sum(1) + torch.zeros(len(gt))


def stacked(pred, gt):
    return torch.stack([pred.sum(), torch.tensor(1.0)])


def random(pred, gt):
    return pred.sum(1) * torch.rand(len(gt), device=pred.device, generator=torch.Generator())


def to_cpu(pred, gt):
    return (pred - gt).cpu().abs().sum(1)


def into_cpu(pred, gt):
    return torch.zeros(len(gt)).copy_(pred.sum(1))


def array(pred, gt):
    return pred.detach().numpy().sum(1)


def to_cuda(pred, gt):
    return (pred - gt.cuda()).abs().sum(1)


def made_on_cuda(pred, gt):
    return pred.sum(1) + torch.zeros(len(gt), device="cuda")


def synchronised(pred, gt):
    torch.cuda.synchronize()
    return pred.sum(1)


def cast(pred, gt):
    with torch.autocast("cuda", enabled=False):
        return pred.sum(1)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (mixed, "mixed: add of tensors there and one of shape"),
        (stacked, "mixed: (stack|cat)"),
        (random, "mixed: rand there with a generator of the CPU"),
        (to_cpu, "left: a copy of .* goes to the CPU"),
        (into_cpu, "left: a copy of .* goes to the CPU"),
        (array, "numpy: an array"),
        (to_cuda, r"cuda: \.cuda\(\)"),
        (made_on_cuda, "cuda: (a call that needs a CUDA card|zeros with device='cuda')"),
        (synchronised, "cuda: a call that needs a CUDA card"),
        (cast, r"cuda: torch\.autocast\('cuda'\)"),
    ],
)
def test_a_fault_planted_in_a_loss_is_found_with_its_operation_and_its_line(fault, message, said, monkeypatch):
    criterion, preds, given = said
    fault.weight = 1.0
    monkeypatch.setattr(criterion, "box", fault)
    line = inspect.getsourcelines(fault)[1]
    with Watch() as watch, watch.step(), pytest.raises(DeviceFault, match=message) as caught:
        criterion(preds, given)
    found = re.search(rf"at tests/test_devices\.py:(\d+) {fault.__name__}", str(caught.value))
    assert found and line < int(found[1]) <= line + 2


def test_a_tensor_without_device_in_an_assigner_is_found(said, monkeypatch):
    criterion, preds, given = said
    usual = criterion.assign

    class Forgetful:
        needs_predictions = False

        def __call__(self, *args):
            found = usual(*args)
            positive = torch.zeros(2, len(preds.priors.centers), dtype=torch.bool)
            positive[found.image, found.prior] = True
            return found

    monkeypatch.setattr(criterion, "assign", Forgetful())
    with Watch(), pytest.raises(DeviceFault, match=r"mixed: index_put_ .* at tests/test_devices\.py:\d+ __call__"):
        criterion(preds, given)


@pytest.mark.parametrize(
    ("slow", "operation"),
    [
        (lambda x: x.sum().item(), "item"),
        (lambda x: float(x.sum()), "item"),
        (lambda x: 1 if (x > 0).any() else 0, "item"),
        (lambda x: [v for v in x.tolist()], "tolist"),
        (lambda x: x[x > 1], "mask"),
        (lambda x: (x > 1).nonzero(), "nonzero"),
        (lambda x: x.long().unique(), "unique2"),
        (lambda x: x.long().bincount(), "bincount"),
        (lambda x: x.repeat_interleave(x.long()), "repeat_interleave"),
        (lambda x: x + torch.tensor([1.0, 2, 3], device=x.device), "from_cpu"),
        (lambda x: x.new_tensor([1.0, 2, 3]), "from_cpu"),
        (lambda x: x[[0, 2]], "from_cpu"),
        (lambda x: x[torch.tensor([0, 2])], "from_cpu"),
    ],
)
def test_a_wait_is_counted_in_a_step_and_told_with_its_line(slow, operation):
    with Watch() as watch:
        x = torch.tensor([0.0, 1, 2]).to(DEVICE)
        slow(x)
        assert watch.waits == {}
        with watch.step():
            slow(x)
    (line,) = watch.excess({})
    assert re.match(rf"{operation} makes the step wait 1 times, not 0 \(unknown\): tests/test_devices\.py:\d+", line)


def test_what_works_on_a_card_is_no_fault():
    with Watch() as watch:
        x = torch.arange(6.0).view(2, 3).to(DEVICE)
        with watch.step():
            y = x * torch.tensor(2.0) + 1 / x.new_ones(3)
            y[x > 1] = 0  # done by masked_fill
            y = torch.where(x < 1, y, 0.0)[torch.arange(2, device=DEVICE)]
            z = F.pad(y, (1, 1)).to(x).unsqueeze(0)
        assert watch.waits == {} and isinstance(z, Remote)
        assert z.cpu().tolist() == [[[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]]
