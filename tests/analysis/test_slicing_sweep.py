"""tune-crops: which settings are compared, that their figures are those of val, and what is made of them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch
from ultralytics.data.loaders import LoadPilAndNumpy

from tests.detectors import awake
from tests.tiny_data import write_tiny
from yolotiny import YOLO
from yolotiny.analysis import slicing_sweep as tune_crops
from yolotiny.analysis.slicing_sweep import Candidate, tune
from yolotiny.analysis.sweep_grid import Setting, make_settings, usual_sizes
from yolotiny.analysis.sweep_report import Report, Row, short
from yolotiny.cli import main as cli
from yolotiny.cli.main import parse_value
from yolotiny.detector import Detector
from yolotiny.errors import InputError


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> YOLO:
    """A detector with answers everywhere, said to be trained at 64 px."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("tune") / "m.pt"
    made = awake(Detector("yolov5n.yaml", nc=2))
    torch.save({"model": made, "ema": None, "epoch": -1, "train_args": {"imgsz": 64, "task": "detect"}}, file)
    return YOLO(file)


@pytest.fixture(scope="module")
def data(model, tmp_path_factory) -> str:
    """Pictures whose labels are some of the detector's own answers at 128 px, so that there is something to find."""
    file = write_tiny(tmp_path_factory.mktemp("data"), train=1, val=3, size=128)
    for picture in sorted((file.parent / "images" / "val").iterdir()):
        boxes = model.predict(picture, imgsz=128, verbose=False, iou=0.1)[0].boxes
        boxes = boxes[(boxes.xywhn[:, 2:] > 0.02).all(1)][:12]
        rows = torch.cat((boxes.cls[:, None], boxes.xywhn), 1).tolist()
        label = file.parent / "labels" / "val" / f"{picture.stem}.txt"
        label.write_text("".join(f"{int(c)} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for c, x, y, w, h in rows))
    return str(file)


def words(**given) -> list[str]:
    return [setting.words for setting in make_settings(given, [64, 128])]


def test_every_value_goes_with_every_other_that_reads_it():
    assert words(crops="none,grid", tile="64,32", full="false") == [
        "imgsz=64 crops=none",
        "imgsz=128 crops=none",
        "imgsz=64 crops=grid full=False tile=64",
        "imgsz=64 crops=grid full=False tile=32",
    ]
    assert words(crops="lsm", imgsz=[96], k="1,2", merge="nms") == [
        "imgsz=96 crops=lsm k=1 merge=nms",
        "imgsz=96 crops=lsm k=2 merge=nms",
    ]
    both = words(crops=["grid", "lsm"], k=3, **{"infer.crops.threshold": 0.1})
    assert both[-1] == "imgsz=64 crops=lsm k=3 infer.crops.threshold=0.1" and "k=" not in both[0]


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        ("[32,20]", ["[32,20]"]),  # in Python
        ([32, 20], ["[32,20]"]),  # what the command line reads of it
        ("[32,20],[16,10]", ["[32,20]", "[16,10]"]),
        ([[32, 20], (16, 10)], ["[32,20]", "[16,10]"]),
    ],
)
def test_a_list_in_brackets_is_one_value_of_a_setting_and_commas_stand_between_values(given, tried):
    found = words(crops="lsm", k=2, **{"infer.crops.grid": given})
    assert found == [f"imgsz=64 crops=lsm k=2 infer.crops.grid={grid}" for grid in tried]


@pytest.mark.parametrize("given", ["2,4", [2, 4], (2, 4), "2, 4"])
def test_a_list_is_several_values_of_an_option_that_has_no_lists(given):
    assert words(crops="lsm", k=given) == ["imgsz=64 crops=lsm k=2", "imgsz=64 crops=lsm k=4"]


def test_a_mapping_is_one_value():
    (setting,) = make_settings({"crops": "grid", "full": True, "merge": {"type": "nms"}}, [64])
    assert setting.options["merge"] == {"type": "nms"}


def test_the_command_line_tells_a_list_from_several_values():
    line = {"crops": "lsm", "infer.crops.grid": "[32,20]", "k": "2,4"}
    read = {key: parse_value(key, text) for key, text in line.items()}
    found = make_settings(read, [64])
    assert [s.options for s in found] == [{"crops": "lsm", "infer.crops.grid": [32, 20], "k": k} for k in (2, 4)]


def test_without_crops_alone_is_a_list_too():
    assert words(crops=None) == words(crops="none") == ["imgsz=64 crops=none", "imgsz=128 crops=none"]


def test_by_default_every_kind_of_crops_is_tried_at_sizes_below_the_largest():
    found = make_settings({}, [64, 128])
    assert [a.imgsz for a in found if a.crops == "none"] == [64, 128]
    assert {a.crops for a in found} >= {"none", "grid", "lsm"}
    assert {a.imgsz for a in found if a.crops != "none"} == {64}


