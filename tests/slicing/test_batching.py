"""Canvases through a detector: the rows come back in order, batches hold one size, memory is that of a batch."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.errors import InputError
from yolotiny.slicing import Canvas, SlicedInference, Tile, TileBatcher
from yolotiny.slicing.batching import batches


class Detector:
    """Answers with the brightest value of each canvas; keeps the shapes it was shown."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, canvases: np.ndarray) -> list[np.ndarray]:
        self.shapes.append(canvases.shape)
        return [np.float32([[0, 0, 1, 1, canvas.max(), 0]]) for canvas in canvases]


def canvases(sides: list[int]) -> list[tuple[np.ndarray, Canvas]]:
    """One image for each canvas, with its number as its colour."""
    tile = lambda s: Tile(0, 0, s, s, (s, s))  # noqa: E731
    return [(np.full((s, s, 3), i, np.uint8), Canvas.of(tile(s), 32)) for i, s in enumerate(sides)]


def test_rows_come_back_in_the_order_of_the_canvases_whatever_their_sizes():
    batcher = TileBatcher(Detector())
    found = batcher(canvases([64, 96, 64, 96, 64]))
    assert [int(rows[0, 4]) for rows in found] == [0, 1, 2, 3, 4]
    assert batcher.forwards == 2  # three of 64 px, two of 96


@pytest.mark.parametrize(
    ("n", "most", "spare", "sizes"),
    [
        (0, 8, 9, []),
        (3, 8, 0, [3]),
        (5, 8, 0, [4, 1]),
        (5, 8, 1, [6]),
        (75, 128, 9, [64, 12]),
        (75, 128, 30, [96]),
        (128, 128, 0, [128]),
        (3, 1, 9, [1, 1, 1]),
    ],
)
def test_batches_have_few_sizes_and_little_that_is_filled_up(n, most, spare, sizes):
    assert batches(n, most, spare) == sizes


def test_small_canvases_share_a_forward_and_large_ones_do_not():
    detector = Detector()
    assert len(TileBatcher(detector)(canvases([64] * 7))) == 7
    assert [s[0] for s in detector.shapes] == [8]  # filled up
    detector.shapes.clear()
    TileBatcher(detector)(canvases([640, 640]))
    assert [s[0] for s in detector.shapes] == [1, 1]
    detector.shapes.clear()
    TileBatcher(detector, fixed=(64, 64))(canvases([64, 64]))
    assert [s[0] for s in detector.shapes] == [1, 1]


def test_no_canvas_is_drawn_before_its_turn():
    drawn = []

    def one_by_one():
        for i, pair in enumerate(canvases([640] * 3)):
            drawn.append(i)
            yield pair

    detector = Detector()

    def watched(batch: np.ndarray) -> list[np.ndarray]:
        rows = detector(batch)
        assert len(drawn) == len(detector.shapes), "a canvas was drawn early"
        return rows

    assert len(TileBatcher(watched)(one_by_one())) == 3


@pytest.mark.parametrize("nothing", [[], np.zeros(0), np.zeros((0, 4), np.int64), [[]]])
def test_nothing_in_any_shape_is_no_rows(nothing):
    assert [rows.shape for rows in TileBatcher(lambda x: [nothing] * len(x))(canvases([64, 96]))] == [(0, 6)] * 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "rows for 0 of 1 images"),
        ([], "rows for 0 of 1 images"),
        ([[[1, 2, 3, 4, 0.5, 0]]] * 2, "rows for 2 of 1 images"),
        ([[1, 2, 3, 4, 0.5, 0]], r"an array of shape \(6,\) for an image; give \(n, 6\): x1, y1, x2, y2, score, class"),
        ([np.zeros((3, 5))], r"an array of shape \(3, 5\)"),
        ([None], "no array for an image"),
        (["boxes"], "no array for an image"),
    ],
)
@pytest.mark.parametrize("slicer", ["grid", "auto"])
def test_another_answer_than_rows_is_refused_in_one_line(given, says, slicer):
    with pytest.raises(InputError, match=says):
        SlicedInference(slicer=slicer)(np.zeros((80, 80, 3), np.uint8), lambda images: given, imgsz=64)
