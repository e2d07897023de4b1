"""The coarse pass's word in the score of what tiles find."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.slicing import rescore

SIZE = (80, 160)  # of the image, height and width


def rows(*centres: tuple[float, float], score: float = 0.64) -> np.ndarray:
    return np.float32([[x - 2, y - 3, x + 2, y + 3, score, 1] for x, y in centres])


def heat(**said: float) -> np.ndarray:
    """Cells of 4 px; said by x and y of a cell."""
    out = np.zeros((20, 40), np.float32)
    for place, score in said.items():
        x, y = map(int, place[1:].split("_"))
        out[y, x] = score
    return out


def test_known_value_the_geometric_mean_of_both_passes():
    found = rescore(rows((42, 22)), heat(c10_5=0.04), SIZE, 0.5)
    assert found[0, 4].item() == pytest.approx(0.16)  # sqrt(.64 * .04)
    assert found[0].tolist() == pytest.approx([40, 19, 44, 25, 0.16, 1])


def test_what_the_coarse_pass_scores_higher_comes_first():
    found = rescore(rows((42, 22), (122, 62)), heat(c10_5=0.02, c30_15=0.3), SIZE, 0.1)
    assert found[1, 4] > found[0, 4]


def test_a_place_near_by_counts_and_one_farther_off_does_not():
    near, far = (rescore(rows((42, 22)), heat(**{f"c{x}_5": 0.5}), SIZE, 0.1)[0, 4] for x in (12, 13))
    assert near == pytest.approx(0.64**0.9 * 0.5**0.1) and far == pytest.approx(0.64**0.9 * 1e-3**0.1)


def test_boxes_centred_on_the_image_s_border_are_scored_too():
    found = rescore(rows((160, 80), (0, 0)), heat(c39_19=0.64, c0_0=0.64), SIZE, 0.3)
    assert found[:, 4].tolist() == pytest.approx([0.64, 0.64])


def test_nothing_is_changed_by_no_weight_and_nothing_is_done_in_place():
    own = rows((42, 22))
    assert np.array_equal(rescore(own, heat(), SIZE, 0.0), own)
    before = own.copy()
    rescore(own, heat(), SIZE, 0.2)
    assert np.array_equal(own, before) and rescore(own[:0], heat(), SIZE, 0.2).shape == (0, 6)
