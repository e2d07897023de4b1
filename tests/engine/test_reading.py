"""Videos with broken frames, and videos that cannot be opened: left out, counted, and the rest is seen."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tiny_data import trained
from yolotiny import YOLO
from yolotiny.errors import InputError


def write_video(file: Path, frames: int = 8, broken: tuple[int, ...] = ()) -> Path:
    """A video of plain frames that get brighter; in those that are `broken` the picture's bytes are zeros."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    for i in range(frames):
        writer.write(np.full((64, 64, 3), 20 * (i + 1), np.uint8))
    writer.release()
    content = bytearray(file.read_bytes())
    starts = [
        i for i in range(len(content)) if content[i : i + 4] == b"00dc" and content[i + 8 : i + 10] == b"\xff\xd8"
    ]
    assert len(starts) == frames
    for i in broken:
        size = int.from_bytes(content[starts[i] + 4 : starts[i] + 8], "little")
        content[starts[i] + 8 : starts[i] + 8 + size] = bytes(size)
    file.write_bytes(content)
    return file


@pytest.fixture
def model() -> YOLO:
    return YOLO(trained().best)


@pytest.fixture
def shades(model, tmp_path):
    """Predict on a source, and tell the brightness of each frame that was seen, in steps of 20."""

    def see(source: Path, **options) -> list[int]:
        results = model.predict(source, imgsz=64, project=str(tmp_path), verbose=False, stream=True, **options)
        return [round(float(r.orig_img.mean()) / 20) for r in results]

    return see


def test_a_video_goes_on_after_a_broken_frame(model, shades, tmp_path):
    assert shades(write_video(tmp_path / "a.avi", 8, broken=(2, 5, 6))) == [1, 2, 4, 5, 8]
    assert model.predictor.unread == 3


def test_a_whole_video_is_seen_as_before(model, shades, tmp_path):
    file = write_video(tmp_path / "a.avi", 5)
    assert shades(file) == [1, 2, 3, 4, 5] and model.predictor.unread == 0
    assert shades(file, vid_stride=2) == [2, 4] and shades(file, batch=2) == [1, 2, 3, 4, 5]


def test_a_folder_of_videos_is_seen_although_one_cannot_be_opened(model, shades, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "a.avi", 2)
    (folder / "b.avi").write_bytes(b"nothing")
    write_video(folder / "c.avi", 3, broken=(1,))
    assert shades(folder) == [1, 2, 1, 3]
    assert model.predictor.unread == 2


def test_a_source_without_anything_readable_is_one_line(model, tmp_path):
    (tmp_path / "b.avi").write_bytes(b"nothing")
    with pytest.raises((InputError, FileNotFoundError), match="b.avi"):
        model.predict(tmp_path / "b.avi", imgsz=64, project=str(tmp_path), verbose=False)
