"""`freeze=`: which layers it may name, and that a run tells them in one line."""

from __future__ import annotations

import pytest
from ultralytics.utils import LOGGER

from tests.messages import assert_says
from yolotiny.detector import Detector
from yolotiny.train.freezing import FREEZES, check_freeze, frozen_in_one_line


@pytest.fixture(scope="module")
def model():
    return Detector("yolov5n.yaml", nc=2)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [(0, 0), (10.0, 10), (24, 24), ("24", ["24"]), ([0, 2.0, "24.m.0"], ["0", "2", "24.m.0"])],
)
def test_layers_are_named_by_number_and_by_name(model, asked, meant):
    assert check_freeze(asked, model) == meant
    assert check_freeze(meant, model) == meant  # a resumed run has it from its checkpoint


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (25, "freeze=25: the model has 25 layers, and one has to learn"),
        ("a", "freeze=a: no layer of that name has weights; write a number up to 24"),
        ([0, 25], "freeze=25: no layer of that name has weights"),
        ("2.cv", "freeze=2.cv: no layer of that name has weights"),  # not the beginning of a name
        ([*range(25)], "freeze=11: no layer of that name has weights"),  # an upsampling
        ([i for i in range(25) if i not in (11, 12, 15, 16, 19, 22)], "freeze= names all layers, and one has to learn"),
    ],
)
def test_a_layer_that_is_not_there_and_all_of_them_are_refused(model, asked, says):
    with assert_says(says, more=True):
        check_freeze(asked, model)


def test_frozen_tensors_are_told_in_one_line(monkeypatch):
    told = []
    monkeypatch.setattr(LOGGER, "handle", lambda record: told.append(record) if LOGGER.filter(record) else None)
    with frozen_in_one_line():
        for i in range(3):
            LOGGER.info(f"{FREEZES}'model.{i}.weight'")
        LOGGER.info("something else")
    assert [record.getMessage() for record in told] == ["something else", "freeze: 3 tensors keep their values"]
