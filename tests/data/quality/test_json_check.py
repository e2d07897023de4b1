import json
from dataclasses import replace

import numpy as np
import pytest

from yolotiny.data.quality.json_check import check_json
from yolotiny.data.quality.samples import Sample


@pytest.fixture
def sample(tmp_path):
    boxes = np.array([[10.0, 10, 20, 20], [30, 10, 40, 20]])
    region = np.array([[60.0, 0, 80, 30]])
    image = tmp_path / "images" / "val" / "a.jpg"
    return Sample(image, "val", 100, 50, boxes, np.array([0, 1]), np.array([1, 2]), region)


@pytest.fixture
def content():
    rows = [(1, [10, 10, 10, 10], 0), (2, [30, 10, 10, 10], 0), (0, [60, 0, 20, 30], 1)]
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 50}],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "ship"}],
        "annotations": [{"image_id": 7, "category_id": c, "bbox": b, "ignore": i} for c, b, i in rows],
    }


@pytest.fixture
def problems(tmp_path, sample):
    def run(content, samples=None):
        file = tmp_path / "val.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        samples = [sample] if samples is None else samples
        found = check_json(file, samples, ["car", "ship"], [s.image for s in samples])
        return [(p.kind, p.file.name, p.row, p.note) for p in found]

    return run


def test_what_agrees_is_no_problem(problems, content):
    assert problems(content) == []
    content["annotations"][0]["bbox"][0] += 0.4  # less than half a pixel
    assert problems(content) == []


def test_a_moved_box_is_missing_on_both_sides(problems, content):
    content["annotations"][1]["bbox"][0] += 3
    assert problems(content) == [
        ("json differs", "a.txt", 2, "this box is not in val.json"),
        ("json differs", "val.json", 2, "a.jpg has no such label row"),
    ]


def test_a_box_of_another_class_is_missing_too(problems, content):
    content["annotations"][0]["category_id"] = 2
    assert [p[:3] for p in problems(content)] == [("json differs", "a.txt", 1), ("json differs", "val.json", 1)]


def test_an_ignore_region_that_is_not_in_the_json(problems, content):
    del content["annotations"][2]
    assert problems(content) == [("json differs", "a.txt", None, "this box is not in val.json")]


def test_sizes_classes_and_pictures(problems, content, sample):
    assert problems(content | {"images": []})[0][3] == "a.jpg is not in it"
    assert "the JSON says 100x60" in problems(content | {"images": [content["images"][0] | {"height": 60}]})[0][3]
    assert "data.yaml has others" in problems(content | {"categories": content["categories"][::-1][:1]})[0][3]
    (more,) = problems(content | {"images": [*content["images"], {"id": 8, "file_name": "b.jpg"}]})
    assert more[0] == "json more" and "1 of its 2 pictures are not in the split, such as b.jpg" == more[3]


@pytest.mark.parametrize("text", ['{"images": [', "[]", '{"images": [], "categories": []}'])
def test_a_json_that_cannot_be_read_is_one_problem(problems, text):
    assert [p[0] for p in problems(text)] == ["json"]


def test_a_json_that_is_not_there_is_one_problem(tmp_path):
    (problem,) = check_json(tmp_path / "gone.json", [], ["car"], [])
    assert (problem.kind, problem.note) == ("json", "there is no such file")


def test_pictures_of_one_name_in_two_folders_are_compared_each_with_its_own(problems, content, sample):
    folder = sample.image.parent
    both = [replace(sample, image=folder / name / "a.jpg") for name in ("x", "y")]
    images = [content["images"][0] | {"id": i, "file_name": f"{name}/a.jpg"} for i, name in ((7, "x"), (8, "y"))]
    rows = content["annotations"] + [row | {"image_id": 8} for row in content["annotations"]]
    content |= {"images": images, "annotations": rows}
    assert problems(content, both) == []
    rows[1]["bbox"] = [33, 10, 10, 10]
    assert [p[:3] for p in problems(content, both)] == [("json differs", "a.txt", 2), ("json differs", "val.json", 2)]
    assert "1 of its 2 pictures are not in the split, such as y/a.jpg" in str(problems(content, both[:1]))
