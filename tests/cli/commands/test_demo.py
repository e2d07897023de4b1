"""The demo runs from an empty folder to a picture; how well it learns in its full length is in docs/results.md."""

import re
from functools import partial

import cv2
import numpy as np
import pytest

from yolotiny.cli.commands import demo
from yolotiny.data import write_demo
from yolotiny.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture
def short(monkeypatch):
    """One epoch on a handful of small pictures."""
    monkeypatch.setattr(demo, "write_demo", partial(write_demo, train=4, val=2, imgsz=128))
    monkeypatch.setattr(demo, "TRAINING", demo.TRAINING | {"epochs": 1})
    monkeypatch.setattr(demo, "IMGSZ", 128)


def test_the_demo_leaves_data_weights_and_a_picture_and_says_where(short, tmp_path, capsys):
    told = demo.run(str(tmp_path / "demo"))
    assert 0 <= told["AP"] <= told["AP50"] <= 1 and told["seconds"] > 0
    assert cv2.imread(told["picture"]).shape == (128, 128, 3)
    assert (tmp_path / "demo/train/weights/best.pt").is_file()
    printed = capsys.readouterr().out
    assert told["picture"] in printed and "AI-TOD protocol, 2 generated pictures" in printed
    both = cv2.imread(told["both"])  # the generated scene, and a real picture with what the shipped weights find
    assert both.shape == (512, 512 + 640, 3)
    assert np.ptp(both[:, 512:].astype(int), axis=2).max() > 100, "boxes are coloured, the picture is grey"
    found = int(re.search(r"(\d+) objects found by the shipped yolotiny-n-hit-uav.pt", printed)[1])
    assert found >= 10 and told["both"] in printed
    demo.run(str(tmp_path / "demo"))  # a second run replaces the first instead of stopping or piling up
    left = ["both.jpg", "data", "detections.jpg", "train", "val"]
    assert sorted(p.name for p in (tmp_path / "demo").iterdir()) == left


def test_a_file_in_the_place_of_the_folder_is_refused(short, tmp_path):
    file = tmp_path / "demo"
    file.write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        demo.run(str(file))
    assert file.read_text() == "mine"
