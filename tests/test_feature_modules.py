"""SARL and SR-TOD inside detectors, ours and those of ultralytics: losses, copies, runs, exports."""

from __future__ import annotations

import csv
import itertools
from copy import deepcopy

import pytest
import torch
from ultralytics.nn.autobackend import AutoBackend
from ultralytics.utils import DEFAULT_CFG
from ultralytics.utils.torch_utils import ModelEMA

from tests.detectors import assert_agree, assert_same_rows, awake, batch, pictures
from tests.tiny_data import QUICK, write_tiny
from yolotiny import YOLO
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.losses.reconstruction import masked_mse
from yolotiny.nn.padding import GREY
from yolotiny.train.trainer import Trainer

SRTOD = {"name": "srtod", "module": "SRTOD"}
THEIRS = {  # ultralytics' models: SARL after the backbone, SR-TOD for the head alone, on the finest level
    "yolov8n": ([4, 6, 9], 15, 21),
    "yolo11n": ([4, 6, 10], 16, 22),
    "yolo26n": ([4, 6, 10], 16, 22),
}
HEADS = ["yolov5n", "yolox-nano", "yolc-n", *THEIRS]
PLACES = THEIRS | {"yolc-n": (["c3", "c4", "c5"], "p2", "p2")}


def inserted(base: str, sarl: bool = True, srtod: bool = True, **switches) -> dict:
    """A configuration with the modules in it."""
    after, level, last = PLACES.get(base, (["c3", "c4", "c5"], "p3", "p5"))
    items = [{"name": "sarl", "after": after, "module": "SARL"}] if sarl else []
    place = {"after": last, "from": [level, "image"], "takes": [level]}
    items += [SRTOD | place | switches] if srtod else []
    return {"base": f"{base}.yaml", "insert": items, "yaml_file": f"{base}-test.yaml"}


def detector(base: str = "yolov5n", **options) -> Detector:
    torch.manual_seed(0)
    made = Detector(inserted(base, **options), nc=2)
    made.args = DEFAULT_CFG
    return made


def carried(preds):
    preds = preds[1] if isinstance(preds, tuple) else preds
    return preds["aux"] if isinstance(preds, dict) else preds.aux


@pytest.mark.parametrize("base", HEADS)
def test_the_reconstruction_joins_the_loss_of_every_head(base):
    made, data = detector(base), batch()
    preds = made(data["img"])
    vector, parts = made.loss(data, preds)
    aux = carried(preds)
    mse = masked_mse(aux["recon"], data["img"], aux["valid"])
    assert list(parts)[-1] == "recon_loss" and parts["recon_loss"] == mse and len(vector) == len(parts)
    assert not parts["recon_loss"].requires_grad
    size = 1 if base in ("yolox-nano", "yolc-n") else 2  # a mean over objects does not grow with the batch
    assert vector[-1].item() == pytest.approx(mse.item() * size)
    torch.testing.assert_close(vector[:-1], made.criterion(preds, data)[0])
    vector.sum().backward()
    assert made.model.srtod.threshold.grad and all(p.grad.any() for p in made.model.srtod.head.parameters())
    made.zero_grad()
    made.loss(data)[0][-1].backward()  # the features are asked to hold the picture
    assert next(made.parameters()).grad.any()


@pytest.mark.parametrize("base", HEADS)
def test_it_joins_the_loss_of_validation_too_and_leaves_the_boxes_alone(base):
    made, data = detector(base).eval(), batch()
    with torch.inference_mode():
        preds = made(data["img"])
        assert made.loss(data, preds)[1]["recon_loss"] > 0 and isinstance(preds[0], torch.Tensor)


def test_a_model_without_such_layers_has_the_loss_it_had():
    made, data = Detector("yolov5n.yaml", nc=2), batch()
    preds = made(data["img"])
    vector, parts = made.loss(data, preds)
    assert torch.equal(vector, made.criterion(preds, data)[0]) and list(parts) == ["box_loss", "obj_loss", "cls_loss"]


def test_the_weight_is_an_option():
    made, data = detector(), batch()
    twice = Detector(inserted("yolov5n") | {"loss": {"recon": {"weight": 2.0}}}, nc=2)
    twice.load_state_dict(made.state_dict())
    a, b = (m.loss(data) for m in (made, twice))
    assert b[0][-1].item() == pytest.approx(2 * a[0][-1].item())


