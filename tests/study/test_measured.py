"""Options that are measured on the weights that a run starts from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.messages import assert_says
from tests.study.made import run
from tests.tiny_data import trained
from yolotiny import YOLO
from yolotiny.study import measured


def test_numbers_stand_in_the_place_of_what_was_to_be_measured(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setitem(measured.MEASURES, "background", lambda *given: asked.append(given) or 0.04)
    made = run(tmp_path, after="warm-0", measured={"srtod.threshold": "background"})
    made = replace(made, options={"data": "d.yaml", "epochs": 1}, settings={"imgsz": 320})
    found = measured.with_measured(made)
    assert found.options == made.options | {"srtod.threshold": 0.04} and "srtod.threshold=0.04" in found.command
    assert asked == [(tmp_path / "warm-0/weights/last.pt", "d.yaml", 320)]
    assert measured.with_measured(run(tmp_path)) == run(tmp_path)


def test_the_background_is_what_an_untrained_reconstruction_misses_outside_objects(tmp_path):
    """A picture of 40 to 80 of 255, rebuilt as an even grey of about a half, is .5 - 60 / 255 off."""
    model = YOLO("yolov5n-srtod.yaml")
    for p in model.model.model.srtod.head.parameters():
        p.data.zero_()  # a sigmoid of 0
    model.save(tmp_path / "grey.pt")
    found = measured.background(tmp_path / "grey.pt", str(trained().data), 96)
    assert found == pytest.approx(0.5 - 60 / 255, abs=0.02)


def test_weights_without_a_reconstruction_are_one_line(tmp_path):
    with assert_says("yolov5n.yaml has neither SARL nor SRTOD: no maps to show"):
        measured.background(trained().best, str(trained().data), 96)
