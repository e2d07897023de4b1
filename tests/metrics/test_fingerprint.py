"""The hash of a ground truth: the same for the same truth however it is written, another for any other."""

import copy

import pytest

from yolotiny.metrics import Picture, data_hash, evaluate, from_arrays, read
from yolotiny.metrics.fingerprint import scene_hash

GT = {
    "images": [
        {"id": 7, "file_name": "sub/a.jpg", "width": 100, "height": 80},
        {"id": 9, "file_name": "b.jpg", "width": 64, "height": 64},
    ],
    "categories": [{"id": 1, "name": "car"}, {"id": 3, "name": "bus"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 10, 10.5]},
        {"id": 2, "image_id": 9, "category_id": 3, "bbox": [5, 5, 10, 10]},
        {"id": 3, "image_id": 9, "category_id": 0, "bbox": [20, 20, 30, 30], "iscrowd": 1},
    ],
}


def of(gt):
    return scene_hash(read(gt, []))


def test_a_report_names_the_truth_by_16_digits_whatever_was_detected():
    found = evaluate(GT, [{"image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}])["data_hash"]
    assert found == of(GT) and len(found) == 16 and int(found, 16)
    assert evaluate(GT, [], "coco")["data_hash"] == found


def test_order_ids_folders_and_what_float32_loses_change_nothing():
    other = copy.deepcopy(GT)
    other["images"].reverse()
    other["annotations"].reverse()
    other["images"][1] |= {"id": 70, "file_name": "elsewhere\\a.jpg"}
    other["annotations"][-1] |= {"image_id": 70, "bbox": [1.0004, 2, 10, 10.4997], "area": 50}
    other["categories"] = [{"id": 1, "name": "bus"}, {"id": 3, "name": "car"}]
    for row in other["annotations"]:
        row["category_id"] = {1: 3, 3: 1, 0: 0}[row["category_id"]]
    assert of(other) == of(GT)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("images", {"width": 101}),
        ("images", {"file_name": "c.jpg"}),
        ("annotations", {"bbox": [1, 2, 10, 10.52]}),
        ("annotations", {"category_id": 3}),
        ("annotations", {"iscrowd": 1}),
        ("annotations", {"ignore": 1}),
        ("annotations", {"image_id": 9}),
        ("categories", {"name": "van"}),
    ],
)
def test_any_other_change_gives_another_hash(key, change):
    other = copy.deepcopy(GT)
    other[key][0] |= change
    assert of(other) != of(GT)
    other["annotations"].pop(0)
    assert of(other) != of(GT)


def test_arrays_and_plain_rows_give_the_hash_of_the_json():
    boxes = [[[1, 2, 11, 12.5]], [[5, 5, 15, 15]]]
    pictures = [Picture("a.jpg", 100, 80), Picture("b.jpg", 64, 64)]
    images = [(boxes[0], [0], [], [], [], []), (boxes[1], [1], [[20, 20, 50, 50]], [], [], [])]
    assert scene_hash(from_arrays(images, ["car", "bus"], pictures)) == of(GT)
    rows = [[(0, 0, 1, 2, 10, 10.5)], [(2, -1, 20, 20, 30, 30), (0, 1, 5, 5, 10, 10)]]
    assert data_hash(["car", "bus"], zip(pictures, rows, strict=True)) == of(GT)
