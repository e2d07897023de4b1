"""Figures of a study's table, and those that no report will have."""

import pytest

from tests.messages import assert_says
from yolotiny.metrics import PROTOCOLS
from yolotiny.study.figures import check_expected, check_figures, figures_of
from yolotiny.val.validator import told_of


def test_figures_are_those_of_the_protocol_or_those_chosen_and_none_where_there_is_no_object():
    report = {"protocol": "coco", "AP": 0.25, "AP50": 0.5, "AP75": 0.125, "AP_s": None, "AP_m": 1.0, "AP_l": 0.0}
    assert figures_of(report) == {"AP": 25, "AP50": 50, "AP75": 12.5, "AP_s": None, "AP_m": 100, "AP_l": 0}
    assert figures_of(report, ["AP_m"]) == {"AP_m": 100}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_figure_that_is_told_of_a_protocol_is_known(protocol):
    check_figures(told_of(protocol), protocol)


def test_figures_beyond_those_that_are_told_are_known_too():
    check_figures(["AR@1500", "oLRP", "oLRP_fn"], "aitod")
    check_figures(["AP75_macro"], "visdrone")
    check_expected(["AP_vt", "AP50_tiny1"])


def test_what_no_report_has_is_one_line():
    with assert_says("figure 'AP_tt' is none of protocol aitod; did you mean 'AP_t'", more=True):
        check_figures(["AP", "AP_tt"], "aitod")
    with assert_says("figure 'AP_vt' is none of protocol coco", more=True):
        check_figures(["AP_vt"], "coco")
    with assert_says("expected: no protocol has a figure 'AQ'", more=True):
        check_expected(["AP", "AQ"])
