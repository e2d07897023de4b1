import json

import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.formats.tinyperson import read_tinyperson
from yolotiny.errors import InputError
from yolotiny.metrics import evaluate

CATEGORIES = [{"id": 1, "name": "sea_person"}, {"id": 2, "name": "earth_person"}]


def row(image, box, category=1, **flags):
    plain = {"ignore": False, "uncertain": False, "logo": False, "in_dense_image": False}
    return {"image_id": image, "category_id": category, "bbox": box, "iscrowd": 0} | plain | flags


@pytest.fixture
def source(tmp_path, picture, text):
    images = [{"id": i, "file_name": f"labeled_images/{i}.jpg", "width": 100, "height": 50} for i in (1, 2)]
    rows = [row(1, [0, 0, 5, 9]), row(1, [10, 0, 5, 9], 2), row(1, [20, 0, 30, 20], ignore=True)]
    rows += [row(1, [60, 0, 5, 9], uncertain=True), row(2, [0, 0, 5, 9], in_dense_image=True)]
    root = tmp_path / "raw" / "tiny_set"
    for split in ("train", "test"):
        for i in (1, 2):
            picture(root / split / "labeled_images" / f"{i}.jpg")
        content = {"images": images, "categories": CATEGORIES, "annotations": rows}
        text(root / "annotations" / f"tiny_set_{split}.json", json.dumps(content))
    text(root / "annotations" / "corner" / "tiny_set_train_sw640_sh512.json", "{}")  # not read
    return tmp_path / "raw"


def test_sea_and_earth_are_one_class_and_doubtful_ones_are_ignored(source):
    data = read_tinyperson(source)
    (record,) = data.splits["train"]
    assert data.names == ["person"] and record.labels.tolist() == [0, 0]
    assert record.ignore.tolist() == [[20, 0, 50, 20], [60, 0, 65, 9]] and record.ignore_labels.tolist() == [0, 0]


def test_dense_pictures_are_left_out_and_counted(source):
    data = read_tinyperson(source / "tiny_set")
    assert [len(records) for records in data.splits.values()] == [1, 1]
    assert data.dropped["test"] == {"image marked in_dense_image": 1}


def test_its_protocol_excuses_detections_inside_what_is_ignored(source, tmp_path):
    convert(Conversion("tinyperson", source), tmp_path / "out")
    boxes = [[25, 5, 5, 9], [0, 0, 5, 9], [10, 0, 5, 9]]  # the best one lies in an ignore region
    dets = [{"image_id": 1, "category_id": 1, "bbox": b, "score": 0.9 - i / 10} for i, b in enumerate(boxes)]
    report = evaluate(tmp_path / "out" / "annotations" / "test.json", dets, "tinyperson")
    assert report["AP50_tiny"] == pytest.approx(1.0) and report["n_gt"]["all"] == 2


def test_a_folder_without_annotations_says_what_is_expected(tmp_path):
    with pytest.raises(InputError, match=r"expected annotations/tiny_set_train\.json"):
        read_tinyperson(tmp_path)
