"""Crops with every kind of model: ours, those of ultralytics, exported files; in prediction and in validation."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ultralytics.nn.tasks import DetectionModel, SegmentationModel

from tests.detectors import awake, pictures
from tests.tiny_data import start, write_tiny
from yolotiny import YOLO
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.predict.results import SlicedResults

GRID = {"crops": "grid", "tile": 64, "overlap": 0.25}
MODELS = ["yolov5n.yaml", "yolox-nano.yaml", "yolc-n.yaml"]


def saved(model: torch.nn.Module, file: Path) -> Path:
    args = {"imgsz": 128, "task": "detect", "model": "m.yaml"}
    torch.save({"model": model, "ema": None, "epoch": -1, "train_args": args}, file)
    return file


@pytest.fixture(scope="module", params=MODELS)
def model(request, tmp_path_factory) -> YOLO:
    torch.manual_seed(0)
    return YOLO(saved(awake(Detector(request.param, nc=2)), tmp_path_factory.mktemp("crops") / "m.pt"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> YOLO:
    """A checkpoint of ultralytics' own."""
    torch.manual_seed(0)
    model = awake(Detector("yolo11n.yaml", nc=2))
    theirs = DetectionModel("yolo11n.yaml", nc=2, verbose=False)
    theirs.load_state_dict(model.state_dict())
    theirs.names = {0: "a", 1: "b"}
    return YOLO(saved(theirs, tmp_path_factory.mktemp("crops") / "theirs.pt"))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return (pictures(1, (192, 256))[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def predicted(model: YOLO, picture: np.ndarray, **options) -> SlicedResults:
    return model.predict(picture, **({"imgsz": 128, "verbose": False, "project": "unused"} | options))[0]


def test_every_detector_looks_at_tiles_and_at_clusters(model, picture):
    none, tiles = predicted(model, picture, crops="none"), predicted(model, picture, **GRID)
    assert not isinstance(none, SlicedResults) or not len(none.crops)
    assert len(tiles.crops) == 5 * 4 and not torch.equal(none.boxes.data, tiles.boxes.data)
    clusters = predicted(model, picture, crops="lsm", k=1, **{"infer.crops.min_area": 0})
    assert len(clusters.crops) == 1
    fitted = predicted(model, picture, crops="auto", pixel_scale=2.0, **{"infer.crops.threshold": 0.2})
    assert len(fitted.crops) and not torch.equal(fitted.boxes.data, none.boxes.data)
    assert (tiles.boxes.xyxy >= 0).all() and (tiles.boxes.xyxy <= torch.tensor([256, 192, 256, 192])).all()


def test_without_crops_nothing_changes(model, picture):
    if "infer" in model.model.yaml:
        pytest.skip("this model's own file asks for crops")
    usual, none = predicted(model, picture), predicted(model, picture, crops="none")
    assert type(usual) is type(none) and torch.equal(usual.boxes.data, none.boxes.data)


def test_tiles_alone_need_no_look_at_the_whole(model, picture, monkeypatch):
    sizes = []
    run = type(model.model).forward
    monkeypatch.setattr(type(model.model), "forward", lambda m, x, *a, **k: sizes.append(x.shape[2:]) or run(m, x))
    predicted(model, picture, **GRID)
    both = len(sizes)
    predicted(model, picture, **GRID, full=False)
    assert len(sizes) - both == both - 1


def test_each_option_changes_what_is_looked_at(model, picture):
    count = lambda **o: len(predicted(model, picture, **(GRID | o)).crops)  # noqa: E731
    assert (count(), count(tile=128), count(overlap=0)) == (20, 6, 12)
    size = lambda scale: predicted(model, picture, crops="grid", pixel_scale=scale).crops[0, 2]  # noqa: E731
    assert (size(1.0), size(2.0)) == (128, 64)


def test_a_budget_decides_how_much_is_looked_at(model, picture):
    count = lambda budget: len(predicted(model, picture, **GRID, budget=budget).crops)  # noqa: E731
    assert (count(100), count(3), count(1)) == (20, 2, 0)  # each tile fills the input
    assert count("100000ms") == 20 and count("0.001ms") == 0
    for wrong, said in (({"budget": "4"}, "budget='4': give"), ({"budget": 4, "full": False}, "leave full= out")):
        with pytest.raises(InputError, match=said):
            predicted(model, picture, **GRID, **wrong)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torchscript", "openvino"])
def test_an_exported_file_looks_twice_as_its_model_does(model, picture, kind, exact_openvino):
    exported = YOLO(model.export(format=kind, imgsz=128))
    options = GRID | {"tile": 128, "rect": False}
    ours, theirs = predicted(model, picture, **options), predicted(exported, picture, **options)
    best = slice(0, 9)  # a centre head gives fewer rows from a file, so that less is suppressed further down
    assert torch.equal(ours.crops, theirs.crops) and len(ours) > 40
    assert torch.allclose(ours.boxes.conf[best], theirs.boxes.conf[best], atol=2e-3)
    for crops in ({"crops": "lsm", "infer.crops.min_area": 0}, {"crops": "auto", "infer.crops.threshold": 0.2}):
        assert len(predicted(exported, picture, pixel_scale=1.5, **crops).crops)


@pytest.mark.slow
def test_validation_with_crops_agrees_between_a_model_and_its_export(tmp_path):
    data = write_tiny(tmp_path / "data", val=4, size=160)
    torch.manual_seed(0)
    model = YOLO(saved(awake(Detector("yolov5n.yaml", nc=2)), tmp_path / "m.pt"))
    exported = YOLO(model.export(format="onnx", imgsz=96, dynamic=True))
    options = {"data": str(data), "imgsz": 96, "plots": False, "verbose": False, "project": str(tmp_path), "batch": 1}
    fitted = {"crops": "auto", "infer.crops.threshold": 0.2, "pixel_scale": 1.4}
    for crops in (GRID, {"crops": "lsm", "infer.crops.min_area": 0, "pixel_scale": 1.0}, fitted):
        ours, theirs = (m.val(**options, **crops).report for m in (model, exported))
        figures = [k for k in ours if k.startswith("A") and ours[k] is not None]
        assert [theirs[k] for k in figures] == pytest.approx([ours[k] for k in figures], abs=0.002)


def test_a_checkpoint_of_ultralytics_predicts_validates_and_exports_but_is_trained_by_its_name(
    foreign, picture, tmp_path
):
    assert len(predicted(foreign, picture, **GRID).crops) == 20
    data = write_tiny(tmp_path / "data", val=2)
    options = {"data": str(data), "imgsz": 96, "plots": False, "verbose": False, "project": str(tmp_path)}
    report = foreign.val(**options, **GRID | {"tile": 48}).report
    assert report["n_gt"]["all"] > 0
    crops = report["crops"]
    assert (crops["area_outside"], crops["objects_outside"], crops["recall_lost"]) == (0, 0, 0)
    assert crops["forwards"] == 1 + 1  # nine small tiles run at once
    assert crops["crops"] == 9 and crops["seconds"] > 0 and crops["missed_inside"] <= 1
    written = json.loads((tmp_path / "val" / "report.json").read_text())
    assert written["crops"] == crops
    assert Path(foreign.export(format="torchscript", imgsz=96)).is_file()
    with pytest.raises(InputError, match=r"made by ultralytics; train with YOLO\('yolo11n.yaml'\).load\("):
        foreign.train(data=str(data))


def test_a_checkpoint_that_finds_no_boxes_is_refused(tmp_path):
    file = saved(SegmentationModel("yolo11n-seg.yaml", nc=2, verbose=False), tmp_path / "seg.pt")
    with pytest.raises(InputError, match="holds a SegmentationModel, which is no detector of boxes"):
        YOLO(file)


@pytest.mark.parametrize("shape", [(1, 200, 3), (200, 1, 3), (20, 30, 3)])
@pytest.mark.parametrize("crops", [GRID, {"crops": "lsm"}, {"crops": "auto", "pixel_scale": 1.4}])
def test_a_picture_smaller_than_a_tile_is_seen_whole(model, shape, crops):
    found = predicted(model, np.full(shape, 90, np.uint8), **crops)
    assert found.orig_shape == shape[:2] and (found.crops[:, 2:] <= torch.tensor([shape[1], shape[0]])).all()


def test_a_folder_of_pictures_of_all_sizes_is_looked_at_in_batches(model, picture, tmp_path):
    for i, size in enumerate([(256, 192), (64, 48), (256, 192), (100, 192)]):
        cv2.imwrite(str(tmp_path / f"{i}.png"), cv2.resize(picture, size))
    together = model.predict(tmp_path, imgsz=128, verbose=False, batch=3, rect=False, **GRID)
    alone = [model.predict(tmp_path / f"{i}.png", imgsz=128, verbose=False, rect=False, **GRID)[0] for i in range(4)]
    assert [len(x.crops) for x in together] == [20, 1, 20, 8]
    for a, b in zip(together, alone, strict=True):
        assert a.path == b.path and abs(len(a) - len(b)) <= 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("crops", ["grid", "auto"])
def test_a_picture_of_12000_by_12000_takes_less_than_3_gigabytes(tmp_path, picture, crops):
    """The picture itself has 0.43 GB. The peak of getrusage would begin with that of the process that tests."""
    cv2.imwrite(str(tmp_path / "a.jpg"), cv2.resize(picture, (12000, 12000)))
    code = f"""if True:
        from pathlib import Path
        from yolotiny import YOLO
        options = dict(imgsz=640, crops={crops!r}, pixel_scale=0.2, device="cpu", verbose=False)
        (found,) = YOLO("yolov5n.yaml").predict({str(tmp_path / "a.jpg")!r}, **options)
        assert found.orig_shape == (12000, 12000) and len(found.crops) >= {25 if crops == "grid" else 0}
        status = Path("/proc/self/status").read_text()
        print(int(status.partition("VmHWM:")[2].split()[0]) / 2**20)"""
    done = start(code=code, cwd=tmp_path)
    out, said = done.communicate()
    assert done.returncode == 0, said
    assert 0.5 < float(out.split()[-1]) < 3
