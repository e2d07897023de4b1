"""Crops cut out, and what was seen there brought back and merged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from yolotiny.crops import NMS, Replace, Window
from yolotiny.crops.merge import within
from yolotiny.errors import InputError

CROP = (108.8, 179.2, 339.2, 332.8)
NONE = torch.zeros(0, 6)


def rows(*boxes, score=0.5, cls=0) -> torch.Tensor:
    return torch.tensor([[*b, score, cls] for b in boxes], dtype=torch.float32).view(-1, 6)


def test_known_value_the_way_back():
    window = Window.of(CROP, (640, 1024), 1.5)
    assert (window.x, window.y) == (108, 179)
    found = window.back(torch.tensor([[61.8, 31.5, 76.8, 49.5]]))
    torch.testing.assert_close(found, torch.tensor([[149.2, 200, 159.2, 212]]), atol=0.1, rtol=0)


def test_the_way_back_undoes_the_size_that_was_really_shown():
    window = Window.of((10.4, 20.6, 43.2, 61.7), (80, 70), 1.37)
    assert (window.x, window.y, window.w, window.h) == (10, 20, 34, 42) and window.shown == (47, 58)
    corners = torch.tensor([[0.0, 0.0, 47.0, 58.0]])
    torch.testing.assert_close(window.back(corners), torch.tensor([[10.0, 20.0, 44.0, 62.0]]))
    assert window.back(torch.zeros(0, 4)).shape == (0, 4)


def test_a_piece_has_the_size_it_is_shown_at_and_its_pixels():
    picture = np.zeros((80, 70, 3), np.uint8)
    picture[20:62, 10:44] = 200
    piece = Window.of((10, 20, 44, 62), (80, 70), 2.0).cut(picture)
    assert piece.shape == (84, 68, 3) and (piece == 200).all()
    assert Window.of((10, 20, 44, 62), (80, 70), 0.5).cut(picture[..., :1]).shape == (21, 17, 1)


def test_a_large_crop_is_shown_smaller_than_asked():
    assert Window.of((0, 0, 1000, 500), (800, 1200), 1.5, max_side=900).shown == (900, 450)


def test_a_crop_beside_the_picture_keeps_one_pixel():
    assert Window.of((-5, 90, -1, 99), (80, 70), 1.0).box == (0, 79, 1, 80)


def test_known_value_coarse_boxes_go_only_when_all_of_them_lies_in_a_crop():
    inside, across, outside = (150, 200, 160, 212), (330, 200, 345, 212), (400, 50, 410, 60)
    coarse = rows(inside, across, outside)
    assert within(coarse[:, :4], [CROP]).tolist() == [True, False, False]
    assert not within(coarse[:, :4], []).any()
    merged = Replace()(coarse, [CROP], [NONE])
    assert merged[:, :4].tolist() == [list(map(float, across)), list(map(float, outside))]


def test_what_a_crop_saw_stays_and_the_best_comes_first():
    merged = Replace()(rows((0, 0, 9, 9)), [CROP], [rows((150, 200, 160, 212), score=0.9), NONE])
    assert merged[:, 4].tolist() == pytest.approx([0.9, 0.5])


def test_replace_keeps_an_object_on_the_border_twice_and_nms_once():
    coarse, part = rows((330, 200, 345, 212)), rows((330, 200, 344, 212), score=0.6)
    assert len(Replace()(coarse, [CROP], [part])) == 2
    assert NMS(0.6)(coarse, [CROP], [part])[:, 4].tolist() == pytest.approx([0.6])


def test_nms_spares_other_classes_and_keeps_coarse_boxes_that_the_crop_missed():
    coarse = torch.cat((rows((330, 200, 345, 212)), rows((150, 200, 160, 212))))
    part = rows((330, 200, 345, 212), score=0.6, cls=1)
    assert len(NMS(0.6)(coarse, [CROP], [part])) == 3


def test_an_overlap_that_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="iou=0"):
        NMS(0)
