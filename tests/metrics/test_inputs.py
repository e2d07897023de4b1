"""What the metrics accept, and the one line they say to the rest."""

import copy
import json

import pytest

from yolotiny.errors import InputError
from yolotiny.metrics import evaluate

GT = {
    "images": [{"id": 7, "file_name": "sub/a.b.jpg"}, {"id": 9, "file_name": "0042.png"}],
    "categories": [{"id": 1, "name": "car"}, {"id": 3, "name": "bus"}],
    "annotations": [
        {"id": 0, "image_id": 7, "category_id": 1, "bbox": [0, 0, 10, 10]},
        {"id": 1, "image_id": 9, "category_id": 3, "bbox": [5, 5, 10, 10], "area": 100},
    ],
}


def det(image_id=7, category_id=1, bbox=(0, 0, 10, 10), score=0.9):
    return {"image_id": image_id, "category_id": category_id, "bbox": list(bbox), "score": score}


BUS = {"category_id": 3, "bbox": (5, 5, 10, 10)}


def test_predictions_that_name_images_by_id_are_matched():
    assert evaluate(GT, [det(), det(9, **BUS)])["AP"] == pytest.approx(1.0)


def test_predictions_that_name_images_by_file_stem_are_matched_also_where_the_stem_is_a_number():
    assert evaluate(GT, [det("a.b"), det(42, **BUS)])["AP"] == pytest.approx(1.0)


@pytest.mark.parametrize("box", [(0, 0, 0, 4), (0, 0, 4, -1), (3, 3, 0, 0)])
def test_a_box_without_area_is_left_out_with_a_count_and_the_figures_stay(tmp_path, box):
    path = tmp_path / "pred.json"
    path.write_text(json.dumps([det(), det(bbox=box, score=1.0), det(bbox=box)]))
    report = evaluate(GT, path)
    says = f"{path}: 2 of 3 boxes have no width or no height and are left out, the first in row 2"
    assert report.pop("notes") == [says] and report == evaluate(GT, [det()])


def test_files_and_loaded_objects_give_the_same_report_and_nothing_of_the_caller_is_changed(tmp_path):
    pred = [det(), det(9, **BUS)]
    before = copy.deepcopy((GT, pred))
    (tmp_path / "gt.json").write_text(json.dumps(GT))
    (tmp_path / "pred.json").write_text(json.dumps(pred))
    assert evaluate(tmp_path / "gt.json", str(tmp_path / "pred.json")) == evaluate(GT, pred)
    assert (GT, pred) == before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (det(score=1.5), "score 1.5 is outside 0..1"),
        (det(score=-0.1), "score -0.1 is outside 0..1"),
        (det(score=float("nan")), "score nan is outside 0..1"),
        (det(bbox=(0, 0, 4)), "must be [x, y, w, h]"),
        (det(bbox=(0, 0, float("nan"), 4)), "must be [x, y, w, h]"),
        (det(score="high"), "not {image_id, category_id, bbox, score}"),
        (det(score=10**400), "not {image_id, category_id, bbox, score}"),
        (det(bbox=(0, 0, 4, 10**400)), "must be [x, y, w, h]"),
        (det(bbox=(0, 0, 4, None)), "must be [x, y, w, h]"),
        (det(category_id=[1]), "not {image_id, category_id, bbox, score}"),
        (det(category_id=2), "unknown category_id 2; the ground truth has ids 1 to 3"),
        (det(category_id=0), "ids start at 1"),
        (det(8), "image_id 8 is neither an image id nor a file stem"),
        (det("nowhere"), "image_id 'nowhere' is neither an image id nor a file stem"),
        ({"image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1]}, "not {image_id, category_id, bbox, score}"),
        ("text", "not {image_id, category_id, bbox, score}"),
    ],
)
def test_a_bad_prediction_is_named_by_file_and_row_in_one_line(tmp_path, row, message):
    path = tmp_path / "pred.json"
    path.write_text(json.dumps([det(), row]))
    with pytest.raises(InputError) as e:
        evaluate(GT, path)
    assert message in str(e.value) and f"{path} row 2" in str(e.value) and "\n" not in str(e.value)


def test_ids_and_stems_may_not_be_mixed():
    with pytest.raises(InputError, match="row 1: image_id 7 is an id, other rows name file stems"):
        evaluate(GT, [det(7), det("a.b"), det(42)])


def test_a_stem_that_two_images_share_is_refused():
    twins = {**GT, "images": [{"id": 7, "file_name": "x/a.jpg"}, {"id": 9, "file_name": "y/a.jpg"}]}
    with pytest.raises(InputError, match="two images have the file stem 'a'"):
        evaluate(twins, [det("a")])


@pytest.mark.parametrize("cut", [1, 5, 20, 33, 40, 58])
def test_a_file_that_ends_early_is_named(tmp_path, cut):
    path = tmp_path / "pred.json"
    path.write_text(json.dumps([det(score=0.125)])[:cut])
    with pytest.raises(InputError, match=r"pred\.json ends early"):
        evaluate(GT, path)


def test_a_file_that_is_missing_or_no_json_or_no_list_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*none\.json"):
        evaluate(tmp_path / "none.json", [])
    (tmp_path / "bad.json").write_text("[{'image_id': 1}]")
    with pytest.raises(InputError, match=r"bad\.json is not JSON: .*line 1"):
        evaluate(GT, tmp_path / "bad.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match=r"binary\.json cannot be read as a text file"):
        evaluate(GT, tmp_path / "binary.json")
    with pytest.raises(InputError, match="predictions is not a list"):
        evaluate(GT, {"annotations": []})


def changed(key, **entry):
    """The ground truth with its first row of `key` changed."""
    return {**GT, key: [{**GT[key][0], **entry}, *GT[key][1:]]}


@pytest.mark.parametrize(
    ("gt", "message"),
    [
        ([], "has no list 'images'"),
        ({**GT, "annotations": None}, "has no list 'annotations'"),
        ({**GT, "images": []}, "has no images"),
        (changed("images", id=None), "row 1 of 'images' has no id"),
        (changed("images", id=9), "two images with id 9"),
        (changed("categories", name="bus"), "two categories named 'bus'"),
        (changed("annotations", bbox=[0, 0, -1, 5]), "annotation 1: bbox"),
        (changed("annotations", image_id=8), "annotation 1: image_id 8 is not among its images"),
        (changed("annotations", category_id=2), "annotation 1: unknown category_id 2"),
        (changed("annotations", category_id=0), "annotation 1: category_id 0 is for ignore regions"),
        (changed("annotations", area="big"), "annotation 1: area 'big' is not a number"),
        (changed("annotations", area="12"), "annotation 1: area '12' is not a number"),
        (changed("annotations", area=10**400), "annotation 1: area 1000"),
        (changed("annotations", image_id=[7]), "annotation 1: image_id [7] is not among its images"),
        ({**GT, "annotations": ["text"]}, "annotation 1: bbox"),
    ],
)
def test_bad_ground_truth_is_explained_in_one_line(gt, message):
    with pytest.raises(InputError) as e:
        evaluate(gt, [])
    assert message in str(e.value) and str(e.value).startswith("ground truth") and "\n" not in str(e.value)


def test_an_unknown_protocol_gets_the_nearest_name():
    with pytest.raises(InputError, match="unknown protocol 'aitodd'; did you mean 'aitod'"):
        evaluate(GT, [], protocol="aitodd")
