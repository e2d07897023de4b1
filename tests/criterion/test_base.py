"""What a criterion asks of its parts and says of itself: distributions, heat maps, compiling."""

from __future__ import annotations

import pytest

from tests.messages import assert_says
from yolotiny.assigners import GaussianCenter, HeatmapAssigner
from yolotiny.coders import CODERS, BinsCoder, Coder, V5Coder
from yolotiny.criterion import CenterCriterion
from yolotiny.criterion.dense import AnchorCriterion


def test_every_coder_says_whether_it_is_one_of_distributions():
    assert {name: kind.is_distributional for name, kind in CODERS.items()} == {
        "v5": False,
        "yolox": False,
        "center": False,
        "delta": False,
        "ltrb": False,
        "bins": True,
    }
    assert all(issubclass(kind, Coder) for kind in CODERS.values())


def test_a_coder_of_distributions_brings_their_loss_and_no_other_does():
    assert AnchorCriterion({}, BinsCoder(), 2).bins is not None
    assert AnchorCriterion({}, V5Coder(), 2).bins is None
    with assert_says("loss.bins in the configuration needs a coder of distributions: coder: {type: bins}"):
        AnchorCriterion({"loss": {"bins": {"weight": 1.0}}}, V5Coder(), 2)


@pytest.mark.parametrize(("coder", "gamma", "refines"), [(BinsCoder, 0.5, True), (BinsCoder, 0, False)])
def test_a_step_that_refines_does_not_compile(coder, gamma, refines):
    made = AnchorCriterion({"loss": {"bins": {"gamma": gamma}}}, coder(), 2)
    assert made.refines == refines
    if refines:
        with assert_says("compile=True does not go with the refinement of UGS", more=True):
            made.check_compile()
    else:
        made.check_compile()


def test_a_step_without_distributions_compiles():
    made = AnchorCriterion({}, V5Coder(), 2)
    made.check_compile()
    assert not made.refines


def test_heads_with_a_heat_map_take_an_assigner_that_draws_one():
    assert issubclass(GaussianCenter, HeatmapAssigner)
    assert isinstance(CenterCriterion({}, CODERS["center"](), 1).assign, HeatmapAssigner)
    with assert_says("assigner in the configuration is for heads with a heat map, and this is none; write wh_ratio"):
        AnchorCriterion({"assigner": "gaussian_center"}, V5Coder(), 2)
