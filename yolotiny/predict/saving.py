"""What a prediction saves: a file that cannot be written ends the run with one line, and no half file stays."""

from __future__ import annotations

import errno
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ultralytics.engine.predictor import BasePredictor
from ultralytics.utils import LOGGER, MACOS, WINDOWS

from ..errors import InputError
from ..files import cannot_write
from ..loaders.reader import Reader
from ..picture_names import PictureName, named
from ..pictures.files import check_video, save_picture
from ..runtime.sources import is_video
from ..text import printable

# As ultralytics has it: what OpenCV can write there without a codec of others.
SUFFIX, CODEC = (".mp4", "avc1") if MACOS else (".avi", "WMV2" if WINDOWS else "MJPG")


class Saving(BasePredictor):
    """ultralytics' predictor, which takes no notice of a picture or a frame that OpenCV could not write.

    Attributes:
        saved: pictures and frames whose results were written.
        frames: how many were written to each video.
        names: what each file of the source is called in what is saved.
    """

    saved: int
    frames: Counter[Path]
    names: dict[str, PictureName]

    def run_callbacks(self, event: str) -> None:
        """ultralytics' callbacks; at the end, see that the videos are whole."""
        if event == "on_predict_start":
            self.saved, self.frames = 0, Counter()
            self._name_pictures()
        super().run_callbacks(event)
        if event == "on_predict_end":
            try:
                for video, count in self.frames.items():
                    check_video(video, count)
            except OSError as error:
                video.unlink(missing_ok=True)
                raise cannot_write(video, error) from error

    def write_results(self, i: int, p: Path, im: Any, s: list[str]) -> str:
        """Write what was found in a picture.

        Raises:
            InputError: the system cannot write it; says how many were written.
        """
        own = Path(self.name_of(self.batch[0][i]).stem + p.suffix)
        try:
            said = super().write_results(i, own, im, s)
        except (OSError, InputError) as error:
            text = Path(f"{self.txt_path}.txt")
            if self.args.save_txt and isinstance(error, OSError):
                text.unlink(missing_ok=True)
            before = f"the results of {self.saved} pictures before it are saved in {self.save_dir}"
            if isinstance(error, InputError):
                raise InputError(f"{error}; {before}") from error
            raise cannot_write(error.filename or f"the results of {p.name}", error, before) from error
        self.saved += 1
        return said

    def _name_pictures(self) -> None:
        """Find names under which nothing overwrites the results of a file of the same name; say where they differ."""
        files = getattr(self.dataset, "files", None) or getattr(self.dataset, "sources", ())
        self.names = named(files, is_video)
        other = [(name.file, name.stem) for name in self.names.values() if Path(name.file).stem != name.stem]
        if other and (self.args.save or self.args.save_txt or self.args.save_crop or self.args.save_json):
            shown = ", ".join(f"{printable(stem)} is {printable(file)}" for file, stem in other[:2])
            more = ", ..." if len(other) > 2 else ""
            LOGGER.info(f"file names repeat, so results have longer names: {shown}{more}")

    def name_of(self, path: str) -> PictureName:
        """What a picture or video of the source is called, by the path of its results."""
        return self.names.get(path) or PictureName(Path(path).name, Path(path).stem)

    def frame_of(self, i: int) -> int | None:
        """The number of the frame that is number `i` of the batch, as its label file has it; None for a picture."""
        if isinstance(self.dataset, Reader):
            return self.dataset.numbers[i]
        if self.dataset.mode == "image":
            return None
        return self.dataset.frame if self.source_type.screenshot else self.dataset.count

    def save_predicted_images(self, save_path: Path, frame: int | None = 0) -> None:
        """Save the drawn picture, or add it to its video and, with `save_frames`, as a picture too."""
        assert self.plotted_img is not None
        if self.dataset.mode == "image":
            save_picture(save_path.with_suffix(".jpg"), self.plotted_img)
            return
        video = save_path.with_suffix(SUFFIX)
        if save_path not in self.vid_writer:
            self.vid_writer[save_path] = self._video(video, self.plotted_img)
        self.vid_writer[save_path].write(self.plotted_img)
        self.frames[video] += 1
        if self.args.save_frames:
            folder = self.save_dir / f"{save_path.stem}_frames"
            save_picture(folder / f"{save_path.stem}_{frame}.jpg", self.plotted_img)

    def _video(self, path: Path, image: np.ndarray) -> cv2.VideoWriter:
        """Begin a video of frames like `image`."""
        fps = self.dataset.fps if self.dataset.mode == "video" else 30
        fps = max(1, fps / self.args.vid_stride)  # frames that are skipped shall not shorten it
        video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODEC), fps, image.shape[1::-1])
        if not video.isOpened():
            raise OSError(errno.EIO, "a video cannot be begun there", str(path))
        return video
