"""The program that draws the pictures of the pages on papers, and that its pictures are the ones shown."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks import draw
from benchmarks.draw_parts import similarity
from tests.test_architecture import ROOT
from yolotiny.errors import InputError

IMAGES = ROOT / "docs" / "images"
MOST = 200_000  # bytes of a picture


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "train or draw"),
        (["paint"], "unknown command 'paint'"),
        (["draw", "onyl=sal"], "unknown option 'onyl' of draw"),
        (["draw", "only=saal"], "only=saal: no such picture"),
        (["train", "data=x.yaml"], "train needs pretrained="),
        (["draw", "from=nowhere", "only=lsm"], "nowhere/yolc/weights/last.pt is not there"),
    ],
)
def test_a_word_that_is_wrong_is_said_in_a_line(words, said):
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        draw.draw(draw.read_options(words)[1])
    assert "\n" not in str(caught.value)


def test_a_picture_of_formulas_needs_nothing_trained_and_comes_out_the_same_twice(tmp_path):
    for folder in ("a", "b"):
        draw.draw(draw.read_options(["draw", "only=sal", f"to={tmp_path / folder}"])[1])
    first, second = ((tmp_path / folder / "sal.svg").read_bytes() for folder in ("a", "b"))
    assert first == second
    assert first.startswith(b"<?xml")


def test_training_takes_what_is_missing_alone(tmp_path, monkeypatch):
    done = tmp_path / "yolc" / "weights" / "last.pt"
    done.parent.mkdir(parents=True)
    done.touch()
    asked = []
    monkeypatch.setattr(draw.subprocess, "run", lambda words, check: asked.append(words))
    draw.train(draw.read_options(["train", "data=a.yaml", "pretrained=b.pt", f"to={tmp_path}"])[1])
    assert [w for words in asked for w in words if w.startswith("name=")] == ["name=srtod", "name=ugs", "name=sarl"]
    assert all({"data=a.yaml", "pretrained=b.pt", f"project={tmp_path}", "seed=0"} <= set(words) for words in asked)


def test_known_value_thresholds_on_iou_leave_eight_pixels_without_a_prior_and_ranks_give_two(monkeypatch):
    monkeypatch.setattr(similarity, "SIDES", np.array([8, 32]))
    counts = {name: similarity.priors_of_squares(rule).mean(1) for name, (rule, _) in similarity.RULES.items()}
    assert counts["IoU, .7 / .3"][0] == 0 < counts["IoU, .7 / .3"][1]
    assert counts["RKA by NWD, k = 2"].tolist() == [2, 2]


def test_the_pictures_are_those_of_the_program_small_and_shown_by_a_page():
    files = sorted(IMAGES.iterdir())
    assert {file.stem for file in files} == draw.PICTURES.keys()
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "papers").glob("*.md"))
    assert [file.name for file in files if f"../images/{file.name})" not in pages] == []
    assert [file.name for file in files if file.stat().st_size > MOST] == []
