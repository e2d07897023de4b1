"""Bad pictures in a conversion and in a check: left out, named and counted; and a conversion onto a full disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_files import full_after, write_bad
from tests.messages import assert_says
from yolotiny.data import Conversion, check, convert
from yolotiny.errors import InputError

UNREADABLE = "picture that cannot be read"


@pytest.fixture
def source(tmp_path, picture):
    """Write a data set in the YOLO layout with pictures p and q and the bad ones of these names."""

    def write(*names: str) -> Path:
        images = tmp_path / "source/images/train"
        for name in ("p.png", "q.png"):
            picture(images / name)
        for name in write_bad(tmp_path / "bad"):
            if name in names:
                (tmp_path / "bad" / name).rename(images / name)
        (tmp_path / "source/labels/train").mkdir(parents=True)
        (tmp_path / "source/labels/train/p.txt").write_text("0 0.5 0.5 0.2 0.2\n")
        (tmp_path / "source/data.yaml").write_text("train: images/train\nval: images/train\nnames: [a]\n")
        return tmp_path / "source"

    return write


NO_PICTURE = ("empty.jpg", "text.jpg", "flat.png", "wide.png", "folder.jpg", "link.jpg")


def test_what_cannot_be_opened_is_left_out_of_a_conversion_and_the_first_five_are_named(source, tmp_path):
    summary = convert(Conversion("yolo", source(*NO_PICTURE, "._mac.jpg")), tmp_path / "out")
    train = summary.splits["train"]
    assert train.images == 2 and train.dropped[UNREADABLE] == 6
    assert {p.name for p in (tmp_path / "out/images/train").iterdir()} == {"p.png", "q.png"}
    said = str(summary)
    assert "empty.jpg: an empty file" in said and "and 7 more that cannot be read" in said  # of train and of val
    assert "note: 1 files ._* are left out" in said


def test_a_picture_over_the_limit_says_how_to_raise_it(source, tmp_path):
    assert "set OPENCV_IO_MAX_IMAGE_PIXELS=1080000000" in str(
        convert(Conversion("yolo", source("wide.png")), tmp_path / "out")
    )


def test_what_cannot_be_cut_into_tiles_is_left_out_with_its_labels(source, tmp_path):
    summary = convert(Conversion("yolo", source("cut.jpg", "half.png"), tile=64, overlap=10), tmp_path / "out")
    assert summary.splits["train"].dropped[UNREADABLE] == 2
    images, labels = (sorted(p.stem for p in (tmp_path / f"out/{d}/train").iterdir()) for d in ("images", "labels"))
    assert images == labels and {stem.partition("__")[0] for stem in images} == {"p", "q"}


def test_a_split_without_a_readable_picture_is_one_line(source, tmp_path):
    folder = source("text.jpg")
    for name in ("p.png", "q.png"):
        (folder / "images/train" / name).unlink()
    text = folder / "images/train/text.jpg"
    with assert_says(f"none of the 1 pictures of train can be read; the first: cannot read image {text}: no picture"):
        convert(Conversion("yolo", folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_check_names_every_bad_picture(source):
    report = check(source(*NO_PICTURE, "half.png", "cut.jpg"))
    bad = {p.file.name: p.note for p in report.problems if p.kind == "unreadable" and p.file.name not in ("p.png",)}
    assert bad.keys() == {*NO_PICTURE, "half.png", "cut.jpg"}
    assert "OPENCV_IO_MAX_IMAGE_PIXELS" in bad["wide.png"]


def test_a_conversion_that_does_not_fit_is_one_line_and_goes_on_later(source, tmp_path):
    folder = source()
    with full_after(150), pytest.raises(InputError, match="cannot write .*: File too large"):
        convert(Conversion("yolo", folder, link=False), tmp_path / "out")
    assert not (tmp_path / "out/data.yaml").exists()
    assert convert(Conversion("yolo", folder, link=False), tmp_path / "out").splits["train"].images == 2
