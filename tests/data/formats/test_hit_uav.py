import json

import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.formats.coco import read_coco
from yolotiny.data.formats.hit_uav import read_hit_uav
from yolotiny.errors import InputError


@pytest.fixture
def hit_uav(tmp_path, picture, text):
    raw = {
        "images": [{"id": 3, "filename": "a.jpg", "width": 100, "height": 50}],
        "categories": [{"id": i, "name": n} for i, n in enumerate(["Person", "Car", "DontCare"])],
        "annotation": [
            {"id": 0, "image_id": 3, "category_id": 1, "bbox": [10, 5, 20, 10]},
            {"id": 1, "image_id": 3, "category_id": 2, "bbox": [50, 20, 30, 20]},
        ],
    }
    for split in ("train", "val"):
        picture(tmp_path / "raw" / split / "a.jpg")
        text(tmp_path / "raw" / "annotations" / f"{split}.json", json.dumps(raw))
    return tmp_path / "raw"


def test_hit_uav_reads_its_own_keys_and_dont_care_is_no_class(hit_uav):
    data = read_hit_uav(hit_uav)
    (record,) = data.splits["val"]
    assert data.names == ["Person", "Car"]
    assert record.boxes.tolist() == [[10, 5, 30, 15]] and record.labels.tolist() == [1]
    assert record.ignore.tolist() == [[50, 20, 80, 40]] and record.ignore_labels.tolist() == [-1]


def test_plain_coco_says_which_key_hit_uav_lacks(hit_uav):
    with pytest.raises(InputError, match="no list 'annotations'; did you mean 'annotation'"):
        read_coco(hit_uav)


def test_a_list_of_image_names_becomes_a_list_of_written_images(hit_uav, tmp_path, text):
    text(hit_uav / "train1.txt", "a.jpg\ngone.jpg\n")
    text(hit_uav / "notes.txt", "read me\n")
    summary = convert(Conversion("hit-uav", hit_uav), tmp_path / "out")
    assert (tmp_path / "out" / "train1.txt").read_text() == "./images/train/a.jpg\n"
    assert summary.lists == {tmp_path / "out" / "train1.txt": (1, 1)}


@pytest.mark.real
def test_real_hit_uav_has_its_published_counts(real_data, tmp_path):
    summary = convert(Conversion("hit-uav", real_data / "hit-uav"), tmp_path / "out")
    train, val = summary.splits["train"], summary.splits["val"]
    assert (train.images, train.boxes.total(), train.ignore) == (1200, 10066 - 69, 69)
    assert (val.images, val.boxes.total(), val.ignore) == (290, 2460 - 7, 7)
    assert list(train.boxes) == ["Person", "Car", "Bicycle", "OtherVehicle"]
    assert not train.dropped and not val.dropped
    assert len((tmp_path / "out" / "train600.txt").read_text().splitlines()) == 600
