"""GWD plus L1: the known values of its paper and of the official code."""

from __future__ import annotations

import pytest
import torch

from yolotiny.boxes import xywh2xyxy
from yolotiny.errors import InputError
from yolotiny.losses.gwd_l1 import GWDL1Loss, weighted_l1

PRED, GT = xywh2xyxy(torch.tensor([[10.0, 6, 4, 2]])), xywh2xyxy(torch.tensor([[10.5, 6.25, 3, 2]]))


def test_sizes_count_a_fifth_of_the_centre_in_l1():
    assert weighted_l1(PRED, GT).item() == pytest.approx(0.5 + 0.25 + 0.2 * 0.5)
    assert weighted_l1(4 * PRED, 4 * GT, unit=4).item() == pytest.approx(0.85)


def test_the_official_sum_is_known():
    assert GWDL1Loss(sqrt=True, unit=1.0)(PRED, GT).item() == pytest.approx(1.142633, abs=1e-6)
    assert GWDL1Loss(unit=1.0)(PRED, GT).item() == pytest.approx(2 * 0.308574 + 0.5 * 0.85, abs=1e-6)
    assert GWDL1Loss(sqrt=True)(4 * PRED, 4 * GT).item() == pytest.approx(1.142633, abs=1e-6)


def test_each_part_may_stand_alone():
    assert GWDL1Loss(l1=0, gwd=1, unit=1.0)(PRED, GT).item() == pytest.approx(0.308574, abs=1e-6)
    assert GWDL1Loss(l1=1, gwd=0, unit=1.0)(PRED, GT).item() == pytest.approx(0.85)
    assert GWDL1Loss(l1=0, gwd=1, tau=2.0)(GT, GT).item() == 0.5


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"l1": -1}, "box loss gwd_l1: l1=-1 must be a number from 0 up"),
        (
            {"gwd": 0, "sqrt": True},
            "box loss gwd_l1: sqrt=true changes nothing where gwd is 0; give gwd=2",
        ),
        ({"gwd": 0, "tau": 2}, "box loss gwd_l1: tau=2 changes nothing where gwd is 0; give gwd=2"),
        ({"gwd": 0, "l1": 0}, "box loss gwd_l1: gwd and l1 are both 0, so nothing would be learnt"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(spec, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        GWDL1Loss(**spec)
