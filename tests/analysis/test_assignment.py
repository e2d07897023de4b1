"""The analysis of an assigner: counts by size on a few known boxes, curves with known values, files, mistakes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.tiny_data import trained, write_tiny
from yolotiny import YOLO
from yolotiny.analysis.assignment import analyze_assignment, by_size, deviation
from yolotiny.cli import main as cli
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError


def test_objects_are_sorted_by_size_and_those_without_priors_are_counted():
    sides = np.array([3.0, 7, 8, 20, 100])
    rows = by_size(sides, [np.array([0, 2, 3, 5, 9]), np.array([2, 2, 2, 2, 2])])
    assert [r["size"] for r in rows] == ["0-8 px", "8-16 px", "16-32 px", "32-64 px", "from 64 px"]
    assert [r["objects"] for r in rows] == [2, 1, 1, 0, 1]
    assert rows[0]["priors"] == [1, 2] and rows[0]["without"] == [0.5, 0]
    assert rows[3]["priors"] == [0, 0]


def test_the_curves_are_those_of_the_paper_s_figure():
    tiny, large = deviation(8, 12.8), deviation(100, 12.8)
    assert tiny["shift"][:3] == [0, 0.5, 1] and tiny["shift"][-1] == 16
    assert tiny["nwd"] == large["nwd"] and tiny["nwd"][2] == pytest.approx(0.8954, abs=1e-4)
    assert tiny["iou"][2] == pytest.approx(49 / 79, abs=1e-4) and large["iou"][2] == pytest.approx(
        9801 / 10199, abs=1e-4
    )
    assert tiny["iou"][-1] == 0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return str(write_tiny(tmp_path_factory.mktemp("data")))


def test_rka_gives_every_size_k_priors_and_the_files_say_so(data, tmp_path):
    model = YOLO("yolov5n-p2p3.yaml").model
    found = analyze_assignment(
        model, data, tmp_path / "out", 64, sides=[4], changes={"assigner.type": "rka", "assigner.k": 3}
    )
    assert found.assigners == ("baseline wh_ratio", "rka k=3")
    filled = [r for r in found.sizes if r["objects"]]
    assert filled and all(2.5 < r["priors"][1] <= 3 < r["priors"][0] for r in filled)  # a few are contested
    assert json.loads((tmp_path / "out/assign.json").read_text())["sizes"] == found.sizes
    assert (tmp_path / "out/assign.png").stat().st_size > 10_000
    assert str(found).splitlines()[1].split("|")[2].strip() == "rka k=3"
    assert model.yaml["anchors"] == "auto" and "measured" not in model.yaml  # the model given is left as it was


def test_thresholds_starve_what_is_much_smaller_than_the_anchors(data, tmp_path):
    changes = {"assigner.type": "max_iou", "assigner.min_pos": 0.3, "anchors": [[32, 32], [64, 64], [128, 128]]}
    found = analyze_assignment(YOLO("yolov5n.yaml").model, data, tmp_path / "out", 64, changes=changes)
    assert found.assigners == ("baseline wh_ratio", "max_iou")
    tiny = [r["without"][1] for r in found.sizes[:2] if r["objects"]]
    assert tiny and all(share == 1 for share in tiny)


def test_the_command_takes_a_checkpoint_and_settings_of_the_assigner(data, tmp_path, capsys):
    words = ["data", "assign", f"model={trained().best}", f"data={data}", f"to={tmp_path}", "pictures=2", "sizes=4,8"]
    assert cli.main([*words, "assigner.anchor_t=2"]) == 0
    out = capsys.readouterr().out
    assert "baseline wh_ratio" in out and "wh_ratio anchor_t=2" in out
    assert json.loads((tmp_path / "assign.json").read_text())["imgsz"] == 64
    assert cli.main([*words, "loss.box.type=nwd"]) == 2
    assert "unknown option 'loss.box.type' of data assign" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pictures": 0}, "data assign: pictures=0 must be a whole number from 1 up"),
        ({"imgsz": 8}, "data assign: imgsz=8 must be a whole number from 32 up"),
        ({"sides": []}, "data assign: sizes=0 must be a number from 1 up"),
    ],
)
def test_what_cannot_be_studied_is_one_line(options, message, data, tmp_path):
    with pytest.raises(InputError, match=f"^{message}$"):
        analyze_assignment(YOLO("yolov5n.yaml").model, data, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["yolov5n-p2-srtod", "yolox-nano-sarl-srtod", "yolov5n-ugs", "yolc-n", "centernet-n"])
def test_every_kind_of_model_of_ours_can_be_studied(name, data, tmp_path):
    found = analyze_assignment(YOLO(f"{name}.yaml").model, data, tmp_path, 64, pictures=2)
    assert found.assigners[0].removeprefix("baseline ") == found.assigners[1].split()[0]
    assert all(mine == own > 0 for row in found.sizes if row["objects"] for own, mine in [row["priors"]])


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("file", sorted((config.cfg_dir() / "models").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_model_file_of_ours_can_be_studied(file, data, tmp_path):
    cfg = config.load(file)
    if cfg["head"][-1][2] == "Detect":
        return
    cfg = config.override(cfg, {"scale": next(iter(cfg["scales"]))})
    assert analyze_assignment(Detector(cfg), data, tmp_path, 64, pictures=2).sizes


def test_a_head_of_ultralytics_has_no_assigner_to_choose(data, tmp_path):
    with pytest.raises(InputError, match="^data assign needs a detector of ours; heads of ultralytics have no"):
        analyze_assignment(YOLO("yolov8n.yaml").model, data, tmp_path)
