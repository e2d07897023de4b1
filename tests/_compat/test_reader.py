"""A video is opened by ultralytics' reader as the seam of the reader says."""

import cv2
import numpy as np
import pytest

from yolotiny._compat.reader import SeamedReader


def test_a_video_is_open_at_its_first_frame(tmp_path):
    file = str(tmp_path / "a.avi")
    video = cv2.VideoWriter(file, cv2.VideoWriter.fourcc(*"MJPG"), 5, (32, 32))
    for _ in range(4):
        video.write(np.zeros((32, 32, 3), np.uint8))
    video.release()
    made = object.__new__(SeamedReader)
    made.vid_stride = 2
    made.open_video(file)
    assert (made.frame, made.frames, made.fps) == (0, 2, 5) and made.cap.grab()
    with pytest.raises(FileNotFoundError):
        made.open_video(str(tmp_path / "gone.avi"))
