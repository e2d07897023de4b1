"""Every run a dot."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.messages import assert_says
from tests.study.made import run, study, trained
from yolotiny.study import plot
from yolotiny.study.table import rows_of


@pytest.fixture
def made(tmp_path):
    for arm in "ab":
        for seed in (0, 1):
            trained(run(tmp_path, arm, seed), AP=0.1 + 0.1 * seed, AP_vt=None)
    asked = study("a", "b", "c")
    return asked, rows_of(asked, tmp_path)


def test_it_is_a_picture_with_a_panel_for_each_figure(made):
    asked, rows = made
    one, three = (
        cv2.imdecode(np.frombuffer(plot.drawing(asked, rows, names), np.uint8), cv2.IMREAD_COLOR)
        for names in (["AP"], ["AP", "AP_t", "AP_vt"])
    )
    assert three.shape[1] > one.shape[1] > 300


def test_every_run_is_a_dot_and_every_arm_has_its_mean(made, monkeypatch):
    figures = []
    monkeypatch.setattr(plot.Figure, "savefig", lambda self, *args, **kwargs: figures.append(self))
    plot.drawing(*made, ["AP"])
    (panel,) = figures[0].axes
    dots = np.concatenate([points.get_offsets() for points in panel.collections])
    assert sorted(map(float, dots[:, 0])) == pytest.approx([10, 10, 20, 20])
    assert [float(line.get_xdata()[0]) for line in panel.lines] == pytest.approx([15, 15])
    assert [label.get_text() for label in panel.get_yticklabels()] == ["a", "b", "c"]


def test_an_unknown_figure_is_one_line(made):
    with assert_says("figures=AP_tt: the runs do not have it; did you mean 'AP_t'", more=True):
        plot.drawing(*made, ["AP_tt"])
