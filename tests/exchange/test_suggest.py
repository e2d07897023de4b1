import csv
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from yolotiny.data import Conversion, convert
from yolotiny.errors import InputError
from yolotiny.exchange.suggest import Wanted, suggest


@pytest.fixture
def data(tmp_path, picture):
    """Three pictures of 100 x 100 px with one label each, at 10..20 px."""
    root = tmp_path / "set"
    (root / "labels" / "train").mkdir(parents=True)
    for name in "abc":
        picture(root / "images" / "train" / f"{name}.png", 100, 100)
        (root / "labels" / "train" / f"{name}.txt").write_text("0 .15 .15 .1 .1\n")
    (root / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [car, van]\n")
    return root


FOUND = {
    "a": [(10, 10, 20, 20, 0.9, 0)],
    "b": [(10, 10, 20, 20, 0.9, 0), (50, 50, 60, 60, 0.7, 1)],
    "c": [(50, 50, 60, 60, 0.95, 1)],
}


def look(files, stop=None):
    for file in files:
        if file.stem == stop:
            raise KeyboardInterrupt
        yield file, np.array(FOUND[file.stem], float)


def test_the_most_doubtful_come_first_with_all_their_labels(data, tmp_path):
    made = suggest(Wanted(data, split="train"), look, tmp_path / "out")
    assert str(made).startswith(
        "3 pictures: 2 finds without a label, 1 labels that nothing supports, 0 finds of another class than their "
        "label\n"
        "2 of 2 pictures to review, the most doubtful first: "
    )
    images = ET.parse(tmp_path / "out" / "annotations.xml").findall("image")
    assert [image.get("name") for image in images] == ["0001/c.png", "0002/b.png"]
    boxes = [(box.get("label"), {a.get("name"): a.text for a in box}) for box in images[0]]
    assert boxes == [
        ("car", {"ignore": "false", "review": "nothing found here; 60% of this size are found"}),
        ("van", {"ignore": "false", "score": "0.95", "review": "found 0.95, no label"}),
    ]
    rows = list(csv.DictReader((tmp_path / "out" / "review.csv").open()))
    assert [(r["rank"], r["picture"], r["kind"], r["class"], r["x1"]) for r in rows] == [
        ("1", "c.png", "no label", "van", "50.0"),
        ("1", "c.png", "nothing found", "car", "10.0"),
        ("2", "b.png", "no label", "van", "50.0"),
    ]


def test_what_was_reviewed_comes_back_under_the_names_of_the_pictures(data, tmp_path):
    suggest(Wanted(data, split="train"), look, tmp_path / "out")
    convert(Conversion("cvat", tmp_path / "out"), tmp_path / "back")
    labels = {p.name: len(p.read_text().splitlines()) for p in (tmp_path / "back" / "labels" / "train").iterdir()}
    assert labels == {"b.txt": 2, "c.txt": 2}


def test_label_studio_begins_with_labels_and_finds_as_one_prediction(data, tmp_path):
    suggest(Wanted(data, "label-studio", split="train", limit=1), look, tmp_path / "out")
    (task,) = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert "annotations" not in task and task["predictions"][0]["score"] == 0.95
    drawn = [r["value"]["rectanglelabels"] for r in task["predictions"][0]["result"] if r["type"] == "rectanglelabels"]
    assert drawn == [["car"], ["van"]]
    assert task["data"]["image"] == "/data/local-files/?d=out/images/train/0001/c.png"


def test_where_all_agree_nothing_is_written(data, tmp_path):
    made = suggest(
        Wanted(data, split="train", conf=0.99), lambda files: ((f, np.array(FOUND["a"])) for f in files), tmp_path / "o"
    )
    assert str(made).endswith("nothing to review, nothing written") and not (tmp_path / "o").exists()


def test_an_interruption_writes_what_was_looked_at(data, tmp_path):
    with pytest.raises(
        KeyboardInterrupt, match=r"2 of 3 pictures were looked at; what is doubtful in them is in .*out"
    ):
        suggest(Wanted(data, split="train"), lambda files: look(files, "c"), tmp_path / "out")
    assert len(ET.parse(tmp_path / "out" / "annotations.xml").findall("image")) == 1
    with pytest.raises(KeyboardInterrupt, match="0 of 3 pictures were looked at; nothing is written"):
        suggest(Wanted(data, split="train"), lambda files: look(files, "a"), tmp_path / "none")


def test_a_mistake_is_one_line_before_anything_is_looked_at(data, tmp_path):
    for wanted, says in (
        (Wanted(data, "voc"), "format=voc: reviews are written for cvat or label-studio"),
        (Wanted(data, split="test"), "has no split 'test'"),
    ):
        with pytest.raises(InputError, match=says):
            suggest(wanted, lambda files: pytest.fail("looked"), tmp_path / "out")
    with pytest.raises(InputError, match="is not empty"):
        suggest(Wanted(data), look, data)