def test_padding_is_not_rebuilt():
    made, data = detector(), batch()
    data["img"][..., :40] = GREY
    aux = carried(made(data["img"]))
    aux["recon"].retain_grad()
    masked_mse(aux["recon"], data["img"], aux["valid"]).backward()
    assert not aux["recon"].grad[..., :40].any() and (aux["recon"].grad[..., 40:] != 0).any()


def test_the_reconstruction_alone_changes_the_loss_and_not_the_boxes():
    plain, made = detector(srtod=False), detector(fusion="none")
    made.load_state_dict(plain.state_dict(), strict=False)
    x = batch()["img"]
    with torch.no_grad():
        assert torch.equal(plain.eval()(x)[0], made.eval()(x)[0])
    assert made.train().loss(batch())[1]["recon_loss"] > 0


@pytest.mark.parametrize("name", ["yolov5n-srtod", "yolov5n-p2-srtod", "yolox-nano-srtod", "yolo11n-p2-sarl-srtod"])
def test_the_head_alone_sees_the_enhanced_level(name):
    rows = config.rows(config.load(f"{name}.yaml"))
    assert [r.key for r in rows if "srtod" in (r.source if isinstance(r.source, tuple) else [r.source])] == [
        rows[-1].key
    ]
    assert rows[-1].source[0] == "srtod" and rows[-2].key == "srtod"


@pytest.mark.parametrize("base", ["yolov5n", "yolo26n"])
def test_copies_and_averages_give_the_same_and_follow(base):
    made, data = detector(base), batch()
    made.loss(data)[0].sum().backward()
    copy = deepcopy(made).eval()
    with torch.no_grad():
        assert torch.equal(copy(data["img"])[0], made.eval()(data["img"])[0])
    ema = ModelEMA(made)
    with torch.no_grad():
        made.model.srtod.threshold += 0.1
        made.model.sarl.fim[0].gamma += 0.1
    ema.update(made)
    assert 4 / 255 < ema.ema.model.srtod.threshold < made.model.srtod.threshold
    assert ema.ema.model.sarl.fim[0].gamma.any() and ema.ema.loss(data)[1]["recon_loss"] > 0


@pytest.mark.parametrize("base", HEADS)
def test_mixed_precision_gives_a_finite_loss_in_full_precision_and_near(base):
    made, data = detector(base), batch()
    full = made.loss(data)[1]["recon_loss"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        vector, parts = made.loss(data)
    assert vector.dtype == torch.float32 and torch.isfinite(vector).all()
    assert parts["recon_loss"].item() == pytest.approx(full.item(), rel=0.05)
    vector.sum().backward()
    assert torch.isfinite(made.model.srtod.threshold.grad)


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        (
            inserted("yolov5n") | {"loss": {"recon": {"type": "mae"}}},
            "unknown auxiliary loss 'mae' in yolov5n-test.yaml: loss.recon",
        ),
        (
            inserted("yolov5n") | {"loss": {"recon": {"weight": "a"}}},
            "loss.recon.weight in yolov5n-test.yaml must be a",
        ),
        (
            inserted("yolov5n", srtod=False) | {"loss": {"recon": {}}},
            "loss.recon in yolov5n-test.yaml is not a term of",
        ),
        (inserted("yolo11n") | {"loss": {"recn": {}}}, "yolo11n-test.yaml: loss.recn is no term of a head of ultralyt"),
    ],
)
def test_a_mistake_in_the_loss_is_one_line(cfg, message):
    made = Detector(cfg, nc=2)
    made.args = DEFAULT_CFG
    with pytest.raises(InputError, match="^" + message):
        made.init_criterion()


@pytest.mark.parametrize(
    ("insert", "message"),
    [
        ({"after": "pp3", "from": ["p3", "image"]}, "insert 'srtod' reads unknown 'pp3'; did you mean 'p3'"),
        ({"after": "p3"}, "SRTOD reads one level and the picture: write from: "),
        ({"after": "p5", "from": ["p3", "p4"]}, "SRTOD reads one level and the picture: write from: "),
    ],
)
def test_a_mistake_in_the_insert_is_one_line(insert, message):
    with pytest.raises(InputError, match=message) as caught:
        Detector({"base": "yolov5n.yaml", "insert": [SRTOD | insert]}, nc=2)
    assert "\n" not in str(caught.value)


def test_a_stride_that_is_no_power_of_two_is_one_line():
    rows = [[-1, 1, "Conv", [16, 3, 3], "c1"], [-1, 1, "Conv", [16, 3, 2], "c2"]]
    head = [[["c1", "c2"], 1, "AnchorDetect", ["nc", "anchors"], "detect"]]
    cfg = {"nc": 2, "backbone": rows, "head": head, "coder": {"type": "v5"}, "anchors": [[4, 4], [8, 8]]}
    cfg["insert"] = [SRTOD | {"after": "c1", "from": ["c1", "image"]}]
    with pytest.raises(InputError, match="SRTOD doubles a level up to the picture's size; its stride 2.98 is no"):
        Detector(cfg, nc=2)


