"""The codec of ignore regions: every spelling of a label, there and back, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from yolotiny.data.labels import parse_regions, region_row
from yolotiny.data.records import EVERY, OTHERS
from yolotiny.ignore import IgnoreKind, below_zero, from_coco, from_index, is_region, to_coco, to_index

NC = 3
LABELS = [EVERY, OTHERS, 0, 2]
REGION = {"iscrowd": 1, "ignore": 1}


def test_labels_below_zero_are_kinds_and_all_others_are_regions_of_one_class():
    assert [IgnoreKind.of(label) for label in LABELS] == [
        IgnoreKind.EVERY,
        IgnoreKind.OTHERS,
        IgnoreKind.CLASS,
        IgnoreKind.CLASS,
    ]
    assert (EVERY, OTHERS) == (-1, -2)
    with pytest.raises(ValueError):
        IgnoreKind.of(-3)


@pytest.mark.parametrize("of", [np.array, torch.tensor], ids=["array", "tensor"])
@pytest.mark.parametrize("kind", [int, float])
def test_a_label_travels_as_a_class_behind_those_of_objects(of, kind):
    labels = of([kind(label) for label in LABELS])
    index = to_index(labels, NC)
    assert index.tolist() == [3, 4, 5, 7] and bool(is_region(index, NC).all())
    assert from_index(index, NC).tolist() == LABELS
    assert is_region(of([0, 2, 3]), NC).tolist() == [False, False, True]


def test_an_augmentation_sees_numbers_below_zero_and_gives_them_back():
    index = to_index(np.array(LABELS), NC)
    assert below_zero(index, NC).tolist() == [-1, -2, -3, -5]
    assert below_zero(below_zero(index, NC), NC).tolist() == index.tolist()


@pytest.mark.parametrize(
    ("label", "row", "coco"),
    [
        (EVERY, "0.50000000 0.50000000 0.25000000 0.12500000\n", {"category_id": 0} | REGION),
        (OTHERS, "0.50000000 0.50000000 0.25000000 0.12500000 -2\n", {"category_id": 0} | REGION | {"others": 1}),
        (0, "0.50000000 0.50000000 0.25000000 0.12500000 0\n", {"category_id": 1} | REGION),
        (2, "0.50000000 0.50000000 0.25000000 0.12500000 2\n", {"category_id": 3} | REGION),
    ],
)
def test_a_region_is_the_same_in_a_file_and_in_json(label, row, coco):
    assert region_row(label, (0.5, 0.5, 0.25, 0.125)) == row
    assert parse_regions(row, NC).labels.tolist() == [label]
    assert to_coco(label) == coco and from_coco(coco) == label
