"""Hostile names of classes and pictures go through every command: nothing leaves its folder or is interpreted."""

from __future__ import annotations

import os
import re

import pytest
import yaml

from tests.tiny_data import QUICK, write_tiny
from yolotiny.cli import main as cli

CLASSES = ["../../x", "\x1b[2J\x1b]0;t\x07red", "<script>alert(1)</script>", "$\\frac{$", "", "CON", "a/b", "x" * 300]
CLASSES += ["a\nb\rc", "\u202eevil", ".hidden", "/abs", "..", "$a$", "_x"]
PICTURES = ["\x1b[2Jp", "<img src=x onerror=alert(1)>", "a\nb"]


@pytest.fixture
def data(tmp_path):
    """A data set whose classes and pictures have such names."""
    file = write_tiny(tmp_path / "in/data", train=2, val=3, boxes=15)
    for labels in (tmp_path / "in/data/labels").rglob("*.txt"):
        rows = [row.split(" ", 1)[1] for row in labels.read_text().splitlines()]
        labels.write_text("".join(f"{i % len(CLASSES)} {row}\n" for i, row in enumerate(rows)))
    for i, name in enumerate(PICTURES):
        for folder, suffix in (("images", "png"), ("labels", "txt")):
            place = tmp_path / "in/data" / folder / "val"
            os.rename(place / f"{i}.{suffix}", place / f"{name}.{suffix}")
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"names": CLASSES}))
    return file


@pytest.mark.slow
def test_hostile_names_go_through_every_command(data, tmp_path, capfd):
    runs, best = tmp_path / "in/runs", tmp_path / "in/runs/r/weights/best.pt"
    quick = [f"{k}={v}" for k, v in (QUICK | {"plots": True, "verbose": True}).items()]
    for words in (
        ["data", "check", f"data={data}"],
        ["data", "stats", f"data={data}"],
        ["data", "convert", "format=yolo", f"source={data}", f"to={tmp_path}/in/converted"],
        ["train", "model=yolov5n", f"data={data}", f"project={runs}", "name=r", *quick],
        ["val", f"model={best}", f"data={data}", f"project={runs}", "name=v", "imgsz=64", "plots=True"],
        [
            *("predict", f"model={best}", f"source={data.parent}/images/val", f"project={runs}", "name=p", "imgsz=64"),
            *("conf=0.0001", "max_det=40", "save_crop=True", "save_txt=True", "save_json=True"),
        ],
    ):
        assert cli.main(words) == 0, words
    out, err = capfd.readouterr()
    assert not re.search(r"\x1b(?!\[[\d;]*[mK])|\x07|\u202e", out + err)
    assert "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
    assert {p.name for p in (tmp_path / "in").iterdir()} == {"data", "runs", "converted"}
    crops = [p for p in (runs / "p/crops").rglob("*") if p.is_file()]
    assert crops and all(p.parent.parent == runs / "p/crops" for p in crops)
    page = (runs / "v/report.html").read_text("utf-8")
    assert "&lt;script&gt;alert" in page and "<script>alert" not in page and "<img src=x" not in page
