import cv2
import numpy as np
import pytest
from PIL import Image

from yolotiny.data.orientation import TAG, orientation, turn
from yolotiny.pictures.files import image_size


def tagged(path, tag, format=None):
    """A black picture, 40x24 px as stored, with a white box at 4, 6, 14, 10 and a rotation tag."""
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[6:10, 4:14] = 255
    exif = Image.Exif()
    exif[TAG] = tag
    Image.fromarray(pixels).save(path, format, exif=exif, quality=100)
    return path


@pytest.mark.parametrize("tag", range(1, 9))
def test_a_turned_box_lies_where_training_sees_the_object(tmp_path, tag):
    file = tagged(tmp_path / "a.jpg", tag)
    assert orientation(file) == tag
    box = turn(np.array([[4.0, 6, 14, 10]]), tag, *image_size(file))
    x, y, w, h = cv2.boundingRect((cv2.imread(str(file), cv2.IMREAD_COLOR)[..., 0] > 128).astype(np.uint8))
    assert box.tolist() == [[x, y, x + w, y + h]]


def test_no_tag_a_nonsensical_one_or_no_picture_is_one(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    (tmp_path / "none.jpg").write_text("no picture")
    files = [tmp_path / "plain.png", tmp_path / "none.jpg", tagged(tmp_path / "nine.jpg", 9)]
    assert [orientation(f) for f in files] == [1, 1, 1]


def test_no_boxes_stay_none():
    assert turn(np.zeros((0, 4)), 6, 10, 20).shape == (0, 4)
