"""Sixty command lines drawn from the list of values, run for real: refused before anything is written, or done."""

from __future__ import annotations

import random
import shutil

import pytest

from tests.config.test_accepted_values import CALLS, INNER, MEANS, OTHERS, TRIED, label_of, of
from tests.tiny_data import QUICK, trained
from yolotiny.cli import main as cli
from yolotiny.cli.table import COMMANDS

REFUSED, TAKEN = 40, 20
NOT_HERE = {"show", "debug", "plugins", "compile", "model"}  # windows, tracebacks, minutes of a compiler, another job
LONG = {"demo", "tune-crops", "study run"}  # a run of minutes
FORMATS = ("torchscript", "executorch")  # no library, but kinds of files


def lines() -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """Command, option and text of the lines that the table refuses, and of those that it takes."""
    good, bad = [], []
    for command, name in (*CALLS, *OTHERS):
        for _, text in TRIED.values():
            label = label_of(cli.parse([f"{name}={text}"], command)[name])
            takes = label in of(command, name) and not (label == "None" and name in COMMANDS[command].required)
            if not takes:
                bad.append((command, name, text))
            elif name not in NOT_HERE and command not in LONG:
                good.append((command, name, text))
    draw = random.Random(0)
    return draw.sample(bad, REFUSED), draw.sample(good, TAKEN)


BAD, GOOD = lines()


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run a line in an empty folder with all that its command needs; its code, its stderr and what it left behind."""
    made = trained()
    shutil.copy(made.best, tmp_path / "best.pt")
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    needs = {"model": tmp_path / "best.pt", "data": made.data, "source": made.data.parent / "images" / "val"}
    needs |= {
        "to": "made",
        "format": "yolo",
        "gt": "gt.json",
        "pred": "pred.json",
        "a": "a.json",
        "b": "b.json",
        "protocol": "coco",
        "file": "gpu",
    }

    def call(command: str, name: str, text: str) -> tuple[int, str, list[str]]:
        given = {k: MEANS.get((command, k), needs[k]) for k in COMMANDS[command].required} | (
            {"data": made.data} if command == "val" else {}
        )
        if command == "train":
            given |= QUICK | {"imgsz": 32, "model": "yolov5n"}
        given |= {"imgsz": 32} if command in ("val", "predict", "track", "export", "info") else {}
        given |= {"plots": False} if command == "val" and name != "worst" else {}
        capfd.readouterr()
        code = cli.main(
            [command_word for command_word in command.split()] + [f"{k}={v}" for k, v in (given | {name: text}).items()]
        )
        return code, capfd.readouterr().err, sorted(p.name for p in (tmp_path / "there").iterdir())

    return call


@pytest.mark.parametrize(("command", "name", "text"), BAD)
def test_a_line_that_is_refused_is_one_line_and_leaves_nothing(run, command, name, text):
    code, err, left = run(command, name, text)
    assert (code, left) == (2, [])
    assert err.startswith("yolotiny: error: ") and err.count("\n") == 1 and name in err
    assert not [word for word in INNER[:-1] if word in err]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "name", "text"), [*GOOD, ("val", "protocol", "1e30")])
def test_a_line_that_is_taken_is_done_or_refused_once_its_files_are_known(run, command, name, text):
    code, err, left = run(command, name, text)
    assert code in (0, 2)
    if code:
        assert left == [] and err.count("yolotiny: error: ") == 1
        for kind in FORMATS:
            err = err.replace(kind, "")
        assert not [word for word in INNER[:-1] if word in err]