def test_by_default_auto_is_tried_from_much_area_to_little():
    assert words(crops="auto") == [f"imgsz=64 crops=auto infer.crops.threshold={t}" for t in (0.005, 0.02, 0.05, 0.15)]
    assert words(crops="auto", **{"infer.crops.threshold": 0.05}) == ["imgsz=64 crops=auto infer.crops.threshold=0.05"]


def test_sizes_go_up_from_that_of_training_as_far_as_there_are_pixels():
    assert usual_sizes(320, 3840) == [320, 640, 1280]
    assert usual_sizes(320, 500) == [320]
    assert usual_sizes(320, 3840, matched=1930.0) == [320, 640, 1280, 1920]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"crops": "grids"}, "unknown slicer 'grids'"),
        ({"crops": "none,grid", "k": 2}, "k= is read by none of crops=none,grid"),
        ({"imgsz": "640,large"}, "imgsz='large' must be a whole number from 32 up"),
        ({"imgsz": "0"}, "imgsz=0 must be a whole number from 32 up"),
        ({"crops": "lsm", "k": []}, "k=[]: give at least one value"),
        ({"crops": "lsm", "k": ","}, "k=,: give at least one value"),
    ],
)
def test_a_list_that_makes_no_sense_is_one_line(given, says):
    with pytest.raises(InputError) as error:
        words(**given)
    assert says in str(error.value)


def rows(*figures: tuple[float, float]) -> list[Row]:
    """Settings by (AP, seconds)."""
    return [Row(Setting(32 * (i + 1)), {"AP": ap}, 1.0, s, s, 0.0) for i, (ap, s) in enumerate(figures)]


def test_the_winner_is_the_cheapest_within_reach_of_the_best(tmp_path):
    made = rows((10.0, 0.1), (19.6, 0.2), (19.4, 0.15), (20.0, 0.5), (18.0, 0.6))
    for within, imgsz in ((0.5, 64), (0.6, 96), (0.0, 128), (15.0, 32)):
        report = Report(tmp_path, "m.pt", "d.yaml", "aitod", within, 4, 4, made)
        assert report.best.setting.imgsz == 128 and report.winner.setting.imgsz == imgsz
    assert [r.setting.imgsz for r in report.front()] == [32, 96, 64, 128]


def test_crops_that_looked_twice_nowhere_do_not_win_over_the_same_size_without_crops(tmp_path):
    idle = Row(Setting(64, {"crops": "auto"}), {"AP": 20.0}, 1.0, 0.1, 0.1, 0.0)
    plain = Row(Setting(64), {"AP": 20.0}, 1.0, 0.2, 0.2, 0.0)
    for made, won in (([idle, plain], plain), ([idle], idle)):
        report = Report(tmp_path, "m.pt", "d.yaml", "aitod", 0.5, 4, 4, made)
        assert report.best is report.winner is report.front()[0] is won


def test_the_table_and_the_files_have_the_interval_of_each_setting(tmp_path):
    drawn = {"level": 0.95, "samples": 500, "seed": 0, "resampled": "pictures", "units": 40, "why": None}
    made = [replace(row, intervals=drawn | {"figures": {"AP": [0.08, 0.125]}}) for row in rows((10.0, 0.1))]
    report = Report(tmp_path, "m.pt", "d.yaml", "aitod", 0.5, 4, 4, made)
    assert "8.0-12.5" in str(report) and "from 500 samples of 40 pictures" in str(report)
    report.write()
    found = json.loads((tmp_path / "tune.json").read_text())
    assert found["units"] == 40 and (found["settings"][0]["low"], found["settings"][0]["high"]) == (8.0, 12.5)


def test_points_of_the_curve_are_named_by_what_tells_them_apart():
    row = Row(
        Setting(64, {"crops": "auto", "pixel_scale": 0.5, "infer.crops.threshold": 0.1}), {"AP": 1.0}, 1, 1, 1, 0.5
    )
    assert short(row) == "64 auto pixel_scale 0.5 threshold 0.1"
    assert short(row, {"('pixel_scale', 0.5)", "('crops', 'auto')"}) == "64 auto threshold 0.1"


@pytest.fixture(scope="module")
def report(model, data, tmp_path_factory) -> Report:
    return tune(
        model, data, tmp_path_factory.mktemp("out"), crops="none,grid,lsm", imgsz="64,128", tile=64, k=2, full=True
    )


