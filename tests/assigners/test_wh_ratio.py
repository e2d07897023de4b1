"""YOLOv5's matching on a level of 3 rows and 4 columns."""

from __future__ import annotations

import pytest
import torch

from yolotiny.assigners import ASSIGNERS
from yolotiny.assigners.wh_ratio import WHRatio
from yolotiny.errors import InputError
from yolotiny.registry import build
from yolotiny.structures import Preds, Priors, Targets


def level(anchors, rows=3, columns=4, stride=8.0) -> Priors:
    """One level; columns of its priors run anchor, row, column: prior = (anchor * 3 + row) * 4 + column."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cells = (torch.stack((x, y), -1).reshape(-1, 2) + 0.5) * stride
    n = rows * columns
    sizes = torch.cat([torch.tensor([a]).expand(n, 2) for a in anchors]).float()
    count = len(anchors) * n
    return Priors(
        cells.repeat(len(anchors), 1), sizes, torch.full((count, 1), stride), ((len(anchors), rows, columns),)
    )


def join(*levels: Priors) -> Priors:
    parts = [torch.cat([getattr(p, k) for p in levels]) for k in ("centers", "sizes", "strides")]
    return Priors(*parts, tuple(s for p in levels for s in p.shapes))


def assign(priors, xywh, image=None, ignore=(), assigner=None):
    """Match boxes given as centre and size; returns the assignment."""
    xywh = torch.tensor(xywh, dtype=torch.float32).view(-1, 4)
    boxes = torch.cat((xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, :2] + xywh[:, 2:] / 2), 1)
    image = torch.zeros(len(boxes), dtype=torch.long) if image is None else torch.tensor(image)
    ignore = torch.tensor(ignore, dtype=torch.float32).view(-1, 4)
    regions = torch.zeros(len(ignore), dtype=torch.long)
    targets = Targets(boxes, torch.zeros_like(image), image, ignore, regions, 2, (24, 32))
    a = len(priors.centers)
    preds = Preds(torch.zeros(2, a, 4), torch.zeros(2, a, 1), torch.zeros(2, a), priors)
    return (assigner or WHRatio())(preds, None, targets)


def test_an_object_takes_its_cell_and_the_two_nearest_neighbours():
    # Centre (13, 10): column 1 at .625, row 1 at .25, so the right and the upper neighbour are near.
    found = assign(level([(8, 8)]), [13, 10, 8, 8])
    assert found.prior.tolist() == [5, 1, 6]  # own cell, above, right
    assert found.gt.tolist() == [0, 0, 0] and found.iou is None and found.ignored is None


@pytest.mark.parametrize(
    ("center", "cells"),
    [
        ((11, 11), [5, 4, 1]),  # near the left and upper border: left, above
        ((13, 13), [5, 6, 9]),  # near the right and lower border: right, below
        ((12, 12), [5]),  # exactly in the middle
        ((1, 1), [0]),  # in a corner of the picture there are no such neighbours
        ((31, 23), [11]),
        ((32, 24), [11, 11, 11]),  # on the far border all three are the last cell, as in the official code
        ((13, 1), [1, 2]),  # at the upper edge only the right one
    ],
)
def test_neighbours_depend_on_where_in_its_cell_the_centre_lies(center, cells):
    assert assign(level([(8, 8)]), [*center, 8, 8]).prior.tolist() == cells


def test_only_anchors_within_four_times_either_way_are_taken():
    priors = level([(8, 8), (2, 2), (40, 8), (8, 33)])
    assert assign(priors, [12, 12, 8, 8]).prior.tolist() == [5]  # 8/2 is four times, not less; 33/8 and 40/8 more
    assert assign(priors, [12, 12, 7.9, 8.5]).prior.tolist() == [5, 41]  # 33/8.5 < 4: the fourth anchor, 3 * 12 + 5
    assert assign(priors, [12, 12, 7.9, 7.9], assigner=WHRatio(anchor_t=6)).prior.tolist() == [5, 17, 29, 41]


def test_objects_and_anchors_and_levels_come_in_the_official_order():
    priors = join(level([(8, 8), (9, 9)]), level([(8, 8)], rows=2, columns=2, stride=16.0))
    found = assign(priors, [[12, 12, 8, 8], [28, 4, 8, 8]], image=[0, 1])
    # level 0: anchor 0 with both objects, anchor 1 with both; level 1: centres, then the neighbours
    assert found.prior.tolist()[:4] == [5, 3, 17, 15] and found.gt.tolist()[:4] == [0, 1, 0, 1]
    assert found.prior.tolist()[4:6] == [24, 25] and found.image.tolist()[:4] == [0, 1, 0, 1]
    assert priors.level(found.prior).tolist() == [0] * 4 + [1] * (len(found.prior) - 4)


def test_two_objects_may_share_a_cell():
    found = assign(level([(8, 8)]), [[12, 12, 8, 8], [12, 12, 6, 6]])
    assert found.prior.tolist() == [5, 5] and found.gt.tolist() == [0, 1]


def test_reach_narrows_the_neighbourhood():
    assert assign(level([(8, 8)]), [13, 10, 8, 8], assigner=WHRatio(reach=0)).prior.tolist() == [5]
    # .25 of a cell from the upper border is within .3, .375 from the right one is not
    assert assign(level([(8, 8)]), [13, 10, 8, 8], assigner=WHRatio(reach=0.3)).prior.tolist() == [5, 1]


def test_objects_of_two_pixels_match_small_anchors_and_none_matches_none():
    assert assign(level([(5, 6)]), [12, 12, 2, 2]).prior.tolist() == [5]
    assert assign(level([(10, 13)]), [12, 12, 2, 2]).prior.tolist() == []
    assert assign(level([(8, 8)]), []).prior.tolist() == []
    assert assign(level([(8, 8)]), [12, 12, 0, 0]).prior.tolist() == []


def test_cells_in_an_ignore_region_are_neither_positive_nor_negative():
    found = assign(level([(8, 8)]), [12, 12, 8, 8], ignore=[0, 0, 16, 16])
    # cells with their centre inside: 0 1 4 5 of the first picture; 5 has the object
    assert found.ignored.shape == (2, 12) and found.ignored.nonzero().tolist() == [[0, 0], [0, 1], [0, 4]]
    assert found.prior.tolist() == [5]


def test_impossible_options_are_refused_in_one_line():
    with pytest.raises(InputError, match="^assigner wh_ratio: anchor_t=1 must be a number above 1; write for"):
        build({"type": "wh_ratio", "anchor_t": 1}, ASSIGNERS)
    with pytest.raises(InputError, match=r"^assigner wh_ratio: reach=0.6 must be a number from 0 to 0.5$"):
        build({"type": "wh_ratio", "reach": 0.6}, ASSIGNERS)
