"""Canvases through a network: the rows come back in order, batches hold one size, memory is that of a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from yolotiny.crops import Canvas, Window
from yolotiny.engine.forwards import Forwards, batches
from yolotiny.engine.nms import nms


class Network:
    """Answers with the brightest value of each canvas; keeps the shapes it was shown."""

    stride, fp16, format, device = 32, False, "pt", torch.device("cpu")

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, x: torch.Tensor, augment: bool = False) -> torch.Tensor:
        self.shapes.append(tuple(x.shape))
        return x.flatten(1).amax(1)


def suppress(y: torch.Tensor) -> list[torch.Tensor]:
    return [torch.tensor([[0, 0, 1, 1, float(v), 0]]) for v in y]


def canvases(sides: list[int]) -> list[tuple[np.ndarray, Canvas]]:
    """One picture for each canvas, with its number as its colour."""
    window = lambda s: Window(0, 0, s, s, (s, s))  # noqa: E731
    return [(np.full((s, s, 3), i, np.uint8), Canvas.of(window(s), 32)) for i, s in enumerate(sides)]


def test_rows_come_back_in_the_order_of_the_canvases_whatever_their_sizes():
    forwards = Forwards(Network(), suppress)
    found = forwards(canvases([64, 96, 64, 96, 64]))
    assert [round(float(rows[0, 4]) * 255) for rows in found] == [0, 1, 2, 3, 4]
    assert forwards.count == 2  # three of 64 px, two of 96


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
    network = Network()
    assert len(Forwards(network, suppress)(canvases([64] * 7))) == 7
    assert [s[0] for s in network.shapes] == [8]  # filled up
    network.shapes.clear()
    Forwards(network, suppress)(canvases([640, 640]))
    assert [s[0] for s in network.shapes] == [1, 1]
    network.shapes.clear()
    network.format, network.imgsz = "onnx", (64, 64)
    Forwards(network, suppress)(canvases([64, 64]))
    assert [s[0] for s in network.shapes] == [1, 1]


def test_no_canvas_is_drawn_before_its_turn():
    drawn = []

    def one_by_one():
        for i, pair in enumerate(canvases([640] * 3)):
            drawn.append(i)
            yield pair

    network = Network()
    run = network.__call__
    forwards = Forwards(network, lambda y: suppress(y) if len(drawn) == len(network.shapes) else pytest.fail("early"))
    assert run and len(forwards(one_by_one())) == 3


@pytest.mark.parametrize(
    "options", [{}, {"multi_label": True}, {"agnostic": True}, {"classes": [1]}, {"max_det": 5}, {"conf": 1.0}]
)
def test_many_pictures_at_once_are_suppressed_as_one_by_one(options):
    torch.manual_seed(0)
    y = torch.cat((torch.rand(6, 2, 40) * 60, torch.rand(6, 2, 40) * 30 + 1, torch.rand(6, 2, 40)), 1)
    alone, together = (nms(y, 2, **({"conf": 0.3, "iou": 0.5} | options), together=t) for t in (False, True))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True)) and len(alone) == len(together) == 6
