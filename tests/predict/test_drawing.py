"""Pictures of results: tiny objects stay visible, large ones keep ultralytics' labels, and a user's word holds."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
import torch
from ultralytics.engine.results import Results
from ultralytics.utils.plotting import colors

from tests.tiny_data import trained
from yolotiny import YOLO
from yolotiny.predict.drawing import TinyResults
from yolotiny.predict.results import SlicedResults
from yolotiny.runtime.drawing import hides, legend, outline

NAMES = {0: "car", 1: "van"}
GREY = np.full((480, 640, 3), 90, np.uint8)
BLUE, RED = (255, 0, 0), (0, 0, 255)


def results(side: float, kind: type = TinyResults, at: tuple[float, float] = (300, 200)) -> Results:
    """One object of so many pixels, and one beside it."""
    x, y = at
    rows = [[x, y, x + side, y + side, 0.9, 0], [x + 2 * side, y, x + 3 * side, y + side, 0.8, 1]]
    return kind(GREY, path="a.jpg", names=NAMES, boxes=torch.tensor(rows))


def test_known_value_labels_hide_objects_smaller_than_twice_their_height():
    square = lambda side: np.array([[0, 0, side, side]])  # noqa: E731
    assert hides(square(39), (480, 640)) and not hides(square(40), (480, 640))  # lines of 2 px
    assert hides(square(179), (2160, 3840)) and not hides(square(180), (2160, 3840))  # of 9 px
    assert not hides(np.zeros((0, 4)), (480, 640))


def test_a_box_is_drawn_round_the_object_not_over_it():
    img = np.zeros((12, 12, 3), np.uint8)
    outline(img, np.array([[4.0, 4, 6, 6]]), [BLUE])
    drawn = img.any(2)
    assert not drawn[4:6, 4:6].any() and drawn[3:7, 3:7].sum() == 12 == drawn.sum()


def test_large_objects_have_two_pixels_and_so_have_all_but_the_smallest_in_a_wide_picture():
    def pixels(side: float, shape: tuple[int, int]) -> int:
        img = np.zeros((*shape, 3), np.uint8)
        outline(img, np.array([[50, 50, 50 + side, 50 + side]]), [BLUE])
        return int(img[:, 50 + int(side) // 2].any(1).sum()) // 2

    assert [pixels(s, (200, 200)) for s in (6, 30, 40)] == [1, 1, 2]
    assert [pixels(s, (2000, 2400)) for s in (6, 30, 40)] == [1, 2, 2]


def test_the_legend_takes_the_corner_with_the_fewest_boxes_and_leaves_small_pictures_alone():
    counts = {"car": (3, BLUE), "van": (1, RED)}
    img = GREY.copy()
    legend(img, np.array([[2.0, 2, 8, 8], [620, 5, 630, 10]]), counts)
    changed = (img != GREY).any(2)
    assert changed[-30:, :60].any() and not changed[:200].any() and not changed[:, 320:].any()
    small = np.zeros((64, 64, 3), np.uint8)
    legend(small, np.zeros((0, 4)), counts)
    assert not small.any()


def test_tiny_objects_have_thin_boxes_and_a_legend_large_ones_ultralytics_labels():
    tiny, large = results(12), results(60)
    drawn = tiny.plot()
    assert np.array_equal(drawn[200:212, 300:312], GREY[200:212, 300:312])
    assert tuple(drawn[199, 305]) == colors(0, True) and (drawn[:60, :120] != GREY[:60, :120]).any()
    assert (drawn != GREY).mean() < (Results.plot(tiny) != GREY).mean()
    assert np.array_equal(large.plot(), Results.plot(large))


@pytest.mark.parametrize("options", [{"line_width": 2}, {"font_size": 9.0}])
def test_who_says_how_lines_and_letters_are_gets_ultralytics_drawing(options):
    tiny = results(12)
    assert np.array_equal(tiny.plot(**options), Results.plot(tiny, **options))


def test_labels_and_scores_are_written_where_asked_for_and_left_out_where_not():
    tiny = results(12)
    usual, none, both, score = (tiny.plot(**o) for o in ({}, {"labels": False}, {"labels": True}, {"conf": True}))
    above = (slice(185, 198), slice(295, 380))  # where small texts stand
    assert not (none != usual)[150:].any() and (none != usual)[:60].any()  # the legend alone
    assert (both[above] != none[above]).sum() > (score[above] != none[above]).sum() > 0
    assert not np.array_equal(tiny.plot(labels=True, conf=False), both)
    assert np.array_equal(tiny.plot(boxes=False), GREY)


def test_crops_are_thin_and_below_the_boxes(tmp_path):
    found = results(12, SlicedResults)
    found.crops = torch.tensor([[200.0, 100, 400, 300]])
    drawn = found.plot(save=True, filename=str(tmp_path / "a.png"))
    assert tuple(drawn[100, 250]) == tuple(drawn[299, 250]) == (0, 255, 255)
    assert np.array_equal(drawn[101, 210:390], GREY[101, 210:390]) and np.array_equal(found.orig_img, GREY)
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png")), drawn)


def test_options_of_predict_reach_the_picture_call_by_call(monkeypatch, tmp_path):
    model = YOLO(trained().best)
    row = torch.tensor([[20.0, 30, 10, 10, 0.9, 0]]).T[None]
    monkeypatch.setattr(model.model, "run_layers", lambda x, *a, **k: (row.repeat(len(x), 1, 1), None))

    def saved(**options) -> np.ndarray:
        common = {"imgsz": 64, "save": True, "project": str(tmp_path), "name": "x", "exist_ok": True, "verbose": False}
        model.predict(np.full((64, 64, 3), 90, np.uint8), **common, **options)
        return cv2.imread(str(next((tmp_path / "x").glob("*.jpg"))))

    usual, scored, wide = saved(), saved(show_conf=True), saved(line_width=3)
    assert not np.array_equal(usual, scored) and not np.array_equal(wide, usual)
    assert np.array_equal(saved(), usual) and np.array_equal(saved(show_boxes=False), np.full_like(usual, 90))


@pytest.mark.parametrize("kind", [TinyResults, SlicedResults])
def test_a_result_at_the_end_of_a_cell_shows_its_picture(kind):
    made = results(12, kind)
    data, how = made._repr_mimebundle_(include=None, exclude=None)
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(data["image/jpeg"]), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown.astype(int) - made.plot()).mean() < 2 and how["image/jpeg"] == {"width": 640}
    assert data["text/plain"] == "a.jpg: 1 car, 1 van"
