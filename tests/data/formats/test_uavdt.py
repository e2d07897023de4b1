import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.formats.uavdt import NAMES, TEST, read_uavdt
from yolotiny.data.records import EVERY
from yolotiny.errors import InputError

WHOLE = "1,1,10,5,20,10,1,1,1\n2,1,12,5,20,10,1,1,1\n1,2,40,5,10,10,1,3,3\n2,3,90,40,40,40,3,1,2\n9,3,0,0,9,9,1,1,1\n"
IGNORE = "1,1,0,0,30,50,1,-1,-1\n"


@pytest.fixture
def source(tmp_path, picture, text):
    root = tmp_path / "raw"
    for sequence in ("M0101", "M0203"):
        for frame in (1, 2):
            picture(root / "UAV-benchmark-M" / sequence / f"img{frame:06d}.jpg")
        text(root / "UAV-benchmark-MOTD_v1.0" / "GT" / f"{sequence}_gt_whole.txt", WHOLE)
        text(root / "UAV-benchmark-MOTD_v1.0" / "GT" / f"{sequence}_gt_ignore.txt", IGNORE)
    return root


def test_sequences_are_split_as_published_and_never_frames(source):
    data = read_uavdt(source)
    assert [r.name for r in data.splits["train"]] == ["M0101/img000001.jpg", "M0101/img000002.jpg"]
    assert [r.name for r in data.splits["test"]] == ["M0203/img000001.jpg", "M0203/img000002.jpg"]
    assert len(TEST) == 20


def test_a_frame_has_its_rows_with_classes_and_regions(source):
    first, second = read_uavdt(source).splits["train"]
    assert first.boxes.tolist() == [[10, 5, 30, 15], [40, 5, 50, 15]]
    assert [NAMES[i] for i in first.labels] == ["car", "bus"] and [NAMES[i] for i in second.labels] == ["car", "truck"]
    assert first.ignore.tolist() == [[0, 0, 30, 50]] and first.ignore_labels.tolist() == [EVERY]
    assert second.ignore.shape == (0, 4)


def test_what_has_no_picture_and_a_missing_ignore_file_are_counted(source):
    (source / "UAV-benchmark-MOTD_v1.0" / "GT" / "M0203_gt_ignore.txt").unlink()
    data = read_uavdt(source)
    assert data.dropped["train"] == {"row of a frame without an image": 1}
    assert "gt_ignore file missing, so a sequence without ignore regions" in data.dropped["test"]


def test_frames_of_all_sequences_get_names_of_their_own_and_boxes_are_clipped(source, tmp_path, load):
    convert(Conversion("uavdt", source), tmp_path / "out")
    coco = load(tmp_path / "out" / "annotations" / "test.json")
    assert [i["file_name"] for i in coco["images"]] == ["img000001.jpg", "img000002.jpg"]
    assert coco["annotations"][-1]["bbox"] == [90, 40, 10, 10] and coco["annotations"][-1]["area"] == 1600


def test_every_second_frame_of_each_sequence(source, tmp_path):
    summary = convert(Conversion("uavdt", source, every=2), tmp_path / "out")
    assert [s.images for s in summary.splits.values()] == [1, 1]
    assert summary.splits["train"].dropped["image left out by every=2"] == 1


@pytest.mark.parametrize(
    "row, says",
    [
        ("1,1,0,0,9,9,1,1,4", "unknown class 4; there are 1 car, 2 truck, 3 bus"),
        ("1,1,0,0,9,9,1,1", "expected 9 whole numbers frame,target_id"),
        ("1,1,0,0,-9,9,1,1,1", "width and height must not be negative"),
    ],
)
def test_a_malformed_row_is_named_by_file_and_number(source, row, says):
    (source / "UAV-benchmark-MOTD_v1.0" / "GT" / "M0101_gt_whole.txt").write_text(WHOLE + row)
    with pytest.raises(InputError, match=rf"M0101_gt_whole\.txt row 6: {says}"):
        read_uavdt(source)


def test_a_sequence_without_annotations_or_a_missing_folder_is_named(source):
    (source / "UAV-benchmark-MOTD_v1.0" / "GT" / "M0101_gt_whole.txt").unlink()
    with pytest.raises(InputError, match=r"cannot read .*M0101_gt_whole\.txt"):
        read_uavdt(source)
    with pytest.raises(InputError, match="UAVDT pictures not found: there is no folder .*UAV-benchmark-M"):
        read_uavdt(source / "UAV-benchmark-M")
