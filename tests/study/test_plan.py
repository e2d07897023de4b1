"""Arms become runs; what cannot be trained is told before anything is, and nothing in the folder is lost."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.messages import assert_says
from tests.study.made import trained
from tests.tiny_data import write_tiny
from yolotiny.study.definition import read
from yolotiny.study.plan import plan


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return str(write_tiny(tmp_path_factory.mktemp("data"), train=2, val=1))


@pytest.fixture
def planned(tmp_path, data):
    """The runs of a study of such arms, on yolov5n where nothing else is said, in the folder `runs`."""

    def made(arms: dict, **content):
        given = {k: content.pop(k) for k in ("seeds", "only") if k in content}
        file = tmp_path / "mine.yaml"
        usual = {"options": {"model": "yolov5n", "data": data}, "arms": arms}
        file.write_text("# a study\n" + yaml.safe_dump(usual | content, sort_keys=False), encoding="utf-8")
        return plan(read(str(file), "toy", given), tmp_path / "runs")

    return made


SRTOD = [{"name": "srtod", "after": "p5", "from": ["p3", "image"], "takes": ["p3"], "module": "SRTOD"}]


def test_all_arms_come_with_the_first_seed_before_any_with_the_next(planned):
    runs = planned({"a": {}, "b": {"lr0": 0.01}, "c": {"after": "a", "seeds": 1}}, seeds="3,5")
    assert [run.name for run in runs] == ["a-3", "b-3", "c-3", "a-5", "b-5"]
    assert [run.after for run in runs] == ["", "", "a-3", "", ""]
    assert runs[1].call["lr0"] == 0.01 and runs[1].call["val"] is False and runs[1].call["seed"] == 3
    assert json.loads(runs[0].asked.read_text())["settings"]["lr0"] == 0.002  # the recipe's


def test_layers_of_an_arm_become_a_model_file_whose_name_goes_with_its_content(planned, tmp_path):
    first = planned({"a": {}, "b": {"insert": SRTOD, "srtod.fusion": "none"}})[1]
    assert first.model.startswith(str(tmp_path / "runs" / "models" / "b-"))
    assert yaml.safe_load(open(first.model))["base"] == "yolov5n"
    other = planned({"a": {}, "b": {"insert": [SRTOD[0] | {"rh_width": 0.5}], "srtod.fusion": "none"}})[1]
    assert other.model != first.model


def test_without_data_the_toy_profile_has_generated_pictures(planned, tmp_path):
    (run,) = planned({"a": {}}, options={"model": "yolov5n"})
    assert run.options["data"] == str(tmp_path / "toy-pictures" / "data.yaml")


@pytest.mark.parametrize(
    "arms",
    [
        {"a": {"model": "yolov5n-nwd-rka"}, "b": {"assigner.type": "rka"}},  # a file and an option
        {"a": {}, "b": {"assigner.anchor_t": 4, "lr0": 0.002}},  # what is there anyway, in file and recipe
        {"a": {"model": "yolov5n-sarl"}, "b": {"model": "yolov5n-sarl", "sarl.gamma_init": 0}},  # a default in code
        {"a": {"model": "yolov5n-ugs"}, "b": {"model": "yolov5n-ugs", "loss.bins.ur": "um"}},
        {"a": {"model": "yolov5n-srtod"}, "b": {"insert": SRTOD}},
        {"a": {"model": "yolo11n"}, "b": {"model": "yolo11n", "box": 7.5}},  # a head of ultralytics
        {"c": {"lr0": 0.1}, "a": {"after": "c"}, "b": {"after": "c"}},
    ],
)
def test_arms_that_are_the_same_by_other_words_are_refused(planned, tmp_path, arms):
    with assert_says("arms 'a' and 'b' are the same training, by other words; take one of them out"):
        planned(arms)
    assert not list((tmp_path / "runs").glob("*.json"))


@pytest.mark.parametrize(
    "arms",
    [
        {"a": {}, "b": {"assigner.anchor_t": 3}},
        {"a": {}, "b": {"mosaic": 0.5}},
        {"a": {"model": "yolov5n-sarl"}, "b": {"model": "yolov5n-sarl", "sarl.gamma_init": 1}},
        {"a": {"model": "frcnn"}, "b": {"model": "frcnn", "detect.scale": 4}},
        {"a": {"model": "yolo11n"}, "b": {"model": "yolo11n", "box": 7}},
        {"a": {}, "b": {"after": "a"}},
        {"a": {"model": "yolc-n"}, "b": {"model": "yolc-n", "crop_train": None}},
    ],
)
def test_arms_that_differ_in_one_thing_are_not(planned, arms):
    assert len(planned(arms)) == 2


@pytest.mark.parametrize(
    ("arm", "says"),
    [
        ({"epoch": 3}, "mine, arm 'b': unknown option 'epoch'; did you mean 'epochs'"),
        ({"epochs": "many"}, "mine, arm 'b': epochs=many: give a whole number from 1 up"),
        ({"model": "yolov5q"}, "mine, arm 'b': unknown model 'yolov5q.yaml'"),
        ({"loss.box.type": "ndw"}, "mine, arm 'b': unknown box loss 'ndw'"),
        ({"data": "nowhere.yaml"}, "mine, arm 'b': data file 'nowhere.yaml' does not exist"),
        ({"pretrained": "nowhere.pt"}, "mine, arm 'b': "),
        ({"insert": [SRTOD[0] | {"from": ["p2", "image"]}]}, "mine, arm 'b': its layers, insert 'srtod' reads unknown"),
        ({"replace": [{"name": "detect", "module": "YOLCDetect", "args": ["nc"]}]}, "mine, arm 'b': 'anchors' in "),
        ({"after": "a", "measured": {"lr0": "luck"}}, "mine, arm 'b': measured: 'luck' is unknown"),
        ({"after": "a", "measured": {"srtod.threshold": "background"}}, "mine, arm 'b': cannot set 'srtod.threshold'"),
    ],
)
def test_an_arm_that_cannot_be_trained_is_one_line_before_anything_is(planned, tmp_path, arm, says):
    with assert_says(says, more=True):
        planned({"a": {}, "b": arm})
    assert not list((tmp_path / "runs").glob("*.json"))


@pytest.mark.parametrize(
    ("look", "says"),
    [
        ({"confx": 1}, "unknown option 'confx'; did you mean 'conf'"),
        ({"crops": "lms"}, "unknown slicer 'lms'"),
        ({"nms_metric": "nwx"}, "nms_metric=nwx: give iou, nwd or None"),
    ],
)
def test_a_look_that_val_would_refuse_is_one_line(planned, look, says):
    with assert_says(f"mine, arm 'a': look 'x': {says}", more=True):
        planned({"a": {}}, looks={"x": look})


def test_a_study_without_model_or_data_is_one_line(planned, tmp_path, data):
    with assert_says("mine, arm 'a' has no model: write model: under options, the profile or the arm"):
        planned({"a": {}}, options={})
    file = tmp_path / "small.yaml"
    file.write_text("# a study\narms: {a: {model: yolov5n}}\nprofiles: {small: {}}\n")
    with assert_says("small, arm 'a' has no data: give data=FILE.yaml, or write it under profiles.small"):
        plan(read(str(file)), tmp_path / "runs")


def test_a_changed_arm_with_a_run_is_refused_and_one_without_is_not(planned, tmp_path):
    before = planned({"a": {}, "b": {"lr0": 0.01}})
    trained(before[0])
    planned({"a": {}, "b": {"lr0": 0.1}})  # b has not begun
    files = {p: p.read_bytes() for p in (tmp_path / "runs").rglob("*") if p.is_file()}
    with assert_says(
        f"{tmp_path / 'runs'} has a-0 with other settings (lr0 is 0.2 now and 0.002 there); give another folder to=, "
        "or another name to the arm"
    ):
        planned({"a": {"lr0": 0.2}, "b": {"lr0": 0.1}})
    assert {p: p.read_bytes() for p in (tmp_path / "runs").rglob("*") if p.is_file()} == files


def test_looks_may_change_because_nothing_is_trained_for_them(planned):
    trained(planned({"a": {}}, looks={"x": {"iou": 0.5}})[0])
    (run,) = planned({"a": {}}, looks={"x": {"iou": 0.5}, "y": {"iou": 0.7}})
    assert run.trained and run.looked("x") and not run.looked("y") and not run.done


def test_a_run_stays_the_same_on_another_device_with_other_workers(planned):
    trained(planned({"a": {"workers": 0}})[0])
    assert planned({"a": {"workers": 2, "device": "cpu", "cache": True}})[0].trained


def test_a_figure_that_no_report_will_have_is_one_line_before_anything_is_trained(planned):
    with assert_says("mine, arm 'a': figure 'AQ' is none of protocol aitod", more=True):
        planned({"a": {}}, figures=["AP", "AQ"])
    with assert_says("mine, arm 'a': look 'x': figure 'AP_vt' is none of protocol coco", more=True):
        planned({"a": {}}, figures=["AP_vt"], looks={"x": {"protocol": "coco"}})
    with assert_says("expected: no protocol has a figure 'AQ'", more=True):
        planned({"a": {}, "b": {"lr0": 0.02}}, expected=[{"arm": "b", "over": "a", "figure": "AQ", "by": 1}])
    planned({"a": {}}, figures=["AP_vt", "oLRP"])
