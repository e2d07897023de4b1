import json

import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.formats.droneswarms import read_droneswarms
from yolotiny.errors import InputError


def content(name="drone"):
    row = {"image_id": 1, "category_id": 3, "bbox": [1, 2, 8, 4]}
    images = [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}]
    return json.dumps({"images": images, "categories": [{"id": 3, "name": name}], "annotations": [row]})


@pytest.fixture
def source(tmp_path, picture, text):
    for split in ("train", "test"):
        picture(tmp_path / "raw" / "Drones" / split / "JPEGImages" / "a.jpg")
        text(tmp_path / "raw" / "Drones" / split / f"{split}.json", content())
    return tmp_path / "raw"


def test_train_and_test_with_one_class(source):
    data = read_droneswarms(source)
    assert data.names == ["drone"] and list(data.splits) == ["train", "test"]
    assert data.splits["test"][0].boxes.tolist() == [[1, 2, 9, 6]]
    assert list(read_droneswarms(source / "Drones").splits) == ["train", "test"]


def test_test_stands_for_the_val_split_that_is_missing_and_the_summary_says_so(source, tmp_path):
    import yaml

    summary = convert(Conversion("droneswarms", source), tmp_path / "out")
    content = yaml.safe_load(summary.data.read_text())
    assert (content["train"], content["val"], content["test"]) == ("images/train", "images/test", "images/test")
    assert content["annotations"]["val"] == "annotations/test.json"
    assert "note: there is no val split: in data.yaml val is test" in str(summary)


def test_another_class_or_no_split_is_an_error(source, tmp_path):
    (source / "Drones" / "test" / "test.json").write_text(content("bird"))
    with pytest.raises(InputError, match=r"test\.json: category 'bird' is not one of the classes; there are: drone"):
        read_droneswarms(source)
    with pytest.raises(InputError, match="no DroneSwarms split"):
        read_droneswarms(tmp_path)
