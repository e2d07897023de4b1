"""Pictures, videos and streams frame by frame: as ultralytics decodes them, and what is left out is named."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from ultralytics.data.utils import IMG_FORMATS, VID_FORMATS
from ultralytics.utils.patches import imread

from tests.runtime.conftest import squares
from yolotiny.errors import InputError
from yolotiny.pictures.reader import PictureReader
from yolotiny.runtime import reader as module
from yolotiny.runtime.reader import Reader
from yolotiny.runtime.sources import PICTURES, VIDEOS


def write_video(file: Path, frames: int) -> Path:
    """Frames of 64 x 48, each brighter than the one before."""
    video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 12.0, (64, 48))
    for i in range(frames):
        video.write(np.full((48, 64, 3), 20 * i, np.uint8))
    video.release()
    return file


def test_suffixes_are_those_of_ultralytics():
    assert PICTURES == IMG_FORMATS and VIDEOS == VID_FORMATS


def test_good_pictures_come_by_name_and_bad_ones_are_named_and_counted(pictures, caplog):
    reader = Reader(pictures)
    assert [Path(frame.path).name for frame in reader] == ["a.png", "b.png"]
    assert reader.seen == 2 and reader.unread.total() == 2
    assert "c.jpg is left out: it does not decode" in caplog.text and "d.png (an empty file)" in caplog.text
    assert "2 of 4 pictures and frames cannot be read and are left out" in caplog.text


def test_where_nothing_can_be_read_the_end_is_one_line(pictures, tmp_path):
    with pytest.raises(InputError, match=r"none of the 2 pictures and videos can be read: .*c\.jpg \(it does not"):
        list(Reader([pictures / "c.jpg", pictures / "d.png"]))
    (tmp_path / "v.avi").write_bytes(b"no video")
    with pytest.raises(InputError, match="the video cannot be opened"):
        list(Reader(tmp_path / "v.avi"))


@pytest.mark.parametrize("kind", ["png16", "grey", "alpha", "tif16", "tif", "jpg"])
def test_pixels_are_those_that_ultralytics_reads(tmp_path, kind):
    r = np.random.default_rng(0)
    pixels = r.integers(0, 65536 if "16" in kind else 256, (20, 30, 4), np.uint16 if "16" in kind else np.uint8)
    pixels = {"grey": pixels[..., 0], "alpha": pixels}.get(kind, pixels[..., :3])
    file = tmp_path / f"a.{kind[:3] if kind[:3] in ('png', 'tif', 'jpg') else 'png'}"
    cv2.imwrite(str(file), pixels)
    for channels, flags in ((3, cv2.IMREAD_COLOR), (1, cv2.IMREAD_GRAYSCALE))[: 1 if "16" in kind else 2]:
        (frame,) = Reader(file, PictureReader(channels=channels))
        np.testing.assert_array_equal(frame.image, imread(str(file), flags))


def test_a_device_is_no_picture(tmp_path):
    import os

    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match="it is a device or a pipe"):
        list(Reader(tmp_path / "a.png"))


def test_arrays_and_pictures_of_pillow_come_in_bgr():
    array = squares((1, 1, 255))
    array[..., 0] = 7
    grey = Image.fromarray(np.full((5, 6), 9, np.uint8))
    frames = list(Reader([array, Image.fromarray(array[..., ::-1]), grey]))
    assert np.array_equal(frames[0].image, array) and np.array_equal(frames[1].image, array)
    assert frames[2].image.shape == (5, 6, 3) and [f.path for f in frames] == [f"image{i}.jpg" for i in range(3)]
    assert next(iter(Reader(array))).number is None


def test_a_video_comes_frame_by_frame_and_every_second_one_if_asked(tmp_path):
    file = write_video(tmp_path / "v.avi", 7)
    frames = list(Reader(file))
    assert [f.number for f in frames] == [*range(1, 8)] and frames[0].fps == 12 and frames[0].sequence == str(file)
    shades = [round(f.image.mean() / 20) for f in Reader(file, vid_stride=2)]
    assert shades == [1, 3, 5]


def test_a_video_goes_on_after_a_frame_that_cannot_be_decoded(tmp_path, monkeypatch, caplog):
    class Broken:
        """A video whose third frame cannot be reached."""

        def __init__(self, path):
            self.video, self.at = opened(path), 0

        def __getattr__(self, name):
            return getattr(self.video, name)

        def grab(self):
            self.at += 1
            return self.at != 3 and self.video.grab()

    opened = cv2.VideoCapture
    monkeypatch.setattr(module.cv2, "VideoCapture", Broken)
    reader = Reader(write_video(tmp_path / "v.avi", 5))
    assert len(list(reader)) == 5 and reader.unread.total() == 1
    assert "a frame cannot be decoded and is left out; the video goes on" in caplog.text


class Camera:
    """A camera that gives a frame every few milliseconds, breaks off once, and ends."""

    frames = 40
    opened = 0

    def __init__(self, address):
        self.address, self.at, self.broke = address, 0, False

    def isOpened(self):
        return self.address != 9

    def open(self, address):
        Camera.opened += 1
        return True

    def read(self):
        time.sleep(0.002)
        if self.at == 10 and not self.broke:
            self.broke = True
            return False, None
        self.at += 1
        return self.at <= self.frames, np.full((4, 6, 3), self.at, np.uint8)

    def release(self):
        pass


def test_a_camera_gives_its_newest_frame_and_is_opened_again_when_it_breaks_off(monkeypatch, caplog):
    monkeypatch.setattr(module.cv2, "VideoCapture", Camera)
    monkeypatch.setattr(module, "PAUSE", 0.0)
    seen = []
    for frame in Reader("0"):
        seen.append(int(frame.image[0, 0, 0]))
        time.sleep(0.01)
    assert seen == sorted(set(seen)) and len(seen) < 40 and seen[-1] > 10 and Camera.opened >= 1
    assert "0 gives no more frames" in caplog.text and frame.path == "0" and frame.number == len(seen)


def test_a_camera_is_let_go_when_nobody_asks_any_more(monkeypatch):
    monkeypatch.setattr(module.cv2, "VideoCapture", Camera)
    monkeypatch.setattr(Camera, "frames", 10**9)
    before = threading.active_count()
    frames = iter(Reader("rtsp://somewhere/1"))
    assert next(frames).path == "rtsp://somewhere/1"
    frames.close()
    assert threading.active_count() == before


def test_a_camera_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(module.cv2, "VideoCapture", Camera)
    with pytest.raises(InputError, match="camera 9 cannot be opened; is it there"):
        list(Reader(9))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.jpg", "source 'nowhere.jpg' does not exist"),
        ("a.streams", "source 'a.streams' is not read by the runtime; give one camera"),
        (["a.jpg", "rtsp://x/1"], "a camera or stream stands alone"),
        (None, "source is of type NoneType; give a file"),
        ([], "source is a list without a picture"),
        ([3], r"source\[0\] is of type int"),
    ],
)
def test_what_is_no_source_is_one_line(source, message):
    with pytest.raises(InputError, match=message):
        Reader(source)