def test_two_reconstructions_are_one_too_many():
    cfg = inserted("yolov5n")
    cfg["insert"].append(SRTOD | {"name": "again", "after": "p4", "from": ["p4", "image"]})
    with pytest.raises(InputError, match="two layers of yolov5n-test.yaml add 'recon' to the loss; leave one"):
        Detector(cfg, nc=2)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("model", ["yolov5n-sarl-srtod", "yolox-nano-sarl-srtod", "yolo11n-p2-sarl-srtod"])
def test_a_run_logs_the_reconstruction_goes_on_after_a_kill_and_keeps_its_threshold(model, tmp_path, monkeypatch):
    data, save = write_tiny(tmp_path / "data"), Trainer.save_model

    def dies(self):
        save(self)
        if self.epoch == 0:
            raise SystemError("killed")

    with monkeypatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(Trainer, "save_model", dies)
        options = QUICK | {"epochs": 2, "optimizer": "SGD", "srtod.threshold": 0.25}
        YOLO(f"{model}.yaml").train(data=str(data), project=str(tmp_path), name="run", **options)
    last = tmp_path / "run/weights/last.pt"
    cut = YOLO(last).model.model.srtod.threshold.item()
    YOLO(last).train(resume=True)
    with open(tmp_path / "run/results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(float(row[f"{split}/recon_loss"]) > 0 for row in rows for split in ("train", "val"))
    best = YOLO(tmp_path / "run/weights/best.pt")
    assert cut == pytest.approx(0.25, abs=0.05) and 0 < best.model.model.srtod.threshold.item() < 0.5
    assert best.predict(pictures(1, (64, 64))[0].permute(1, 2, 0).numpy().astype("uint8"), verbose=False, imgsz=64)


COMBINATIONS = [
    *itertools.product(HEADS, [{"sarl": True, "srtod": True}]),
    ("yolov5n", {"srtod": False}),
    ("yolov5n", {"sarl": False}),
    *(("yolov5n", {"fusion": f, "resize": r}) for f, r in (("em", "max"), ("concat", "area"), ("none", "nearest"))),
    ("yolov5n", {"diff": "fft", "thresh_mode": "fixed", "rh_width": 0.25}),
    ("yolov5n", {"thresh_mode": "none"}),
]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("kind", ["torchscript", "onnx", "openvino"])
@pytest.mark.parametrize(("base", "options"), COMBINATIONS, ids=lambda v: str(v).replace(" ", ""))
def test_exports_agree_and_give_boxes_alone(base, options, kind, tmp_path, monkeypatch):
    if kind == "openvino":
        openvino = pytest.importorskip("openvino")
        compile_model = openvino.Core.compile_model

        class Exact(openvino.Core):  # some CPUs would compute in bfloat16
            def compile_model(self, model, device_name="CPU", config=None):
                return compile_model(self, model, device_name, (config or {}) | {"INFERENCE_PRECISION_HINT": "f32"})

        monkeypatch.setattr(openvino, "Core", Exact)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ultralytics.utils.torch_utils.NUM_THREADS", 1)
    model = YOLO("yolov5n.yaml")
    made = awake(detector(base, **options))
    with torch.no_grad():
        for name, p in made.named_parameters():
            if name.endswith("gamma"):
                p.fill_(0.2)  # let the gates be heard
    made.args, model.model = model.model.args, made
    if base == "yolo26n":
        made.model[-1].end2end = False  # as the exporter does unless it is asked for nms
    x = pictures(1, (128, 128))
    x[..., :20] = GREY
    with torch.no_grad():
        wanted = made(x)[0]
    dynamic = kind == "onnx" and base in ("yolov5n", "yolox-nano")
    file = model.export(format=kind, imgsz=128, dynamic=dynamic, max_det=1000)
    backend = AutoBackend(file, device=torch.device("cpu"), verbose=False)
    found = backend(x)
    assert isinstance(found, torch.Tensor) and found.shape == wanted.shape
    assert_same_rows(found[0], wanted[0]) if wanted.shape[-1] == 6 else assert_agree(found, wanted)
    if dynamic:
        other = pictures(1, (96, 160))
        with torch.no_grad():
            assert_agree(backend(other), made(other)[0])
