import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.formats.yolo import read_yolo, side_file
from yolotiny.data.records import EVERY, OTHERS
from yolotiny.errors import InputError

YAML = "path: .\ntrain: images/train\nval: images/val\nnames: [car, ship]\n"


@pytest.fixture
def source(tmp_path, picture, text):
    root = tmp_path / "raw"
    text(root / "data.yaml", YAML)
    for split in ("train", "val"):
        picture(root / "images" / split / "a.jpg")
        text(root / "labels" / split / "a.txt", "1 0.5 0.5 0.2 0.4\n")
        picture(root / "images" / split / "nothing.jpg")
    return root


def test_rows_become_pixels_and_a_missing_label_file_means_no_object(source):
    data = read_yolo(source)
    a, nothing = data.splits["train"]
    assert data.names == ["car", "ship"]
    assert a.boxes[0].tolist() == pytest.approx([40, 15, 60, 35]) and a.labels.tolist() == [1]
    assert nothing.boxes.shape == (0, 4)


def test_converting_the_output_again_changes_nothing(source, tmp_path, text):
    text(source / "ignore" / "train" / "a.txt", "0.1 0.2 0.2 0.4\n")
    first, second = tmp_path / "first", tmp_path / "second"
    convert(Conversion("yolo", source), first)
    convert(Conversion("yolo", first / "data.yaml"), second)
    for file in ("labels/train/a.txt", "labels/train/nothing.txt", "ignore/train/a.txt", "annotations/train.json"):
        assert (first / file).read_text() == (second / file).read_text()
    assert (first / "labels/train/nothing.txt").read_text() == ""
    assert (first / "ignore/train/a.txt").read_text() == "0.10000000 0.20000000 0.20000000 0.40000000\n"


@pytest.mark.parametrize(
    "row, says",
    [
        ("2 0.5 0.5 0.2 0.2", "class 2 is none of the 2 classes"),
        ("-1 0.5 0.5 0.2 0.2", "class -1"),
        ("0.5 0.5 0.5 0.2 0.2", "class 0.5"),
        ("0 nan 0.5 0.2 0.2", "NaN or infinite value"),
        ("0 0.5 0.5 0.2", "4 values; expected 5"),
        ("0 0.5 0.5 0.2 x", "this is not numbers with spaces between"),
        ("0 50 25 10 10", "outside the picture, not shares of the picture, 0..1, it looks like pixels"),
        ("0 0.5 0.5 -0.2 0.2", "outside"),
    ],
)
def test_a_bad_row_is_named_by_file_and_number(source, row, says):
    (source / "labels" / "val" / "a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n\n{row}\n")
    with pytest.raises(InputError, match=rf"a\.txt, row 3: .*{says}"):
        read_yolo(source)


def test_regions_keep_the_class_they_belong_to(source, text):
    text(source / "ignore" / "train" / "a.txt", "0.1 0.2 0.2 0.4\n0.1 0.2 0.2 0.4 1\n0.1 0.2 0.2 0.4 -2\n")
    assert read_yolo(source).splits["train"][0].ignore_labels.tolist() == [EVERY, 1, OTHERS]
    text(source / "ignore" / "train" / "a.txt", "0.1 0.2 0.2 0.4 2\n")
    with pytest.raises(InputError, match=r"ignore/train/a\.txt, row 1: class 2 is none of the 2 classes"):
        read_yolo(source)


def test_rows_and_regions_without_width_or_height_are_left_out_with_a_count(source, tmp_path, text):
    text(source / "labels" / "train" / "a.txt", "0 0.5 0.5 0.1 0\n1 0.5 0.5 0.2 0.4\n")
    text(source / "ignore" / "train" / "a.txt", "0.1 0.2 0 0.4\n")
    found = convert(Conversion("yolo", source), tmp_path / "out").splits["train"]
    assert found.dropped == {"row without width or height": 2}
    assert (found.boxes, found.ignore) == ({"car": 0, "ship": 1}, 0)


def test_an_object_counts_with_what_is_in_the_picture(source, tmp_path, load):
    (source / "labels" / "val" / "a.txt").write_text("0 0.95 0.5 0.2 0.2\n")  # 5 of 20 px beyond the edge
    summary = convert(Conversion("yolo", source), tmp_path / "out")
    (entry,) = load(tmp_path / "out" / "annotations" / "val.json")["annotations"]
    assert entry["bbox"] == [85, 20, 15, 10] and entry["area"] == 150 and summary.splits["val"].cut == 1


def test_the_protocol_of_the_source_is_kept(source, tmp_path):
    (source / "data.yaml").write_text(f"{YAML}protocol: soda\n")
    assert "protocol: soda" in convert(Conversion("yolo", source), tmp_path / "out").data.read_text()


def test_a_val_split_that_is_test_is_not_written_twice(source, tmp_path):
    (source / "data.yaml").write_text(f"{YAML}test: images/val\n")
    summary = convert(Conversion("yolo", source), tmp_path / "out")
    assert list(summary.splits) == ["train", "test"] and "\nval: images/test\n" in summary.data.read_text()


def test_two_pixels_outside_are_forgiven_and_clipped(source, tmp_path, load):
    (source / "labels" / "val" / "a.txt").write_text("0 0.965 0.5 0.1 0.2\n")  # right edge at 101.5 of 100 px
    convert(Conversion("yolo", source), tmp_path / "out")
    assert load(tmp_path / "out" / "annotations" / "val.json")["annotations"][0]["bbox"] == [91.5, 20, 8.5, 10]


def test_a_list_of_images_is_a_split_too(source):
    (source / "train.txt").write_text("./images/train/a.jpg\n")
    (source / "data.yaml").write_text(YAML.replace("images/train", "train.txt"))
    assert [r.name for r in read_yolo(source).splits["train"]] == ["images/train/a.jpg"]
    (source / "train.txt").write_text("./images/train/b.jpg\n")
    with pytest.raises(InputError, match=r"train\.txt row 1: there is no image"):
        read_yolo(source)


@pytest.mark.parametrize(
    "yaml, says",
    [
        ("names: [a", "is not readable YAML"),
        ("train: images/train\n", "'names' must list"),
        ("names: {1: a, 2: b}\ntrain: images/train\n", "without a gap"),
        ("names: [a]\n", "names no split"),
        ("names: [a]\ntrain: elsewhere\n", "no folder or list"),
    ],
)
def test_a_bad_data_yaml_is_one_clear_line(source, yaml, says):
    (source / "data.yaml").write_text(yaml)
    with pytest.raises(InputError, match=rf"data\.yaml.*{says}") as e:
        read_yolo(source)
    assert "\n" not in str(e.value)


def test_a_folder_without_a_yaml_says_what_to_write(tmp_path):
    with pytest.raises(InputError, match="write one with path, train, val and names"):
        read_yolo(tmp_path)


def test_only_the_last_images_folder_is_exchanged(tmp_path):
    image = tmp_path / "images" / "set" / "images" / "train" / "a.b.jpg"
    assert side_file(image, "labels") == tmp_path / "images" / "set" / "labels" / "train" / "a.b.txt"
