import json

import cv2
import numpy as np
import pytest

from yolotiny.data.formats.xview import NAMES, TYPES, read_xview, val_pictures
from yolotiny.errors import InputError


def feature(image="1.tif", bounds="10,5,30,15", type_id=18):
    return {"properties": {"image_id": image, "bounds_imcoords": bounds, "type_id": type_id}}


@pytest.fixture
def source(tmp_path):
    (tmp_path / "train_images").mkdir()
    for i in range(5):
        cv2.imwrite(str(tmp_path / "train_images" / f"{i}.tif"), np.full((50, 100, 3), 90, np.uint8))
    return tmp_path


def write(source, *features):
    (source / "xView_train.geojson").write_text(json.dumps({"features": list(features)}))


def test_types_become_classes_by_the_public_table(source):
    write(source, feature(), feature(type_id=94, bounds="0,0,9,9"))
    records = [r for records in read_xview(source).splits.values() for r in records]
    (record,) = [r for r in records if r.name == "1.tif"]
    assert record.boxes.tolist() == [[10, 5, 30, 15], [0, 0, 9, 9]]
    assert [NAMES[i] for i in record.labels] == ["Small Car", "Tower"] and (record.width, record.height) == (100, 50)
    assert len(NAMES) == len(set(NAMES)) == 60 and NAMES[0] == TYPES[11] == "Fixed-wing Aircraft"


def test_a_fifth_of_the_pictures_is_val_and_the_choice_hangs_on_the_name_only(source):
    write(source, feature())
    data = read_xview(source)
    assert (len(data.splits["train"]), len(data.splits["val"])) == (4, 1)
    assert "1 of 5 pictures" in data.notes[0]
    names = [f"{i}.tif" for i in range(100)]
    chosen = val_pictures(names)
    assert len(chosen) == 20 and chosen == val_pictures(names[::-1]) != val_pictures(names, seed=1)
    assert len(chosen & val_pictures(names[1:])) >= 19


def test_rows_without_a_class_bounds_or_picture_are_counted(source):
    gone = feature("1395.tif")
    write(source, feature(), feature(type_id=75), feature(type_id=82), feature(bounds=""), gone)
    dropped = sum(read_xview(source).dropped.values(), start=type(read_xview(source).dropped["train"])())
    assert dropped == {
        "row of type 75, which has no class": 1,
        "row of type 82, which has no class": 1,
        "row without bounds": 1,
        "row of an absent picture": 1,
    }


@pytest.mark.parametrize(
    "bad, says",
    [
        (feature(bounds="1,2,3"), "bounds_imcoords must be 'x1,y1,x2,y2'"),
        (feature(bounds="1,2,3,x"), "bounds_imcoords must be"),
        (feature(type_id="18"), "'type_id' is missing or not of the right kind"),
        ({"properties": None}, "'properties' is missing"),
    ],
)
def test_a_malformed_feature_is_named_by_its_place(source, bad, says):
    write(source, feature(), bad)
    with pytest.raises(InputError, match=rf"xView_train\.geojson features\[1\]: {says}"):
        read_xview(source)


def test_missing_parts_are_named(source):
    with pytest.raises(InputError, match=r"cannot read .*xView_train\.geojson"):
        read_xview(source)
    (source / "xView_train.geojson").write_text('{"features": 1}')
    with pytest.raises(InputError, match="has no list 'features'"):
        read_xview(source)
