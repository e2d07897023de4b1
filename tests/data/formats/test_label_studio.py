import json

import pytest

from yolotiny.data.formats.label_studio import read_label_studio
from yolotiny.errors import InputError

VALUE = {"x": 10.0, "y": 10.0, "width": 20.0, "height": 30.0, "rotation": 0, "rectanglelabels": ["car"]}


def region(id="r1", kind="rectanglelabels", **value):
    return {"id": id, "type": kind, "original_width": 100, "original_height": 50, "value": VALUE | value}


def task(*results, image="/data/local-files/?d=set/images/a.png", **data):
    return {"id": 1, "data": {"image": image} | data, "annotations": [{"result": list(r)} for r in results]}


@pytest.fixture
def read(tmp_path, picture, text):
    """What is read of these tasks, of pictures a.png and b.png."""
    for name in ("a.png", "b.png"):
        picture(tmp_path / "images" / name)

    def of(*tasks):
        text(tmp_path / "export.json", json.dumps(tasks))
        return read_label_studio(tmp_path)

    return of


def test_shares_are_percent_and_a_choice_makes_a_region(read):
    ignored = [region("r2", x=50.0), {"id": "r2", "type": "choices", "value": {"choices": ["ignore"]}}]
    data = read(task([region(), *ignored, region("r3", rectanglelabels=["ignore"])]))
    (record,) = data.splits["train"]
    assert (data.names, record.labels.tolist(), record.ignore_labels.tolist()) == (["car"], [0], [0, -1])
    assert record.boxes.tolist() == [[10, 5, 30, 20]] and record.ignore[0].tolist() == [50, 5, 70, 20]


@pytest.mark.parametrize(
    ("made", "box"),
    [
        (region(rotation=90), [-5, 5, 10, 25]),  # clockwise about its corner
        (region(kind="polygonlabels", points=[[10, 10], [30, 20], [20, 40]], polygonlabels=["car"]), [10, 5, 30, 20]),
        (
            {"type": "ellipselabels", "value": {"x": 20, "y": 20, "radiusX": 5, "radiusY": 10, "ellipselabels": ["a"]}},
            [15, 5, 25, 15],
        ),
    ],
)
def test_other_shapes_count_with_the_box_round_them(read, made, box):
    (record,) = read(task([made])).splits["train"]
    assert record.boxes.round(9).tolist() == [box]


@pytest.mark.parametrize(
    "image",
    [
        "a.png",
        "/data/upload/3/0a1b2c3d-a.png",
        "s3://bucket/deep/a.png",
        "https://host/x/a.png?key=1",
        "C:\\set\\a.png",
    ],
)
def test_a_picture_is_found_however_the_task_names_it(read, image):
    (record,) = read(task([region()], image=image)).splits["train"]
    assert record.image.name == "a.png"


def test_a_picture_may_stand_under_any_key(read):
    made = task([region()], image=None, note="seen. twice", photo="b.png")
    (record,) = read(made).splits["train"]
    assert record.image.name == "b.png"


def test_the_split_is_in_the_data_and_the_order_of_classes_in_the_configuration(read, tmp_path, text):
    text(
        tmp_path / "config.xml",
        '<View><RectangleLabels><Label value="van"/><Label value="car"/></RectangleLabels></View>',
    )
    data = read(task([region()], split="val"), task([], image="b.png", split="train"))
    assert data.names == ["van", "car"]
    assert {split: len(records[0].boxes) for split, records in data.splits.items()} == {"val": 1, "train": 0}


def test_what_nobody_annotated_and_what_has_no_box_is_counted(read):
    data = read(task([region(), region(kind="brushlabels")], [region()]), task(image="b.png"))
    assert data.dropped["train"] == {
        "another annotation of the same task": 1,
        "shape without a box or a label: brushlabels": 1,
        "task without an annotation": 1,
    }
    with pytest.raises(InputError, match="no task has an annotation"):
        read(task())


@pytest.mark.parametrize(
    ("tasks", "says"),
    [
        ("[", "is not a JSON file"),
        ("{}", "is no list of tasks; export from Label Studio as JSON"),
        ("[]", "is no list of tasks"),
        ([{"image": "a.png", "label": [], "annotator": 1}], "task 1: it has no 'data'; it looks like JSON-MIN"),
        ([7], "task 1: it has no 'data'"),
        ([{"data": {"image": None}}], "its 'data' names no picture"),
        ([{"data": {"image": "a.png"}}], "it has no list 'annotations'"),
        ([{"data": {"image": "a.png"}, "annotations": [{}]}], "its annotation has no list 'result'"),
        ([task([region(x="left")])], "region 1: x, y, width and height must be numbers in percent"),
        ([task([region(width=-3)])], "region 1: x, y, width and height must be numbers in percent"),
        ([task([region(rectanglelabels=[])])], "region 1: it has no label"),
        ([task([region(points=[[1, 2]])])], "three or more pairs of numbers"),
        ([task([region(rotation="up")])], "rotation must be a number of degrees"),
        ([task([region() | {"original_width": "wide"}])], "'width' is no number of pixels but 'wide'"),
        ([task([region()]), task([region()])], "is images"),
    ],
)
def test_a_malformed_file_is_named_with_its_place(tmp_path, picture, text, tasks, says):
    picture(tmp_path / "images" / "a.png")
    text(tmp_path / "export.json", tasks if isinstance(tasks, str) else json.dumps(tasks))
    with pytest.raises(InputError, match=says):
        read_label_studio(tmp_path)
