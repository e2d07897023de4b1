"""Which class is which, in every command: data whose classes stand in another order than those of the model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.detectors import awake, batch
from tests.test_crops import GRID, saved
from tests.tiny_data import QUICK, trained, write_tiny
from yolotiny import YOLO
from yolotiny.analysis.slicing_sweep import tune
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.nn.head import reorder_classes

MODELS = ["yolov5n.yaml", "yolox-nano.yaml", "yolc-n.yaml", "yolo11n.yaml", "yolo26n.yaml"]
OWN = ("car", "ship", "van")
TURNED = ("van", "car", "ship")
NUMBERS = np.array([1, 2, 0])  # of each class of OWN among TURNED


@pytest.fixture
def said(monkeypatch) -> list[str]:
    from yolotiny.predict import predictor
    from yolotiny.val import validator

    lines: list[str] = []
    for room in (predictor, validator):
        for level in ("info", "warning"):
            monkeypatch.setattr(room.LOGGER, level, lambda text, *a: lines.append(str(text)))
    return lines


def named(file: Path, names: tuple[str, ...]) -> Path:
    """The data YAML with other names."""
    kept = file.read_text().partition("names:")[0]
    file.write_text(kept + f"names: [{', '.join(names)}]\n")
    return file


def renumbered(data: Path, to: Path, numbers: np.ndarray, names: tuple[str, ...]) -> Path:
    """A copy of a data set whose class i has number `numbers[i]`."""
    shutil.copytree(data.parent, to, ignore=shutil.ignore_patterns("*.cache"))
    for file in [*to.glob("labels/*/*.txt"), *to.glob("ignore/*/*.txt")]:
        rows = [row.split() for row in file.read_text().splitlines()]
        at = 0 if file.parent.parent.name == "labels" else 4
        for row in rows:
            if len(row) > at:
                row[at] = str(numbers[int(row[at])])
        file.write_text("".join(" ".join(row) + "\n" for row in rows))
    file = named(to / "data.yaml", names)
    file.write_text(file.read_text().replace(str(data.parent.resolve()), str(to.resolve())))
    return file


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> SimpleNamespace:
    """A model that finds something, data on which it is right now and then, and the same data renumbered."""
    to = tmp_path_factory.mktemp("order")
    torch.manual_seed(0)
    made = awake(Detector("yolov5n.yaml", nc=3))
    made.names = dict(enumerate(OWN))
    model = YOLO(saved(made, to / "m.pt"))
    data = named(write_tiny(to / "own", train=1, val=3, size=128, nc=3), OWN)
    for file in sorted((to / "own/images/val").glob("*.png")):  # labels are what the model says, so that AP is not 0
        (found,) = model.predict(file, imgsz=128, conf=0.26, verbose=False)
        rows = zip(found.boxes.cls.int().tolist(), found.boxes.xywhn.tolist(), strict=True)
        text = "".join(f"{c} {' '.join(map(str, box))}\n" for c, box in list(rows)[::2] if min(box[2:]) > 0.02)
        (to / "own/labels/val" / f"{file.stem}.txt").write_text(text)
    turned = renumbered(data, to / "turned", NUMBERS, TURNED)
    return SimpleNamespace(model=model, file=to / "m.pt", data=data, turned=turned, to=to)


def validated(model: YOLO, data: Path, to: Path, **options):
    options = {"imgsz": 128, "plots": False, "verbose": False, "save_json": True, "exist_ok": True} | options
    metrics = model.val(data=str(data), project=str(to), **options)
    return metrics, json.loads((to / "val" / "predictions.json").read_text())


@pytest.mark.parametrize("crops", [{}, GRID])
def test_val_counts_each_class_under_its_name_and_writes_the_numbers_of_the_data(known, said, tmp_path, crops):
    own, rows = validated(known.model, known.data, tmp_path / "a", **crops, plots=True)
    assert own.report["AP"] > 0.05 and not any("go by name" in line for line in said)
    turned, others = validated(known.model, known.turned, tmp_path / "b", **crops, plots=True, save_txt=True)
    assert sum("in another order, they go by name: 0 car is 1 car" in line for line in said) == 1
    assert turned.report["AP"] == own.report["AP"] and turned.report["per_class"] == own.report["per_class"]
    assert list(turned.report["per_class"]) == list(TURNED) and turned.names == dict(enumerate(TURNED))
    assert [turned.maps[NUMBERS[i]] for i in range(3)] == pytest.approx(own.maps.tolist())
    assert [r["category_id"] for r in others] == [NUMBERS[r["category_id"] - 1] + 1 for r in rows]
    assert [r["bbox"] for r in others] == [r["bbox"] for r in rows]
    assert list(turned.confusion_matrix.names.values()) == list(TURNED)
    seen = turned.confusion_matrix.matrix[[*NUMBERS, 3]][:, [*NUMBERS, 3]]
    assert np.array_equal(seen, own.confusion_matrix.matrix) and seen.sum() > 0
    assert json.loads((tmp_path / "b/val/report.json").read_text())["per_class"].keys() == set(TURNED)
    first = np.loadtxt(tmp_path / "b/val/labels/0.txt", ndmin=2)[:, 0].astype(int).tolist()
    assert first == [r["category_id"] - 1 for r in others if str(r["image_id"]) == "0"]


def test_names_that_differ_are_said_and_numbers_are_not(known, said, tmp_path):
    other = renumbered(known.data, tmp_path / "other", np.arange(3), ("car", "boat", "van"))
    metrics, _ = validated(known.model, other, tmp_path)
    assert any(line.endswith("data differ: 'ship' is taken for 'boat'") for line in said)
    assert list(metrics.report["per_class"]) == ["car", "boat", "van"] and metrics.report["AP"] > 0.1
    said.clear()
    metrics, _ = validated(known.model, named(other, ("0", "1", "2")), tmp_path)
    assert not any("class" in line and "data" in line for line in said)
    assert list(metrics.report["per_class"]) == list(OWN)


def test_an_exported_file_goes_by_name_too(known, tmp_path):
    exported = YOLO(YOLO(known.file).export(format="torchscript", imgsz=128))
    own, turned = (validated(exported, data, tmp_path)[0].report for data in (known.data, known.turned))
    assert turned["per_class"] == own["per_class"] and own["AP"] > 0.1
    (found,) = exported.predict(known.to / "own/images/val/0.png", imgsz=128, data=str(known.turned), verbose=False)
    assert found.names == dict(enumerate(TURNED))


@pytest.mark.parametrize("crops", [{}, GRID])
def test_predict_and_track_with_data_give_its_numbers(known, said, tmp_path, crops):
    source = known.to / "own/images/val"
    options = {"imgsz": 128, "max_det": 5000, "verbose": False, "project": str(tmp_path), "exist_ok": True, **crops}
    own = known.model.predict(source, **options)
    turned = known.model.predict(source, data=str(known.turned), save_json=True, **options)
    assert sum("they go by name" in line for line in said) == 1
    for a, b in zip(own, turned, strict=True):
        assert torch.equal(torch.tensor(NUMBERS)[a.boxes.cls.int()], b.boxes.cls.long()) and len(a)
        assert torch.equal(a.boxes.xyxy, b.boxes.xyxy) and b.names == dict(enumerate(TURNED))
    rows = json.loads((tmp_path / "predict/predictions.json").read_text())
    assert [r["category_id"] - 1 for r in rows] == [int(c) for b in turned for c in b.boxes.cls]
    vans = known.model.predict(source, data=str(known.turned), classes=[0], **options)
    assert {TURNED[int(c)] for r in vans for c in r.boxes.cls} == {"van"}
    assert sum(map(len, vans)) == sum(int((r.boxes.cls == 0).sum()) for r in turned)
    assert known.model.predict(source, **options)[0].names == dict(enumerate(OWN))  # the next call is as before
    for result in known.model.track(source, data=str(known.turned), conf=0.25, **options):
        assert result.names == dict(enumerate(TURNED))
    four = named(renumbered(known.data, tmp_path / "more", np.arange(3), OWN), (*OWN, "bus"))
    with pytest.raises(InputError, match=r"the model has 3 classes \(car, ship, van\), data=.* has 4 .*leave data="):
        known.model.predict(source, data=str(four), **options)


def test_tune_crops_goes_by_name(known, tmp_path):
    options = {"protocol": "coco", "imgsz": 128, "crops": "none"}
    a, b = (tune(known.model, str(d), tmp_path, **options) for d in (known.data, known.turned))
    assert a.rows[0].figures == b.rows[0].figures and a.rows[0].figures["AP"] > 1


@pytest.mark.parametrize("model", MODELS)
def test_every_head_takes_another_order(model):
    torch.manual_seed(0)
    x = batch()["img"]
    one = awake(Detector(model, nc=3)).eval()
    one.names = dict(enumerate(OWN))
    other = Detector(model, nc=3).eval()
    other.load(one, verbose=False, names=dict(enumerate(TURNED)))
    with torch.no_grad():
        a, b = one(x)[0], other(x)[0]
    assert other.names == dict(enumerate(TURNED))
    if a.shape[-1] != 6:
        assert torch.allclose(a[:, 4:], b[:, 4:][:, NUMBERS], atol=1e-6) and torch.allclose(a[:, :4], b[:, :4])
    else:
        good = a[..., 4] > 0.05
        assert good.any() and torch.allclose(a[..., 4][good], b[..., 4][good], atol=1e-5)
        turned = torch.tensor(NUMBERS)[a[..., 5].long()]
        assert (turned[good] == b[..., 5].long()[good]).float().mean() > 0.95  # equal scores may change places


def test_a_head_that_names_no_parameters_of_classes_is_refused():
    with pytest.raises(InputError, match="which Identity cannot follow: write the names in the order of the weights"):
        reorder_classes(torch.nn.Identity(), [1, 0])


def test_fine_tuning_keeps_what_the_weights_know_of_each_class(known, tmp_path, monkeypatch):
    monkeypatch.setattr(YOLO, "_run_trainer", lambda self: self.trainer.model)  # as it is before the first epoch
    x = batch()["img"]
    starts = {"own weights": (YOLO(known.file), {}), "pretrained": (YOLO("yolov5n.yaml"), {"pretrained": known.file})}
    for start, more in starts.values():
        made = start.train(data=str(known.turned), project=str(tmp_path), **QUICK | more)
        with torch.no_grad():
            a, b = (m.float().eval()(x)[0] for m in (YOLO(known.file).model, made))
        assert torch.allclose(a[:, 4:], b[:, 4:][:, NUMBERS], atol=1e-6) and made.names == dict(enumerate(TURNED))


@pytest.mark.slow
def test_a_resumed_run_keeps_its_order_and_the_labels_follow(tmp_path):
    run = trained()
    ours = YOLO("yolov5n.yaml")
    stop = lambda trainer: (_ for _ in ()).throw(KeyboardInterrupt) if trainer.epoch == 1 else None  # noqa: E731
    ours.add_callback("on_train_epoch_start", stop)
    with pytest.raises(KeyboardInterrupt):
        ours.train(data=str(run.data), project=str(tmp_path), name="run", **(QUICK | {"epochs": 3}))
    shutil.copytree(tmp_path / "run", tmp_path / "same")
    turned = renumbered(run.data, tmp_path / "turned", np.array([1, 0]), ("b", "a"))
    lines = []
    from yolotiny.train import trainer

    old = trainer.LOGGER.info
    trainer.LOGGER.info = lambda text, *a: lines.append(str(text))
    try:
        for folder, data in (("run", turned), ("same", run.data)):
            YOLO(tmp_path / folder / "weights/last.pt").train(resume=True, data=str(data))
    finally:
        trainer.LOGGER.info = old
    assert sum("in another order, they go by name" in line for line in lines) == 1
    a, b = (YOLO(tmp_path / folder / "weights/best.pt").model for folder in ("run", "same"))
    assert a.names == b.names == {0: "a", 1: "b"}
    assert all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))
    tables = [json.loads((tmp_path / f / "report.json").read_text())["per_class"] for f in ("run", "same")]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("classes", "says"),
    [([99], "99 in .*, which has 0 car, 1 ship, 2 van$"), (3, "3 in .*"), (["car", "vans"], "'vans' in .*mean 'van'")],
)
def test_classes_that_are_not_there_are_refused_with_those_that_are(known, tmp_path, classes, says):
    says = rf"classes: there is no class {says}"
    source, options = known.to / "own/images/val", {"classes": classes, "project": str(tmp_path / "runs")}
    calls = [
        lambda: known.model.val(data=str(known.data), **options),
        lambda: known.model.predict(source, save_txt=True, **options),
        lambda: known.model.track(source, save_txt=True, **options),
        lambda: YOLO("yolov5n.yaml").train(data=str(known.data), **QUICK | options),
    ]
    for call in calls:
        with pytest.raises(InputError, match=says):
            call()
    assert not (tmp_path / "runs").exists()


def test_val_of_some_classes_leaves_the_others_out_on_both_sides(known, tmp_path):
    metrics, rows = validated(known.model, known.data, tmp_path, classes=[1])
    assert metrics.report["n_gt"]["all"] == metrics.report["per_class"]["ship"]["n"] > 0
    assert {r["category_id"] for r in rows} == {2}


def test_regions_of_one_class_follow_their_class(known, tmp_path):
    (tmp_path / "a").mkdir()
    data = tmp_path / "a" / "data.yaml"
    shutil.copytree(known.data.parent, tmp_path / "a", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.cache"))
    data.write_text(data.read_text().replace(str(known.data.parent.resolve()), str(tmp_path / "a")))
    (tmp_path / "a/ignore/val").mkdir(parents=True)
    (tmp_path / "a/ignore/val/0.txt").write_text("0.5 0.5 1 1 0\n")
    turned = renumbered(data, tmp_path / "b", NUMBERS, TURNED)
    a, b = (validated(known.model, d, tmp_path)[0].report for d in (data, turned))
    plain = validated(known.model, known.data, tmp_path)[0].report
    assert a["per_class"] == b["per_class"] != plain["per_class"]
