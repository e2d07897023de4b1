import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.formats.dota import NAMES, read_annotation, read_dota
from yolotiny.errors import InputError

LABELS = """imagesource:GoogleEarth
gsd:0.146343590398
10 5 30 10 28 20 8 15 small-vehicle 0
50.5 10 60 10 60 20 50.5 20 container-crane 1
"""


@pytest.fixture
def source(tmp_path, picture, text):
    for split in ("train", "val"):
        picture(tmp_path / "raw" / split / "images" / "P0000.png")
        text(tmp_path / "raw" / split / "labelTxt-v2.0" / "P0000.txt", LABELS)
    return tmp_path / "raw"


def test_polygons_become_the_boxes_round_them_and_difficult_ones_are_ignored(source):
    (record,) = read_dota(source).splits["val"]
    assert record.boxes.tolist() == [[8, 5, 30, 20]] and [NAMES[i] for i in record.labels] == ["small-vehicle"]
    assert record.ignore.tolist() == [[50.5, 10, 60, 20]]
    assert [NAMES[i] for i in record.ignore_labels] == ["container-crane"]


def test_the_summary_says_that_boxes_were_oriented_and_pictures_cut(source, tmp_path):
    text = str(convert(Conversion("dota", source), tmp_path / "out"))
    assert "oriented polygons became upright boxes" in text and "2 pictures became 2 tiles of 1024 px" in text
    assert sorted(p.name for p in (tmp_path / "out" / "images" / "val").iterdir()) == ["P0000__0___0.png"]


def test_boxes_of_another_download_beside_the_polygons_are_not_taken(source, text):
    text(source / "train" / "labelTxt-v2.0" / "DOTA-v2.0_train_hbb" / "P0000.txt", "nothing that can be read")
    assert len(read_dota(source).splits["train"][0].boxes) == 1
    text(source / "train" / "labelTxt" / "P0000.txt", LABELS)
    with pytest.raises(InputError, match="expected one label folder .*found 2; keep one of"):
        read_dota(source)


@pytest.mark.parametrize(
    "row, says",
    [
        ("1 2 3 4 5 6 plane 0", "expected four points"),
        ("1 2 3 4 5 6 7 8 plane 0 0", "expected four points"),
        ("1 2 3 4 5 6 7 x plane 0", "expected eight numbers"),
        ("1 2 3 4 5 6 7 nan plane 0", "expected eight numbers"),
        ("1 2 3 4 5 6 7 8 plain 0", "unknown class 'plain'; did you mean 'plane'"),
        ("1 2 3 4 5 6 7 8 plane no", "expected eight numbers"),
    ],
)
def test_a_malformed_row_is_named_by_file_and_number(tmp_path, text, row, says):
    with pytest.raises(InputError, match=rf"P\.txt row 5: {says}"):
        read_annotation(text(tmp_path / "P.txt", LABELS + row))


def test_own_classes_are_those_of_a_list_and_ignore_is_a_region_of_every_class(source, text):
    rows = "10 5 30 5 30 20 10 20 heat-pump 0\n50 10 60 10 60 20 50 20 ignore 1\n"
    for split in ("train", "val", "test"):
        text(source / split / "labelTxt-v2.0" / "P0000.txt", rows)
    with pytest.raises(InputError, match=r"unknown class 'heat-pump'.*; classes of your own are listed in .*classes"):
        read_dota(source)
    text(source / "classes.txt", "antenna\nheat-pump\n")
    data = read_dota(source)
    (record,) = data.splits["val"]
    assert (data.names, record.labels.tolist(), record.ignore_labels.tolist()) == (["antenna", "heat-pump"], [1], [-1])
    assert data.splits.keys() == {"train", "val"}  # there are no pictures of test
    text(source / "classes.txt", "antenna\nantenna\n")
    with pytest.raises(InputError, match="must list the classes, a line each, none of them twice"):
        read_dota(source)


def test_a_picture_without_annotations_is_an_error_the_reverse_is_counted_and_no_split_is_named(source, picture, text):
    text(source / "train" / "labelTxt-v2.0" / "P0009.txt", LABELS)
    assert read_dota(source).dropped["train"] == {"annotation file without an image": 1}
    picture(source / "val" / "images" / "P0001.png")
    with pytest.raises(InputError, match=r"P0001\.png has no annotation file .*P0001\.txt"):
        read_dota(source)
    picture(source / "train" / "images" / "P0000.tif")
    with pytest.raises(InputError, match=r"P0000\.png and .*P0000\.tif share one annotation file"):
        read_dota(source)
    with pytest.raises(InputError, match="no DOTA split"):
        read_dota(source / "train")
