"""Ctrl-C in the middle of a command: one line that says what is left, and what is left can be used."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.tiny_data import trained, write_tiny
from yolotiny.cli import main as cli
from yolotiny.cli.table import COMMANDS


@pytest.fixture
def stop(monkeypatch):
    """`stop(module, name, n)`: the n-th call of a function is Ctrl-C."""

    def set_up(place, name, n):
        calls, original = [], getattr(place, name)

        def function(*args, **kwargs):
            calls.append(None)
            if len(calls) == n:
                raise KeyboardInterrupt
            return original(*args, **kwargs)

        monkeypatch.setattr(place, name, function)

    return set_up


def line(capsys, words):
    """What the last line of an interrupted command says."""
    assert cli.main(words) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("yolotiny: interrupted; ")
    return last.removeprefix("yolotiny: interrupted; ")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_is_left_where_nothing_else_does(name, monkeypatch, capsys):
    def interrupted(**options):
        raise KeyboardInterrupt

    if name in cli.RUN:
        monkeypatch.setitem(cli.RUN, name, interrupted)
        keys = [*COMMANDS[name].required, *(["data"] if name == "val" else [])]
        known = {"format": "cvat"} | ({"to": "coco"} if name == "results" else {})
        words = [f"{key}={known.get(key, 'some')}" for key in keys]
        assert line(capsys, [*name.split(), *words]) == COMMANDS[name].left


def test_a_prediction_leaves_what_is_done_and_rows_that_can_be_read(tmp_path, capsys, stop):
    from yolotiny.predict.predictor import Predictor

    made = trained()
    stop(Predictor, "inference", 4)  # the first one warms up
    words = [f"model={made.best}", f"source={made.data.parent / 'images' / 'val'}", "imgsz=64", "conf=0.001"]
    said = line(capsys, ["predict", *words, "save_json=True", "batch=1", f"project={tmp_path}", "name=run"])
    part = tmp_path / "run" / "predictions.json.part"
    assert said == f"the results of 3 pictures are in {tmp_path / 'run'}, their rows in {part}"
    assert len({row["file_name"] for row in json.loads(part.read_text())}) == 3
    assert len(list((tmp_path / "run").glob("*.jpg"))) == 3


def test_a_prediction_that_saves_nothing_says_so(capsys, stop):
    from yolotiny.predict.predictor import Predictor

    made = trained()
    stop(Predictor, "inference", 2)
    words = [f"model={made.best}", f"source={made.data.parent / 'images' / 'val'}", "imgsz=64", "save=False", "batch=1"]
    assert line(capsys, ["predict", *words]) == "1 pictures done, nothing saved"


def test_a_validation_says_that_there_are_no_figures(tmp_path, capsys, stop):
    from yolotiny.val.validator import Validator

    made = trained()
    stop(Validator, "postprocess", 1)
    words = [f"model={made.best}", f"data={made.data}", "imgsz=64", f"project={tmp_path}"]
    assert line(capsys, ["val", *words]) == COMMANDS["val"].left


def test_generated_pictures_are_all_there_or_none(tmp_path, capsys, stop):
    from yolotiny.data import scenes

    stop(scenes, "scene", 3)
    assert line(capsys, ["data", "demo", f"to={tmp_path / 'demo'}"]) == "nothing is written"
    assert list((tmp_path / "demo").iterdir()) == []


def test_a_benchmark_keeps_the_formats_that_are_done(tmp_path, capsys, stop):
    from yolotiny.analysis import formats

    made = trained()
    stop(formats, "_take_time", 1)
    model = shutil.copy(made.best, tmp_path)  # the export lies beside it, and the shared run has to stay as it is
    words = [f"model={model}", f"data={made.data}", "imgsz=64", "formats=torchscript", f"to={tmp_path / 'out'}"]
    said = line(capsys, ["benchmark", *words])
    assert said == f"what pytorch, torchscript find is in {tmp_path / 'out' / 'benchmark.json'}, without times"
    rows = json.loads((tmp_path / "out" / "benchmark.json").read_text())["rows"]
    assert [row["format"] for row in rows] == ["pytorch", "torchscript"]


def test_a_long_prediction_says_how_long_it_will_take(capsys, monkeypatch):
    made = trained()
    monkeypatch.setattr("yolotiny.pace.EVERY", 0.0)
    words = [f"model={made.best}", f"source={made.data.parent / 'images' / 'val'}", "imgsz=64", "save=False"]
    assert cli.main(["predict", *words, "verbose=False"]) == 0
    assert "2 of 4 pictures, 0:00:0" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["stats"], ["assign", "model=yolov5n"]])
def test_a_terminal_sees_how_far_a_look_at_the_data_is(words, tmp_path, capsys, monkeypatch):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    data = write_tiny(tmp_path / "set", train=3, val=2)
    to = [f"to={tmp_path / 'to'}"] if words[0] == "assign" else []
    assert cli.main(["data", *words, f"data={data}", "imgsz=64", *to]) == 0
    assert "100%" in capsys.readouterr().err
