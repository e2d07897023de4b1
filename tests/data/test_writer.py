from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from yolotiny.data import CONVERTERS, Conversion, convert
from yolotiny.data.records import Dataset, Record, clip, image_size, split_of
from yolotiny.data.writer import Making, write
from yolotiny.errors import InputError


@pytest.fixture
def data(tmp_path, picture):
    image = picture(tmp_path / "raw" / "a.jpg")
    boxes = np.array([[10, 5, 30, 15], [99.5, 0, 140, 20], [20, 20, 20.5, 30]], float)
    ignore = np.array([[0, 0, 10, 10], [-5, -5, 0.5, 60]], float)
    record = Record(image, "a.jpg", 100, 50, boxes, np.array([1, 0, 0]), ignore, np.array([-1, -1]))
    return Dataset(["car", "ship"], {"train": [record]}, {"train": Counter({"image file missing": 3})})


def test_thin_boxes_are_dropped_and_counted_with_the_reason(data, tmp_path):
    found = write(data, tmp_path / "out").splits["train"]
    assert found.boxes == {"car": 0, "ship": 1} and found.ignore == 1
    assert found.dropped == {
        "image file missing": 3,
        "box below 1 px inside the image": 2,
        "ignore region below 1 px inside the image": 1,
    }


def test_clip_keeps_what_is_exactly_one_pixel_wide():
    clipped, keep = clip(np.array([[-3.0, 0, 1, 1], [-3, 0, 0.9, 1]]), 10, 10)
    assert clipped.tolist() == [[0, 0, 1, 1], [0, 0, 0.9, 1]] and keep.tolist() == [True, False]


def test_data_yaml_names_what_was_written(data, tmp_path):
    summary = write(data, tmp_path / "out")
    assert yaml.safe_load(summary.data.read_text()) == {
        "path": str(tmp_path / "out"),
        "train": "images/train",
        "names": {0: "car", 1: "ship"},
        "annotations": {"train": "annotations/train.json"},
    }


def test_the_summary_prints_counts_and_reasons(data, tmp_path):
    text = str(write(data, tmp_path / "out"))
    assert "train: 1 images (0 without objects), 1 boxes, 1 ignore regions" in text
    assert "car 0, ship 1" in text and "dropped 3: image file missing" in text


@pytest.mark.parametrize("link", [True, False])
def test_images_are_linked_or_copied(data, tmp_path, link):
    write(data, tmp_path / "out", making=Making(link))
    image = tmp_path / "out" / "images" / "train" / "a.jpg"
    assert image.is_symlink() == link and image_size(image) == (100, 50)


def test_where_links_fail_images_are_copied(data, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr("os.symlink", refuse)
    write(data, tmp_path / "out")
    image = tmp_path / "out" / "images" / "train" / "a.jpg"
    assert image.is_file() and not image.is_symlink()


def test_nothing_is_overwritten_without_force(data, tmp_path):
    write(data, tmp_path / "out")
    with pytest.raises(InputError, match=r"out is not empty.*force=True"):
        write(data, tmp_path / "out")


def test_force_leaves_no_stale_label_cache_or_split_behind_but_keeps_other_files(data, tmp_path):
    out = tmp_path / "out"
    write(data, out)
    (out / "labels" / "val").mkdir()
    for stale in ("labels/train/old.txt", "labels/val/old.txt", "labels/train.cache", "mine.md"):
        (out / stale).write_text("")
    write(data, out, force=True)
    assert sorted(p.name for p in (out / "labels").rglob("*")) == ["a.txt", "train"]
    assert (out / "mine.md").is_file() and (tmp_path / "raw" / "a.jpg").is_file()


def test_the_source_is_never_removed_even_with_force(tmp_path, picture):
    image = picture(tmp_path / "set" / "images" / "train" / "a.jpg")
    data = Dataset(["car"], {"train": [Record(image, "a.jpg", 100, 50)]})
    with pytest.raises(InputError, match="lies in the folder to be written"):
        write(data, tmp_path / "set", force=True)
    assert image.is_file()


def test_names_keep_their_folder_only_where_they_would_collide(tmp_path, picture):
    images = [picture(tmp_path / "raw" / folder / "0001.jpg") for folder in ("s1", "s2")]
    records = [Record(p, p.relative_to(tmp_path / "raw").as_posix(), 100, 50) for p in images]
    write(Dataset(["car"], {"train": records, "val": records[:1]}), tmp_path / "out")
    written = sorted(p.relative_to(tmp_path / "out" / "labels") for p in (tmp_path / "out" / "labels").rglob("*.txt"))
    assert written == [Path("train/s1_0001.txt"), Path("train/s2_0001.txt"), Path("val/0001.txt")]


def test_two_images_for_one_label_file_are_an_error(tmp_path, picture):
    records = [Record(picture(tmp_path / name), name, 100, 50) for name in ("a.jpg", "a.png")]
    with pytest.raises(InputError, match=r"a\.jpg and .*a\.png share one label file"):
        write(Dataset(["car"], {"train": records}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_progress_is_told_after_each_image(data, tmp_path):
    calls = []
    write(data, tmp_path / "out", progress=lambda *call: calls.append(call))
    assert calls == [("train", 1, 1)]


def test_an_unknown_format_names_the_nearest(tmp_path):
    with pytest.raises(InputError, match="unknown format 'visdron'; did you mean 'visdrone'"):
        convert(Conversion("visdron", tmp_path), tmp_path / "out")


@pytest.mark.parametrize("format", sorted(CONVERTERS))
def test_a_missing_source_is_one_clear_line_and_writes_nothing(tmp_path, format):
    with pytest.raises(InputError, match="not found.*absent"):
        convert(Conversion(format, tmp_path / "absent"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_source_and_target_may_not_be_the_same(tmp_path):
    with pytest.raises(InputError, match="same folder"):
        convert(Conversion("yolo", tmp_path), tmp_path, force=True)


@pytest.mark.parametrize(
    "name, split",
    [
        ("instances_val2017", "val"),
        ("VisDrone2019-DET-test-dev", "test"),
        ("skyfusion-valid", "val"),
        ("tiny_set_train", "train"),
        ("aitod_trainval_v1", "train"),
        ("valley", None),
        ("contest", None),
    ],
)
def test_a_split_is_read_from_a_name(name, split):
    assert split_of(name) == split


def test_a_file_that_is_no_picture_is_named(tmp_path, text):
    with pytest.raises(InputError, match=r"cannot read image .*a\.jpg"):
        image_size(text(tmp_path / "a.jpg", "no picture"))


def test_a_turned_photograph_has_the_size_a_viewer_shows(tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert image_size(tmp_path / "a.jpg") == (20, 40)


def test_a_picture_is_measured_without_decoding_it(tmp_path, picture, monkeypatch):
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    for suffix in ("png", "jpg", "tif", "bmp", "webp"):
        assert image_size(picture(tmp_path / f"a.{suffix}", 100, 50)) == (100, 50)


def test_a_very_large_picture_is_measured_without_complaint(tmp_path, picture, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 10)
    assert image_size(picture(tmp_path / "a.jpg", 100, 50)) == (100, 50)
