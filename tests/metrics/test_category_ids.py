"""Category ids that are all off by one are said: as a hint where one is unknown, as a note where all are known."""

from __future__ import annotations

import pytest

from yolotiny.errors import InputError
from yolotiny.metrics import evaluate


def scene(of_objects, of_detections, ids=(1, 2, 3)) -> tuple[dict, list[dict]]:
    """Objects in a row, each with a detection upon it, of these categories."""
    boxes = [[20.0 * i, 5, 10, 10] for i in range(len(of_objects))]
    gt = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": k, "name": f"class {k}"} for k in ids],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": k, "bbox": b}
            for i, (b, k) in enumerate(zip(boxes, of_objects, strict=True))
        ],
    }
    pred = [
        {"image_id": 1, "category_id": k, "bbox": b, "score": 0.9} for b, k in zip(boxes, of_detections, strict=True)
    ]
    return gt, pred


HIGH = "one too high: write each -1"
OWN = "write the ids of the ground truth"
LOW = "one too low, as ids start at 1 and class indices at 0: write each +1"


@pytest.mark.parametrize(
    ("ids", "found", "said"),
    [
        ((1, 2, 3), (0, 1, 2), f"0; the ground truth has ids 1 to 3; all ids of the file fit if they are {LOW}"),
        ((1, 2, 3), (2, 3, 4), "4; the ground truth has ids 1 to 3; all ids of the file fit if they are " + HIGH),
        ((0, 1, 2), (1, 2, 3), "3; the ground truth has ids 0 to 2; all ids of the file fit if they are " + HIGH),
        (
            (1, 5, 9),
            (1, 2, 3),
            "2; the ground truth has ids 1 to 9; the file seems to number the classes in order: " + OWN,
        ),
        ((1, 5, 9), (1, 7, 70), "7; the ground truth has ids 1 to 9"),
        ((0, 1, 2), (0, 1, 99), "99; the ground truth has ids 0 to 2"),
        ((1, 5, 9), (1, 5, "x"), "'x'; the ground truth has ids 1 to 9"),
    ],
)
def test_an_unknown_category_says_what_may_be_wrong_with_all(ids, found, said):
    gt, pred = scene(ids, found, ids)
    with pytest.raises(InputError) as error:
        evaluate(gt, pred)
    assert str(error.value).endswith(f"unknown category_id {said}")


def test_a_shift_whose_ids_are_all_known_is_noted_and_not_mapped():
    gt, pred = scene([2, 3] * 5, [1, 2] * 5)
    report = evaluate(gt, pred)
    assert report["AP"] == 0
    (note,) = report["notes"]
    assert note.startswith(
        "predictions: of the 10 best detections that lie on an object, 10 have the category next below"
    )
    assert note.endswith("; if the file's ids are shifted, write each +1")
    gt, pred = scene([1, 2] * 5, [2, 3] * 5)
    assert "next above the object's" in evaluate(gt, pred)["notes"][0]


def test_the_next_class_is_no_shift_of_ids_where_ids_have_gaps():
    assert "notes" not in evaluate(*scene([5, 9] * 5, [1, 5] * 5, (1, 5, 9)))


@pytest.mark.parametrize(
    ("of_objects", "of_detections"),
    [
        ([1, 2, 3] * 4, [1, 2, 3] * 4),
        ([1, 2, 3] * 4, [1, 2, 2] * 4),  # some of one class taken for another
        ([2] * 6, [1, 1, 1, 2, 2, 2]),
        ([2, 3], [1, 2]),  # too few to tell
        ([1, 2, 3] * 4, [3, 1, 2] * 4),  # another order, no shift
    ],
)
def test_mistakes_of_a_detector_are_no_shift(of_objects, of_detections):
    assert "notes" not in evaluate(*scene(of_objects, of_detections))
