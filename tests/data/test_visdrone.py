import numpy as np
import pytest

from yolotiny.data import convert
from yolotiny.data.visdrone import NAMES, read_annotation, read_visdrone
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


def test_ten_categories_become_classes_and_the_rest_ignore_regions(tmp_path, text):
    found = read_annotation(text(tmp_path / "a.txt", ROWS))
    assert found.boxes.tolist() == [[10, 5, 30, 15], [0, 0, 8, 6]]
    assert [NAMES[i] for i in found.labels] == ["car", "pedestrian"]
    # the ignored region, the "others" and the row with score 0
    assert found.ignore.tolist() == [[50, 20, 80, 40], [70, 5, 80, 15], [30, 30, 40, 40]]


def test_an_empty_annotation_file_has_no_boxes(tmp_path, text):
    found = read_annotation(text(tmp_path / "a.txt", "\n"))
    assert found.boxes.shape == (0, 4) and found.labels.shape == (0,) and found.ignore.shape == (0, 4)


@pytest.mark.parametrize(
    "row, says",
    [
        ("1,2,3,4,1,4,0", "eight whole numbers"),
        ("1,2,x,4,1,4,0,0", "eight whole numbers"),
        ("1,2,3,4,1,12,0,0", "category 0 to 11"),
        ("1,2,3,4,2,4,0,0", "score must be 0 or 1"),
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
    summary = convert("visdrone", source, tmp_path / "out")
    rows = np.loadtxt(tmp_path / "out" / "labels" / "val" / "a.txt")
    assert rows.tolist() == [[3, 0.2, 0.2, 0.2, 0.2], [0, 0.04, 0.06, 0.08, 0.12]]
    ignore = np.loadtxt(tmp_path / "out" / "ignore" / "val" / "a.txt")
    assert ignore[0].tolist() == [0.65, 0.6, 0.3, 0.4] and ignore.shape == (3, 4)
    coco = load(tmp_path / "out" / "annotations" / "val.json")
    assert [a["category_id"] for a in coco["annotations"]] == [4, 1, 0, 0, 0]
    assert [a["iscrowd"] for a in coco["annotations"]] == [0, 0, 1, 1, 1]
    assert coco["annotations"][0]["bbox"] == [10, 5, 20, 10] and coco["annotations"][0]["area"] == 200
    assert summary.splits["val"].boxes.total() == 2 and summary.splits["val"].ignore == 3


@pytest.mark.real
def test_the_real_validation_annotations_hold_38759_boxes(real_data):
    files = sorted((real_data / "visdrone-val-annotations").glob("*.txt"))
    found = [read_annotation(f) for f in files]
    assert len(files) == 548
    assert sum(len(f.boxes) for f in found) == 38759
    assert sum(len(f.ignore) for f in found) == 1378 + 32
    counts = np.bincount(np.concatenate([f.labels for f in found]))
    assert counts.tolist() == [8844, 5125, 1287, 14064, 1975, 750, 1045, 532, 251, 4886]


@pytest.mark.real
def test_real_pictures_convert(real_data, tmp_path):
    summary = convert("visdrone", real_data / "visdrone-mini", tmp_path / "out")
    assert {s: (n.images, n.boxes.total()) for s, n in summary.splits.items()} == {"train": (8, 455), "val": (9, 811)}