def test_figures_are_those_of_val_and_crops_cost_forwards(model, data, report, tmp_path):
    # rect=False: else val pads whole pictures more than predict does.
    common = {"data": data, "project": str(tmp_path), "plots": False, "verbose": False, "workers": 0, "rect": False}
    for row in report.rows:
        found = model.val(**common, imgsz=row.setting.imgsz, **{"crops": "none", **row.setting.options})
        assert found.report["AP"] == pytest.approx(row.ap / 100, abs=0.002), row.setting.words
    assert max(r.ap for r in report.rows) > 20 and len({round(r.ap, 3) for r in report.rows}) > 2
    cost = {r.setting.words: (r.forwards, r.area) for r in report.rows}
    assert cost["imgsz=64 crops=none"] == (1.0, 0.0)
    assert cost["imgsz=64 crops=grid tile=64"] == (2.0, 1.0)  # 3 x 3 tiles run at once
    assert all(r.seconds > 0 and r.cpu > 0 for r in report.rows)


def test_files_hold_what_the_table_shows(report):
    report.folder.mkdir(exist_ok=True)
    whole = json.loads((report.folder / "tune.json").read_text())
    with open(report.folder / "tune.csv") as file:
        table = list(csv.DictReader(file))
    assert (
        [r["setting"] for r in table]
        == [s["setting"] for s in whole["settings"]]
        == [r.setting.words for r in report.rows]
    )
    assert (whole["pictures"], whole["protocol"], whole["winner"]) == (3, "aitod", report.winner.setting.words)
    assert cv2.imread(str(report.folder / "tune.png")).shape[1] > 800
    text = str(report)
    assert all(r.setting.words in text for r in report.rows) and text.count("  *\n") == 1
    assert text.endswith(f"use it: {report.command}") and report.winner.setting.words in report.command


def test_the_protocol_limit_and_reach_are_the_ones_asked_for(model, data, tmp_path):
    found = model.tune_crops(data, tmp_path, within=100, protocol="coco", limit=2, crops="none", imgsz="64,128")
    assert found.pictures == 2 and list(found.rows[0].figures)[-1] == "AP_l"
    assert found.winner.seconds == min(r.seconds for r in found.rows)


def test_an_interrupted_run_keeps_what_was_measured(model, data, tmp_path, monkeypatch):
    see = tune_crops.Candidate.see

    def stop(self, picture, known):
        if known.picture.file.endswith("2.png"):
            raise KeyboardInterrupt
        see(self, picture, known)

    monkeypatch.setattr(tune_crops.Candidate, "see", stop)
    with pytest.raises(KeyboardInterrupt, match="2 of 3 pictures are in"):
        tune(model, data, tmp_path, crops="none", imgsz="64,128")
    assert json.loads((tmp_path / "tune.json").read_text())["pictures"] == 2


def test_no_picture_is_decoded_ahead_and_kept(model, data, tmp_path, monkeypatch):
    made = []
    keep = lambda *args: made.append(Candidate(*args)) or made[-1]  # noqa: E731
    monkeypatch.setattr(tune_crops, "Candidate", keep)
    assert tune(model, data, tmp_path, crops="none", imgsz="64,128").pictures == 3
    assert len(made) == 2
    assert not any(isinstance(c.predictor.dataset, LoadPilAndNumpy) for c in made)


def test_a_run_ends_when_its_time_is_up(model, data, tmp_path):
    assert tune(model, data, tmp_path, minutes=1e-9, crops="none", imgsz=64).pictures == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"within": -1}, "within=-1 must be a number from 0 up"),
        ({"limit": 0}, "limit=0 must be a whole number from 1 up"),
        ({"minutes": 0}, "minutes=0 must be a number above 0"),
        ({"protocol": "aitodd"}, "unknown protocol 'aitodd'"),
        ({"crops": "grid", "overlap": "0.2,1.0"}, "overlap=1.0 must be a number from 0 up to below 1"),
        ({"data": "nowhere.yaml"}, "data file 'nowhere.yaml' does not exist"),
    ],
)
def test_a_mistake_is_one_line(model, data, tmp_path, options, says):
    with pytest.raises(InputError) as error:
        tune(model, **{"data": data, "to": tmp_path / "out", "imgsz": 64} | options)
    assert says in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_command_prints_the_table(model, data, tmp_path, capsys):
    line = f"tune-crops model={model.ckpt_path} data={data} to={tmp_path} crops=none,grid imgsz=64 limit=1 tile=64"
    assert cli.main(line.split()) == 0
    out = capsys.readouterr().out
    assert "imgsz=64 crops=grid full=False tile=64" in out and f"written: {tmp_path}" in out
    assert {p.name for p in Path(tmp_path).iterdir()} == {"tune.json", "tune.csv", "tune.png"}


@pytest.mark.slow
def test_an_exported_file_is_compared_at_its_own_size(model, data, tmp_path):
    file = YOLO(model.ckpt_path).export(format="torchscript", imgsz=64)
    found = tune(YOLO(file), data, tmp_path, crops="none,grid", imgsz=64, tile=64)
    assert [r.setting.imgsz for r in found.rows] == [64, 64, 64]
    with pytest.raises(InputError, match="takes 64x64 only: give imgsz=64, or export dynamic=True"):
        tune(YOLO(file), data, tmp_path, crops="none", imgsz=96)
