"""Pictures and videos as they are read: what cannot be decoded is left out, named and counted, and the rest is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from ultralytics.data.loaders import LoadPilAndNumpy, SourceTypes, autocast_list
from ultralytics.utils import LOGGER, NUM_THREADS
from ultralytics.utils.patches import PIL_FALLBACK_SUFFIXES

from .._compat.reader import SeamedReader
from ..errors import InputError
from ..pictures.files import Unreadable
from ..pictures.memory import as_array, in_bytes
from ..pictures.reader import PictureReader
from ..pictures.survey import survey
from ..runtime.sources import ADDRESSES, is_video, pictures_of

Batch = list[tuple[str, np.ndarray, str]]  # path, picture, what to print before its results
FIRST = 5  # files that are named at the end
TRIES = 100  # broken frames in a row after which a video counts as over


class Frames:
    """A video that goes on after a frame that cannot be decoded.

    Args:
        video: as opened by OpenCV.
        path: the file, for counting.
        unread: counts the frames left out by file.

    Attributes:
        number: of the frame in hand, from 1; those left out have theirs.
    """

    def __init__(self, video: cv2.VideoCapture, path: str, unread: Counter[str]):
        self.video, self.path, self.unread, self.number = video, path, unread, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.video, name)

    def grab(self) -> bool:
        """Go to the next frame that can be decoded; False at the end of the video."""
        for broken in range(TRIES):
            if self.video.grab():
                self._leave_out(broken)
                self.number += broken + 1
                return True
        return False

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        """Whether there is one, and the frame in hand, (H, W, 3) uint8 BGR."""
        done, image = self.video.retrieve()
        if not done or image is None:
            self._leave_out(1)
        return done, image

    def _leave_out(self, count: int) -> None:
        if count and not self.unread[self.path]:
            LOGGER.warning(f"{self.path}: a frame cannot be decoded and is left out; the video goes on after it")
        self.unread[self.path] += count


class Reader(SeamedReader):
    """Pictures and videos in the order given, a batch at a time: one reader for folders, lists and patterns.

    ultralytics' own decodes a list whole before the first result, ends a video at its first broken frame, and the run
    at a video that does not open or at a picture that OpenCV raises an error for.

    Args:
        items: of `items_of`.
        batch: pictures, or frames of one video, that are decoded together.
        vid_stride: every so-manieth frame of a video.
        pictures: decodes pictures for the network's input.

    Attributes:
        unread: pictures, frames, and videos that cannot be opened, by file.
        faults: what is wrong with these files.
        seen: pictures and frames that were given.
        numbers: of the frames of the last batch in their video, from 1; None for pictures.
    """

    def __init__(
        self, items: Sequence[Any], batch: int = 1, vid_stride: int = 1, pictures: PictureReader | None = None
    ):
        self.items, self.pictures = items, pictures or PictureReader()
        self.channels = channels = self.pictures.channels
        self.look_ahead()
        self.bs, self.vid_stride = max(int(batch), 1), max(vid_stride, 1)  # batch=-1 asks for what suits
        self.files = [_name(item, i) for i, item in enumerate(items)]
        self.video_flag = [isinstance(item, str) and is_video(item) for item in items]
        self.nf, self.ni = len(items), self.video_flag.count(False)
        self.mode = "image" if self.ni else "video"
        self.cv2_flag = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}.get(channels, cv2.IMREAD_UNCHANGED)
        self.source_type = SourceTypes(stream=False, screenshot=False, from_img=False, tensor=False)
        self.cap: Any = None
        self.frame = self.frames = self.count = self.seen = 0
        self.unread: Counter[str] = Counter()
        self.faults: dict[str, str] = {}
        self.numbers: list[int | None] = []

    def look_ahead(self) -> None:
        """Settle how the pictures are read, all alike."""
        tell_of(self.pictures, self.items)

    def __iter__(self) -> Reader:
        """Start anew."""
        self.close()
        self.cap, self.count, self.seen, self.unread = None, 0, 0, Counter()
        return self

    def __next__(self) -> tuple[list[str], list[np.ndarray], list[str]]:
        """Paths, pictures, and what to print before each: a batch of pictures, or of frames of one video."""
        batch: Batch = []
        self.numbers = []  # a new list: ultralytics hands out copies of the reader while the next batch is read
        while not batch and self.count < self.nf:
            video = self.video_flag[self.count]
            self.mode = "video" if video else "image"
            batch = self._frames() if video else self._pictures()
        if not batch:
            self.tell()
            raise StopIteration
        self.seen += len(batch)
        paths, images, info = map(list, zip(*batch, strict=True))
        return paths, images, info

    def _pictures(self) -> Batch:
        """The next pictures, until a batch is full or a video comes; they are decoded side by side where it pays."""
        batch: Batch = []
        while len(batch) < self.bs and self.count < self.nf and not self.video_flag[self.count]:
            numbers = range(self.count, min(self.count + self.bs - len(batch), self.nf))
            numbers = range(self.count, next((i for i in numbers if self.video_flag[i]), numbers.stop))
            plain = all(Path(self.files[i]).suffix.lower() not in PIL_FALLBACK_SUFFIXES for i in numbers)
            if len(numbers) >= 8 and NUM_THREADS > 1 and plain:  # plug-ins of Pillow do not bear threads
                with ThreadPoolExecutor(min(len(numbers), NUM_THREADS)) as pool:
                    images = list(pool.map(self.decode, numbers))
            else:
                images = [self.decode(i) for i in numbers]
            self.count = numbers.stop
            for i, image in zip(numbers, images, strict=True):
                if isinstance(image, str):
                    self.leave_out(self.files[i], image)
                else:
                    batch.append((self.files[i], image, f"image {i + 1}/{self.nf} {_text(self.files[i])}: "))
                    self.numbers.append(None)
        return batch

    def decode(self, i: int) -> np.ndarray | str:
        """Picture number `i` as (H, W, C) 0..255, or what is wrong with it.

        Raises:
            InputError: it is in memory, and no picture.
        """
        item = self.items[i]
        try:
            if isinstance(item, str) and not item.lower().startswith(ADDRESSES):
                return self.pictures.read(item)
            (item,) = autocast_list([item])
            if isinstance(item, Image.Image):
                item.load()
        except Unreadable as error:
            return error.reason
        except Exception as error:  # of the network, and all that Pillow raises for a damaged file
            return " ".join(str(error).split()) or type(error).__name__
        try:
            return LoadPilAndNumpy([in_bytes(item, self.pictures)], self.channels).im0[0]
        except (ValueError, TypeError) as error:
            raise InputError(f"source[{i}]: {error}") from None

    def _frames(self) -> Batch:
        """The next frames of the video in turn; none at its end, and then the next file is in turn."""
        path, batch = self.files[self.count], []
        if self.cap is None and not self._open(path):
            return []
        while len(batch) < self.bs:
            if not all(self.cap.grab() for _ in range(self.vid_stride)):
                self._end(path)
                break
            done, image = self.cap.retrieve()
            if done and image is not None:
                image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] if self.channels == 1 else image
                self.frame = self.cap.number
                of = max(self.frame, self.frames)  # the file's head may say anything
                said = f"video {self.count + 1}/{self.nf} (frame {self.frame}/{of}) {_text(path)}: "
                batch.append((path, image, said))
                self.numbers.append(self.frame)
        return batch

    def _open(self, path: str) -> bool:
        """Begin with a video; False, and the next file is in turn, where it cannot be opened."""
        try:
            self.open_video(path)
        except (FileNotFoundError, UnicodeEncodeError, cv2.error):
            self.leave_out(path, "the video cannot be opened")
            self.count += 1
            self.cap = None
            return False
        self.frames = int(self.cap.get(cv2.CAP_PROP_FRAME_COUNT))  # ultralytics counts only those it looks at
        self.cap = Frames(self.cap, path, self.unread)
        return True

    def _end(self, path: str) -> None:
        """Done with a video."""
        if not self.frame:
            self.leave_out(path, "no frame of the video can be decoded")
        self.close()
        self.cap = None
        self.count += 1

    def leave_out(self, path: str, why: str) -> None:
        """Say that a file is left out, and count it."""
        LOGGER.warning(f"{_text(path)} is left out: {why}")
        self.unread[path] += 1
        self.faults[path] = why

    def tell(self) -> None:
        """At the end, what was left out; InputError where that was everything."""
        self.unread = +self.unread
        if not self.unread:
            return
        first = [f"{_text(path)} ({self.faults.get(path, 'broken frames')})" for path in list(self.unread)[:FIRST]]
        shown = ", ".join([*first, *(["..."] if len(self.unread) > FIRST else [])])
        what = "pictures" if not any(self.video_flag) else "pictures and frames"
        if not self.seen:
            raise InputError(f"none of the {self.nf} {what} can be read: {shown}")
        left, of = self.unread.total(), self.seen + self.unread.total()
        LOGGER.warning(f"{left} of {of} {what} cannot be read and are left out: {shown}")


def tell_of(pictures: PictureReader, items: Sequence[Any]) -> None:
    """Let a reader see what pictures and arrays there are, and log what it says of them.

    Raises:
        InputError: nobody can tell how to read them.
    """
    for line in survey(pictures, [as_array(x, pictures) for x in pictures_of(items)]):
        LOGGER.info(line)


def _text(path: str) -> str:
    """A path to be shown: the bytes of a name that are no text as their numbers."""
    return path.encode("utf-8", "backslashreplace").decode()


def _name(item: Any, i: int) -> str:
    """The path of an item, or the name that its result gets."""
    return item if isinstance(item, str) else getattr(item, "filename", "") or f"image{i}.jpg"
