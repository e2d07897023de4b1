"""LSM on masks: known rectangles, and the two mistakes that must show."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from yolotiny.errors import InputError
from yolotiny.slicing import LSM, lsm
from yolotiny.slicing.slicers.lsm import REFERENCE_AREA_PX, LSMConfig, fullest_cells

FIRST = (108.8, 179.2, 339.2, 332.8)
SECOND = (627.2, 115.2, 780.8, 268.8)
SMALL = (953.6, 569.6, 1023.0, 639.0)


def clusters() -> np.ndarray:
    """1024x640, cells of 64 px: six full cells, two that touch at a corner, and 4x4 px on their own."""
    heat = np.zeros((640, 1024), np.float32)
    heat[192:320, 128:320] = 1
    heat[128:192, 640:704] = 1
    heat[192:256, 704:768] = 1
    heat[600:604, 1000:1004] = 1
    return heat


def assert_crops(crops, *expected):
    assert len(crops) == len(expected), crops
    np.testing.assert_allclose(crops, expected, atol=1e-4)


def test_known_value_the_two_clusters():
    assert_crops(lsm(clusters(), LSMConfig(k=2, top_k=15)), FIRST, SECOND)


def test_a_lone_object_is_a_third_cluster_unless_that_is_too_small():
    assert_crops(lsm(clusters(), LSMConfig(k=3, top_k=15, min_area=0)), FIRST, SECOND, SMALL)
    assert_crops(lsm(clusters(), LSMConfig(k=3, top_k=15, min_area=96**2)), FIRST, SECOND)


def test_five_cells_reach_the_first_cluster_only():
    assert_crops(lsm(clusters(), LSMConfig(k=2, top_k=5)), FIRST)


def test_a_crop_in_the_corner_is_cut_to_the_picture():
    heat = np.zeros((640, 1024), np.float32)
    heat[:128, :128] = 1
    assert_crops(lsm(heat), (0, 0, 140.8, 140.8))


def test_cells_that_touch_at_a_corner_would_be_two_clusters_by_four_neighbours(monkeypatch):
    found = cv2.connectedComponentsWithStats
    monkeypatch.setattr(cv2, "connectedComponentsWithStats", lambda cells, connectivity: found(cells, connectivity=4))
    assert len(lsm(clusters(), LSMConfig(k=9, top_k=15, min_area=0))) == 4


def test_empty_cells_are_never_chosen():
    assert lsm(np.zeros((640, 1024), np.float32), LSMConfig(top_k=50, min_area=0)) == []
    assert len(lsm(clusters(), LSMConfig(k=9, top_k=160, min_area=0))) == 3


def test_classes_count_by_their_maximum():
    split = np.stack((clusters(), np.zeros((640, 1024), np.float32)))
    split[1, 192:320, 128:320], split[0, 192:320, 128:320] = split[0, 192:320, 128:320], 0
    assert_crops(lsm(split, LSMConfig(top_k=15)), FIRST, SECOND)


def test_a_pixel_counts_above_the_threshold_only():
    faint = clusters() * 0.5
    assert lsm(faint, LSMConfig(threshold=0.5)) == []
    assert_crops(lsm(faint, LSMConfig(threshold=0.49, top_k=15)), FIRST, SECOND)


def test_what_does_not_divide_belongs_to_the_last_cell():
    heat = np.zeros((1000, 1500), np.float32)
    heat[:, 1488:] = 1  # 16 cells of 93 px end at 1488
    ((x1, _, x2, _),) = lsm(heat, LSMConfig(enlarge=1.0, min_area=0))
    assert (x1, x2) == (15 * 93, 1499)


def test_a_picture_on_end_has_its_long_side_cut_into_sixteen():
    upright = lsm(clusters().T, LSMConfig(top_k=15))
    assert_crops([(y1, x1, y2, x2) for x1, y1, x2, y2 in upright], FIRST, SECOND)


def test_a_map_smaller_than_the_grid_works():
    assert_crops(lsm(np.ones((3, 5), np.float32), LSMConfig(min_area=0)), (0, 0, 4, 2))


def test_the_component_scales_its_least_area_with_the_map_and_k_0_gives_none():
    assert len(LSM(k=3, top_k=15)(clusters())) == 2
    small = cv2.resize(clusters(), (512, 320), interpolation=cv2.INTER_NEAREST)
    assert small.size == REFERENCE_AREA_PX / 4
    assert_crops([tuple(2 * v for v in crop) for crop in LSM(k=3, top_k=15)(small)], FIRST, SECOND)
    assert lsm(small, LSMConfig(k=3, top_k=15)) != LSM(k=3, top_k=15)(small)
    assert LSM(k=0)(clusters()) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [("k", -1), ("k", True), ("grid", (16,)), ("grid", (0, 10)), ("top_k", 0), ("threshold", 1.0), ("enlarge", 0.9)]
    + [("min_area", -1), ("threshold", "x")],
)
def test_settings_that_make_no_sense_are_refused(setting, value):
    with pytest.raises(InputError, match=f"lsm: {setting}="):
        lsm(clusters(), LSMConfig(**{setting: value}))
    with pytest.raises(InputError, match=f"lsm: {setting}="):
        LSM(**{setting: value})


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(InputError, match="expected"):
        lsm(np.zeros((1, 2, 3, 4)))


def test_known_value_counts_of_cells_and_the_three_fullest():
    heat = np.zeros((4, 8), np.float32)
    heat[0, :2] = heat[1, 0] = heat[3, 6] = heat[2, 4] = 1
    xs, ys, counts, chosen = fullest_cells(heat, LSMConfig(grid=(4, 2), top_k=3))
    assert (xs.tolist(), ys.tolist()) == ([0, 2, 4, 6, 8], [0, 2, 4])
    assert counts.tolist() == [[3, 0, 0, 0], [0, 0, 1, 1]]
    assert chosen.tolist() == [[1, 0, 0, 0], [0, 0, 1, 1]]
