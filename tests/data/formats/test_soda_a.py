import json

import pytest

from yolotiny.data.formats.soda_a import NAMES, read_annotation, read_soda_a
from yolotiny.data.records import EVERY, Dataset
from yolotiny.errors import InputError

ROWS = [
    {"poly": [10, 5, 30, 10, 28, 20, 8, 15], "category_id": 2},
    {"poly": [50, 10, 60, 10, 60, 20, 50, 20], "category_id": 9},
    {"poly": [0, 0, 9, 0, 9, 9, 0, 9, 0, 5], "category_id": 0},
]


@pytest.fixture
def source(tmp_path, picture, text):
    for split in ("train", "val", "test"):
        picture(tmp_path / "raw" / "rawData" / split / "Images" / "00001.jpg")
        file = tmp_path / "raw" / "rawData" / split / "Annotations" / "00001.json"
        text(file, json.dumps({"images": {"file_name": "00001.jpg"}, "annotations": ROWS}))
    return tmp_path / "raw"


def test_polygons_become_boxes_category_9_is_ignored_and_longer_polygons_are_counted(source):
    data = read_soda_a(source)
    (record,) = data.splits["test"]
    assert record.boxes.tolist() == [[8, 5, 30, 20]] and [NAMES[i] for i in record.labels] == ["small-vehicle"]
    assert record.ignore.tolist() == [[50, 10, 60, 20]] and record.ignore_labels.tolist() == [EVERY]
    assert data.dropped["test"] == {"polygon of more than four points": 1}
    assert list(read_soda_a(source / "rawData").splits) == ["train", "val", "test"]


def test_a_table_of_names_in_the_file_has_the_last_word(tmp_path, text):
    table = [{"id": 1, "name": "ship"}, {"id": 2, "name": "Small_Vehicle"}, {"id": 3, "name": "ignore"}]
    rows = [{"poly": ROWS[0]["poly"], "category_id": i} for i in (1, 2, 3)]
    path = text(tmp_path / "a.json", json.dumps({"categories": table, "annotations": rows}))
    labels = [row[4] for row in read_annotation(path, Dataset(NAMES, {}), "train")]
    assert labels == [NAMES.index("ship"), NAMES.index("small-vehicle"), EVERY]


def test_annotations_with_the_ignored_ones_are_preferred(source, text):
    content = json.dumps({"annotations": [ROWS[1]]})
    text(source / "rawData" / "val" / "AnnsWithIgnore" / "00001.json", content)
    assert len(read_soda_a(source).splits["val"][0].boxes) == 0


@pytest.mark.parametrize(
    "row, says",
    [
        ({"poly": [1, 2, 3, 4, 5, 6], "category_id": 1}, "poly must be four points"),
        ({"poly": [1, 2, 3, 4, 5, 6, 7, None], "category_id": 1}, "poly must be four points"),
        ({"poly": ROWS[0]["poly"], "category_id": 10}, "unknown class 10"),
        ({"poly": ROWS[0]["poly"]}, "'category_id' is missing"),
        ({"category_id": 1}, "'poly' is missing"),
    ],
)
def test_a_malformed_entry_is_named_by_file_and_place(tmp_path, text, row, says):
    path = text(tmp_path / "a.json", json.dumps({"annotations": [ROWS[0], row]}))
    with pytest.raises(InputError, match=rf"a\.json annotations\[1\]: {says}"):
        read_annotation(path, Dataset(NAMES, {}), "train")


def test_a_missing_annotation_file_a_broken_one_and_a_missing_split_are_named(source, tmp_path):
    file = source / "rawData" / "val" / "Annotations" / "00001.json"
    file.write_text("[")
    with pytest.raises(InputError, match=r"00001\.json is not a JSON file"):
        read_soda_a(source)
    file.unlink()
    with pytest.raises(InputError, match=r"00001\.jpg has no annotation file"):
        read_soda_a(source)
    with pytest.raises(InputError, match="no SODA-A split"):
        read_soda_a(tmp_path)
