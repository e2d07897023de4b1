"""Crops cut out, and what was seen there brought back and merged."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.errors import InputError
from yolotiny.ops.nms import Suppression
from yolotiny.slicing import NMM, NMS, Canvas, Replace, Tile, gather
from yolotiny.slicing.merge import join, within

CROP = (108.8, 179.2, 339.2, 332.8)
CROPS = np.float32([CROP])
NONE = np.zeros((0, 6), np.float32)


def rows(*boxes, score=0.5, cls=0) -> np.ndarray:
    return np.float32([[*b, score, cls] for b in boxes]).reshape(-1, 6)


def back(window: Tile, box: list[float]) -> np.ndarray:
    return gather([Canvas.of(window, 32)], [rows(box)])[0][:, :4]


def test_known_value_the_way_back():
    window = Tile.of(CROP, (640, 1024), 1.5)
    assert (window.x, window.y) == (108, 179)
    found = back(window, [61.8, 31.5, 76.8, 49.5])
    np.testing.assert_allclose(found, [[149.2, 200, 159.2, 212]], atol=0.1)


def test_the_way_back_undoes_the_size_that_was_really_shown():
    window = Tile.of((10.4, 20.6, 43.2, 61.7), (80, 70), 1.37)
    assert (window.x, window.y, window.w, window.h) == (10, 20, 34, 42) and window.shown == (47, 58)
    np.testing.assert_allclose(back(window, [0.0, 0.0, 47.0, 58.0]), [[10.0, 20.0, 44.0, 62.0]], rtol=1e-6)
    assert gather([Canvas.of(window, 32)], [NONE])[0].shape == (0, 6)


def test_a_piece_has_the_size_it_is_shown_at_and_its_pixels():
    picture = np.zeros((80, 70, 3), np.uint8)
    picture[20:62, 10:44] = 200
    piece = Tile.of((10, 20, 44, 62), (80, 70), 2.0).cut(picture)
    assert piece.shape == (84, 68, 3) and (piece == 200).all()
    assert Tile.of((10, 20, 44, 62), (80, 70), 0.5).cut(picture[..., :1]).shape == (21, 17, 1)


def test_a_large_crop_is_shown_smaller_than_asked():
    assert Tile.of((0, 0, 1000, 500), (800, 1200), 1.5, max_side=900).shown == (900, 450)


def test_a_crop_beside_the_picture_keeps_one_pixel():
    assert Tile.of((-5, 90, -1, 99), (80, 70), 1.0).box == (0, 79, 1, 80)


def test_known_value_coarse_boxes_go_only_when_all_of_them_lies_in_a_crop():
    inside, across, outside = (150, 200, 160, 212), (330, 200, 345, 212), (400, 50, 410, 60)
    coarse = rows(inside, across, outside)
    assert within(coarse[:, :4], CROPS).tolist() == [True, False, False]
    assert not within(coarse[:, :4], CROPS[:0]).any()
    merged = Replace()(coarse, CROPS, NONE)
    assert merged[:, :4].tolist() == [list(map(float, across)), list(map(float, outside))]


def test_what_a_crop_saw_stays_and_the_best_comes_first():
    merged = Replace()(rows((0, 0, 9, 9)), CROPS, rows((150, 200, 160, 212), score=0.9))
    assert merged[:, 4].tolist() == pytest.approx([0.9, 0.5])


def test_replace_keeps_an_object_on_the_border_twice_and_nms_once():
    coarse, part = rows((330, 200, 345, 212)), rows((330, 200, 344, 212), score=0.6)
    assert len(Replace()(coarse, CROPS, part)) == 2
    assert NMS(0.6)(coarse, CROPS, part)[:, 4].tolist() == pytest.approx([0.6])


def test_nms_spares_other_classes_and_keeps_coarse_boxes_that_the_crop_missed():
    coarse = np.concatenate((rows((330, 200, 345, 212)), rows((150, 200, 160, 212))))
    part = rows((330, 200, 345, 212), score=0.6, cls=1)
    assert len(NMS(0.6)(coarse, CROPS, part)) == 3


def test_replace_with_an_overlap_keeps_what_straddles_a_border_once():
    coarse, part = rows((330, 200, 345, 212)), rows((330, 200, 344, 212), score=0.6)
    assert len(Replace(iou=0.6)(coarse, CROPS, part)) == 1


def test_nmm_joins_the_pieces_of_an_object_to_one_box_and_keeps_the_best_score():
    pieces = rows((0, 0, 20, 10)), rows((8, 0, 30, 10), score=0.8)  # IoU 12 / 30, IoS 12 / 20
    assert len(NMM()(pieces[0], CROPS, pieces[1])) == 2
    (joined,) = NMM(0.5, "ios")(pieces[0], CROPS, pieces[1]).tolist()
    assert joined == pytest.approx([0, 0, 30, 10, 0.8, 0])
    (joined,) = NMM(0.35)(pieces[0], CROPS, pieces[1]).tolist()
    assert joined[:4] == [0, 0, 30, 10]


def test_nmm_spares_dense_tiny_neighbours_by_default_where_intersection_over_the_smaller_swallows_them():
    crowd = rows((0, 0, 10, 10), (6, 0, 12, 6), (20, 0, 26, 6), (22, 0, 28, 6))  # a small one mostly on a large one
    assert len(NMM()(crowd, CROPS[:0], NONE)) == 4
    assert len(NMM(0.5, "ios")(crowd, CROPS[:0], NONE)) == 2


def test_nmm_leaves_other_classes_alone_and_a_chain_does_not_grow_without_end():
    assert len(NMM(0.3)(rows((0, 0, 10, 10)), CROPS, rows((0, 0, 10, 10), cls=1))) == 2
    chain = rows(*[(4 * i, 0, 4 * i + 10, 10) for i in range(5)])
    chain[:, 4] = np.float32([0.9, 0.8, 0.7, 0.6, 0.5])
    joined = NMM(0.4)(chain, CROPS[:0], NONE)  # neighbours overlap by 6 / 14, the ones after them do not
    assert [row[:4] for row in joined.tolist()] == [[0, 0, 14, 10], [8, 0, 22, 10], [16, 0, 26, 10]]


def test_an_overlap_that_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="iou=0"):
        NMS(0)


def test_a_metric_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="metric='iof'.*'iou' or 'ios'"):
        NMM(metric="iof")


STREET = rows((0, 0, 10, 10)), rows((0, 0, 10, 12), score=0.6, cls=1)  # one car, called a van by a crop: IoU 0.83
SHIFTED = rows((0, 0, 10, 10)), rows((4, 0, 14, 10), score=0.6)  # IoU 0.43


@pytest.mark.parametrize("merge", [Replace("run"), Replace(), Replace(0.9), NMS(), NMS(0.9), NMM(), NMM(0.9)])
def test_agnostic_suppression_leaves_no_two_classes_on_one_object_whatever_the_merge(merge):
    assert len(join(merge, STREET[0], CROPS, STREET[1], Suppression(0.5))) == 2
    (left,) = join(merge, STREET[0], CROPS, STREET[1], Suppression(0.5, agnostic=True)).tolist()
    assert left[4:] == pytest.approx([0.6, 1])


def test_a_merge_of_ones_own_is_suppressed_across_classes_where_asked():
    both = lambda coarse, tiles, fine: np.concatenate((coarse, fine))  # noqa: E731
    assert len(join(both, STREET[0], CROPS, STREET[1], Suppression(0.5))) == 2
    assert len(join(both, STREET[0], CROPS, STREET[1], Suppression(0.5, agnostic=True))) == 1


@pytest.mark.parametrize("merge", [Replace("run"), NMS()])
def test_the_overlap_of_the_run_holds_where_passes_join_unless_the_merge_has_its_own(merge):
    assert [len(join(merge, SHIFTED[0], CROPS, SHIFTED[1], Suppression(iou))) for iou in (0.4, 0.5)] == [1, 2]
    own = type(merge)(0.5)
    assert [len(join(own, SHIFTED[0], CROPS, SHIFTED[1], Suppression(iou))) for iou in (0.4, 0.5)] == [2, 2]
    assert len(merge(SHIFTED[0], CROPS, SHIFTED[1])) == 2  # without a run: 0.6


def test_boxes_that_grew_into_each_other_become_one():
    """Two pairs of halves join to (0, 0, 20, 10) and (2, 0, 20, 10), which overlap by 0.9."""
    boxes = rows((0, 0, 14, 10), (6, 0, 20, 10), (2, 0, 15, 10), (7, 0, 20, 10))
    boxes[:, 4] = np.float32([0.9, 0.4, 0.8, 0.3])
    joined = NMM(0.35)(boxes[:2], CROPS, boxes[2:])
    assert len(joined) == 1


def test_a_run_by_nwd_joins_by_nwd_in_pixels_of_the_picture():
    run = Suppression(0.85, c=12.0)  # NWD of boxes 4 px apart: exp(-4 / 12) = 0.72, in pixels of half the size 0.85
    assert len(join(Replace("run"), SHIFTED[0], CROPS, SHIFTED[1], run.in_pixels(1.0))) == 2
    assert len(join(Replace("run"), SHIFTED[0], CROPS, SHIFTED[1], run.in_pixels(2.5))) == 1
