import json

import cv2
import numpy as np
import pytest
import yaml

from yolotiny.data import Conversion, convert
from yolotiny.data.formats.visdrone import NAMES, read_annotation, read_visdrone
from yolotiny.data.records import EVERY, OTHERS
from yolotiny.errors import InputError

ROWS = """10,5,20,10,1,4,0,0
0,0,8,6,1,1,0,0,
50,20,30,20,0,0,0,0
70,5,10,10,1,11,0,0
30,30,10,10,0,4,0,1
"""


@pytest.fixture
def source(tmp_path, picture, text):
    for name in ("VisDrone2019-DET-train", "VisDrone2019-DET-val", "VisDrone2019-DET-test-dev"):
        picture(tmp_path / "raw" / name / "images" / "a.jpg")
        text(tmp_path / "raw" / name / "annotations" / "a.txt", ROWS)
    return tmp_path / "raw"


def test_ten_categories_are_classes_and_what_is_ignored_is_told_apart(tmp_path, text):
    rows = read_annotation(text(tmp_path / "a.txt", ROWS))
    objects = [(row[:4], NAMES[row[4]]) for row in rows if not row[5]]
    assert objects == [((10, 5, 30, 15), "car"), ((0, 0, 8, 6), "pedestrian")]
    ignored = [(row[:4], row[4]) for row in rows if row[5]]
    assert ignored == [
        ((50, 20, 80, 40), EVERY),  # a region
        ((70, 5, 80, 15), OTHERS),  # "others"
        ((30, 30, 40, 40), NAMES.index("car")),  # a car with score 0
    ]


def test_an_empty_annotation_file_has_no_boxes(tmp_path, text):
    assert read_annotation(text(tmp_path / "a.txt", "\n")) == []


@pytest.mark.parametrize(
    "row, says",
    [
        ("1,2,3,4,1,4,0", "8 whole numbers"),
        ("1,2,x,4,1,4,0,0", "8 whole numbers"),
        ("1,2,3,4,1,12,0,0", "category 0 to 11"),
        ("1,2,3,4,2,4,0,0", "score must be 0 or 1"),
        ("1,2,-3,4,1,4,0,0", "width and height must not be negative"),
    ],
)
def test_a_malformed_row_is_named_by_file_and_number(tmp_path, text, row, says):
    path = text(tmp_path / "a.txt", f"1,2,3,4,1,4,0,0\n{row}\n")
    with pytest.raises(InputError, match=rf"a\.txt row 2: .*{says}"):
        read_annotation(path)


def test_three_folders_become_three_splits(source):
    data = read_visdrone(source)
    assert list(data.splits) == ["train", "val", "test"] and data.names == NAMES


def test_a_folder_that_is_one_split_takes_its_name(source):
    assert list(read_visdrone(source / "VisDrone2019-DET-val").splits) == ["val"]
    (source / "VisDrone2019-DET-val").rename(source / "mine")
    assert list(read_visdrone(source / "mine").splits) == ["train"]


def test_an_image_without_annotations_is_an_error_and_the_reverse_is_counted(source, picture, text):
    val = source / "VisDrone2019-DET-val"
    text(val / "annotations" / "lonely.txt", ROWS)
    assert read_visdrone(val).dropped["val"] == {"annotation file without an image": 1}
    picture(val / "images" / "b.jpg")
    with pytest.raises(InputError, match=r"b\.jpg has no annotation file"):
        read_visdrone(val)


def test_a_folder_without_splits_says_what_is_expected(tmp_path):
    with pytest.raises(InputError, match="VisDrone2019-DET-train"):
        read_visdrone(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        read_visdrone(tmp_path / "absent")


def test_written_labels_ignore_regions_and_json_agree(source, tmp_path, load):
    summary = convert(Conversion("visdrone", source), tmp_path / "out")
    rows = np.loadtxt(tmp_path / "out" / "labels" / "val" / "a.txt")
    assert rows.tolist() == [[3, 0.2, 0.2, 0.2, 0.2], [0, 0.04, 0.06, 0.08, 0.12]]
    region, others, car = (tmp_path / "out" / "ignore" / "val" / "a.txt").read_text().splitlines()
    assert [float(v) for v in region.split()] == [0.65, 0.6, 0.3, 0.4]
    assert others.split()[4:] == ["-2"] and car.split()[4:] == ["3"]
    coco = load(tmp_path / "out" / "annotations" / "val.json")
    assert [a["category_id"] for a in coco["annotations"]] == [4, 1, 0, 0, 4]
    assert [a["iscrowd"] for a in coco["annotations"]] == [0, 0, 1, 1, 1]
    assert [a.get("others", 0) for a in coco["annotations"]] == [0, 0, 0, 1, 0]
    assert coco["annotations"][0]["bbox"] == [10, 5, 20, 10] and coco["annotations"][0]["area"] == 200
    assert summary.splits["val"].boxes.total() == 2 and summary.splits["val"].ignore == 3
    assert summary.protocol == yaml.safe_load(summary.data.read_text())["protocol"] == "visdrone"


@pytest.fixture(scope="module")
def real_val(real_data, tmp_path_factory):
    """The 548 real annotation files beside one blank picture, as large as the largest, under 548 names."""
    root = tmp_path_factory.mktemp("visdrone") / "VisDrone2019-DET-val"
    (root / "images").mkdir(parents=True)
    (root / "annotations").symlink_to(real_data / "visdrone-val-annotations")
    cv2.imwrite(str(root.parent / "blank.jpg"), np.zeros((1080, 1920), np.uint8))
    for file in (root / "annotations").glob("*.txt"):
        (root / "images" / f"{file.stem}.jpg").symlink_to(root.parent / "blank.jpg")
    return convert(Conversion("visdrone", root), root.parent / "out")


@pytest.mark.real
def test_the_real_validation_annotations_hold_38759_boxes(real_val):
    found = real_val.splits["val"]
    assert found.images == 548 and found.boxes.total() == 38759 and found.ignore == 1378 + 32
    assert list(found.boxes.values()) == [8844, 5125, 1287, 14064, 1975, 750, 1045, 532, 251, 4886]
    assert not found.dropped


@pytest.mark.real
def test_the_real_ignore_regions_reach_training_and_evaluation(real_val):
    root = real_val.data.parent
    assert sum(len(f.read_text().splitlines()) for f in (root / "labels" / "val").glob("*.txt")) == 38759
    rows = [line.split() for f in (root / "ignore" / "val").glob("*.txt") for line in f.read_text().splitlines()]
    assert len(rows) == 1378 + 32 and sum(row[4:] == ["-2"] for row in rows) == 32
    entries = json.loads((root / "annotations" / "val.json").read_text())["annotations"]
    assert sum(not e["ignore"] for e in entries) == 38759
    regions = [e for e in entries if e["category_id"] == 0]
    assert len(regions) == 1378 + 32 and sum("others" in e for e in regions) == 32
    again = convert(Conversion("yolo", real_val.data), root.parent / "again").splits["val"]
    assert (again.boxes.total(), again.ignore) == (38759, 1378 + 32)


@pytest.mark.real
def test_real_pictures_convert(real_data, tmp_path):
    summary = convert(Conversion("visdrone", real_data / "visdrone-mini"), tmp_path / "out")
    assert {s: (n.images, n.boxes.total()) for s, n in summary.splits.items()} == {"train": (8, 455), "val": (9, 811)}
