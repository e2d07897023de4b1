"""Which pictures set the ranges of an 8-bit file, and how the network sees them."""

import cv2
import numpy as np
import pytest

from tests.tiny_data import write_tiny
from yolotiny.errors import InputError
from yolotiny.pictures.reader import PictureReader
from yolotiny.quantize.pictures import CalibrationPictures, loader_of


def names(options) -> list[str]:
    return [f.rpartition("/")[2] for f in CalibrationPictures.files_of(options)[0]]


@pytest.fixture
def data(tmp_path):
    return write_tiny(tmp_path, train=8, val=3, size=48)


def test_the_training_pictures_unless_a_split_is_named(data):
    files, where = CalibrationPictures.files_of({"data": str(data)})
    assert len(files) == 8 and all("images/train" in f for f in files) and where == f"{data} train"
    files, where = CalibrationPictures.files_of({"data": str(data), "split": "val"})
    assert len(files) == 3 and all("images/val" in f for f in files) and where == f"{data} val"


def test_the_only_split_there_is(data):
    data.write_text(data.read_text().replace("train: images/train\n", ""))
    assert len(CalibrationPictures.files_of({"data": str(data)})[0]) == 3


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.5, ["0.png", "2.png", "4.png", "6.png"]),  # spread, as neighbours in a flight are alike
        (2, ["0.png", "4.png"]),
        (1.0, [f"{i}.png" for i in range(8)]),
        (100, [f"{i}.png" for i in range(8)]),
        (0.001, ["0.png"]),
        ([0.25, 1.0], ["0.png", "4.png"]),
    ],
)
def test_a_fraction_is_spread_over_the_split(data, fraction, expected):
    assert names({"data": str(data), "fraction": fraction}) == expected


def pictures_of(options, size, channels):
    return CalibrationPictures(options, size, PictureReader(channels=channels))


def test_a_list_names_the_pictures_by_our_rules(data, tmp_path):
    """One beside which lie an .npy of the same name and a hidden file; the list is seen from its own folder."""
    (tmp_path / "few.txt").write_text("images/train/3.png\n\nimages/train/1.png\nimages/train/._1.png\n")
    np.save(tmp_path / "images/train/3.npy", np.zeros((48, 48, 3), np.uint8))
    data.write_text(data.read_text().replace("train: images/train", f"train: {tmp_path / 'few.txt'}"))
    options = {"data": str(data)}
    assert names(options) == ["3.png", "1.png"]
    assert pictures_of(options, (48, 48), 3)[0]["img"].float().mean() > 30  # the picture, not the .npy


def test_a_picture_is_letterboxed_in_rgb_and_nothing_is_written(data, tmp_path):
    blue = np.zeros((20, 40, 3), np.uint8)
    blue[..., 0] = 200
    cv2.imwrite(str(tmp_path / "images/train/0.png"), blue)
    before = sorted(tmp_path.rglob("*"))
    image = pictures_of({"data": str(data)}, (64, 32), 3)[0]["img"]
    assert image.shape == (3, 64, 32) and image.dtype.is_floating_point is False
    assert image[:, 32, 16].tolist() == [0, 0, 200] and image[:, 0, 0].tolist() == [114] * 3
    assert sorted(tmp_path.rglob("*")) == before


def test_batches_keep_the_order_and_leave_out_the_rest(data):
    batches = list(loader_of(pictures_of({"data": str(data)}, (32, 32), 3), 3))
    assert [b["img"].shape for b in batches] == [(3, 3, 32, 32)] * 2
    assert len(list(loader_of(pictures_of({"data": str(data)}, (32, 32), 3), 100))) == 1


def test_a_broken_picture_and_other_bands_are_told_in_one_line(data, tmp_path):
    pictures = pictures_of({"data": str(data)}, (32, 32), 4)
    with pytest.raises(InputError, match=r"^export: [^\n]*0\.png[^\n]*3 bands"):
        pictures[0]
    (tmp_path / "images/train/0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"^export: cannot read image \S+0\.png: no picture; remove it, or choose"):
        pictures[0]


def test_one_band_is_read_as_grey(data):
    assert pictures_of({"data": str(data)}, (32, 32), 1)[0]["img"].shape == (1, 32, 32)
