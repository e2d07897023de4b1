from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.classes import choose_classes
from yolotiny.data.records import Dataset, Record
from yolotiny.errors import InputError


@pytest.fixture
def data():
    """A car, a van, a tree, a car; regions of car, of every class, of no class."""
    boxes = np.array([[k, 0, k + 5, 5] for k in range(4)], float)
    record = Record(Path("a.png"), "a.png", 100, 50, boxes, np.array([0, 1, 2, 0]), boxes[:3], np.array([0, -1, -2]))
    return Dataset(["car", "van", "tree"], {"train": [record]}, categories={"train": {7: ("car", 0), 9: ("tree", 2)}})


def seen(data):
    (record,) = data.splits["train"]
    names = [*data.names, "others", "every"]
    return data.names, [names[k] for k in record.labels], [names[k] for k in record.ignore_labels]


@pytest.mark.parametrize(
    ("classes", "names", "labels", "regions"),
    [
        (None, ["car", "van", "tree"], ["car", "van", "tree", "car"], ["car", "every", "others"]),
        ("tree,car", ["tree", "car"], ["car", "tree", "car"], ["car", "every", "others"]),
        (["van"], ["van"], ["van"], ["every", "others"]),
        ({"tree": None}, ["car", "van"], ["car", "van", "car"], ["car", "every", "others"]),
        ({"van": "car", "car": "car"}, ["car", "tree"], ["car", "car", "tree", "car"], ["car", "every", "others"]),
        ({"van": "vehicle", "car": "vehicle"}, ["vehicle", "tree"], ["vehicle", "vehicle", "tree", "vehicle"],
         ["vehicle", "every", "others"]),
        ({"van": "car", "car": "van"}, ["van", "car", "tree"], ["van", "car", "tree", "van"],
         ["van", "every", "others"]),
        ({"tree": "ignore"}, ["car", "van"], ["car", "van", "car"], ["car", "every", "others", "every"]),
    ],
)  # fmt: skip
def test_classes_are_kept_renamed_joined_dropped_or_ignored(data, classes, names, labels, regions):
    assert seen(choose_classes(data, classes)) == (names, labels, regions)


def test_what_became_of_classes_is_said_and_counted(data):
    made = choose_classes(data, {"van": "car", "car": "car", "tree": None})
    assert made.notes == ["'car' and 'van' are one class now 'car'", "left out: 'tree'"]
    assert made.dropped == {"train": Counter({"object of class tree": 1})}
    assert made.categories == {"train": {7: ("car", 0)}}
    assert (data.dropped, data.notes) == ({}, [])


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        ("car,bus", "the data has no class 'bus'"),
        ("car,car", "names 'car' twice"),
        ({"trea": None}, "no class 'trea'; did you mean 'tree'"),
        ({"van": "car"}, r"'van' and 'car' would both become 'car'; .* name both: classes=\{van: car, car: car\}"),
        ({"car": None, "van": None, "tree": None}, "no class is left of car, van, tree"),
        ({"car": " "}, "'car' is given no name"),
    ],
)
def test_a_mistake_is_one_line(data, classes, says):
    with pytest.raises(InputError, match=says):
        choose_classes(data, classes)


def test_a_conversion_takes_them(tmp_path, picture, text):
    picture(tmp_path / "raw" / "images" / "train" / "a.png")
    text(tmp_path / "raw" / "labels" / "train" / "a.txt", "0 .5 .5 .2 .2\n1 .5 .5 .1 .1\n")
    text(tmp_path / "raw" / "data.yaml", "train: images/train\nnames: [car, van]\n")
    summary = convert(Conversion("yolo", tmp_path / "raw", classes="van"), tmp_path / "out")
    assert summary.splits["train"].boxes == {"van": 1} and summary.splits["train"].dropped == {"object of class car": 1}
    assert (tmp_path / "out" / "labels" / "train" / "a.txt").read_text().startswith("0 0.5")
