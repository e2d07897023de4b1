"""Which picture a row is of: every way of writing it scores perfect detections with 1, or is refused in one line."""

from __future__ import annotations

import pytest

from tests.messages import assert_says
from yolotiny.errors import InputError
from yolotiny.metrics import evaluate

NUMBERS = [str(n) for n in range(1, 13)]
BY_NAME = sorted(f"{n}.png" for n in NUMBERS)  # 1, 10, 11, 12, 2, ...: the order in which files are numbered


def box(name: str) -> list[float]:
    """A place of its own for each picture, so that a wrong one scores nothing."""
    return [20.0 * (sum(map(ord, name)) % 97), 5.0 * len(name), 10, 10]


def truth(names, ids=None) -> dict:
    ids = list(range(1, len(names) + 1)) if ids is None else list(ids)
    images = [{"id": i, "file_name": name} for i, name in zip(ids, names, strict=True)]
    rows = [
        {"id": i, "image_id": im["id"], "category_id": 1, "bbox": box(im["file_name"])} for i, im in enumerate(images)
    ]
    return {"images": images, "categories": [{"id": 1, "name": "car"}], "annotations": rows}


def row(name: str, image_id, **more) -> dict:
    return {"image_id": image_id, "category_id": 1, "bbox": box(name), "score": 0.9, **more}


def with_names(names, ids) -> list[dict]:
    return [row(name, i, file_name=name) for name, i in zip(names, ids, strict=True)]


@pytest.mark.parametrize("ids", [range(1, 13), range(12), range(12, 0, -1), range(100, 112), list("abcdefghijkl")])
def test_pictures_named_by_numbers_are_told_by_name_whatever_the_ids(ids):
    stems = [int(name[:-4]) for name in BY_NAME]
    assert evaluate(truth(BY_NAME, ids), with_names(BY_NAME, stems))["AP"] == pytest.approx(1)


@pytest.mark.parametrize("folder", ["", "images/", "a/b/"])
def test_the_ground_truth_may_name_folders_that_the_detections_do_not(folder):
    pred = with_names(BY_NAME, [int(name[:-4]) for name in BY_NAME])
    gt = truth(BY_NAME)
    gt["images"] = [im | {"file_name": folder + im["file_name"]} for im in gt["images"]]
    assert evaluate(gt, pred)["AP"] == pytest.approx(1)


def test_ids_count_where_names_are_missing_and_it_is_said_where_they_might_be_names():
    gt = truth(BY_NAME)
    by_id = [row(name, i) for i, name in enumerate(BY_NAME, 1)]
    report = evaluate(gt, by_id)
    assert report["AP"] == pytest.approx(1) and len(report["notes"]) == 1
    assert "image_id 2 is read as an id, 10.png, and not as the file 2.png" in report["notes"][0]
    assert "notes" not in evaluate(truth(["a.png", "b.png"]), [row("a.png", 1), row("b.png", 2)])
    assert "notes" not in evaluate(truth(["1.png", "2.png"]), [row("1.png", 1), row("2.png", 2)])


def test_ids_count_where_the_ground_truth_has_no_names():
    gt = truth(BY_NAME)
    gt["images"] = [{"id": im["id"]} for im in gt["images"]]
    assert evaluate(gt, with_names(BY_NAME, range(1, 13)))["AP"] == pytest.approx(1)


def test_names_and_ids_that_agree_are_fine_and_those_of_another_numbering_too():
    names = ["x.png", "y.png", "z.png"]
    for ids in ((1, 2, 3), (0, 1, 2), (7, 8, 9), "abc"):
        assert evaluate(truth(names), with_names(names, ids))["AP"] == pytest.approx(1)


def test_names_and_ids_that_disagree_are_refused():
    names = ["x.png", "y.png", "z.png"]
    said = "predictions row 1: image_id 2 is y.png in the ground truth, file_name says x.png; "
    with assert_says(said + "correct one, or leave file_name out"):
        evaluate(truth(names), with_names(names, (2, 3, 1)))


def test_two_folders_with_one_file_name_are_two_pictures():
    names = ["a/1.jpg", "b/1.jpg"]
    assert evaluate(truth(names), with_names(names, ("a_1", "b_1")))["AP"] == pytest.approx(1)
    assert evaluate(truth(names), with_names(names, (1, 1)))["AP"] == pytest.approx(1)
    converted = truth(["a_1.jpg", "b_1.jpg"])
    both = [row("a_1.jpg", "a_1", file_name="a/1.jpg"), row("b_1.jpg", "b_1", file_name="b/1.jpg")]
    assert evaluate(converted, both)["AP"] == pytest.approx(1)


def test_ids_tell_pictures_of_one_name_unless_they_only_repeat_it():
    gt = truth(["a/1.jpg", "b/1.jpg"])
    named = [row("a/1.jpg", 1, file_name="1.jpg"), row("b/1.jpg", 2, file_name="1.jpg")]
    assert evaluate(gt, named)["AP"] == pytest.approx(1)
    with assert_says("predictions row 1: file_name '1.jpg' may be a/1.jpg and b/1.jpg; write it with its folder"):
        evaluate(gt, [row("a/1.jpg", 1, file_name="1.jpg"), row("b/1.jpg", 1, file_name="1.jpg")])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [row("x.png", 5, file_name="q.png")],
            "file_name 'q.png' is not in the ground truth, which has x.png and others",
        ),
        ([row("x.png", 1, file_name="q.png")], "and others; leave file_name out where its ids count"),
        (
            [row("x.png", 5, file_name="a/x.png"), row("x.png", 6, file_name="b/x.png")],
            "b/x.png and a/x.png both fit x.png of the ground truth; write file_name with its folders",
        ),
        ([row("x.png", i, file_name="x.png") for i in (5, 6)], "file_name 'x.png' has two image ids, 5 and 6"),
        (
            [row("x.png", "v", file_name="x.avi", frame=i) for i in (1, 2)],
            "file_name 'x.avi' is not in the ground truth",
        ),
        ([row("x.png", 5, file_name="/", frame="/")], "file_name '/' is not in the ground truth"),
        ([row("x.png", "1" * 5000)], "is neither an image id nor a file stem"),
        ([row("x.png", [1])], "image_id and file_name must be numbers or texts"),
        ([row("x.png", None)], "not {image_id, category_id, bbox, score}"),
        ([row("x.png", 1) | {"category_id": [1]}], "not {image_id, category_id, bbox, score}"),
    ],
)
def test_what_fits_no_picture_or_not_one_alone_is_refused(rows, said):
    with pytest.raises(InputError) as error:
        evaluate(truth(["x.png", "y.png"]), rows)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_frames_of_a_video_are_the_pictures_that_are_saved_of_them():
    names = ["clip_2.jpg", "clip_4.jpg"]
    rows = [row(name, name[:-4], file_name="clip.avi", frame=int(name[5])) for name in names]
    assert evaluate(truth(names), rows)["AP"] == pytest.approx(1)


def test_pictures_may_say_which_frame_they_were():
    names = ["flight/7.jpg", "flight/8.jpg"]
    rows = [row(name, int(name[7]), file_name=name, frame=n) for n, name in enumerate(names)]
    assert evaluate(truth(names), rows)["AP"] == pytest.approx(1)


def test_an_id_may_be_the_whole_file_name():
    names = ["a/1.jpg", "b/2.jpg"]
    assert evaluate(truth(names), [row(name, name) for name in names])["AP"] == pytest.approx(1)
    assert evaluate(truth(names), [row(name, name[2:]) for name in names])["AP"] == pytest.approx(1)
