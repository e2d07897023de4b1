"""What is said of a picture that cannot be read, and pictures and videos that cannot be written."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.bad_files import full_after, listing, png, write_bad
from tests.messages import assert_says
from yolotiny.errors import InputError
from yolotiny.pictures.files import Unreadable, check_video, decode, fault, image_size, save_picture
from yolotiny.pictures.reader import PictureReader


@pytest.mark.parametrize("read", [decode, PictureReader().read])
def test_every_kind_of_bad_picture_is_named_with_its_reason(tmp_path, read):
    for name, said in write_bad(tmp_path).items():
        with pytest.raises(Unreadable) as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(f"cannot read image {tmp_path / name}: ") and said in caught.value.reason
        assert "OpenCV(" not in str(caught.value)


def test_whatever_a_library_raises_is_a_picture_that_cannot_be_read(tmp_path, picture, monkeypatch):
    monkeypatch.setattr("cv2.imdecode", lambda *a: 1 / 0)
    with pytest.raises(Unreadable, match=r"a\.png: it does not decode"):
        PictureReader().read(picture(tmp_path / "a.png"))


def test_a_picture_without_the_right_to_read_it_says_so(tmp_path, picture, monkeypatch):
    file = picture(tmp_path / "a.png")

    def refuse(path, *args):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refuse)
    assert fault(file) == "permission denied"


def test_the_limit_of_pixels_is_the_user_s(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png(36000, 30000))
    monkeypatch.setenv("OPENCV_IO_MAX_IMAGE_PIXELS", "1080000000")
    assert image_size(tmp_path / "a.png") == (36000, 30000)


def test_a_picture_is_saved_whole_or_not_at_all(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    with full_after(1000), assert_says(f"cannot write {tmp_path / 'a.png'}: File too large"):
        save_picture(tmp_path / "a.png", image)
    assert listing(tmp_path) == []
    save_picture(tmp_path / "a.png", image)
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png")), image)
    with pytest.raises(InputError, match="no format for such a picture has the suffix '.nix'"):
        save_picture(tmp_path / "a.nix", image)


def test_a_video_that_lacks_frames_is_found(tmp_path):
    file = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    for _ in range(4):
        writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    check_video(file, 4)
    with pytest.raises(OSError, match="only 4 of 5 frames"):
        check_video(file, 5)
