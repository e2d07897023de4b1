import json

import pytest

from yolotiny.data.formats.aitod import NAMES, read_aitod, read_aitod_v2
from yolotiny.errors import InputError

CATEGORIES = [{"id": i, "name": n} for i, n in enumerate(["wind_mill", *NAMES[:-1]], 5)]  # ids and order of no meaning


def content(box=(1, 2, 8, 4), name="a.png"):
    row = {"image_id": 1, "category_id": 5, "bbox": list(box)}
    return json.dumps({"images": [{"id": 1, "file_name": name}], "categories": CATEGORIES, "annotations": [row]})


@pytest.fixture
def source(tmp_path, picture, text):
    """Both versions of the annotations beside the same pictures."""
    for split in ("train", "val", "test"):
        picture(tmp_path / "images" / split / "a.png")
        text(tmp_path / "annotations" / f"aitod_{split}_v1.json", content())
        text(tmp_path / "annotations" / f"small_{split}_v2_2.0.json", content((3, 2, 8, 4)))
    text(tmp_path / "annotations" / "aitod_trainval_v1.json", content())
    return tmp_path


def test_eight_classes_by_name_whatever_their_ids(source):
    data = read_aitod(source)
    assert data.names == list(NAMES) and list(data.splits) == ["train", "val", "test"]
    assert [NAMES[i] for i in data.splits["train"][0].labels] == ["wind-mill"]


def test_each_version_has_its_own_boxes(source):
    assert read_aitod(source).splits["val"][0].boxes.tolist() == [[1, 2, 9, 6]]
    assert read_aitod_v2(source).splits["val"][0].boxes.tolist() == [[3, 2, 11, 6]]


def test_trainval_is_train_alone_and_left_out_beside_it(source):
    assert "aitod_trainval_v1.json is left out" in read_aitod(source).notes[0]
    (source / "annotations" / "aitod_train_v1.json").unlink()
    assert list(read_aitod(source).splits) == ["train", "val", "test"]


@pytest.mark.parametrize("where", ["train", "images/train", "images", "train/images", "trainval", "trainval/images"])
def test_pictures_are_found_in_the_usual_places(tmp_path, picture, text, where):
    picture(tmp_path / where / "a.png")
    text(tmp_path / "annotations" / "aitod_training_v1.json", content())
    assert len(read_aitod(tmp_path).splits["train"]) == 1


def test_a_missing_version_two_files_for_a_split_and_another_class_are_errors(tmp_path, source, text):
    with pytest.raises(InputError, match=r"no AI-TOD v1 annotations .*aitod_train_v1\.json"):
        read_aitod(source / "images")
    text(source / "annotations" / "old_train_v1.json", content())
    with pytest.raises(InputError, match="two files for 'train'.*keep the one of AI-TOD v1"):
        read_aitod(source)
    text(source / "annotations" / "small_train_v2_2.0.json", content().replace("wind_mill", "windmil"))
    with pytest.raises(InputError, match="category 'windmil' is not one of the classes; did you mean 'wind-mill'"):
        read_aitod_v2(source)
