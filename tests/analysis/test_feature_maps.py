"""Sheets of what SARL and SR-TOD see, and the figure of the difference map."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from tests.detectors import pictures
from tests.tiny_data import QUICK, add_picture, write_tiny
from yolotiny import YOLO
from yolotiny.analysis import feature_maps as maps
from yolotiny.cli import main as cli
from yolotiny.detector import Detector
from yolotiny.errors import InputError


def model(name: str = "yolov5n-sarl-srtod") -> Detector:
    torch.manual_seed(0)
    return Detector(f"{name}.yaml", nc=2)


def titles(panels) -> list[str]:
    return [p.title.split(",")[0] for p in panels]


def test_every_module_is_shown_and_the_model_is_left_as_it_was():
    made, x = model().train(), pictures(1, (64, 96))
    panels, difference, valid = maps.collect_panels(made, x)
    assert titles(panels)[:4] == ["input", "reconstruction", titles(panels)[2], titles(panels)[3]]
    assert titles(panels)[4:6] == ["energy before", "energy after"]
    kinds = [t for t in titles(panels) if t.startswith(("FIM", "FEM"))]
    assert len(kinds) == 2 * (2 + 3) and {"FIM at stride 8", "FIM at stride 16", "FEM at stride 32"} <= set(kinds)
    assert difference.shape == valid.shape == (64, 96) and valid.all()
    assert made.training and not any(m._forward_hooks for m in made.modules())
    shapes = {p.values.ndim for p in panels}
    assert shapes == {1, 2, 3} and all(np.isfinite(p.values).all() for p in panels)


def test_the_difference_map_is_the_one_the_network_used():
    made, x = model("yolov5n-srtod").eval(), pictures(1, (64, 64))
    with torch.no_grad():
        recon = made(x)[1].aux["recon"]
    panels, difference, _ = maps.collect_panels(made, x)
    np.testing.assert_allclose(difference, (recon - x).abs().mean(1)[0].numpy(), atol=1e-6)
    np.testing.assert_array_equal(panels[1].values, recon[0].permute(1, 2, 0).numpy())


def test_models_of_ultralytics_are_shown_too():
    panels, difference, _ = maps.collect_panels(model("yolo11n-p2-sarl-srtod"), pictures(1, (64, 64)))
    assert difference is not None and "FIM at stride 4" in titles(panels)


def test_a_picture_is_read_as_the_network_gets_it_with_its_boxes(tmp_path):
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[10:14, 20:26] = (255, 0, 0)  # blue
    rows, ignore = [(1, 23 / 80, 12 / 40, 6 / 80, 4 / 40)], [(0.5, 0.5, 0.1, 0.1)]
    file = add_picture(tmp_path, "val", "a.png", picture, rows, ignore)
    x, boxes, regions = maps.read(file, 160, 32)
    assert x.shape == (1, 3, 96, 160)  # twice as large, and 8 rows of padding above and below
    assert boxes.tolist() == pytest.approx(np.array([[40, 28, 52, 36]])) and len(regions) == 1
    assert x[0, :, 32, 46].tolist() == [0, 0, 1] and x[0, 0, 0, 0] == pytest.approx(114 / 255)
    file.with_suffix(".png").parent.parent.parent.joinpath("labels/val/a.txt").unlink()
    assert maps.read(file, 160, 32)[1] is None


@pytest.mark.slow
def test_the_command_draws_measures_and_says_where(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = write_tiny(tmp_path / "data")
    YOLO("yolov5n-sarl-srtod").train(data=str(data), project=str(tmp_path), name="run", **(QUICK | {"plots": True}))
    sheet = cv2.imread(str(tmp_path / "run/maps.png"))
    assert sheet is not None and min(sheet.shape[:2]) > 500
    capsys.readouterr()
    line = f"analyze maps model={tmp_path}/run/weights/best.pt source={tmp_path}/data/images/val sheets=2"
    assert cli.main(line.split()) == 0
    out = capsys.readouterr().out
    assert "2 of 4 pictures at 64 px drawn to runs/analyze/maps" in out
    assert "objects of at most 16 px: mean 0." in out and "AUC 0." in out
    assert sorted(p.name for p in (tmp_path / "runs/analyze/maps").iterdir()) == ["0.png", "1.png"]
    untrained = f"analyze maps model=yolov5n-sarl source={tmp_path}/data/images/val/0.png to={tmp_path}/one imgsz=64"
    assert cli.main(untrained.split()) == 0
    assert "no figure of the difference map" in capsys.readouterr().out and (tmp_path / "one/0.png").exists()


@pytest.mark.slow
def test_after_a_short_training_the_map_is_brighter_on_tiny_objects_than_beside_them(tmp_path):
    data = write_tiny(tmp_path / "data", train=16, val=4)
    made = YOLO("yolov5n-p2-srtod")
    made.train(
        data=str(data), project=str(tmp_path), name="run", **(QUICK | {"epochs": 40, "mosaic": 0.0, "val": False})
    )
    found = maps.analyze(made.model, maps.pictures_of(tmp_path / "data/images/val"), 96, tmp_path / "sheets", sheets=0)
    assert found.objects == 24 and found.means[0] > found.means[1] and found.auc > 0.7


def test_a_model_without_the_modules_and_a_source_without_pictures_are_one_line(tmp_path):
    with pytest.raises(InputError, match="yolov5n.yaml has neither SARL nor SRTOD: no maps to show"):
        maps.analyze(model("yolov5n"), [], 64, tmp_path)
    with pytest.raises(InputError, match="source 'nowhere' does not exist"):
        maps.pictures_of("nowhere")
    with pytest.raises(InputError, match="holds no picture"):
        maps.pictures_of(tmp_path)
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match="a.png cannot be decoded as a picture"):
        maps.read(tmp_path / "a.png", 64, 32)
