"""Pictures and videos as they are read: what cannot be decoded is left out, named and counted, and the rest is seen."""

from __future__ import annotations

from collections import Counter
from typing import Any

import cv2
import numpy as np
from ultralytics.data.loaders import LoadImagesAndVideos
from ultralytics.utils import LOGGER

TRIES = 100  # broken frames in a row after which a video counts as over


class Frames:
    """A video that goes on after a frame that cannot be decoded.

    Args:
        video: as opened by OpenCV.
        path: the file, for counting.
        unread: counts the frames left out by file.
    """

    def __init__(self, video: cv2.VideoCapture, path: str, unread: Counter[str]):
        self.video, self.path, self.unread = video, path, unread

    def __getattr__(self, name: str) -> Any:
        return getattr(self.video, name)

    def grab(self) -> bool:
        """Go to the next frame that can be decoded; False at the end of the video."""
        for broken in range(TRIES):
            if self.video.grab():
                self._leave_out(broken)
                return True
        return False

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        """The frame in hand."""
        done, image = self.video.retrieve()
        if not done or image is None:
            self._leave_out(1)
        return done, image

    def _leave_out(self, count: int) -> None:
        if count and not self.unread[self.path]:
            LOGGER.warning(f"{self.path}: a frame cannot be decoded and is left out; the video goes on after it")
        self.unread[self.path] += count


class Reader(LoadImagesAndVideos):
    """ultralytics' reader of files, which ends a video at its first broken frame, made to go on.

    Args:
        loader: as ultralytics opened it.

    Attributes:
        unread: pictures, frames, and videos that cannot be opened, by file.
    """

    def __init__(self, loader: LoadImagesAndVideos):
        vars(self).update(vars(loader))
        self.unread: Counter[str] = Counter()
        if self.cap:
            self.cap = Frames(self.cap, self.files[self.ni], self.unread)

    def _append_image(self, paths: list, imgs: list, info: list, path: str, im0: np.ndarray | None, idx: int) -> None:
        super()._append_image(paths, imgs, info, path, im0, idx)
        self.unread[path] += im0 is None

    def _new_video(self, path: str) -> None:
        try:
            super()._new_video(path)
        except FileNotFoundError:  # the videos after it are still seen
            LOGGER.warning(f"{path}: the video cannot be opened and is left out")
            self.unread[path] += 1
        self.cap = Frames(self.cap, path, self.unread)
