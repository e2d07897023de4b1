"""What a run leaves behind: drawings, label files and one JSON, each whole or not there."""

from __future__ import annotations

import platform
from pathlib import Path

import cv2

from ..errors import InputError
from ..files import cannot_write, write_text
from ..picture_io import check_video, save_picture
from .coco_rows import RowFile
from .results import Detections

# What OpenCV can write there without a codec of others.
SUFFIX, CODEC = {"Darwin": (".mp4", "avc1"), "Windows": (".avi", "WMV2")}.get(platform.system(), (".avi", "MJPG"))


class Saver:
    """Writes results as they come.

    Args:
        drawings: a folder for drawn pictures and videos; None for none.
        labels: a folder for label files; None for none.
        json: a file for all rows; None for none.
        scores: whether label files have them.
        vid_stride: frames of a video of which one was looked at.

    Raises:
        InputError: in all methods, where the system cannot write.
    """

    def __init__(
        self,
        drawings: Path | None = None,
        labels: Path | None = None,
        json: Path | None = None,
        scores: bool = False,
        vid_stride: int = 1,
    ):
        self.drawings, self.labels, self.scores, self.vid_stride = drawings, labels, scores, vid_stride
        self.rows = RowFile(json) if json is not None else None
        self.video: cv2.VideoWriter | None = None
        self.file, self.frames, self.saved = Path(), 0, 0

    def add(self, found: Detections) -> None:
        """Write what was found in a picture or frame."""
        name = found.called.stem
        if self.labels is not None:
            of_frame = name if found.frame is None else f"{name}_{found.frame}"
            write_text(self.labels / f"{of_frame}.txt", found.to_txt(self.scores))
        if self.drawings is not None:
            if found.frame is None:
                self._end_video()
                save_picture(self.drawings / f"{name}.jpg", found.draw())
            else:
                self._add_frame(self.drawings / f"{name}{SUFFIX}", found)
        if self.rows is not None:
            self.rows.add(found.to_json())
        self.saved += 1

    def close(self) -> None:
        """Finish what is under way."""
        self._end_video()
        if self.rows is not None:
            self.rows.close()

    def cut(self) -> None:
        """End what is under way early, in files that can be read."""
        self._end_video()
        if self.rows is not None:
            self.rows.cut()

    def _add_frame(self, file: Path, found: Detections) -> None:
        image = found.draw()
        if file != self.file or self.video is None:
            self._end_video()
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise cannot_write(file, error) from error
            fps = max(1.0, found.fps / self.vid_stride)  # frames that are skipped shall not shorten it
            self.video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*CODEC), fps, image.shape[1::-1])
            self.file, self.frames = file, 0
            if not self.video.isOpened():
                raise InputError(f"cannot write {file}: a video cannot be begun there")
        self.video.write(image)
        self.frames += 1

    def _end_video(self) -> None:
        """Close the video, and see that it is whole."""
        if self.video is None:
            return
        self.video.release()
        self.video = None
        try:
            check_video(self.file, self.frames)
        except OSError as error:
            self.file.unlink(missing_ok=True)
            raise cannot_write(self.file, error) from error
