"""The table of options: every mode refuses what it does not read, from Python and from the command line alike."""

from __future__ import annotations

import numpy as np
import pytest
from ultralytics.utils import DEFAULT_CFG_DICT

from yolotiny import YOLO
from yolotiny.cli import main as cli
from yolotiny.config.defaults import DEFAULTS
from yolotiny.config.load import FIXED, KEYS
from yolotiny.config.option_table import FORMER, GROUPS, MODES, OPTIONS, UNREAD, check, read_by
from yolotiny.config.slicing import OPTIONS as SHORT
from yolotiny.errors import InputError

PICTURE = np.zeros((64, 64, 3), np.uint8)
NEEDS = {"train": "data=d.yaml", "val": "data=d.yaml", "predict": "source=a.jpg", "track": "source=a.jpg", "export": ""}
REFUSED = [(mode, name) for mode in MODES for name, option in OPTIONS.items() if mode not in option.modes]


@pytest.fixture(scope="module")
def model():
    return YOLO("yolov5n")


def from_python(model, mode, /, **options):
    """The line that a method of `YOLO` raises."""
    call = getattr(model, mode)
    with pytest.raises(InputError) as error:
        call(PICTURE, **options) if mode in ("predict", "track") else call(**options)
    return str(error.value)


def from_command_line(capsys, mode, *words):
    """The line that the command prints."""
    given = {word.split("=")[0] for word in words}
    needs = [w for w in ["model=yolov5n", *NEEDS[mode].split()] if w.split("=")[0] not in given]
    assert cli.main([mode, *needs, *words]) == 2
    return capsys.readouterr().err.removeprefix("yolotiny: error: ").rstrip("\n")


@pytest.mark.parametrize(("mode", "name"), REFUSED)
def test_what_a_mode_does_not_read_is_refused_at_both_doors_with_the_same_line(model, capsys, mode, name):
    usual = DEFAULT_CFG_DICT.get(name, 1)  # even where it says what holds anyway
    line = from_python(model, mode, **{name: usual})
    assert line == f"{mode} does not read {name}=: {OPTIONS[name].reason()}"
    assert from_command_line(capsys, mode, f"{name}={usual}") == line


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"imgsz": -1}, "imgsz=-1 is below 1"),
        ({"imgsz": True}, "imgsz=True: give a whole number from 1 to 65,536"),
        ({"imgsz": "nan"}, "imgsz=nan: give a whole number"),
        ({"batch": 0}, "batch=0: give a whole number from 1 up"),
        ({"iou": 1.5}, "iou=1.5 is above 1"),
        ({"iou": "none"}, "iou=None: give a number from 0 to 1"),
        ({"agnostic_nms": 1}, "agnostic_nms=1: give True or False"),
        ({"max_det": 1.5}, "max_det=1.5: give a whole number from 1 to 10,000,000"),
        ({"verbose": "yes please"}, "verbose=yes please: give True or False"),
        ({"half": True}, "is written quantize=16 now"),
        ({"imgsize": 64}, "unknown option 'imgsize'; did you mean 'imgsz'"),
    ],
)
def test_a_wrong_value_is_refused_at_both_doors_with_the_same_line(model, capsys, mode, words, says):
    python = {"nan": float("nan"), "none": None}
    line = from_python(model, mode, **{k: python.get(v, v) for k, v in words.items()})
    assert line.startswith(says) or says in line
    assert from_command_line(capsys, mode, *(f"{k}={v}" for k, v in words.items())) == line


@pytest.mark.parametrize("mode", MODES)
def test_what_the_command_line_alone_reads_is_named_otherwise_in_python(model, mode):
    assert from_python(model, mode, model="a.pt") == f"{mode} does not read model=: YOLO(...) names the model"
    assert "give it to YOLO(..., plugins=...)" in from_python(model, mode, plugins="a.py")


def test_the_table_knows_every_option_of_the_installed_ultralytics():
    assert set(DEFAULT_CFG_DICT) <= set(OPTIONS)
    assert not set(OPTIONS) & set(FORMER)
    assert sum(map(len, GROUPS.values())) + len(UNREAD) == len(OPTIONS), "an option stands in two groups"


def test_every_option_that_is_read_says_what_it_does_and_every_other_why_it_is_not():
    for name, option in OPTIONS.items():
        assert option.help if option.modes else option.why, name


@pytest.mark.parametrize("name", sorted({*DEFAULT_CFG_DICT} - {*UNREAD}))
def test_what_holds_by_default_is_a_value_that_may_be_written(name):
    value = (DEFAULT_CFG_DICT | DEFAULTS)[name]
    OPTIONS[name].values.check(name, "detect" if name == "task" else value)


def test_sections_are_those_of_a_model_file_and_short_names_those_of_slicing():
    assert {k for k, v in OPTIONS.items() if v.section} <= KEYS - FIXED
    assert set(GROUPS["sliced inference"]) == set(SHORT)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("train", {"epochs": 1e2, "time": None, "freeze": [0, "23.cv2"], "scale": (0.5, 2.0), "fraction": [0.5, 1.0]}),
        ("train", {"batch": -1, "cache": "ram", "amp": "BF16", "optimizer": "adamw", "compile": "default"}),
        ("val", {"batch": 0.7, "quantize": "fp16", "classes": [0, 2], "conf": None, "name": 7}),
        ("predict", {"imgsz": (64, 96), "classes": "car", "embed": [-2], "line_width": None, "nms": None}),
        ("export", {"quantize": "w8a16", "opset": None, "workspace": 4, "data": None}),
    ],
)
def test_values_of_every_kind_are_taken(mode, options):
    check(mode, options)
    assert set(options) <= set(read_by(mode))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epochs": True}, "epochs=True: give a whole number from 1 up"),
        ({"lr0": float("inf")}, "lr0=inf: give a number from 0 to 1"),
        ({"classes": [0, -1]}, "classes=-1 is below 0"),
        ({"classes": [0, 1.5]}, r"classes=\[0, 1.5\]: give a number or a name of a class or a list of them"),
        ({"classes": [0, ""]}, r"classes=\[0, ''\]: give a number or a name"),
        ({"classes": []}, r"classes=\[\]: give a number or a name"),
        ({"amp": "fp8"}, "amp=fp8: give True, False, fp16, bf16 or fp32"),
        ({"cache": 1}, "cache=1: give True, False, ram, disk or None"),
        ({"device": 0, "batch": 70_000}, "batch=70000 is above 65,536"),
    ],
)
def test_a_wrong_value_says_what_to_give(options, says):
    with pytest.raises(InputError, match=says):
        check("train", options)


def test_options_that_are_parameters_in_python_are_checked_too(model, capsys):
    line = from_python(model, "track", persist="maybe")
    assert line == "persist=maybe: give True or False"
    assert from_command_line(capsys, "track", "persist=maybe") == line


@pytest.mark.parametrize("mode", ["val", "predict", "track", "export"])
def test_settings_of_training_by_their_path_are_refused_elsewhere(model, mode):
    line = f"{mode} does not read loss.box.weight=: it is a setting of training"
    assert from_python(model, mode, **{"loss.box.weight": 1}) == line
    assert "does not read eval.conf=" in from_python(model, mode, **{"eval.conf": 0.1})


def test_settings_of_a_tracker_are_those_of_track(model):
    line = from_python(model, "predict", **{"tracker.match": "iou"})
    assert line == "predict does not read tracker.match=: use it in track"
