"""Classes by number and by name: what is meant, and what is not there."""

from __future__ import annotations

import numpy as np
import pytest

from tests.messages import assert_says
from yolotiny.ops.class_choice import class_numbers

NAMES = {0: "car", 1: "delivery van", 2: "2", 3: "bus, long"}


@pytest.mark.parametrize(
    ("classes", "numbers"),
    [
        (None, None),
        (1, [1]),
        ([1, 0], [1, 0]),
        ((np.int64(1), 0.0), [1, 0]),
        (np.array([1, 0]), [1, 0]),
        ("car", [0]),
        ("delivery van, car", [1, 0]),
        (["delivery van", 0], [1, 0]),
        ("0,1", [0, 1]),
        (["car,delivery van"], [0, 1]),
        ("bus, long", [3]),  # a name with a comma is a name
        ("1", [1]),
        ("2", [2]),
    ],
)
def test_a_number_or_a_name_says_which_class_counts(classes, numbers):
    assert class_numbers(classes, NAMES, "the model") == numbers


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (99, "99 in the model, which has 0 car, 1 delivery van, 2 2, 3 bus, long"),
        ([0, -1], "-1 in the model, which has"),
        (1e30, "1000000000000000019884624838656 in the model, which has"),
        ("Car", "'Car' in the model, which has 0 car, 1 delivery van, 2 2, 3 bus, long; did you mean 'car'?"),
        (["car", "zebra"], "'zebra' in the model, which has 0 car, 1 delivery van, 2 2, 3 bus, long"),
        ("car,", "'' in the model, which has"),
        ("c\nr", "'c\\nr' in the model, which has"),
    ],
)
def test_a_class_that_is_not_there_is_one_line_with_those_that_are(classes, says):
    with assert_says(f"classes: there is no class {says}", more=True):
        class_numbers(classes, NAMES, "the model")


def test_of_many_classes_a_few_are_listed():
    with assert_says("classes: there is no class 90 in a.yaml, which has 0 x, 1 x, 2 x, 3 x and 76 more"):
        class_numbers(90, dict.fromkeys(range(80), "x"), "a.yaml")
